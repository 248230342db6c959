r"""A state at fixed norm or frequency as a rotating one, Psi = exp(i omega t) u: charge, energy and stability.

With canonical fields and S = E - omega^2 N/2, stationary at the state,

.. math:: Q = \omega N,\qquad E_Q = E + \tfrac12\omega^2N = S + \omega Q,\qquad \frac{dE_Q}{dQ} = \omega .

Along a branch :math:`du/d\omega^2 = L_+^{-1}M_cu`, so that :math:`dN/d\omega^2 = 2\,(M_cu)^TL_+^{-1}M_cu` and
:math:`dQ/d\omega = N + 2\omega^2dN/d\omega^2`.

*Classical stability.* The conserved E - omega Q has the second variation
:math:`|\dot\psi - i\omega\psi|^2 + L_+ + L_-` about the state. At fixed Q one negative direction is lost if
dQ/domega < 0, none otherwise, so that at angular momentum l

.. math:: n_l = n(L_+) + n(L_-) - [\,l = 0 \wedge dQ/d\omega < 0\,]

is left. All n_l = 0: the state is stable (M. Grillakis, J. Shatah, W. Strauss, *J. Funct. Anal.* **74** (1987) 160). An
odd n_l: a mode grows (**94** (1990) 308). An even one: a mode may grow or not, and its growth rate decides.

*Quanta.* With E_Q < m Q, m the lightest mass of the quanta that carry the charge, it cannot decay into them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray as Array

from ..problem.complexified import known_imaginary_curvature
from ..problem.problem import DiscreteProblem
from ..problem.tangent_space import RankOne, TangentSpace, norm_border
from ..theory.vacua import mass_matrix
from .mode_counts import ModeCounts

# omega^2 below this times the largest mass^2 is 0: nothing rotates.
_AT_REST = 1e-9
# Eigenvalues above minus this times the largest mass^2 are 0: the discrete equations have the internal symmetries
# exactly, so that their zero modes are 0 to rounding.
_ZERO = 1e-9
_HIGHEST_ELL = 20  # the counts fall with l; a state that is still unstable there is no more stable beyond
_TERMS = 8  # of a series in a small shift
_LISTED = 3  # angular momenta named in a verdict
_DIFFERENCE = 1e-3  # relative step in omega^2 for the derivatives of the exterior


@dataclass(frozen=True)
class Rotation:
    r"""Charge, energy and stability of a rotating state.

    Nothing rotates if omega^2 <= 0: then omega, charge and energies are NaN.

    Attributes
    ----------
    omega : float
        Frequency, in mass.
    charge : float
        Q = omega N for canonical fields (:math:`\omega kN` with a kinetic factor k), a pure number.
    energy : float
        E_Q = E + omega Q / 2, in mass.
    energy_per_charge : float
        E_Q / (m Q), m the lightest mass of the quanta that carry the charge.
    norm_slope, charge_slope : float
        dN/d(omega^2), N of canonical fields, in 1/mass^3, and dQ/d(omega) in 1/mass.
    negative_modes : tuple of int
        Negative modes of L_+ at l = 0, 1, ... at fixed frequency, up to the first l >= 1 without one.
    phase_modes : tuple of int or None
        Those of L_-, in the imaginary direction; None where the theory leaves open what V of complex fields is.
    minimum_at_fixed_norm : bool
        Whether E has a minimum at this norm: no negative mode at fixed norm at l = 0, and none of L_+ at l >= 1.
    identity : float
        abs(dE_Q/dQ / omega - 1) by finite differences of two neighbouring solutions; NaN if not measured.
    modes_at_fixed_charge : tuple of int
        Negative modes at fixed charge, at l = 0, 1, ...
    classically_stable : bool
        Whether there is none: the criterion of Grillakis, Shatah and Strauss.
    stable_against_quanta : bool
        Whether E_Q < m Q.
    verdict : str
        Both answers in words.
    """

    units: ClassVar[dict[str, str]] = {
        "omega": "mass",
        "charge": "charge",
        "energy": "energy",
        "norm_slope": "charge/mass^3",
        "charge_slope": "charge/mass",
    }

    omega: float
    charge: float
    energy: float
    norm_slope: float
    charge_slope: float
    energy_per_charge: float
    negative_modes: tuple[int, ...]
    phase_modes: tuple[int, ...] | None
    minimum_at_fixed_norm: bool
    identity: float = math.nan

    @property
    def rotates(self) -> bool:
        """Whether omega^2 > 0."""
        return self.omega > 0

    @property
    def modes_at_fixed_charge(self) -> tuple[int, ...]:
        """Negative modes of L_+ and L_- at l = 0, 1, ...; at l = 0 one fewer if dQ/d(omega) < 0."""
        imaginary = self.phase_modes or ()
        count = max(len(self.negative_modes), len(imaginary))
        both = [sum(row[ell] for row in (self.negative_modes, imaginary) if ell < len(row)) for ell in range(count)]
        # L_+ has a negative mode wherever dQ/domega < 0; max: it may be smaller than rounding.
        both[0] = max(both[0] - (self.charge_slope < 0), 0)
        return tuple(both)

    @property
    def classically_stable(self) -> bool:
        """Whether the state rotates and has no negative mode at fixed charge."""
        return self.rotates and math.isfinite(self.charge_slope) and not any(self.modes_at_fixed_charge)

    @property
    def stable_against_quanta(self) -> bool:
        """Whether E_Q < m Q."""
        return self.energy_per_charge < 1

    @property
    def verdict(self) -> str:
        """Both answers in words."""
        if not self.rotates:
            return "nothing rotates (omega^2 <= 0)"
        return f"{self._classical_words()}, {self._quanta_words()}"

    def _classical_words(self) -> str:
        if self.classically_stable:
            return "classically stable" + (" (L_- not known)" if self.phase_modes is None else "")
        modes = self.modes_at_fixed_charge
        odd = [ell for ell, count in enumerate(modes) if count % 2]
        if odd == [0] and self.negative_modes[0] == 1 and not any(self.phase_modes or ()):
            return "classically unstable (dQ/domega > 0)"
        if odd:
            more = ", ..." if len(odd) > _LISTED else ""
            where = ", ".join(map(str, odd[:_LISTED])) + more
            return f"classically unstable (an odd number of negative modes at fixed charge at l = {where})"
        return "not shown to be classically stable (an even number of negative modes: see oscillations)"

    def _quanta_words(self) -> str:
        if math.isnan(self.energy_per_charge):
            return "decay into free quanta not decided"
        return "stable against free quanta" if self.stable_against_quanta else "can decay into free quanta (E_Q > m Q)"

    @classmethod
    def from_record(cls, record: Mapping[str, Any] | None) -> Rotation | None:
        """The rotation from its entries as a file holds them."""
        if record is None:
            return None
        tuples = {name: tuple(value) for name, value in record.items() if isinstance(value, list)}
        return cls(**{**record, **tuples})


def is_rotating(problem: DiscreteProblem, multiplier: float) -> bool:
    """Whether omega^2 > 0."""
    return multiplier > _AT_REST * _largest_squared(problem)


def rotation_of(problem: DiscreteProblem, u: Array, multiplier: float, modes: ModeCounts) -> Rotation | None:
    """Charge, energy and stability; None if nothing is at fixed norm or frequency, or not by one phase."""
    if (problem.norm is None and problem.omega is None) or not problem.norm_of_state(u) > 0:
        return None
    if np.any(problem.vacuum.values[problem.carries_norm > 0] != 0):
        return None
    omega, charge, energy = charge_and_energy(problem, u, multiplier)
    slope = _norm_response(problem, u, modes.space)
    plus = _of_real_part(problem, u, multiplier, modes)
    imaginary = known_imaginary_curvature(problem, u)
    minus = None
    if imaginary is not None:
        minus = _continued([], problem, u, multiplier, imaginary.reshape(modes.space.curvature.shape))
    return Rotation(
        omega=omega,
        charge=charge,
        energy=energy,
        norm_slope=slope,
        charge_slope=canonical_norm(problem, u) + 2.0 * multiplier * slope,
        energy_per_charge=energy / (charged_mass(problem) * charge),
        negative_modes=plus,
        phase_modes=minus,
        minimum_at_fixed_norm=modes.unstable == 0 and not any(plus[1:]),
    )


def charge_and_energy(problem: DiscreteProblem, u: Array, multiplier: float) -> tuple[float, float, float]:
    """omega, Q and E_Q; NaN where nothing rotates."""
    omega = math.sqrt(multiplier) if is_rotating(problem, multiplier) else math.nan
    charge = omega * canonical_norm(problem, u)
    # E - omega^2 N/2 is right outside the domain too, where E alone is not (the boundary "decaying").
    action = problem.energy(u) - 0.5 * multiplier * problem.norm_of_state(u)
    return omega, charge, action + omega * charge


def canonical_norm(problem: DiscreteProblem, u: Array) -> float:
    """N, with what is outside the domain at the boundary "decaying"."""
    norm = problem.norm_of_state(u)
    if problem.boundary == "decaying" and problem.omega is not None:
        away = u[-1] - problem.vacuum.values
        norm -= float(away @ _exterior_rates(problem)[0] @ away)
    return norm


def charged_mass(problem: DiscreteProblem) -> float:
    """The lightest mass of the quanta of the fields that rotate; NaN if it is not positive."""
    rotates = problem.carries_norm > 0
    matrix = mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max)[np.ix_(rotates, rotates)]
    lightest = float(np.linalg.eigvalsh(matrix)[0]) if np.all(np.isfinite(matrix)) else math.nan
    return math.sqrt(lightest) if lightest > 0 else math.nan


def _largest_squared(problem: DiscreteProblem) -> float:
    return float(np.max(np.abs(problem.vacuum.masses_squared)))


def _norm_response(problem: DiscreteProblem, u: Array, space: TangentSpace) -> float:
    """dN/d(multiplier), with N outside the domain.

    With S the stationary E - omega^2 N/2, N is -2 dS/d(omega^2), explicitly M u^2 and, with the boundary "decaying",
    minus the derivative X' of the exterior matrix X.
    """
    load = norm_border(problem, u)
    outside = 0.0
    if problem.boundary == "decaying":
        first, second = _exterior_rates(problem)
        away = u[-1] - problem.vacuum.values
        load[-1] -= first @ away
        outside = float(away @ second @ away)
    return 2.0 * float(np.sum(load * _unshifted(space, load))) - outside


def _unshifted(space: TangentSpace, load: Array) -> Array:
    """A^-1 ``load``, A without the shift of ``space``: (A + sigma M)^-1 summed as a series in sigma."""
    total = term = space.invert(load[:, :, None])[:, :, 0]
    for _ in range(_TERMS if space.sigma else 0):
        before = np.max(np.abs(term))
        term = space.sigma * space.invert((space.problem.grid.mass_form @ term)[:, :, None])[:, :, 0]
        total = total + term
        if not np.max(np.abs(term)) < 0.1 * before:  # an eigenvalue is nearly as small as sigma
            break
        if np.max(np.abs(term)) <= 1e-15 * np.max(np.abs(total)):
            return total
    if space.sigma:
        return _unshifted(space.shifted(0.0), load)
    return total


def _exterior_rates(problem: DiscreteProblem) -> tuple[Array, Array]:
    """First and second derivative of the exterior matrix by omega^2."""
    squared = float(problem.omega or 0.0) ** 2
    step = _DIFFERENCE * max(squared, _DIFFERENCE * _largest_squared(problem))
    centre = max(squared, step)

    def exterior(value: float) -> Array:
        other = problem.replace(omega=math.sqrt(value))
        other.__dict__["vacuum"] = problem.vacuum
        return other.exterior(0)

    below, middle, above = (exterior(centre + k * step) for k in (-1.0, 0.0, 1.0))
    return (above - below) / (2.0 * step), (above - 2.0 * middle + below) / step**2


def _of_real_part(problem: DiscreteProblem, u: Array, multiplier: float, modes: ModeCounts) -> tuple[int, ...]:
    """Negative modes of L_+ at fixed frequency at l = 0, 1, ..., up to the first l >= 1 without one."""
    known = [modes.unconstrained, *modes.negative[1:]]
    last = next((ell for ell in range(1, len(known)) if known[ell] == 0), len(known) - 1)
    return _continued(known[: last + 1], problem, u, multiplier, modes.space.curvature, modes.space.deltas)


def _continued(
    known: list[int],
    problem: DiscreteProblem,
    u: Array,
    multiplier: float,
    curvature: Array,
    deltas: RankOne | None = None,
) -> tuple[int, ...]:
    """Negative modes of the operator with this curvature at l = 0, 1, ..., from those ``known`` to the first l without.

    Zero modes are not counted.
    """
    most = 1 if float(problem.grid.dim) == 1.0 else _HIGHEST_ELL
    given: dict[str, Any] = {"sigma": _ZERO * _largest_squared(problem), "curvature": curvature}
    given |= {"constraints": np.empty((*u.shape, 0)), "deltas": deltas}
    out = list(known)
    while len(out) <= most and (not out or out[-1] > 0):
        out.append(TangentSpace(problem, u, multiplier, ell=len(out), **given).count_negative())
    return tuple(out)
