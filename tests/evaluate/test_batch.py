"""A batch of evaluations on a device equals the evaluations one by one, to 1e-10."""

import logging
import math
from pathlib import Path

import numpy as np
import pytest

import supersoliton as ss
from supersoliton.config import loads, read
from supersoliton.elements.eigenvalues import all_eigenvalues
from supersoliton.evaluate.batch import evaluate_batch, evaluate_tasks
from supersoliton.evaluate.evaluation import evaluate
from supersoliton.fluctuations.spectrum import spectrum
from supersoliton.machine import batching, devices
from supersoliton.problem import second_variation
from supersoliton.scans.execution.device_batches import make_batches
from supersoliton.scans.record.heartbeat import last_beat

EXAMPLES = Path(__file__).parents[2] / "examples"
# As many elements as in quickstart, at the radii of hierarchy's states: one shape of every kernel for all tests, whose
# main cost is compilation.
COMPACT = (0.0, 1.0, 2.0, 3.0, 4.5, 7.0, 11.0, 17.0, 25.0)
TOLERANCE = 1e-10
# Numbers that are relative errors at rounding level: compared absolutely.
ERRORS = {"residual", "discretisation", "virial", "translation_mode", "boundary_fraction"}


def points_of(cfg, count, seed=1):
    rng = np.random.default_rng(seed)
    return [cfg.scan.sample(rng) for _ in range(count)]


def assert_same(one, other):
    """Every number that a trial records; those of a state also at the nodes."""
    assert (one.point, one.kind, one.status, one.feasible) == (other.point, other.kind, other.status, other.feasible)
    assert one.reasons == other.reasons
    assert set(one.values) == set(other.values)
    for name, value in one.values.items():
        scale = 1.0 if name in ERRORS else max(abs(value), 1e-3)
        assert math.isnan(value) == math.isnan(other.values[name]), name
        assert not abs(value - other.values[name]) > TOLERANCE * scale, name
    for name, value in one.constraints.items():
        # "resolved" is the logarithm of an error at rounding
        assert other.constraints[name] == pytest.approx(value, abs=3.0 if name == "resolved" else 1e-9), name
    for name, levels in one.spectra.items():
        assert other.spectra[name] == pytest.approx(levels, rel=TOLERANCE, abs=TOLERANCE), name
    if one.state is not None:
        fields, again = np.abs(one.state.u), np.abs(other.state.u)  # u and -u are the same state
        assert again == pytest.approx(fields, abs=1e-8)
        assert other.state.certificate.kind == one.state.certificate.kind


def config(example, **scan):
    tables = read(EXAMPLES / f"{example}.toml")
    if example == "hierarchy":
        tables["grid"]["edges"] = list(COMPACT)
    tables["score"] = {"null_samples": 20}
    tables["scan"] |= {"device": "cpu", **scan}
    return loads(tables)


@pytest.fixture(scope="module")
def quickstart():
    return config("quickstart")


@pytest.mark.parametrize("example", ["quickstart", "hierarchy"])
def test_a_batch_is_its_evaluations_one_by_one(example):
    cfg = config(example)
    points = points_of(cfg, 4)
    together, report = evaluate_tasks(cfg, points, device="cpu")
    for point, found in zip(points, together, strict=True):
        assert "host" not in found.seconds, "evaluated in the batch, not by falling back"
        assert_same(evaluate(cfg, point), found)
    # Kernels are shared: far fewer calls than requests by tasks.
    assert report.tasks["eigenvalues"] == 8
    assert report.tasks["newton"] >= 8
    assert all(report.calls[name] <= 0.75 * report.tasks[name] for name in ("newton", "factor", "eigenvalues"))
    assert sum(found.seconds["total"] for found in together) == pytest.approx(report.total, rel=0.2)


def test_box_modes_of_the_whole_basis_on_request(quickstart):
    """spectrum(fast=False) in tasks; matrices are padded to a common size, which must not change results."""
    states = [evaluate(quickstart, point).state for point in points_of(quickstart, 3)]
    found, errors, report = batching.run([lambda s=s: spectrum(s, n_modes=100, ell=1) for s in states])
    assert errors == [None] * 3
    assert (report.calls["eigenvalues"], report.tasks["eigenvalues"]) == (1, 3)
    for state, modes in zip(states, found, strict=True):
        alone = spectrum(state, n_modes=100, ell=1)
        assert modes.eigenvalues == pytest.approx(alone.eigenvalues, rel=TOLERANCE, abs=TOLERANCE)
        assert len(modes.bound) == len(alone.bound)


def test_any_number_of_points_in_their_order(quickstart):
    points = points_of(quickstart, 3, seed=2)
    found = evaluate_batch(quickstart, points)
    assert [evaluation.point for evaluation in found] == points
    for evaluation in found:
        assert_same(evaluate(quickstart, evaluation.point), evaluation)
    assert evaluate_batch(quickstart, []) == []


def test_a_task_that_fails_is_evaluated_again_on_the_host(quickstart, caplog, monkeypatch):
    """The inertia of one task is made uncertain: the others are not affected."""
    points = points_of(quickstart, 3)
    count = second_variation.negative

    def doubtful(factors):
        if isinstance(factors, batching.DeviceArray) and factors.index == 1:
            raise ArithmeticError("the inertia is in doubt")
        return count(factors)

    monkeypatch.setattr(second_variation, "negative", doubtful)
    with caplog.at_level(logging.WARNING):
        found = evaluate_batch(quickstart, points)
    again = [evaluation for evaluation in found if "host" in evaluation.seconds]
    assert 0 < len(again) < 3
    assert caplog.text.count("the inertia is in doubt") == len(again)
    for evaluation in found:
        assert_same(evaluate(quickstart, evaluation.point), evaluation)


def test_an_invalid_point_is_refused_as_alone(quickstart):
    with pytest.raises(ValueError, match="has no coupling"):
        evaluate_batch(quickstart, [{"g": 0.6, "norm": 100.0}, {"no_such": 1.0}])


def test_a_device_has_one_of_four_names_and_must_exist(quickstart):
    with pytest.raises(ValueError, match='device must be one of auto, cpu, gpu, tpu, got "abacus"'):
        evaluate_batch(quickstart, points_of(quickstart, 1), device="abacus")
    with pytest.raises(ValueError, match=r'device must be one of .*, got "cuda"'):
        config("quickstart", device="cuda")
    with pytest.raises(ValueError, match=r"batch must be a whole number"):
        config("quickstart", batch=-1)
    with pytest.raises(ValueError, match=r'batch = 4 excludes scan.executor = "processes"'):
        config("quickstart", batch=4, executor="processes")
    assert devices.find("cpu").platform == "cpu"
    assert not devices.is_accelerator(devices.find("cpu"))
    assert "cpu" in devices.describe_devices()
    missing = [name for name in ("gpu", "tpu") if not _has(name)]
    for name in missing:
        with pytest.raises(ValueError, match=f'device "{name}": JAX finds no such device'):
            devices.find(name)


def _has(platform):
    try:
        return bool(devices.find(platform))
    except ValueError:
        return False


@pytest.mark.parametrize("size", [1, 5, 64, 65])
def test_padding_a_matrix_does_not_change_its_eigenvalues(size):
    rng = np.random.default_rng(size)
    matrix = rng.normal(size=(size, size))
    matrix = matrix + matrix.T
    exact = np.linalg.eigvalsh(matrix)
    (found,), (error,), _ = batching.run([lambda: all_eigenvalues(matrix.copy())])
    assert error is None
    assert found == pytest.approx(exact, abs=1e-12 * np.abs(exact).max())


def test_a_scan_in_batches_records_what_evaluate_finds(quickstart, tmp_path):
    """Its heartbeat names the device."""
    cfg = config("quickstart", batch=4, sampler="random", trials=4)
    result = ss.scan(cfg, out=tmp_path, quiet=True)
    assert (result.finished, sum(result.counts.values())) == (4, 4)
    for trial in result.study.trials:
        alone = evaluate(cfg, trial.params)
        assert trial.user_attrs["kind"] == alone.kind
        assert trial.values == pytest.approx([alone.values[name] for name in result.objectives], rel=TOLERANCE)
    where = last_beat(tmp_path / "heartbeat.log").where
    assert f"devices {devices.describe_devices()}, batches of 4 on cpu:0" in where


def test_without_an_accelerator_processes_stay_the_default(quickstart, tmp_path):
    assert make_batches(quickstart, tmp_path) is None
    batches = make_batches(config("quickstart", batch=7), tmp_path)
    assert batches.room == 7


@pytest.mark.skipif("gpu" in devices.describe_devices(), reason="there is a GPU")
def test_a_scan_on_a_device_that_is_not_there_writes_nothing(quickstart, tmp_path):
    with pytest.raises(ValueError, match='device "gpu": JAX finds no such device'):
        ss.scan(quickstart, out=tmp_path / "run", device="gpu", quiet=True)
    assert not (tmp_path / "run").exists()


def test_couplings_without_a_vacuum_have_the_same_words_in_a_batch(quickstart):
    """V is unbounded below in the Higgs direction: there is nothing to solve, in a batch or alone."""
    tables = quickstart.to_dict()
    tables["model"] |= {"lambda_H": 0.0, "mu_squared": -1.0}
    cfg = loads(tables)
    points = points_of(cfg, 2)
    for point, found in zip(points, evaluate_batch(cfg, points), strict=True):
        assert_same(evaluate(cfg, point), found)
        assert found.state is None
