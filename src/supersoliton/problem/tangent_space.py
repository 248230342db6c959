r"""The second variation on the tangent space of the constraints: bordered solves, inertia, lowest modes.

With constraints :math:`b_k^Tx = g_k` (the norm, with b = M_c u; a phase condition; an arclength) the equations are
bordered by rows and columns,

.. math:: \begin{pmatrix} A & B \\ R^T & D \end{pmatrix}\begin{pmatrix} x \\ c \end{pmatrix}
          = \begin{pmatrix} f \\ g \end{pmatrix},\qquad
          x = A^{-1}f - A^{-1}B\,c,\quad (D - R^TA^{-1}B)\,c = g - R^TA^{-1}f ,

which needs only A^-1. For R = B and D = 0 this is :math:`v - A^{-1}b\,(b\cdot A^{-1}b)^{-1}(b\cdot v - g)` with
v = A^-1 f: the point of b.x = g next to v in the sense of A.

Reference: W. Govaerts, J. D. Pryce, *IMA J. Numer. Anal.* **13** (1993) 161 (bordered systems by block elimination).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..elements import lapack
from . import functional, second_variation
from .ends import eliminated_fields
from .norm import half_slope, without_rotation
from .problem import DiscreteProblem
from .residual import translation_border

_ITERATIONS = 12  # of inverse iteration, from a random start


class Bordered:
    """A bordered system, solved with A^-1 only; A^-1 B is computed once.

    Parameters
    ----------
    invert : function that applies A^-1 to an array (..., load); the leading axes are those of the unknowns.
    columns : B, (..., border).
    rows : R, of the same shape; B unless given.
    corner : D, (border, border); 0 unless given.
    """

    def __init__(
        self, invert: Callable[[Array], Array], columns: Array, *, rows: Array | None = None, corner: Any = 0.0
    ) -> None:
        self.invert, self.columns = invert, columns
        self.rows, self.corner = columns if rows is None else rows, corner
        self._images: Array | None = None

    @property
    def images(self) -> Array:
        """A^-1 B."""
        if self._images is None:
            self._images = self.invert(self.columns)
        return self._images

    @cached_property
    def schur(self) -> Array:
        """D - R^T A^-1 B, (border, border)."""
        return self.corner - self._along(self.images)

    def solve(self, load: Array, goals: float | Array = 0.0) -> tuple[Array, Array]:
        """x and c for one load (...) and goals (border,), or for several (..., load) and (border, load).

        Calls ``invert`` once, for the loads and, the first time, the columns.
        """
        if load.ndim < self.columns.ndim:
            x, c = self.solve(load[..., None], self._as_column(goals))
            return x[..., 0], c[..., 0]
        if self._images is None and self.columns.shape[-1]:
            solved = self.invert(np.concatenate([load, self.columns], axis=-1))
            count = load.shape[-1]
            x, self._images = solved[..., :count], solved[..., count:]
        else:
            x = self.invert(load)
        return self.project(x, goals)

    def project(self, x: Array, goals: float | Array = 0.0) -> tuple[Array, Array]:
        """x - A^-1 B c, which satisfies the constraints, and c; shapes as in :meth:`solve`."""
        if x.ndim < self.columns.ndim:
            x, c = self.project(x[..., None], self._as_column(goals))
            return x[..., 0], c[..., 0]
        if self.columns.shape[-1] == 0:
            return x, np.zeros((0, x.shape[-1]))
        gap = goals - self._along(x)
        if self.columns.shape[-1] == 1:
            # A border of zeros (no field carries the norm) constrains nothing.
            empty = self.schur == 0.0
            c = np.where(empty, 0.0, gap / np.where(empty, 1.0, self.schur))
            return x - self.images * c[0], c
        c = np.linalg.solve(self.schur, gap)
        return x - self.images @ c, c

    def _along(self, x: Array) -> Array:
        """R^T x, (border, column)."""
        return (self.rows[..., :, None] * x[..., None, :]).sum(tuple(range(x.ndim - 1)))

    @staticmethod
    def _as_column(goals: float | Array) -> float | Array:
        return goals[:, None] if isinstance(goals, Array) else goals


class RankOne(NamedTuple):
    """Terms sum_k s_k b_k b_k^T of the operator in addition to V'': a delta function where V' jumps."""

    columns: Array  # b_k, (node, field, term)
    strengths: Array  # s_k, (term,)


class TangentSpace(Bordered):
    r"""The factorised second variation E'' - omega^2 M_c + sigma M at a point, and the constraints there.

    Parameters
    ----------
    problem, u, multiplier : the point, fields (node, field) and omega^2.
    sigma : added to the operator, in mass^2.
    ell : angular momentum; constraints are conditions at l = 0.
    curvature : V'' at the quadrature points, if known.
    factors : factors of the operator, if known, or of the operator at a nearby point.
    constraints : B, (node, field, border); by default the constraints of the problem.
    held : directions (node, field, mode) that solutions do not contain: symmetries, along which nothing changes.
    deltas : terms of the operator that are not in its factors; each is a constraint that gives way by 1/s_k.
    """

    def __init__(
        self,
        problem: DiscreteProblem,
        u: Array,
        multiplier: float,
        *,
        sigma: float = 0.0,
        ell: int = 0,
        curvature: Array | None = None,
        factors: second_variation.Factors | None = None,
        constraints: Array | None = None,
        held: Array | None = None,
        deltas: RankOne | None = None,
    ) -> None:
        self.problem, self.u, self.multiplier, self.sigma, self.ell = problem, u, multiplier, sigma, ell
        if curvature is not None:
            self.__dict__["curvature"] = curvature
        if factors is None:
            first = first_free(problem, ell)
            operator, shift = self.operator
            factors = second_variation.factorise(problem, operator, shift, ell=ell, free_first=first)
        self.factors, self.held, self.deltas = factors, held, deltas
        if constraints is None:
            constraints = constraints_of(problem, u) if ell == 0 else np.empty((*u.shape, 0))
        self.constraints = constraints
        if held is not None and held.size:
            normals = (problem.grid.mass_form @ held.reshape(len(u), -1)).reshape(held.shape)
            constraints = np.concatenate([constraints, normals * self.free[:, :, None]], axis=2)
        corner: Any = 0.0
        if deltas is not None:
            corner = np.zeros(constraints.shape[-1] + len(deltas.strengths))
            corner[constraints.shape[-1] :] = -1.0 / deltas.strengths
            constraints = np.concatenate([constraints, deltas.columns * self.free[:, :, None]], axis=2)
        # (A closure over self would keep megabytes of factors per step until the garbage collector runs.)
        solve = functools.partial(second_variation.solve, factors)
        super().__init__(solve, constraints, corner=np.diag(corner) if deltas is not None else 0.0)

    @cached_property
    def curvature(self) -> Array:
        """V'' at the quadrature points, (element, point, field, field)."""
        return self.problem.curvature(self.u)

    @cached_property
    def operator(self) -> tuple[Array, Array]:
        """The Hessian at the quadrature points and the multiples of M, sigma and -omega^2, that are added."""
        curvature, shift = without_rotation(self.problem, self.u, self.curvature, self.multiplier)
        return curvature, shift + self.sigma * (1.0 - eliminated_fields(self.problem.model))

    @cached_property
    def inertia_of_eliminated(self) -> tuple[int, int]:
        """Negative and positive eigenvalues in the fields that the theory eliminates, which are no modes."""
        return second_variation.inertia_of_eliminated(self.problem, *self.operator)

    @cached_property
    def free(self) -> Array:
        """1 for an unknown of this angular momentum, 0 for a value held; (node, field)."""
        mask = np.ones_like(self.problem.free_nodes)
        mask[0], mask[-1] = first_free(self.problem, self.ell), self.problem.free_last
        return mask

    # Modified copies

    def shifted(self, sigma: float) -> TangentSpace:
        """The tangent space with another shift, factorised again."""
        given: dict[str, Any] = {"curvature": self.curvature, "constraints": self.constraints, "held": self.held}
        given["deltas"] = self.deltas
        return TangentSpace(self.problem, self.u, self.multiplier, sigma=sigma, ell=self.ell, **given)

    def moved(self, u: Array, multiplier: float) -> TangentSpace:
        """The constraints of another point with the factors of this one, for a chord step or a count nearby."""
        given: dict[str, Any] = {"sigma": self.sigma, "ell": self.ell, "factors": self.factors, "held": self.held}
        given["deltas"] = self.deltas
        return TangentSpace(self.problem, u, multiplier, **given)

    def at_fixed_norm(self) -> TangentSpace:
        """The tangent space of the norm, also if the problem does not fix it, with the same factors."""
        if self.problem.norm is not None:
            return self
        norm = norm_border(self.problem, self.u)[:, :, None]
        border = np.concatenate([constraints_of(self.problem, self.u), norm], axis=2)
        return self.constrained_by(border)

    def constrained_by(self, constraints: Array | None) -> TangentSpace:
        """The tangent space of other constraints (None: those of the problem), with the same factors."""
        given: dict[str, Any] = {"curvature": self.__dict__.get("curvature"), "factors": self.factors}
        given |= {"sigma": self.sigma, "ell": self.ell, "constraints": constraints, "held": self.held}
        given["deltas"] = self.deltas
        return TangentSpace(self.problem, self.u, self.multiplier, **given)

    # The operator

    @cached_property
    def blocks(self) -> Array:
        """The elements' matrices."""
        problem, ell = self.problem, self.ell
        barrier = float(ell * (ell + float(problem.grid.dim) - 2.0))
        theory = problem.theory_at(ell)
        return functional.hessian_blocks(problem.geometry, theory, *self.operator, barrier)

    @cached_property
    def largest(self) -> float:
        """The largest modulus of an entry of the elements' matrices."""
        return float(np.max(np.abs(self.blocks)))

    def apply(self, x: Array) -> Array:
        """A x, zero where values are held."""
        exterior = self.problem.theory_at(self.ell).exterior
        image = lapack.matvec(self.blocks, exterior, x[:, :, None])[:, :, 0]
        if self.deltas is not None:
            along = np.einsum("nfk,nf->k", self.deltas.columns, x)
            image = image + self.deltas.columns @ (self.deltas.strengths * along)
        return image * self.free

    # The spectrum on the tangent space

    def count_negative(self) -> int:
        """The number of negative eigenvalues of A on the tangent space.

        The bordered matrix has this number plus one per constraint, and also the number of A plus that of -B^T A^-1 B
        (Haynsworth); the negative eigenvalues of eliminated fields are subtracted likewise. A term in addition to V''
        with s_k < 0 is a border with a positive corner, and no constraint.
        """
        negative = second_variation.negative(self.factors)
        if self.problem.model.eliminated:
            negative -= self.inertia_of_eliminated[0]
        if self.columns.shape[-1] == 0:
            return negative
        giving = 0 if self.deltas is None else int(np.sum(self.deltas.strengths < 0.0))
        return negative + giving - int(np.sum(np.linalg.eigvalsh(self.schur) > 0.0))

    def inverse_iteration(self, start: Array | None, count: int, metric: Any) -> tuple[float, float, Array]:
        """The mode of A v = lambda ``metric`` v with the smallest \\|lambda\\| on the tangent space.

        Returns lambda as a Rayleigh quotient, the growth of v in the last step (1/\\|lambda\\|), and v of unit length.
        ``start`` is random unless given.
        """
        v = np.random.default_rng(0).normal(size=self.u.shape) if start is None else start
        v = v * self.free
        value, growth = math.nan, math.sqrt(float(np.sum(v * (metric @ v))))
        for _ in range(count):
            load = (metric @ (v / growth)) * self.free
            v, _ = self.solve(load)
            square = float(np.sum(v * (metric @ v)))
            value, growth = float(np.sum(v * load)) / square, math.sqrt(max(square, 0.0))
        return value, growth, v / growth

    def nearest_mode(self, start: Array | None = None, count: int = _ITERATIONS) -> tuple[float, Array]:
        """The eigenvalue of the unshifted operator next to -sigma, and its mode, of unit L2 norm."""
        value, _, v = self.inverse_iteration(start, count, self.problem.grid.mass_form)
        return value - self.sigma, v

    def lowest_mode(self) -> tuple[int, Array]:
        """The number of negative modes, and a direction with negative second variation (0 if there are none)."""
        negative = self.count_negative()
        if negative == 0:
            return 0, np.zeros_like(self.u)
        # Shift the spectrum just above zero; inverse iteration then converges to the lowest mode.
        sigma, lower, upper, above = 1e-3, 0.0, None, self
        for _ in range(40):
            shifted = self.shifted(self.sigma + sigma)
            if shifted.count_negative() == 0:
                upper, above = sigma, shifted
                if upper <= 2.0 * max(lower, 5e-4):
                    break
            else:
                lower = sigma
                above = above if upper is not None else shifted
            sigma = 4.0 * sigma if upper is None else 0.5 * (upper + lower)
        return negative, above.nearest_mode()[1]


def first_free(problem: DiscreteProblem, ell: int) -> Array:
    """0 for fluctuations held at the origin: all at l > 0, but in one dimension l = 1 flips each field's parity."""
    first = np.asarray(problem.free_first)
    if ell == 0:
        return first
    return 1.0 - first if float(problem.grid.dim) == 1.0 else np.zeros_like(first)


def norm_border(problem: DiscreteProblem, u: Array) -> Array:
    """M_c u, half the gradient of the norm: the normal of the sphere of fixed norm, zero where values are held."""
    return half_slope(problem, u) * problem.free_nodes


def constraints_of(problem: DiscreteProblem, u: Array) -> Array:
    """The normals b_k of the problem's constraints, (node, field, border)."""
    if problem.line is not None:  # the phase condition: a step does not move the kink
        return translation_border(problem, u)[1][:, :, None]
    if problem.norm is None:
        return np.empty((*u.shape, 0))
    return norm_border(problem, u)[:, :, None]


def solve_each(problem: DiscreteProblem, fields: list[Array], curvatures: Array, shifts: Array, loads: Array) -> Array:
    """Bordered solutions (point, node, field) at several ``fields`` of one problem, each with its own operator.

    ``curvatures`` (point, element, point, field, field), ``shifts`` (point, field), ``loads`` (point, node, field).
    """
    borders = np.stack([constraints_of(problem, u) for u in fields])
    rhs = np.concatenate([loads[..., None], borders], axis=-1)
    solved = second_variation.solve_each(problem, curvatures, shifts, rhs)

    def step(solved: Array, border: Array, load: Array) -> Array:
        return Bordered(lambda _: solved, border).solve(load)[0]

    return np.stack([step(*system) for system in zip(solved, borders, loads, strict=True)])
