r"""The O(d)-symmetric bounce: the saddle of least action between a false vacuum and the states below it.

No guess is needed. The steps are: find lower states, if none is given; choose the best straight tanh wall towards each
on a table of V (:mod:`.bubble_wall`); relax its shape by descent on the scale-free functional of Coleman, Glaser and
Martin (:mod:`.coleman_glaser_martin`); solve by Newton's method with the decaying exterior, on a mesh that is refined
until the error of the action is at rounding. For d <= 2, where the action has no maximum under scaling, the solution at
d = 2.25 is continued in d.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy import ndarray as Array

from .._checks import expect_model
from ..elements.edges import wall_edges
from ..elements.grid import RadialGrid
from ..guesses.bubble_wall import Wall, best_walls
from ..machine.blas_threads import one_thread
from ..problem.asymptotics import decay_length
from ..problem.problem import DiscreteProblem, Problem
from ..problem.scales import scales_around
from ..solvers.base import Solution, Stopwatch
from ..solvers.coleman_glaser_martin import ColemanGlaserMartin, Shape
from ..solvers.newton import Newton
from ..states import observables
from ..states.accuracy import exterior_error
from ..states.state import State, make_state, restored_state
from ..theory.base import AbstractModel
from ..theory.derivatives import point_kernels
from ..theory.dimensionless import Dimensionless
from ..theory.vacua import Vacuum, slope, vacua, vacuum_at
from .adaptive import ELEMENTS, ORDER, converge_mesh, domain_for, grow_domain, on_domain
from .dimension import continue_dimension
from .same_state import FITTED, REMESHED, is_same_shape

_SCALING_DIM = 2.25  # lowest d for the functional of Coleman, Glaser and Martin; below it, continuation in d
_DEGENERATE = 1e-9  # relative depth below which two vacua count as degenerate
_WALLS = 3  # different walls whose shapes are relaxed
# Elements for the descent, half of those of the first Newton run, and the force to which the chosen shape is relaxed on
# them: small enough that Newton's method needs one factorisation on the finer mesh.
_DESCENT_ELEMENTS, _RELAXED_FORCE = ELEMENTS[0] // 2, 1e-5
_RAYS = 64  # random directions along which lower values of V are looked for
_LARGER_DOMAINS = 12  # the domain may grow this many times by a quarter
_EXTERIOR_LIMIT = 1e-14  # error from the linearised exterior, relative to the action


class BounceError(ValueError):
    """There is no bounce, or none was found; the message says which and why."""


@dataclass(frozen=True)
class _Deadline(Newton):
    """Newton's method whose runs share one time budget."""

    watch: Stopwatch = field(default_factory=lambda: Stopwatch(None))

    def run(self, problem: DiscreteProblem, u: Array) -> Solution:
        return Newton(self.tol, self.max_steps, self.target, self.left).run(problem, u)

    @property
    def left(self) -> float:
        return _left(self.watch) if self.max_seconds is None else min(_left(self.watch), self.max_seconds)


def _left(watch: Stopwatch) -> float:
    """Seconds left of the budget; never 0, so that the next run starts and reports in its status that time is up."""
    return 1e9 if watch.budget is None else max(watch.budget - watch.seconds, 1e-3)


@one_thread
def bounce(
    model: AbstractModel,
    false_vacuum: Sequence[float] | Array | Vacuum,
    true_vacuum: Sequence[float] | Array | Vacuum | None = None,
    dim: float = 3,
    *,
    solver: Newton | None = None,
    max_seconds: float = 60.0,
) -> State:
    r"""Find the O(d)-symmetric bounce of least action out of a false vacuum.

    .. math:: S[u] = S_d\int_0^\infty r^{d-1}\,dr\left\{\tfrac12\sum_i k_i u_i'^2 + V(u) - V(u_-)\right\}

    Parameters
    ----------
    model : AbstractModel
        The theory; its potential must not depend on r.
    false_vacuum : sequence of float or ndarray or Vacuum
        A local minimum of V with massive fluctuations.
    true_vacuum : sequence of float or ndarray or Vacuum, optional
        A lower state to tunnel to. If not given, lower minima and directions in which V falls are searched; with many
        minima give several in separate calls and compare the actions.
    dim : float, default 3
        Euclidean dimension d >= 1, any real number.
    solver : Newton, optional
        Options of Newton's method for the last stage.
    max_seconds : float, default 60.0
        Time budget; ``state.status`` records when it ran out.

    Returns
    -------
    State
        The saddle of S with one negative mode: ``state.action`` is S, ``state.certificate.discretisation`` its relative
        error.

    Raises
    ------
    BounceError
        If the false vacuum is no minimum, has a massless fluctuation, or no lower state is found; a ValueError.
    ValueError
        If an argument is out of range.

    References
    ----------
    S. Coleman, *Phys. Rev. D* **15** (1977) 2929; S. Coleman, V. Glaser, A. Martin, *Commun. Math. Phys.* **58** (1978)
    211, whose scale-free functional is minimised first.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**4 - 8 * u[0]**3 + 10 * u[0]**2)
    >>> state = ss.bounce(model, false_vacuum=[0.0], dim=4)
    >>> print(f"{state.action:.6f}", state.certificate.negative_modes)
    34.663601 1
    """
    expect_model("bounce", model)
    watch = Stopwatch(max_seconds)
    chosen = solver or Newton()
    newton = _Deadline(chosen.tol, chosen.max_steps, "stationary", chosen.max_seconds, watch)
    if not (isinstance(dim, int | float) and not isinstance(dim, bool) and math.isfinite(dim) and dim >= 1):
        raise ValueError(f"bounce: dim must be a dimension of at least 1, got {dim!r}: try 3 or 4")
    if model.explicit_r:
        raise BounceError("bounce: the potential depends on r itself, so there is no homogeneous false vacuum")
    given = _values("false_vacuum", model, false_vacuum)
    target = None if true_vacuum is None else _values("true_vacuum", model, true_vacuum)
    scales = scales_around(model, given, float(dim), offset=vacuum_at(model, given).energy_density)
    inner = model if isinstance(model, Dimensionless) else scales.reduce_model(model)
    start = _check_false_vacuum(inner, scales.reduce_fields(given))
    found = _bounce(inner, start, None if target is None else scales.reduce_fields(target), dim, newton, watch)
    return restored_state(found, Problem(model, dim=dim, boundary=tuple(start.values * scales.factors)), scales)


def _bounce(
    model: AbstractModel, start: Vacuum, target: Array | None, dim: float, newton: _Deadline, watch: Stopwatch
) -> State:
    """The bounce of a dimensionless theory."""
    walls = _walls(model, start, target, dim, watch)
    first = max(float(dim), _SCALING_DIM)
    problem, solution = _least_action(*_relax_all(model, start.values, walls, first, watch), newton)
    if first != dim:
        problem, solution = continue_dimension(problem, solution, float(dim), newton, watch)
        if not solution.converged:  # the state at the lowest dimension reached
            return make_state(problem, solution)
    problem, solution = grow_domain(problem, solution, newton, 1.25, _LARGER_DOMAINS, _is_nonlinear_outside, REMESHED)
    problem, solution, error = converge_mesh(problem, solution, newton)
    return make_state(problem, solution, error)


def _least_action(
    relaxed: list[tuple[DiscreteProblem, Shape]], failures: list[str], newton: _Deadline
) -> tuple[DiscreteProblem, Solution]:
    """The solution of least action among the relaxed shapes. Raises BounceError if none converges."""
    best: tuple[DiscreteProblem, Solution] | None = None
    finished: list[Shape] = []
    for problem, shape in relaxed:
        if best is not None and (newton.watch.expired or shape.action > 1.001 * _action(*best)):
            break
        if any(is_same_shape(shape, other) for other in finished):
            continue
        found = _finish(problem, shape, newton)
        if not found[1].converged:
            failures.append(found[1].status)
            continue
        finished.append(shape)
        if best is None or _action(*found) < _action(*best):
            best = found
    if best is None:
        raise BounceError(f"bounce: no wall relaxed to a stationary state ({'; '.join(sorted(set(failures)))})")
    return best


def _is_nonlinear_outside(problem: DiscreteProblem, solution: Solution) -> bool:
    """Whether the linearised exterior limits the accuracy of the action.

    It does if the mass gap does not describe the tail: for u^2 ln u^2 the local mass grows as the field falls.
    """
    return exterior_error(problem, solution.u) > _EXTERIOR_LIMIT * abs(_action(problem, solution))


def _values(name: str, model: AbstractModel, given: Any) -> Array:
    """A vacuum as an array (n_fields,); for one field also a number."""
    n = model.n_fields
    try:
        values = np.asarray(given.values if isinstance(given, Vacuum) else given, dtype=float)
    except (TypeError, ValueError):
        values = np.empty(0)
    values = values[None] if values.shape == () and n == 1 else values
    if values.shape != (n,) or not np.all(np.isfinite(values)):
        raise ValueError(f"bounce: {name} must be {n} finite values, got {given!r}: give one for each field")
    return values


def _check_false_vacuum(model: AbstractModel, values: Array) -> Vacuum:
    state = vacuum_at(model, values)
    shown = model.given_fields(values).tolist()
    force = float(np.max(np.abs(slope(model, values))))
    scale = 1.0 + float(np.max(np.abs(values))) * float(np.max(np.abs(state.masses_squared)))
    if not force <= 1e-6 * scale:
        raise BounceError(f"bounce: false_vacuum {shown} is not a stationary point of V: use ss.vacua")
    if not state.stable:
        raise BounceError(
            f"bounce: the state {shown} is unstable (tachyon with mass^2 = "
            f"{model.given_mass_squared(state.masses_squared[0]):.6g}): it rolls down without a barrier, so there is no "
            "bounce"
        )
    if state.masses_squared[0] <= 1e-10 * max(1.0, float(state.masses_squared[-1])):
        raise BounceError(
            f"bounce: the state {shown} has a massless fluctuation, so the bounce has a power-law tail "
            "(or, like the Fubini-Lipatov instanton of -u^4 in d = 4, no scale) and the equations do not fix its "
            "size: give the fields a small mass and extrapolate"
        )
    return state


def _walls(model: AbstractModel, start: Vacuum, target: Array | None, dim: float, watch: Stopwatch) -> list[Wall]:
    """The walls whose shapes are relaxed, least estimated action first."""
    if target is not None:
        _check_lower(start, vacuum_at(model, target))
        targets = [target]
    else:
        targets = _lower_states(model, start, watch)
    walls = [wall for wall in best_walls(model, start.values, targets, dim) if wall is not None] if targets else []
    if not walls and targets:
        raise BounceError(
            "bounce: the lower states found are nearly degenerate with the false vacuum, so the bounce is larger than "
            "10000 widths of its wall: use the thin-wall formula, or give a deeper true_vacuum"
        )
    if not walls and watch.expired:
        raise BounceError(
            f"bounce: out of time after {watch.seconds:.0f} s of searching for a lower state: increase max_seconds"
        )
    if not walls:
        raise BounceError(
            f"bounce: no state lower than {start.values.tolist()} (V = {start.energy_density:.9g}) was found among the "
            f"minima of V and along {_RAYS} directions: it appears to be stable; give true_vacuum if you know one"
        )
    walls.sort(key=lambda wall: wall.action)
    chosen: list[Wall] = []
    for wall in walls:
        away = wall.centre - start.values
        if all(np.linalg.norm(away - (w.centre - start.values)) > 0.2 * np.linalg.norm(away) for w in chosen):
            chosen.append(wall)
    return chosen[:_WALLS]


def _is_degenerate(start: Vacuum, other: Vacuum) -> bool:
    barrier = max(
        abs(start.energy_density),
        abs(other.energy_density),
        float(start.masses_squared[-1]) * float(np.sum((other.values - start.values) ** 2)),
    )
    return abs(start.energy_density - other.energy_density) <= _DEGENERATE * barrier


def _check_lower(start: Vacuum, other: Vacuum) -> None:
    depth = start.energy_density - other.energy_density
    if _is_degenerate(start, other):
        raise BounceError(
            f"bounce: the two vacua are degenerate (V differs by {depth:.3g}): the radius of the wall is infinite, so "
            "there is no bounce"
        )
    if depth < 0:
        raise BounceError(
            f"bounce: true_vacuum has V = {other.energy_density:.9g}, above the false vacuum's "
            f"{start.energy_density:.9g}: exchange them"
        )


def _lower_states(model: AbstractModel, start: Vacuum, watch: Stopwatch) -> list[Array]:
    """Minima below the false vacuum, and points along rays where V falls below it (runaways, distant minima)."""
    minima = vacua(model, max_seconds=0.25 * _left(watch), known=start)
    lower = []
    degenerate = None
    for v in minima:
        try:
            _check_lower(start, v)
            lower.append(v.values)
        except BounceError as error:
            if _is_degenerate(start, v) and float(np.max(np.abs(v.values - start.values))) > 1e-6:
                degenerate = error
    n = model.n_fields
    rng = np.random.default_rng(0)
    directions = (
        np.concatenate([np.eye(n), -np.eye(n), rng.normal(size=(_RAYS, n))]) if n > 1 else np.array([[1.0], [-1.0]])
    )
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    reach = np.geomspace(1e-2, 1e3, 160)
    points = start.values + reach[:, None, None] * directions
    flat = points.reshape(-1, n)
    energy = (
        point_kernels(model.potential_function).value(flat, model.params, np.zeros(len(flat))).reshape(points.shape[:2])
    )
    below = np.isfinite(energy) & (energy < start.energy_density - _DEGENERATE * abs(start.energy_density) - 1e-12)
    for j in np.flatnonzero(below.any(axis=0)):
        first = int(np.argmax(below[:, j]))
        # The centre of a thick wall lies beyond the point of equal V: 3 times as far is enough up to d = 4.
        lower.append(start.values + 3.0 * reach[first] * directions[j])
    if not lower and degenerate is not None:
        raise degenerate
    return lower


def _relax(
    model: AbstractModel, false_vacuum: Array, wall: Wall, dim: float, watch: Stopwatch
) -> tuple[DiscreteProblem, Shape]:
    """The shape that the wall relaxes to, on a mesh made for the wall."""
    length = decay_length(Problem(model, dim=dim, boundary=tuple(false_vacuum)))
    r_max = wall.radius + 4.0 * wall.width + 14.0 * length
    edges = wall_edges(wall.radius, wall.width, length, r_max, _DESCENT_ELEMENTS)
    problem = DiscreteProblem(model, RadialGrid(edges=edges, order=ORDER, dim=dim), boundary=tuple(false_vacuum))
    u = wall(problem.grid.nodes)
    u[-1] = false_vacuum
    # A thin wall must be placed to a fraction of its width: Newton has no larger basin.
    tol = 1e-3 * min(1.0, 3.0 / max(wall.ratio, 3.0))
    return problem, ColemanGlaserMartin(tol, max_seconds=_left(watch)).descend(problem, u)


def _relax_all(
    model: AbstractModel, false_vacuum: Array, walls: list[Wall], dim: float, watch: Stopwatch
) -> tuple[list[tuple[DiscreteProblem, Shape]], list[str]]:
    """The shapes that the walls relax to, least action first, and the status of each failure."""
    relaxed: list[tuple[DiscreteProblem, Shape]] = []
    failures = []
    for wall in walls:
        if relaxed and watch.budget is not None and watch.seconds > 0.5 * watch.budget:
            break  # leave half of the time for the solver
        problem, shape = _relax(model, false_vacuum, wall, dim, watch)
        if shape.action > 0 and not shape.status.startswith("out of time"):
            relaxed.append((problem, shape))
        else:
            failures.append(shape.status)
    return sorted(relaxed, key=lambda pair: pair[1].action), failures


def _finish(problem: DiscreteProblem, shape: Shape, newton: _Deadline) -> tuple[DiscreteProblem, Solution]:
    """The solution with the decaying exterior, by Newton's method from the relaxed shape scaled to its true size."""
    grid = problem.grid
    shape = ColemanGlaserMartin(_RELAXED_FORCE, sigma=1e-4, max_seconds=newton.left).descend(problem, shape.u)
    fine = grid.refine(split=2)
    stretched = RadialGrid(edges=tuple(fine.element_edges * math.sqrt(shape.scale)), order=ORDER, dim=grid.dim)
    problem = replace(problem, grid=stretched, boundary="decaying", background=tuple(problem.vacuum.values))
    solution = newton.run(problem, grid.interpolate(shape.u, fine.nodes))
    return _fit_domain(problem, solution, newton) if solution.converged else (problem, solution)


def _fit_domain(problem: DiscreteProblem, solution: Solution, newton: Newton) -> tuple[DiscreteProblem, Solution]:
    """Set the outer radius to the core plus 14 decay lengths if it differs much from that."""
    grid = problem.grid
    wanted = domain_for(problem, observables.core_radius(problem, solution.u))
    if 0.8 * wanted <= grid.r_max <= 1.6 * wanted:
        return problem, solution
    edges = grid.element_edges
    edges = edges * (wanted / grid.r_max) if wanted < grid.r_max else np.append(edges[:-1], wanted)
    return on_domain(problem, solution, newton, edges, FITTED) or (problem, solution)


def _action(problem: DiscreteProblem, solution: Solution) -> float:
    return problem.energy(solution.u)
