"""The one-loop determinant of a bounce, an instanton or a kink."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy import ndarray as Array

from .._checks import expect_constant_kinetic, expect_state, is_number
from ..machine.arithmetic import numerical
from ..problem.problem import DiscreteProblem
from ..problem.scales import Scales, on_scales
from ..states.jumps import delta_functions
from .background import Background
from .channel import Channels, zero_mode
from .collective import Norms, has_no_scale, zero_modes_of
from .eligible import check_static, without_wall
from .finer_mesh import carry_to_larger_box
from .kink_mass import kink_mass_correction
from .large_nu import LargeNu, finite_part, large_nu, subtracted_sum
from .spectrum import check_ell, degeneracy

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class OneLoop(NamedTuple):
    """S_1 at scale 1 in dimensionless form, its slope in ln(mu), and the error of its sum over l."""

    constant: float
    slope: float
    error: float


@dataclass(frozen=True, eq=False)
class Determinant:
    r"""Determinants of the fluctuations around a state, relative to those around its vacuum.

    .. math::
        T_l = \frac{\det(-\partial^2 + W)_l}{\det(-\partial^2 + M^2)_l},\qquad
        S_1 = \tfrac12\ln\left|\frac{\det'(-\partial^2 + W)}{\det(-\partial^2 + M^2)}\right|
        - \tfrac d2\ln\frac{S_0}{2\pi}

    with W = V'' along the state and M^2 = V'' of the vacuum. :func:`.determinant` makes it; numbers are computed when
    they are asked for.

    Attributes
    ----------
    dim : int or float
        Dimension d.
    action : float
        S_0.
    zero_modes : dict
        Number of zero modes at each l that has some: translations at l = 1 (on a line at 0), symmetries at l = 0.
    scale_free : bool
        Whether V has no scale along the state, which can then have any size.
    error : float
        Estimated error of ``one_loop``: that of the sum over l, and twice the change with a finer mesh in a larger box.
    """

    action: float
    zero_modes: dict[int, int]
    _channels: Channels = field(repr=False)
    _scales: Scales = field(repr=False)
    _orbit_volume: float | None = field(default=None, repr=False)
    scale_free: bool = False

    @property
    def dim(self) -> float:
        """Dimension d."""
        return self._problem.grid.dim

    @property
    def on_line(self) -> bool:
        """Whether the state lives on a whole line, where all fluctuations are at l = 0."""
        return self._problem.line is not None

    @property
    def _problem(self) -> DiscreteProblem:
        return self._channels.background.problem

    @numerical
    def log_ratio(self, ell: int) -> float:
        """ln \\|T_l\\|; where there are zero modes, -infinity.

        Parameters
        ----------
        ell : int
            Angular momentum l; in one dimension 0 for even and 1 for odd fluctuations, on a line 0 for all.

        Returns
        -------
        float
            The logarithm, which does not depend on units.
        """
        ell = check_ell(ell, self.dim, self._problem.line)
        return -math.inf if ell in self.zero_modes else self._channels(ell)[0]

    @numerical
    def sign(self, ell: int) -> int:
        """The sign of T_l; where there are zero modes that of T'.

        Parameters
        ----------
        ell : int
            Angular momentum l.

        Returns
        -------
        int
            -1 for an odd number of negative modes, else 1.
        """
        ell = check_ell(ell, self.dim, self._problem.line)
        return int(math.copysign(1.0, self._zero_mode(ell)[0]) if ell in self.zero_modes else self._channels(ell)[1])

    @numerical
    def zero_mode(self, ell: int) -> float:
        """T', the determinant without its g zero modes: the limit of T_l(k^2)/k^2g at k^2 = 0, in 1/mass^2g.

        Parameters
        ----------
        ell : int
            Angular momentum l of the zero modes.

        Returns
        -------
        float
            T'.
        """
        ell = check_ell(ell, self.dim, self._problem.line)
        if ell not in self.zero_modes:
            known = ", ".join(f"l = {one}" for one in sorted(self.zero_modes)) or "no l"
            raise ValueError(f"zero_mode: there is no zero mode at l = {ell}, but at {known}: use log_ratio({ell})")
        found, norms = self._zero_mode(ell)[0], self._norms
        if self._endless(ell):
            raise ValueError(
                "zero_mode: of massless fields the norm of the zero modes at l = 0 is infinite, and so is T': "
                "one_loop has its quotient with their Jacobian, which is finite"
            )
        if not self._channels.background.massive:
            found *= float(self._problem.energy(self._channels.background.u)) / norms.translation
        return found / self._scales.unit("mass^2") ** self.zero_modes[ell]

    @functools.cached_property
    def _found(self) -> dict[int, tuple[float, float]]:
        return {}

    def _zero_mode(self, ell: int) -> tuple[float, float]:
        if ell not in self._found:
            self._found[ell] = zero_mode(self._channels, ell, self.zero_modes[ell])
        return self._found[ell]

    def _endless(self, ell: int) -> bool:
        """Whether the zero modes at l have no norm."""
        return ell == 0 and ell in self.zero_modes and not self._channels.background.massive

    @functools.cached_property
    def _norms(self) -> Norms:
        return Norms(self._channels.background)

    @functools.cached_property
    def _large_nu(self) -> LargeNu:
        return large_nu(self._channels.background)

    @functools.cached_property
    @numerical
    def _one_loop(self) -> OneLoop:
        """Without the factors that depend on units or on the orbit of a symmetry."""
        if self.dim <= 2.0 and not self._channels.background.massive:
            raise ValueError(
                f"one_loop: fields without a mass at infinity have no states in d = {self.dim:g}: give them one"
            )
        if float(self.dim) not in (1.0, 2.0, 3.0, 4.0):
            raise ValueError(f"one_loop: d must be 1, 2, 3 or 4, got {self.dim}: log_ratio(l) has the single l")
        return _sum_over_l(self)

    @numerical
    def one_loop(self, scale: float = 1.0) -> float:
        """S_1, renormalised by minimal subtraction (MS-bar) in d = 2 and 4; in d = 1 and 3 nothing is to be subtracted.

        The decay rate is exp(-S_0 - S_1) per volume. Each symmetry that the state breaks contributes its Jacobian and
        the volume of its orbit. Where the size R of the state is arbitrary (``scale_free``), exp(-S_0 - S_1) is that of
        the size that the state has, per interval of ln R: the rate per volume is its integral over ln R.

        Parameters
        ----------
        scale : float, default 1.0
            Renormalisation scale mu, in mass.

        Returns
        -------
        float
            S_1 in the units of the state: exp(-S_1) has the dimension mass^d.
        """
        if not (is_number(scale) and scale > 0):
            raise ValueError(f"one_loop: scale must be a positive mass, got {scale!r}: try 1.0")
        found, length = self._one_loop, 1.0 / self._scales.unit("mass")
        dim, moving = float(self.dim), bool(self.zero_modes)
        units = (dim * moving + self._internal + self.scale_free) * math.log(length)
        return found.constant + found.slope * math.log(scale * length) + units - self._log_jacobian

    @property
    def _internal(self) -> int:
        """Number of zero modes of internal symmetries."""
        return sum(self.zero_modes.values()) - bool(self.zero_modes) - self.scale_free

    @functools.cached_property
    @numerical
    def _log_jacobian(self) -> float:
        action = self.action if self._channels.background.massive else None
        modes = (bool(self.zero_modes), self.scale_free, self._internal)
        return self._norms.log_jacobian(modes, action, self._scales, self._orbit_volume)

    @functools.cached_property
    @numerical
    def error(self) -> float:
        """Estimated absolute error of ``one_loop``; computes it again on a finer mesh in a larger box."""
        problem, solution = carry_to_larger_box(self._problem, self._channels.background.u)
        if not solution.converged and not self.scale_free:  # (Newton's method moves along the sizes)
            return math.inf
        other = Determinant(
            self.action, self.zero_modes, Channels(Background(problem, solution.u)), self._scales, self._orbit_volume,
            self.scale_free,
        )  # fmt: skip
        change = other.one_loop() - self.one_loop()
        if self.scale_free:  # a state that can have any size has another one on another mesh: S_1(R) is known
            centres = [np.max(np.abs(u[0] - problem.vacuum.values)) for u in (self._channels.background.u, solution.u)]
            ratio = (centres[0] / centres[1]) ** (2.0 / (self.dim - 2.0))
            change -= (self.dim + self._one_loop.slope) * math.log(ratio)
        return self._one_loop.error + other._one_loop.error + 2.0 * abs(float(change))

    @numerical
    def mass_correction(self) -> float:
        """The one-loop correction of the mass of a kink, in mass; hbar = 1, no tadpole diagrams.

        Half the sum of the frequencies less that of the vacuum, with masses renormalised so that the first order in
        W - M^2 is cancelled.

        Returns
        -------
        float
            The correction.
        """
        if self._problem.line is None:
            raise ValueError("mass_correction: the state is not a kink: solve a Problem(model, line=(left, right))")
        if not self._channels.background.massive:
            raise ValueError("mass_correction: a field has no mass at infinity: give a kink between massive vacua")
        if self._zero_mode(0)[0] < 0.0:
            raise ValueError(
                "mass_correction: the kink is unstable, so it has no mass: give one without negative modes"
            )
        found = kink_mass_correction(self._channels, self.zero_modes.get(0, 0))
        return found * float(self._scales.unit("mass"))

    def plot(self, ax: Axes | None = None) -> Any:
        """ln \\|T_l\\| over l with its asymptotic series.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if not given.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        from ..plotting.determinant import plot_determinant

        return plot_determinant(self, self._large_nu, ax)

    def __repr__(self) -> str:
        parts = []
        for ell in (0,) if self._problem.line is not None else (0, 1, 2) if self.dim > 1 else (0, 1):
            sign = "" if self.sign(ell) > 0 else " (negative)"
            if self._endless(ell):
                parts.append(f"{self.zero_modes[ell]} zero mode(s) at l = {ell}{sign}")
            elif ell in self.zero_modes:
                parts.append(f"T'_{ell} = {self.zero_mode(ell):.8g}{sign}")
            else:
                parts.append(f"ln|T_{ell}| = {self.log_ratio(ell):.8g}{sign}")
        return f"Determinant(d = {self.dim:g}: {', '.join(parts)})"


def _sum_over_l(found: Determinant) -> OneLoop:
    """S_1 in dimensionless form, without Jacobians."""
    dim, channels, modes = round(float(found.dim)), found._channels, found.zero_modes

    def logs(ells: Any) -> Array:
        channels.compute([(int(ell), 0.0) for ell in ells if int(ell) not in modes])
        each = (found._zero_mode(int(ell))[0] if int(ell) in modes else None for ell in ells)
        return np.array(
            [channels(int(ell))[0] if one is None else math.log(abs(one)) for ell, one in zip(ells, each, strict=True)]
        )

    def removed() -> float:
        return 0.5 * sum(degeneracy(dim, ell) * error / abs(v) for ell, (v, error) in found._found.items())

    if dim == 1:
        total = 0.5 * float(np.sum(logs((0,) if found.on_line else (0, 1))))
        return OneLoop(total, 0.0, removed())
    large = found._large_nu
    total, error, _ = subtracted_sum(dim, large, logs)
    constant = total + finite_part(dim, large, 1.0)
    slope = finite_part(dim, large, math.e) + total - constant
    return OneLoop(constant, slope, error + removed())


@numerical
def determinant(state: Any, *, orbit_volume: float | None = None) -> Determinant:
    """The one-loop determinant of a static state of n coupled fields: for each l, and summed.

    Parameters
    ----------
    state : State
        A bounce, an instanton or a kink.
    orbit_volume : float, optional
        Volume of the orbit of the internal symmetries that the state breaks, in the metric
        int d^dx sum_i k_i (du_i)^2. Known where the fields of the state are along one direction: a sphere.

    Returns
    -------
    Determinant
        ln T_l, zero modes removed, and S_1.

    Raises
    ------
    ValueError
        If the state is not static, not converged or not around a stable vacuum, or if V depends on the radius or has
        jumps of V'.

    References
    ----------
    G. V. Dunne, K. Kirsten, *J. Phys. A* **39** (2006) 11915; I. M. Gelfand, A. M. Yaglom, *J. Math. Phys.* **1**
    (1960) 48; C. G. Callan, S. Coleman, *Phys. Rev. D* **16** (1977) 1762.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - u[0]**3 / 2 + u[0]**4 / 16)
    >>> found = ss.determinant(ss.bounce(model, false_vacuum=[0.0], dim=4))
    >>> print(f"{found.log_ratio(5):.7f} {found.sign(0)} {found.zero_mode(1):.7f}")
    -1.3546342 -1 0.0871988
    """
    expect_state("determinant", state)
    expect_constant_kinetic(
        "determinant", state.problem.model, "fluctuations of gauge fields and of K(u) are not in it yet"
    )
    check_static(state)
    if orbit_volume is not None and not (is_number(orbit_volume) and orbit_volume > 0):
        raise ValueError(f"determinant: orbit_volume must be positive, got {orbit_volume!r}: give a volume")
    inner, scales = on_scales(state)
    problem = inner.problem
    if problem.vacuum.masses_squared.min() < -1e-9 * abs(problem.vacuum.masses_squared).max():
        raise ValueError("determinant: the state's vacuum is not a minimum of V, so its determinant is not defined")
    if delta_functions(problem, inner.u) is not None:
        raise ValueError("determinant: V' jumps along the state, where V'' is not a number: smooth the potential")
    problem, u = without_wall(problem, inner.u)
    action = float(problem.energy(u) * scales.unit("energy"))
    modes, channels = zero_modes_of(problem, u), Channels(Background(problem, u))
    return Determinant(action, modes, channels, scales, orbit_volume, has_no_scale(problem, u))
