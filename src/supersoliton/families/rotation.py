"""The rotation of a state (:mod:`..states.stability`) with a check of dE_Q/dQ = omega by neighbouring solutions."""

from __future__ import annotations

from dataclasses import replace

from .._checks import expect_state
from ..machine.arithmetic import numerical
from ..problem.problem import DiscreteProblem
from ..problem.transfer import scale_to_norm
from ..solvers.newton import Newton
from ..states.mode_counts import count_modes
from ..states.stability import Rotation, charge_and_energy, rotation_of
from ..states.state import State, reduced_state

_STEP = 2e-3  # relative change of N (or omega) for the check of dE_Q/dQ; its error is of order _STEP^2


@numerical
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
        Charge, energy, slopes, numbers of negative modes and the verdicts.

    Raises
    ------
    ValueError
        If neither norm nor frequency is fixed, the state is not converged, or the fields do not rotate by one phase.

    References
    ----------
    R. Friedberg, T. D. Lee, A. Sirlin, *Phys. Rev. D* **13** (1976) 2739; M. Grillakis, J. Shatah, W. Strauss,
    *J. Funct. Anal.* **74** (1987) 160.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - p["g"] * u[0]**4 / 4 + u[0]**6 / 8, params={"g": 1.6})
    >>> state = ss.solve(ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0))
    >>> rotating = ss.rotation(state)
    >>> print(f"{rotating.charge:.3f}", rotating.verdict)
    87.694 classically stable, stable against free quanta
    """
    expect_state("rotation", state)
    problem = state.problem
    if problem.norm is None and problem.omega is None:
        raise ValueError("rotation: the state has neither fixed norm nor frequency: solve Problem(..., norm=...)")
    if not state.converged:
        raise ValueError(f"rotation: the state is not converged ({state.status}): solve it first")
    inner, scales = reduced_state(state)
    on, known = inner.problem, state.certificate.rotation
    if known is not None:
        found: Rotation | None = known
    else:  # from a file of an earlier version, or not one rotation
        modes = count_modes(on, inner.u, inner.multiplier, homogeneous=False)
        found = scales.restore(rotation_of(on, inner.u, inner.multiplier, modes))
    if found is None:
        raise ValueError(f"rotation: {_why_not(problem)}")
    return replace(found, identity=_identity(on, inner)) if found.rotates else found


def _why_not(problem: DiscreteProblem) -> str:
    values = problem.vacuum.values[problem.carries_norm > 0].tolist()
    return f"the fields that carry the norm are {values} at infinity: N is finite only if they vanish there"


def _identity(problem: DiscreteProblem, state: State) -> float:
    energies, charges = [], []
    for sign in (-1.0, 1.0):
        factor = 1.0 + sign * _STEP
        # Any stationary point: the state may be a saddle.
        newton = Newton(target="stationary")
        if problem.omega is not None:
            near = problem.replace(omega=float(problem.omega) * factor)
            found = newton.run(near, state.u)
        else:
            near = problem.replace(norm=state.norm * factor)
            found = newton.run(near, scale_to_norm(near, state.u))
        if not found.converged or found.multiplier <= 0:
            return float("nan")
        _, charge, energy = charge_and_energy(near, found.u, found.multiplier)
        charges.append(charge)
        energies.append(energy)
    return abs((energies[1] - energies[0]) / (charges[1] - charges[0]) / state.omega - 1.0)
