"""What a trial violates reaches every sampler that can use it, from the evaluation on, and is heeded there."""

import contextlib
import sys
import types

import numpy as np
import optuna
import pytest
from small_scan import run_small

from supersoliton.config.scan import Range, ScanSettings
from supersoliton.sampling import samplers
from supersoliton.sampling.samplers import distributions, make_sampler, missing

SAMPLERS = ("tpe", "nsga2", "nsga3", "gp", "botorch")
# Some of these points have delocalised states.
WIDE = {"g": [0.3, 0.7], "norm": {"low": 20, "high": 900, "log": True}}
CERTIFIED = {"converged", "localised", "resolved", "stable", "scored"}
PRECHECKS = {"vacuum_stable", "amplitude", "finite_energy", "higgs_mean"}


@pytest.fixture(autouse=True)
def quiet():
    with samplers.quiet_optuna():
        yield


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_constraint_of_an_evaluation_reaches_the_sampler(name, tmp_path, monkeypatch):
    """Of a real scan, the second half of it resumed: what Optuna's sampler finds in the study when it is asked.

    For TPE what its trials are chosen and ranked by: it is told which are good, and no constraints.
    """
    seen, absent, make, choose = [], missing(name), samplers._optunas, samplers.study_of_chosen

    def note(study):
        done = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
        seen.append([dict(one.constraints) for one in done])

    def chosen(study):
        note(study)
        return choose(study)

    def spied(*arguments):
        # what is not installed is handed the very same, and draws at random
        sampler = make("random" if absent and arguments[0] == name else arguments[0], *arguments[1:])
        true = sampler.sample_relative

        def sample_relative(study, trial, space):
            note(study)
            return true(study, trial, space)

        sampler.sample_relative = sample_relative
        return sampler

    with monkeypatch.context() as patch:
        patch.setattr(samplers, "_optunas", spied)
        patch.setattr(samplers, "study_of_chosen", chosen)
        if absent:
            patch.setattr(samplers, "EXTRAS", {name: ((), "")})
            patch.setattr(samplers, "missing", lambda name: None)
            patch.setattr(samplers, "_one_thread", contextlib.nullcontext)
        run_small(tmp_path, tmp_path / "run", trials=3, sampler=name, population=2, parameters=WIDE)
        result = run_small(tmp_path, tmp_path / "run", trials=7, sampler=name, population=2, parameters=WIDE)
    recorded = [trial.constraints for trial in result.study.trials]
    assert all(set(constraints) >= CERTIFIED | PRECHECKS for constraints in recorded)
    violated = {key for constraints in recorded[:6] for key, value in constraints.items() if value > 0}
    assert violated
    assert not any("drawn_by" in trial.user_attrs for trial in result.study.trials)
    # a Gaussian process is given those that tell the trials apart
    known = violated if name in ("gp", "botorch") else set(recorded[0])
    expected = [{key: value for key, value in one.items() if key in known} for one in recorded[:6]]
    assert seen[-1] == expected


@pytest.mark.parametrize("name", SAMPLERS)
def test_late_draws_keep_to_the_constraint(name):
    """The objective pulls b + c to 2 and the constraint holds it at 1: late draws keep to it.

    To 1.6 where a Gaussian process draws: in the corner it would find the best point at once, and no other.
    """
    reason = missing(name)
    if reason:
        pytest.skip(reason)
    modelled = name in ("gp", "botorch")
    last, best = (16, 1.6) if modelled else (150, 2.0)
    names = "bc" if modelled else "abcd"
    parameters = {name: Range(0.0, 1.0) for name in names}
    settings = ScanSettings(sampler=name, objectives=("fractal_score",), population=10, parameters=parameters)

    def reached(constrained):
        study = optuna.create_study(directions=["maximize"])
        for number in range(last):
            study.sampler = make_sampler(settings, number)
            trial = study.ask(distributions(settings))
            total = trial.params["b"] + trial.params["c"]
            trial.set_constraint("slack", -1.0)
            if constrained:
                trial.set_constraint("tight", total - 1.0)
            study.tell(trial, -((total - best) ** 2))
        assert not any("drawn_by" in trial.user_attrs for trial in study.trials)
        return np.mean([trial.params["b"] + trial.params["c"] for trial in study.trials[-last // 3 :]])

    assert reached(constrained=True) < 1.2 < 1.4 < reached(constrained=False)


@pytest.mark.parametrize("objectives", [1, 3])
def test_botorch_is_made_for_its_objectives(objectives, monkeypatch):
    """ParEGO weighs several and raises on one. A stand-in for the package where it is not installed."""
    if missing("botorch"):

        def parego():
            raise AssertionError

        class Made(optuna.samplers.RandomSampler):
            def __init__(self, *, seed, candidates_func, consider_running_trials):
                assert 0 <= seed < 2**31  # as torch wants it
                assert consider_running_trials
                self._candidates_func = candidates_func

        package, inner = types.ModuleType("optuna_integration"), types.ModuleType("optuna_integration.botorch")
        package.BoTorchSampler, inner.qlogei_parego_candidates_func = Made, parego
        monkeypatch.setitem(sys.modules, package.__name__, package)
        monkeypatch.setitem(sys.modules, inner.__name__, inner)
    settings = ScanSettings(sampler="botorch", objectives=("fractal_score", "hierarchy", "regularity")[:objectives])
    sampler = samplers._optunas("botorch", settings, number=2**40)
    if objectives == 1:
        assert sampler._candidates_func is None
    else:
        assert "parego" in sampler._candidates_func.__name__


def test_gp_is_made_without_its_packages():
    """They are wanted when it is asked for a point, and missed before that: see `missing`."""
    assert isinstance(samplers._optunas("gp", ScanSettings(sampler="gp"), 3), optuna.samplers.GPSampler)
