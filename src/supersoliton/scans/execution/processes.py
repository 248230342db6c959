"""Trials in parallel processes on this machine, any of which may be killed.

`concurrent.futures` breaks as a whole when one worker is killed (measured: 10 of 12 tasks done, then the pool is lost),
so each worker here has a pipe of its own. A pipe that ends shows which worker died and on which trial.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING

from ...machine.paths import no_link
from ..trial import Outcome
from .executor import ONE_THREAD, RETRIES, AbstractExecutor, WorkerError, with_ahead
from .worker import cause_of_death

if TYPE_CHECKING:
    from ...config import Config

# Consecutive workers that exit, or are killed, before the ready message and thus stop the scan; kills may be chance.
_FAILED_STARTS, _KILLED_STARTS = 3, 12
_START_SECONDS = 600.0  # a worker imports JAX, which has taken a minute on a loaded machine


@dataclass
class _Task:
    ticket: int
    point: Mapping[str, float]
    deaths: list[str] = field(default_factory=list)


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    pipe: Connection
    since: float  # when it was started, or began its task
    task: _Task | None = None
    ready: bool = False
    overdue: bool = False


class LocalProcesses(AbstractExecutor):
    """`count` worker processes on this machine, each with one thread and the shared compilation cache.

    They are started when there is work, in their own sessions so that Ctrl-C reaches only this process, and end with
    it. A worker that takes more than `limit` seconds for a trial hangs: it is killed and the trial has failed. `memory`
    limits the data of each worker [GiB], 0 sets no limit. `log` receives their stderr.
    """

    def __init__(
        self, config: Config, scratch: Path, *, count: int, log: Path, limit: float = 900.0, memory: float = 0.0
    ) -> None:
        self._pickled = pickle.dumps((config, scratch, memory))
        self._count, self._log, self._limit = count, log, limit
        self._workers: list[_Worker] = []
        self._queue: deque[_Task] = deque()
        self._failed_starts = self._killed_starts = 0

    @property
    def pids(self) -> list[int]:
        return [worker.process.pid for worker in self._workers]

    @property
    def running(self) -> int:
        return len(self._queue) + sum(worker.task is not None for worker in self._workers)

    @property
    def room(self) -> int:
        return with_ahead(self._count) - self.running

    def submit(self, ticket: int, point: Mapping[str, float]) -> None:
        self._queue.append(_Task(ticket, dict(point)))
        self._hand_out()

    def _hand_out(self) -> None:
        while self._queue:
            worker = next((worker for worker in self._workers if worker.task is None), None)
            if worker is None:
                if len(self._workers) == self._count:
                    return
                worker = self._spawn()
            task = worker.task = self._queue.popleft()
            if worker.ready:
                worker.since = time.monotonic()
            try:
                worker.pipe.send((task.ticket, dict(task.point)))
            except OSError:  # it died while idle: the end of its pipe is read by wait(), which tries the task again
                return

    def _spawn(self) -> _Worker:
        ours, theirs = Pipe()
        packages = str(Path(__file__).resolve().parents[3])  # the folder that contains this package
        path = os.pathsep.join([packages, *filter(None, [os.environ.get("PYTHONPATH")])])
        with open(self._log, "ab", opener=no_link) as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "supersoliton.scans.execution.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, **ONE_THREAD, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        theirs.close()
        worker = _Worker(process, ours, time.monotonic())
        self._workers.append(worker)
        try:
            ours.send_bytes(self._pickled)
        except OSError:
            return worker  # it died at once; wait() will notice
        return worker

    def wait(self, timeout: float) -> list[tuple[int, Outcome]]:
        done: list[tuple[int, Outcome]] = []
        self._hand_out()
        for worker in self._workers:
            limit = self._limit if worker.ready else _START_SECONDS
            if worker.task is not None and time.monotonic() - worker.since > limit:
                worker.overdue = True
                worker.process.kill()
        ready = wait([worker.pipe for worker in self._workers], timeout)
        for worker in [worker for worker in self._workers if worker.pipe in ready]:
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                done += self._remove_dead(worker)
                continue
            self._failed_starts = self._killed_starts = 0
            worker.since = time.monotonic()
            if message is None:  # the ready message: it has imported everything
                worker.ready = True
                continue
            worker.task = None
            done.append(message)
        self._hand_out()
        return done

    def _remove_dead(self, worker: _Worker) -> list[tuple[int, Outcome]]:
        self._workers.remove(worker)
        worker.pipe.close()
        code = worker.process.wait()
        reason, task = cause_of_death(code), worker.task
        if not worker.ready:
            self._killed_starts += 1
            self._failed_starts += code >= 0
            if self._failed_starts >= _FAILED_STARTS or self._killed_starts >= _KILLED_STARTS:
                raise WorkerError(f"the workers do not start ({reason}): {_last_line(self._log)} — see {self._log}.")
            if task is not None:
                self._queue.appendleft(task)
            return []
        if task is None:
            return []
        if worker.overdue:  # not repeated: it would hang again
            error = f"no answer within trial_timeout = {self._limit:g} s: its worker was killed"
            return [(task.ticket, Outcome(dict(task.point), status="crashed", error=error))]
        task.deaths.append(reason)
        if len(task.deaths) <= RETRIES:
            self._queue.appendleft(task)
            return []
        error = f"worker {reason} (attempt {len(task.deaths)} of {RETRIES + 1})"
        return [(task.ticket, Outcome(dict(task.point), status="crashed", error=error))]

    def close(self) -> None:
        self._queue.clear()
        for worker in self._workers:
            if worker.task is not None:
                worker.process.kill()
            worker.pipe.close()  # an idle worker ends when its pipe is closed
        deadline = time.monotonic() + 5.0
        for worker in self._workers:
            try:
                worker.process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
        self._workers.clear()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "they wrote nothing"
