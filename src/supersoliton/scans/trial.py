"""One trial: couplings → a plain record that crosses process boundaries without JAX."""

from __future__ import annotations

import errno
import math
import traceback
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.constraints import CONSTRAINTS, chosen
from ..evaluate.cache.keys import numerics_version
from ..machine import devices
from ..machine.text import plain

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from ..config import Config
    from ..evaluate import Evaluation
    from ..evaluate.cache.memory import CachedEvaluate
    from ..evaluate.trial_result import TrialResult

ERROR = "error"  # attribute of a trial that crashed, which counts; an interrupted trial does not have it
_VIOLATED = 1.0  # value of a constraint that is undefined
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)


@dataclass(frozen=True)
class Outcome:
    """The result of one trial as text and numbers; the state is in a separate file."""

    # the couplings, and the kind and status of the state
    point: dict[str, float]
    kind: str = ""
    status: str = ""
    reasons: list[str] = field(default_factory=list)
    # numbers
    values: dict[str, float] = field(default_factory=dict)
    constraints: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    spectra: dict[str, list[float]] = field(default_factory=dict)
    # text
    state_file: str | None = None  # netCDF file of the state, only if feasible and thus possibly Pareto-optimal
    start: str = ""  # of the search for the state: "analytic", "network", "regression" or "neighbour"
    numerics: str = field(default_factory=numerics_version)  # of the process that computed it
    hits: str = ""  # the targets that the scored spectrum hits
    cache: str = ""  # what the cache of evaluations did: "hit", "stored", or why not; empty if it is switched off
    error: str | None = None  # the traceback of a crash, or how the worker died
    obstacle: str = ""  # why the outcome could not be stored, e.g. a full disk; the trial is evaluated again later

    @property
    def failed(self) -> bool:
        """Only a crash is a failure; a solver that diverges has a status and a kind."""
        return self.error is not None

    @property
    def feasible(self) -> bool:
        return not self.failed and all(value <= 0.0 for value in self.constraints.values())


def run_trial(config: Config, point: Mapping[str, float], scratch: Path) -> Outcome:
    """Evaluate one point, or take its evaluation from the cache.

    A crash is recorded in the outcome, and the scan continues; Ctrl-C is not caught.

    The state of a feasible trial is written to a file in `scratch`, so that workers write their states in parallel.
    """
    point = {name: float(value) for name, value in point.items()}
    try:
        known, remark = recall_trial(config, point, scratch)
        if known is not None:
            return known
        evaluation = _evaluate(config, point)
        outcome, netcdf = _with_state(_outcome(evaluation, point, config), evaluation, scratch)
        cache = _cache(config)
        stored = cache.keep(point, evaluation, netcdf=netcdf) if cache else ""
        return replace(outcome, cache="; ".join(filter(None, (remark, stored))))
    except Exception as error:  # noqa: BLE001  the error belongs to this trial; the scan records it and continues
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return Outcome(point, obstacle=f"cannot write to {scratch} ({error.strerror})")
        return Outcome(point, status="crashed", error=plain(traceback.format_exc()))


def recall_trial(config: Config, point: Mapping[str, float], scratch: Path) -> tuple[Outcome | None, str]:
    """The outcome of a point from the cache, or None; and a remark on the cache, such as a damaged entry."""
    cache = _cache(config)
    if cache is None:
        return None, ""
    found, remark = cache.recall(point)
    if found is None:
        return None, remark
    outcome = replace(_outcome(found, dict(point), config), cache=remark)
    if not outcome.feasible:
        return outcome, remark
    if found.netcdf is None:  # stored by a scan with other objectives, or by a program: build the state again
        return _with_state(outcome, found.evaluation(config), scratch)[0], remark
    path = scratch / f"{uuid.uuid4().hex}.nc"
    path.write_bytes(found.netcdf)
    return replace(outcome, state_file=str(path)), remark


def _evaluate(config: Config, point: Mapping[str, float]) -> Evaluation:
    from ..evaluate.evaluation import evaluate  # here: a cached point needs no JAX

    with devices.trials_on(config.scan.device):
        return evaluate(config, point)


def _with_state(outcome: Outcome, evaluation: Evaluation, scratch: Path) -> tuple[Outcome, bytes | None]:
    """The outcome with its state in a file, and the content of the file; without either if it is infeasible."""
    if not outcome.feasible or evaluation.state is None:
        return outcome, None
    path = scratch / f"{uuid.uuid4().hex}.nc"
    evaluation.state.save(path)
    return replace(outcome, state_file=str(path)), path.read_bytes()


def _cache(config: Config) -> CachedEvaluate | None:
    """The cache of this configuration, made once per process; None if it is switched off."""
    if not config.scan.cache:
        return None
    from ..evaluate.cache.memory import CachedEvaluate

    global _last
    if _last is None or _last[0] is not config:
        _last = config, CachedEvaluate(config)
    return _last[1]


_last: tuple[Config, CachedEvaluate] | None = None  # only of the last configuration: a program may scan many


def _outcome(evaluation: TrialResult, point: dict[str, float], config: Config) -> Outcome:
    objectives = config.scan.objectives
    values = {name: float(value) for name, value in evaluation.values.items()}
    # Those that only this scan asks for: a cached evaluation may come from another.
    constraints = {name: _number(x) for name, x in evaluation.constraints.items() if name not in CONSTRAINTS}
    constraints |= chosen(config.scan.constraints, values)
    values |= {f"c_{name}": value for name, value in constraints.items() if f"c_{name}" in objectives}
    # a point without any state has no values, only constraints
    values |= {str(name): math.nan for name in objectives if name not in values}
    # Optuna refuses NaN. A trial with nothing to score is valid physics, so it is kept and marked infeasible.
    constraints["scored"] = float(sum(not math.isfinite(values[name]) for name in objectives))
    return Outcome(
        point=point,
        kind=str(evaluation.kind),
        status=plain(str(evaluation.status)),
        reasons=[plain(str(reason)) for reason in evaluation.reasons],
        values=values,
        constraints=constraints,
        seconds={name: float(value) for name, value in evaluation.seconds.items()},
        spectra={name: [float(x) for x in levels] for name, levels in evaluation.spectra.items()},
        start=str(evaluation.start),
        hits=evaluation.hits,
    )


def _number(value: float) -> float:
    return _VIOLATED if math.isnan(value) else float(value)


def is_finished(trial: FrozenTrial) -> bool:
    """Whether it completed or crashed, rather than being interrupted; a drawn one then counts as asked for."""
    return trial.state.name == "COMPLETE" or (trial.state.name == "FAIL" and ERROR in trial.user_attrs)
