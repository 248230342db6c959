"""Roots within a basis, and the network that learns them."""

import dataclasses
import importlib.util

import numpy as np
import pytest
from small_training import load_small

import supersoliton as ss
from supersoliton.guesses.guess import starting_fields
from supersoliton.training import networks


@pytest.fixture
def model(library):
    return max(library.models.values(), key=lambda model: model.share)


@pytest.fixture
def data(config, library, model):
    return networks.make_training_data(config, config.warm_start, library.box, model, [0])


def test_roots_are_states(config, library, model, data):
    """Newton's method on the mesh, started from a root, converges to the state that the root predicts."""
    for x, coefficients in zip(data.held_x[:3].astype(float), data.held[:3].astype(float), strict=True):
        problem = config.problem_at(library.box.point(x))
        w = model.basis.expand(coefficients)
        state = ss.solve(problem, guess=starting_fields(problem, problem.vacuum.values + w))
        mass = problem.grid.mass
        away = state.u - problem.vacuum.values - w
        assert np.sum(away * (mass @ away)) < 1e-3**2 * np.sum(w * (mass @ w))


def test_the_network_learns(config, data):
    settings = dataclasses.replace(config.warm_start, steps=1000)
    trained = networks.new_training(settings, data.x.shape[1], data.held.shape[1], [5])
    first = np.linalg.norm(networks.network_of(settings, data, trained)(data.held_x) - data.held)
    for _ in range(networks.ROUNDS):
        trained = networks.train_round(settings, data, trained, [5])
    assert [step for step, _, _ in trained.curve] == list(range(100, 1001, 100))
    network = networks.network_of(settings, data, trained)
    away = np.linalg.norm(network(data.held_x) - data.held, axis=1) / data.size
    assert np.sqrt(np.mean(away**2)) == pytest.approx(min(held for _, _, held in trained.curve), rel=0.2)
    assert np.linalg.norm(network(data.held_x) - data.held) < 0.05 * first


def test_2n_steps_are_n_and_n_more_to_the_bit(config, data):
    settings = config.warm_start
    whole = networks.new_training(settings, data.x.shape[1], data.held.shape[1], [5])
    for _ in range(6):
        whole = networks.train_round(settings, data, whole, [5])
    half = networks.new_training(settings, data.x.shape[1], data.held.shape[1], [5])
    for _ in range(3):
        half = networks.train_round(settings, data, half, [5])
    # the arrays that a file keeps
    half = networks.Training(
        *(tuple(a.copy() for a in part) for part in (half.leaves, half.best)), half.curve, half.waited
    )
    for _ in range(3):
        half = networks.train_round(settings, data, half, [5])
    assert [a.tobytes() for a in half.leaves] == [a.tobytes() for a in whole.leaves]
    assert half.curve == whole.curve
    assert any(
        a.tobytes() != b.tobytes()
        for a, b in zip(whole.leaves, networks.new_training(settings, 2, data.held.shape[1], [5]).leaves, strict=True)
    )


def test_numpy_computes_what_equinox_trained(config, data):
    import equinox as eqx
    import jax

    settings = config.warm_start
    trained = networks.train_round(
        settings, data, networks.new_training(settings, data.x.shape[1], data.held.shape[1], [1]), [1]
    )
    arrays, static, _ = networks._new_network(settings, data.x.shape[1], data.held.shape[1], 0)
    net = eqx.combine(jax.tree.unflatten(jax.tree.structure(arrays), trained.best), static)
    theirs = np.asarray(jax.vmap(net)(data.x)) * data.scales
    ours = networks.network_of(settings, data, trained)(data.x)
    assert np.max(np.abs(ours - theirs)) < 1e-5 * np.max(np.abs(theirs))


def test_training_stops_early(config, data):
    settings = dataclasses.replace(config.warm_start, patience=2)
    trained = networks.new_training(settings, data.x.shape[1], data.held.shape[1], [5])
    assert not trained.is_over(settings)
    assert dataclasses.replace(trained, waited=2).is_over(settings)
    assert dataclasses.replace(trained, curve=((1, 1.0, 1.0),) * networks.ROUNDS).is_over(settings)


def test_a_missing_package_is_named_with_its_remedy(tmp_path, monkeypatch):
    from supersoliton.training.pretraining import pretrain

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"networks need equinox and optax \(pip install"):
        pretrain(load_small(tmp_path))
