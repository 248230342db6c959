"""Whole trainings: interrupted and resumed, in one process and in several, killed, and refused."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from small_training import load_small, write_file

import supersoliton as ss
from supersoliton.guesses.trained.carriers import carriers_of
from supersoliton.guesses.trained.library import read_library
from supersoliton.training.pretraining import pretrain
from waiting import wait_until


def arrays_of(path):
    with np.load(path, allow_pickle=False) as data:
        return {name: data[name] for name in data.files if name != "header"}, json.loads(data["header"].tobytes())


def assert_same(one, other):
    """The same bits, except for the times and the paths."""
    (arrays, header), (others, header_) = arrays_of(one), arrays_of(other)
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        assert array.dtype == others[name].dtype
        assert array.tobytes() == others[name].tobytes(), name
    for h in (header, header_):
        h["record"] = {name: value for name, value in h["record"].items() if name not in ("seconds", "file")}
    assert header == header_


@pytest.mark.parametrize("tasks", [13, *(pytest.param(n, marks=pytest.mark.nightly) for n in (1, 7, 11, 16, 21))])
def test_interrupted_and_resumed_is_uninterrupted(trained, tmp_path, tasks):
    config = load_small(tmp_path)
    assert pretrain(config, stop_after=tasks) is None
    draft = tmp_path / "warm_start.training.npz"
    assert draft.exists()
    assert not (tmp_path / "warm_start.npz").exists()
    assert pretrain(config) is not None
    assert_same(trained, tmp_path / "warm_start.npz")
    assert not draft.exists()


@pytest.mark.nightly
def test_stopped_after_every_task_is_uninterrupted(trained, tmp_path):
    config = load_small(tmp_path)
    for _ in range(200):
        if pretrain(config, stop_after=1) is not None:
            break
    assert_same(trained, tmp_path / "warm_start.npz")


@pytest.mark.nightly
def test_two_workers_train_the_same(trained, tmp_path):
    pretrain(load_small(tmp_path), workers=2)
    assert_same(trained, tmp_path / "warm_start.npz")


@pytest.mark.nightly
def test_killed_and_given_again(trained, tmp_path):
    """The command is killed with kill -9; run again, it resumes and writes the same file."""
    file = write_file(tmp_path)
    command = [sys.executable, "-m", "supersoliton", "pretrain", str(file), "--quiet"]
    process = subprocess.Popen(command, cwd=tmp_path)
    draft = tmp_path / "warm_start.training.npz"
    wait_until(draft.exists, process)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert read_library(draft, training=True).record["unfinished"]["searched"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert_same(trained, tmp_path / "warm_start.npz")


def test_unfinished_work_of_other_settings_is_refused(tmp_path):
    pretrain(load_small(tmp_path), stop_after=2)
    before = (tmp_path / "warm_start.training.npz").read_bytes()
    for other, word in (
        ({"points": 11}, "points"),
        ({"seed": 1}, "seed"),
        ({"scan": {"parameters": {"g": [0.5, 0.7]}}}, "box"),
    ):
        with pytest.raises(ValueError, match=f"was begun with {word} = "):
            pretrain(load_small(tmp_path, **other))
    assert (tmp_path / "warm_start.training.npz").read_bytes() == before


def test_every_state_is_a_certified_one_of_its_branch(library, config):
    for branch, model in library.models.items():
        assert len(model.x) <= config.warm_start.seeds
        for x, coefficients in zip(model.x[:2], model.coefficients[:2], strict=True):
            problem = config.problem_at(library.box.point(x))
            state = ss.solve(problem, guess=problem.vacuum.values + model.basis.expand(coefficients))
            assert state.certificate.certified
            assert carriers_of(problem, state.u) == branch
            away = model.basis.project(state.u - problem.vacuum.values) - coefficients
            assert np.linalg.norm(away) < 1e-5 * np.linalg.norm(coefficients)


def test_shares_are_those_of_the_search(library):
    shares = [model.share for model in library.models.values()]
    assert 0.5 < sum(shares) <= 1.0 + 1e-12
    assert library.record["search_steps"] > 3.0


def test_nothing_to_train_is_refused(tmp_path):
    config = load_small(tmp_path)
    with pytest.raises(ValueError, match="no table"):
        pretrain(_without(config))
    with pytest.raises(ValueError, match="cannot write"):
        pretrain(config.with_warm_start(checkpoint="/proc/nowhere/warm_start.npz"))


def _without(config):
    import dataclasses

    return dataclasses.replace(config, warm_start=None)
