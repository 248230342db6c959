"""The numbers by which a state is known, in the order in which they are printed; they depend on its kind.

A rotating state: omega, Q, E_Q, E_Q/(m Q), dQ/domega and, last, the static energy functional E[f] with the norm N. A
bounce: its action S. Another state: its energy E, at fixed norm with N and omega^2.

*Units*, for canonical fields in d + 1 dimensions with hbar = c = 1: E and E_Q in mass, N and dQ/domega in 1/mass, and Q
a pure number, for every d. An action is that of a static saddle in d <= 3 dimensions of space, in mass (S/T is the
exponent at temperature T), and a pure number in d > 3, where one dimension is imaginary time.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..problem.energy_kernels import negative_fields
from .kinds import Kind

_MOST = 12  # significant digits that are printed
_FUNCTIONAL = ("E[f]", "N", "omega^2")
_SPACE = 3  # dimensions of space; a bounce of more has imaginary time among them


class Number(NamedTuple):
    """One number: its symbol in ASCII, its name with the symbol of print, its value, unit and significant digits."""

    symbol: str
    name: str
    value: float
    unit: str = ""
    digits: int = _MOST

    @property
    def text(self) -> str:
        """The value with its unit."""
        return f"{self.value:.{self.digits}g}" + (f" {self.unit}" if self.unit else "")


def headline(state: Any) -> list[Number]:
    """The numbers by which ``state`` is known, the most important first."""
    held = state.problem.norm is not None or state.problem.omega is not None
    of = _digits(state)
    functional = Number("E[f]", "static energy functional E[f]", state.energy, "mass", of["energy"])
    norm = Number("N", "norm N", state.norm, "1/mass", min(of["norm"], 10))
    rotation = state.certificate.rotation
    if rotation is not None and rotation.rotates and state.certificate.kind in (Kind.Q_BALL, Kind.EXCITED):
        return [
            Number("omega", "frequency ω", rotation.omega, "mass", of["omega"]),
            Number("Q", "charge Q = ωN", rotation.charge, "", of["charge"]),
            Number("E_Q", "energy E_Q", rotation.energy, "mass", of["charged_energy"]),
            Number("E_Q/(m Q)", "E_Q / (m_free Q)", rotation.energy_per_charge, "", min(of["energy_per_charge"], 6)),
            Number("dQ/domega", "dQ/dω", rotation.charge_slope, "1/mass", 6),
            functional,
            norm,
        ]
    if is_saddle(state):
        return [Number("S", "action S", state.action, action_unit(float(state.grid.dim)), of["action"])]
    if held:
        return [functional, norm, Number("omega^2", "multiplier ω²", state.multiplier, "mass²", of["multiplier"])]
    energy = Number("E", "energy E", state.energy, "mass", of["energy"])
    return [energy] if state.problem.model.ends is None else _of_density(state, energy._replace(unit=""))


def _of_density(state: Any, energy: Number) -> list[Number]:
    """The energy, in the unit of the literature too, and what the theory measures."""
    unit, own = state.problem.model.energy_unit, state.observables
    found = [energy._replace(symbol="E[u]", name="functional E[u]") if "energy" in own else energy]
    if unit != 1.0:
        symbol, words = _multiple_of_pi(unit)
        found.append(Number(f"E/{symbol}", f"E / {words}", state.energy / unit, "", energy.digits))
    digits = min(energy.digits, 10)
    return found + [Number(name, name, value, "", digits) for name, value in own.items()]


def _multiple_of_pi(unit: float) -> tuple[str, str]:
    """A unit like 12π² as text, in ASCII and for print; its digits where it is no such number."""
    for power, symbol, words in ((1, "pi", "π"), (2, "pi^2", "π²")):
        factor = unit / math.pi**power
        if abs(factor - round(factor)) <= 1e-12 * factor and round(factor) >= 1:
            number = f"{round(factor)}"
            return (symbol, words) if number == "1" else (f"({number} {symbol})", number + words)
    return f"{unit:.6g}", f"{unit:.6g}"


def _digits(state: Any) -> dict[str, int]:
    """The significant digits that are right, by the name of the number; 12 where no error is known."""
    errors, rotation = state.certificate.errors, state.certificate.rotation
    names = ("energy", "norm", "multiplier", "action", "omega", "charge", "charged_energy", "energy_per_charge")
    if errors is None:
        return dict.fromkeys(names, _MOST)
    values = {"energy": state.energy, "norm": state.norm, "multiplier": state.multiplier, "action": state.action}
    relative = {name: getattr(errors, name) / abs(value) if value else 0.0 for name, value in values.items()}
    if rotation is not None and rotation.rotates:
        relative["omega"] = 0.5 * relative["multiplier"]
        relative["charge"] = relative["omega"] + relative["norm"]
        part = abs(rotation.omega * rotation.charge / rotation.energy)
        relative["charged_energy"] = errors.action / abs(rotation.energy) + part * (
            relative["multiplier"] + relative["norm"]
        )
        relative["energy_per_charge"] = relative["charged_energy"] + relative["charge"]
    return {name: _right(relative.get(name, 0.0)) for name in names}


def _right(relative: float) -> int:
    """The significant digits of a number with this relative error."""
    if not relative > 0.0:
        return _MOST if relative == 0.0 else 1
    return min(max(math.floor(-math.log10(relative)), 1), _MOST)


def headline_rows(state: Any) -> list[tuple[str, str]]:
    """Rows of (name, text): the numbers, with the verdict on stability before the functional and the norm."""
    numbers = headline(state)
    rows = [(number.name, number.text) for number in numbers]
    if words := verdict(state):
        first = sum(number.symbol not in _FUNCTIONAL for number in numbers)
        rows.insert(first, ("stability" if state.certificate.kind is Kind.SOLITON else "rotating state", words))
    return rows


def verdict(state: Any) -> str:
    """Stability in words; empty where this is not a question."""
    if state.certificate.kind is Kind.SOLITON:
        model = state.problem.model
        names = [name for name in negative_fields(model, state.grid.r_max) if name not in model.eliminated]
        if names:
            return f"a saddle by construction: the gradient of {', '.join(names)} has a negative energy"
        count = state.certificate.negative_modes
        words = f"{count} negative mode{'s' if count > 1 else ''}: a saddle" if count else "a minimum"
        norm = " at fixed norm" if state.problem.carries_norm.any() else ""
        gone = f", with {', '.join(model.eliminated)} eliminated" if model.eliminated else ""
        return f"{words}{norm} within the ansatz{gone}"
    rotation = state.certificate.rotation
    asked = rotation is not None and state.certificate.kind in (Kind.Q_BALL, Kind.EXCITED, Kind.FIXED_NORM)
    return rotation.verdict if asked and rotation is not None else ""


def is_saddle(state: Any) -> bool:
    """Whether it is a bounce, or one with radial nodes: its energy functional is an action."""
    kind, problem = state.certificate.kind, state.problem
    return kind is Kind.BOUNCE or (
        kind is Kind.EXCITED and problem.norm is None and problem.omega is None and problem.parity == "even"
    )


def action_unit(dim: float) -> str:
    """The unit of an action in ``dim`` dimensions: mass for a static saddle, none with imaginary time."""
    return "mass" if dim <= _SPACE else ""
