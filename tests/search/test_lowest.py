"""The lowest of many starts: compared with all starts, with published energies, and under permutation."""

import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from problems import BY_NAME, OCTAVE_Q_BALLS, QUICKSTART_GRID, octave_model
from supersoliton.guesses.multistart import MultiStart, screened_starts
from supersoliton.search import lowest
from supersoliton.search.lowest import find_solutions
from supersoliton.search.same_state import (
    SOLVED,
    distinct_solutions,
    has_same_fields,
    is_lower,
    is_same_energy,
    is_same_state,
)  # fmt: skip

GRID = ss.RadialGrid(25.0, 8, 8)
NEWTON = ss.Newton()


def every_start(problem):
    """The best profile of every set of octaves with every choice of relative signs."""
    carriers = [int(i) for i in np.flatnonzero(problem.carries_norm)]
    sets = []
    for size in range(1, len(carriers) + 1):
        for members in itertools.combinations(carriers, size):
            sets += [(members, (1.0, *signs)) for signs in itertools.product((1.0, -1.0), repeat=size - 1)]
    # one call for each: screened_starts keeps the best signs of a set only
    return [screened_starts(problem, [one])[0].u for one in sets]


def energies(problem, solutions):
    return [problem.energy(s.u) for s in solutions]


@pytest.mark.parametrize(
    ("n_octaves", "g", "norm", "changes"),
    [
        (2, 0.6, 800.0, {}),
        (3, 0.6, 1200.0, {}),
        (3, 0.8, 2000.0, {"lambda_1": -0.05}),
        (3, 0.5, 3000.0, {"beta": 0.4}),
        (4, 0.7, 900.0, {"lambda_2": 0.08}),
    ],
)
def test_the_lowest_state_of_a_small_tower_is_that_of_every_start_solved_alone(n_octaves, g, norm, changes):
    problem = ss.Problem(octave_model(g, n_octaves=n_octaves, **changes), GRID, norm=norm)
    ends = [NEWTON.run(problem, u) for u in every_start(problem)]
    exhaustive = min(problem.energy(end.u) for end in ends if end.converged)
    found = find_solutions(problem, NEWTON, None)
    assert found.solutions[0].converged
    assert problem.energy(found.solutions[0].u) == pytest.approx(exhaustive, rel=1e-9)


@pytest.mark.parametrize(("g", "norm", "energy"), [row[:3] for row in OCTAVE_Q_BALLS])
def test_no_published_state_of_twelve_octaves_is_lower(g, norm, energy):
    problem = ss.Problem(octave_model(g), QUICKSTART_GRID, norm=norm)
    found = find_solutions(problem, NEWTON, None)
    assert problem.energy(found.solutions[0].u) <= energy * (1.0 + 1e-8)  # the digits that both meshes agree on


@pytest.mark.parametrize("beta", [0, 1, 10])
def test_the_ground_state_of_a_trap_is_that_of_the_reference(beta):
    case = BY_NAME[f"Gross-Pitaevskii beta={beta}"]
    problem = case.problem()
    found = find_solutions(problem, NEWTON, None)
    assert len(found.solutions) == 1
    assert problem.energy(found.solutions[0].u) == pytest.approx(case.exact["energy"], rel=1e-9)
    assert found.solutions[0].multiplier == pytest.approx(case.exact["multiplier"], rel=1e-9)


def test_no_dropped_candidate_is_lower():
    """Solving all candidates on the mesh gives the same lowest state as solving those selected by coarse energy."""
    for norm in (600.0, 1500.0, 4000.0):
        problem = ss.Problem(octave_model(0.7, n_octaves=5), GRID, norm=norm)
        few, every = (find_solutions(problem, NEWTON, None, every=every) for every in (False, True))
        assert energies(problem, few.solutions)[0] == pytest.approx(energies(problem, every.solutions)[0], rel=1e-12)
        assert len(few.solutions) <= len(every.solutions)
        assert energies(problem, every.solutions) == sorted(energies(problem, every.solutions))


def test_more_starts_never_give_a_higher_energy():
    problem = ss.Problem(octave_model(0.6), QUICKSTART_GRID, norm=2500.0)
    found = [problem.energy(find_solutions(problem, NEWTON, MultiStart(n)).solutions[0].u) for n in (1, 3, 8)]
    assert found[1] <= found[0] * (1.0 + 1e-9)
    assert found[2] <= found[1] * (1.0 + 1e-9)


def test_the_order_of_the_starts_does_not_matter(monkeypatch):
    """Starts permuted before and after the screening give the same state; without the best one it is not lower."""
    problem = ss.Problem(octave_model(0.6, n_octaves=4), GRID, norm=1200.0)
    plain = energies(problem, find_solutions(problem, NEWTON, None).solutions)[0]
    rng = np.random.default_rng(0)

    def shuffled(coarsest, sets=None):
        starts = screened_starts(coarsest, sets)
        return [starts[i] for i in rng.permutation(len(starts))]

    with monkeypatch.context() as patched:
        patched.setattr(lowest, "screened_starts", shuffled)
        for _ in range(3):
            assert energies(problem, find_solutions(problem, NEWTON, None).solutions)[0] == pytest.approx(
                plain, rel=1e-9
            )
    monkeypatch.setattr(lowest, "screened_starts", lambda *args: screened_starts(*args)[1:])
    assert energies(problem, find_solutions(problem, NEWTON, None).solutions)[0] >= plain * (1.0 - 1e-9)


def two_wells(u, p):
    """Two uncoupled fields, each with its own soliton at fixed norm."""
    return jnp.sum(0.5 * u**2 - 0.25 * u**4 + 0.05 * u**6)


def test_the_order_of_the_fields_does_not_matter():
    def uneven(u, p):
        return (
            0.5 * u[0] ** 2 + 0.4 * u[1] ** 2 - 0.25 * u[0] ** 4 - 0.2 * u[1] ** 4 + 0.05 * (u[0] ** 2 + u[1] ** 2) ** 3
        )

    found = []
    for order in ((0, 1), (1, 0)):
        model = ss.Potential(
            lambda u, p, order=order: uneven(u[jnp.array(order)], p), ("a", "b"), constrained=("a", "b")
        )
        problem = ss.Problem(model, ss.RadialGrid(20.0, 8, 10), norm=120.0)
        found.append(energies(problem, find_solutions(problem, NEWTON, None).solutions)[0])
    assert found[0] == pytest.approx(found[1], rel=1e-10)


def test_degenerate_states_are_distinct_and_mirror_images_are_not():
    model = ss.Potential(two_wells, ("a", "b"), constrained=("a", "b"))
    problem = ss.Problem(model, ss.RadialGrid(20.0, 8, 10), norm=120.0)
    found = find_solutions(problem, NEWTON, MultiStart(8), every=True).solutions
    alone = [s for s in found if min(np.abs(s.u).max(axis=0)) < 1e-6 * np.abs(s.u).max()]
    assert sorted(int(np.argmax(np.abs(s.u).max(axis=0))) for s in alone) == [0, 1]
    assert problem.energy(alone[0].u) == pytest.approx(problem.energy(alone[1].u), rel=1e-10)
    mirrored = NEWTON.run(problem, -found[0].u)
    assert len(distinct_solutions(problem, [*found, mirrored])) == len(found)
    for order in itertools.permutations(found):
        assert energies(problem, distinct_solutions(problem, order)) == pytest.approx(
            energies(problem, found), rel=1e-12
        )


def test_which_states_are_the_same():
    problem = ss.Problem(octave_model(0.6, n_octaves=2), GRID, norm=800.0)
    u = find_solutions(problem, NEWTON, None).solutions[0].u
    energy, scale = problem.energy(u), problem.energy_scale(u)
    assert is_same_state(problem, u, u * (1.0 + 1e-9))
    assert not is_same_state(problem, u, u * 1.001)  # its energy is another
    assert not has_same_fields(problem, u, problem.vacuum.values + 0.0 * u, SOLVED)
    assert is_same_energy(energy, energy + 0.5e-7 * scale, scale)
    assert not is_lower(energy - 0.5e-7 * scale, energy, scale)
    assert is_lower(energy - 2e-7 * scale, energy, scale)
    for value in (math.nan, math.inf):
        assert not is_same_energy(energy, value, scale)


def test_nan_results_are_dropped_and_no_start_at_all_is_refused():
    def walled(u, p):
        return 0.5 * u[0] ** 2 - jnp.log(1.0 - 1e12 * u[0] ** 2)  # no number but at the vacuum

    problem = ss.Problem(ss.Potential(walled, ("u",), constrained=("u",)), GRID, norm=10.0)
    assert find_solutions(problem, NEWTON, None).solutions == []
    with pytest.raises(ValueError, match="no start of the default search has a finite energy: give a guess"):
        ss.solve(problem)


def test_a_guess_that_does_not_fit_is_refused():
    problem = ss.Problem(octave_model(0.6, n_octaves=2), GRID, norm=800.0)
    with pytest.raises(ValueError, match=r"expected .* reshape it"):
        find_solutions(problem, NEWTON, np.ones((3, 3)))
    with pytest.raises(ValueError, match="vanish, so they cannot be scaled to the norm"):
        find_solutions(problem, NEWTON, ss.Gaussian(0.0, 3.0))
