"""The numbers by which a state is known, in the order in which they are printed; they depend on its kind.

A rotating state: omega, Q, E_Q, E_Q/(m Q), dQ/domega and, last, the static energy functional E[f] with the norm N. A
bounce: its action S. Another state: its energy E, at fixed norm with N and omega^2.

*Units*, for canonical fields in d + 1 dimensions with hbar = c = 1: E and E_Q in mass, N and dQ/domega in 1/mass, and Q
a pure number, for every d. An action is that of a static saddle in d <= 3 dimensions of space, in mass (S/T is the
exponent at temperature T), and a pure number in d > 3, where one dimension is imaginary time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .kinds import Kind

_FUNCTIONAL = ("E[f]", "N", "omega^2")
_SPACE = 3  # dimensions of space; a bounce of more has imaginary time among them


class Number(NamedTuple):
    """One number: its symbol in ASCII, its name with the symbol of print, its value, unit and significant digits."""

    symbol: str
    name: str
    value: float
    unit: str = ""
    digits: int = 12

    @property
    def text(self) -> str:
        """The value with its unit."""
        return f"{self.value:.{self.digits}g}" + (f" {self.unit}" if self.unit else "")


def headline(state: Any) -> list[Number]:
    """The numbers by which ``state`` is known, the most important first."""
    held = state.problem.norm is not None or state.problem.omega is not None
    functional = Number("E[f]", "static energy functional E[f]", state.energy, "mass")
    norm = Number("N", "norm N", state.norm, "1/mass", 10)
    rotation = state.certificate.rotation
    if rotation is not None and rotation.rotates and state.certificate.kind in (Kind.Q_BALL, Kind.EXCITED):
        return [
            Number("omega", "frequency ω", rotation.omega, "mass"),
            Number("Q", "charge Q = ωN", rotation.charge),
            Number("E_Q", "energy E_Q", rotation.energy, "mass"),
            Number("E_Q/(m Q)", "E_Q / (m_free Q)", rotation.energy_per_charge, "", 6),
            Number("dQ/domega", "dQ/dω", rotation.charge_slope, "1/mass", 6),
            functional,
            norm,
        ]
    if is_saddle(state):
        return [Number("S", "action S", state.action, action_unit(float(state.grid.dim)))]
    if held:
        return [functional, norm, Number("omega^2", "multiplier ω²", state.multiplier, "mass²")]
    return [Number("E", "energy E", state.energy, "mass")]


def headline_rows(state: Any) -> list[tuple[str, str]]:
    """Rows of (name, text): the numbers, with the verdict on a rotating state before the functional and the norm."""
    numbers = headline(state)
    rows = [(number.name, number.text) for number in numbers]
    if words := verdict(state):
        first = sum(number.symbol not in _FUNCTIONAL for number in numbers)
        rows.insert(first, ("rotating state", words))
    return rows


def verdict(state: Any) -> str:
    """Stability of the rotating state in words; empty where this is not a question."""
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
