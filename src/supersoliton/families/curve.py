r"""Points on the solution curve, its tangent, and the bordered Newton corrector.

The unknowns (u, c) satisfy F(u, c) = 0, N(u) = N if the norm is held fixed, and one more linear equation: the arclength
condition :math:`\langle t, x - x_0\rangle = \sigma`, or a given value of the parameter. The Newton system

.. math:: \begin{pmatrix} A & B \\ R^T & D \end{pmatrix}\begin{pmatrix} \delta u \\ \delta c \end{pmatrix}
          = \begin{pmatrix} f \\ g \end{pmatrix}

is solved by block elimination with the condensed factors of A, then by iterative refinement. At a fold A is singular
but the bordered matrix is not. Then the elimination uses A + s M, with a shift s far above rounding and far below the
scale of the spectrum; the refinement contracts by about s per sweep and converges to the solution of the unshifted
system.

References: H. B. Keller, in *Applications of Bifurcation Theory* (1977) 359; W. Govaerts, J. D. Pryce, *IMA J. Numer.
Anal.* **13** (1993) 161 (block elimination needs refinement where A is ill-conditioned).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..problem.norm import half_slope
from ..problem.residual import force, without_translation
from ..problem.tangent_space import Bordered, TangentSpace, norm_border
from ..problem.zero_modes import Symmetries
from .family import Family, FamilyPoint

_SHIFTS = (0.0, 1e-6, -3e-6)  # tried in turn; the spectrum's unit is mass^2
_SINGULAR = 1e-6  # relative residual that is more than rounding
_EPS = 4.0 * float(np.finfo(float).eps)
_REFINED = 1e-11  # relative residual at which the refinement of a bordered solution stops
_SWEEPS = 6


class CorrectorError(ArithmeticError):
    """The corrector did not converge, or converged too far from the prediction; the message gives the reason."""


class BorderRow(NamedTuple):
    """A linear equation <u, du> + <c, dc> = excess."""

    u: Array
    c: Array
    excess: float


class Tangent(NamedTuple):
    """dx/dsigma: fields at free nodes, controls."""

    u: Array
    c: Array


class ArcMetric(NamedTuple):
    """<x, y> = x_w^T M y_w / size + sum_k weight_k x_k y_k with x_w = x_u - drift x_q: relative changes.

    ``drift`` is dv/dq of the vacuum; without it the vacuum, which fills the box, would outweigh the state.
    """

    mass: Array
    size: float
    weight: Array
    drift: Array

    def form(self, t: Tangent) -> tuple[Array, Array]:
        """The linear form <t, .> as (fields, controls)."""
        u = (self.mass @ (t.u - self.drift * t.c[0])) / self.size
        c = self.weight * t.c
        c[0] -= float(np.sum(self.drift * u))
        return u, c

    def inner(self, a: Tangent, b: Tangent) -> float:
        u, c = self.form(a)
        return float(np.sum(u * b.u) + np.sum(c * b.c))


@dataclass(frozen=True, eq=False)
class Linearisation:
    """The linearised system at one point."""

    family: Family
    point: FamilyPoint
    force: Array
    columns: Array  # dF/dc: (control, node, field)
    space: TangentSpace  # A, factorised
    rows: tuple[BorderRow, ...]  # the equation N(u) = N, where there is one

    def solve(
        self, load: Array, last: BorderRow, *, homogeneous: bool = False, fine: bool = False
    ) -> tuple[Array, Array]:
        """(du, dc) of the bordered system for (load, excesses); ``homogeneous``: the other rows' excesses are 0.

        ``fine``: the rounding of A u on a fine mesh is no sign of a singular system. A curve does without, since the
        residual shows it where another branch crosses.
        """
        rows = (*self.rows, last)
        goal = np.array([0.0 if homogeneous and row is not last else row.excess for row in rows])
        for shift in _SHIFTS:
            answer = self._refined(load, rows, goal, self.space.shifted(shift) if shift else self.space, fine)
            if answer is not None:
                return answer
        raise CorrectorError("the bordered system is singular")

    def _refined(
        self, load: Array, rows: tuple[BorderRow, ...], goal: Array, space: TangentSpace, fine: bool
    ) -> tuple[Array, Array] | None:
        """The solution by the factors of ``space`` and iterative refinement; None if that does not converge."""
        borders, corner = np.stack([row.u for row in rows], axis=-1), np.stack([row.c for row in rows])
        system = Bordered(_inverse(space), np.moveaxis(self.columns, 0, -1), rows=borders, corner=corner)
        u, c = np.zeros_like(load), np.zeros(len(goal))
        rest, gap = load, goal
        scale = float(np.max(np.abs(load))) + float(np.max(np.abs(goal)))
        for _ in range(_SWEEPS):
            try:
                with np.errstate(all="ignore"):  # singular factors show in the solution
                    du, dc = system.solve(rest, gap)
            except np.linalg.LinAlgError:
                return None
            u, c = u + du, c + dc
            if not (np.all(np.isfinite(u)) and np.all(np.isfinite(c))):
                return None
            rest = self.without_symmetries(load - self.space.apply(u) - np.tensordot(c, self.columns, 1))
            gap = goal - np.array([np.sum(row.u * u) + np.sum(row.c * c) for row in rows])
            # The products have rounding errors of this scale, so the residual cannot fall below them.
            size = scale + float(np.max(np.abs(np.tensordot(c, self.columns, 1))))
            rounding = min(_EPS * self.space.largest * float(np.max(np.abs(u))), _SINGULAR * size) if fine else 0.0
            if float(np.max(np.abs(rest))) + float(np.max(np.abs(gap))) <= max(_REFINED * size, rounding):
                return u, c
        return None

    def arc_row(self, metric: ArcMetric, tangent: Tangent, excess: float) -> BorderRow:
        u, c = metric.form(tangent)
        return BorderRow(u * self.point.problem.free_nodes, c, excess)

    def value_row(self, excess: float) -> BorderRow:
        return BorderRow(*self.family.value_row(self.point), excess)

    def norm_slope(self) -> float:
        """dN/domega^2 at fixed couplings, -2 b^T A^-1 dF/domega^2 (Vakhitov and Kolokolov)."""
        border = norm_border(self.point.problem, self.point.u)
        column = -border if self.family.kind == "coupling" else self.columns[0]
        return -2.0 * float(np.sum(border * _inverse(self.space)(column[:, :, None])[:, :, 0]))

    def without_symmetries(self, force: Array) -> Array:
        """A force without its parts along translations and zero modes, which are rounding."""
        force, held = without_translation(self.point.problem, self.point.u, force), self.space.held
        if held is None or not held.size:
            return force
        normals = self.space.columns[:, :, -held.shape[2] :]
        along = np.linalg.solve(
            np.tensordot(held, normals, ((0, 1), (0, 1))), np.tensordot(held, force, ((0, 1), (0, 1)))
        )
        return force - np.tensordot(normals, along, 1)

    def count_negative(self) -> tuple[int, int]:
        """Negative modes at l = 0, and those at fixed charge where the frequency is fixed."""
        space = self.space.constrained_by(None)
        negative = space.count_negative()
        fixed = self.point.problem.omega is not None
        return negative, space.at_fixed_norm().count_negative() if fixed else negative


def _inverse(space: TangentSpace) -> Callable[[Array], Array]:
    """A^-1, without translations on a line and zero modes, along which A is singular."""
    if space.problem.line is None and (space.held is None or not space.held.size):
        return space.invert
    return lambda load: np.asarray(space.solve(load)[0])


def linearise(
    family: Family, point: FamilyPoint, held: Array | None = None, known: TangentSpace | None = None
) -> Linearisation:
    """The system at a point; ``held``: zero modes of symmetries, along which it is not to move.

    ``known``: the space of another family at the same point, whose factors serve again.
    """
    problem = point.problem
    gradient = problem.energy_and_gradient(point.u)[1] - point.multiplier * half_slope(problem, point.u)
    vector = without_translation(problem, point.u, gradient * problem.free_nodes)
    if not np.all(np.isfinite(vector)):
        raise CorrectorError("the energy's gradient is not finite")
    own = np.empty((*point.u.shape, 0)) if held is not None and held.size else None  # the norm is one of the rows
    again: dict[str, Any] = {} if known is None else {"factors": known.factors, "curvature": known.curvature}
    space = TangentSpace(problem, point.u, point.multiplier, constraints=own, held=held, **again)
    border = norm_border(problem, point.u)
    if family.kind == "norm":
        columns = [-border]
    else:
        columns = [without_translation(problem, point.u, family.force_rate(point, space))]
        if family.holds_norm:
            columns.append(-border)
    rows: tuple[BorderRow, ...] = ()
    if family.holds_norm:
        missing = 0.5 * (float(problem.norm or 0.0) - problem.norm_of_state(point.u))
        rows = (BorderRow(border, np.zeros(2), missing),)
    return Linearisation(family, point, vector, np.stack(columns), space, rows)


@dataclass(frozen=True, eq=False)
class Node:
    """A converged point of the curve with its tangent, derivatives, observables and stability."""

    point: FamilyPoint
    tangent: Tangent  # of unit length in ``metric``
    metric: ArcMetric
    residual: float
    iterations: int
    # along the tangent
    dq: float
    dnorm: float
    dmultiplier: float
    # observables and stability
    energy: float
    norm: float
    held: Array | None  # zero modes of symmetries
    negative_modes: int
    unstable_modes: int
    norm_slope: float  # dN/domega^2 at fixed couplings
    explicit: tuple[float, float]  # dE/dq beyond omega^2/2 dN/dq, and its change along the tangent


class Curve:
    """The solution curve of a family through a converged point."""

    def __init__(self, family: Family, span: float, *, tol: float, max_iterations: int) -> None:
        self.family, self.tol, self.max_iterations = family, tol, max_iterations
        self.span = span  # the range of the parameter: its scale where the parameter is near zero
        self.symmetries: Symmetries | None = None

    def linearise(self, point: FamilyPoint) -> Linearisation:
        if self.symmetries is None:
            self.symmetries = Symmetries(point.problem, point.u, point.multiplier)
        return linearise(self.family, point, self.symmetries.at(point.problem, point.u))

    def metric_at(self, point: FamilyPoint) -> ArcMetric:
        grid = point.problem.grid
        away = (point.u - point.problem.vacuum.values) * point.problem.free_nodes
        volume = float(np.sum(grid.quadrature_weights))
        size = max(float(np.sum(away * (grid.mass @ away))), 1e-12 * volume)
        weight = np.zeros(self.family.n_controls)
        if self.family.kind != "norm":
            weight[0] = 1.0 / max(abs(point.q), 0.1 * self.span) ** 2
        drift = self.family.vacuum_rate(point.problem) * point.problem.free_nodes
        return ArcMetric(grid.mass, size, weight, drift)

    def difference(self, a: FamilyPoint, b: FamilyPoint) -> Tangent:
        """x_b - x_a."""
        return Tangent(
            (b.u - a.u) * a.problem.free_nodes, np.asarray(self.family.controls(b) - self.family.controls(a))
        )

    def correct(self, guess: FamilyPoint, row_of: Any) -> tuple[FamilyPoint, float, int, Linearisation]:
        """Newton's method on the bordered system; ``row_of(linearisation)`` is its last equation.

        One more step is taken when the residual is below the tolerance.

        Raises
        ------
        CorrectorError : if it does not converge.
        ValueError : if the parameter leaves the range in which the problem is defined.
        """
        point, history = guess, [math.inf]
        for iteration in range(self.max_iterations + 1):
            lin = self.linearise(point)
            residual = self.residual(point)
            if not math.isfinite(residual) or (iteration > 2 and residual > 0.5 * history[-2] and residual > self.tol):
                raise CorrectorError(f"the corrector does not contract at residual {residual:.1e}")
            history.append(residual)
            du, dc = lin.solve(-lin.force, row_of(lin))
            moved = self.family.move(point, du, dc)
            small = float(np.sqrt(np.mean(du**2))) <= 1e-6 * (1e-300 + float(np.sqrt(np.mean(point.u**2))))
            if residual <= self.tol and small:
                # Kept even if rounding keeps the residual from falling: the step makes the linear equations exact.
                polished = self.residual(moved)
                if polished <= self.tol:
                    point, residual = moved, polished
                    lin = self.linearise(point)
                return self.with_rayleigh_quotient(point), residual, iteration, lin
            point = moved
        raise CorrectorError(
            f"the corrector did not converge within {self.max_iterations} steps (residual {history[-1]:.1e})"
        )

    def residual(self, point: FamilyPoint) -> float:
        return force(point.problem, point.u).residual

    def with_rayleigh_quotient(self, point: FamilyPoint) -> FamilyPoint:
        """The point with its multiplier, at fixed norm, replaced by the Rayleigh quotient, as every solver reports."""
        if point.problem.norm is None:
            return point
        return FamilyPoint(point.problem, point.u, force(point.problem, point.u).multiplier, point.q)

    def node(self, guess: FamilyPoint, row_of: Any, towards: Node) -> Node:
        """The converged node near ``guess``; its tangent points the same way as that of ``towards``."""
        try:
            point, residual, iterations, lin = self.correct(guess, row_of)
            return self.measure(point, residual, iterations, lin, towards)
        except ValueError as error:  # the parameter has left the range in which the problem is defined
            raise CorrectorError(str(error)) from error

    def measure(
        self, point: FamilyPoint, residual: float, iterations: int, lin: Linearisation, towards: Node | float
    ) -> Node:
        """The node at a converged point; its tangent points like that of ``towards``, or has that sign of dq."""
        metric = self.metric_at(point)
        if isinstance(towards, Node):
            last = lin.arc_row(towards.metric, towards.tangent, 1.0)
        else:
            last = lin.value_row(towards)
        raw = Tangent(*lin.solve(np.zeros_like(point.u), last, homogeneous=True))
        length = math.sqrt(metric.inner(raw, raw))
        tangent = Tangent(raw.u / length, raw.c / length)
        problem = point.problem
        border = norm_border(problem, point.u)
        row = self.family.value_row(point)
        carried = problem.norm is not None or problem.omega is not None
        negative, unstable = lin.count_negative()
        dq = float(np.sum(row[0] * tangent.u) + np.sum(row[1] * tangent.c))
        varying = self.family.kind == "norm" or self.family.holds_norm
        return Node(
            point=point,
            tangent=tangent,
            metric=metric,
            residual=residual,
            iterations=iterations,
            dq=dq,
            dnorm=2.0 * float(np.sum(border * tangent.u)),
            dmultiplier=float(tangent.c[-1]) if varying else (dq if self.family.kind == "omega" else 0.0),
            energy=problem.energy(point.u),
            norm=problem.norm_of_state(point.u),
            held=lin.space.held,
            negative_modes=negative,
            unstable_modes=unstable,
            norm_slope=lin.norm_slope() if carried else float("nan"),
            explicit=self.family.explicit_slope(point, tangent.u, dq),
        )

    # Along the curve

    def ahead(self, node: Node, step: float) -> FamilyPoint:
        """The predictor: the point at ``step`` along the tangent."""
        try:
            return self.family.move(node.point, step * node.tangent.u, step * node.tangent.c)
        except ValueError as error:
            raise CorrectorError(str(error)) from error

    def on_arc(self, node: Node, sigma: float) -> Any:
        """The equation <t, x - x_node> = sigma as a row at the current iterate."""

        def row(lin: Linearisation) -> BorderRow:
            travelled = node.metric.inner(node.tangent, self.difference(node.point, lin.point))
            return lin.arc_row(node.metric, node.tangent, sigma - travelled)

        return row

    def at_value(self, q: float) -> Any:
        """The equation q(x) = q as a row at the current iterate."""
        return lambda lin: lin.value_row(q - lin.point.q)
