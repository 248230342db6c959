r"""Exact derivatives of a state with respect to a coupling, the norm or the frequency.

A state is an implicit function of its parameters: differentiating F(u, omega^2; p) = 0 (and N(u) = N) gives one linear
solve with the factorised second variation. The energy needs no solve (envelope theorem,
:math:`dE/dp = \partial E/\partial p + \tfrac12\omega^2 dN/dp`), and eigenvalues follow by the Hellmann-Feynman theorem,

.. math:: \frac{d\lambda}{dp} = \int\eta_i\eta_j\left(\partial_pV_{ij} + V_{ijk}\frac{du_k}{dp}\right)
          - \frac{d\omega^2}{dp}\int\sum_c\eta_c^2 .
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from .._checks import expect_state
from ..machine.arithmetic import numerical
from ..problem.problem import DiscreteProblem
from ..problem.residual import force
from ..problem.scales import on_scales
from ..problem.tangent_space import TangentSpace, norm_border
from ..problem.zero_modes import Symmetries
from ..states.stability import charged_mass
from ..states.state import State
from ..theory.vacua import mass_matrix
from .curve import CorrectorError, Linearisation, linearise
from .family import Family, FamilyPoint, family_of


@dataclass(frozen=True)
class Sensitivity:
    """Derivatives of a state with respect to one parameter p.

    Attributes
    ----------
    parameter : str
        Name of p.
    energy, norm, multiplier : float
        dE/dp, dN/dp and d(omega^2)/dp.
    fields : ndarray of shape (n_nodes, n_fields)
        du/dp at the nodes.
    """

    units: ClassVar[dict[str, str]] = {
        "energy": "energy",
        "norm": "norm",
        "multiplier": "mass^2",
        "fields": "field",
    }

    parameter: str
    energy: float
    norm: float
    multiplier: float
    fields: Float[Array, "node field"]


@numerical
def sensitivity(state: State, parameter: str) -> Sensitivity:
    r"""Exact derivatives of a converged state with respect to one parameter.

    By the implicit function theorem, from :math:`F(u, \omega^2; p) = 0` and N(u) = N with one linear solve; the energy
    by :math:`dE/dp = \partial E/\partial p + \tfrac12\omega^2\,dN/dp`.

    Parameters
    ----------
    state : State
        A converged state.
    parameter : str
        A coupling of the model, ``"norm"`` or ``"omega"``.

    Returns
    -------
    Sensitivity
        dE/dp, dN/dp, d(omega^2)/dp and du/dp.

    Raises
    ------
    ValueError
        If the problem has no such parameter or the state is not converged.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - p["g"] * u[0]**4 / 4 + u[0]**6 / 8, params={"g": 1.6})
    >>> state = ss.solve(ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0))
    >>> print(f"{ss.sensitivity(state, 'g').energy:.4f}")
    -14.4360
    """
    expect_state("sensitivity", state)
    (found,) = sensitivities(state, [parameter])
    if isinstance(found, CorrectorError):
        raise found
    return found


def sensitivities(state: State, parameters: Sequence[str]) -> list[Sensitivity | CorrectorError]:
    """The derivatives along each parameter, or why there are none (a fold); all share one factorisation.

    Raises ValueError as :func:`sensitivity`.
    """
    problem = state.problem
    known = [*problem.model.params, *(n for n in ("norm", "omega") if getattr(problem, n) is not None)]
    for parameter in parameters:
        if parameter not in known:
            raise ValueError(f"sensitivity: there is no parameter {parameter!r}: choose from {', '.join(known)}")
    if not state.converged:
        raise ValueError(f"sensitivity: the state is not converged ({state.status}): solve it first")
    inner, scales = on_scales(state)
    held = Symmetries(inner.problem, inner.u, inner.multiplier).modes
    found: list[Sensitivity | CorrectorError] = []
    space: TangentSpace | None = None
    for parameter in parameters:
        family = family_of(inner.problem, parameter, scales)
        line = linearise(family, family.point(inner.u, inner.multiplier), held, space)
        space = line.space
        try:
            found.append(scales.restore(_along(line)))
        except CorrectorError as error:
            found.append(error)
    return found


def _along(line: Linearisation) -> Sensitivity:
    """The derivatives of a dimensionless state, per unit of the user's parameter."""
    family, point = line.family, line.point
    per = per_parameter(family)
    du, dc = line.solve(np.zeros_like(point.u), line.value_row(1.0), homogeneous=True, fine=True)
    if family.kind == "coupling":
        shift = float(dc[1]) if family.holds_norm else 0.0
        moved = du + family.lift(family.problem)
    else:
        shift = float(dc[0]) if family.kind == "norm" else 1.0
        moved = du
    energy, norm = functional_rates(family, point, du)
    return Sensitivity(family.parameter, per * energy, per * norm, per * shift, per * moved)


def functional_rates(family: Family, point: FamilyPoint, du: Array) -> tuple[float, float]:
    """(dE/dq, dN/dq) of a stationary state whose fields change by ``du`` beyond the lift of the family."""
    norm = 0.0 if family.holds_norm else 2.0 * float(np.sum(norm_border(point.problem, point.u) * du))
    # With the boundary "decaying" the exterior depends on couplings and on omega^2 itself.
    return family.explicit_slope(point, du, 1.0)[0] + 0.5 * point.multiplier * norm, norm


def rotating_rates(
    problem: DiscreteProblem, values: Mapping[str, float], rates: Mapping[str, Any], matrix: Float[Array, "field field"]
) -> dict[str, float]:
    """The derivatives of omega, Q = omega k N, E_Q = S + omega Q and E_Q / (m Q).

    From ``values`` and those ``rates`` of norm, multiplier and action; ``matrix``: that of the vacuum's mass matrix.
    """
    omega, charge = values["omega"], values["charge"]
    faster = rates["multiplier"] / (2.0 * omega)
    more = charge * (faster / omega + rates["norm"] / values["norm"])
    energy = rates["action"] + faster * charge + omega * more
    block = np.ix_(problem.carries_norm > 0, problem.carries_norm > 0)
    own = mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max)[block]
    lightest = np.linalg.eigh(own)[1][:, 0]
    heavier = lightest @ matrix[block] @ lightest / (2.0 * charged_mass(problem) ** 2)  # m'/m
    ratio = values["energy_per_charge"]
    per_charge = ratio * (energy / values["charged_energy"] - more / charge - heavier)
    return {"omega": faster, "charge": more, "charged_energy": energy, "energy_per_charge": per_charge}


def tangents(
    problem: DiscreteProblem, u: Float[Array, "node field"], names: Sequence[str]
) -> Float[Array, "coupling node field"]:
    r"""dw/dp, w = u - vacuum, of a converged state by each coupling (or "norm"), at fixed norm if the problem has one.

    The vacuum depends on the couplings too. All derivatives share one factorisation.
    """
    families = [Family(problem, name) for name in names]
    drifts = np.stack([family.vacuum_rate(problem) for family in families])
    return motions(families, u, force(problem, u).multiplier)[0] - drifts[:, None, :]


def motions(
    families: Sequence[Family], u: Float[Array, "node field"], multiplier: float
) -> tuple[Float[Array, "coupling node field"], Float[Array, " coupling"]]:
    """(du/dq, domega^2/dq) of a converged state along several families, which share one factorisation."""
    problem = families[0].problem
    space = TangentSpace(problem, u, multiplier, held=Symmetries(problem, u, multiplier).modes)
    loads, lifts = np.zeros((*u.shape, len(families))), np.zeros((*u.shape, len(families)))
    for k, family in enumerate(families):
        if family.kind != "norm":
            loads[:, :, k] = -family.force_rate(family.point(u, multiplier), space)
            lifts[:, :, k] = family.lift(problem)
    solved, along = space.solve(loads, 0.5 * np.array([[family.kind == "norm" for family in families]]))
    shifts = -along[0] if problem.norm is not None else np.array([float(f.kind == "omega") for f in families])
    return np.moveaxis(solved + lifts, 2, 0), shifts


def per_parameter(family: Family) -> float:
    """dq/dp in the user's unit of p; for omega q is omega^2, d/domega = 2 omega d/domega^2."""
    return (2.0 * float(family.problem.omega or 0.0) if family.kind == "omega" else 1.0) / family.unit
