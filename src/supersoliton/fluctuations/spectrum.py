r"""Fluctuations around a state: eigenvalues of the second variation in a channel of angular momentum l.

.. math::
    \left[-k_i\left(\partial_r^2 + \tfrac{d-1}{r}\partial_r - \tfrac{l(l+d-2)}{r^2}\right)\delta_{ij}
    + \partial_i\partial_j V(u) - \omega^2 c_i\delta_{ij}\right]\eta_j = \lambda\,k_i\eta_i

with the boundary conditions of the problem; c_i = 1 for the fields that carry a fixed norm (the operator L_+ of a
Q-ball). Negative eigenvalues, the unstable directions, are included.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import scipy.linalg
from jaxtyping import Float
from numpy import ndarray as Array

from .._checks import expect_count, expect_state
from ..elements.eigenvalues import all_eigenvalues
from ..machine.arithmetic import numerical
from ..problem.asymptotics import continuum
from ..problem.problem import DiscreteProblem
from ..problem.scales import OnScales, on_scales
from ..solvers.base import FieldsOnMesh, Solution
from .bound_states import bound_states
from .curved_operator import CurvedOperator
from .density_modes import bound_levels, density_modes
from .finer_mesh import carry_to_finer_mesh, carry_to_larger_box
from .operator import Operator, field_bases

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Rounding error of an eigenvalue relative to the norm of the matrix, the highest eigenvalue of -lap on the mesh.
_ROUNDING = 1e-15
# An l = 1 eigenvalue below this fraction of the highest threshold is a translation: bound states are above 0.1,
# translations below 1e-5 even in the reduced basis on a coarse mesh.
ZERO_MODE = 1e-4
_INTERNAL_ZERO_MODE = 1e-9  # the same for internal symmetries, which hold on any mesh; rounding is 1e-11


@dataclass(frozen=True)
class Modes:
    r"""Fluctuation modes of one angular momentum: eigenvalues of the second variation.

    Attributes
    ----------
    eigenvalues : ndarray of shape (n_modes,)
        The lowest eigenvalues in the box in mass^2, ascending.
    thresholds : ndarray of shape (n_fields,)
        Masses of the vacuum, where the continua of one-particle states begin.
    continuum : ndarray of shape (n_fields,)
        The same thresholds as eigenvalues: mass^2, less omega^2 for the fields that carry a fixed norm.
    bound : ndarray
        All eigenvalues below the lowest continuum, in infinite space: one that a wall of the box lifts is among them, a
        wave of the box is not.
    ell : int
        Angular momentum l.
    degeneracy : int
        Number of modes for each eigenvalue, 2l + 1 in three dimensions.
    functions : ndarray of shape (n_nodes, n_fields, n_modes) or None
        Mode functions at the nodes, normalised to :math:`\int\sum_i k_i\eta_i^2 = 1`.
    errors : ndarray of shape (n_modes,) or None
        Estimated absolute errors of the eigenvalues; for bound states with the error of the box.
    masses : ndarray
        Square roots of the positive eigenvalues.
    negative, zero_modes : ndarray
        Negative eigenvalues; eigenvalues that are 0 by a symmetry: translations at l = 1 and on a line, and
        internal symmetries.
    on_line : bool
        Whether the state lives on a whole line, where translations are at l = 0.
    undecided : int
        Number of states at the lowest continuum that are bound by next to nothing, or resonances, and not in ``bound``.
    depth : float
        The largest entry of the operator's potential inside the state, in mass^2.
    bound_errors : ndarray or None
        Estimated absolute errors of ``bound``, where these were computed on the whole mesh (``particle_modes``).
    symmetries : tuple of int or None
        Which entries of ``bound`` are modes of symmetries, where that is known from their functions.
    bound_masses : ndarray
        Masses of the stable bound states.
    physical_masses : ndarray
        ``thresholds`` and ``bound_masses``, ascending; they do not depend on the box.
    """

    units: ClassVar[dict[str, str]] = {
        "eigenvalues": "mass^2",
        "thresholds": "mass",
        "continuum": "mass^2",
        "bound": "mass^2",
        "functions": "mode",
        "errors": "mass^2",
        "depth": "mass^2",
        "bound_errors": "mass^2",
    }

    eigenvalues: Float[Array, " mode"]
    thresholds: Float[Array, " field"]
    continuum: Float[Array, " field"]
    bound: Float[Array, " bound"]
    ell: int
    degeneracy: int
    functions: Float[Array, "node field mode"] | None = field(default=None, repr=False)
    errors: Float[Array, " mode"] | None = field(default=None, repr=False)
    on_line: bool = field(default=False, repr=False)
    undecided: int = 0
    depth: float = field(default=0.0, repr=False)
    bound_errors: Float[Array, " bound"] | None = field(default=None, repr=False)
    symmetries: tuple[int, ...] | None = field(default=None, repr=False)

    @property
    def masses(self) -> Float[Array, " positive"]:
        """Square roots of the positive eigenvalues in the box, in mass."""
        return np.sqrt(self.eigenvalues[self.eigenvalues > 0])

    @property
    def negative(self) -> Float[Array, " negative"]:
        """Negative eigenvalues, in mass^2, without those of symmetries."""
        return self.eigenvalues[self.eigenvalues < -self._zero]

    @property
    def zero_modes(self) -> Float[Array, " zero"]:
        """Eigenvalues that are 0 by a symmetry: exactly, or up to errors of mesh and box if of a translation."""
        return self.bound[self._is_zero]

    @property
    def _is_zero(self) -> Array:
        """For each bound state whether a symmetry makes it: known from its function, or else from its eigenvalue."""
        if self.symmetries is None:
            return np.abs(self.bound) <= self._zero
        return np.isin(np.arange(len(self.bound)), self.symmetries)

    @property
    def _zero(self) -> float:
        """The modulus below which an eigenvalue is that of a symmetry: a mesh keeps internal ones, not translations."""
        limit = ZERO_MODE if self.ell == 1 or self.on_line else _INTERNAL_ZERO_MODE
        return limit * float(np.max(np.abs(self.continuum[np.isfinite(self.continuum)]), initial=self.depth))

    @property
    def bound_masses(self) -> Float[Array, " bound"]:
        """Masses of the stable bound states, translations excluded."""
        return np.sqrt(self.bound[self.is_particle])

    @property
    def is_particle(self) -> Array:
        """For each entry of ``bound`` whether it is a mass."""
        return (self.bound > 0) & ~self._is_zero

    @property
    def mass_error(self) -> float:
        """The largest relative error of a bound mass; NaN where it was not computed, 0 without bound masses."""
        if self.bound_errors is None:
            return math.nan if len(self.bound) else 0.0
        return float(np.max((0.5 * self.bound_errors / self.bound)[self.is_particle], initial=0.0))

    @property
    def physical_masses(self) -> Float[Array, " physical"]:
        """Vacuum masses and masses of the bound states, ascending; they do not depend on the box."""
        return physical_masses([self])

    def plot(self, ax: Axes | None = None, *, title: str | None = None) -> Figure:
        """Level diagram of sign(lambda) sqrt|lambda| with the thresholds of the continua, as a matplotlib Figure.

        ``ax``: where to draw; a new figure if not given. See :func:`plot_modes` for several angular momenta.
        """
        from ..plotting import plot_modes

        return plot_modes(self, ax=ax, title=title)

    def __repr__(self) -> str:
        lowest = np.array2string(self.eigenvalues[:4], precision=6)
        at_edge = f" and {self.undecided} undecided at it" if self.undecided else ""
        return (
            f"Modes(l={self.ell}, degeneracy {self.degeneracy}: {len(self.eigenvalues)} in the box from {lowest}; "
            f"{len(self.bound)} bound below {self.continuum[0]:.6g}{at_edge}; {len(self.negative)} negative)"
        )


def physical_masses(channels: Sequence[Modes]) -> Float[Array, " physical"]:
    """Vacuum masses and bound-state masses of the channels, ascending. They do not depend on the box."""
    thresholds = channels[0].thresholds  # the same in every channel
    return np.sort(np.concatenate([thresholds[np.isfinite(thresholds)], *(modes.bound_masses for modes in channels)]))


def degeneracy(dim: float, ell: int) -> int:
    """Number of spherical harmonics of degree l in d dimensions, d rounded to an integer (2l + 1 for d = 3)."""
    d = round(dim)
    if d == 1:
        return 1 if ell <= 1 else 0
    return math.comb(ell + d - 1, d - 1) - (math.comb(ell + d - 3, d - 1) if ell >= 2 else 0)


def check_ell(ell: int, dim: float, line: object = None) -> int:
    expect_count("spectrum.ell", ell, "try 0", least=0)
    if line is not None and ell > 0:
        raise ValueError(f"spectrum.ell must be 0 on a line, whose modes are all at 0, got {ell!r}: leave it out")
    if float(dim) == 1.0 and ell > 1:
        raise ValueError(f"spectrum.ell must be 0 (even) or 1 (odd) in one dimension, got {ell!r}: choose one")
    return int(ell)


def channels_of(problem: DiscreteProblem, wanted: Sequence[int]) -> list[int]:
    """The angular momenta to look at: 0 and those wanted; on a line all modes are at 0, as are those that are known of
    a theory without others."""
    return [0] if problem.line is not None or not problem.model.has_channels else sorted({0, *wanted})


def vacuum_levels(problem: DiscreteProblem, edges: Array, ell: int, n_modes: int) -> Float[Array, " mode"]:
    """The ``n_modes`` lowest eigenvalues of the vacuum in the same box, above the continua that begin at ``edges``."""
    basis = max(field_bases(problem, ell), key=len)
    return np.sort((basis.kappa[:, None] + edges[None, :]).ravel())[:n_modes]


def eigenvalue_errors(
    problem: DiscreteProblem, u: Array, ell: int, values: Array, n_bound: int
) -> Float[Array, " mode"]:
    """Estimated absolute errors of ``values``, of which the first ``n_bound`` are bound states.

    The sum of the rounding error, twice the change on a mesh of order p + 4 (where the state is solved again) and, for
    bound states, twice the change in a box of twice the radius. Infinite if the state does not converge there.
    """
    highest = max(basis.kappa[-1] for basis in field_bases(problem, ell))
    return _changes(problem, u, values, n_bound, highest, functools.partial(_lowest, ell=ell))


def _changes(
    problem: DiscreteProblem, u: Array, values: Array, n_bound: int, highest: float, lowest: Callable[..., Array]
) -> Array:
    """The errors of :func:`eigenvalue_errors`, ``lowest`` giving the eigenvalues of another solution."""
    errors = np.full(len(values), _ROUNDING * highest)
    for carry, count in ((carry_to_finer_mesh, len(values)), (carry_to_larger_box, n_bound)):
        if count:
            other, solution = carry(problem, u)
            errors[:count] += 2.0 * np.abs(values[:count] - lowest(other, solution, count=count))
    return errors


def _lowest(problem: DiscreteProblem, solution: Solution, ell: int, count: int) -> Array:
    if not np.all(np.isfinite(solution.u)):
        return np.full(count, np.inf)
    return all_eigenvalues(_operator(problem, solution.u, solution.multiplier, ell).matrix)[:count]


def _operator(
    problem: DiscreteProblem, u: Array, multiplier: float, ell: int, highest: float | None = None
) -> Operator | CurvedOperator:
    if problem.model.density_function is None:
        return Operator(problem, u, multiplier, ell, highest)
    return CurvedOperator(problem, u, multiplier, ell)


def expect_at_most(call: str, n_modes: int, available: int) -> None:
    if n_modes > available:
        raise ValueError(
            f"{call}.n_modes must be at most {available}, the unknowns of this mesh, got {n_modes}: use a finer grid"
        )


def _of_density(state: OnScales, n_modes: int, ell: int, errors: bool) -> tuple[Modes, Array]:
    """Modes of a theory with an energy density, and their functions."""
    problem, u, estimates = state.problem, state.u, None

    def lowest(other: DiscreteProblem, solution: Solution, *, count: int) -> Array:
        if not np.all(np.isfinite(solution.u)):
            return np.full(count, np.inf)
        return density_modes(other, solution.u, ell, count).values[:count]

    thresholds, edges = continuum(problem, state.multiplier)
    values, nodal, highest = density_modes(problem, u, ell, n_modes)
    in_box = int(np.sum(values < edges[0]))
    bound = bound_levels(problem, u, ell, float(edges[0]), in_box)
    if errors:
        estimates = _changes(problem, u, values, in_box, highest, lowest)
    found = Modes(values, thresholds, edges, bound, ell, degeneracy(problem.grid.dim, ell), errors=estimates)
    return found, nodal


@numerical
def spectrum(
    state: FieldsOnMesh,
    n_modes: int = 300,
    ell: int = 0,
    *,
    functions: bool = False,
    fast: bool = False,
    errors: bool = False,
) -> Modes:
    r"""Lowest fluctuation modes of a state at angular momentum ``ell``.

    .. math::
        \left[-k_i\left(\partial_r^2 + \tfrac{d-1}{r}\partial_r - \tfrac{l(l+d-2)}{r^2}\right)\delta_{ij}
        + \partial_i\partial_j V(u) - \omega^2 c_i\delta_{ij}\right]\eta_j = \lambda\,k_i\eta_i

    Where the kinetic matrix K depends on the fields it is :math:`A\eta = \lambda M_K\eta`, with the norm
    :math:`\int\eta^TK(u)\eta`. At fixed norm this is L_+, which decides the stability at that norm. For the frequencies
    of a rotating state see :func:`.oscillations`.

    A theory with an energy density e(u, u', r) has at l = 0 the fluctuations within its radial ansatz,
    :math:`\delta^2E\,\eta = \lambda\,m\,\eta` with the inertia :math:`m = e_{u'u'}` of a theory that is Lorentz
    invariant, and at l > 0 those that the theory itself gives (:class:`.Vortex`).

    Parameters
    ----------
    state : State
        A state, or any object with ``problem``, ``u`` and ``multiplier``.
    n_modes : int, default 300
        Number of modes, at most the number of unknowns of the mesh.
    ell : int, default 0
        Angular momentum.
    functions : bool, default False
        Also return the mode functions at the nodes.
    fast : bool, default False
        Use a reduced basis with errors of about 1e-5 (3 times as fast for the 300 modes of 13 fields). Where the
        kinetic matrix K depends on the fields the basis is always the whole one.
    errors : bool, default False
        Also estimate the error of each eigenvalue (7 times the cost for the 300 modes of 13 fields).

    Returns
    -------
    Modes
        Eigenvalues in mass^2, negative ones included, with the thresholds of the continua.

    Raises
    ------
    ValueError
        If ``n_modes`` or ``ell`` is out of range, or if an energy density does not say how its fields move.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - p["g"] * u[0]**4 / 4 + u[0]**6 / 8, params={"g": 1.6})
    >>> state = ss.solve(ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0))
    >>> modes = ss.spectrum(state, n_modes=3)
    >>> modes.eigenvalues.round(3)
    array([-0.358,  0.244,  0.283])
    """
    expect_state("spectrum", state)
    ell = check_ell(ell, state.problem.grid.dim, state.problem.line)
    expect_count("spectrum.n_modes", n_modes, "try 300")
    state, scales = on_scales(state)
    problem = state.problem
    if problem.model.ends is not None:
        found, at_nodes = _of_density(state, n_modes, ell, errors)
        at_nodes = at_nodes * scales.unit("length") ** (-0.5 * float(problem.grid.dim))
        return replace(scales.restore(found), functions=at_nodes if functions else None)
    thresholds, edges = continuum(problem, state.multiplier)
    highest = None
    if fast:
        highest = max(edges[0], float(vacuum_levels(problem, edges, ell, n_modes)[-1]))
    op = _operator(problem, state.u, state.multiplier, ell, highest)
    matrix = op.matrix
    expect_at_most("spectrum", n_modes, len(matrix))
    nodal = estimates = None
    if functions:
        values, vectors = scipy.linalg.eigh(matrix, subset_by_index=(0, n_modes - 1), check_finite=False)
        nodal, everything = op.nodal(vectors), values
        if values[-1] < edges[0]:  # there may be more bound states than requested modes
            everything = all_eigenvalues(matrix)
    else:
        # all of them: for a part LAPACK uses bisection, which costs several times as much as the QL iteration for all
        everything = all_eigenvalues(matrix)
        values = everything[:n_modes].copy()
    given = op.curvature if isinstance(op, Operator) else op.space.curvature
    bound, undecided = bound_states(problem, state.u, state.multiplier, ell, everything, given, op.deltas)
    if errors:
        estimates = eigenvalue_errors(problem, state.u, ell, values, min(len(bound), len(values)))
    depth = float(np.max(np.abs(op.curvature)))
    copies, on_line = degeneracy(problem.grid.dim, ell), problem.line is not None
    found = Modes(values, thresholds, edges, bound, ell, copies, nodal, estimates, on_line, undecided, depth)
    return scales.restore(found)
