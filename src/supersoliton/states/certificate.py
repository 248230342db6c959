r"""The certificate of a state: its accuracy and stability checks.

*Residual*: dual norm of the force, relative (:mod:`..problem.residual`). *Discretisation* and *box*: relative errors of
the energy, from one Newton step on a mesh of higher order whose edge is released (:mod:`.accuracy`). *Virial*: under
r -> r/a a stationary state satisfies

.. math:: (d-2)T + d\,(U - \tfrac12\omega^2N) + \int r\,\partial_rV = -S_dR^d\left[\tfrac12 u'^2 - W\right]_R,\quad
          W = V - V_\infty - \tfrac12\omega^2u_c^2

(G. H. Derrick, *J. Math. Phys.* **5** (1964) 1252, with the boundary term of a finite box). *Translation mode*: u'(r)
is an exact zero mode of the l = 1 fluctuation operator of every localised state without explicit r. *Negative modes*
are counted in several sectors and apart from the zero modes of symmetries (:mod:`.mode_counts`,
:mod:`..problem.zero_modes`).
*Tail*: where V' is linear around the vacuum the fields must decay as its masses say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..problem.asymptotics import continuum
from ..problem.ends import reached
from ..problem.problem import DiscreteProblem
from ..solvers.base import Solution
from .accuracy import Errors, accuracy, virial
from .jumps import in_words as jumps_in_words
from .jumps import jumps
from .kantorovich import kantorovich_radius
from .kinds import Kind, boundary_fraction, classify, is_homogeneous
from .mode_counts import count_modes, in_words
from .stability import Rotation, rotation_of
from .tail import Tail, measured_tail

# Limits that a certified state must satisfy; `reasons` names the entries that exceed them.
RESIDUAL_LIMIT = 1e-10
DISCRETISATION_LIMIT = 1e-6
BOX_LIMIT = 1e-6
CENTRE_LIMIT = 1e-5
VIRIAL_LIMIT = 1e-8
TRANSLATION_LIMIT = 1e-7  # of the largest mass^2 of the vacuum
TAIL_LIMIT = 0.05
TACHYON_LIMIT = 1e-10  # of -mass^2 in the dimensionless problem: rounding of a massless vacuum
_UNSTABLE = "unstable"  # first word of the reason
_FINER = ("refine the mesh", "a finer mesh")  # last words of the reasons that a finer mesh can remove


@dataclass(frozen=True)
class Certificate:
    """Accuracy and stability checks of a state; NaN where a check does not apply.

    Attributes
    ----------
    residual : float
        Dual norm of the force, relative; at most 1e-10.
    discretisation : float
        Relative error of the energy due to the mesh, estimated on a finer one; at most 1e-6.
    box : float
        Relative error of the energy due to the finite box, against infinite space; at most 1e-6. NaN for states that
        are not localised.
    errors : Errors or None
        Absolute errors of energy, norm, omega^2 and action, from mesh and box.
    energy_error : float
        Relative error of the energy: that of the mesh and that of the box.
    virial : float
        Violation of Derrick's identity, over the sum of the moduli of its terms; at most 1e-8.
    negative_modes : int
        Negative modes at l = 0 of the second variation, at fixed norm where one is fixed; -1 if not computed.
    zero_modes : int
        Exact zero modes at l = 0, one for each continuous symmetry that the state breaks and its vacuum does not; they
        are not among the negative ones. -1 if not computed.
    negative_modes_by_sector : tuple of int
        Negative modes at l = 0, 1 and 2; in one dimension those of the state's own parity and of the opposite one. The
        translation is not counted. Empty if not computed.
    translation_mode : float
        The l = 1 eigenvalue (l = 0 on a line) that must vanish, in mass^2; NaN for homogeneous states and potentials
        that depend on r.
    tail : float
        Measured decay rate over that of the lightest mass; NaN where no exponential tail can be measured.
    boundary_fraction : float
        Fraction of the squared fields in the outer tenth of the box; NaN for homogeneous states.
    kind : str
        ``"q-ball"``, ``"minimum at fixed norm"`` (one with omega^2 <= 0: nothing rotates), ``"bounce"``,
        ``"excited"``, ``"kink"``, ``"trapped"``, ``"soliton"`` (of a theory with conditions at both ends; its modes are
        those within the ansatz), ``"condensate"``, ``"vacuum"``, ``"delocalised"`` or ``"unconverged"``.
    reasons : tuple of str
        The checks that fail, in words; empty for a certified state.
    radius : float
        Bound on the relative H^1 distance to the exact solution of the discrete equations; NaN for homogeneous states
        and where the estimate (Newton-Kantorovich) does not close.
    modes_in_words : str
        The negative and zero modes at l = 0, for example "1 negative, 3 zero modes".
    rotation : Rotation or None
        Charge, energy and stability of the rotating state, at fixed norm or frequency; else None.
    certified : bool
        Whether every check passes.
    localised : bool
        Whether the state is a soliton.
    """

    units: ClassVar[dict[str, str]] = {"translation_mode": "mass^2", "rotation": "result", "errors": "result"}

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
    zero_modes: int = -1
    negative_modes_by_sector: tuple[int, ...] = ()
    rotation: Rotation | None = None
    box: float = float("nan")
    errors: Errors | None = None

    @property
    def energy_error(self) -> float:
        """Relative error of the energy: that of the mesh and that of the box."""
        return self.discretisation + (0.0 if math.isnan(self.box) else self.box)

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
        count = sum(self.negative_modes_by_sector) or self.negative_modes
        return self._wrongly_unstable or (not self.kind.stable and count not in expected)

    @property
    def needs_finer_mesh(self) -> bool:
        """Whether all checks that fail are those of the mesh, which a finer one may pass."""
        return bool(self.reasons) and all(reason.endswith(_FINER) for reason in self.reasons)

    @property
    def _wrongly_unstable(self) -> bool:
        return any(reason.startswith(_UNSTABLE) for reason in self.reasons)

    @property
    def modes_in_words(self) -> str:
        """The negative and zero modes at l = 0 in words, for example "1 negative, 3 zero modes"."""
        if self.negative_modes < 0:
            return "not counted"
        zero = f", {self.zero_modes} zero mode{'s' if self.zero_modes > 1 else ''}" if self.zero_modes > 0 else ""
        return f"{self.negative_modes} negative{zero}"

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
        lists = {name: tuple(record.get(name, ())) for name in ("reasons", "negative_modes_by_sector")}
        rotation = Rotation.from_record(record.get("rotation"))
        errors = record.get("errors")
        found = None if errors is None else Errors(**errors)
        return cls(**{**record, "kind": kind, "rotation": rotation, "errors": found, **lists})


def certify(
    problem: DiscreteProblem, solution: Solution, box: float | None = None, wanted: Kind | None = None
) -> Certificate:
    """Measure all entries of the certificate.

    ``box``: the relative error of the energy due to the box, if it was measured in a larger one. ``wanted``: a state of
    another kind is not certified.
    """
    u, multiplier = solution.u, solution.multiplier
    numbers = (multiplier, solution.residual, problem.energy(u))
    if not (np.all(np.isfinite(u)) and all(math.isfinite(x) for x in numbers)):
        nan = float("nan")
        return Certificate(solution.residual, nan, nan, -1, nan, nan, nan, Kind.UNCONVERGED, (solution.status,))
    homogeneous = is_homogeneous(problem, u)
    modes = count_modes(problem, u, multiplier, homogeneous=homogeneous, stationary=solution.converged)
    fraction = float("nan") if homogeneous else boundary_fraction(problem, u)
    kind = classify(problem, solution, sum(modes.negative), fraction, homogeneous)
    found = accuracy(problem, u, multiplier, box if kind.localised else float("nan"))
    tail = measured_tail(problem, u, multiplier) if kind.localised else Tail(float("nan"))
    violation = virial(problem, u, multiplier)
    kinks = [] if max(violation / VIRIAL_LIMIT, found.discretisation / DISCRETISATION_LIMIT) <= 1 else jumps(problem, u)
    if any(jump.of == "V'" for jump in kinks):
        # The points hold the wall in place: each number of them on either side has its own solution of the equations.
        found = found.at_least(violation, problem.energy(u))
    entries: dict[str, Any] = {
        "residual": solution.residual,
        "discretisation": found.discretisation,
        "box": found.box,
        "errors": found.errors,
        "virial": violation,
        "negative_modes": modes.negative[0],
        "zero_modes": modes.zero,
        "negative_modes_by_sector": modes.negative,
        "translation_mode": modes.translation if kind.localised else float("nan"),
        "tail": tail.ratio,
        "boundary_fraction": fraction,
        "kind": kind,
        "radius": kantorovich_radius(modes.space).relative if kind.localised else float("nan"),
    }
    measured = {
        "unstable": (modes.unstable, *modes.negative[1:]),
        "linear": tail.linear,
        "jumps": kinks,
        "centre": found.centre,
        "kinetic": _least_kinetic(problem, modes.space.curvature),
        "eliminated": modes.space.inertia_of_eliminated,
    }
    reasons = _reasons(problem, solution, {**entries, **measured})
    if wanted is not None and kind not in (wanted, Kind.UNCONVERGED):
        reasons = (f"this is a {kind.words[0]}, not a {wanted.words[0]}", *reasons)
    rotation = None
    if solution.converged:
        rotation = rotation_of(problem, u, multiplier, modes)
    return Certificate(**entries, reasons=reasons, rotation=rotation)


def _least_kinetic(problem: DiscreteProblem, curvature: np.ndarray) -> tuple[float, float]:
    """The least eigenvalue of K(u(r)), and its radius; 1 and 0 for constant kinetic factors and densities with ends."""
    if problem.model.density_function is None or problem.model.ends is not None:
        return 1.0, 0.0
    n = problem.model.n_fields
    values = np.linalg.eigvalsh(curvature[..., n:, n:])[..., 0]
    at = np.unravel_index(int(np.argmin(values)), values.shape)
    return float(values[at]), float(problem.grid.quadrature_points[at])


def _reasons(problem: DiscreteProblem, solution: Solution, entry: dict[str, Any]) -> tuple[str, ...]:
    if not solution.converged:
        return (solution.status,)  # what the other entries exceed follows from that
    out = []
    if not entry["residual"] <= RESIDUAL_LIMIT:
        out.append(f"residual {entry['residual']:.1e} above {RESIDUAL_LIMIT:.0e}")
    if not entry["discretisation"] <= DISCRETISATION_LIMIT:
        kinks, remedy = entry["jumps"], "refine the mesh"
        why = f" because {jumps_in_words(problem, kinks)} inside an element" if kinks else ""
        if kinks:
            edges = ", ".join(f"{problem.model.given_length(jump.radius):.6g}" for jump in kinks)
            remedy = f"give no grid, or an element edge at r = {edges}"
        out.append(f"energy uncertain by {entry['discretisation']:.1e}{why}: {remedy}")
    if not entry["centre"] <= CENTRE_LIMIT:
        out.append(
            f"the fields at the origin are uncertain by {entry['centre']:.1e} of their range: "
            "r^(d-1) has no weight there"
        )
    if all(entry["eliminated"]):
        out.append(
            f"the eliminated fields {', '.join(problem.model.eliminated)} have no unique solution at the others: their "
            "energy is neither convex nor concave"
        )
    least, radius = entry["kinetic"]
    if not least > 0.0:
        where = problem.model.given_length(radius)
        out.append(f"the kinetic matrix K(u) is not positive at r = {where:.6g}: the energy has no lower bound there")
    if entry["box"] > BOX_LIMIT:
        out.append(f"energy uncertain by {entry['box']:.1e} because of the box: use a larger r_max")
    if not entry["virial"] <= VIRIAL_LIMIT:
        out.append(f"virial identity violated by {entry['virial']:.1e}: refine the mesh")
    if math.isfinite(entry["translation_mode"]):
        scale = max(1.0, float(np.max(np.abs(continuum(problem, solution.multiplier)[1]))))
        if not abs(entry["translation_mode"]) <= TRANSLATION_LIMIT * scale:
            out.append(
                f"translation mode at {entry['translation_mode']:.1e} instead of 0: use a larger box or a finer mesh"
            )
    if entry["linear"] and abs(entry["tail"] - 1.0) > TAIL_LIMIT:
        out.append(f"the tail decays at {entry['tail']:.3g} of the rate that the masses at infinity imply")
    kind = entry["kind"]
    if kind is Kind.DELOCALISED:
        out.append(f"delocalised: {entry['boundary_fraction']:.1e} of the norm in the outer tenth of the box")
    vacuum = reached(problem, solution.u)
    if (kind.needs_vacuum or vacuum is not problem.vacuum) and vacuum.masses_squared[0] < -TACHYON_LIMIT:
        squared = problem.model.given_mass_squared(float(vacuum.masses_squared[0]))
        out.append(f"the vacuum around it has a tachyon of mass^2 {squared:.4g}")
    if kind.stable and any(entry["unstable"]):
        out.append(f"{_UNSTABLE}: {in_words(problem, entry['unstable'])}")
    if kind is Kind.BOUNCE and not any(entry["negative_modes_by_sector"]):
        out.append("a bounce has one negative mode, this state has none")
    return tuple(out)
