r"""What is known of a state, each entry with its number.

*Residual*: dual norm of the force, relative (:mod:`supersoliton.solvers.base`). *Discretisation*: relative error of
the energy, from one Newton step on a mesh of higher order. *Virial*: under r -> r/a a stationary state satisfies

.. math:: (d-2)T + d\,(U - \tfrac12\omega^2N) + \int r\,\partial_rV = -S_dR^d\left[\tfrac12 u'^2 - W\right]_R,\quad
          W = V - V_\infty - \tfrac12\omega^2u_c^2

(G. H. Derrick, *J. Math. Phys.* **5** (1964) 1252, with the boundary term of a finite box). *Translation mode*: u'(r)
is an exact zero mode of the l = 1 fluctuation operator of every localised state without explicit r.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray as Array

from .grid import sphere_area
from .kantorovich import kantorovich_radius
from .pointwise import point_kernels
from .problem import Problem
from .solvers import linear
from .solvers.base import Solution, energy_floor, force, shift_of, size_floor
from .solvers.modes import border_of, count_negative, factorise
from .spectrum import continuum
from .tail import measured_tail
from .vacua import mass_matrix

# What a certified state must satisfy. The words of `reasons` name the entry that fails.
RESIDUAL_LIMIT = 1e-10
DISCRETISATION_LIMIT = 1e-6
VIRIAL_LIMIT = 1e-8
TRANSLATION_LIMIT = 1e-7  # of the largest mass^2 of the vacuum
BOUNDARY_LIMIT = 1e-4  # norm in the outer tenth: a free wave in a box has 7e-3, a bound one decays exponentially
_EDGE_LIMIT = 1e-2  # the field at the edge of a decaying domain over its largest value; a tail of 14 lengths has 1e-6
_MINOR_FIELD = 0.3  # a field this much weaker than the strongest does not count for radial nodes
_EXTRA_ORDER = 4
_UNSTABLE = "unstable"  # how its reason begins
_STABLE = ("q-ball", "trapped", "kink", "vacuum", "condensate")  # kinds that have to be
_OFFSET = 1e-3


@dataclass(frozen=True)
class Certificate:
    """What is known of a state; NaN where an entry does not apply. Pure numbers, but for the mode.

    ``residual``: dual norm of the force, relative. ``discretisation``: relative error of the energy, from a finer mesh.
    ``virial``: violation of Derrick's identity, over the sum of its terms' moduli. ``negative_modes``: at l = 0, of the
    constrained second variation at fixed norm. ``translation_mode``: the l = 1 eigenvalue that must be 0 (mass^2).
    ``tail``: measured decay rate over that of the lightest mass. ``boundary_fraction``: norm in the outer tenth of the
    box. ``kind``: the word for it. ``reasons``: whatever is not as it should be, in words.

    ``translation_mode`` is NaN for homogeneous states and explicit r; ``tail`` where no exponential tail can be
    measured; ``boundary_fraction`` for homogeneous states; ``radius`` (relative H^1 distance to the exact solution of
    the discrete equations, :mod:`.kantorovich`) for homogeneous states and where the estimate does not close.
    """

    residual: float
    discretisation: float
    virial: float
    negative_modes: int
    translation_mode: float
    tail: float
    boundary_fraction: float
    kind: str
    reasons: tuple[str, ...]
    radius: float = float("nan")

    @property
    def certified(self) -> bool:
        """True when no entry fails."""
        return not self.reasons

    @property
    def solved(self) -> bool:
        """Converged, and stable where its kind has to be: the entries that another start, on this mesh, could mend."""
        return self.kind != "unconverged" and self.residual <= RESIDUAL_LIMIT and not self._wrongly_unstable

    @property
    def unstable(self) -> bool:
        """Whether it has negative modes that its kind has not by nature.

        A bounce has one, and so has L_+ of a rotating state at fixed frequency; another kind has none.
        """
        return self._wrongly_unstable or (
            self.kind not in _STABLE and self.kind != "bounce" and self.negative_modes != 0
        )

    @property
    def _wrongly_unstable(self) -> bool:
        return any(reason.startswith(_UNSTABLE) for reason in self.reasons)

    @property
    def localised(self) -> bool:
        return self.kind in ("bounce", "q-ball", "excited", "kink", "trapped")


def certify(problem: Problem, solution: Solution, discretisation: float | None = None) -> Certificate:
    """Measure every entry for where a solver ended (``discretisation`` only where it is not known yet)."""
    u, multiplier = solution.u, solution.multiplier
    if not np.all(np.isfinite(u)) or not math.isfinite(multiplier) or not math.isfinite(solution.residual):
        nan = float("nan")
        return Certificate(solution.residual, nan, nan, -1, nan, nan, nan, "unconverged", (solution.status,))
    homogeneous = is_homogeneous(problem, u)
    curvature = problem.curvature(u)
    factors = linear.factorise(problem, curvature, shift_of(problem, multiplier))
    negative = count_negative(problem, u, factors)
    # A rotating state is stable or not at fixed charge: a fixed frequency alone leaves the one negative mode of L_+.
    unstable = count_negative(problem, u, factors, at_fixed_norm=True) if problem.omega is not None else negative
    fraction = float("nan") if homogeneous else boundary_fraction(problem, u)
    kind = classify(problem, solution, negative, fraction, homogeneous)
    localised = kind not in ("vacuum", "condensate", "delocalised", "unconverged")
    if discretisation is None:
        discretisation = discretisation_error(problem, u, multiplier)
    translation = float("nan")
    if localised and not problem.model.explicit_r and problem.parity == "even":
        translation = translation_mode(problem, u, curvature, multiplier)
    entries: dict[str, Any] = {
        "residual": solution.residual,
        "discretisation": discretisation,
        "virial": virial(problem, u, multiplier),
        "negative_modes": negative,
        "translation_mode": translation,
        "tail": measured_tail(problem, u, multiplier) if localised else float("nan"),
        "boundary_fraction": fraction,
        "kind": kind,
        "radius": kantorovich_radius(problem, u, multiplier, factors).relative if localised else float("nan"),
    }
    return Certificate(**entries, reasons=_reasons(problem, solution, {**entries, "unstable": unstable}))


def _reasons(problem: Problem, solution: Solution, entry: dict[str, Any]) -> tuple[str, ...]:
    out = []
    if not solution.converged:
        out.append(solution.status)
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
                f"translation mode at {entry['translation_mode']:.1e} instead of 0: a larger box or a finer mesh"
            )
    kind, negative = entry["kind"], entry["unstable"]
    if kind == "delocalised":
        out.append(f"delocalised: {entry['boundary_fraction']:.1e} of the norm in the outer tenth of the box")
    if kind in ("q-ball", "excited", "bounce") and not problem.vacuum.stable:
        out.append(f"the vacuum around it has a tachyon of mass^2 {problem.vacuum.masses_squared[0]:.4g}")
    if kind in _STABLE and negative > 0:
        out.append(f"{_UNSTABLE}: {negative} negative mode{'s' if negative > 1 else ''}")
    return tuple(out)


def is_homogeneous(problem: Problem, u: Array) -> bool:
    """Whether the fields are constant in space (their gradient is a millionth of what a field of their size has)."""
    assert problem.grid is not None
    slope = problem.grid.integrate(problem.grid.differentiate(u) ** 2).sum()
    return bool(np.sqrt(slope) <= size_floor(problem) + 1e-7 * np.sqrt(problem.grid.integrate(u**2).sum()))


def boundary_fraction(problem: Problem, u: Array) -> float:
    """Share of int (u - u_infinity)^2 in the outer tenth of the box, r > 0.9 R."""
    grid = problem.grid
    assert grid is not None
    density = np.sum((grid.at_quadrature(u) - problem.vacuum.values) ** 2, axis=-1)
    total = float(np.sum(grid.quadrature_weights * density))
    # The outer tenth on its own quadrature: it need not begin at an element's edge.
    x, w = _outer_rule()
    r = grid.r_max * (0.95 + 0.05 * x)
    outer = np.sum((grid.interpolate(u, r) - problem.vacuum.values) ** 2, axis=-1)
    part = float(np.sum(0.05 * grid.r_max * w * sphere_area(grid.dim) * r ** (grid.dim - 1.0) * outer))
    return part / total if total > 0 else 0.0


@functools.cache
def _outer_rule() -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(40)


def radial_nodes(problem: Problem, u: Array) -> int:
    """Sign changes of u - u_infinity in r, the most of any field that takes a major part in the state."""
    assert problem.grid is not None
    away = problem.grid.sample(u, 40) - problem.vacuum.values
    strength = np.max(np.abs(away), axis=0)
    major = strength >= _MINOR_FIELD * np.max(strength)
    counts = []
    for i in np.flatnonzero(major):
        values = away[np.abs(away[:, i]) > 1e-3 * strength[i], i]
        counts.append(int(np.sum(values[1:] * values[:-1] < 0)))
    return max(counts, default=0)


def classify(problem: Problem, solution: Solution, negative: int, fraction: float, homogeneous: bool) -> str:
    """The word for a state; see the table in the physics page."""
    if not solution.converged:
        return "unconverged"
    u = solution.u
    carrying = np.abs(u[len(u) // 2][problem.carries_norm > 0])
    condensed_ = bool(carrying.size and np.max(carrying) > 1e-4)
    if homogeneous:
        return "condensate" if condensed_ else "vacuum"
    if problem.parity == "odd":
        return "kink" if radial_nodes(problem, u) == 0 else "excited"
    if _reaches_the_edge(problem, u, fraction):
        return "condensate" if _fills_the_box(problem, solution) else "delocalised"
    if problem.norm is not None or problem.omega is not None:
        if radial_nodes(problem, u) > 0:
            return "excited"
        return "trapped" if problem.model.explicit_r else "q-ball"
    if radial_nodes(problem, u) > 0 or negative > 1:
        return "excited"
    if problem.model.explicit_r:
        return "trapped"
    return "bounce"


def _reaches_the_edge(problem: Problem, u: Array, fraction: float) -> bool:
    """Whether the state is cut by the box.

    In a box of the user's the share of the outer tenth decides. A domain with the decaying exterior may end just
    outside a wall of any radius: there it is the size of the field at the edge.
    """
    if problem.boundary != "decaying":
        return fraction > BOUNDARY_LIMIT
    away = np.abs(u - problem.vacuum.values)
    return bool(np.max(away[-1]) > _EDGE_LIMIT * np.max(away))


def _fills_the_box(problem: Problem, solution: Solution) -> bool:
    """A homogeneous vacuum inside, with a wall only where the boundary condition forces one."""
    grid = problem.grid
    assert grid is not None
    r = np.linspace(0.0, 0.5 * grid.r_max, 20)
    inside = grid.interpolate(solution.u, r)
    flat = np.max(np.abs(inside - inside[0])) <= 1e-3 * np.max(np.abs(inside[0]) + 1e-300)
    return bool(flat and np.max(np.abs(inside[0] - problem.vacuum.values)) > 1e-3)


def virial(problem: Problem, u: Array, multiplier: float) -> float:
    """Relative violation of the scaling identity: its left side less its right, over the sum of the moduli."""
    grid = problem.grid
    assert grid is not None
    d, radius = float(grid.dim), grid.r_max
    parts = problem.energy_parts(u)
    norm = problem.norm_of_state(u)
    ends = np.stack([u[-1], problem.vacuum.values])
    kernels = point_kernels(problem.model.potential_function)
    outer, background = kernels.value(ends, problem.model.params, np.full(2, radius))
    slope = grid.differentiate(u)[-1]
    edge = 0.5 * float(np.sum(problem.model.kinetic * slope**2)) - (outer - background)
    edge += 0.5 * multiplier * float(np.sum(problem.carries_norm * u[-1] ** 2))
    terms = [
        (d - 2.0) * parts["gradient"],
        d * parts["potential"],
        -0.5 * d * multiplier * norm,
        parts["radial"],
        sphere_area(d) * radius**d * edge,
    ]
    scale = abs(terms[0]) + d * parts["modulus"] + parts["gradient"] + abs(terms[2]) + abs(terms[3])
    return float(abs(sum(terms)) / max(scale, energy_floor(problem)))  # a homogeneous state has no terms at all


def discretisation_error(problem: Problem, u: Array, multiplier: float) -> float:
    r"""Estimated relative error of E from the finite mesh, plus that of rounding.

    The state is carried to a mesh of order p + 4, where one Newton step lowers the (constrained) energy by
    1/2 F^T H^-1 F: the energy there, less the energy here, is the error up to the far smaller one of the finer mesh.
    """
    assert problem.grid is not None
    energy = problem.energy(u)
    fine = problem.with_grid(problem.grid.refine(extra_order=_EXTRA_ORDER))
    assert fine.grid is not None
    v = problem.grid.interpolate(u, fine.grid.nodes)
    here = fine.energy(v)
    at = force(fine, v)
    factors = factorise(fine, v, at.multiplier)
    b = border_of(fine, v)
    x = linear.solve(factors, -at.vector, b)
    step = x[:, :, 0]
    shift = 0.0
    if problem.norm is not None:
        along = float(np.sum(b * x[:, :, 1]))
        excess = 0.5 * (fine.norm_of_state(v) - float(problem.norm))
        rate = -(float(np.sum(b * step)) + excess) / along if along else 0.0
        step = step + rate * x[:, :, 1]
        shift = -at.multiplier * excess  # moving back to the norm changes E at the rate of the multiplier
    corrected = here + 0.5 * float(np.sum(at.vector * step)) + shift
    scale = problem.energy_scale(u)
    rounding = 4e-16 * scale * math.sqrt(problem.grid.n_nodes)
    size = max(abs(energy), 1e-6 * scale, energy_floor(problem))
    if problem.omega is not None:
        # E itself is not stationary at fixed omega, only E - omega^2 N/2: its error is that of N.
        corrected += 0.5 * at.multiplier * (fine.norm_of_state(v + step) - fine.norm_of_state(v))
    # Twice the difference: the finer mesh has an error too, and an estimate should not be below the truth.
    return float((2.0 * abs(corrected - energy) + exterior_error(problem, u) + rounding) / size)


def exterior_error(problem: Problem, u: Array) -> float:
    """Error of the energy because the fields outside the domain are taken to obey the linearised equation.

    Their energy 1/2 (u - v)^T X (u - v), times the relative departure of V from its quadratic form at the edge.
    """
    if problem.boundary != "decaying":
        return 0.0
    away = u[-1] - problem.vacuum.values
    outside = 0.5 * float(away @ np.asarray(problem.theory.exterior) @ away)
    kernels = point_kernels(problem.model.potential_function)
    radius = np.full(2, problem.grid.r_max)  # type: ignore[union-attr]
    edge, bottom = kernels.value(np.stack([u[-1], problem.vacuum.values]), problem.model.params, radius)
    scaled = away * np.sqrt(problem.model.kinetic)
    quadratic = 0.5 * float(scaled @ mass_matrix(problem.model, problem.vacuum.values, float(radius[0])) @ scaled)
    departure = abs(float(edge - bottom) - quadratic) / max(abs(quadratic), 1e-300)
    return abs(outside) * min(departure, 1.0) if outside != 0.0 else 0.0


def translation_mode(problem: Problem, u: Array, curvature: Array, multiplier: float) -> float:
    """The l = 1 eigenvalue next to 0 of the fluctuation operator, by inverse iteration from u'(r).

    ``curvature`` is V'' at the quadrature points.
    """
    grid = problem.grid
    assert grid is not None
    shift = shift_of(problem, multiplier)
    held = np.zeros(problem.model.n_fields)
    mask = np.ones_like(u)
    mask[0], mask[-1] = 0.0, problem.free_last
    v = grid.differentiate(u) * mask
    # The offset keeps the matrix regular when the eigenvalue is 0 to rounding.
    factors = linear.factorise(problem, curvature, shift + _OFFSET, ell=1, free_first=held)
    value = float("nan")
    for _ in range(4):
        load = (grid.mass_form @ v) * mask
        v = linear.solve(factors, load)[:, :, 0]
        # Rayleigh's quotient of the operator itself: (A + offset M) v = load.
        weight = float(np.sum(v * (grid.mass_form @ v)))
        value = float(np.sum(v * load)) / weight - _OFFSET
        v = v / math.sqrt(weight)
    return value
