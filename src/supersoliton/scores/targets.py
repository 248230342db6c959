"""The ratios in nature that a spectrum is compared with, by name, and which of them it hits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from .masses import distinct
from .ratio_density import GRID, HIGHEST_TARGET, LOWEST_TARGET, scott

# The twelve particles by their numbers in the list of the Particle Data Group.
PARTICLES = {"u": 2, "d": 1, "s": 3, "c": 4, "b": 5, "t": 6, "e": 11, "mu": 13, "tau": 15, "W": 24, "Z": 23, "H": 25}
# Their masses in the script, GeV.
ORIGINAL_MASSES = (
    0.0022, 0.0047, 0.095, 1.27, 4.18, 173.21, 0.000511, 0.10566, 1.77686, 80.379, 91.1876, 125.1,
)  # fmt: skip
# Length scales in the script, metres.
ORIGINAL_LENGTHS = {
    "Planck": 1.616e-35, "am": 1e-18, "fm": 1e-15, "Compton": 2.426e-12, "Bohr": 5.292e-11, "angstrom": 1e-10,
    "light": 5e-7, "metre": 1.0, "Earth": 1.274e7, "au": 1.496e11, "lightyear": 9.461e15, "galaxy": 9.461e20,
    "universe": 8.8e26,
}  # fmt: skip
_ELECTROWEAK = np.array([1.1345, 1.3719, 1.5564])  # Z/W, H/Z, H/W
TOLERANCE = 0.05  # a hit is a target within 5 % of some model ratio


@dataclass(frozen=True)
class Targets:
    """Target ratios: `ratios` ascending, their `names`, `weights` (3 electroweak, 5 above 10, else 1), `maximum` score.

    A name is "t/Z" for two masses, and "Bohr/Compton" for two lengths, the longer first.
    """

    ratios: Float[np.ndarray, "target"]
    weights: Int[np.ndarray, "target"]
    names: tuple[str, ...]

    @property
    def maximum(self) -> float:
        """Score of a perfect correlation with every target hit, 1 + Σw/n; 4.952 for the script's targets."""
        return 1.0 + float(self.weights.sum()) / len(self.ratios)

    @cached_property
    def density(self) -> Float[np.ndarray, "400"]:
        """The density of the logarithms of the targets on the grid, up to a factor."""
        data = np.log10(self.ratios)
        return np.exp(-0.5 * ((GRID[:, None] - data) / scott(len(data), data.std(ddof=1))) ** 2).sum(axis=1)


@lru_cache(maxsize=2)
def score_targets(targets: str = "particle") -> Targets:
    """Pair ratios in (1.1, 500), rounded to three decimals, of the twelve masses and of the inverse length scales.

    `targets`: "particle" takes the masses from the particle package (Particle Data Group), "original" the numbers of
    the script, which give 39 + 3 = 42 targets. Raises ValueError for any other name.
    """
    if targets == "original":
        masses = dict(zip(PARTICLES, ORIGINAL_MASSES, strict=True))
    elif targets == "particle":
        masses = _pdg_masses()
    else:
        raise ValueError(f'targets must be "particle" or "original", not {targets!r}.')
    named = _pair_ratios(masses)
    # a ratio of two lengths is that of their inverses, the other way round
    for ratio, name in _pair_ratios({name: 1.0 / length for name, length in ORIGINAL_LENGTHS.items()}).items():
        named[ratio] = "=".join([*([named[ratio]] if ratio in named else []), "/".join(reversed(name.split("/")))])
    ratios = np.array(sorted(named))
    electroweak = (np.abs(ratios[:, None] / _ELECTROWEAK - 1.0) < 0.1).any(axis=1)
    weights = np.where(electroweak, 3, np.where(ratios > 10.0, 5, 1))
    return Targets(ratios, weights, tuple(named[ratio] for ratio in sorted(named)))


def _pdg_masses() -> dict[str, float]:
    from particle import Particle  # imported here because it takes 0.15 s

    masses = np.array([Particle.from_pdgid(number).mass for number in PARTICLES.values()], dtype=float)
    return dict(zip(PARTICLES, masses.tolist(), strict=True))


def _pair_ratios(values: Mapping[str, float]) -> dict[float, str]:
    """Ratio -> "larger/smaller"; pairs of equal ratio as "t/b=H/c"."""
    named: dict[float, str] = {}
    for small, large in combinations(sorted(values, key=lambda name: values[name]), 2):
        ratio = values[large] / values[small]
        if LOWEST_TARGET < ratio < HIGHEST_TARGET:
            key = float(np.round(ratio, 3))
            named[key] = f"{named[key]}={large}/{small}" if key in named else f"{large}/{small}"
    return named


class Hit(NamedTuple):
    """A target that a spectrum hits: its name and ratio, and the pair of masses whose ratio is nearest.

    ``heavier`` and ``lighter``: ranks of the two masses among the distinct ones, the lightest is 1; ``deviation``:
    their ratio over the target, minus 1.
    """

    target: str
    ratio: float
    heavier: int
    lighter: int
    deviation: float

    def __str__(self) -> str:
        return hit_in_words(self.short)

    @property
    def short(self) -> str:
        """As it is recorded: "t/Z m7/m3 1.9%"."""
        return f"{self.target} m{self.heavier}/m{self.lighter} {100.0 * abs(self.deviation):.2g}%"


def hit_in_words(short: str) -> str:
    """ "t/Z m7/m3 1.9%" -> "t/Z hit by m7/m3 within 1.9 %"."""
    target, pair, percent = short.split(" ")
    return f"{target} hit by {pair} within {percent.rstrip('%')} %"


def hits_of(masses: Float[np.ndarray, "n"], targets: str) -> tuple[Hit, ...]:
    """The targets within 5 % of a ratio of distinct masses in ascending order, each with the nearest ratio."""
    aims = score_targets(targets)
    n = len(masses)
    if n < 3:  # too few for a score
        return ()
    wanted = masses[:, None] * aims.ratios
    above = np.searchsorted(masses, wanted)
    # of the two masses around the wanted one, the nearer; beyond the heaviest only that one
    pairs = np.clip(np.stack([above - 1, above]), 0, n - 1)
    deviations = masses[pairs] / wanted - 1.0
    flat = np.abs(deviations).transpose(2, 0, 1).reshape(len(aims.ratios), -1)
    found = []
    for k, at in enumerate(np.argmin(flat, axis=1)):
        side, lighter = divmod(int(at), n)
        if flat[k, at] < TOLERANCE:
            heavier = int(pairs[side, lighter, k])
            found.append(Hit(aims.names[k], float(aims.ratios[k]), heavier + 1, lighter + 1,
                             float(deviations[side, lighter, k])))  # fmt: skip
    return tuple(found)


def hits_in_short(masses: Float[np.ndarray, "n"], targets: str) -> str:
    """The targets that masses hit, as they are recorded: "t/Z m7/m3 1.9%, …"."""
    return ", ".join(hit.short for hit in hits_of(distinct(masses), targets))


def hits_in_words(short: str) -> list[str]:
    """A phrase for each of the hits that are recorded."""
    return [hit_in_words(one) for one in short.split(", ") if one]
