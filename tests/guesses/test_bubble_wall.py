"""Starts of bounces: the estimate is an upper bound of the action, and thin walls have the radius of the formula."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from problems import BOUNCES, BY_NAME, cubic_nls, double_well, tilted_quartic
from supersoliton.guesses.bubble_wall import best_walls

KNOWN = {case.name: case for case in BOUNCES if "Fubini" not in case.name}


def best_wall(model, false_vacuum, target, dim):
    return next(iter(best_walls(model, false_vacuum, [target], dim)[0]), None)


def tilted(c: float) -> ss.Potential:
    return ss.Potential(tilted_quartic, params={"c": c})


@pytest.mark.parametrize("name", KNOWN)
def test_the_estimate_is_a_close_upper_bound_of_the_action(name):
    """The bounce minimises S-hat over all shapes (Coleman, Glaser, Martin), so any shape's value is an upper bound."""
    case = KNOWN[name]
    model = case.model()
    wall = best_wall(model, np.array(case.false), ss.vacua(model)[0].values, case.dim)
    assert wall is not None
    assert wall.action >= case.action * (1.0 - 1e-3)
    if len(case.false) == 1:  # with several fields a straight path may be a poor one: only the bound is known
        assert wall.action <= 1.3 * case.action


@pytest.mark.parametrize("dim", [3, 4])
@pytest.mark.parametrize("c", [0.49, 0.499, 0.4999])
def test_a_thin_wall_has_the_radius_and_the_action_of_coleman(c, dim):
    """R = (d - 1) sigma/eps; the exact wall of this quartic is tanh(r/w) with w = 2/m = 2 sqrt 2.

    Ratios are tried in steps of a quarter: R and the action are stationary there, the width is not.
    """
    wall = best_wall(tilted(c), np.zeros(1), np.ones(1), dim)
    sigma, eps = math.sqrt(0.5) / 6.0, (1.0 - 2.0 * c) / 12.0
    action = {3: 16 * math.pi * sigma**3 / (3 * eps**2), 4: 27 * math.pi**2 * sigma**4 / (2 * eps**3)}[dim]
    assert wall.radius == pytest.approx((dim - 1) * sigma / eps, rel=0.15)
    assert wall.width == pytest.approx(2.0 * math.sqrt(2.0), rel=0.25)
    assert wall.action == pytest.approx(action, rel=0.05)
    assert wall.centre == pytest.approx([1.0], abs=0.05)


def test_none_where_nothing_is_lower():
    assert best_wall(tilted(0.6), np.zeros(1), np.ones(1), 3) is None
    assert best_wall(ss.Potential(double_well), np.array([-1.0]), np.array([1.0]), 3) is None


def test_the_profile_runs_from_the_centre_to_the_false_vacuum_and_has_its_energy():
    """S-hat of the profile, integrated independently: 2T/d (-(d - 2) T/(d U))^((d - 2)/2)."""
    model, d = tilted(0.3), 3
    wall = best_wall(model, np.zeros(1), np.ones(1), d)
    r = np.linspace(0.0, wall.radius + 25.0 * wall.width, 200001)
    u = wall(r)
    assert u.shape == (len(r), 1)
    assert u[0] == pytest.approx(wall.centre, rel=1e-6)
    assert abs(u[-1, 0]) < 1e-12
    weight = 4.0 * math.pi * r**2
    tension = np.trapezoid(weight * 0.5 * np.gradient(u[:, 0], r) ** 2, r)
    v = 0.25 * u[:, 0] ** 4 - 1.3 * u[:, 0] ** 3 / 3.0 + 0.15 * u[:, 0] ** 2
    depth = np.trapezoid(weight * v, r)
    s_hat = 2.0 * tension / d * (-(d - 2) * tension / (d * depth)) ** ((d - 2) / 2)
    assert wall.action == pytest.approx(s_hat, rel=2e-3)
    # At its optimal size the scaling identity (d - 2) T + d U = 0 holds.
    assert (d - 2) * tension == pytest.approx(-d * depth, rel=5e-3)


def test_a_potential_without_bottom_has_a_thick_wall_near_the_exact_action():
    wall = best_wall(ss.Potential(cubic_nls), np.zeros(1), np.array([10.0]), 3)
    exact = BY_NAME["cubic NLS d=3 n=0"].exact["action"]
    assert exact <= wall.action <= 1.5 * exact
    assert wall.ratio < 1.0


def spoilt(u, p):
    """The tilted quartic where some values are NaN or overflow."""
    return tilted_quartic(u, p) + jnp.where(jnp.abs(u[0] - 0.3) < 0.02, p["spoil"], 0.0)


@pytest.mark.parametrize("value", [1e308, 1e250])
def test_a_path_with_overflowing_values_is_skipped(value):
    model = ss.Potential(spoilt, params={"c": 0.3, "spoil": value})
    assert best_wall(model, np.zeros(1), np.ones(1), 3) is None


def test_kinetic_factors_scale_the_action():
    """k -> 4k is r -> 2r: the action grows by 2^d."""
    base = best_wall(tilted(0.3), np.zeros(1), np.ones(1), 3)
    heavy = ss.Potential(tilted_quartic, params={"c": 0.3}, kinetic=[4.0])
    assert best_wall(heavy, np.zeros(1), np.ones(1), 3).action == pytest.approx(8.0 * base.action, rel=1e-12)
