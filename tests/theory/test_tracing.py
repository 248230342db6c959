"""Kernels follow what a potential reads: globals, closures, defaults, arrays, attributes of objects."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from supersoliton.theory.tracing import surroundings
from supersoliton.theory.vacua import vacuum_at

STRENGTH = 1.0


def reads_a_global(u, p):
    return STRENGTH * u[0] ** 2


def _helper(x):
    return STRENGTH * x**2


def calls_a_helper(u, p):
    return _helper(u[0])


class Callable:
    def __init__(self):
        self.strength = 1.0

    def __call__(self, u, p):
        return self.strength * u[0] ** 2


def at_two(model):
    return vacuum_at(model, [2.0]).energy_density


@pytest.mark.parametrize("function", [reads_a_global, calls_a_helper, lambda u, p: _helper(u[0])])
def test_a_changed_global_is_seen(function, monkeypatch):
    model = ss.Potential(function)
    assert at_two(model) == 4.0
    monkeypatch.setitem(globals(), "STRENGTH", 3.0)
    assert at_two(model) == 12.0
    assert at_two(ss.Potential(function)) == 12.0


def test_changed_closures_arrays_and_attributes_are_seen():
    cell, array, owner = [1.0], np.array([1.0]), Callable()
    changes = [
        (lambda u, p: cell[0] * u[0] ** 2, lambda: cell.__setitem__(0, 3.0)),
        (lambda u, p: jnp.sum(array * u**2), lambda: array.__setitem__(0, 3.0)),
        (owner, lambda: setattr(owner, "strength", 3.0)),
        (
            functools.partial(lambda table, u, p: table["k"] * u[0] ** 2, table := {"k": 1.0}),
            lambda: table.update(k=3.0),
        ),
    ]
    for function, change in changes:
        model = ss.Potential(function)
        assert at_two(model) == 4.0
        change()
        assert at_two(model) == 12.0


def test_a_changed_closure_changes_the_bounce():
    """V -> 4 V: the action in d = 3 is halved."""
    g = [1.0]

    def scaled(u, p):
        return g[0] * 0.1 * (u[0] ** 4 - 8 * u[0] ** 3 + 10 * u[0] ** 2)

    before = ss.bounce(ss.Potential(scaled), [0.0]).action
    g[0] = 4.0
    assert ss.bounce(ss.Potential(scaled), [0.0]).action == pytest.approx(before / 2.0, rel=1e-8)


def test_equal_calculations_share_kernels_and_others_do_not():
    def made(k):
        return ss.Potential(lambda u, p: k * u[0] ** 2).potential_function

    assert made(2.0) == made(2.0)
    assert hash(made(2.0)) == hash(made(2.0))
    assert made(2.0) != made(np.nextafter(2.0, 3.0))
    assert made(np.array([1.0])[0]) == made(1.0)


def test_unchanged_surroundings_compare_equal():
    for function in (reads_a_global, calls_a_helper, Callable()):
        assert surroundings(function) == surroundings(function)
