"""The targets of an inverse design: numbers of a state by name, and the levels that they follow.

Levels of one operator repel each other and keep their order, so that the n-th is a smooth function of the couplings.
Those of different operators cross freely: a target follows its operator, not its place among all masses.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..theory.base import AbstractModel
from .mass_derivatives import Levels
from .path_of_states import MEASURED, Path, StateLost

SPECTRA = ("physical", "box")
_NAME = re.compile(r"m([1-9]\d*)(?:/m([1-9]\d*))?")
_EXTRA = 8  # levels of the box beyond the highest named


class Mode(NamedTuple):
    """A level: the number of its operator, and its own among all levels of the operator."""

    operator: int
    level: int


class Targets:
    """Numbers of a state with given values."""

    def __init__(self, aims: Mapping[str, float], spectrum: str, ell: Sequence[int], model: AbstractModel) -> None:
        self.aims, self.ell, self.model = dict(aims), tuple(ell), model
        ratios = tuple(model.vacuum_ratios(np.eye(model.n_fields)))
        highest = 0
        for name in aims:
            match = _NAME.fullmatch(name)
            if match is None and name not in ("hierarchy", *MEASURED, *ratios):
                others = ", ".join(("hierarchy", *MEASURED, *ratios))
                raise ValueError(f'design: there is no target {name!r}: name a mass "m3", a ratio "m2/m1", or {others}')
            if spectrum == "box" and (name == "hierarchy" or name in ratios):
                raise ValueError(f'design: {name} is not of the box: leave out spectrum="box", or the target')
            highest = max([highest, *(int(number) for number in (match.groups("0") if match else ()))])
        self.box = highest + _EXTRA if spectrum == "box" else 0
        self.sizes = np.array([aim or 1.0 for aim in aims.values()])
        self.modes: dict[str, tuple[Mode, ...]] = {}

    def levels(self, path: Path, values: Array, *, slopes: bool = False) -> list[Levels]:
        """The masses that the targets name; none if they name none."""
        if all(name in MEASURED for name in self.aims):
            return []
        return path.levels(values, self.ell, self.box, slopes=slopes)

    def follow(self, levels: list[Levels]) -> None:
        """Let each target follow the levels that its name has here. Raises ValueError if there are none."""
        modes = [Mode(i, int(k)) for i, one in enumerate(levels) for k in np.flatnonzero(one.particle)]
        modes.sort(key=lambda mode: (levels[mode.operator].squared[mode.level], mode))
        vectors = levels[0].vectors if levels else None
        ratios = {} if vectors is None else self.model.vacuum_ratios(vectors)
        for name in self.aims:
            if name in MEASURED:
                continue
            match = _NAME.fullmatch(name)
            if name in ratios:
                self.modes[name] = tuple(Mode(0, k) for k in ratios[name])
            elif name == "hierarchy":
                self.modes[name] = (modes[-1], modes[0])
            elif match is not None:
                numbers = [int(number) for number in match.groups() if number]
                if max(numbers) > len(modes):
                    raise ValueError(f"design: {name} does not exist: the state has {len(modes)} masses")
                self.modes[name] = tuple(modes[number - 1] for number in numbers)

    def values(self, path: Path, at: Array, levels: list[Levels]) -> Array:
        """The values (target,) of a state. Raises StateLost where a mass is none any more."""
        measured = path.measured(at)
        out = []
        for name in self.aims:
            if name in MEASURED:
                if not math.isfinite(measured[name]):
                    raise StateLost(f"{name} is not defined: nothing rotates there")
                out.append(measured[name])
                continue
            masses = [self._mass(name, mode, levels) for mode in self.modes[name]]
            out.append(masses[0] / (masses[1] if len(masses) > 1 else 1.0))
        return np.array(out)

    def slopes(self, path: Path, levels: list[Levels]) -> Array:
        """The derivatives (target, parameter) at the accepted state."""
        measured, out = path.measured_slopes(), []
        for name in self.aims:
            if name in MEASURED:
                out.append(measured[name])
                continue
            masses = [self._mass(name, mode, levels) for mode in self.modes[name]]
            logs = [
                levels[mode.operator].slopes[:, mode.level] / (2.0 * mass**2)
                for mode, mass in zip(self.modes[name], masses, strict=True)
            ]
            ratio = len(masses) > 1
            out.append((masses[0] / masses[1]) * (logs[0] - logs[1]) if ratio else masses[0] * logs[0])
        return np.array(out)

    def residuals(self, values: Array) -> Array:
        return (values - np.array(list(self.aims.values()))) / self.sizes

    def not_smooth(self, levels: list[Levels]) -> list[str]:
        """The targets that follow a level without a derivative."""
        return [
            name
            for name, modes in self.modes.items()
            if not all(levels[mode.operator].smooth[mode.level] for mode in modes)
        ]

    def _mass(self, name: str, mode: Mode, levels: list[Levels]) -> float:
        masses = levels[mode.operator].masses
        if mode.level >= len(masses) or not masses[mode.level] > 0.0:
            raise StateLost(f"{name} follows a level of {levels[mode.operator].kind} that is no mass further on")
        return float(masses[mode.level])
