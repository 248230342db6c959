"""Problems in units in which their fields, lengths and energies are of order 1."""

import numpy as np
import pytest

import supersoliton as ss
from supersoliton.problem.scales import scales_around
from supersoliton.theory.vacua import vacuum_at


def test_a_reduced_vacuum_is_that_of_the_reduced_theory():
    """V = 40 + 3 (u^2 - 4)^2: V is measured from its value at the vacuum, which is 0 there then."""
    model = ss.Potential(lambda u, p: 40.0 + 3.0 * (u[0] ** 2 - 4.0) ** 2)
    vacuum = vacuum_at(model, np.array([2.0]))
    scales = scales_around(model, vacuum.values, 3.0)
    reduced, found = scales.reduce_vacuum(vacuum), vacuum_at(scales.reduce_model(model), vacuum.values / scales.factors)
    assert reduced.energy_density == pytest.approx(found.energy_density, abs=1e-13)
    assert reduced.energy_density == pytest.approx(0.0, abs=1e-13)
    assert reduced.masses_squared == pytest.approx(found.masses_squared, rel=1e-12)
    assert scales.restore(reduced).energy_density == pytest.approx(40.0, rel=1e-15)
