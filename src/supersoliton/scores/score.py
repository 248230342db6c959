"""`Score`: numbers computed from a list of masses, each with its label and definition; the [score] table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..theory.base import Column

SPECTRA = ("box", "physical", "oscillations")
TARGETS = ("particle", "original")


@dataclass(frozen=True)
class ScoreSettings:
    """The [score] table: what is scored, and with which random spectra it is compared.

    Parameters
    ----------
    spectrum : str, default "box"
        ``"box"``: the box modes at ℓ = 0; ``"physical"``: vacuum and bound masses; ``"oscillations"``: the true
        frequencies ρ at fixed charge.
    targets : str, default "particle"
        Mass ratios that count as hits: ``"particle"``, of measured particles; ``"original"``, those of the script of
        2025.
    null_samples : int, default 200
        Number of random spectra of the null.
    seed : int, default 0
        Seed of the null.
    own : list of str, default []
        Further scores, each as ``"file.py:name"`` or ``"module:name"`` of a ``Score``.
    """

    spectrum: str = "box"
    targets: str = "particle"
    null_samples: int = 200
    seed: int = 0
    own: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.spectrum not in SPECTRA:
            raise ValueError(f"score.spectrum must be one of {', '.join(SPECTRA)}, got {self.spectrum!r}: choose one.")
        if self.targets not in TARGETS:
            raise ValueError(f"score.targets must be one of {', '.join(TARGETS)}, got {self.targets!r}: choose one.")
        for name in ("null_samples", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"score.{name} must be 0 or more, got {getattr(self, name)}: try 200.")


def _no_sentences(columns: Mapping[str, Array], who: str) -> list[str]:
    return []


@dataclass(frozen=True)
class Shape:
    """What a spectrum has whatever is bound: thresholds or waves of the empty box, and where bound masses end.

    ``waves``: these masses, ascending; the spectrum has ``all_of_them`` if they are thresholds, else as many of the
    lowest as it has masses above ``continuum``.
    """

    waves: Array
    continuum: float
    all_of_them: bool = False


def _no_comparison(
    masses: Array, options: ScoreSettings, shape: Shape | None, found: Mapping[str, float]
) -> dict[str, float]:
    return {}


class Slope(NamedTuple):
    """Derivatives of a number with respect to parameters, shape (parameter,).

    ``reach``: how far each parameter may move, to first order, before the number steps or has another slope.
    """

    rates: Array
    reach: Array


def time_to_close(gaps: Array, rates: Array) -> Array:
    """The least abs(gap / rate) over the last axis: the way to the first gap that closes, infinite if none does."""
    with np.errstate(divide="ignore", invalid="ignore"):
        times = np.where(rates == 0.0, np.inf, np.abs(gaps / rates))
    return np.asarray(np.min(times, axis=-1, initial=np.inf))


def _no_slopes(masses: Array, options: ScoreSettings, rates: Array) -> dict[str, Slope]:
    return {}


@dataclass(frozen=True)
class Score:
    """A score of a spectrum.

    ``outputs``: labels of its numbers, by name; each may be an objective of a scan. ``compute(masses,
    options)``: these numbers for distinct masses in ascending order, NaN if there are too few; ``options`` is the
    [score] table. ``sentences(columns, who)``: sentences of the report on the outputs of many trials (some NaN);
    ``who`` names these trials. ``compare(masses, options, shape, found)``: further of these numbers from
    the :class:`Shape` of the spectrum, None where that is unknown, and those ``found`` by ``compute``.
    ``slopes(masses, options, rates)``: the :class:`Slope` of each number that is smooth, from d mass / d parameter,
    shape (parameter, mass).

    >>> gap = Score({"gap": Column("gap", "second mass over the first")}, lambda masses, options: {"gap": ...})
    """

    outputs: Mapping[str, Column]
    compute: Callable[[Array, ScoreSettings], Mapping[str, float]]
    sentences: Callable[[Mapping[str, Any], str], list[str]] = _no_sentences
    compare: Callable[[Array, ScoreSettings, Shape | None, Mapping[str, float]], Mapping[str, float]] = _no_comparison
    slopes: Callable[[Array, ScoreSettings, Array], Mapping[str, Slope]] = _no_slopes
