"""The loop of a scan: ask the sampler, evaluate, record; resume from the record; stop cleanly on Ctrl-C."""

from __future__ import annotations

import functools
import math
import shutil
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from numpy import ndarray as Array
from optuna.trial import FrozenTrial, TrialState

from ..evaluate.cache.keys import user_code
from ..sampling.pareto import signs_of
from ..sampling.proposals import is_drawn
from ..sampling.surrogate_file import saver
from .axes import AXES, in_words, unchanged, write_axes
from .execution.apart import apart
from .execution.choose import make_executor
from .execution.executor import AbstractExecutor
from .first_failures import TRIED, check_first
from .progress import Progress
from .record import inspection, storage
from .record.changes import RecordWarning, check_code, tell_other_numerics
from .record.database import trouble
from .record.digests import check_trials
from .record.files import ParetoFront, TrialTable, write_config
from .record.folder import HEARTBEAT, RESOLVED, STATES, SURROGATE, TRIALS, WORKERS_LOG, make_folder
from .record.heartbeat import Beat, heartbeat
from .record.identity import check_same, identity
from .record.ledger import Ledger, Update
from .record.locks import only_one
from .record.record import PATIENCE, PAUSE, RERUN, StorageTrouble, lease, patiently
from .refinement import check_refine, refined_points
from .result import ScanResult, is_feasible
from .stopping import Stop, stop_on_signal
from .trial import Outcome, is_finished

if TYPE_CHECKING:
    from ..config import Config


def is_same_request(address: storage.Address, name: str, request: Mapping[str, object]) -> bool:
    """Whether the study was made from the same file content, which then needs no further checks."""
    mark = patiently(lambda: storage.read_mark(address, name), quiet=False)
    return mark is not None and mark.get("request") == request


def read_result(address: storage.Address, directory: Path, name: str, *, wanted: int) -> ScanResult | None:
    """The result of an existing study, without evaluating anything; None if a file of its folder must be repaired."""
    study = patiently(lambda: storage.open_study(address, name), quiet=False)
    trials, mark = patiently(
        lambda: (storage.read_trials(study, address), storage.mark_of(study, address)), quiet=False
    )
    table = TrialTable(directory / TRIALS, list(mark["config"]["scan"]["parameters"]))
    if inspection.file_faults(directory, table, mark, name, trials):
        return None
    tell_other_numerics(directory, trials)
    return _result(address, study, trials, directory, wanted=wanted)


def run_scan(
    config: Config,
    directory: Path,
    *,
    name: str,
    request: Mapping[str, object],
    wanted: int,
    workers: int,
    quiet: bool = False,
    extend: bool = False,
    heartbeat_seconds: float = 30.0,
) -> ScanResult:
    """Evaluate trials until `wanted` are finished, continuing the study in `directory` if there is one.

    `request` is the configuration as the user wrote it; it is stored with the study to recognise it quickly next time.
    With one worker the same seed gives the same trials, resumed or not. `extend` permits changed ranges. Ctrl-C lets
    running trials finish; a second Ctrl-C, or SIGTERM, drops them. Raises ValueError, with nothing changed, if the
    folder cannot be written, belongs to a study of another configuration (naming the key), or is in use by another
    scan; StorageTrouble if the record can no longer be written.
    """
    address = storage.locate(config.scan.storage, directory)
    tables = config.to_dict()
    check_refine(config)
    asked_for = {"config": identity(tables), "request": dict(request), "code": user_code(config)}

    def agreed() -> storage.Mark | None:
        return _agreed(storage.read_mark(address, name), config, directory, asked_for, extend)

    mark = patiently(agreed, quiet=quiet)
    make_folder(directory)
    with ExitStack() as stack:
        stack.enter_context(only_one(directory, address))
        if mark is None:  # another scan may have made it since
            mark = patiently(agreed, quiet=quiet)
        scratch = directory / STATES / ".running"
        shutil.rmtree(scratch, ignore_errors=True)  # left by a killed driver
        scratch.mkdir(parents=True)
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        if mark is None:
            inspection.check_new(directory, config.scan.parameters)

        def opened() -> optuna.Study:
            if mark is None:
                return storage.create_study(address, name, config.scan, asked_for)
            return storage.open_study(address, name)

        study = patiently(opened, quiet=quiet)
        stack.callback(storage.finish, address, study)
        record = storage.open_record(address, study)
        stack.callback(record.close)
        ledger = Ledger(record, config.scan)
        trials, recorded = patiently(lambda: (ledger.load(), storage.mark_of(study, address)), quiet=quiet)
        table = TrialTable(directory / TRIALS, list(config.scan.parameters))
        check_trials(trials, recorded, address)
        if mark is not None:
            _tell(directory, trials, inspection.file_faults(directory, table, mark, name, trials))
            if any(recorded.get(key) != asked_for[key] for key in ("config", "code")):
                patiently(lambda: _set_mark(address, study, {**recorded, **asked_for}), quiet=quiet)
        write_config(directory / RESOLVED, tables, name)
        table.rewrite(trials)
        loop = _Loop(config, ledger, directory, table, trials, wanted)
        with lease(record):
            loop.run(scratch, workers, quiet=quiet, heartbeat_seconds=heartbeat_seconds)
        if loop.new:
            trials = patiently(lambda: storage.read_trials(study, address), quiet=quiet)
        return _result(address, study, trials, directory, wanted=wanted, loop=loop, quiet=quiet)


class _Loop:
    """Repeats until done: record the trials that have ended, start new points, wait for workers."""

    def __init__(
        self, config: Config, ledger: Ledger, directory: Path, table: TrialTable, trials: list[FrozenTrial], wanted: int
    ) -> None:
        self._config, self._ledger, self._directory, self._wanted = config, ledger, directory, wanted
        self._table = table
        self._front = ParetoFront(directory / STATES, trials, config.scan.signs)
        self._front.clean()
        first = config.scan.signs[0]
        self._best = first * max((first * trial.values[0] for trial in trials if is_feasible(trial)), default=math.nan)
        self._pending: list[tuple[int, Outcome]] = []  # ended, not yet recorded
        self._trouble_since: float | None = None
        self.new, self.interrupted = 0, False
        self._errors: list[str] = []  # of the first trials that ended in this run

    def run(self, scratch: Path, workers: int, *, quiet: bool, heartbeat_seconds: float) -> None:
        memory = self._ledger.memory
        if self._is_done():
            return
        self._progress = progress = Progress(
            done=memory.finished,
            failed=memory.failed,
            total=max(self._wanted, memory.finished),
            objective=self._config.scan.objectives[0],
            best=self._best,
            quiet=quiet,
        )
        executor = make_executor(self._config, scratch, workers=workers, log=self._directory / WORKERS_LOG)
        with ExitStack() as stack:
            stack.callback(executor.close)
            stack.enter_context(progress)
            beat = functools.partial(_beat, progress, executor)
            stack.enter_context(heartbeat(self._directory / HEARTBEAT, beat, seconds=heartbeat_seconds))
            stop = stack.enter_context(stop_on_signal(lambda: _report_stopping(progress, executor)))
            if not memory.trials and not (self._directory / AXES).exists():
                self._test_axes(executor, stop)
            self._work(executor, stop)
            if self._config.scan.verify is not None and not stop.is_set():
                progress.show("fitting a surrogate")
                keep = saver(self._directory / SURROGATE, self._config.scan)
                planned = self._ledger.plan_verification(self._config.scan.verify.points, keep)
                progress.total += planned
                progress.show(f"{planned} predicted points" if planned else "too few feasible trials for a surrogate")
                self._work(executor, stop)
            if self._config.scan.refine is not None and not stop.is_set():
                self._refine(self._config.scan.refine.points, executor, stop)
        self._table.close()
        self.interrupted = stop.is_set() and not self._is_done()

    def _refine(self, points: int, executor: AbstractExecutor, stop: Stop) -> None:
        memory = self._ledger.memory
        self._progress.show("climbing from members of the front")
        given = (self._config, memory.trials, memory.finished)
        if executor.is_isolated:
            seconds = points * self._config.scan.trial_timeout
            found = apart(refined_points, *given, seconds=seconds, stopped=stop.is_set) or []
        else:
            found = refined_points(*given, stop)
        self._progress.total += self._ledger.plan(found)
        self._progress.show(f"{len(found)} of the front refined" if found else "no member of the front can be refined")
        self._work(executor, stop)

    def _test_axes(self, executor: AbstractExecutor, stop: Stop) -> None:
        write_axes(self._directory, {})  # first: a point that kills this process is not tried again
        self._progress.show("testing which couplings change the objectives")
        found = unchanged(self._config, executor, stop)
        if not stop.is_set():
            write_axes(self._directory, found)
            for sentence in in_words(found):
                self._progress.print(sentence)
        self._progress.show("")

    def _is_done(self) -> bool:
        unsaved = self._config.scan.save_surrogate and not (self._directory / SURROGATE).exists()
        return self._ledger.is_complete(self._wanted) and not unsaved

    def _work(self, executor: AbstractExecutor, stop: Stop) -> None:
        while not stop.dropped:
            made = self._update(0 if stop.is_set() else executor.room, fragile=not executor.is_isolated)
            if made is not None:
                for number, point in made.points:
                    executor.submit(number, point)
                self._update_files(made.ended)
                if made.ended and self.new <= 2 * TRIED:
                    memory = self._ledger.memory
                    check_first(self._errors, memory.finished - memory.failed)
                if not self._ledger.mine and (stop.is_set() or self._ledger.is_done(self._wanted)):
                    return
            elif stop.is_set() and not executor.running:
                raise StorageTrouble(f"stopped before the last trials could be recorded; {RERUN}", temporary=False)
            if executor.running:
                self._pending += executor.wait(0.25)
            else:  # other drivers evaluate the last trials, or the record does not answer
                time.sleep(PAUSE)

    def _update(self, room: int, *, fragile: bool) -> Update | None:
        """Record ended trials and choose up to `room` points; None while the record does not answer."""
        if not self._pending and room <= 0:
            return Update()
        try:
            if self._trouble_since is not None:
                trials = self._ledger.load()
                self._table.rewrite(trials)
                self._front = ParetoFront(self._directory / STATES, trials, self._config.scan.signs)
                self._front.clean(spare={number for number, _ in self._pending})
            for number, outcome in self._pending:
                if outcome.obstacle:
                    raise StorageTrouble(f"{outcome.obstacle}: free some space", temporary=False)
                self._front.keep(number, outcome, self._config.scan.objectives)
            made = self._ledger.update(self._pending, room=room, wanted=self._wanted, fragile=fragile)
        except StorageTrouble as error:
            self._wait_or_stop(error)
            return None
        except OSError as error:
            raise self._cannot_write(error) from error
        if self._trouble_since is not None:
            self._trouble_since = None
            self._progress.show("")
        self.new += len(self._pending)
        for _, outcome in self._pending:
            value = outcome.values.get(self._config.scan.objectives[0], math.nan)
            if len(self._errors) < TRIED:
                self._errors.append(outcome.error or "")
            self._progress.ended(failed=outcome.failed, value=value if outcome.feasible else math.nan)
        self._pending = []
        return made

    def _wait_or_stop(self, error: StorageTrouble) -> None:
        now = time.monotonic()
        if self._trouble_since is None:
            self._trouble_since = now
        waited = now - self._trouble_since
        if not error.temporary or waited > PATIENCE:
            after = f" after {waited / 60:.0f} min" if error.temporary else ""
            raise StorageTrouble(f"{error}{after}, {RERUN}", temporary=False) from error
        self._progress.show(f"waiting: {error}")

    def _cannot_write(self, error: OSError) -> StorageTrouble:
        words = f"cannot write {error.filename or self._directory} ({error.strerror}): free some space"
        return StorageTrouble(f"{words}, {RERUN}", temporary=False)

    def _update_files(self, ended: Sequence[FrozenTrial]) -> None:
        """Update trials.csv and the stored states, after the study."""
        try:
            for trial in ended:
                self._front.settle(trial)
                self._table.append(trial)
        except OSError as error:
            raise self._cannot_write(error) from error
        self._progress.done, self._progress.failed = self._ledger.done, self._ledger.memory.failed


def _agreed(
    mark: storage.Mark | None, config: Config, directory: Path, asked_for: Mapping[str, Any], extend: bool
) -> storage.Mark | None:
    """The mark of a study, if there is one. Raises ValueError if it was made for something else."""
    if mark is not None:
        check_same(directory, _completed(config, mark["config"]), asked_for["config"], extend=extend)
        check_code(directory, mark.get("code"), asked_for["code"])
    return mark


def _set_mark(address: storage.Address, study: optuna.Study, mark: Mapping[str, Any]) -> None:
    with trouble(str(address)):
        storage.set_mark(study, mark)


def _tell(directory: Path, trials: Sequence[FrozenTrial], faults: Sequence[inspection.Fault]) -> None:
    """Warn of what a resumed scan writes again. Raises ValueError for what it must not overwrite."""
    for fault in faults:
        if fault.repair is None:
            raise ValueError(f"{fault.words}.")
    for fault in faults:
        warnings.warn(f"{fault.words}: it is written again from the study.", RecordWarning, stacklevel=3)
    tell_other_numerics(directory, trials)


def _completed(config: Config, tables: Mapping[str, object]) -> dict[str, object]:
    """A configuration recorded by an earlier version, with defaults for newer settings."""
    try:
        return identity(config.with_tables(tables).to_dict())
    except (ValueError, TypeError):
        return dict(tables)  # compared as recorded; the message then names the difference


def _report_stopping(progress: Progress, executor: AbstractExecutor) -> None:
    progress.show(f"stopping: {executor.running} running trial(s) may finish, Ctrl-C again drops them")


def _beat(progress: Progress, executor: AbstractExecutor) -> Beat:
    rate = None if math.isnan(progress.rate) else round(60.0 * progress.rate, 2)
    return Beat(progress.done, progress.total, executor.running, progress.failed, rate, executor.where)


def _result(
    address: storage.Address,
    study: optuna.Study,
    trials: list[FrozenTrial],
    directory: Path,
    *,
    wanted: int,
    loop: _Loop | None = None,
    quiet: bool = False,
) -> ScanResult:
    def read() -> tuple[tuple[str, ...], Array]:
        with trouble(str(address)):
            return tuple(study.metric_names or ()), signs_of(study.directions)

    objectives, signs = patiently(read, quiet=quiet)
    counts: Counter[str] = Counter()
    for trial in trials:
        if trial.state is TrialState.COMPLETE:
            counts[trial.user_attrs.get("kind", "")] += 1
        elif is_finished(trial):
            counts["failed"] += 1
    front = ParetoFront(directory / STATES, trials, signs).numbers
    return ScanResult(
        study=study,
        directory=directory,
        pareto=[trials[number] for number in front],
        counts=dict(counts),
        objectives=objectives,
        trials=trials,
        finished=sum(is_finished(trial) and is_drawn(trial) for trial in trials),
        verified=sum(is_finished(trial) and not is_drawn(trial) for trial in trials),
        wanted=wanted,
        new=loop.new if loop else 0,
        interrupted=loop.interrupted if loop else False,
    )
