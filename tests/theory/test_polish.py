"""Vacua given to a few digits, as papers print them."""

import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from supersoliton.theory.polish import distance_to_next, nearby_vacuum, polished


def tilted(u, p):
    x = u[0] / p["f"]
    return p["L"] ** 4 * (x**4 - x**2 + 0.25 * x)


ROOTS = np.sort(np.roots([4.0, 0.0, -2.0, 0.25]).real)


@pytest.mark.parametrize(("f", "mass"), [(1.0, 1.0), (1e-16, 1e19), (1e19, 1e-16), (500.0, 500.0)])
def test_six_digits_become_all_digits_in_any_unit(f, mass):
    model = ss.Potential(tilted, params={"f": f, "L": mass})
    found, moved = polished(model, [0.633518 * f])
    assert found.values == pytest.approx([ROOTS[2] * f], rel=1e-15)
    assert moved == pytest.approx((0.633518 - ROOTS[2]) * f, rel=1e-9)
    assert distance_to_next(model, found) == pytest.approx((ROOTS[2] - ROOTS[1]) * f, rel=0.1)
    assert polished(model, found.values)[1] <= 1e-15 * f


def test_a_goldstone_direction_is_left_alone():
    """h^2 + g^2 = 246^2: the point moves radially; s to 100."""

    def higgs(u, p):
        return 0.1 * (u[0] ** 2 + u[1] ** 2 - 246.0**2) ** 2 + 1e-3 * (u[2] ** 2 - 1e4) ** 2

    given = np.array([0.6 * 246.1, 0.8 * 246.1, 100.3])
    found, moved = polished(ss.Potential(higgs, ("h", "g", "s")), given)
    assert found.values == pytest.approx([0.6 * 246.0, 0.8 * 246.0, 100.0], rel=1e-14)
    assert moved == pytest.approx(np.hypot(0.1, 0.3), rel=1e-9)
    assert found.masses[0] == 0.0


def test_what_is_far_from_a_vacuum_is_refused_in_words():
    model = ss.Potential(tilted, params={"f": 1.0, "L": 1.0})
    assert nearby_vacuum("x", model, [0.6336]).values == pytest.approx([ROOTS[2]], rel=1e-15)
    with pytest.raises(ValueError, match=r"^problem.boundary \[0.66\] is not .* near it is \[0.63351754"):
        ss.Problem(model, boundary=[0.66])
    with pytest.raises(ValueError, match="no stationary point is near it"):
        nearby_vacuum("x", ss.Potential(lambda u, p: u[0]), [3.0])
    with pytest.raises(ValueError, match="is not a stationary point"):
        nearby_vacuum("x", ss.Potential(lambda u, p: jnp.exp(u[0])), [3.0])


def test_a_given_background_is_polished():
    problem = ss.Problem(ss.Potential(tilted, params={"f": 1.0, "L": 1.0}), background=[0.633518])
    assert problem.background == pytest.approx((ROOTS[2],), rel=1e-15)
