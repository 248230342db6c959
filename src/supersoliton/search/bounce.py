r"""The O(d)-symmetric bounce: the saddle of least action between a false vacuum and the states below it.

No guess is needed. For one field all bounces are found by shooting (:mod:`.one_field`); for several, walls on straight
and on relaxed ways to lower states are relaxed by descent (:mod:`.walls`). Newton's method with the decaying exterior
solves them, their actions are compared, and the mesh of the least is refined until the error of its action is at
rounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy import ndarray as Array

from .._checks import expect_model, expect_potential
from ..machine.arithmetic import numerical
from ..problem.asymptotics import moved_masses_squared
from ..problem.problem import DiscreteProblem, Problem
from ..problem.scales import is_dimensionless, scales_around
from ..solvers.base import Solution, Stopwatch
from ..solvers.newton import Newton
from ..states.accuracy import exterior_error
from ..states.state import State, make_state, restored_state
from ..states.tunnelling import Tunnelling
from ..theory.base import AbstractModel
from ..theory.derivatives import point_kernels
from ..theory.vacua import Vacuum, vacuum_at
from .adaptive import converge_mesh, grow_domain, on_domain
from .one_field import EXCITED, Found, bounces_of_field
from .refusal import BounceError as BounceError
from .refusal import check_false_vacuum, check_lower, check_massless_directions, is_massless
from .same_state import FITTED, REMESHED
from .walls import bounces_of_fields

_LARGER_DOMAINS = 12  # the domain may grow this many times by a quarter
_EXTERIOR_LIMIT = 1e-14  # error from the linearised exterior, relative to the action
# A massless field: the domain grows fourfold, at most so many times, until the action changes by less than _STANDS
_LARGER_POWERS, _STANDS = 6, 1e-12
_DESCENT_STEPS = 400  # of the descent from the centre of a bounce to a minimum of V
_HALVINGS = 12  # of a step of that descent
_FAR = 1e8  # a descent that comes this far from its start has no lower bound
_SAME_MINIMUM = 1e-3  # distance of two minima, relative to that from the false vacuum, below which they are one


@dataclass(frozen=True)
class _Deadline(Newton):
    """Newton's method whose runs share one time budget."""

    watch: Stopwatch = field(default_factory=lambda: Stopwatch(None))

    def run(self, problem: DiscreteProblem, u: Array) -> Solution:
        return Newton(self.tol, self.max_steps, self.target, self.left).run(problem, u)

    @property
    def left(self) -> float:
        """Seconds left of the budget; never 0, so that a run starts and reports in its status that time is up."""
        left = 1e9 if self.watch.budget is None else max(self.watch.budget - self.watch.seconds, 1e-3)
        return left if self.max_seconds is None else min(left, self.max_seconds)


@numerical
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

    or with :math:`\tfrac12u'^TK(u)u'` where the kinetic terms depend on the fields.

    Parameters
    ----------
    model : AbstractModel
        The theory; its potential must not depend on r.
    false_vacuum : sequence of float or ndarray or Vacuum
        A local minimum of V.
    true_vacuum : sequence of float or ndarray or Vacuum, optional
        A lower state that gives the direction of tunnelling. If not given, lower minima and directions in which V falls
        are searched. The bounce of least action this way may end in another state: ``state.tunnelling`` names it.
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
        error, ``state.tunnelling`` the minimum in its core and the number of bounces compared.

    Raises
    ------
    BounceError
        If the false vacuum is no minimum, or no lower state or no bounce is found; a ValueError.
    ValueError
        If an argument is out of range.

    References
    ----------
    S. Coleman, *Phys. Rev. D* **15** (1977) 2929; S. Coleman, V. Glaser, A. Martin, *Commun. Math. Phys.* **58** (1978)
    211, whose scale-free functional is minimised first for several fields.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**4 - 8 * u[0]**3 + 10 * u[0]**2)
    >>> state = ss.bounce(model, false_vacuum=[0.0], dim=4)
    >>> print(f"{state.action:.6f}", state.certificate.negative_modes)
    34.663601 1
    """
    expect_model("bounce", model)
    expect_potential("bounce", model, "use solve(Problem(theory))")
    chosen = solver or Newton()
    newton = _Deadline(chosen.tol, chosen.max_steps, "stationary", chosen.max_seconds, Stopwatch(max_seconds))
    if not (isinstance(dim, int | float) and not isinstance(dim, bool) and math.isfinite(dim) and dim >= 1):
        raise ValueError(f"bounce: dim must be a dimension of at least 1, got {dim!r}: try 3 or 4")
    if model.explicit_r:
        raise BounceError("bounce: the potential depends on r itself, so there is no homogeneous false vacuum")
    given = _values("false_vacuum", model, false_vacuum)
    target = None if true_vacuum is None else _values("true_vacuum", model, true_vacuum)
    scales = scales_around(model, given, float(dim))
    inner = model if is_dimensionless(model) else scales.reduce_model(model)
    start = check_false_vacuum(inner, scales.reduce_fields(given))
    found = _bounce(inner, start, None if target is None else scales.reduce_fields(target), float(dim), newton)
    return restored_state(found, Problem(model, dim=dim, boundary=tuple(start.values * scales.factors)), scales)


def _bounce(model: AbstractModel, start: Vacuum, target: Array | None, dim: float, newton: _Deadline) -> State:
    """The bounce of a dimensionless theory."""
    check_massless_directions(model, start, dim)
    if target is not None:
        check_lower(model, start, vacuum_at(model, target))
    search = bounces_of_field if model.n_fields == 1 else bounces_of_fields
    solved, found = search(model, start, target, dim, newton)
    best = min(solved, key=lambda one: (not one.solution.converged, one.action))
    if not best.solution.converged:  # stopped short of the dimension or of the time asked for
        return make_state(*best)
    state = _refined(best, newton)
    return replace(state, tunnelling=_tunnelling(model, start, target, state, solved, found))


def _refined(found: Found, newton: _Deadline) -> State:
    """The bounce on a domain and a mesh on which its action is known to rounding."""
    if is_massless(found.problem.vacuum) and _moves_massless(found):
        return _extrapolated(found, newton)
    problem, solution = grow_domain(*found, newton, 1.25, _LARGER_DOMAINS, _is_nonlinear_outside, REMESHED)
    return make_state(*converge_mesh(problem, solution, newton)[:2])


def _moves_massless(found: Found) -> bool:
    vacuum = found.problem.vacuum.values
    moved = moved_masses_squared(found.problem.model, vacuum, found.solution.u - vacuum, EXCITED)
    return bool(moved[0] == 0.0)


def _extrapolated(found: Found, newton: _Deadline) -> State:
    """The bounce of a massless field, whose tail is a power of r: the domain grows until the action stands.

    What further growth would change, by extrapolation, is the error due to the box.
    """
    problem, solution, _ = converge_mesh(*found, newton)
    actions = [problem.energy(solution.u)]
    for _ in range(_LARGER_POWERS):
        edges = np.append(problem.grid.element_edges, problem.grid.r_max * np.array([2.0, 4.0]))
        wider, moved = on_domain(problem, solution, newton, edges, None) or (problem, solution)
        action = wider.energy(moved.u)
        if not moved.converged or abs(action - actions[-1]) > FITTED.energy * actions[-1]:
            break
        problem, solution = wider, moved
        actions.append(action)
        if abs(actions[-1] - actions[-2]) <= _STANDS * actions[-1]:
            break
    steps = np.abs(np.diff(actions)) if len(actions) > 1 else np.array(actions)
    ratio = min(steps[-1] / max(steps[-2], 1e-300), 0.9) if len(steps) > 1 else 0.5
    beyond = float(steps[-1] * ratio / (1.0 - ratio)) / actions[-1]
    return make_state(problem, solution, beyond)


def _is_nonlinear_outside(problem: DiscreteProblem, solution: Solution) -> bool:
    """Whether the linearised exterior limits the accuracy of the action.

    It does if the mass gap does not describe the tail: for u^2 ln u^2 the local mass grows as the field falls.
    """
    return exterior_error(problem, solution.u) > _EXTERIOR_LIMIT * abs(problem.energy(solution.u))


def _values(name: str, model: AbstractModel, given: Any) -> Array:
    n = model.n_fields
    try:
        values = np.atleast_1d(np.asarray(given.values if isinstance(given, Vacuum) else given, dtype=float))
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (n,) or not np.all(np.isfinite(values)):
        raise ValueError(f"bounce: {name} must be {n} finite values, got {given!r}: give one for each field")
    return values


# Which minimum a bounce ends in


def _tunnelling(
    model: AbstractModel, start: Vacuum, target: Array | None, state: State, solved: list[Found], found: int
) -> Tunnelling:
    core = minimum_below(model, state.u[0])
    asked = None if target is None else minimum_below(model, target)
    actions = (state.action, *sorted(one.action for one in solved)[1:])
    ends = "where a descent of V reaches no minimum" if core is None else f"in {_named(model, core)}"
    words = f"least action of {found} bounce{'s' if found > 1 else ''} found; it ends {ends}"
    if target is not None and not _is_same(core, asked, start):
        words = f"the bounce of least action this way ends {ends}" + (
            f", not in {_named(model, asked)}" if asked else ""
        )
    return Tunnelling(found, actions, core, asked, words)


def _named(model: AbstractModel, vacuum: Vacuum) -> str:
    given = model.given_fields(vacuum.values)
    values = np.where(np.abs(given) > 1e-9 * float(np.max(np.abs(given))), given, 0.0)
    shown = (f"{name} = {value:.6g}" for name, value in zip(vacuum.fields, values, strict=True))
    return f"the minimum at {', '.join(shown)}"


def _is_same(one: Vacuum | None, other: Vacuum | None, start: Vacuum) -> bool:
    if one is None or other is None:
        return one is other
    away = float(np.linalg.norm(other.values - start.values))
    return bool(np.linalg.norm(one.values - other.values) <= _SAME_MINIMUM * away)


def minimum_below(model: AbstractModel, u: Array) -> Vacuum | None:
    """The minimum of V that a descent from ``u`` leads to; None if it reaches none in 400 steps."""
    kernels, here = point_kernels(model.potential_function), np.array(u, dtype=float)
    origin, reach, still = here, 1.0 + float(np.max(np.abs(u))), np.zeros(_HALVINGS)
    value, force = (x[0] for x in kernels.value_and_gradient(here[None], model.params, still[:1]))
    for _ in range(_DESCENT_STEPS):
        values, vectors = np.linalg.eigh(kernels.hessian(here[None], model.params, still[:1])[0])
        stiff = np.maximum(np.abs(values), 1e-10 * max(1.0, float(np.max(np.abs(values)))))
        step = -vectors @ (vectors.T @ force / stiff)
        length = float(np.max(np.abs(step)))
        # At most a tenth of the fields, so that no minimum on the way is passed over.
        step *= min(1.0, 0.1 * (float(np.max(np.abs(here))) + 0.1) / max(length, 1e-300))
        trial = here + step * 0.5 ** np.arange(float(_HALVINGS))[:, None]
        energies, forces = kernels.value_and_gradient(trial, model.params, still)
        lower = energies < value
        if length <= 1e-9 * reach or not lower.any():
            settled = length <= 1e-5 * reach and values[0] > -1e-9 * stiff[-1]
            return vacuum_at(model, here + step) if settled else None
        best = int(np.argmax(lower))
        here, value, force = trial[best], energies[best], forces[best]
        if float(np.max(np.abs(here - origin))) > _FAR * reach:
            return None
    return None
