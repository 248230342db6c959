"""Carriers: the reference Q-balls have the carrying octaves of the reference table."""

import numpy as np
import pytest

import supersoliton as ss
from problems import OCTAVE_Q_BALLS, QUICKSTART_GRID, octave_model
from supersoliton.guesses.trained.carriers import Carriers, carriers_of, is_mirrored, oriented


def q_ball(n_octaves, **settings):
    model = ss.OctaveHiggs(n_octaves=n_octaves, **settings)
    return ss.Problem(model, ss.RadialGrid(r_max=10.0, n_elements=3, order=8), norm=300.0)


def bump(problem, amplitudes):
    shape = np.exp(-(problem.grid.nodes**2) / 4.0)[:, None]
    return problem.vacuum.values + shape * np.array(amplitudes)


@pytest.mark.parametrize(
    ("amplitudes", "branch"),
    [
        ((1.0, 0.1, 0.0, -1.0), Carriers((0,), (1,))),
        ((-1.0, 0.1, 0.0, -1.0), Carriers((0,), (1,))),
        ((1.0, -0.9, 0.2, -1.0), Carriers((0, 1), (1, -1))),
        ((-1.0, 0.9, 0.2, -1.0), Carriers((0, 1), (1, -1))),
        ((0.1, 0.8, 0.9, -1.0), Carriers((1, 2), (1, 1))),
        ((0.1, 0.8, 0.4, 0.0), Carriers((1,), (1,))),  # a quarter of the largest share does not carry
    ],
)
def test_carriers_and_signs(amplitudes, branch):
    problem = q_ball(3)
    assert carriers_of(problem, bump(problem, amplitudes)) == branch


def test_names():
    assert str(Carriers((0, 1, 3), (1, -1, 1))) == "+0 -1 +3"


def test_the_mirror_image_is_the_same_state():
    problem = q_ball(3)
    u = bump(problem, (-1.0, 0.9, 0.2, -1.0))
    assert is_mirrored(problem)
    assert problem.energy(oriented(problem, u)) == problem.energy(u)
    assert np.array_equal(oriented(problem, u)[:, 3], u[:, 3])
    assert np.array_equal(oriented(problem, u)[:, :3], -u[:, :3])


def cubic(u, p):
    return 0.5 * u[0] ** 2 - p["a"] * u[0] ** 3 / 3.0 + 0.25 * u[0] ** 4


def test_a_cubic_potential_distinguishes_signs():
    grid = ss.RadialGrid(r_max=10.0, n_elements=3, order=8)
    problem = ss.Problem(ss.Potential(cubic, ("u",), {"a": 1.0}), grid)
    u = bump(problem, (-1.0,))
    assert not is_mirrored(problem)
    assert carriers_of(problem, u) == Carriers((0,), (-1,))
    assert np.array_equal(oriented(problem, u), u)
    assert is_mirrored(ss.Problem(ss.Potential(cubic, ("u",), {"a": 0.0}), grid))


@pytest.mark.parametrize(("g", "norm", "energy", "multiplier", "octaves", "higgs"), OCTAVE_Q_BALLS)
def test_reference_states_are_on_the_branches_that_the_table_names(g, norm, energy, multiplier, octaves, higgs):
    problem = ss.Problem(octave_model(g), QUICKSTART_GRID, norm=norm)
    state = ss.solve(problem, guess=ss.SuperGaussian(2.0, 3.5, field=octaves, alternate=True))
    assert state.energy == pytest.approx(energy, rel=1e-8)
    assert carriers_of(problem, state.u) == Carriers(octaves, tuple((-1) ** i for i in range(len(octaves))))
