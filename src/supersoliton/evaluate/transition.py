"""The trial of a scan whose configuration has a table [transition]: phases, the transition, the bubbles."""

from __future__ import annotations

import math
from typing import NamedTuple

from ..config.tables import OF_TRANSITION, TransitionSettings
from ..states.kinds import Kind
from ..states.state import State
from ..theory.base import AbstractModel
from ..transitions.nucleation import nucleation
from ..transitions.phases import Phases, Transition, phases

_TIED = 1e-6  # difference of V at a crossing, of its range over the phases, that counts as none


class Nucleated(NamedTuple):
    """The bounce at T_n, or None with the kind of the failure and its words, and the numbers of ``OF_TRANSITION``."""

    state: State | None
    kind: Kind
    status: str
    values: dict[str, float]


def nucleate(model: AbstractModel, settings: TransitionSettings) -> Nucleated:
    """The transition of a theory that the settings name."""
    values = dict.fromkeys(OF_TRANSITION, math.nan)
    name = settings.parameter
    found = phases(model, name, start=settings.start, stop=settings.stop)
    values["n_phases"] = float(len(found))
    history = [one for one in found.transitions if one.order == 1 and _is_lowest(found, one)]
    if not history:
        others = "; those found are of second order or between higher phases" if found.transitions else ""
        span = f"from {name} = {settings.start:g} to {settings.stop:g}"
        status = f"no transition of first order between the lowest phases {span}{others}"
        return Nucleated(None, Kind.NO_TRANSITION, status, values)
    one = history[-1] if settings.which == "last" else history[0]
    values["critical_temperature"] = one.critical
    bubble = nucleation(one, settings.criterion, g_star=settings.g_star, planck_mass=settings.planck_mass)
    values["action_over_T"] = bubble.action_over_T
    if bubble.state is None or bubble.status != "nucleates":
        kind = Kind.NO_NUCLEATION if bubble.status.startswith("S3/T") else Kind.UNCONVERGED
        return Nucleated(None, kind, bubble.status, values)
    values["nucleation_temperature"], values["bubble_radius"] = bubble.temperature, bubble.radius
    values["beta_over_H"], values["alpha"] = bubble.beta_over_H, bubble.alpha
    return Nucleated(bubble.state, bubble.state.certificate.kind, bubble.status, values)


def _is_lowest(found: Phases, one: Transition) -> bool:
    """Whether no other phase is lower where the two cross."""
    t = one.critical
    energies = [phase.energy_density(t) for phase in found if phase.low <= t <= phase.high]
    least = min(energies)
    return one.high.energy_density(t) - least <= _TIED * (max(energies) - least)
