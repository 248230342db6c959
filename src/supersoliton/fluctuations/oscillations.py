r"""The oscillation frequencies rho of a rotating Q-ball: its response to small perturbations.

With :math:`\Psi = e^{i\omega t}(f + a + ib)` and real fields that do not rotate (perturbed by part of a) the linearised
equations of motion are, for perturbations :math:`a\cos\rho t,\ b\sin\rho t` (scaled by sqrt(k), c = 1 for the fields
that rotate and 0 for the others),

.. math::
    L_+a - 2\omega\rho\,b = \rho^2a,\qquad L_-b - 2\omega\rho\,a = \rho^2b,\qquad
    L_\pm = -\nabla^2 + V''_\pm - \omega^2c,

L_+ is the second variation of :mod:`.spectrum`; L_- is that in the imaginary direction, with the Hessian of the
complexified, U(1)-symmetric potential in im Psi. By this symmetry L_- f = 0.

*Reduction.* If (a, b, rho) is a solution, so is (a, -b, -rho). With b = rho beta the equations are linear in
sigma = rho^2,

.. math::
    \begin{pmatrix}L_+ + 4\omega^2c & -2\omega L_-\\ -2\omega & L_-\end{pmatrix}
    \begin{pmatrix}a\\ \beta\end{pmatrix} = \sigma\begin{pmatrix}a\\ \beta\end{pmatrix},

and the frequencies are plus and minus the roots of sigma. A sigma that is not real and positive is an instability.
The phase (0, f) at l = 0 and the translation (f', -omega r f) at l = 1 have sigma = 0, that is a double rho = 0 (the
second solution is a change of omega, or a constant velocity). Both are deflated exactly: an eigenvalue that passes
through 0, as one does where dQ/domega = 0, is then as accurate as any other.

*Thresholds.* Far away a quantum of mass m has the energy E >= m, seen from the rotating frame E - omega for a particle
and E + omega for an antiparticle: continua begin at rho = m_i - omega and m_i + omega for the eigenmasses m_i of the
fields that rotate, and at m_j for the others.

References: T. D. Lee, Y. Pang, *Phys. Rep.* **221** (1992) 251; D. L. T. Anderson, *J. Math. Phys.* **12** (1971) 945;
N. G. Vakhitov, A. A. Kolokolov, *Radiophys. Quantum Electron.* **16** (1973) 783 (the sign of dQ/domega).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import scipy.linalg
from jaxtyping import Complex, Float
from numpy import ndarray as Array

from .._checks import expect_constant_kinetic, expect_count, expect_state
from ..machine.arithmetic import numerical
from ..problem.complexified import imaginary_curvature
from ..problem.problem import DiscreteProblem
from ..problem.scales import on_scales
from ..solvers.base import FieldsOnMesh
from ..theory.base import ComplexifiedFunction
from ..theory.dimensionless import Dimensionless
from ..theory.vacua import mass_matrix
from .operator import Operator
from .spectrum import check_ell, degeneracy, expect_at_most

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# A sigma, or its imaginary part, below this times the largest mass^2 is set to 0.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Oscillations:
    r"""Oscillation frequencies of a rotating state at one angular momentum; with rho also -rho, rho* and -rho*.

    Attributes
    ----------
    frequencies : complex ndarray of shape (n_modes,)
        The lowest rho with Re rho >= 0 in mass, ascending in Re rho; zero modes are exactly 0.
    growth_rates : ndarray
        Im rho > 0 of every unstable mode, largest first; the perturbation grows as exp(Im rho t).
    zero_modes : int
        Number of rho^2 at 0.
    thresholds : ndarray
        Where continua begin: m_i - omega, m_i + omega and m_j, ascending.
    omega, ell, degeneracy : float, int, int
        Frequency of the rotation, angular momentum, and number of modes for each frequency.
    phase_residual : float
        Dual norm of L_- f over that of the gradient of f, 0 for an exact state; NaN for l > 0.
    real, imaginary : complex ndarray of shape (n_nodes, n_fields, n_modes) or None
        Perturbations a and b at the nodes, normalised to :math:`\int |a|^2 + |b|^2 = 1`.
    stable : bool
        Whether no mode grows.
    bound : ndarray
        Frequencies that do not radiate: 0 < rho < the lowest threshold.
    """

    units: ClassVar[dict[str, str]] = {
        "frequencies": "mass",
        "growth_rates": "mass",
        "thresholds": "mass",
        "omega": "mass",
        "real": "mode",
        "imaginary": "mode",
    }

    frequencies: Complex[Array, " mode"]
    growth_rates: Float[Array, " unstable"]
    zero_modes: int
    thresholds: Float[Array, " threshold"]
    omega: float
    ell: int
    degeneracy: int
    phase_residual: float
    real: Complex[Array, "node field mode"] | None = field(default=None, repr=False)
    imaginary: Complex[Array, "node field mode"] | None = field(default=None, repr=False)

    @property
    def stable(self) -> bool:
        """Whether no mode of this channel grows."""
        return len(self.growth_rates) == 0

    @property
    def bound(self) -> Float[Array, " bound"]:
        """Frequencies that do not radiate: 0 < rho < the lowest threshold."""
        rho = self.frequencies
        steady = rho.real[(rho.imag == 0.0) & (rho.real > 0.0)]
        return steady[steady < self.thresholds[0]]

    @property
    def spectrum(self) -> Complex[Array, " all"]:
        """``frequencies`` and their negatives, ascending."""
        both = np.concatenate([self.frequencies, -self.frequencies])
        return np.sort_complex(both)

    def plot(self, ax: Axes | None = None, *, title: str | None = None) -> Figure:
        """Level diagram of the frequencies, with growth rates below zero, as a matplotlib Figure.

        ``ax``: where to draw; a new figure if not given.
        """
        from ..plotting import plot_oscillations

        return plot_oscillations(self, ax=ax, title=title)

    def __repr__(self) -> str:
        verdict = "stable" if self.stable else f"unstable, growth rates {np.array2string(self.growth_rates[:3])}"
        return (
            f"Oscillations(l={self.ell}, omega={self.omega:.6g}: {verdict}; {self.zero_modes} zero, bound "
            f"{np.array2string(self.bound[:4], precision=6)} below {self.thresholds[0]:.6g})"
        )


def rotation_frequency(problem: DiscreteProblem, multiplier: float) -> float:
    """omega of the rotation: sqrt(multiplier / k), for fields of equal kinetic factor k."""
    rotates = problem.carries_norm > 0
    if not rotates.any():
        raise ValueError("oscillations: no field of this problem rotates: list the complex fields in norm_of=")
    if np.any(problem.vacuum.values[rotates] != 0):
        raise ValueError(
            f"oscillations: the rotating fields are {problem.vacuum.values[rotates].tolist()} at infinity, not 0: "
            "this is not a Q-ball; use spectrum(state)"
        )
    if multiplier < 0:
        shown = problem.model.given_mass_squared(multiplier)
        raise ValueError(
            f"oscillations: this state has omega^2 = {shown:.6g}, no rotation frequency: choose a smaller norm"
        )
    return math.sqrt(multiplier)


def thresholds(problem: DiscreteProblem, omega: float) -> Float[Array, " threshold"]:
    """m_i - omega (at least 0) and m_i + omega of the rotating fields, m_j of the others, ascending."""
    matrix = mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max)
    rotates = problem.carries_norm > 0
    edges = []
    for chosen, shifts in ((rotates, (-omega, omega)), (~rotates, (0.0,))):
        squared = np.linalg.eigvalsh(matrix[np.ix_(chosen, chosen)])
        masses = np.sqrt(np.where(squared >= 0, squared, np.nan))
        # A quantum lighter than omega has E - omega < 0 at rest, so its continuum includes rho = 0.
        edges += [np.maximum(masses + shift, 0.0) for shift in shifts]
    return np.sort(np.concatenate(edges))


class _Pencil:
    """The matrix of the eigenproblem for (a, beta) in the scalar basis; beta is scaled to balance the matrix."""

    def __init__(
        self, problem: DiscreteProblem, u: Array, multiplier: float, ell: int, imaginary: Array, highest: float | None
    ) -> None:
        self.omega = rotation_frequency(problem, multiplier)
        self.plus = Operator(problem, u, multiplier, ell, highest)
        self.minus = Operator(problem, u, multiplier, ell, curvature=imaginary, sizes=self.plus.sizes)
        rotating = np.flatnonzero(problem.carries_norm > 0)
        self.rows = np.concatenate([np.arange(part.start, part.stop) for part in np.array(self.plus.slices)[rotating]])
        kappa = np.concatenate([self.plus.bases[i].kappa[: self.plus.sizes[i]] for i in rotating])
        l_minus = self.minus.matrix[np.ix_(self.rows, self.rows)]
        # b = rho beta, and rho ~ sqrt(kappa) high up: beta is measured in units of 1/sqrt(kappa + 1).
        self.unit = np.sqrt(kappa + 1.0)
        size = len(self.plus.matrix)
        twice = 2.0 * self.omega
        self.size = size
        self.matrix = np.zeros((size + len(self.rows),) * 2)
        self.matrix[:size, :size] = self.plus.matrix
        self.matrix[self.rows, self.rows] += twice**2
        self.matrix[self.rows, size:] = -twice * l_minus / self.unit
        self.matrix[size + np.arange(len(self.rows)), self.rows] = -twice * self.unit
        self.matrix[size:, size:] = self.unit[:, None] * l_minus / self.unit
        # The coefficients of f, and the residual of L_- f = 0.
        grid = problem.grid
        nodal = (u - problem.vacuum.values) / self.plus.scale
        pieces = [self.plus.bases[i].nodal[:, : self.plus.sizes[i]].T @ (grid.mass @ nodal[:, i]) for i in rotating]
        profile = np.concatenate(pieces)
        weight = 1.0 / np.sqrt(kappa + 1.0)
        terms = np.linalg.norm(weight * kappa * profile)
        image = np.linalg.norm(weight * (l_minus @ profile))
        self.residual = float(image / terms) if terms > 0 else float("nan")
        self.zero = np.concatenate([np.zeros(size), self.unit * profile])
        if ell:
            self.zero = self._translation(problem, u, rotating)

    def _translation(self, problem: DiscreteProblem, u: Array, rotating: Array) -> Array:
        """(f', -omega r f) at l = 1, also of fields that do not rotate; zero where it is no zero mode."""
        grid = problem.grid
        if self.plus.ell != 1 or problem.model.explicit_r:
            return np.zeros(len(self.matrix))
        slope = grid.differentiate(u) / self.plus.scale
        turned = -self.omega * grid.nodes[:, None] * (u - problem.vacuum.values) / self.plus.scale
        parts = [basis.nodal[:, :size].T @ (grid.mass @ slope[:, i]) for i, (basis, size) in
                 enumerate(zip(self.plus.bases, self.plus.sizes, strict=True))]  # fmt: skip
        moved = [self.plus.bases[i].nodal[:, : self.plus.sizes[i]].T @ (grid.mass @ turned[:, i]) for i in rotating]
        return np.concatenate([*parts, self.unit * np.concatenate(moved)])

    def eigenvalues(self, deflate: bool, vectors: bool) -> tuple[Array, Array | None]:
        """sigma (complex), without the zero mode if ``deflate``, and the vectors (a, beta) as columns."""
        if not deflate:
            return _eigen(self.matrix, vectors)
        mirror = self.zero / np.linalg.norm(self.zero)
        # Householder reflection that maps the zero mode to the last unit vector; the sign avoids cancellation.
        sign = 1.0 if mirror[-1] >= 0 else -1.0
        mirror[-1] += sign
        mirror /= np.linalg.norm(mirror)
        turned = self.matrix - 2.0 * np.outer(mirror, mirror @ self.matrix)
        turned -= 2.0 * np.outer(turned @ mirror, mirror)
        sigma, x = _eigen(turned[:-1, :-1], vectors)
        if x is None:
            return sigma, None
        last = (turned[-1, :-1] @ x) / np.where(sigma == 0, 1.0, sigma)
        x = np.vstack([x, last])
        return sigma, x - 2.0 * np.outer(mirror, mirror @ x)

    def fields(self, rho: Array, x: Array) -> tuple[Array, Array]:
        """a and b at the nodes, (node, field, mode), for int |a|^2 + |b|^2 = 1, from vectors (a, beta)."""
        a = x[: self.size].astype(complex)
        b = np.zeros_like(a)
        b[self.rows] = x[self.size :] / self.unit[:, None]
        # b = rho beta; for a zero mode beta itself is returned.
        b *= np.where(rho == 0, 1.0, rho)
        length = np.sqrt(np.sum(np.abs(a) ** 2 + np.abs(b) ** 2, axis=0))
        return self.plus.nodal(a / length), self.plus.nodal(b / length)


@numerical
def oscillations(
    state: FieldsOnMesh,
    ell: int = 0,
    n_modes: int = 20,
    *,
    complexified: str | ComplexifiedFunction | None = None,
    functions: bool = False,
    fast: bool = False,
) -> Oscillations:
    r"""Oscillation frequencies and growth rates of a rotating state at angular momentum ``ell``.

    .. math:: L_+a - 2\omega\rho\,b = \rho^2a,\qquad L_-b - 2\omega\rho\,a = \rho^2b

    Parameters
    ----------
    state : State
        A converged state, or any object with ``problem``, ``u`` and ``multiplier``.
    ell : int, default 0
        Angular momentum.
    n_modes : int, default 20
        Number of frequencies.
    complexified : str or callable, optional
        The U(1)-symmetric theory: ``"modulus"`` (V of the moduli; V must be even in each field that rotates) or
        ``V(re, im, p, r)``. Not needed where the theory defines it.
    functions : bool, default False
        Also return the perturbations at the nodes.
    fast : bool, default False
        Use a reduced basis for the frequencies below the highest threshold (20 times as fast for 13 fields).

    Returns
    -------
    Oscillations
        Frequencies in mass, growth rates and thresholds.

    Raises
    ------
    ValueError
        If ``n_modes`` or ``ell`` is out of range, omega^2 < 0, or the complexified potential is missing or not
        symmetric.

    References
    ----------
    T. D. Lee, Y. Pang, *Phys. Rep.* **221** (1992) 251; D. L. T. Anderson, *J. Math. Phys.* **12** (1971) 945.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - p["g"] * u[0]**4 / 4 + u[0]**6 / 8, params={"g": 1.6})
    >>> state = ss.solve(ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0))
    >>> ss.oscillations(state, ell=2, n_modes=4, complexified="modulus").stable
    True
    """
    expect_state("oscillations", state)
    expect_constant_kinetic(
        "oscillations",
        state.problem.model,
        "only the modes within the ansatz are counted, in state.certificate.negative_modes",
    )
    ell = check_ell(ell, state.problem.grid.dim, state.problem.line)
    expect_count("oscillations.n_modes", n_modes, "try 20")
    state, scales = on_scales(state)
    problem = state.problem
    if callable(complexified) and isinstance(problem.model, Dimensionless):
        complexified = problem.model.complexify(complexified)
    omega = rotation_frequency(problem, state.multiplier)
    imaginary = imaginary_curvature(problem, state.u, complexified)
    edges = thresholds(problem, omega)
    highest = float(np.nanmax(edges)) ** 2 if fast else None
    pencil = _Pencil(problem, state.u, state.multiplier, ell, imaginary, highest)
    expect_at_most("oscillations", n_modes, len(pencil.matrix))
    deflate = bool(np.any(pencil.zero))
    sigma, vectors = pencil.eigenvalues(deflate, functions)
    if deflate:
        sigma = np.append(sigma, 0.0)
        if vectors is not None:
            vectors = np.hstack([vectors, pencil.zero[:, None]])
    sigma = _clean(problem, sigma)
    rho = np.sqrt(sigma)  # the principal root: Re rho >= 0
    order = np.lexsort((rho.imag, rho.real))[:n_modes]
    real = imag = None
    if vectors is not None:
        real, imag = pencil.fields(rho[order], vectors[:, order])
    found = Oscillations(
        frequencies=rho[order],
        growth_rates=np.sort(rho.imag[rho.imag > 0])[::-1],
        zero_modes=int(np.sum(sigma == 0)),
        thresholds=edges,
        omega=omega,
        ell=ell,
        degeneracy=degeneracy(problem.grid.dim, ell),
        phase_residual=pencil.residual if deflate and ell == 0 else float("nan"),
        real=real,
        imaginary=imag,
    )
    return scales.restore(found)


def _eigen(matrix: Array, vectors: bool) -> tuple[Array, Array | None]:
    """Eigenvalues, and eigenvectors if ``vectors``."""
    if vectors:
        return scipy.linalg.eig(matrix, check_finite=False)  # type: ignore[no-any-return]
    return scipy.linalg.eigvals(matrix, check_finite=False), None


def _clean(problem: DiscreteProblem, sigma: Array) -> Array:
    """sigma without rounding errors."""
    squared = mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max)
    rounding = _ROUNDING * max(1.0, float(np.max(np.abs(squared))))
    real = np.where(np.abs(sigma.imag) <= rounding, sigma.real + 0j, sigma)
    return np.where(np.abs(sigma) <= rounding, 0j, real)
