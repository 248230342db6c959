"""What the report computes of stored states and evaluates their theory for: their pictures and slopes.

A user's theory is evaluated in another process if the trials were, so that it cannot end the driver or stop it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...families.slopes import Slopes, slopes_of
from ...machine import user_files
from ...plotting import plot_state, save_figure
from ...scores.registry import SCORES, read_scores
from ...scores.score import ScoreSettings
from ...states.state import load
from ..execution.apart import Call, each_apart
from ..execution.choose import is_isolated
from ..execution.ends import code_evaluated, settings_of
from .records import Record, Trial


class Why(str):
    """Why something was not computed."""

    __slots__ = ()


@dataclass(frozen=True)
class Computed:
    """By the number of a trial: the path of the picture of its profiles, and its slopes."""

    pictures: Mapping[int, str]
    slopes: Mapping[int, Slopes | Why]


def compute(record: Record, trials: Sequence[Trial], folder: Path) -> Computed:
    """What is shown of these trials, as far as their states are stored; the pictures are saved in ``folder``."""
    files = {trial.number: record.state_file(trial) for trial in trials if record.state_file(trial).is_file()}
    code = [name for name in code_evaluated(record.config) if record.trust or _is_imported(name)]
    calls: list[Call] = [(_picture, (code, record.trust, file, folder)) for file in files.values()]
    if record.parameters and not is_fed_back(record):
        own = record.config.get("score", {}).get("own", ())
        options = record.parameters, record.config.get("spectrum", {}), _score_settings(record), own
        calls += [(_slopes, (code, record.trust, file, *options)) for file in files.values()]
    settings = settings_of(record.config.get("scan", {}), record.folder)
    if code and is_isolated(settings, settings.workers):
        found = each_apart([(_told, call) for call in calls], seconds=settings.trial_timeout, lost=_lost)
    else:
        found = [_told(*call) for call in calls]
    return Computed(dict(zip(files, found, strict=False)), dict(zip(files, found[len(files) :], strict=False)))


def is_fed_back(record: Record) -> bool:
    """Whether the couplings depend on the state."""
    return bool(record.config.get("problem", {}).get("self_consistent"))


def _is_imported(name: str) -> bool:
    try:
        user_files.check_imported(name)
    except ValueError:
        return False
    return True


def _told(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """The result, or why there is none: a state is damaged, its theory is not found, or raises anything."""
    try:
        return function(*arguments)
    except OSError:  # a full disk costs the report
        raise
    except ValueError as error:
        return Why(error)
    except Exception as error:  # noqa: BLE001
        return Why(f"{type(error).__name__}: {error}")


def _lost(how: str) -> Why:
    return Why(f"the process that computed this {how}")


def _picture(code: Sequence[str], trust: bool, file: Path, folder: Path) -> str:
    """Save the picture of a state; returns its path from the page."""
    _import(code)
    save_figure(plot_state(load(file, trust=trust), certificate=True), folder / f"{file.stem}.svg")
    return f"{folder.name}/{file.stem}.svg"


def _slopes(
    code: Sequence[str],
    trust: bool,
    file: Path,
    parameters: Sequence[str],
    spectrum: Mapping[str, Any],
    options: ScoreSettings,
    own: Sequence[str],
) -> Slopes:
    _import(code)
    scores = (*SCORES, *(score for name in own if name in code for score in read_scores([name])))
    n_modes, ell = int(spectrum.get("n_modes", 300)), tuple(spectrum.get("ell", (0, 1)))
    return slopes_of(load(file, trust=trust), parameters, options, scores, n_modes=n_modes, ell=ell, fast=True)


def _import(code: Sequence[str]) -> None:
    """Import what the driver has, which is what may run."""
    for name in code:
        user_files.find("model", name)


def _score_settings(record: Record) -> ScoreSettings:
    targets = record.config.get("score", {}).get("targets", ScoreSettings.targets)
    return ScoreSettings(spectrum=record.scored_spectrum, targets=targets, null_samples=0)
