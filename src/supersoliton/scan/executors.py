"""Where trials run: in this process, or in processes side by side of which any may be killed.

`concurrent.futures` breaks as a whole when one worker is killed (measured: 10 of 12 tasks done, then the pool is lost),
so each worker here has a pipe of its own. A pipe that ends tells which worker died and on which trial.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from .. import devices
from .trial import Outcome, run_trial

# One thread per process: on a CPU the trials run side by side, and threads of one only disturb the others. PJRT_NPROC
# is the size of XLA's pool, and more than a matter of speed: on a pool of several threads jaxlib's batched LAPACK calls
# wait inside pool threads for tasks of the same pool, and two of them at once block each other for ever (seen with
# jaxlib 0.10.2 on two cores); with one thread they run where they are called.
_ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "PJRT_NPROC": "1",
    "JAX_PLATFORMS": "cpu",  # an accelerator is not shared by processes: its trials run in batches (batches.py)
}
_ATTEMPTS = 2  # a trial whose worker dies is tried once more: the cause may have been outside it
# A trial takes about a second and its solver has a limit of its own; the rest is for compiling on a loaded machine.
TRIAL_SECONDS = 900.0
_FAILED_STARTS = 3  # so many workers in a row that die before their first word: something is wrong with all of them


class AbstractExecutor(ABC):
    """Takes points while it has `room` and returns their outcomes in the order in which they end."""

    @property
    @abstractmethod
    def room(self) -> int:
        """How many more points can start now."""

    @property
    @abstractmethod
    def running(self) -> int:
        """How many points are being evaluated."""

    @property
    def where(self) -> str:
        """What the trials run on, for the log: what JAX finds here, and which of it is used."""
        return f"devices {devices.describe()}, trials on the cpu"

    @abstractmethod
    def submit(self, ticket: int, point: Mapping[str, float]) -> None:
        """Start on a point; `ticket` is what its outcome will be returned with."""

    @abstractmethod
    def wait(self, timeout: float) -> list[tuple[int, Outcome]]:
        """What has ended; waits for at most about `timeout` seconds where nothing has."""

    @abstractmethod
    def close(self) -> None:
        """Let the workers go; whatever is still running is dropped."""


class InProcess(AbstractExecutor):
    """One trial at a time in this very process."""

    def __init__(self, config: Any, scratch: Path) -> None:
        self._config, self._scratch = config, scratch
        self._waiting: list[tuple[int, Mapping[str, float]]] = []

    @property
    def room(self) -> int:
        return 1 - len(self._waiting)

    @property
    def running(self) -> int:
        return len(self._waiting)

    def submit(self, ticket: int, point: Mapping[str, float]) -> None:
        self._waiting.append((ticket, point))

    def wait(self, timeout: float) -> list[tuple[int, Outcome]]:
        done = [(ticket, run_trial(self._config, point, self._scratch)) for ticket, point in self._waiting]
        self._waiting.clear()
        return done

    def close(self) -> None:
        self._waiting.clear()


class WorkerError(RuntimeError):
    """The worker processes cannot be started at all."""


@dataclass
class _Task:
    ticket: int
    point: Mapping[str, float]
    deaths: list[str] = field(default_factory=list)
    started: float = 0.0


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    pipe: Connection
    task: _Task | None = None
    ready: bool = False


class LocalProcesses(AbstractExecutor):
    """`count` worker processes on this machine, each with one thread and the shared compilation cache.

    They are started when there is work for them, in sessions of their own so that Ctrl-C reaches only this process,
    which then decides. A worker whose driver is gone ends after the trial it is at; one that is at a trial for more
    than `limit` seconds hangs and is killed. `log` receives their stderr.
    """

    def __init__(self, config: Any, scratch: Path, *, count: int, log: Path, limit: float = TRIAL_SECONDS) -> None:
        self._parcel = pickle.dumps((config, scratch))
        self._count, self._log, self._limit = count, log, limit
        self._workers: list[_Worker] = []
        self._again: list[_Task] = []
        self._failed_starts = 0

    @property
    def pids(self) -> list[int]:
        return [worker.process.pid for worker in self._workers]

    @property
    def running(self) -> int:
        return len(self._again) + sum(worker.task is not None for worker in self._workers)

    @property
    def room(self) -> int:
        return self._count - self.running

    def submit(self, ticket: int, point: Mapping[str, float]) -> None:
        self._start(_Task(ticket, dict(point)))

    def _start(self, task: _Task) -> None:
        worker = next((worker for worker in self._workers if worker.task is None), None)
        if worker is None:
            worker = self._spawn()
        worker.task = task
        task.started = time.monotonic()
        try:
            worker.pipe.send((task.ticket, dict(task.point)))
        except OSError:  # it died while idle: the end of its pipe is read by wait(), which tries the task again
            return

    def _spawn(self) -> _Worker:
        ours, theirs = Pipe()
        packages = str(Path(__file__).resolve().parents[2])  # where this very package lies
        path = os.pathsep.join([packages, *filter(None, [os.environ.get("PYTHONPATH")])])
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "supersoliton.scan.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, **_ONE_THREAD, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        try:
            ours.send_bytes(self._parcel)
        except OSError:
            return worker  # it died at once; wait() will see that
        return worker

    def wait(self, timeout: float) -> list[tuple[int, Outcome]]:
        done: list[tuple[int, Outcome]] = []
        while self._again and self.room + len(self._again) > 0:
            self._start(self._again.pop())
        for worker in self._workers:
            if worker.task is not None and time.monotonic() - worker.task.started > self._limit:
                worker.process.kill()
        ready = wait([worker.pipe for worker in self._workers], timeout)
        for worker in [worker for worker in self._workers if worker.pipe in ready]:
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                done += self._bury(worker)
                continue
            self._failed_starts = 0
            if message is None:  # its first word: it has imported everything
                worker.ready = True
                continue
            worker.task = None
            done.append(message)
        return done

    def _bury(self, worker: _Worker) -> list[tuple[int, Outcome]]:
        self._workers.remove(worker)
        worker.pipe.close()
        reason = _cause_of_death(worker.process.wait())
        task = worker.task
        if task is not None and time.monotonic() - task.started > self._limit:
            reason += f" after {self._limit:g} s without an answer"
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _FAILED_STARTS:
                raise WorkerError(f"the workers do not start ({reason}): {_last_line(self._log)} — see {self._log}.")
            if task is not None:
                self._again.append(task)
            return []
        if task is None:
            return []
        task.deaths.append(reason)
        if len(task.deaths) < _ATTEMPTS:
            self._again.append(task)
            return []
        error = f"worker {reason} (attempt {len(task.deaths)} of {_ATTEMPTS})"
        return [(task.ticket, Outcome(dict(task.point), status="crashed", error=error))]

    def close(self) -> None:
        busy = [worker for worker in self._workers if worker.task is not None]
        for worker in busy:
            worker.process.kill()
        for worker in self._workers:
            worker.pipe.close()  # an idle worker ends when its pipe does
        deadline = time.monotonic() + 5.0
        for worker in self._workers:
            try:
                worker.process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
        self._workers.clear()


def _cause_of_death(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "they said nothing"


def make_executor(config: Any, scratch: Path, *, workers: int, log: Path) -> AbstractExecutor:
    """A batch where an accelerator is found or a batch is asked for; else this process, or `workers` of them."""
    from .batches import make_batches

    batches = make_batches(config, scratch)
    if batches is not None:
        return batches
    return InProcess(config, scratch) if workers == 1 else LocalProcesses(config, scratch, count=workers, log=log)
