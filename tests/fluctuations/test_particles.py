"""Bound states that are particles: as accurate as the full basis, without the modes of symmetries, with errors."""

import math

import numpy as np
import pytest

import supersoliton as ss
from problems import COMPACT_GRID, octave_model, strong_model
from supersoliton.fluctuations.particles import particle_modes
from supersoliton.fluctuations.spectrum import spectrum


@pytest.fixture(scope="module")
def compact():
    """A compact Q-ball of strong couplings on a mesh that is coarse for it, as trials have."""
    return ss.solve(ss.Problem(strong_model(), COMPACT_GRID, norm=60.0))


@pytest.mark.parametrize("ell", [0, 1])
def test_they_are_those_of_the_full_basis(compact, ell):
    found = particle_modes(compact, spectrum(compact, 1, ell, fast=True))
    full = ss.spectrum(compact, 5, ell)
    assert found.bound == pytest.approx(full.bound, abs=1e-9)
    assert np.all(np.abs(found.bound - full.bound) <= found.bound_errors + 1e-11)


def test_the_translation_is_taken_out_by_its_function_whatever_its_eigenvalue(compact):
    """In the reduced basis it is far from 0, on the mesh it is 0."""
    poor = spectrum(compact, 1, 1, fast=True)
    assert np.min(np.abs(poor.bound)) > 1e-6
    found = particle_modes(compact, poor)
    (k,) = found.symmetries
    assert abs(found.bound[k]) <= 1e-7
    assert found.zero_modes == pytest.approx([found.bound[k]])
    assert len(found.bound_masses) == np.sum(found.bound > 0) - (found.bound[k] > 0)
    assert found.mass_error < 1e-3


def test_a_soft_mode_is_no_symmetry():
    """Scaled to 1e-5 of the mass, a bound state at l = 1 that is no translation stays a mass: V depends on r."""
    model = ss.Potential(lambda u, p, r: u[0] ** 2 * (0.5 - p["d"] / (1.0 + r * r)) + u[0] ** 4 / 4, params={"d": 1.5})
    state = ss.solve(ss.Problem(model, ss.RadialGrid(r_max=20.0)), ss.Gaussian(amplitude=0.0))
    modes = particle_modes(state, spectrum(state, 1, 1, fast=True))
    assert modes.symmetries in ((), None)
    assert len(modes.bound_masses) == np.sum(modes.bound > 0)


def test_internal_symmetries_are_taken_out():
    """Two equal fields: the state breaks O(2), so L_+ at l = 0 has the zero mode (0, f)."""
    model = ss.Potential(
        lambda u, p: (
            (u[0] ** 2 + u[1] ** 2) / 2 - 0.4 * (u[0] ** 2 + u[1] ** 2) ** 2 + (u[0] ** 2 + u[1] ** 2) ** 3 / 8
        ),
        fields=("a", "b"),
    )
    state = ss.solve(
        ss.Problem(model, ss.RadialGrid(r_max=25.0), norm=100.0), ss.Gaussian(amplitude=1.0, width=4.0, field=0)
    )
    modes = particle_modes(state, spectrum(state, 1, 0, fast=True))
    assert state.certificate.zero_modes == 1
    assert len(modes.symmetries) == 1
    assert abs(modes.bound[modes.symmetries[0]]) < 1e-9
    assert np.all(modes.bound_masses > 1e-3)


def test_a_state_without_bound_states_is_left_alone():
    state = ss.solve(ss.Problem(octave_model(0.6), ss.RadialGrid(r_max=10.0)), ss.Gaussian(amplitude=0.0))
    modes = spectrum(state, 1, 1, fast=True)
    assert particle_modes(state, modes) is modes
    assert modes.mass_error == 0.0
    assert math.isfinite(modes.thresholds[0])
