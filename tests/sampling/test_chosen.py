"""TPE on a part of the study: Optuna's own draws up to SHOWN trials; of more, the best and an even choice."""

import itertools
import random

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from supersoliton.config.scan import Range, ScanSettings
from supersoliton.sampling import chosen, samplers
from supersoliton.sampling.chosen import Choice
from supersoliton.sampling.pareto import hypervolume
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


def asked(study, number=None):
    study.sampler = make_sampler(SETTINGS, len(study.get_trials(deepcopy=False)) if number is None else number)
    return study.ask(SPACE)


def drawn(study, number=None):
    return asked(study, number).params


def asked_of_optuna(study):
    number = len(study.trials)
    seed = int(np.random.SeedSequence([SETTINGS.seed, number]).generate_state(1)[0])
    study.sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True)
    return study.ask(SPACE)


def chosen_of(study):
    return Choice(study.directions).of(study.get_trials(deepcopy=False))


@pytest.mark.parametrize("objectives", [1, 2, 3])
@pytest.mark.parametrize(("count", "violated"), [(30, 0.3), (120, 0.0), (120, 0.3), (120, 0.97), (350, 0.3)])
@pytest.mark.parametrize("running", [0, 5])
def test_up_to_so_many_trials_the_draws_are_optunas(objectives, count, violated, running):
    """With ties in everything, with trials that failed, with hardly a feasible one, and with others running."""
    trials = made(count, objectives, violated)
    assert drawn(study_of(trials, objectives, running)) == asked_of_optuna(study_of(trials, objectives, running)).params


def test_the_draws_stay_optunas_while_a_scan_runs():
    """Trials that end in another order than they began."""
    ours, optunas, rng = study_of([]), study_of([]), random.Random(0)
    running = []
    for _ in range(80):
        running.append((asked(ours), asked_of_optuna(optunas)))
        assert running[-1][0].params == running[-1][1].params
        if len(running) > 3:
            ended = running.pop(rng.randrange(4))
            values = values_of(ended[0].params, 3)
            for study, trial in zip((ours, optunas), ended, strict=True):
                trial.set_constraint("tight", values[1] - 0.4)
                study.tell(trial, values)


def better(one, other, signs):
    """Whether a trial beats another, by the definition of TPE: feasible first, then by dominance or by violation."""
    violated = [sum(max(value, 0.0) for value in trial.constraints.values()) for trial in (one, other)]
    if violated[0] or violated[1]:
        return violated[0] < violated[1]
    a, b = (np.array(trial.values) * signs for trial in (one, other))
    return bool((a >= b).all() and (a > b).any())


@pytest.mark.parametrize("objectives", [1, 2, 3])
@pytest.mark.parametrize("violated", [0.3, 0.97])
def test_of_more_trials_the_best_are_shown(objectives, violated, monkeypatch):
    """Fronts counted out of all trials, one after another, until they hold as many as TPE calls good."""
    monkeypatch.setattr(chosen, "SHOWN", 150)
    monkeypatch.setattr(chosen, "good_of", lambda *_: 15)
    study = study_of(made(300, objectives, violated), objectives)
    signs = np.array([1.0, -1.0, 1.0][:objectives])
    left = [trial for trial in study.trials if trial.state is TrialState.COMPLETE]
    before, front = [], []
    while len(before) + len(front) < 15:
        before += front
        front = [trial for trial in left if not any(better(other, trial, signs) for other in left)]
        left = [trial for trial in left if trial not in front]
    shown = chosen_of(study)
    assert len(shown) == 150
    # TPE takes the completed ones for the good tenth, and these are all fronts that fit and a part of the next
    good = {trial.number for trial in shown if trial.state is TrialState.COMPLETE}
    assert len(good) == 15
    assert {trial.number for trial in before} <= good <= {trial.number for trial in before + front}
    assert {trial.number for trial in shown} & {trial.number for trial in left}


def test_of_a_long_front_some_are_shown(monkeypatch):
    monkeypatch.setattr(chosen, "SHOWN", 100)
    monkeypatch.setattr(chosen, "_FRONT", 15)
    study = study_of(made(500))
    front = {trial.number for trial in study.best_trials}
    shown = chosen_of(study)
    good = {trial.number for trial in shown if trial.state is TrialState.COMPLETE}
    assert len(front) > 15
    assert good < front
    assert (len(good), len(shown)) == (10, 100)


def test_the_part_of_a_front_has_the_largest_hypervolume(monkeypatch):
    """At least 1 - 1/e of the largest there is, which a greedy choice guarantees; among all parts of 3 of 20."""
    monkeypatch.setattr(chosen, "SHOWN", 100)
    monkeypatch.setattr(chosen, "good_of", lambda *_: 3)
    study = study_of(made(500))
    monkeypatch.setattr(chosen, "_FRONT", 20)
    choice = Choice(study.directions)
    shown = choice.of(study.get_trials(deepcopy=False))
    signs = np.array([1.0, -1.0, 1.0])
    values = {trial.number: np.array(trial.values) * signs for trial in study.best_trials}
    members = choice._part[0]
    losses = -np.array([values[number] for number in members])
    worst = losses.max(axis=0)
    reference = np.maximum(1.1 * worst, 0.9 * worst)

    def volume(part):
        return hypervolume(np.array([reference + values[number] for number in part]))

    best = max(volume(part) for part in itertools.combinations(members, 3))
    good = [trial.number for trial in shown if trial.state is TrialState.COMPLETE]
    assert volume(good) >= (1 - np.exp(-1)) * best
    assert volume(good) >= 0.9 * best  # as it turns out


def test_the_others_are_spread_over_the_whole_study(monkeypatch):
    monkeypatch.setattr(chosen, "SHOWN", 100)
    monkeypatch.setattr(chosen, "good_of", lambda *_: 1)
    others = [trial for trial in chosen_of(study_of(made(1000))) if trial.state is TrialState.PRUNED]
    gaps = np.diff([0, *(trial.number for trial in others), 999])
    assert len(gaps) == 100
    assert 0 < min(gaps) <= max(gaps) < 35  # 10 on average; of as many drawn by lot the widest is 50 on average


def test_hardly_one_of_the_shown_changes_with_one_more_trial(monkeypatch):
    """Else the densities would flicker from ask to ask."""
    monkeypatch.setattr(chosen, "SHOWN", 100)
    trials = made(400)
    before, after = ({t.number for t in chosen_of(study_of(trials[:count]))} for count in (399, 400))
    assert len(before) == len(after) == 100
    assert len(before - after) <= 2


def test_all_that_run_are_shown(monkeypatch):
    monkeypatch.setattr(chosen, "SHOWN", 50)
    shown = chosen_of(study_of(made(100), running=7))
    assert [trial.number for trial in shown if trial.state is TrialState.RUNNING] == list(range(100, 107))
    assert len(shown) == 50 + 7


def continued(trials, before=()):
    """A scan in memory with one worker, which continues from the trials before it."""
    study = study_of(before)
    for number in range(len(before), trials):
        trial = asked(study, number)
        trial.set_constraint("tight", trial.params["b"] - 0.7)
        study.tell(trial, values_of(trial.params, 3, digits=12))
    return study.trials


@pytest.mark.parametrize("stop", [49, 50, 51, 67])
def test_a_resumed_scan_draws_what_an_uninterrupted_one_draws(stop, monkeypatch):
    """Stops around the number from which a part is shown, and later."""
    monkeypatch.setattr(chosen, "SHOWN", 50)
    uninterrupted = continued(90)
    resumed = continued(90, before=uninterrupted[:stop])
    assert [trial.params for trial in resumed] == [trial.params for trial in uninterrupted]
    monkeypatch.setattr(chosen, "SHOWN", 1000)
    assert [trial.params for trial in continued(90)] != [trial.params for trial in uninterrupted]


def test_what_is_drawn_does_not_depend_on_which_ended_first(monkeypatch):
    """One study reads its trials as they end, another finds them all, as a driver does that takes over."""
    monkeypatch.setattr(chosen, "SHOWN", 50)
    trials = [trial for trial in made(90) if trial.state is TrialState.COMPLETE]
    found = study_of(trials)
    read = optuna.create_study(directions=found.directions)
    begun = []
    for trial in trials:
        read.enqueue_trial(trial.params)
        begun.append(read.ask(SPACE))
    for count, number in enumerate(random.Random(0).sample(range(len(trials)), len(trials))):
        for name, value in trials[number].constraints.items():
            begun[number].set_constraint(name, value)
        read.tell(begun[number], trials[number].values)
        if count % 9 == 0:
            make_sampler(SETTINGS, 0).sample_relative(read, read.trials[0], SPACE)
    assert drawn(read) == drawn(found)


def test_late_draws_keep_to_the_constraint(monkeypatch):
    """The objective pulls b to 1 and the constraint holds it at 1/2, also where a quarter of the trials is shown."""
    monkeypatch.setattr(chosen, "SHOWN", 50)

    def reached(constrained):
        study = optuna.create_study(directions=["maximize"] * 3)
        for number in range(200):
            trial = asked(study, number)
            b = trial.params["b"]
            if constrained:
                trial.set_constraint("tight", b - 0.5)
            study.tell(trial, [b, b, b])
        return np.mean([trial.params["b"] for trial in study.trials[-60:]])

    assert reached(constrained=True) < 0.6 < 0.75 < reached(constrained=False)


def test_the_sampler_sees_no_more_than_so_many():
    """What makes an ask cost the same at any number of trials."""
    study = study_of(made(2000))
    shown = chosen.study_of_chosen(study).get_trials(deepcopy=False)
    assert len(shown) == chosen.SHOWN
    assert shown[0].params is study.get_trials(deepcopy=False)[shown[0].number].params  # shared, not copied
