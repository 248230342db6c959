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

from .._checks import expect_state
from ..problem.problem import DiscreteProblem
from ..problem.transfer import scale_to_norm
from ..solvers.newton import Newton
from ..states.state import State
from .curve import linearise
from .family import Family

_STEP = 2e-3  # relative change of N (or omega) for the check of dE_Q/dQ; its error is of order _STEP^2


@dataclass(frozen=True)
class Rotation:
    """What rotation makes of a state; NaN in all but the slopes where omega^2 < 0 (nothing rotates).

    ``omega`` in mass, ``charge`` omega N, ``energy`` E + omega^2 N/2; ``norm_slope`` dN/d(omega^2), ``charge_slope``
    dQ/d omega; ``energy_per_charge`` E_Q/(m Q), m the lightest charged quantum; ``identity`` |dE_Q/dQ / omega - 1|.
    """

    omega: float
    charge: float
    energy: float
    norm_slope: float  # dN/d(omega^2)
    charge_slope: float  # dQ/d omega
    energy_per_charge: float  # E_Q / (m Q), m the lightest charged quantum: below 1 it cannot decay into free quanta
    identity: float  # |dE_Q/dQ / omega - 1| by differences of two neighbouring solutions

    @property
    def classically_stable(self) -> bool:
        """dQ/d omega < 0."""
        return self.charge_slope < 0

    @property
    def stable_against_quanta(self) -> bool:
        """E_Q < m Q."""
        return self.energy_per_charge < 1


def rotation(state: State) -> Rotation:
    r"""Charge, energy, slopes and stability of the rotating state, Psi = exp(i omega t) u:

    .. math:: Q = \omega N,\qquad E_Q = E + \tfrac12\omega^2N,\qquad \frac{dE_Q}{dQ} = \omega .

    Classically stable where dQ/d omega < 0 (R. Friedberg, T. D. Lee, A. Sirlin, *Phys. Rev. D* **13** (1976) 2739).

    Raises
    ------
    ValueError : for a state without fixed norm or frequency, or one that has not converged.
    """
    expect_state("rotation", state)
    problem = state.problem
    if problem.norm is None and problem.omega is None:
        raise ValueError("rotation: the state has neither fixed norm nor frequency: solve Problem(..., norm=...)")
    if not state.converged:
        raise ValueError(f"rotation: the state is not converged ({state.status}): solve it first")
    family = Family(problem, "omega" if problem.norm is None else "norm")
    norm_slope = linearise(family, family.point(state.u, state.multiplier)).norm_slope()
    omega = state.omega
    masses = problem.vacuum.masses_squared
    lightest = math.sqrt(masses[0]) if masses[0] > 0 else float("nan")
    return Rotation(
        omega=omega,
        charge=state.charge,
        energy=state.charged_energy,
        norm_slope=norm_slope,
        charge_slope=state.norm + 2.0 * state.multiplier * norm_slope,
        energy_per_charge=state.charged_energy / (lightest * state.charge) if state.multiplier > 0 else float("nan"),
        identity=_identity(problem, state) if state.multiplier > 0 else float("nan"),
    )


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
