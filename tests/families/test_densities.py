"""Derivatives, continuation and files of states of densities; what needs a potential refuses them in a sentence."""

from dataclasses import dataclass

import jax
import numpy as np
import pytest

import supersoliton as ss
from supersoliton.theory.base import Ends
from supersoliton.theory.solitons.named import NamedTheory

GRID = ss.RadialGrid(r_max=22.0, n_elements=14, dim=3)


def charged(u, du, r, p):
    """A monopole whose coupling is in the kinetic term, in the magnetic energy and in that beyond the mesh."""
    (h, k), (dh, dk), c = u, du, p["c"]
    gauge = c * (dk**2 / r**2 * (1 + c * k**2) + 0.5 * (k**2 - 1) ** 2 / r**4)
    return gauge + k**2 * h**2 / r**2 + 0.5 * dh**2 + 0.125 * (h**2 - 1) ** 2


def problem(c, grid=GRID):
    ends = {"origin": {"h": 0.0, "k": 1.0}, "infinity": {"h": 1.0, "k": 0.0}}
    return ss.Problem(ss.Density(charged, ("h", "k"), {"c": c}, **ends), grid)


@pytest.fixture(scope="module")
def state():
    return ss.solve(problem(1.2))


def test_derivatives_are_those_of_finite_differences(state):
    h = 1e-3
    near = {s: ss.solve(problem(1.2 + s * h)) for s in (-2, -1, 1, 2)}

    def difference(of):
        return (8.0 * (of(near[1]) - of(near[-1])) - (of(near[2]) - of(near[-2]))) / (12.0 * h)

    slopes = ss.sensitivity(state, "c")
    assert slopes.energy == pytest.approx(difference(lambda s: s.energy), rel=1e-10)
    np.testing.assert_allclose(slopes.fields, difference(lambda s: s.u), atol=1e-10)
    traced = jax.grad(lambda c: ss.solve(problem(1.2).replace(c=c)).energy)(1.2)
    assert float(traced) == pytest.approx(slopes.energy, rel=1e-12)


def test_the_slope_of_a_vortex_is_that_of_its_potential_energy():
    """dE/dlam = int (1 - f^2)^2/8 by Hellmann and Feynman."""
    vortex = ss.solve(ss.Problem(ss.Vortex(lam=2.0)))
    direct = vortex.grid.integrate((1.0 - vortex.u[:, 0] ** 2) ** 2 / 8.0)
    assert ss.sensitivity(vortex, "lam").energy == pytest.approx(float(direct), rel=1e-10)


def test_a_branch_ends_at_the_state_that_is_solved_directly(state):
    branch = ss.continuation(state, "c", stop=1.5)
    direct = ss.solve(problem(1.5))
    assert branch.states[-1].energy == pytest.approx(direct.energy, rel=1e-12)
    np.testing.assert_allclose(branch.states[-1].u, direct.u, atol=1e-9)


def test_a_state_is_saved_and_read_back(state, tmp_path):
    path = state.save(tmp_path / "charged.nc")
    again = ss.load(path, trust=True)
    assert again.energy == state.energy
    np.testing.assert_array_equal(again.u, state.u)
    assert again.problem.energy(again.u) == pytest.approx(state.energy, rel=1e-14)
    vortex = ss.solve(ss.Problem(ss.Vortex(winding=2)))
    read = ss.load(vortex.save(tmp_path / "vortex.nc"))
    assert (read.problem.model, repr(read)) == (ss.Vortex(winding=2), repr(vortex))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: ss.spectrum(s, ell=1), "spectrum.ell must be 0 for Density"),
        (lambda s: ss.oscillations(s), "oscillations needs a potential"),
        (lambda s: ss.determinant(s), "determinant needs a potential"),
        (lambda s: ss.slopes(s), "slopes needs a potential.*use sensitivity"),
        (lambda s: ss.find_states(s.problem), "find_states needs a potential"),
        (lambda s: ss.bounce(s.problem.model, [0.0, 1.0]), "bounce needs a potential"),
        (lambda s: ss.vacua(s.problem.model), "vacua needs a potential"),
        (lambda s: ss.solve(s.problem, solver=ss.GradientFlow()), "GradientFlow needs a potential, and Density"),
    ],
)
def test_what_needs_a_potential_says_so(state, call, words):
    with pytest.raises(ValueError, match=words):
        call(state)


def test_couplings_that_move_the_ends():
    ball = ss.solve(ss.Problem(ss.GaugedQBall(omega=0.7, q=0.1)))
    moved = ss.sensitivity(ball, "omega")
    assert moved.energy == pytest.approx(-ball.observables["charge"], rel=1e-8)  # dS/domega = -Q
    further = ss.solve(ss.Problem(ss.GaugedQBall(omega=0.7 + 1e-4, q=0.1), ball.grid), ball)
    back = ss.solve(ss.Problem(ss.GaugedQBall(omega=0.7 - 1e-4, q=0.1), ball.grid), ball)
    np.testing.assert_allclose(moved.fields, (further.u - back.u) / 2e-4, atol=1e-5 * np.max(np.abs(moved.fields)))
    branch = ss.continuation(ball, "omega", stop=0.72)
    there = ss.solve(ss.Problem(ss.GaugedQBall(omega=0.72, q=0.1)))
    assert branch.points[-1].energy == pytest.approx(there.energy, rel=1e-8)
    slope = jax.grad(lambda omega: ss.solve(ss.Problem(ss.GaugedQBall(omega, 0.1), ball.grid), ball).energy)(0.7)
    assert float(slope) == pytest.approx(moved.energy, rel=1e-10)


def test_values_held_at_the_ends_that_a_coupling_moves():
    """A kink between -v and v: E = (4/3) v^3 at V = (v^2 - u^2)^2/2, from the origin 0 to v half of it, times 2."""

    def e(u, du, r, p):
        return 0.5 * du[0] ** 2 + 0.5 * (p["v"] ** 2 - u[0] ** 2) ** 2

    @dataclass(frozen=True)
    class Wall(NamedTheory):
        v: float = 1.3
        names, at_origin, at_infinity, space, unit = ("u",), (0.0,), (1.0,), 1, 1.0
        energy_density = staticmethod(e)

        @property
        def ends(self):
            return Ends((0.0,), (self.v,))

    wall = ss.solve(ss.Problem(Wall()))
    assert wall.energy == pytest.approx(4 / 3 * 1.3**3, rel=1e-12)
    moved = ss.sensitivity(wall, "v")
    assert moved.energy == pytest.approx(4 * 1.3**2, rel=1e-8)
    r = wall.grid.nodes
    np.testing.assert_allclose(moved.fields[:, 0], np.tanh(1.3 * r) + 1.3 * r / np.cosh(1.3 * r) ** 2, atol=1e-7)


def test_a_coupling_that_is_no_real_number():
    with pytest.raises(ValueError, match=r"winding cannot be varied: Vortex\.winding must be a positive integer"):
        ss.sensitivity(ss.solve(ss.Problem(ss.Vortex())), "winding")


def test_the_derivative_in_a_coupling_of_a_saddle():
    ball = ss.solve(ss.Problem(ss.GaugedQBall(omega=0.7, q=0.1)))
    near = [ss.solve(ss.Problem(ss.GaugedQBall(omega=0.7, q=0.1 + h))).energy for h in (-1e-4, 1e-4)]
    assert ss.sensitivity(ball, "q").energy == pytest.approx((near[1] - near[0]) / 2e-4, rel=1e-6)


@pytest.mark.parametrize("solver", [ss.LBFGS(), ss.Newton(target="minimum")], ids=lambda s: type(s).__name__)
def test_minimisers_find_the_same_state(state, solver):
    other = ss.solve(problem(1.2), solver=solver)
    assert other.energy == pytest.approx(state.energy, rel=1e-12)
