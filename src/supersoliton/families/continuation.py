r"""Pseudo-arclength continuation: predictor, corrector, step length control and stopping criteria.

The step grows if the corrector needs few iterations and shrinks if it needs many. A step is rejected and halved if the
corrector fails, moves further than half of the step, or the tangent turns by more than 25 degrees: signs of a jump to
another branch. References: E. L. Allgower, K. Georg, *Introduction to Numerical Continuation Methods* (2003),
chapter 6; E. J. Doedel, *AUTO*.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .._checks import expect_state, is_number
from ..machine.arithmetic import numerical
from ..problem.couplings import parameters_of
from ..problem.scales import on_scales
from ..solvers.base import Stopwatch
from ..states.accuracy import discretisation_error
from ..states.kinds import BOUNDARY_LIMIT, boundary_fraction, is_homogeneous
from ..states.stability import canonical_norm, charge_and_energy, charged_mass
from ..states.state import State
from .branch import Branch, BranchPoint, SpecialPoint, Units
from .curve import CorrectorError, Curve, Node
from .family import family_of
from .segment import Segment, SpecialNode

_FIRST_STEP = 0.02  # relative change of the state
_SMALLEST = 1e-6
_IDEAL_ITERATIONS = 3  # with this many the step length is kept
_CORRECTOR_STEPS = 8
_LARGEST_TURN = math.cos(math.radians(25.0))
_LARGEST_CORRECTION = 0.5  # of the step
_UNRESOLVED = 1e-3  # relative error of the energy above which the mesh is too coarse; certificates require 1e-6


@numerical
def continuation(
    state: State,
    parameter: str,
    stop: float,
    *,
    step: float | None = None,
    max_step: float = 0.1,
    max_states: int = 200,
    max_seconds: float | None = 300.0,
    tol: float = 1e-10,
    progress: Callable[[BranchPoint], Any] | None = None,
) -> Branch:
    r"""Follow a converged state along ``parameter`` to ``stop``, on its mesh and past folds.

    Pseudo-arclength continuation of :math:`E'(u; p) - \omega^2M_cu = 0`.

    Parameters
    ----------
    state : State
        A converged state.
    parameter : str
        ``"norm"`` (of a state at fixed norm), ``"omega"`` (at fixed frequency) or a coupling of the model, which varies
        at the state's fixed norm or frequency, if any.
    stop : float
        Value of the parameter at which the branch ends. It also ends where it returns to its start.
    step : float, optional
        First step, as a relative change of the state; 0.02 if not given.
    max_step : float, default 0.1
        Largest step.
    max_states : int, default 200
        Largest number of points.
    max_seconds : float or None, default 300.0
        Time budget; None for no limit.
    tol : float, default 1e-10
        Relative dual residual of every point, as for :class:`Newton`.
    progress : callable, optional
        Called with every new BranchPoint.

    Returns
    -------
    Branch
        The points with their stability, folds and bifurcations; ``branch.status`` is the reason why it ends.

    Raises
    ------
    ValueError
        If the state is not converged, the parameter is unknown, or an option is out of range.

    References
    ----------
    H. B. Keller, in *Applications of Bifurcation Theory* (1977) 359.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - p["g"] * u[0]**4 / 4 + u[0]**6 / 8, params={"g": 1.6})
    >>> state = ss.solve(ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0))
    >>> ss.continuation(state, "norm", stop=80.0, max_step=0.3)
    Branch(5 states, 5 of them minima at fixed norm, norm from 80 to 100: no folds, no bifurcations; reached norm = 80)
    """
    goal = _check(state, parameter, stop)
    inner, scales = on_scales(state)
    family = family_of(inner.problem, parameter, scales)
    start, goal = family.point(inner.u, inner.multiplier), family.to_q(goal)
    for name, value in (("step", step), ("max_step", max_step), ("max_seconds", max_seconds), ("tol", tol)):
        if value is not None and not (is_number(value) and value > 0):
            raise ValueError(f"continuation: {name} must be a positive number, got {value!r}: leave it out")
    if isinstance(max_states, bool) or not isinstance(max_states, int) or max_states < 2:
        raise ValueError(f"continuation: max_states must be an integer of at least 2, got {max_states!r}: try 200")
    curve = Curve(family, abs(goal - start.q), tol=tol, max_iterations=_CORRECTOR_STEPS)
    try:
        lin = curve.linearise(start)
        first = curve.measure(start, state.solution.residual, 0, lin, math.copysign(1.0, goal - start.q))
    except CorrectorError as error:
        raise ValueError(
            f"continuation: the branch has no unique tangent at this state ({error}): start from another state"
        ) from None
    units = Units(state.problem, scales)
    walk = _Walk(curve, first, goal, max_step, Stopwatch(max_seconds), max_states, progress, units)
    status = walk.run(min(_FIRST_STEP if step is None else step, max_step))
    return Branch(parameter, tuple(walk.points), tuple(walk.special), status, walk.watch.seconds)


def _check(state: State, parameter: str, stop: float) -> float:
    """The value at which the branch ends. Raises ValueError for arguments that do not fit the state."""
    expect_state("continuation", state)
    problem = state.problem
    if not state.converged:
        raise ValueError(f"continuation: the state is not converged ({state.status}): start from one that is")
    couplings = tuple(problem.model.params)
    if parameter not in ("norm", "omega", *couplings):
        known = ", ".join(("norm", "omega", *couplings))
        raise ValueError(f"continuation: there is no parameter {parameter!r}: choose from {known}")
    if parameter == "norm" and problem.norm is None:
        raise ValueError('continuation: parameter "norm" needs a state at fixed norm: solve Problem(..., norm=...)')
    values = parameters_of(problem)
    if parameter == "omega" and values.get("omega") is None:
        raise ValueError(
            'continuation: parameter "omega" needs a state at fixed frequency: solve Problem(..., omega=...)'
        )
    if not is_number(stop) or (parameter == "norm" and stop <= 0) or (parameter == "omega" and stop < 0):
        raise ValueError(f"continuation: stop must be a possible value of {parameter}, got {stop!r}: choose another")
    if abs(float(stop) - values[parameter]) <= 1e-12 * max(abs(values[parameter]), abs(float(stop))):
        raise ValueError(f"continuation: stop = {stop:g} is the value of the state itself: give another one")
    return float(stop)


class _Walk:
    """One continuation run: the points and special points found so far, and the limits."""

    def __init__(
        self,
        curve: Curve,
        first: Node,
        goal: float,
        max_step: float,
        watch: Stopwatch,
        max_states: int,
        progress: Any,
        units: Units,
    ) -> None:
        self.units = units
        self.curve, self.family, self.first, self.goal = curve, curve.family, first, goal
        self.max_step, self.watch, self.max_states, self.progress = max_step, watch, max_states, progress
        self.points: list[BranchPoint] = []
        self.special: list[SpecialPoint] = []
        start = first.point
        self.watches_the_box = (
            not is_homogeneous(start.problem, start.u) and boundary_fraction(start.problem, start.u) <= BOUNDARY_LIMIT
        )
        self.add(first, None)
        self.watches_the_mesh = self.points[0].discretisation <= _UNRESOLVED

    # Recording

    def add(self, node: Node, segment: Segment | None) -> None:
        if segment is not None:
            try:
                found = segment.special()
            except CorrectorError as error:
                found = []
                self.special.append(self.unlocated(segment, str(error)))
            self.special += [self.record_special(item) for item in found]
        violation = segment.identity_violation() if segment is not None else float("nan")
        self.points.append(self.record(node, violation))
        if self.progress is not None:
            self.progress(self.points[-1])

    def record(self, node: Node, violation: float = float("nan")) -> BranchPoint:
        problem, u, multiplier = node.point.problem, node.point.u, node.point.multiplier
        omega, charge, charged_energy = (
            charge_and_energy(problem, u, multiplier) if math.isfinite(node.norm_slope) else (math.nan,) * 3
        )
        point = BranchPoint(
            problem=node.point.problem,
            u=node.point.u,
            parameter=self.family.to_parameter(node.point.q),
            energy=node.energy,
            norm=node.norm,
            multiplier=node.point.multiplier,
            negative_modes=node.negative_modes,
            unstable_modes=node.unstable_modes,
            residual=node.residual,
            discretisation=discretisation_error(node.point.problem, node.point.u, node.point.multiplier),
            norm_slope=node.norm_slope,
            omega=omega,
            charge=charge,
            charged_energy=charged_energy,
            energy_per_charge=charged_energy / (charged_mass(problem) * charge) if omega > 0 else math.nan,
            charge_slope=canonical_norm(problem, u) + 2.0 * multiplier * node.norm_slope,
            identity=violation,
            steps=node.iterations,
        )
        return self.units.restore(point)

    def record_special(self, found: SpecialNode) -> SpecialPoint:
        shown = self.family.to_parameter(found.q)
        # From q to the parameter: domega = domega^2 / (2 omega).
        unit = self.family.unit
        factor = unit**2 / (2.0 * max(shown, 1e-300)) if self.family.kind == "omega" else unit
        return SpecialPoint(
            kind=found.kind,
            parameter=shown,
            tolerance=found.tolerance * factor,
            after_index=len(self.points) - 1,
            modes_before=found.before,
            modes_after=found.after,
            point=self.record(found.node),
            mode=found.mode if found.mode is None else found.mode * self.units.scales.unit("mode")[:, 0],
            note=found.note,
        )

    def unlocated(self, segment: Segment, why: str) -> SpecialPoint:
        """A special point between two states that could not be located more accurately than the step."""
        a, b = segment.a, segment.b
        shown = [self.family.to_parameter(node.point.q) for node in (a, b)]
        kind = "fold" if a.dq * b.dq < 0 else "bifurcation"
        return SpecialPoint(
            kind=kind,
            parameter=shown[1],
            tolerance=abs(shown[1] - shown[0]),
            after_index=len(self.points) - 1,
            modes_before=a.negative_modes,
            modes_after=b.negative_modes,
            point=self.record(b),
            note=why,
        )

    # Stepping

    def run(self, step: float) -> str:
        node, reason = self.first, "the first step fails"
        while True:
            ended = self.out_of_budget()
            if ended:
                return ended
            try:
                following, arrived, edge = self.advance(node, step)
            except CorrectorError as error:
                reason, step = str(error), 0.5 * step
                if step < _SMALLEST:
                    return f"stalled at {self.position()}: {reason}"
                continue
            self.add(following, Segment(self.curve, node, following))
            node = following
            if arrived:
                return self.arrival(edge)
            ended = self.left_the_mesh(node)
            if ended:
                return ended
            change = 2.0 ** ((_IDEAL_ITERATIONS - following.iterations) / 2.0)
            step = min(self.max_step, step * min(max(change, 0.5), 2.0))

    def left_the_mesh(self, node: Node) -> str | None:
        """The reason if a state that fitted the box and the mesh at the start no longer does."""
        if self.watches_the_box:
            fraction = boundary_fraction(node.point.problem, node.point.u)
            if fraction > BOUNDARY_LIMIT:
                return f"left the box at {self.position()}: {fraction:.1e} of the norm in its outer tenth"
        error = self.points[-1].discretisation
        if self.watches_the_mesh and not error <= _UNRESOLVED:
            return f"outgrew the mesh at {self.position()}: relative energy error {error:.1e}; continue on a finer mesh"
        return None

    def advance(self, node: Node, step: float) -> tuple[Node, bool, float]:
        """The next node; whether it is at an end of the range (the goal, or the start again); the value at that end."""
        edge = self.edge_beyond(node.point.q + step * node.dq)
        if edge is not None:  # the goal is within this step: aim at it
            short = (edge - node.point.q) / node.dq
            guess = self.curve.ahead(node, short)
            following = self.curve.node(guess, self.curve.at_value(edge), node)
            self.check_step(node, following, short)
            return following, True, edge
        following = self.curve.node(self.curve.ahead(node, step), self.curve.on_arc(node, step), node)
        self.check_step(node, following, step)
        edge = self.edge_beyond(following.point.q)
        if edge is None:
            return following, False, 0.0
        return Segment(self.curve, node, following).node_at_value(edge), True, edge

    def edge_beyond(self, q: float) -> float | None:
        """The end of the range that q lies beyond; None if q is inside."""
        start = self.first.point.q
        sense = math.copysign(1.0, self.goal - start)
        if (q - self.goal) * sense >= 0:
            return self.goal
        return start if (q - start) * sense < 0 and len(self.points) > 1 else None

    def check_step(self, node: Node, following: Node, step: float) -> None:
        """Reject a step whose tangent turns too much or whose correction is too long."""
        cosine = node.metric.inner(node.tangent, following.tangent)
        cosine /= math.sqrt(node.metric.inner(following.tangent, following.tangent))
        if cosine < _LARGEST_TURN:
            raise CorrectorError(
                f"the branch turns by {math.degrees(math.acos(max(cosine, -1.0))):.0f} degrees within a step"
            )
        moved = self.curve.difference(node.point, following.point)
        away = type(moved)(moved.u - step * node.tangent.u, moved.c - step * node.tangent.c)
        distance = math.sqrt(node.metric.inner(away, away))
        if distance > _LARGEST_CORRECTION * step:
            raise CorrectorError(f"the correction is {distance / step:.2f} of the step long: another branch is near")

    # Status texts

    def position(self) -> str:
        return f"{self.family.parameter} = {self.points[-1].parameter:.6g}"

    def folds(self) -> str:
        count = sum(item.kind == "fold" for item in self.special)
        return {0: "", 1: " after 1 fold"}.get(count, f" after {count} folds")

    def arrival(self, edge: float) -> str:
        if edge == self.goal:
            return f"reached {self.position()}{self.folds()}"
        return f"came back to {self.position()}{self.folds()}, without reaching {self.family.to_parameter(self.goal):g}"

    def out_of_budget(self) -> str | None:
        if self.watch.expired:
            return f"out of time after {self.watch.seconds:.0f} s at {self.position()}{self.folds()}"
        if len(self.points) >= self.max_states:
            return f"stopped after {len(self.points)} states at {self.position()}{self.folds()}"
        return None
