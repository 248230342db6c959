r"""A fixed-norm state as a rotating Q-ball, Psi = exp(i omega t) f: charge, energy and stability.

.. math:: Q = \omega N,\qquad E_Q = E + \tfrac12\omega^2N,\qquad \frac{dE_Q}{dQ} = \omega.

Along a branch :math:`du/d\omega^2 = H^{-1}M_cu`, so :math:`dN/d\omega^2 = 2\,(M_cu)^TH^{-1}M_cu` takes one solve.
A ground-state Q-ball is classically stable where dQ/d omega < 0 (R. Friedberg, T. D. Lee,
A. Sirlin, *Phys. Rev. D* **13** (1976) 2739; N. G. Vakhitov, A. A. Kolokolov, *Radiophys. Quantum Electron.* **16**
(1973) 783 for dN/d omega < 0 at omega -> m), and cannot decay into free quanta where E_Q < m Q.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from .._checks import expect_state
from ..problem.problem import DiscreteProblem
from ..problem.scales import Scales
from ..problem.transfer import scale_to_norm
from ..solvers.newton import Newton
from ..states.state import State, reduced_state
from .curve import linearise
from .family import Family

_STEP = 2e-3  # relative change of N (or omega) for the check of dE_Q/dQ; its error is of order _STEP^2


@dataclass(frozen=True)
class Rotation:
    """Charge, energy and stability of a rotating state; NaN except for the slopes if omega^2 < 0.

    Attributes
    ----------
    omega : float
        Frequency, in mass.
    charge : float
        Q = omega N.
    energy : float
        E_Q = E + omega^2 N / 2.
    norm_slope, charge_slope : float
        dN/d(omega^2) and dQ/d(omega).
    energy_per_charge : float
        E_Q / (m Q), m the lightest mass of the vacuum; below 1 the state cannot decay into free quanta.
    identity : float
        |dE_Q/dQ / omega - 1| by finite differences of two neighbouring solutions.
    classically_stable : bool
        Whether dQ/d(omega) < 0.
    stable_against_quanta : bool
        Whether E_Q < m Q.
    """

    units: ClassVar[dict[str, str]] = {
        "omega": "mass",
        "charge": "charge",
        "energy": "energy",
        "norm_slope": "norm/mass^2",
        "charge_slope": "charge/mass",
    }

    omega: float
    charge: float
    energy: float
    norm_slope: float
    charge_slope: float
    energy_per_charge: float
    identity: float

    @property
    def classically_stable(self) -> bool:
        """Whether dQ/d(omega) < 0."""
        return self.charge_slope < 0

    @property
    def stable_against_quanta(self) -> bool:
        """Whether E_Q < m Q."""
        return self.energy_per_charge < 1


def rotation(state: State) -> Rotation:
    r"""Charge, energy and stability of the rotating state exp(i omega t) u.

    .. math:: Q = \omega N,\qquad E_Q = E + \tfrac12\omega^2N,\qquad \frac{dE_Q}{dQ} = \omega .

    Parameters
    ----------
    state : State
        A converged state of a problem with fixed norm or frequency.

    Returns
    -------
    Rotation
        Charge, energy and slopes; a ground state is classically stable if dQ/d(omega) < 0.

    Raises
    ------
    ValueError
        If neither norm nor frequency is fixed, or the state is not converged.

    References
    ----------
    R. Friedberg, T. D. Lee, A. Sirlin, *Phys. Rev. D* **13** (1976) 2739.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - p["g"] * u[0]**4 / 4 + u[0]**6 / 8, params={"g": 1.6})
    >>> state = ss.solve(ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0))
    >>> rotating = ss.rotation(state)
    >>> print(f"{rotating.charge:.3f}", rotating.classically_stable)
    87.694 True
    """
    expect_state("rotation", state)
    problem = state.problem
    if problem.norm is None and problem.omega is None:
        raise ValueError("rotation: the state has neither fixed norm nor frequency: solve Problem(..., norm=...)")
    if not state.converged:
        raise ValueError(f"rotation: the state is not converged ({state.status}): solve it first")
    return _rotation(*reduced_state(state))


def _rotation(state: State, scales: Scales) -> Rotation:
    problem = state.problem
    family = Family(problem, "omega" if problem.norm is None else "norm")
    norm_slope = linearise(family, family.point(state.u, state.multiplier)).norm_slope()
    omega = state.omega
    masses = problem.vacuum.masses_squared
    lightest = math.sqrt(masses[0]) if masses[0] > 0 else float("nan")
    found = Rotation(
        omega=omega,
        charge=state.charge,
        energy=state.charged_energy,
        norm_slope=norm_slope,
        charge_slope=state.norm + 2.0 * state.multiplier * norm_slope,
        energy_per_charge=state.charged_energy / (lightest * state.charge) if state.multiplier > 0 else float("nan"),
        identity=_identity(problem, state) if state.multiplier > 0 else float("nan"),
    )
    return scales.restore(found)


def _identity(problem: DiscreteProblem, state: State) -> float:
    energies, charges = [], []
    for sign in (-1.0, 1.0):
        factor = 1.0 + sign * _STEP
        # Any stationary point: the state may be a saddle.
        newton = Newton(target="stationary")
        if problem.omega is not None:
            near = problem.replace(omega=state.omega * factor)
            found = newton.run(near, state.u)
        else:
            near = problem.replace(norm=state.norm * factor)
            found = newton.run(near, scale_to_norm(near, state.u))
        if not found.converged or found.multiplier <= 0:
            return float("nan")
        omega = math.sqrt(found.multiplier)
        norm = near.norm_of_state(found.u)
        charges.append(omega * norm)
        energies.append(near.energy(found.u) + 0.5 * found.multiplier * norm)
    return abs((energies[1] - energies[0]) / (charges[1] - charges[0]) / state.omega - 1.0)
