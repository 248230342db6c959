"""TPE that sees a part of the study: Optuna's own draws up to SHOWN trials; of more, the best and an even choice."""

import random

import numpy as np
import optuna
import pytest
from optuna.samplers._tpe.sampler import _split_trials
from optuna.trial import TrialState

from supersoliton.config.scan import Range, ScanSettings
from supersoliton.sampling import samplers, tpe
from supersoliton.sampling.samplers import distributions, make_sampler

SETTINGS = ScanSettings(
    sampler="tpe", parameters={"norm": Range(1.0, 100.0, log=True), "b": Range(0.0, 1.0), "a": Range(-1.0, 1.0)}
)
SPACE = distributions(SETTINGS)


@pytest.fixture(autouse=True)
def quiet():
    with samplers.quiet_optuna():
        yield


def a_point(rng):
    return {"norm": float(100.0 ** rng.random()), "b": float(rng.random()), "a": float(rng.uniform(-1.0, 1.0))}


def values_of(point, objectives, digits=2):
    """Distances from three points; few digits, so that trials tie and some are the same in everything."""
    x = np.array([np.log10(point["norm"]) / 2, point["b"], point["a"]])
    wanted = ((0.2, -1), (0.5, 1), (0.8, -1))[:objectives]
    return [sign * round(float(np.sum((x - centre) ** 2)), digits) for centre, sign in wanted]


def made(count, objectives=3, violated=0.3, seed=0):
    """Trials at random points: completed ones of which some violate a constraint, and some that failed."""
    rng, trials = np.random.default_rng(seed), []
    for _ in range(count):
        point, chance = a_point(rng), rng.random()
        if chance < 0.05:
            trials.append(optuna.create_trial(state=TrialState.FAIL, params=point, distributions=SPACE))
            continue
        tight = round(float(rng.uniform(violated - 1.0, violated)), 1)
        constraints = {"tight": tight, "slack": -1.0, "other": 0.1 if chance > 0.97 and violated else 0.0}
        values = values_of(point, objectives)
        trials.append(
            optuna.create_trial(params=point, distributions=SPACE, values=values, constraints=constraints)
        )  # fmt: skip
    return trials


def study_of(trials, objectives=3, running=0, seed=1):
    study = optuna.create_study(directions=["maximize", "minimize", "maximize"][:objectives])
    study.add_trials(trials)
    rng = np.random.default_rng(seed)
    study.add_trials(
        optuna.create_trial(state=TrialState.RUNNING, params=a_point(rng), distributions=SPACE) for _ in range(running)
    )
    return study


def drawn(study, number=None):
    study.sampler = make_sampler(SETTINGS, len(study.get_trials(deepcopy=False)) if number is None else number)
    return study.ask(SPACE).params


def what_optuna_draws(study):
    number = len(study.trials)
    seed = int(np.random.SeedSequence([SETTINGS.seed, number]).generate_state(1)[0])
    study.sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True)
    return study.ask(SPACE).params


@pytest.mark.parametrize("objectives", [1, 2, 3])
@pytest.mark.parametrize(("count", "violated"), [(30, 0.3), (120, 0.0), (120, 0.3), (120, 0.97), (350, 0.3)])
@pytest.mark.parametrize("running", [0, 5])
def test_up_to_so_many_trials_the_draws_are_optunas(objectives, count, violated, running):
    """With ties in everything, with trials that failed, with hardly a feasible one, and with others running."""
    trials = made(count, objectives, violated)
    assert drawn(study_of(trials, objectives, running)) == what_optuna_draws(study_of(trials, objectives, running))


def test_the_draws_stay_optunas_while_a_scan_goes_on():
    """What is kept from ask to ask is what would be found anew: fronts that change, and trials that end out of turn."""
    ours, optunas, rng = study_of([]), study_of([]), random.Random(0)
    open_numbers = []
    for number in range(80):
        point = drawn(ours)
        assert point == what_optuna_draws(optunas)
        open_numbers.append(number)
        if len(open_numbers) > 3:
            ended = open_numbers.pop(rng.randrange(4))
            values = values_of(ours.trials[ended].params, 3)
            for study in (ours, optunas):
                study._storage.set_trial_system_attr(ended, "constraints:tight", values[1] - 0.4)
                study.tell(ended, values)


@pytest.mark.parametrize("objectives", [1, 2, 3])
@pytest.mark.parametrize("violated", [0.3, 0.97])
def test_of_more_trials_the_best_are_shown(objectives, violated, monkeypatch):
    """The good ones are those that Optuna itself sorts out of all trials, to the last tie."""
    monkeypatch.setattr(tpe, "SHOWN", 150)
    trials = made(300, objectives, violated)
    study = study_of(trials, objectives)
    completed = [trial for trial in study.trials if trial.state is TrialState.COMPLETE]
    good, others = _split_trials(study, completed, 15)
    history = history_of(study)
    assert history.good(150) == {trial.number for trial in good}
    assert set(history.others(150, history.good(150))) < {trial.number for trial in others}
    assert [len(points) for points in history.split(beside=-1)] == [15, 135]


def test_of_a_long_front_some_are_shown(monkeypatch):
    """Which changes little else: they are of the front, and the front itself is still that of all."""
    monkeypatch.setattr(tpe, "SHOWN", 14)
    monkeypatch.setattr(tpe, "_FRONT", 5)
    sorted_out = []
    true = tpe._solve_hssp
    monkeypatch.setattr(tpe, "_solve_hssp", lambda losses, *rest: sorted_out.append(len(losses)) or true(losses, *rest))
    study = study_of(made(500))
    front = {trial.number for trial in study.best_trials}
    good = history_of(study).good(14)
    assert len(good) == 2
    assert len(front) > 14
    assert good < front
    assert sorted_out == [5]


def history_of(study):
    history = tpe._History(study.directions, SPACE)
    history.read(study.get_trials(deepcopy=False))
    return history


def test_the_others_are_spread_over_the_whole_study():
    history = history_of(study_of(made(1000)))
    gaps = np.diff([0, *sorted(history.others(100, history.good(100))), 999])
    assert len(gaps) == 91
    assert max(gaps) < 35  # 11 on average; of as many drawn by lot the widest is 50 on average


def test_hardly_one_of_the_shown_changes_with_one_more_trial():
    """Else the densities would flicker from ask to ask."""
    trials = made(400)
    histories = [history_of(study_of(trials[:count])) for count in (399, 400)]
    before, after = (history.good(100) | set(history.others(100, history.good(100))) for history in histories)
    assert len(before) == len(after) == 100
    assert len(before - after) <= 2


def test_all_that_run_are_shown(monkeypatch):
    monkeypatch.setattr(tpe, "SHOWN", 30)
    study = study_of(made(100), running=7)
    _, others = history_of(study).split(beside=103)
    expected = [[study.trials[number].params[name] for name in SPACE] for number in (100, 101, 102, 104, 105, 106)]
    assert len(others) == 27 + 6
    assert others[-6:].tolist() == expected


def go_on(trials, before=()):
    """A scan in memory with one worker, which continues from the trials before it."""
    study = study_of(before)
    for number in range(len(before), trials):
        point = drawn(study, number)
        study._storage.set_trial_system_attr(number, "constraints:tight", point["b"] - 0.7)
        study.tell(number, values_of(point, 3, digits=12))
    return study.trials


@pytest.mark.parametrize("stop", [29, 30, 31, 47])
def test_a_resumed_scan_draws_what_an_unbroken_one_draws(stop, monkeypatch):
    """Stops around the number from which a part is shown, and later."""
    monkeypatch.setattr(tpe, "SHOWN", 30)
    unbroken = go_on(70)
    resumed = go_on(70, before=unbroken[:stop])
    assert [trial.params for trial in resumed] == [trial.params for trial in unbroken]
    monkeypatch.setattr(tpe, "SHOWN", 1000)
    assert [trial.params for trial in go_on(70)] != [trial.params for trial in unbroken]


def test_what_is_drawn_does_not_depend_on_which_ended_first(monkeypatch):
    """One study reads its trials as they end, another finds them all, as a driver does that takes over."""
    monkeypatch.setattr(tpe, "SHOWN", 20)
    trials = made(60)
    found = study_of(trials)
    read = optuna.create_study(directions=found.directions)
    for trial in trials:
        read._storage.create_new_trial(
            read._study_id,
            optuna.create_trial(state=TrialState.RUNNING, params=trial.params, distributions=SPACE),
        )
    for count, number in enumerate(random.Random(0).sample(range(60), 60)):
        for name, value in trials[number].system_attrs.items():
            read._storage.set_trial_system_attr(number, name, value)
        read._storage.set_trial_state_values(number, trials[number].state, trials[number].values)
        if count % 9 == 0:
            make_sampler(SETTINGS, 0).sample_relative(read, read.trials[0], SPACE)
    assert drawn(read) == drawn(found)


def test_late_draws_keep_to_the_constraint(monkeypatch):
    """The objective pulls b to 1 and the constraint holds it at 1/2, also where a tenth of the trials is shown."""
    monkeypatch.setattr(tpe, "SHOWN", 30)

    def reached(constrained):
        study = optuna.create_study(directions=["maximize"] * 3)
        for number in range(200):
            b = drawn(study, number)["b"]
            if constrained:
                study._storage.set_trial_system_attr(number, "constraints:tight", b - 0.5)
            study.tell(number, [b, b, b])
        return np.mean([trial.params["b"] for trial in study.trials[-60:]])

    assert reached(constrained=True) < 0.6 < 0.75 < reached(constrained=False)


def test_no_more_than_so_many_are_fitted(monkeypatch):
    """What makes an ask cost the same at any number of trials."""
    seen = []
    true = tpe.ThinnedTPE._density

    def counting(self, space, rows, weights=None):
        seen.append(len(rows))
        return true(self, space, rows, weights)

    monkeypatch.setattr(tpe.ThinnedTPE, "_density", counting)
    drawn(study_of(made(2000)))
    assert seen == [tpe.SHOWN // 10, tpe.SHOWN - tpe.SHOWN // 10]
