"""The settings of the [problem] and [spectrum] tables."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..guesses.multistart import MultiStart
from ..guesses.profiles import AbstractProfile
from ..search.feedback import SelfConsistent

# The numbers that a trial records in any theory, besides its scores; a test compares them with an evaluation.
RECORDED = (
    "lightest_squared", "energy", "energy_per_norm", "norm", "action", "multiplier", "omega_squared", "size",
    "largest_amplitude", "residual", "omega", "charge", "charged_energy", "energy_per_charge", "charge_slope",
    "modes_at_fixed_charge", "minimum_at_fixed_norm", "classically_stable",
    "discretisation", "box", "virial", "negative_modes", "translation_mode", "tail", "boundary_fraction", "certified",
    "spectrum_error", "n_distinct", "steps", "newton_steps", "steps_saved",
)  # fmt: skip


@dataclass(frozen=True)
class ProblemSettings:
    """Boundary, constraint and start of the problem, without its model and grid.

    `guess` is a starting profile, or MultiStart for many of them. `self_consistent` names the couplings that are fed
    back from the state, if any.
    """

    boundary: str | tuple[float, ...] = "vacuum"
    norm: float | None = None
    omega: float | None = None
    norm_of: str | tuple[str, ...] | None = None
    parity: str | tuple[str, ...] = "even"
    line: tuple[tuple[float, ...], ...] | None = None
    guess: AbstractProfile | MultiStart | None = None
    self_consistent: SelfConsistent | None = None

    def __post_init__(self) -> None:
        if self.norm is not None and not (math.isfinite(self.norm) and self.norm > 0):
            raise ValueError(f"problem.norm must be positive, got {self.norm!r}: give N > 0, or leave it out.")


@dataclass(frozen=True)
class SpectrumSettings:
    """Number of box modes, and the angular momenta of the bound states."""

    n_modes: int = 300
    ell: tuple[int, ...] = (0, 1)

    def __post_init__(self) -> None:
        if self.n_modes < 1:
            raise ValueError(f"spectrum.n_modes must be at least 1, got {self.n_modes}: try 300.")
        if not self.ell or min(self.ell) < 0 or len(set(self.ell)) != len(self.ell):
            raise ValueError(f"spectrum.ell must be distinct numbers from 0, got {list(self.ell)}: try [0, 1].")
