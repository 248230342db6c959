"""Trials on a Dask cluster: the workers of a running scheduler, or workers started on this machine.

Dask gives the trials of a worker that dies to another one. A scheduler runs any code that it is sent, so keep it in a
trusted network or behind TLS ("tls://…").
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import pickle
import queue
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..trial import Outcome, run_trial
from .executor import ONE_THREAD, RETRIES, AbstractExecutor, WorkerError, with_ahead

if TYPE_CHECKING:
    import distributed

    from ...config import Config

_CONNECT_SECONDS = 60.0
_COUNT_SECONDS = 5.0  # between two counts of the workers
_HUNG = "supersoliton-hung"  # topic of the events in which a worker reports that its trial hangs
_REPORT_SECONDS = 5.0  # time that a worker has to report it before it ends

_one_at_a_time = threading.Lock()  # one evaluation per process, whatever the number of threads of its worker
_configurations: dict[bytes, Config] = {}  # only that of the last scan: a worker serves one scan after another


class Dask(AbstractExecutor):
    """One trial at a time on every worker; starts `workers` on this machine if `scheduler` is "".

    A trial takes at most `limit` seconds, then its worker ends itself and the trial has failed.
    Raises ValueError if Dask is not installed, WorkerError if the scheduler does not answer.
    """

    def __init__(self, config: Config, scratch: Path, *, scheduler: str, workers: int, limit: float) -> None:
        try:
            import distributed

            if not scheduler:
                import cryptography as cryptography  # makes the certificates of a cluster of our own
        except ImportError as error:
            raise ValueError(f'executor = "dask" needs {error.name}: pip install distributed cryptography.') from error
        self._scratch, self._limit = scratch, limit
        self._pickled = pickle.dumps(config)
        self._name = uuid.uuid4().hex  # of this run, in the keys of its tasks
        self._points: dict[int, dict[str, float]] = {}
        self._futures: dict[int, distributed.Future] = {}
        self._done: queue.SimpleQueue[tuple[int, bool]] = queue.SimpleQueue()  # ticket, whether it hangs
        self._where = scheduler or f"{workers} processes"
        self._silence = contextlib.ExitStack()
        self._silence.enter_context(_without_tracebacks())
        self._cluster = None
        try:
            if not scheduler:
                self._cluster = _local(workers)
            self._client = distributed.Client(
                self._cluster or scheduler, timeout=_CONNECT_SECONDS, set_as_default=False, name="supersoliton"
            )
        except (OSError, RuntimeError, TimeoutError, ValueError) as error:
            self._silence.close()
            words = f"the Dask scheduler {scheduler} does not answer" if scheduler else "Dask does not start"
            raise WorkerError(f"{words} ({error}): start it, or correct [scan] scheduler and executor.") from error
        self._client.subscribe_topic(_HUNG, self._hung)
        self._workers, self._counted = 0, 0.0

    @property
    def where(self) -> str:
        return f"Dask, {self._where}"

    @property
    def running(self) -> int:
        return len(self._futures)

    @property
    def room(self) -> int:
        if time.monotonic() - self._counted > _COUNT_SECONDS:
            self._workers, self._counted = len(self._client.scheduler_info(n_workers=-1)["workers"]), time.monotonic()
        return with_ahead(max(self._workers, 1)) - self.running  # one trial may wait for the first worker

    def submit(self, ticket: int, point: Mapping[str, float]) -> None:
        self._points[ticket] = dict(point)
        key = f"{self._name}-{ticket}"
        future = self._client.submit(
            _evaluate, self._pickled, dict(point), self._limit, key, key=key, pure=False, retries=0
        )
        self._futures[ticket] = future
        future.add_done_callback(lambda _: self._done.put((ticket, False)))

    def _hung(self, event: tuple[float, object]) -> None:
        """Receive an event (time, message), which may come from another scan of the cluster."""
        name, _, ticket = str(event[1]).rpartition("-")
        if name == self._name:
            self._done.put((int(ticket), True))

    def wait(self, timeout: float) -> list[tuple[int, Outcome]]:
        ended: list[tuple[int, bool]] = []
        with contextlib.suppress(queue.Empty):
            ended.append(self._done.get(timeout=timeout))
            while True:
                ended.append(self._done.get_nowait())
        outcomes = [(ticket, self._outcome(ticket, hangs)) for ticket, hangs in ended if ticket in self._futures]
        if self._client.status not in ("running", "connecting"):
            raise WorkerError(f"the Dask scheduler ({self._where}) is gone: run the same command again to resume.")
        return outcomes

    def _outcome(self, ticket: int, hangs: bool) -> Outcome:
        future, point = self._futures.pop(ticket), self._points.pop(ticket)
        if hangs:
            future.cancel()
            words = f"no answer within trial_timeout = {self._limit:g} s: its worker was stopped"
            return Outcome(point, status="crashed", error=words)
        if future.status == "finished":
            outcome, state = future.result()
            if state is None:
                return outcome
            path = self._scratch / f"{uuid.uuid4().hex}.nc"
            try:
                path.write_bytes(state)
            except OSError as error:
                return Outcome(point, obstacle=f"cannot write to {self._scratch} ({error.strerror})")
            return replace(outcome, state_file=str(path))
        if future.status == "error":
            raised = future.exception()
            words = " ".join(str(raised).split())
            if type(raised).__name__ == "KilledWorker":
                words = f"its workers died (killed, out of memory, or by the trial): {words}"
                return Outcome(point, status="crashed", error=words)
            raise WorkerError(f"the Dask workers cannot evaluate trials ({type(raised).__name__}: {words}).")
        raise WorkerError(f"the Dask scheduler ({self._where}) lost a trial: run the same command again to resume.")

    def close(self) -> None:
        with contextlib.suppress(Exception):  # the connection may be lost already
            self._client.cancel(list(self._futures.values()), force=True)
        self._futures.clear()
        with contextlib.suppress(Exception):
            self._client.close()
        self._silence.close()
        if self._cluster is not None:
            self._cluster.close()


@contextmanager
def _without_tracebacks() -> Iterator[None]:
    """While open, Dask does not log what we say in a sentence."""
    loggers = map(logging.getLogger, list(logging.root.manager.loggerDict))
    levels = {one: one.level for one in loggers if one.name.partition(".")[0] in ("distributed", "tornado")}
    try:
        for logger in levels:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


def _local(workers: int) -> distributed.LocalCluster:
    import dask
    import distributed

    # Our own number of retries. Every user of this machine can reach its ports, and a scheduler runs what it is sent:
    # certificates that exist in this cluster alone, and no pages.
    ours = {"distributed.scheduler.allowed-failures": RETRIES, "distributed.scheduler.http.routes": []}
    with dask.config.set(ours):
        return distributed.LocalCluster(
            security=distributed.Security.temporary(),
            protocol="tls",
            worker_dashboard_address=None,
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            host="127.0.0.1",
            env=dict(ONE_THREAD),
            config={"distributed.worker.http.routes": []},
            silence_logs=logging.ERROR,
        )


def _evaluate(pickled: bytes, point: dict[str, float], limit: float, key: str) -> tuple[Outcome, bytes | None]:
    """On a worker: the outcome, and the content of its state's file, because the driver may have another disk."""
    with _one_at_a_time, _limited(limit, key), tempfile.TemporaryDirectory() as folder:
        if pickled not in _configurations:
            from ...machine.jax_setup import enable_compilation_cache

            enable_compilation_cache()
            _configurations.clear()
            _configurations[pickled] = pickle.loads(pickled)
        outcome = run_trial(_configurations[pickled], point, Path(folder))
        if outcome.state_file is None:
            return outcome, None
        return replace(outcome, state_file=None), Path(outcome.state_file).read_bytes()


@contextmanager
def _limited(limit: float, key: str) -> Iterator[None]:
    """End this process after `limit` seconds: report first, but end soon even if a library blocks the report."""
    from distributed import get_worker

    worker = get_worker()

    def report() -> None:
        worker.log_event(_HUNG, key)
        time.sleep(0.5 * _REPORT_SECONDS)
        os._exit(1)

    timer = threading.Timer(limit, report)
    timer.daemon = True
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(limit + _REPORT_SECONDS, exit=True, file=nowhere)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            faulthandler.cancel_dump_traceback_later()
