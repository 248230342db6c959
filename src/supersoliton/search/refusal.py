"""Reasons why there is no bounce, in words, each from what was measured."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from ..guesses.shooting import LARGEST, Way
from ..problem.asymptotics import MASSLESS
from ..theory.base import AbstractModel
from ..theory.derivatives import point_kernels
from ..theory.polish import nearby_vacuum
from ..theory.vacua import Vacuum

DEGENERATE = 1e-9  # depth over barrier below which two vacua count as degenerate
_ROUNDING = 1e-11  # of Pohozaev's function, relative to its terms
_PATH = 201  # values of V between two vacua


class BounceError(ValueError):
    """There is no bounce, or none was found; the message says which and why.

    Attributes
    ----------
    reason : str
        The message without its advice on the arguments of :func:`supersoliton.bounce`.
    """

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(f"{reason}{advice}")
        self.reason = reason


def check_false_vacuum(model: AbstractModel, values: Array) -> Vacuum:
    """The stationary point of V next to ``values``. Raises BounceError if none is near, or if it has a tachyon."""
    try:
        state = nearby_vacuum("bounce: false_vacuum", model, values)
    except ValueError as error:
        raise BounceError(str(error)) from error
    if state.masses_squared[0] < -MASSLESS * max(1.0, float(state.masses_squared[-1])):
        squared = model.given_mass_squared(float(state.masses_squared[0]))
        raise BounceError(
            f"bounce: the state {_shown(model, state)} is unstable (tachyon with mass^2 = {squared:.6g}): it rolls "
            "down without a barrier, so there is no bounce"
        )
    return state


def _shown(model: AbstractModel, state: Vacuum) -> list[float]:
    """Field values in the user's units."""
    values: list[float] = model.given_fields(state.values).tolist()
    return values


def is_massless(start: Vacuum) -> bool:
    """Whether the lightest field of a vacuum has no mass."""
    return bool(start.masses_squared[0] <= MASSLESS * max(1.0, float(start.masses_squared[-1])))


def massless_directions(model: AbstractModel, start: Vacuum) -> Array:
    """Orthonormal directions without mass at the false vacuum, (direction, field)."""
    if not is_massless(start):
        return np.empty((0, model.n_fields))
    curvature = point_kernels(model.potential_function).hessian(start.values[None], model.params, np.zeros(1))[0]
    values, vectors = np.linalg.eigh(curvature)
    flat: Array = vectors[:, values <= MASSLESS * max(1.0, float(values[-1]))].T
    return flat


def check_massless_directions(model: AbstractModel, start: Vacuum, dim: float) -> None:
    """Raise BounceError if V falls from the false vacuum along a massless direction, where there is no barrier."""
    flat = massless_directions(model, start)
    if not len(flat):
        return
    steps = np.geomspace(1e-3, 1e-1, 12)
    points = start.values + np.concatenate([s * x for x in flat for s in (steps[:, None], -steps[:, None])])
    v = point_kernels(model.potential_function).value(points, model.params, np.zeros(len(points)))
    v = (v - start.energy_density).reshape(2 * len(flat), len(steps))
    falls = np.all(v < 0.0, axis=1)
    if not falls.any():
        return
    along = v[int(np.argmax(falls))]
    power = math.log(along[-1] / along[0]) / math.log(steps[-1] / steps[0])
    scale_free = dim > 2 and abs(power - 2.0 * dim / (dim - 2.0)) < 1e-3
    reason = (
        f"as the power {power:.4g} of the field, which in d = {dim:g} has no scale: the equations do not fix the size "
        "of the instanton"
        if scale_free
        else f"as the power {power:.3g} of the field: it rolls down without a barrier, so there is no bounce"
    )
    raise BounceError(
        f"bounce: the state {_shown(model, start)} has a massless fluctuation along which V falls at once, {reason}"
    )


def check_lower(model: AbstractModel, start: Vacuum, other: Vacuum) -> None:
    """Raise BounceError if ``other`` is not lower than the false vacuum by more than 1e-9 of the barrier between."""
    depth = start.energy_density - other.energy_density
    barrier = barrier_between(model, start, other)[0]
    if abs(depth) <= DEGENERATE * barrier:
        raise degenerate(depth, barrier)
    if depth < 0:
        raise BounceError(
            f"bounce: true_vacuum has V = {model.given_potential(other.energy_density):.9g}, above the false vacuum's "
            f"{model.given_potential(start.energy_density):.9g}: exchange them"
        )


def barrier_between(model: AbstractModel, start: Vacuum, other: Vacuum) -> tuple[float, float]:
    r"""The largest V - V(false vacuum) on the straight way between two states, and :math:`\int\sqrt{2V}` along it."""
    t = np.linspace(0.0, 1.0, _PATH)[:, None]
    away = other.values - start.values
    points = start.values + t * away
    v = point_kernels(model.potential_function).value(points, model.params, np.zeros(_PATH)) - start.energy_density
    v = np.maximum(np.nan_to_num(v, nan=0.0, posinf=0.0, neginf=0.0), 0.0)
    length = math.sqrt(float(np.sum(model.kinetic * away**2)))
    return float(np.max(v)), float(np.trapezoid(np.sqrt(2.0 * v), t[:, 0])) * length


def degenerate(depth: float, barrier: float) -> BounceError:
    return BounceError(
        f"bounce: the two vacua are degenerate (V differs by {_of_barrier(depth, barrier)}): the radius of the wall is "
        "infinite, so there is no bounce"
    )


def nearly_degenerate(model: AbstractModel, depth: float, barrier: float, tension: float, dim: float) -> BounceError:
    radius = model.given_length((dim - 1.0) * tension / depth) if depth > 0.0 else math.inf
    return BounceError(
        "bounce: the lower state is nearly degenerate with the false vacuum (its depth is "
        f"{_of_barrier(depth, barrier)}): the radius of the wall is about (d - 1) sigma/depth = {radius:.2g}, beyond "
        f"the {LARGEST:.0e} decay lengths of the lower state up to which walls are looked for",
        ": use the thin-wall formula, or give a deeper true_vacuum",
    )


def _of_barrier(depth: float, barrier: float) -> str:
    return f"{depth / barrier:.3g} of the barrier" if barrier > 0 else "0"


def nothing_lower(model: AbstractModel, start: Vacuum, where: str) -> BounceError:
    value = model.given_potential(start.energy_density)
    return BounceError(
        f"bounce: no state lower than {_shown(model, start)} (V = {value:.9g}) was found {where}: it appears to be "
        "stable",
        "; give true_vacuum if you know one",
    )


def no_barrier(model: AbstractModel, start: Vacuum) -> BounceError:
    return BounceError(f"bounce: V falls from {_shown(model, start)} without a barrier, so there is no bounce")


def breaks_pohozaev(way: Way, dim: float) -> bool:
    r"""Whether :math:`\tfrac{d-2}{2}sV' - dV` has one sign along a way, so that no bounce exists along it.

    Its integral over space vanishes for every bounce (S. I. Pohozaev, *Soviet Math. Dokl.* **6** (1965) 1408).
    """
    return breaks_pohozaev_at(way.s * way.slope, way.value, dim)


def breaks_pohozaev_at(along: Array, excess: Array, dim: float) -> bool:
    """:func:`breaks_pohozaev` from u.V' and V - V(false vacuum) at points."""
    finite = np.isfinite(along) & np.isfinite(excess)
    terms = 0.5 * (dim - 2.0) * along[finite], dim * excess[finite]
    rounding = _ROUNDING * (np.abs(terms[0]) + np.abs(terms[1]))
    balance = terms[0] - terms[1]
    return bool(np.all(balance <= rounding) or np.all(balance >= -rounding))


def pohozaev(dim: float) -> BounceError:
    return BounceError(
        f"bounce: there is no bounce: (d - 2)/2 u.V' - d V has one sign wherever V was looked at, but its integral "
        f"vanishes for every bounce (Pohozaev). V falls at least as fast as |u|^{2.0 * dim / (dim - 2.0):.4g} where it "
        f"is lower, so in d = {dim:g} bubbles can shrink without end"
        if dim > 2
        else "bounce: there is no bounce: V has one sign along the way, and its integral vanishes for every bounce"
    )
