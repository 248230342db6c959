"""The record of a scan as the report reads it: an Optuna study, its resolved configuration and the stored spectra."""

from __future__ import annotations

import functools
import math
import re
import tomllib
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from ...config.objectives import read_objectives
from ...machine.text import plain
from ...plotting import UNITS
from ...sampling.pareto import nondominated, signs_of
from ...scores.registry import SCORES, outputs, read_scores
from ...scores.score import Score
from ...scores.targets import hits_in_words
from ...states.headline import action_unit
from ...states.kinds import Kind
from ...theory.base import AbstractModel, Column, find_theory
from ..axes import read_axes
from ..record.changes import RecordWarning
from ..record.database import trouble
from ..record.files import read_spectra
from ..record.folder import RESOLVED, STATES
from ..record.storage import open_folder, read_trials

MAX_SHOWN = 4  # trials under "Best trials"


@dataclass(frozen=True)
class Trial:
    """One finished trial: its couplings, the kind of its state, and every recorded number."""

    number: int
    couplings: Mapping[str, float]
    kind: str
    status: str
    reasons: tuple[str, ...]
    objectives: tuple[float, ...]
    values: Mapping[str, float]
    constraints: Mapping[str, float]
    seconds: float
    hits: tuple[str, ...] = ()  # the targets that its spectrum hits, in words
    recalled: bool = False  # from the cache of evaluations

    @property
    def is_soliton(self) -> bool:
        kind = Kind.of(self.kind)
        return kind is not None and kind.localised

    @property
    def is_feasible(self) -> bool:
        """All constraints hold: <= 0 is satisfied, a NaN is not."""
        return all(value <= 0 for value in self.constraints.values())

    def value(self, name: str) -> float:
        """A recorded number by name, NaN if it was not recorded."""
        return float(self.values.get(name, math.nan))


@dataclass(frozen=True)
class Record:
    """Everything that a scan recorded in its folder."""

    folder: Path
    name: str
    objectives: tuple[str, ...]
    # complete trials by number; the Pareto set (empty if no trial is feasible); number → reason of failed trials
    trials: tuple[Trial, ...]
    pareto: tuple[Trial, ...]
    failed: dict[int, str]
    unfinished: int
    # the resolved configuration as written, its text, and the study for Optuna's own analyses
    config: Mapping[str, Any]
    config_text: str
    study: optuna.Study
    signs: np.ndarray  # 1 for an objective that is maximised, -1 for one that is minimised
    frozen: tuple[FrozenTrial, ...] = ()  # the trials of the study, read once
    # objective → couplings that changed it at no point tested before the first trial
    unchanged: Mapping[str, Sequence[str]] = field(default_factory=dict)
    trust: bool = False  # whether modules that only its files name may be imported

    @property
    def feasible(self) -> tuple[Trial, ...]:
        return tuple(trial for trial in self.trials if trial.is_feasible)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the scanned couplings, in the order of the configuration."""
        configured = self.config.get("scan", {}).get("parameters", {})
        seen = [name for trial in self.trials for name in trial.couplings]
        return tuple(dict.fromkeys([name for name in configured if name in seen] + seen))

    @property
    def scored_spectrum(self) -> str:
        """The spectrum that is scored; "box" before there was a choice."""
        return str(self.config.get("score", {}).get("spectrum", "box"))

    @functools.cached_property
    def theory(self) -> type[AbstractModel]:
        """The class of the scanned theory; the base class if a user's class cannot be found."""
        try:
            return find_theory("model", self.config.get("model", {}).get("kind"), trust=self.trust)[0]
        except ValueError:
            return AbstractModel

    @functools.cached_property
    def scores(self) -> tuple[Score, ...]:
        """The scores of the spectra; without those of the user if they cannot be found."""
        try:
            return (*SCORES, *read_scores(self.config.get("score", {}).get("own", ()), trust=self.trust))
        except ValueError:
            return SCORES

    @property
    def columns(self) -> dict[str, Column]:
        """The recorded numbers that the theory, the scores and the table [transition] define."""
        if "transition" not in self.config:
            return {**self.theory.columns, **outputs(self.scores)}
        from ...config.tables import OF_TRANSITION

        return {**self.theory.columns, **OF_TRANSITION, **outputs(self.scores)}

    def unit(self, name: str) -> str:
        """The unit of a recorded number; an action in more than three dimensions, one of them time, has none."""
        if name in self.columns:
            return self.columns[name].unit
        bounces = bool(self.trials) and all(trial.kind == Kind.BOUNCE for trial in self.trials)
        if name == "action" or (name == "energy" and bounces):
            return action_unit(float(self.config.get("grid", {}).get("dim", 3.0)))
        return "s" if name == "seconds" else UNITS.get(name, "")

    def label(self, name: str) -> str:
        """A recorded number in words, with its unit."""
        words, unit = self.columns[name].label if name in self.columns else name.replace("_", " "), self.unit(name)
        return words + (f" [{unit}]" if unit else "") + (" ↓" if name in self.minimised else "")

    @property
    def minimised(self) -> tuple[str, ...]:
        """The objectives that are minimised."""
        return tuple(name for name, sign in zip(self.objectives, self.signs, strict=True) if sign < 0)

    def maximised(self, trials: Sequence[Trial]) -> np.ndarray:
        """The objectives of trials times their signs, shape (trial, objective): more is better."""
        return np.array([trial.objectives for trial in trials]).reshape(len(trials), -1) * self.signs

    def counts(self) -> dict[str, int]:
        """How many complete trials ended as each kind, known kinds first."""
        counted = Counter(trial.kind for trial in self.trials)
        known = {str(kind): counted.pop(kind) for kind in Kind if kind in counted}
        return known | dict(sorted(counted.items()))

    def state_file(self, trial: Trial) -> Path:
        return self.folder / STATES / f"trial_{trial.number:05d}.nc"

    def spectra(self, trial: Trial) -> dict[str, list[float]]:
        """The stored spectra of a trial, empty if there are none."""
        path = self.folder / STATES / f"trial_{trial.number:05d}.spectra.json"
        try:
            return read_spectra(path) if path.exists() else {}
        except ValueError as error:
            warnings.warn(str(error), RecordWarning, stacklevel=2)
            return {}


def read_record(folder: Path, storage: str = "", *, trust: bool = False) -> Record:
    """Read the record of a scan from its folder; `storage` is the address of its study if it is not recorded there.

    Only reads. With ``trust``, modules that the record names are imported for the labels of their numbers.

    Raises
    ------
    ValueError : if the folder holds no study, or one that Optuna cannot read.
    """
    study = open_folder(folder, storage)
    path = folder / RESOLVED
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    config = tomllib.loads(text)
    with trouble(str(folder)):
        trials, names, signs = read_trials(study, folder), study.metric_names, signs_of(study.directions)
    complete = tuple(_trial(t) for t in trials if t.state == TrialState.COMPLETE)
    names = [str(name) for name in read_objectives(config.get("scan", {}).get("objectives") or [])] or names
    objectives = tuple(names or (f"objective {i}" for i in range(len(signs))))
    # equals Optuna's study.best_trials among feasible trials, which is slow because it copies all trials
    pareto = _pareto(signs, [trial for trial in complete if trial.is_feasible])
    return Record(
        folder=folder,
        name=study.study_name,
        objectives=objectives,
        trials=complete,
        pareto=tuple(sorted(pareto, key=lambda trial: [*(-signs * trial.objectives)])),
        failed={t.number: _raised(t.user_attrs.get("error", "")) for t in trials if t.state == TrialState.FAIL},
        unfinished=sum(t.state in (TrialState.RUNNING, TrialState.WAITING) for t in trials),
        config=config,
        config_text=text,
        study=study,
        signs=signs,
        frozen=tuple(trials),
        unchanged=read_axes(Path(folder)),
        trust=trust,
    )


def shown_trials(record: Record) -> list[Trial]:
    """The trials under "Best trials": the best in each objective first, then further Pareto-optimal ones."""
    best = [record.pareto[i] for i in record.maximised(record.pareto).argmax(axis=0)] if record.pareto else []
    return list({trial.number: trial for trial in [*best, *record.pareto]}.values())[:MAX_SHOWN]


def _pareto(signs: np.ndarray, feasible: Sequence[Trial]) -> list[Trial]:
    """The feasible trials that no other dominates."""
    if not feasible:
        return []
    points = np.array([trial.objectives for trial in feasible]) * signs
    # trials with equal objectives all belong to it, as in Optuna
    best = {tuple(points[index]) for index in nondominated(points)}
    return [trial for trial, point in zip(feasible, points, strict=True) if tuple(point) in best]


def _trial(frozen: FrozenTrial) -> Trial:
    attributes = frozen.user_attrs
    seconds = attributes.get("seconds", {})
    elapsed = frozen.duration.total_seconds() if frozen.duration else math.nan
    return Trial(
        number=frozen.number,
        couplings=dict(frozen.params),
        kind=plain(str(attributes.get("kind", Kind.UNCONVERGED))),
        status=plain(str(attributes.get("status", ""))),
        reasons=tuple(plain(str(reason)) for reason in attributes.get("reasons", ())),
        objectives=tuple(float(value) for value in frozen.values),
        values=_numbers(attributes.get("values", {})),
        constraints=_numbers(attributes.get("constraints", {})),
        seconds=float(seconds.get("total", elapsed)),
        hits=tuple(hits_in_words(plain(str(attributes.get("hits", ""))))),
        recalled=attributes.get("cache") == "hit",
    )


def _raised(error: object) -> str:
    """The line of a traceback that names the exception (its message may run over more lines)."""
    lines = [line for line in plain(str(error)).splitlines() if re.match(r"[A-Za-z_][\w.]*: ", line)]
    return lines[-1] if lines else " ".join(plain(str(error)).split()[-30:]) or "no reason was recorded"


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Numbers read from JSON, in which None stands for NaN."""
    return {name: math.nan if value is None else float(value) for name, value in values.items()}
