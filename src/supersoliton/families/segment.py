r"""The branch between two neighbouring points: cubic interpolation in the arclength; folds and bifurcations.

The arclength condition makes sigma = <t_a, x - x_a> an exact coordinate of the curve between x_a and x_b, in which the
tangents give exact derivatives: dx/dsigma = t_a at a, t_b / <t_a, t_b> at b.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy import ndarray as Array
from scipy.optimize import brentq

from ..problem.tangent_space import TangentSpace
from .curve import CorrectorError, Curve, Node
from .family import FamilyPoint

_FOLD_ACCURACY = 1e-6  # of the step; the parameter is quadratic at a fold, so its relative error is 1e-12
_CROSSING_ACCURACY = 1e-9  # of the step
_COUNTING_DISTANCE = 1e-3  # of the step: the modes are counted this far on both sides of a fold
_BRACKETS = (0.2, 0.05, 0.0125)  # of the step: distances from which a singular fold is interpolated
_ROUNDING = 1e-12  # relative error of the parameter for residuals of 1e-14, with a safety factor
_OFFSET = 1e-9  # shift of the second variation (mass^2), which keeps it regular where an eigenvalue is 0 to rounding


@dataclass(frozen=True, eq=False)
class SpecialNode:
    """A special point: its kind, the node (or the nearest one that converged), q with its error bound, the mode."""

    kind: str
    node: Node
    q: float
    tolerance: float
    before: int  # negative modes on both sides
    after: int
    mode: Array | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class Segment:
    """The curve from node a to node b."""

    curve: Curve
    a: Node
    b: Node

    @functools.cached_property
    def length(self) -> float:
        return self.a.metric.inner(self.a.tangent, self.curve.difference(self.a.point, self.b.point))

    @functools.cached_property
    def rate(self) -> float:
        """dx/dsigma at b in units of its tangent."""
        return 1.0 / self.a.metric.inner(self.a.tangent, self.b.tangent)

    def _hermite(self, sigma: float) -> tuple[float, float, float, float]:
        """Weights of y_a, y_a', y_b, y_b' (derivatives along the tangents)."""
        h, t = self.length, sigma / self.length
        return (
            (1.0 + 2.0 * t) * (1.0 - t) ** 2,
            t * (1.0 - t) ** 2 * h,
            t**2 * (3.0 - 2.0 * t),
            -(t**2) * (1.0 - t) * h * self.rate,
        )

    def _hermite_slope(self, sigma: float) -> tuple[float, float, float, float]:
        h, t = self.length, sigma / self.length
        return (
            -6.0 * t * (1.0 - t) / h,
            (1.0 - t) * (1.0 - 3.0 * t),
            6.0 * t * (1.0 - t) / h,
            t * (3.0 * t - 2.0) * self.rate,
        )

    def q_at(self, sigma: float) -> float:
        w = self._hermite(sigma)
        return w[0] * self.a.point.q + w[1] * self.a.dq + w[2] * self.b.point.q + w[3] * self.b.dq

    def guess(self, sigma: float) -> FamilyPoint:
        _, wa, w, wb = self._hermite(sigma)
        far, ta, tb = self.curve.difference(self.a.point, self.b.point), self.a.tangent, self.b.tangent
        try:
            return self.curve.family.move(
                self.a.point, w * far.u + wa * ta.u + wb * tb.u, w * far.c + wa * ta.c + wb * tb.c
            )
        except ValueError as error:
            raise CorrectorError(str(error)) from error

    def node(self, sigma: float) -> Node:
        """The converged node at ``sigma``."""
        if sigma <= 0.0:
            return self.a
        if sigma >= self.length:
            return self.b
        return self.curve.node(self.guess(sigma), self.curve.on_arc(self.a, sigma), self.a)

    def node_at_value(self, q: float) -> Node:
        """The node where the parameter is q, which must lie between its values at the ends."""
        sigma = brentq(lambda s: self.q_at(s) - q, 0.0, self.length)
        return self.curve.node(self.guess(float(sigma)), self.curve.at_value(q), self.a)

    def identity_violation(self) -> float:
        r"""|E_b - E_a - int (1/2 omega^2 dN + E_q dq)| over the size of the terms.

        dE = omega^2/2 dN + E_q dq along every branch of stationary states. The integrand uses the cubic interpolants,
        with an error of fourth order in the step.
        """
        a, b = self.a, self.b
        points, weights = np.polynomial.legendre.leggauss(6)
        total = modulus = 0.0
        for x, w in zip(points, weights, strict=True):
            sigma = 0.5 * self.length * (1.0 + x)
            value, slope = self._hermite(sigma), self._hermite_slope(sigma)

            def along(c: tuple[float, ...], ya: float, da: float, yb: float, db: float) -> float:
                return c[0] * ya + c[1] * da + c[2] * yb + c[3] * db

            multiplier = along(value, a.point.multiplier, a.dmultiplier, b.point.multiplier, b.dmultiplier)
            explicit = along(value, *a.explicit, *b.explicit)
            norm_rate = along(slope, a.norm, a.dnorm, b.norm, b.dnorm)
            q_rate = along(slope, a.point.q, a.dq, b.point.q, b.dq)
            term = 0.5 * multiplier * norm_rate + explicit * q_rate
            total += 0.5 * self.length * w * term
            modulus += 0.5 * self.length * w * abs(term)
        rounding = 1e-12 * (abs(a.energy) + abs(b.energy))
        return abs(b.energy - a.energy - total) / max(abs(b.energy - a.energy), modulus, rounding, 1e-300)

    # Special points

    def special(self) -> list[SpecialNode]:
        """Folds of the parameter, extrema of the norm at fixed frequency, other changes of the negative modes."""
        found: list[tuple[float, SpecialNode]] = []
        stretches: list[tuple[float, Node]] = [(0.0, self.a)]
        if self.a.dq * self.b.dq < 0:
            sigma, fold, ends = self._fold()
            found.append((sigma, fold))
            stretches += ends
        if self.curve.family.kind == "omega" and self.a.dnorm * self.b.dnorm < 0:
            sigma, node = self._zero_of(lambda node: node.dnorm)
            counts = [self.a.negative_modes, self.b.negative_modes]
            tolerance = abs(node.dq) * _FOLD_ACCURACY * self.length
            found.append((sigma, SpecialNode("norm extremum", node, node.point.q, tolerance, counts[0], counts[1])))
        stretches.append((self.length, self.b))
        for i in range(0, len(stretches), 2):
            found += self._crossings(*stretches[i], *stretches[i + 1])
        return [item for _, item in sorted(found, key=lambda pair: pair[0])]

    def _fold(self) -> tuple[float, SpecialNode, list[tuple[float, Node]]]:
        """(sigma of a fold, the fold, the nodes just before and after)."""
        try:
            sigma, fold = self._zero_of(lambda node: node.dq)
            distance = _COUNTING_DISTANCE * self.length
            ends = [self._node_near(sigma - distance), self._node_near(sigma + distance)]
        except CorrectorError:
            return self._singular_fold()
        # Quadratic at the fold, plus the slope that remains at the point found.
        change = _FOLD_ACCURACY * self.length
        curvature = abs(self.b.dq - self.a.dq) / self.length
        tolerance = 0.5 * curvature * change**2 + abs(fold.dq) * change + _ROUNDING * abs(fold.point.q)
        counts = (ends[0][1].negative_modes, ends[1][1].negative_modes)
        found = SpecialNode("fold", fold, fold.point.q, tolerance, *counts, critical_mode(fold)[1])
        return sigma, found, ends

    def _singular_fold(self) -> tuple[float, SpecialNode, list[tuple[float, Node]]]:
        """A fold at which the bordered system is singular, as where the arm of a pitchfork meets its mirror image.

        The corrector fails there, so the fold is interpolated between nodes at decreasing distance. The tolerance is
        the change made by the last interpolation.
        """
        inner, low, high = self, (0.0, self.a), (self.length, self.b)
        sigma = self._interpolated_turn()
        q = self.q_at(sigma)
        tolerance = abs(self.b.point.q - self.a.point.q) + abs(q - self.a.point.q)
        for fraction in _BRACKETS:
            reach = fraction * self.length
            try:
                ends = [self._node_near(sigma - reach), self._node_near(sigma + reach)]
            except CorrectorError:
                break
            if ends[0][1].dq * ends[1][1].dq >= 0:
                break
            low, high = ends
            inner = Segment(self.curve, low[1], high[1])
            turn = inner._interpolated_turn()
            tolerance, q, sigma = abs(inner.q_at(turn) - q), inner.q_at(turn), low[0] + turn
        nearest = min((inner.a, inner.b), key=lambda node: abs(node.dq))
        counts = (inner.a.negative_modes, inner.b.negative_modes)
        note = "the bordered system is singular here: another branch crosses"
        found = SpecialNode(
            "fold", nearest, q, tolerance + _ROUNDING * abs(q), *counts, critical_mode(nearest)[1], note
        )
        return sigma, found, [low, high]

    def _interpolated_turn(self) -> float:
        def slope(sigma: float) -> float:
            w = self._hermite_slope(sigma)
            return w[0] * self.a.point.q + w[1] * self.a.dq + w[2] * self.b.point.q + w[3] * self.b.dq

        return float(brentq(slope, 0.0, self.length))

    def _node_near(self, sigma: float) -> tuple[float, Node]:
        inside = min(max(sigma, 0.0), self.length)
        return inside, self.node(inside)

    def _zero_of(self, slope: Callable[[Node], float]) -> tuple[float, Node]:
        """(sigma, node) at which a slope vanishes, by Brent's method on converged points."""
        sigma = brentq(lambda s: slope(self.node(s)), 0.0, self.length, xtol=_FOLD_ACCURACY * self.length, rtol=1e-15)
        return float(sigma), self.node(float(sigma))

    def _crossings(self, low: float, first: Node, high: float, last: Node) -> list[tuple[float, SpecialNode]]:
        """Bifurcations: zeros of an eigenvalue at which the number of negative modes changes."""
        if first.negative_modes == last.negative_modes or high <= low:
            return []
        reference = first.negative_modes

        def signed(sigma: float) -> float:
            node = first if sigma == low else last if sigma == high else self.node(sigma)
            size = abs(critical_mode(node)[0]) + 1e-300
            return size if node.negative_modes == reference else -size

        tolerance = _CROSSING_ACCURACY * self.length
        try:
            sigma = float(brentq(signed, low, high, xtol=tolerance, rtol=1e-15))
            node = self.node(sigma)
            beyond = min(sigma + max(_COUNTING_DISTANCE * self.length, 2.0 * tolerance), high)
            after = last if beyond == high else self.node(beyond)
        except CorrectorError:  # the corrector fails near other branches: the tolerance is the whole step
            half = abs(last.point.q - first.point.q)
            counts = (reference, last.negative_modes)
            return [(high, SpecialNode("bifurcation", last, last.point.q, half, *counts, critical_mode(last)[1]))]
        accuracy = abs(node.dq) * 2.0 * tolerance + _ROUNDING * abs(node.point.q)
        counts = (reference, after.negative_modes)
        first_found = (sigma, SpecialNode("bifurcation", node, node.point.q, accuracy, *counts, critical_mode(node)[1]))
        rest = [] if after is last or after.negative_modes == reference else self._crossings(beyond, after, high, last)
        return [first_found, *rest]


def critical_mode(node: Node) -> tuple[float, Array]:
    """The eigenvalue of the (constrained) second variation nearest to zero and its mode, by inverse iteration."""
    point = node.point
    return TangentSpace(point.problem, point.u, point.multiplier, sigma=_OFFSET, held=node.held).nearest_mode()
