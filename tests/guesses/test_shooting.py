"""Shooting along a way: closed forms of the logarithmic potential, counts of bounces, and the path of a thin wall."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

import supersoliton as ss
from supersoliton.guesses.shooting import Way, arc_lengths, scan_centres
from supersoliton.guesses.valley import valley, way_along
from supersoliton.theory.vacua import vacuum_at


def way(value, slope, reach: float, scale: float) -> Way:
    s = arc_lengths(reach, scale)
    with np.errstate(all="ignore"):
        return Way(reach, scale, np.nan_to_num(value(s)), np.nan_to_num(slope(s)))


@pytest.mark.parametrize("dim", [1.0, 1.5, 2.0, 3.0, 4.0])
def test_the_logarithmic_bounce(dim):
    """V = s^2/2 (1 - ln s^2): s = e^(d/2) e^(-r^2/2), S = e^d pi^(d/2)/2."""
    log = way(lambda s: 0.5 * s**2 * (1.0 - np.log(s**2)), lambda s: -s * np.log(s**2), 100.0, math.sqrt(math.e))
    (profile,) = scan_centres(log, dim).profiles
    assert profile.s[0] == pytest.approx(math.exp(dim / 2), rel=1e-3)
    assert profile.action(dim) == pytest.approx(0.5 * math.exp(dim) * math.pi ** (dim / 2), rel=3e-2)
    r = np.linspace(0.0, 2.0, 9)
    assert profile(r) == pytest.approx(math.exp(dim / 2) * np.exp(-(r**2) / 2), rel=5e-2)


def test_no_centre_overshoots_at_a_supercritical_power():
    scan = scan_centres(way(lambda s: 0.5 * s**2 - s**6 / 6, lambda s: s - s**5, 50.0, 1.3), 4.0)
    assert scan.profiles == []
    assert scan.undershoots > 50
    assert scan.overshoots == 0


@pytest.mark.parametrize("w", [0.1, 0.03, 0.01])
def test_the_radius_of_a_thin_wall(w):
    """(d - 1) sigma/eps with sigma = 1/4 for s^2 (1 - s^2)^2/2, corrections of order eps."""
    thin = way(
        lambda s: 0.5 * s**2 * (1.0 - s**2) ** 2 - 0.5 * w**2 * s**2,
        lambda s: s * (1.0 - s**2) ** 2 - 2.0 * s**3 * (1.0 - s**2) - w**2 * s,
        1.5,
        1.0,
    )
    (profile,) = scan_centres(thin, 3.0).profiles
    radius = float(np.interp(-0.5, -profile.s, profile.r))
    assert radius == pytest.approx(2.0 * 0.25 / (0.5 * w**2), rel=3.0 * w)
    assert np.min(np.diff(profile.r)) > 0


@pytest.mark.parametrize(("stiff", "off"), [(1.0, 5e-2), (1e4, 2e-3)])
def test_the_path_of_a_thin_wall_has_less_tension_than_the_valley(stiff, off):
    """A stiff valley is the path; from a softer one it departs, but the lowest way over V would have more tension."""

    def bent(u, p):
        return 0.5 * u[0] ** 2 * (1.0 - u[0] ** 2) ** 2 - 0.005 * u[0] ** 2 + p["M"] * (u[1] - 0.3 * u[0] ** 2) ** 2

    def density(x):
        v = 0.5 * x**2 * (1.0 - x**2) ** 2 - 0.005 * x**2
        return math.sqrt(2.0 * max(v, 0.0)) * math.sqrt(1.0 + 0.36 * x**2)

    model = ss.Potential(bent, fields=("a", "b"), params={"M": stiff})
    start = vacuum_at(model, [0.0, 0.0])
    end = next(v for v in ss.vacua(model) if v.values[0] > 0.5)
    path = valley(model, start, end.values)
    barrier, tension, along = way_along(model, path, start.energy_density)
    in_the_valley = quad(density, 0.0, 1.0, limit=200)[0]
    assert in_the_valley * (1.0 - off) < tension < in_the_valley * (1.0 + 1e-3)
    assert along.value[-1] == pytest.approx(end.energy_density, rel=1e-6)
    assert barrier < 0.074
