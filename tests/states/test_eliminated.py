"""Eliminated fields: negative modes are those of the others, whatever the mesh; compared with finite differences."""

import functools
import itertools

import numpy as np
import pytest

import supersoliton as ss
from supersoliton.config import loads
from supersoliton.problem.scales import on_scales
from supersoliton.problem.tangent_space import TangentSpace
from supersoliton.theory.base import read_theory


def ball(u, du, r, p):
    (f, g), (df, dg) = u, du
    return 0.5 * df**2 + 0.5 * f**2 - f**4 + 0.5 * f**6 - 0.5 * (g * f) ** 2 - 0.5 * (dg / p["q"]) ** 2


def gauged(**settings):
    return ss.Density(ball, ("f", "g"), {"q": 0.1}, infinity={"f": 0.0, "g": 0.7}, **settings)


@functools.cache
def solved(theory):
    return ss.solve(ss.Problem(theory))


def excited():
    """psi with one node, and its potential by the trapezoid rule."""
    r = np.linspace(0.0, 40.0, 4000)
    psi = (1 - (r / 2.2) ** 2) * np.exp(-0.5 * (r / 2.0) ** 2)
    psi *= np.sqrt(5.7 / np.trapezoid(4 * np.pi * r**2 * psi**2, r))
    mass = np.append(0.0, np.cumsum(4 * np.pi * (r * psi)[1:] ** 2 * r[1]))
    potential = -np.append(0.0, mass[1:] / r[1:]) - np.trapezoid(4 * np.pi * r * psi**2, r)
    potential += np.append(0.0, np.cumsum(4 * np.pi * (r * psi**2)[1:] * r[1]))
    grid = ss.RadialGrid(r_max=40.0, n_elements=16, order=10)
    start = np.column_stack([np.interp(grid.nodes, r, x) for x in (psi, potential)])
    return ss.solve(ss.Problem(ss.SchroedingerNewton(), grid), start)


def refined(state, order, split):
    edges = state.grid.element_edges
    inner = np.concatenate([np.linspace(a, b, split + 1)[:-1] for a, b in itertools.pairwise(edges)])
    grid = ss.RadialGrid(edges=(*inner, edges[-1]), order=order, dim=3)
    return ss.solve(ss.Problem(state.problem.model, grid), state)


@pytest.mark.parametrize(
    ("theory", "negative"), [(ss.GaugedQBall(omega=0.7, q=0.1), 1), (ss.SchroedingerNewton(), 0)], ids=["A_0", "Newton"]
)
def test_the_number_of_modes_does_not_depend_on_the_mesh(theory, negative):
    state = solved(theory)
    assert state.certificate.certified
    counts = [refined(state, order, split).certificate.negative_modes for order, split in ((8, 1), (10, 2))]
    assert [state.certificate.negative_modes, *counts] == [negative] * 3


def test_without_elimination_the_modes_of_a0_are_those_of_the_mesh():
    state = ss.solve(ss.Problem(gauged(), solved(ss.GaugedQBall(0.7, 0.1)).grid), solved(ss.GaugedQBall(0.7, 0.1)))
    own = ss.solve(ss.Problem(gauged(eliminate="g"), state.grid), state)
    assert own.energy == pytest.approx(state.energy, rel=1e-12)
    # one for each value of g at a node: it is free at the edge too
    assert state.certificate.negative_modes == own.certificate.negative_modes + state.grid.n_nodes
    assert "a saddle by construction" in repr(state)
    assert "1 negative mode: a saddle within the ansatz, with g eliminated" in repr(own)


def dense_counts(state, size=500):
    """Negative eigenvalues of the second variation of psi at fixed epsilon, and at fixed norm, by finite differences.

    With v = r psi_1: -v'' + 2 (Phi + 1) v + 2 psi w, w'' = 8 pi psi v, w(0) = 0, w'(R) = 0.
    """
    h = 28.0 / size
    r = h * np.arange(1, size + 1)
    psi, potential = state(r).T
    second = (np.diag(np.full(size, -2.0)) + np.diag(np.ones(size - 1), 1) + np.diag(np.ones(size - 1), -1)) / h**2
    neumann = second.copy()
    neumann[-1, -1] = -1.0 / h**2
    response = np.linalg.solve(neumann, np.diag(8 * np.pi * psi))
    matrix = -second + np.diag(2 * (potential + 1)) + 2 * psi[:, None] * response
    matrix = 0.5 * (matrix + matrix.T)
    normal = r * psi / np.linalg.norm(r * psi)
    tangent = np.linalg.svd(normal[None])[2][1:]
    return [int(np.sum(np.linalg.eigvalsh(m) < 0.0)) for m in (matrix, tangent @ matrix @ tangent.T)]


def test_the_ground_and_the_first_excited_state_of_schroedinger_newton():
    """The ground state is a minimum at fixed norm (E. H. Lieb 1977); each is compared with a dense count."""
    ground, first = solved(ss.SchroedingerNewton()), excited()
    assert first.observables["epsilon"] == pytest.approx(-0.0307965, abs=1e-7)  # Moroz, Penrose, Tod 1998
    for state, expected in ((ground, 0), (first, 1)):
        inner = on_scales(state)[0]
        at_fixed_epsilon = TangentSpace(inner.problem, inner.u, 0.0).count_negative()
        assert [at_fixed_epsilon, state.certificate.negative_modes] == dense_counts(state)
        assert state.certificate.negative_modes == expected
    assert "a minimum at fixed norm within the ansatz, with potential eliminated" in repr(ground)
    assert ground.norm == pytest.approx(ground.observables["norm"], rel=1e-12)


def test_minimisers_say_why_they_refuse():
    problem = ss.Problem(ss.GaugedQBall(), ss.RadialGrid(r_max=30.0))
    with pytest.raises(ValueError, match="saddles by construction, in all fields together: use Newton"):
        ss.solve(problem, None, ss.LBFGS())


def test_what_is_eliminated_is_kept_in_files_and_checked(tmp_path):
    model = gauged(eliminate=("g",))
    assert read_theory(model.describe(), trust=True).eliminated == ("g",)
    assert model.replace(q=0.2).eliminated == ("g",)
    assert "eliminate" not in gauged().describe()  # as files had it before
    (tmp_path / "ball.py").write_text("def e(u, du, r, p):\n    return du @ du + u @ u\n")
    table = {"kind": "density", "function": "ball.py:e", "fields": ["f", "g"], "eliminate": ["g"]}
    assert loads({"model": table}, base=tmp_path).model.eliminated == ("g",)
    for wrong in ("h", ("f", "g"), ("g", "g")):
        with pytest.raises(ValueError, match="eliminate must name some of the fields f, g, not all of them"):
            gauged(eliminate=wrong)


def test_a_field_without_a_unique_solution_is_no_field_to_eliminate():
    """The bounce of g alone: its energy is neither convex nor concave."""

    def e(u, du, r, p):
        return 0.5 * (du @ du + u @ u) - 0.5 * u[1] ** 3

    bounce = ss.bounce(ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.5 * u[0] ** 3), [0.0])
    theory = ss.Density(e, ("f", "g"), infinity={"f": 0.0, "g": 0.0}, eliminate="g")
    state = ss.solve(ss.Problem(theory, bounce.grid), np.column_stack([0.0 * bounce.u, bounce.u]))
    assert state.converged
    assert any("have no unique solution" in reason for reason in state.certificate.reasons)
