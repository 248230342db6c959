"""The settings of the [problem], [spectrum] and [transition] tables."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ..guesses.multistart import MultiStart
from ..guesses.profiles import AbstractProfile
from ..search.feedback import SelfConsistent
from ..theory.base import Column

# The numbers that a trial records in any theory, besides its scores, with their meanings; a test compares their names
# with an evaluation.
RECORDED = {
    "lightest_squared": "smallest mass² of the vacuum, mass²",
    "energy": "energy of the static functional E[f], mass",
    "energy_per_norm": "E over N",
    "norm": "N = ∫Σu², 1/mass; the value asked for where it is scanned",
    "action": "E − ½ω²N at fixed norm or ω; for a bounce its action",
    "multiplier": "multiplier of the norm, mass²",
    "omega_squared": "the same number: ω² of a rotating state",
    "size": "outermost radius where the fields fall to half of their maximum, 1/mass",
    "largest_amplitude": "largest value of a field that carries the norm",
    "residual": "relative residual of the equations in the dual norm",
    "omega": "ω = √ω², mass; undefined where nothing rotates",
    "charge": "Q = ωN",
    "charged_energy": "E_Q = E + ½ω²N, mass",
    "energy_per_charge": "E_Q over m_free Q; below 1 it cannot decay into free quanta",
    "charge_slope": "dQ/dω, 1/mass",
    "modes_at_fixed_charge": "number of negative modes at fixed charge",
    "minimum_at_fixed_norm": "1 if there is no negative mode at fixed norm, else 0",
    "classically_stable": "1 if the rotating state is classically stable, else 0",
    "discretisation": "relative error of E from a finer mesh",
    "box": "relative error of E due to the finite box",
    "virial": "relative violation of the virial identity",
    "negative_modes": "number of negative modes at ℓ = 0, at fixed norm if any",
    "translation_mode": "eigenvalue of u′(r) at ℓ = 1, which is exactly 0, mass²",
    "tail": "measured decay rate over the mass gap",
    "boundary_fraction": "fraction of the norm in the outer tenth of the box",
    "certified": "1 if the state passes every check of its certificate, else 0",
    "spectrum_error": "largest estimated relative error of a bound mass",
    "n_distinct": "number of different states that the search found",
    "steps": "solver steps of this state",
    "newton_steps": "Newton steps of the whole search",
    "steps_saved": "Newton steps saved by trained starts",
}


# What a trial records in addition if there is a table [transition]; its state is the bounce at T_n.
OF_TRANSITION = {
    "critical_temperature": Column("T_c", "temperature at which both phases have the same V", "mass"),
    "nucleation_temperature": Column("T_n", "highest temperature at which bubbles nucleate", "mass"),
    "action_over_T": Column("S₃/T", "S₃/T at nucleation, or its least value if there is none"),
    "beta_over_H": Column("β/H", "T d(S₃/T)/dT at nucleation"),
    "alpha": Column("α", "strength of the transition over the energy density of radiation"),
    "bubble_radius": Column("R", "half-radius of the critical bubble", "1/mass", in_table=False),
    "n_phases": Column("phases", "number of phases found", in_table=False),
}


@dataclass(frozen=True)
class ProblemSettings:
    """The [problem] table: boundary, constraint and start of the problem, without its theory and mesh.

    Parameters
    ----------
    boundary : str or list of float, default "vacuum"
        The fields at r_max: ``"vacuum"``, the minimum of V that the program finds; ``"free"``; or one value per field.
    norm : float, optional
        N, the integral of the sum of u², held fixed, in 1/mass for d = 3. Excludes ``omega``.
    omega : float, optional
        The frequency ω of fields that rotate, in mass. Excludes ``norm``.
    norm_of : str or list of str, optional
        The fields that carry the norm and rotate; those of the theory if not given.
    parity : str or list of str, default "even"
        ``"even"`` or ``"odd"`` at the origin, one word or one per field; odd fields are 0 there.
    line : list of two lists of float, optional
        Vacua on the left and on the right of a kink on the whole line, one value per field each.
    guess : table, optional
        How the search starts, see [problem.guess].
    self_consistent : table, optional
        Couplings fed back from the state, see [problem.self_consistent].
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
    """The [spectrum] table: number of box modes, and angular momenta of the bound states.

    Parameters
    ----------
    n_modes : int, default 300
        Number of box modes; by default at most as many as the mesh has unknowns.
    ell : list of int, default [0, 1]
        Angular momenta ℓ of the bound states that are computed.
    """

    n_modes: int = 300
    ell: tuple[int, ...] = (0, 1)

    def __post_init__(self) -> None:
        if self.n_modes < 1:
            raise ValueError(f"spectrum.n_modes must be at least 1, got {self.n_modes}: try 300.")
        if not self.ell or min(self.ell) < 0 or len(set(self.ell)) != len(self.ell):
            raise ValueError(f"spectrum.ell must be distinct numbers from 0, got {list(self.ell)}: try [0, 1].")


@dataclass(frozen=True)
class TransitionSettings:
    """The [transition] table: the range of the temperature whose phases a trial follows, and when bubbles nucleate.

    Parameters
    ----------
    start, stop : float
        The range of the temperature, in mass.
    parameter : str, default "T"
        The coupling of V that is the temperature.
    which : str, default "last"
        The ``"last"`` transition of first order between the lowest phases on the way down, or the ``"first"``.
    criterion : float or str, default 140.0
        S_3/T at which bubbles nucleate, or ``"rate"``: where the rate is H^4.
    g_star : float, default 106.75
        Number of relativistic degrees of freedom.
    planck_mass : float, optional
        The reduced Planck mass in the unit of T, for ``criterion = "rate"``: 2.435e18 for GeV.
    """

    start: float
    stop: float
    parameter: str = "T"
    which: str = "last"
    criterion: float | str = 140.0
    g_star: float = 106.75
    planck_mass: float | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.start < self.stop < math.inf:
            raise ValueError(
                f"transition.start and stop must be temperatures, the first below the second, got {self.start!r} and "
                f"{self.stop!r}: give a range that holds the transition."
            )
        if self.which not in ("last", "first"):
            raise ValueError(f'transition.which must be "last" or "first", got {self.which!r}: choose one.')
        if isinstance(self.criterion, str):
            if self.criterion != "rate":
                raise ValueError(f'transition.criterion must be a number or "rate", got {self.criterion!r}: try 140.0.')
            if self.planck_mass is None:
                raise ValueError(
                    'transition.criterion = "rate" needs planck_mass, the reduced Planck mass in the unit of T: give '
                    "2.435e18 for GeV."
                )
        for name in ("criterion", "g_star", "planck_mass"):
            value = getattr(self, name)
            if not (value is None or isinstance(value, str) or (math.isfinite(value) and value > 0)):
                raise ValueError(f"transition.{name} must be positive, got {value!r}: correct it.")

    def check(self, couplings: Iterable[str], scanned: Iterable[str], problem: ProblemSettings) -> None:
        """Raise ValueError if the other tables contradict this one."""
        name = self.parameter
        if name not in couplings:
            known = ", ".join(couplings)
            raise ValueError(f"[transition] parameter must be a coupling of V, got {name!r}: choose from {known}.")
        if name in scanned:
            raise ValueError(f"[scan.parameters] {name} is followed by [transition]: scan other couplings.")
        if (problem.norm, problem.omega, problem.self_consistent) != (None, None, None) or "norm" in scanned:
            raise ValueError("[transition] is for bounces: leave norm, omega and self_consistent out.")
