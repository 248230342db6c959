"""The loop of a scan: ask the sampler, evaluate, tell; resume where the record ends; stop cleanly on Ctrl-C."""

from __future__ import annotations

import fcntl
import math
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from . import storage
from .executors import AbstractExecutor, make_executor
from .progress import Progress
from .record import Heartbeat, ParetoFront, TrialTable, write_config
from .storage import DATABASE, Twin, is_finished

# Settings of [scan] that may change between runs of one study: they choose no trial.
_FREE = ("trials", "workers", "cache", "cache_size")


@dataclass(frozen=True)
class ScanResult:
    """A scan as it stands: the Optuna study, its folder, and what came of the trials.

    study      ordinary Optuna study, as `optuna.load_study` would open it
    directory  folder of study.db, trials.csv, states, …
    pareto     trials that no other beats, all constraints satisfied; empty where no trial is feasible
    counts     kind of state → number of trials; crashed ones under "failed"
    finished, wanted, new   trials finished in all, asked for in all, and finished by this call
    interrupted             stopped by Ctrl-C before `wanted` was reached
    """

    study: optuna.Study
    directory: Path
    pareto: list[FrozenTrial]
    counts: dict[str, int]
    objectives: tuple[str, ...]
    finished: int
    wanted: int
    new: int = 0
    interrupted: bool = False


def identity(tables: Mapping[str, Any]) -> dict[str, Any]:
    """What two runs of one study must agree on: everything but `_FREE` of [scan] and the recorded [versions]."""
    kept = {key: value for key, value in tables.items() if key != "versions"}
    if isinstance(kept.get("scan"), Mapping):
        kept["scan"] = {key: value for key, value in kept["scan"].items() if key not in _FREE}
    return kept


def is_same_request(directory: Path, name: str, request: Mapping[str, Any]) -> bool:
    """Whether the study in a folder was made from this very file, so that it need not be parsed any further."""
    mark = storage.read_mark(directory / DATABASE, name)
    return mark is not None and mark.get("request") == request


def read_result(directory: Path, name: str, *, wanted: int) -> ScanResult:
    """The result of an existing study, without evaluating anything."""
    return _result(storage.open_study(directory / DATABASE, name), directory, wanted=wanted)


def run_scan(
    config: Any,
    directory: Path,
    *,
    name: str,
    request: Mapping[str, Any],
    wanted: int,
    workers: int,
    quiet: bool = False,
    heartbeat_seconds: float = 30.0,
) -> ScanResult:
    """Evaluate trials until `wanted` are finished, continuing the study in `directory` if there is one.

    `request` is the configuration as the user wrote it (kept with the study, to recognise it fast next time). With one
    worker the same seed gives the same trials, resumed or not. Ctrl-C lets running trials finish; a second one drops
    them, as SIGTERM does. Raises ValueError, with nothing changed, where the folder cannot be written, belongs to a
    study of another configuration (naming the key), or is in use by another scan.
    """
    tables = config.to_dict()
    mark = storage.read_mark(directory / DATABASE, name)
    if mark is not None:
        _refuse_other(directory, mark["config"], identity(tables))
    _make_folder(directory)
    with ExitStack() as stack:
        stack.enter_context(_only_one(directory))
        scratch = directory / "states" / ".running"
        shutil.rmtree(scratch, ignore_errors=True)  # left by a killed driver
        scratch.mkdir(parents=True)
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        write_config(directory / "config.resolved.toml", tables)
        if mark is None:
            asked_for = {"config": identity(tables), "request": dict(request)}
            study = storage.create_study(directory / DATABASE, name, config.scan, asked_for)
        else:
            study = storage.open_study(directory / DATABASE, name)
            storage.fail_stale(study)
        stack.callback(storage.finish, study)
        new, interrupted = _run(
            config, study, directory, scratch, wanted, workers, quiet=quiet, heartbeat_seconds=heartbeat_seconds
        )
        return _result(study, directory, wanted=wanted, new=new, interrupted=interrupted)


def _run(
    config: Any,
    study: optuna.Study,
    directory: Path,
    scratch: Path,
    wanted: int,
    workers: int,
    *,
    quiet: bool,
    heartbeat_seconds: float,
) -> tuple[int, bool]:
    """The loop itself; returns how many trials it finished and whether it was told to stop."""
    trials = study.get_trials(deepcopy=False)
    table = TrialTable(directory / "trials.csv", list(config.scan.parameters), trials)
    front = ParetoFront(directory / "states", trials)
    finished = sum(is_finished(trial) for trial in trials)
    if finished >= wanted:
        return 0, False
    twin = Twin(study, config.scan)
    progress = Progress(
        done=finished,
        failed=sum(is_finished(trial) and trial.state is TrialState.FAIL for trial in trials),
        total=wanted,
        objective=config.scan.objectives[0],
        best=max((trial.values[0] for trial in trials if _is_feasible(trial)), default=math.nan),
        quiet=quiet,
    )
    executor = make_executor(config, scratch, workers=workers, log=directory / "workers.log")
    new, left = 0, wanted - finished
    with ExitStack() as stack:
        stack.callback(executor.close)
        stack.enter_context(progress)
        stack.enter_context(
            Heartbeat(directory / "heartbeat.log", lambda: _words(progress, executor), seconds=heartbeat_seconds)
        )
        stop = stack.enter_context(_stop_on_signal(lambda: _say_stopping(progress, executor)))
        while left or executor.running:
            if stop.is_set() and (not executor.running or stop.dropped):
                break
            while left and executor.room and not stop.is_set():
                executor.submit(*twin.ask())
                left -= 1
            for ticket, outcome in executor.wait(0.25):
                trial = twin.tell(ticket, outcome)
                front.add(trial, outcome.state_file, outcome.spectra)
                table.append(trial)
                new += 1
                progress.ended(failed=outcome.failed, value=trial.values[0] if _is_feasible(trial) else math.nan)
    return new, stop.is_set() and finished + new < wanted


def _say_stopping(progress: Progress, executor: AbstractExecutor) -> None:
    progress.tell(f"stopping: {executor.running} running trial(s) may finish, Ctrl-C again drops them")


def _words(progress: Progress, executor: AbstractExecutor) -> str:
    rate = "-" if math.isnan(progress.rate) else f"{60.0 * progress.rate:.2f}"
    return f"trial {progress.done}/{progress.total} running {executor.running} failed {progress.failed} rate {rate}/min"


def _is_feasible(trial: FrozenTrial) -> bool:
    return trial.state is TrialState.COMPLETE and all(value <= 0 for value in trial.constraints.values())


def _result(
    study: optuna.Study, directory: Path, *, wanted: int, new: int = 0, interrupted: bool = False
) -> ScanResult:
    trials = study.get_trials(deepcopy=False)
    counts: Counter[str] = Counter()
    for trial in trials:
        if trial.state is TrialState.COMPLETE:
            counts[trial.user_attrs.get("kind", "")] += 1
        elif is_finished(trial):
            counts["failed"] += 1
    front = ParetoFront(directory / "states", trials).numbers
    return ScanResult(
        study=study,
        directory=directory,
        pareto=[trials[number] for number in front],
        counts=dict(counts),
        objectives=tuple(study.metric_names or ()),
        finished=sum(is_finished(trial) for trial in trials),
        wanted=wanted,
        new=new,
        interrupted=interrupted,
    )


def _refuse_other(directory: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Raise ValueError naming the first key in which two resolved configurations differ."""
    difference = _difference("", old, new)
    if difference is not None:
        key, before, now = difference
        raise ValueError(
            f"{directory} was scanned with {key} = {before}, but now {key} = {now}: "
            "set it back to resume, or give another folder with --out."
        )


def _difference(path: str, old: Any, new: Any) -> tuple[str, Any, Any] | None:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            below = f"{path}.{key}" if path else str(key)
            found = _difference(below, old.get(key, "(not set)"), new.get(key, "(not set)"))
            if found is not None:
                return found
        return None
    if old == new:
        return None
    table, _, key = path.rpartition(".")
    return (f"[{table}] {key}" if table else f"[{key}]"), old, new


def _make_folder(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ValueError(f"cannot write to {directory} ({error.strerror}): give another folder with --out.") from error


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """Hold the folder's lock; the system releases it when this process ends, however it ends."""
    with (directory / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(f"another scan is running in {directory}: wait for it, or give another --out.") from error
        yield


class _Stop:
    """Whether to stop, and whether to drop what is running."""

    def __init__(self) -> None:
        self.signals = 0

    def is_set(self) -> bool:
        return self.signals > 0

    @property
    def dropped(self) -> bool:
        return self.signals > 1


@contextmanager
def _stop_on_signal(told: Callable[[], None]) -> Iterator[_Stop]:
    """Turn Ctrl-C into a request to stop; a second one, or SIGTERM, drops what is running. Main thread only."""
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def receive(number: int, _frame: object) -> None:
        stop.signals += 1 if number == signal.SIGINT else 2  # whoever sends SIGTERM kills soon
        if stop.dropped:
            raise KeyboardInterrupt
        told()

    before = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    except KeyboardInterrupt:
        if not stop.is_set():
            raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
