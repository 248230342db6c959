"""Samplers: Optuna's own draws, exactly resumable, without repetitions; one that is missing or fails is replaced."""

import contextlib
import logging
import sys
import warnings

import numpy as np
import optuna
import pytest
from scipy.stats import qmc

from supersoliton.config.scan import FALLBACKS, SAMPLERS, Range, ScanSettings
from supersoliton.sampling import samplers
from supersoliton.sampling.samplers import choose_parents_again, distributions, make_sampler, missing

DIRECTIONS = ["maximize"] * 3


def settings_of(name, **changes):
    parameters = {
        "norm": Range(1.0, 100.0, log=True),
        "b": Range(0.0, 1.0),
        "a": Range(-1.0, 1.0),
        "c": Range(0.0, 1.0),
    }
    return ScanSettings(**{"sampler": name, "population": 5, "parameters": parameters, **changes})


@pytest.fixture(autouse=True)
def quiet():
    with samplers.quiet_optuna():
        yield


def evaluate(point):
    """Three objectives at odds, one constraint that a third of the box violates and one that is always satisfied."""
    x = np.array([np.log10(point["norm"]) / 2, point["b"], point["a"], point["c"]])
    values = [-float(np.sum((x - centre) ** 2)) for centre in (0.2, 0.5, 0.8)]
    return values, {"tight": float(x[1] + x[3] - 1.2), "slack": -1.0}


def draw_trials(settings, trials, before=(), warned=None):
    """A scan in memory up to so many trials, which continues from the trials before it."""
    study = optuna.create_study(directions=DIRECTIONS)
    study.add_trials(before)
    choose_parents_again(study, settings)
    for number in range(len(before), trials):
        study.sampler = make_sampler(settings, number, warned)
        trial = study.ask(distributions(settings))
        values, constraints = evaluate(trial.params)
        for name, value in constraints.items():
            trial.set_constraint(name, value)
        study.tell(trial, values)
    return study.get_trials()


def points(trials):
    return [tuple(trial.params.values()) for trial in trials]


def skip_without(name):
    reason = missing(name)
    if reason:
        pytest.skip(reason)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("stop", [1, 4, 5, 6, 11, 13])
def test_a_resumed_scan_draws_what_an_unbroken_one_draws(name, stop):
    """Stops within the first generation, at its end and later, and before and after the tenth, when models begin."""
    skip_without(name)
    last = 14 if name in ("gp", "botorch") else 22
    unbroken = draw_trials(settings_of(name), last)
    resumed = draw_trials(settings_of(name), last, before=unbroken[:stop])
    assert points(resumed) == points(unbroken)


@pytest.mark.parametrize("name", SAMPLERS)
def test_points_asked_together_are_distinct(name):
    """A batch after a few finished trials, so that models and parents exist and all that runs is unknown to them."""
    skip_without(name)
    settings = settings_of(name)
    study = optuna.create_study(directions=DIRECTIONS)
    study.add_trials(draw_trials(settings, 12))
    choose_parents_again(study, settings)
    batch = 3 if name in ("gp", "botorch") else 60
    for number in range(12, 12 + batch):
        study.sampler = make_sampler(settings, number)
        study.ask(distributions(settings))
    drawn = points(study.get_trials())
    assert len(set(drawn)) == 12 + batch


def test_nsga2_alone_would_repeat_itself():
    """That the test above can fail: Optuna's own draws of the same batch contain points twice."""
    settings = settings_of("nsga2")
    study = optuna.create_study(directions=DIRECTIONS)
    study.add_trials(draw_trials(settings, 12))
    for number in range(12, 72):
        study.sampler = optuna.samplers.NSGAIISampler(population_size=5, seed=number)
        study.ask(distributions(settings))
    drawn = points(study.get_trials())
    assert len(set(drawn)) < 72


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("tpe", lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True)),
        ("nsga2", lambda seed: optuna.samplers.NSGAIISampler(population_size=5, seed=seed)),
        ("nsga3", lambda seed: optuna.samplers.NSGAIIISampler(population_size=5, seed=seed)),
        ("random", lambda seed: optuna.samplers.RandomSampler(seed=seed)),
    ],
)
def test_the_draws_are_optunas(name, make):
    """Each next point is the one that Optuna's sampler of this seed draws by itself, without anything of ours."""
    settings = settings_of(name)
    trials = draw_trials(settings, 12)
    # the second generation begins at 5; later ones read their parents back in the order in which they were chosen
    for number in (0, 3, 5) if name.startswith("nsga") else (0, 3, 10, 11):
        study = optuna.create_study(directions=DIRECTIONS)
        study.add_trials(trials[:number])
        seed = int(np.random.SeedSequence([settings.seed, number]).generate_state(1)[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.sampler = make(seed)
        assert study.ask(distributions(settings)).params == trials[number].params


def test_sobol_is_the_scrambled_sequence():
    """Against SciPy's sequence from its start: its first point too, and the logarithmic range."""
    settings = settings_of("sobol", seed=3)
    seed = int(np.random.SeedSequence([3]).generate_state(1)[0])
    unit = qmc.Sobol(4, scramble=True, seed=seed).random(8)
    expected = [(10 ** (2 * u[3]), u[1], 2 * u[0] - 1, u[2]) for u in unit]  # Optuna sorts the names
    assert np.allclose(points(draw_trials(settings, 8)), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["gp", "botorch"])
def test_a_missing_sampler_is_replaced_and_said_so_once(name, monkeypatch, caplog):
    monkeypatch.setattr(samplers, "EXTRAS", {name: (("no_such_package",), name)})
    with caplog.at_level(logging.WARNING, logger="supersoliton"):
        trials = draw_trials(settings_of(name), 12, warned=set())
    (record,) = caplog.records
    said = record.getMessage()
    assert said.startswith(f'the sampler "{name}" needs no-such-package, which is not installed')
    assert f"(pip install {samplers.EXTRAS[name][1]})" in said
    assert said.endswith('"nsga2" draws instead.')
    assert all(trial.user_attrs["drawn_by"].startswith("nsga2, as") for trial in trials)
    assert points(trials) == points(draw_trials(settings_of("nsga2"), 12))


@pytest.mark.parametrize("fallback", FALLBACKS)
def test_a_sampler_that_fails_in_the_middle_costs_no_trial(fallback, monkeypatch, caplog):
    """A sampler that raises at its eighth trial and later works again; resuming goes the same way."""

    class Failing(optuna.samplers.RandomSampler):
        def sample_relative(self, study, trial, search_space):
            if 7 <= len(study.trials) - 1 < 15:
                raise np.linalg.LinAlgError("not positive definite")
            return {}

    monkeypatch.setattr(samplers, "EXTRAS", {"botorch": ((), "botorch")})
    monkeypatch.setattr(samplers, "_botorch", lambda seed, _: Failing(seed=seed))
    monkeypatch.setattr(samplers, "_one_thread", contextlib.nullcontext)
    settings = settings_of("botorch", fallback=fallback)
    with caplog.at_level(logging.WARNING, logger="supersoliton"):
        trials = draw_trials(settings, 20, warned=set())
    (record,) = caplog.records
    assert "failed (LinAlgError: not positive definite)" in record.getMessage()
    by_fallback = [trial.number for trial in trials if "drawn_by" in trial.user_attrs]
    assert by_fallback == list(range(7, 15))
    assert all(trials[n].user_attrs["drawn_by"].startswith(f"{fallback}, as") for n in by_fallback)
    assert points(draw_trials(settings, 20, before=trials[:11])) == points(trials)


def test_a_model_sees_only_the_constraints_that_tell_trials_apart():
    trials = draw_trials(settings_of("random"), 12)
    assert {"tight", "slack"} == set(trials[0].constraints)
    study = optuna.create_study(directions=DIRECTIONS)
    study.add_trials(trials)
    new = study.ask(distributions(settings_of("random")))
    running = study.ask(distributions(settings_of("random")))
    copy, trial = samplers._with_violated_constraints(study, study.get_trials()[running.number])
    assert trial.params == {}
    assert trial.state is optuna.trial.TrialState.RUNNING
    seen = copy.get_trials()
    assert points(seen[:12]) == points(trials)
    assert [t.values for t in seen[:12]] == [t.values for t in trials]
    assert [t.constraints for t in seen[:12]] == [{"tight": t.constraints["tight"]} for t in trials]
    assert seen[12].params == new.params
    assert len(seen) == 14


def test_nothing_heavy_is_imported_for_the_plain_samplers():
    draw_trials(settings_of("tpe"), 11)
    if missing("gp"):
        assert "torch" not in sys.modules


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sampler": "cma"}, "scan.sampler must be one of tpe, .*'cma'"),
        ({"fallback": "gp"}, "scan.fallback must be one of tpe"),
    ],
)
def test_wrong_names_are_refused(change, words):
    with pytest.raises(ValueError, match=words):
        ScanSettings(**change)
