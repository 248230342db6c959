"""Branches against closed forms, published folds, direct solutions, and the identities that hold along every branch."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

import problems
import supersoliton as ss

# The fold of -lap u + w u - u^3 + u^5 = 0 in d = 3 (reference/states.json, cubic_quintic).
FOLD_NORM, FOLD_W = 189.459157251, 0.025545
# 8 elements of order 12, as everywhere, so that kernels are shared.
DROPLET_EDGES = (0.0, 2.5, 5.0, 8.0, 12.0, 18.0, 30.0, 60.0, 110.0)
LINE_EDGES = (0.0, 1.2, 2.5, 4.0, 6.0, 9.0, 13.0, 19.0, 28.0)


def droplet(u, p):
    """-g u^4/4 + u^6/6: by scaling the fixed-norm branch is that of g = 1 with N -> N g^2, omega^2 -> omega^2/g^2."""
    return -0.25 * p["g"] * u[0] ** 4 + u[0] ** 6 / 6.0


def bright(u, p):
    """-u^4/4: at norm N in d = 1, omega^2 = -w with N = 4 sqrt(w), E = -N^3/96."""
    return -0.25 * u[0] ** 4


def coupled_pair(u, p):
    """At u = sqrt(2) sech r, v = 0 the operator of v is -d^2 + k - 2 b sech^2 r.

    Zero modes at k = (s - n)^2, n even, where s (s + 1) = 2 b.
    """
    return (
        0.5 * (u[0] ** 2 + p["k"] * u[1] ** 2) - 0.25 * (u[0] ** 4 + u[1] ** 4) - 0.5 * p["b"] * u[0] ** 2 * u[1] ** 2
    )


def subcritical(u, p):
    """m2 u^2/2 - 10 u^4/4 + u^6/6 in the box [0, 1] with u(1) = 0: two states up to a fold in m2."""
    return 0.5 * p["m2"] * u[0] ** 2 - 2.5 * u[0] ** 4 + u[0] ** 6 / 6.0


@pytest.fixture(scope="module")
def droplet_branch():
    problem = ss.Problem(
        ss.Potential(droplet, params={"g": 1.0}), ss.RadialGrid(edges=DROPLET_EDGES), norm=622.4326305571756
    )
    state = ss.solve(problem, lambda r: 0.85 / (1.0 + np.exp((r - 6.0) / 1.5)))
    return ss.continuation(state, "norm", 100.0)


@pytest.fixture(scope="module")
def octaves():
    """A Q-ball in the second of three octaves."""
    problem = ss.Problem(problems.octave_model(0.6, n_octaves=3), problems.QUICKSTART_GRID, norm=600.0)
    return ss.solve(problem, ss.SuperGaussian(2.0, 3.5, field=1))


def scalar_soliton(b, k):
    """(sqrt(2) sech r, 0) of the coupled pair."""
    problem = ss.Problem(
        ss.Potential(coupled_pair, ("u", "v"), {"b": b, "k": k}),
        ss.RadialGrid(dim=1, edges=LINE_EDGES),
        boundary="decaying",
    )
    return ss.solve(problem, lambda r: np.stack([1.4 / np.cosh(r), 0.0 * r], axis=1))


def test_passes_the_cubic_quintic_fold(droplet_branch):
    branch = droplet_branch
    (fold,) = branch.folds
    assert fold.parameter == pytest.approx(FOLD_NORM, rel=2e-8)
    assert -fold.point.multiplier == pytest.approx(FOLD_W, abs=1e-6)
    assert (fold.modes_before, fold.modes_after) == (0, 1)
    assert fold.tolerance < 1e-8
    assert branch.bifurcations == ()
    # It starts at the published state of w = 0.1, goes down, turns, and goes up again on the other side of the fold.
    turn = fold.after_index
    assert branch.multipliers[0] == pytest.approx(-0.1, rel=1e-8)
    assert np.all(np.diff(branch.norms[: turn + 1]) < 0)
    assert np.all(np.diff(branch.norms[turn + 1 :]) > 0)
    assert branch.norms[-1] > 300.0
    assert branch.stable[: turn + 1].all()
    assert not branch.stable[turn + 1 :].any()
    assert branch.status.startswith("left the box at norm = ")
    assert not branch.reached
    # Vakhitov and Kolokolov: stable where the norm falls with omega^2.
    assert np.all((branch.values("norm_slope") < 0) == branch.stable)


def test_points_of_the_branch_are_states(droplet_branch):
    row = problems.REFERENCE["cubic_quintic"]["0.05"]
    wanted = ss.continuation(droplet_branch.state(0), "norm", row["mass"])
    assert wanted.reached
    end = wanted.state(-1)
    assert end.norm == pytest.approx(row["mass"], rel=1e-14)
    assert end.multiplier == pytest.approx(-0.05, rel=1e-8)
    assert end.action == pytest.approx(row["action"], rel=1e-8)
    assert end.certificate.certified
    assert wanted.states[-1] is end
    for index in (0, len(droplet_branch) - 3):
        state, point = droplet_branch.state(index), droplet_branch.points[index]
        assert state.certificate.negative_modes == point.negative_modes
        assert (state.energy, state.norm, state.multiplier) == (point.energy, point.norm, point.multiplier)
        assert point.residual <= 1e-12


def test_fold_in_a_coupling_at_fixed_norm():
    """Scaling carries the fold of the norm into one of g: g^2 N = N_fold."""
    norm = 225.85923762217396  # w = 0.05 at g = 1
    problem = ss.Problem(ss.Potential(droplet, params={"g": 1.0}), ss.RadialGrid(edges=DROPLET_EDGES), norm=norm)
    branch = ss.continuation(ss.solve(problem, lambda r: 0.8 / (1.0 + np.exp((r - 4.3) / 1.5))), "g", 0.5)
    (fold,) = branch.folds
    assert fold.parameter == pytest.approx(math.sqrt(FOLD_NORM / norm), rel=2e-8)
    assert (fold.modes_before, fold.modes_after) == (0, 1)
    assert branch.norms == pytest.approx(np.full(len(branch), norm), rel=1e-13)
    assert np.nanmax(branch.values("identity")) < 1e-3


def fold_by_quadrature():
    """The largest m2 at which the half-period map is 1: a fold found without solving a differential equation.

    u'^2/2 = V(u) - V(a) with u = a sin(theta) gives L = int_0^{pi/2} dtheta / sqrt(-2 [m2/2 - 10 (a^2 + u^2)/4 +
    (a^4 + a^2 u^2 + u^4)/6]).
    """
    x, w = np.polynomial.legendre.leggauss(80)
    theta, weights = 0.25 * math.pi * (x + 1.0), 0.25 * math.pi * w

    def length(m2, a):
        u2 = (a * np.sin(theta)) ** 2
        inner = 0.5 * m2 - 2.5 * (a**2 + u2) + (a**4 + a**2 * u2 + u2**2) / 6.0
        return np.sum(weights / np.sqrt(-2.0 * inner))

    def m2_of(a):
        # The length diverges where the smallest |inner| reaches zero, at u = a, and is below 1 for very negative m2.
        limit = 10.0 * a**2 - a**4
        return brentq(lambda m2: length(m2, a) - 1.0, -500.0, min(limit, 5.0 * a**2 - a**4 / 3.0) - 1e-6, xtol=1e-13)

    found = minimize_scalar(lambda a: -m2_of(a), bounds=(1.8, 2.8), method="bounded", options={"xatol": 1e-9})
    return -found.fun


def test_fold_without_norm():
    """There the second variation itself is singular, and only the bordered system is not."""
    problem = ss.Problem(ss.Potential(subcritical, params={"m2": 12.0}), ss.RadialGrid(1.0, 8, 12, dim=1))
    state = ss.solve(problem, lambda r: 1.4 * np.cos(0.5 * np.pi * r))
    branch = ss.continuation(state, "m2", 40.0)
    (fold,) = branch.folds
    assert fold.parameter == pytest.approx(fold_by_quadrature(), rel=1e-11)
    assert (fold.modes_before, fold.modes_after) == (1, 0)
    # The other state of the starting coupling ends the branch.
    assert branch.status == "came back to m2 = 12 after 1 fold, without reaching 40"
    assert branch.parameters[-1] == pytest.approx(12.0, rel=1e-14)
    assert branch.energies[-1] < branch.energies[0] - 1.0
    assert branch.stable[-1]
    assert not branch.stable[0]


@pytest.mark.parametrize("stop", [2.0, 7.0])
def test_bright_soliton_in_closed_form(stop):
    problem = ss.Problem(ss.Potential(bright), ss.RadialGrid(dim=1, edges=LINE_EDGES), norm=4.0)
    branch = ss.continuation(ss.solve(problem, ss.Gaussian(1.0, 2.0)), "norm", stop)
    assert branch.status == f"reached norm = {stop:g}"
    assert branch.norms[-1] == pytest.approx(stop, rel=1e-14)
    root = branch.norms / 4.0  # sqrt(w)
    assert -branch.multipliers == pytest.approx(root**2, rel=1e-9)
    assert branch.energies == pytest.approx(-(branch.norms**3) / 96.0, rel=1e-9)
    assert branch.values("action") == pytest.approx(4.0 * root**3 / 3.0, rel=1e-9)
    assert branch.values("norm_slope") == pytest.approx(-2.0 / root, rel=1e-8)
    assert branch.special == ()
    assert branch.stable.all()
    for point, r in zip(branch, root, strict=True):
        exact = math.sqrt(2.0) * r / np.cosh(r * point.problem.grid.nodes)
        assert np.max(np.abs(np.abs(point.u[:, 0]) - exact)) < 1e-5 * math.exp(-28.0 * r + 14.0) + 3e-6


@pytest.mark.parametrize(("coupling", "stop"), [("g", 0.8), ("mu_squared", -1.1), ("lambda_H", 0.55)])
def test_coupling_of_the_octaves_against_a_direct_solution(coupling, stop):
    """The vacuum moves with mu_squared and lambda_H, and the values held at the boundary with it."""
    problem = ss.Problem(problems.octave_model(0.6, n_octaves=2), problems.QUICKSTART_GRID, norm=600.0)
    start = ss.SuperGaussian(2.0, 3.5, field=1)
    branch = ss.continuation(ss.solve(problem, start), coupling, stop)
    direct = ss.solve(problem.replace(**{coupling: stop}), start)
    assert branch.reached
    assert branch.energies[-1] == pytest.approx(direct.energy, rel=1e-9)
    assert branch.multipliers[-1] == pytest.approx(direct.multiplier, rel=1e-9)
    assert np.max(np.abs(branch.points[-1].u - direct.u)) < 1e-9
    assert branch.points[-1].problem.vacuum.values == pytest.approx(direct.problem.vacuum.values, abs=1e-13)
    assert np.nanmax(branch.values("identity")) < 1e-6


def test_octave_q_ball_over_the_norm(octaves):
    branch = ss.continuation(octaves, "norm", 1500.0)
    assert branch.status == "reached norm = 1500"
    assert np.all(branch.values("residual") < 1e-12)
    assert np.all(branch.values("discretisation") < 1e-9)
    assert branch.stable.all()
    # dE/dN = omega^2/2: by the interpolated integral of each step, and by a spline through all points.
    assert np.nanmax(branch.values("identity")) < 1e-6
    assert np.isnan(branch.values("identity")[0])
    slopes = np.gradient(branch.energies, branch.norms, edge_order=2)
    assert slopes == pytest.approx(0.5 * branch.multipliers, rel=1e-2)
    assert branch.state(-1).certificate.kind == "q-ball"


def test_folds_are_the_same_from_both_sides(octaves):
    """lambda_1 -> -lambda_1 with Psi_o -> (-1)^o Psi_o is a symmetry: the S-curve lies mirrored beyond lambda_1 = 0."""
    right, left = (ss.continuation(octaves, "lambda_1", stop, max_step=0.2) for stop in (0.2, -0.2))
    assert right.reached
    assert left.reached
    assert len(right.folds) == len(left.folds) == 2
    for a, b in zip(right.folds, left.folds, strict=True):
        assert a.parameter == pytest.approx(-b.parameter, abs=2.0 * (a.tolerance + b.tolerance))
        assert a.tolerance < 1e-10
    assert right.energies[-1] == pytest.approx(left.energies[-1], rel=1e-12)


def test_the_violation_of_the_identity_falls_with_the_step(octaves):
    """Hermite interpolation is of fourth order: half the step, a sixteenth of the violation."""
    coarse, fine = (
        np.nanmax(ss.continuation(octaves, "norm", 900.0, step=h, max_step=h).values("identity")[:-1])
        for h in (0.08, 0.04)
    )
    assert coarse / fine == pytest.approx(16.0, rel=0.3)


def test_frequency_of_a_q_ball():
    """The rescaled cubic-quintic droplet: N = (4/3) (16/3)^(-3/2) M(w), w = 3 (1 - omega^2)/16."""
    start = problems.solved("Q-ball k=0.5")
    branch = ss.continuation(ss.solve(start.problem.replace(boundary="decaying"), start), "omega", 0.95)
    assert branch.status == "reached omega = 0.95"
    (extremum,) = branch.special
    assert extremum.kind == "norm extremum"
    assert extremum.point.norm == pytest.approx(FOLD_NORM * (4.0 / 3.0) * (16.0 / 3.0) ** -1.5, rel=1e-6)
    assert extremum.parameter == pytest.approx(math.sqrt(1.0 - 16.0 * FOLD_W / 3.0), abs=3e-6)
    # One negative mode throughout; at fixed charge it is harmless as long as the charge falls with the frequency.
    assert np.all(branch.values("negative_modes") == 1)
    assert np.all(branch.stable == (branch.parameters < extremum.parameter))
    assert np.all((branch.values("norm_slope") < 0) == branch.stable)
    assert branch.multipliers == pytest.approx(branch.parameters**2, rel=1e-14)
    assert np.nanmax(branch.values("identity")) < 1e-4
    certificate = branch.state(3).certificate
    assert certificate.negative_modes == 1
    assert certificate.certified


def test_bifurcation_of_the_coupled_pair():
    branch = ss.continuation(scalar_soliton(b=0.5, k=1.0), "b", 1.5)
    (pitchfork,) = branch.bifurcations
    assert branch.folds == ()
    assert pitchfork.parameter == pytest.approx(1.0, abs=max(pitchfork.tolerance, 1e-9))
    assert pitchfork.tolerance < 1e-6
    assert (pitchfork.modes_before, pitchfork.modes_after) == (1, 2)
    # The critical mode is sech in the other field, of unit norm: 1/sqrt(2) at the origin.
    r = branch.points[0].problem.grid.nodes
    assert np.max(np.abs(pitchfork.mode[:, 0])) < 1e-8
    assert np.abs(pitchfork.mode[:, 1]) == pytest.approx(np.sqrt(0.5) / np.cosh(r), abs=1e-7)
    assert branch.energies == pytest.approx(np.full(len(branch), 4.0 / 3.0), rel=1e-11)


def test_two_bifurcations_and_the_switch_to_the_other_branch():
    branch = ss.continuation(scalar_soliton(b=10.0, k=20.0), "k", 1.0)
    first, second = branch.bifurcations  # s = 4
    assert first.parameter == pytest.approx(16.0, abs=1e-6)
    assert second.parameter == pytest.approx(4.0, abs=1e-6)
    assert [first.modes_after, second.modes_after] == [2, 3]
    # Along the critical mode there is another state, and its branch turns onto its mirror image where it meets this.
    problem = first.point.problem.replace(k=15.5)
    vector = ss.solve(problem, first.point.u + 0.3 * first.mode)
    assert np.max(np.abs(vector.u[:, 1])) == pytest.approx(0.10589412, abs=1e-7)
    turned = ss.continuation(vector, "k", 20.0)
    (meeting,) = turned.folds
    assert meeting.parameter == pytest.approx(16.0, abs=max(meeting.tolerance, 1e-9))
    assert meeting.tolerance < 1e-5
    assert "another branch crosses" in meeting.note
    assert turned.points[-1].u == pytest.approx(vector.u * [1.0, -1.0], abs=1e-9)


def test_all_bifurcations_inside_one_step_are_found():
    branch = ss.continuation(scalar_soliton(b=10.0, k=20.0), "k", 1.0, step=2.0, max_step=2.0)
    assert len(branch) < 6
    assert [b.parameter for b in branch.bifurcations] == pytest.approx([16.0, 4.0], abs=1e-5)


def test_record_table_and_words(droplet_branch):
    table = droplet_branch.table
    assert table.sizes == {"point": len(droplet_branch), "r": 97}
    np.testing.assert_array_equal(table["field_u"].values[4], droplet_branch.points[4].u[:, 0])
    np.testing.assert_array_equal(table["energy"].values, droplet_branch.energies)
    np.testing.assert_array_equal(table["stable"].values, droplet_branch.stable)
    assert table.attrs["status"] == droplet_branch.status
    text = repr(droplet_branch)
    assert "fold at 189.459" in text
    assert "negative modes 0 -> 1" in text
    with pytest.raises(ValueError, match="no column 'mass'"):
        droplet_branch.values("mass")


def test_picture_shows_the_branch(droplet_branch, tmp_path):
    figure = droplet_branch.plot()
    energy = figure.axes[0]
    assert [ax.get_ylabel() for ax in figure.axes] == ["E[f] [mass]", "ω² [mass²]"]  # omega^2 < 0: nothing rotates
    for ax, name in zip(figure.axes, ("energy", "multiplier"), strict=True):
        values = droplet_branch.values(name)
        solid = [line for line in ax.lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 1]
        dashed = [line for line in ax.lines if line.get_linestyle() == "--" and len(line.get_xdata()) > 1]
        assert len(solid) == len(dashed) == 1
        # Both meet in the fold, and together they hold every state and the fold itself.
        fold = pytest.approx(droplet_branch.folds[0].parameter, rel=1e-14)
        assert solid[0].get_xdata()[-1] == fold
        assert dashed[0].get_xdata()[0] == fold
        drawn = np.concatenate([solid[0].get_ydata(), dashed[0].get_ydata()])
        assert np.min(np.abs(drawn[:, None] - values), axis=0) == pytest.approx(0.0, abs=1e-13 * np.max(np.abs(values)))
        marks = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata())]
        assert marks[0].get_xdata()[0] == droplet_branch.folds[0].parameter
    words = [text.get_text() for text in energy.get_legend().get_texts()]
    assert words == ["minimum at fixed norm", "saddle at fixed norm", "fold"]
    figure.savefig(tmp_path / "branch.png")
    whole = replace(droplet_branch, points=[p for p in droplet_branch.points if p.stable], special=[])
    words = [text.get_text() for text in whole.plot().axes[0].get_legend().get_texts()]
    assert words == ["minimum at fixed norm"]  # what does not occur is not explained


def test_budgets_end_in_words(octaves):
    branch = ss.continuation(octaves, "norm", 1500.0, max_states=3)
    assert branch.status.startswith("stopped after 3 states at norm = ")
    assert len(branch) == 3
    branch = ss.continuation(octaves, "norm", 1500.0, max_seconds=1e-9)
    assert branch.status.startswith("out of time after")
    seen = []
    ss.continuation(octaves, "norm", 620.0, progress=seen.append)
    assert [point.parameter for point in seen][-1] == pytest.approx(620.0)


def test_a_state_that_outgrows_the_mesh_ends_the_branch(octaves):
    """Without the sextic term the state collapses."""
    branch = ss.continuation(octaves, "delta", 0.0, max_step=0.3)
    assert branch.status.startswith("outgrew the mesh at delta = 0.0")
    assert branch.values("discretisation")[-1] > 1e-3
    assert branch.norms == pytest.approx(np.full(len(branch), 600.0), rel=1e-13)


def test_a_coupling_that_leaves_its_range_stalls_with_a_message(octaves):
    branch = ss.continuation(octaves, "quartic_sign", 1.0)
    assert branch.status.startswith("stalled at quartic_sign = -1: model.quartic_sign must be -1")
    assert len(branch) == 1


@pytest.mark.parametrize(
    ("parameter", "stop", "options", "words"),
    [
        ("mass", 1.0, {}, "no parameter 'mass': choose from norm, omega, m0_squared"),
        ("omega", 1.0, {}, "needs a state at fixed frequency"),
        ("norm", -1.0, {}, "stop must be a possible value of norm, got -1.0"),
        ("norm", float("nan"), {}, "stop must be a possible value of norm, got nan"),
        ("norm", 600.0, {}, "is the value of the state itself"),
        ("g", 0.7, {"step": 0.0}, "step must be a positive number, got 0.0"),
        ("g", 0.7, {"max_step": -1.0}, "max_step must be a positive number"),
        ("g", 0.7, {"max_states": 1}, "max_states must be an integer of at least 2, got 1"),
    ],
)
def test_bad_input_in_one_sentence(octaves, parameter, stop, options, words):
    with pytest.raises(ValueError, match=words) as caught:
        ss.continuation(octaves, parameter, stop, **options)
    assert "\n" not in str(caught.value)


def test_norm_needs_a_state_at_fixed_norm_and_states_must_have_converged():
    state = scalar_soliton(b=0.5, k=1.0)
    with pytest.raises(ValueError, match="needs a state at fixed norm"):
        ss.continuation(state, "norm", 5.0)
    with pytest.warns(ss.SolveWarning, match="not converged"):
        unfinished = ss.solve(state.problem, lambda r: np.stack([np.exp(-r), 0.0 * r], axis=1), ss.Newton(max_steps=1))
    with pytest.raises(ValueError, match="the state is not converged"):
        ss.continuation(unfinished, "b", 1.0)


def well_of_width(u, p):
    """1/2 (a^2 - u^2)^2: the kink a tanh(a r), E = 4 a^3/3."""
    return 0.5 * (p["a"] ** 2 - u[0] ** 2) ** 2


@pytest.mark.parametrize("boundary", ["values", "vacuum"])
def test_kink_whose_vacuum_moves(boundary):
    """The value held at the boundary follows the vacuum, also where the user gave it."""
    grid = ss.RadialGrid(dim=1, edges=(0.0, 0.8, 1.7, 2.8, 4.0, 5.5, 7.5, 10.5, 16.0))
    model = ss.Potential(well_of_width, params={"a": 1.0})
    where = {"boundary": [1.0]} if boundary == "values" else {"background": [1.0]}
    branch = ss.continuation(ss.solve(ss.Problem(model, grid, parity="odd", **where), np.tanh), "a", 1.5)
    assert branch.reached
    assert branch.energies == pytest.approx(4.0 / 3.0 * branch.parameters**3, rel=1e-9)
    assert np.nanmax(branch.values("identity")) < 1e-5
    assert branch.stable.all()
    assert branch.points[-1].u[-1, 0] == pytest.approx(1.5, rel=1e-14)
    assert branch.state(-1).certificate.certified


def test_trapped_gas_over_its_interaction():
    """Explicit r; the published chemical potential at beta = 10 from the oscillator's ground state."""
    start = problems.solved("Gross-Pitaevskii beta=0")
    branch = ss.continuation(start, "beta", 10.0)
    row = problems.REFERENCE["gross_pitaevskii"]["d3_beta10"]
    assert branch.reached
    assert branch.energies[-1] == pytest.approx(row["E"], rel=1e-10)
    assert branch.multipliers[-1] == pytest.approx(2.0 * row["mu"], rel=1e-10)
    assert np.nanmax(branch.values("identity")) < 1e-5


def walled(u, p):
    """u^2/2 - u^4/4, which is not a number once p reaches 0.2."""
    import jax.numpy as jnp

    return (0.5 * u[0] ** 2 - 0.25 * u[0] ** 4) * (1.0 + jnp.sqrt(0.2 - p["p"]) ** 2)


def test_a_potential_that_becomes_nan_stalls_with_a_message():
    problem = ss.Problem(
        ss.Potential(walled, params={"p": 0.0}), ss.RadialGrid(dim=1, edges=LINE_EDGES), boundary="decaying"
    )
    branch = ss.continuation(ss.solve(problem, lambda r: 1.4 / np.cosh(r)), "p", 0.5, max_states=60)
    assert branch.status.startswith("stalled at p = 0.")
    assert not branch.reached
    assert branch.parameters.max() < 0.2
    assert np.all(np.isfinite(branch.energies))
