r"""The certificate of a state: its accuracy and stability checks.

*Residual*: dual norm of the force, relative (:mod:`..problem.residual`). *Discretisation*: relative error of
the energy, from one Newton step on a mesh of higher order. *Virial*: under r -> r/a a stationary state satisfies

.. math:: (d-2)T + d\,(U - \tfrac12\omega^2N) + \int r\,\partial_rV = -S_dR^d\left[\tfrac12 u'^2 - W\right]_R,\quad
          W = V - V_\infty - \tfrac12\omega^2u_c^2

(G. H. Derrick, *J. Math. Phys.* **5** (1964) 1252, with the boundary term of a finite box). *Translation mode*: u'(r)
is an exact zero mode of the l = 1 fluctuation operator of every localised state without explicit r.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..problem.asymptotics import continuum
from ..problem.problem import DiscreteProblem
from ..problem.tangent_space import TangentSpace
from ..solvers.base import Solution
from .accuracy import discretisation_error, translation_mode, virial
from .kantorovich import kantorovich_radius
from .kinds import Kind, boundary_fraction, classify, is_homogeneous
from .tail import measured_tail

# Limits that a certified state must satisfy; `reasons` names the entries that exceed them.
RESIDUAL_LIMIT = 1e-10
DISCRETISATION_LIMIT = 1e-6
VIRIAL_LIMIT = 1e-8
TRANSLATION_LIMIT = 1e-7  # of the largest mass^2 of the vacuum
_UNSTABLE = "unstable"  # first word of the reason


@dataclass(frozen=True)
class Certificate:
    """Accuracy and stability checks of a state; NaN where a check does not apply.

    Attributes
    ----------
    residual : float
        Dual norm of the force, relative; at most 1e-10.
    discretisation : float
        Relative error of the energy, estimated on a finer mesh; at most 1e-6.
    virial : float
        Violation of Derrick's identity, over the sum of the moduli of its terms; at most 1e-8.
    negative_modes : int
        Negative modes at l = 0 of the second variation, at fixed norm where one is fixed; -1 if not computed.
    translation_mode : float
        The l = 1 eigenvalue that must vanish, in mass^2; NaN for homogeneous states and potentials that depend on r.
    tail : float
        Measured decay rate over that of the lightest mass; NaN where no exponential tail can be measured.
    boundary_fraction : float
        Fraction of the squared fields in the outer tenth of the box; NaN for homogeneous states.
    kind : str
        ``"q-ball"``, ``"bounce"``, ``"excited"``, ``"kink"``, ``"trapped"``, ``"condensate"``, ``"vacuum"``,
        ``"delocalised"`` or ``"unconverged"``.
    reasons : tuple of str
        The checks that fail, in words; empty for a certified state.
    radius : float
        Bound on the relative H^1 distance to the exact solution of the discrete equations; NaN for homogeneous states
        and where the estimate (Newton-Kantorovich) does not close.
    certified : bool
        Whether every check passes.
    localised : bool
        Whether the state is a soliton.
    """

    residual: float
    discretisation: float
    virial: float
    negative_modes: int
    translation_mode: float
    tail: float
    boundary_fraction: float
    kind: Kind
    reasons: tuple[str, ...]
    radius: float = float("nan")

    @property
    def certified(self) -> bool:
        """Whether every check passes."""
        return not self.reasons

    @property
    def solved(self) -> bool:
        """Converged, and stable where its kind must be: only the checks that another start on this mesh can change."""
        return self.kind is not Kind.UNCONVERGED and self.residual <= RESIDUAL_LIMIT and not self._wrongly_unstable

    @property
    def unstable(self) -> bool:
        """Whether it has more negative modes than its kind must have.

        A bounce has one, and so has L_+ of a rotating state at fixed frequency; another kind has none.
        """
        expected = (0, self.kind.negative_modes)
        return self._wrongly_unstable or (not self.kind.stable and self.negative_modes not in expected)

    @property
    def _wrongly_unstable(self) -> bool:
        return any(reason.startswith(_UNSTABLE) for reason in self.reasons)

    @property
    def localised(self) -> bool:
        """Whether the state is a soliton: localised, and converged."""
        return self.kind.localised

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Certificate:
        """The certificate from its entries as a file holds them. Raises ValueError for an unknown kind."""
        kind = Kind.of(record["kind"])
        if kind is None:
            raise ValueError(f"there is no kind of state {record['kind']!r}: it was written by another version")
        return cls(**{**record, "kind": kind, "reasons": tuple(record["reasons"])})


def certify(problem: DiscreteProblem, solution: Solution, discretisation: float | None = None) -> Certificate:
    """Measure all entries of the certificate; pass ``discretisation`` if it is already known."""
    u, multiplier = solution.u, solution.multiplier
    if not np.all(np.isfinite(u)) or not math.isfinite(multiplier) or not math.isfinite(solution.residual):
        nan = float("nan")
        return Certificate(solution.residual, nan, nan, -1, nan, nan, nan, Kind.UNCONVERGED, (solution.status,))
    homogeneous = is_homogeneous(problem, u)
    space = TangentSpace(problem, u, multiplier)
    negative = space.count_negative()
    # A rotating state is judged at fixed charge: at fixed frequency L_+ of a stable one has a negative mode too.
    unstable = space.at_fixed_norm().count_negative() if problem.omega is not None else negative
    fraction = float("nan") if homogeneous else boundary_fraction(problem, u)
    kind = classify(problem, solution, negative, fraction, homogeneous)
    if discretisation is None:
        discretisation = discretisation_error(problem, u, multiplier)
    translation = float("nan")
    if kind.localised and not problem.model.explicit_r and problem.parity == "even":
        translation = translation_mode(problem, u, space.curvature, multiplier)
    entries: dict[str, Any] = {
        "residual": solution.residual,
        "discretisation": discretisation,
        "virial": virial(problem, u, multiplier),
        "negative_modes": negative,
        "translation_mode": translation,
        "tail": measured_tail(problem, u, multiplier) if kind.localised else float("nan"),
        "boundary_fraction": fraction,
        "kind": kind,
        "radius": kantorovich_radius(space).relative if kind.localised else float("nan"),
    }
    return Certificate(**entries, reasons=_reasons(problem, solution, {**entries, "unstable": unstable}))


def _reasons(problem: DiscreteProblem, solution: Solution, entry: dict[str, Any]) -> tuple[str, ...]:
    if not solution.converged:
        return (solution.status,)  # what the other entries exceed follows from that
    out = []
    if not entry["residual"] <= RESIDUAL_LIMIT:
        out.append(f"residual {entry['residual']:.1e} above {RESIDUAL_LIMIT:.0e}")
    if not entry["discretisation"] <= DISCRETISATION_LIMIT:
        out.append(f"energy uncertain by {entry['discretisation']:.1e}: refine the mesh")
    if not entry["virial"] <= VIRIAL_LIMIT:
        out.append(f"virial identity violated by {entry['virial']:.1e}: refine the mesh")
    if math.isfinite(entry["translation_mode"]):
        scale = max(1.0, float(np.max(np.abs(continuum(problem, solution.multiplier)[1]))))
        if not abs(entry["translation_mode"]) <= TRANSLATION_LIMIT * scale:
            out.append(
                f"translation mode at {entry['translation_mode']:.1e} instead of 0: use a larger box or a finer mesh"
            )
    kind, negative = entry["kind"], entry["unstable"]
    if kind is Kind.DELOCALISED:
        out.append(f"delocalised: {entry['boundary_fraction']:.1e} of the norm in the outer tenth of the box")
    if kind.needs_vacuum and not problem.vacuum.stable:
        out.append(f"the vacuum around it has a tachyon of mass^2 {problem.vacuum.masses_squared[0]:.4g}")
    if kind.stable and negative > 0:
        out.append(f"{_UNSTABLE}: {negative} negative mode{'s' if negative > 1 else ''}")
    return tuple(out)
