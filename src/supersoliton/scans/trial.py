"""One trial: couplings → a plain record that crosses process boundaries without the engine."""

from __future__ import annotations

import errno
import math
import traceback
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

ERROR = "error"  # attribute of a trial that crashed by itself, and so counts
# What a constraint counts as that has no value: violated, by one.
_VIOLATED = 1.0
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)


@dataclass(frozen=True)
class Outcome:
    """The result of one trial as text and numbers; the state is in a file of its own."""

    # the point and where it ended
    point: dict[str, float]
    kind: str = ""
    status: str = ""
    reasons: list[str] = field(default_factory=list)
    # numbers
    values: dict[str, float] = field(default_factory=dict)
    constraints: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    spectra: dict[str, list[float]] = field(default_factory=dict)
    # netCDF file of the state, only where the trial is feasible and so may join the Pareto set
    state_file: str | None = None
    # what the search for the state started from: "analytic", "network", "regression" or "neighbour"
    start: str = ""
    # in words, what the cache of evaluations did: "hit", "stored", why not; empty where it is switched off
    cache: str = ""
    # why there is nothing above: the traceback of a crash, or how the worker died
    error: str | None = None
    # why the outcome could not be kept, e.g. a full disk; the trial is evaluated again later
    obstacle: str = ""

    @property
    def failed(self) -> bool:
        """Only a crash is a failure; a solver that diverges has a status and a kind."""
        return self.error is not None

    @property
    def feasible(self) -> bool:
        return not self.failed and all(value <= 0.0 for value in self.constraints.values())


def run_trial(
    config: Any, point: Mapping[str, float], scratch: Path, evaluate: Callable[..., Any] | None = None
) -> Outcome:
    """Evaluate one point, or take its evaluation from the cache. A crash is recorded in the outcome, and
    the scan continues; Ctrl-C is not caught. `evaluate` replaces the usual function (in a batch).

    The state of a feasible trial is written to a file in `scratch`: here, where the processes work side by side.
    """
    point = {name: float(value) for name, value in point.items()}
    try:
        known, word = recall_trial(config, point, scratch)
        if known is not None:
            return known
        evaluation = (evaluate or _evaluate())(config, point)
        outcome, netcdf = _with_state(_outcome(evaluation, point, config.scan.objectives), evaluation, scratch)
        memory = _memory(config)
        kept = memory.keep(point, evaluation, netcdf=netcdf) if memory else ""
        return replace(outcome, cache="; ".join(filter(None, (word, kept))))
    except Exception as error:  # noqa: BLE001  the error belongs to this trial; the scan records it and continues
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return Outcome(point, obstacle=f"cannot write to {scratch} ({error.strerror})")
        return Outcome(point, status="crashed", error=traceback.format_exc())


def recall_trial(config: Any, point: Mapping[str, float], scratch: Path) -> tuple[Outcome | None, str]:
    """The outcome of a point whose evaluation is in the cache; else None, and in words if something is wrong there."""
    memory = _memory(config)
    if memory is None:
        return None, ""
    found, word = memory.recall(point)
    if found is None:
        return None, word
    outcome = replace(_outcome(found, dict(point), config.scan.objectives), cache=word)
    if not outcome.feasible:
        return outcome, word
    if found.netcdf is None:  # kept by a scan with other objectives, or by a program: the state is put together
        return _with_state(outcome, found.evaluation(config), scratch)[0], word
    path = scratch / f"{uuid.uuid4().hex}.nc"
    path.write_bytes(found.netcdf)
    return replace(outcome, state_file=str(path)), word


def _evaluate() -> Callable[..., Any]:
    """The function itself, imported when it is needed: what the cache has needs no engine."""
    from ..evaluate.evaluation import evaluate

    return evaluate


def _with_state(outcome: Outcome, evaluation: Any, scratch: Path) -> tuple[Outcome, bytes | None]:
    """The outcome with its state in a file, and that file's content; neither where the trial is not feasible."""
    state = getattr(evaluation, "state", None)
    if not outcome.feasible or state is None:
        return outcome, None
    path = scratch / f"{uuid.uuid4().hex}.nc"
    state.save(path)
    return replace(outcome, state_file=str(path)), path.read_bytes()


def _memory(config: Any) -> Any:
    """The cache of this configuration, made once per process; None where it is switched off."""
    if not getattr(config.scan, "cache", True):
        return None
    from ..evaluate.cache.memory import CachedEvaluate

    if _memories.get("config") is not config:
        _memories.update(config=config, memory=CachedEvaluate(config))
    return _memories["memory"]


_memories: dict[str, Any] = {}  # of the last configuration only: a worker has one, a program may have many in turn


def _outcome(evaluation: Any, point: dict[str, float], objectives: tuple[str, ...]) -> Outcome:
    values = {name: float(value) for name, value in evaluation.values.items()}
    # a point at which there is no state at all has no values, only constraints
    values |= {name: math.nan for name in objectives if name not in values}
    constraints = {name: _number(value) for name, value in evaluation.constraints.items()}
    # Optuna takes no NaN. A trial with nothing to score is valid physics, so it is kept and marked infeasible.
    constraints["scored"] = float(sum(not math.isfinite(values[name]) for name in objectives))
    return Outcome(
        point=point,
        kind=str(evaluation.kind),
        status=str(evaluation.status),
        reasons=[str(reason) for reason in evaluation.reasons],
        values=values,
        constraints=constraints,
        seconds={name: float(value) for name, value in evaluation.seconds.items()},
        spectra={name: [float(x) for x in levels] for name, levels in evaluation.spectra.items()},
        start=str(evaluation.start),
    )


def _number(value: Any) -> float:
    number = float(value)
    return _VIOLATED if math.isnan(number) else number


def is_finished(trial: FrozenTrial) -> bool:
    """Completed, or crashed by itself, but not interrupted. If drawn, it counts towards the number asked for."""
    return trial.state.name == "COMPLETE" or (trial.state.name == "FAIL" and ERROR in trial.user_attrs)
