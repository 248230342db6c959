r"""Concurrent tasks whose JAX kernels are executed in batches, so that small problems use an accelerator well.

A *task* is an ordinary function, for example one evaluation, in its own thread. At each kernel (a pure JAX function of
arrays: a Newton run, a factorisation, an eigenproblem) it pauses. When all tasks wait, the largest group that waits for
the same kernel with the same shapes is executed as one ``vmap`` on the chosen device, and its tasks resume. A
calculation is therefore written once, for one problem, with the same control flow alone and in a batch; tasks that need
extra iterations are waited for at the next kernel.

Only one task runs at a time, so shared objects need no lock and the order of events is reproducible. Batches are padded
to a power of four by repeating the last task, to limit the number of compiled shapes.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import jax
import numpy as np

from . import jax_setup

# Largest size in bytes of the arguments of one batched call; larger ones are split. Results and workspace of a
# factorisation or an eigenproblem take about as much accelerator memory again, each.
_BYTES_AT_ONCE = 4 * 2**30

_thread = threading.local()
Value = TypeVar("Value")


def current() -> Task | None:
    """The task that this code runs in; None outside of tasks, where kernels run on the host."""
    return getattr(_thread, "task", None)


def now() -> float:
    """A clock in seconds. In a task it pauses while others run and counts the task's share of batched kernels."""
    task = current()
    return time.perf_counter() if task is None else task.clock()


class cached_property(Generic[Value]):
    """``functools.cached_property`` without the lock that it holds during the computation up to Python 3.11.

    With that lock a task that pauses at a kernel inside would block the same property of all other objects.
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self.compute, self.__doc__ = compute, compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Value:
        if instance is None:
            return self  # type: ignore[return-value]
        value = instance.__dict__[self.name] = self.compute(instance)
        return value


class DeviceArray:
    """One task's part of a batched result that stays on the device, as input of a later kernel."""

    def __init__(self, batch: Any, index: int, size: int) -> None:
        self.batch, self.index, self.size = batch, index, size


@dataclass
class _Request:
    kernel: Callable[..., Any]
    common: Any
    arguments: tuple[Any, ...]
    keep: bool
    late: bool
    key: tuple[Any, ...] = ()
    answer: Any = None
    error: BaseException | None = None


@dataclass
class Report:
    """Timing of a batch: seconds, number of calls and number of tasks of each kernel, and the total in seconds.

    ``seconds[name]`` includes compilation.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    tasks: dict[str, int] = field(default_factory=dict)
    total: float = 0.0

    @property
    def on_host(self) -> float:
        """Seconds outside of the kernels."""
        return self.total - sum(self.seconds.values())

    def add(self, name: str, seconds: float, tasks: int) -> None:
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        self.calls[name] = self.calls.get(name, 0) + 1
        self.tasks[name] = self.tasks.get(name, 0) + tasks


class _Cancelled(BaseException):
    """Raised in the tasks when their batch is cancelled."""


class Task:
    """One of the computations; see :func:`run`."""

    def __init__(self, scheduler: _Scheduler, job: Callable[[], Any]) -> None:
        self.scheduler, self.job = scheduler, job
        self.wake = threading.Semaphore(0)
        self.request: _Request | None = None
        self.active, self.ended = False, False
        self.value: Any = None
        self.error: Exception | None = None
        self._spent, self._since = 0.0, 0.0
        self.thread = threading.Thread(target=self._run, name="task", daemon=True)

    def clock(self) -> float:
        return self._spent + time.perf_counter() - self._since

    def start(self) -> None:
        """Start its clock. It runs from wake-up to the next request, so that waiting for a core is charged to it."""
        self._since = time.perf_counter()

    def stop(self) -> None:
        self._spent += time.perf_counter() - self._since

    def share(self, seconds: float) -> None:
        """Add its share of a kernel to the task's clock, which is stopped while it waits."""
        self._spent += seconds

    def call(
        self, kernel: Callable[..., Any], common: Any, *arguments: Any, keep: bool = False, late: bool = False
    ) -> Any:
        """``kernel(common, *arguments)``, executed in one batch with the tasks that wait for the same kernel.

        ``common`` must be the same object in all tasks; the arguments are pytrees of arrays and numbers, the first may
        be a :class:`DeviceArray`. The result is in NumPy, or a DeviceArray with ``keep``. A ``late`` (expensive) kernel
        runs when no task waits for any other.
        """
        request = _Request(kernel, common, arguments, keep, late)
        request.key = _key(request)
        self.request = request
        self._pause()
        if request.error is not None:
            raise request.error
        return request.answer

    def _pause(self) -> None:
        self.active = False
        self.scheduler.back.release()
        self.wake.acquire()
        if self.scheduler.cancelled:
            raise _Cancelled

    def _run(self) -> None:
        self.wake.acquire()
        _thread.task = self
        try:
            if not self.scheduler.cancelled:
                with jax.default_device(self.scheduler.host):
                    self.value = self.job()
        except _Cancelled:
            pass
        except Exception as error:  # noqa: BLE001  (returned to the caller)
            self.error = error
        finally:
            self.active, self.ended = False, True
            self.scheduler.back.release()


class _Scheduler:
    """The tasks of one batch; their kernels are executed in the caller's thread."""

    def __init__(self, jobs: Sequence[Callable[[], Any]], device: Any) -> None:
        self.device, self.host = device, jax.local_devices(backend="cpu")[0]
        self.back = threading.Semaphore(0)  # released by a task that pauses or ends
        self.cancelled = False
        self.report = Report()
        self.commons: dict[int, tuple[Any, Any]] = {}
        self.tasks = [Task(self, job) for job in jobs]

    def resume(self, task: Task) -> None:
        """Let one task run until it pauses or ends."""
        task.active = True
        task.start()
        task.wake.release()
        self.back.acquire()
        task.stop()

    def work(self) -> None:
        start = time.perf_counter()
        for task in self.tasks:
            task.thread.start()
        try:
            for task in self.tasks:
                self.resume(task)
            while waiting := [task for task in self.tasks if not task.ended]:
                group = _largest(waiting)
                self.execute(group)
                for task in group:
                    self.resume(task)
        finally:
            self.cancel()
            self.report.total = time.perf_counter() - start

    def cancel(self) -> None:
        """End the tasks that still run (the caller was interrupted)."""
        self.cancelled = True
        while any(task.active for task in self.tasks):  # until its next kernel
            time.sleep(1e-3)
        for task in self.tasks:
            task.wake.release()
            if task.thread.ident is not None:
                task.thread.join()

    def execute(self, group: list[Task]) -> None:
        requests = [task.request for task in group if task.request is not None]
        fitting = max(1, _BYTES_AT_ONCE // max(_bytes(requests[0].arguments), 1))
        size = 1 << ((fitting.bit_length() - 1) // 2 * 2)  # a power of four, so that padding does not exceed it
        if any(isinstance(argument, DeviceArray) for argument in requests[0].arguments):
            size = len(group)  # must run on the whole batch that is on the device
        for first in range(0, len(group), size):
            part = requests[first : first + size]
            start = time.perf_counter()
            try:
                self._answer(part)
            except Exception as error:  # noqa: BLE001  (raised in each task)
                for request in part:
                    request.error = error
            seconds = time.perf_counter() - start
            for task, request in zip(group[first : first + size], part, strict=True):
                task.share(seconds / len(part))
                request.arguments = ()  # may be the last reference to large arrays
            self.report.add(_name(requests[0].kernel), seconds, len(part))

    def _answer(self, requests: list[_Request]) -> None:
        first = requests[0]
        kept = first.arguments[0] if first.arguments and isinstance(first.arguments[0], DeviceArray) else None
        own = [request.arguments[1:] if kept else request.arguments for request in requests]
        if kept:  # the kernel runs on the whole batch on the device; other tasks get zeros
            places, size = [request.arguments[0].index for request in requests], kept.size
            rows = _scatter(own, places, size)
        else:
            places, size = list(range(len(requests))), _padded(len(requests), len(self.tasks))
            rows = jax.tree.map(lambda *leaves: np.stack([*leaves] + [leaves[-1]] * (size - len(leaves))), *own)
        arguments = jax.device_put(rows, self.device)
        if kept:
            arguments = (kept.batch, *arguments)
        result = batched(first.kernel, len(arguments))(self._common(first.common), *arguments)
        if first.keep:
            jax.block_until_ready(result)
            for request, place in zip(requests, places, strict=True):
                request.answer = DeviceArray(result, place, size)
            return
        result = jax.device_get(result)
        for request, place in zip(requests, places, strict=True):
            request.answer = jax.tree.map(lambda leaf, at=place: leaf[at], result)

    def _common(self, common: Any) -> Any:
        """``common`` on the device, transferred once."""
        if id(common) not in self.commons:
            self.commons[id(common)] = (common, jax.device_put(common, self.device))
        return self.commons[id(common)][1]


def run(jobs: Sequence[Callable[[], Any]], device: Any = None) -> tuple[list[Any], list[Exception | None], Report]:
    """Run ``jobs`` as tasks; returns their values, their errors (None for success) and the timing.

    ``device`` executes the kernels; JAX's first device unless given.
    """
    jax_setup.enable_compilation_cache()
    scheduler = _Scheduler(jobs, device if device is not None else jax.local_devices()[0])
    scheduler.work()
    return [task.value for task in scheduler.tasks], [task.error for task in scheduler.tasks], scheduler.report


def alone(job: Callable[[], Any]) -> Any:
    """Run ``job`` outside of the current task: every kernel on the host."""
    task = current()
    _thread.task = None
    try:
        return job()
    finally:
        _thread.task = task


@functools.lru_cache(maxsize=256)
def batched(kernel: Callable[..., Any], n_arguments: int) -> Callable[..., Any]:
    """``kernel(common, *arguments)`` over the first axis of every argument, compiled."""
    return jax.jit(jax.vmap(kernel, in_axes=(None, *[0] * n_arguments)))


def _name(kernel: Callable[..., Any]) -> str:
    return str(getattr(kernel, "name", getattr(kernel, "__name__", type(kernel).__name__))).strip("_")


def _key(request: _Request) -> tuple[Any, ...]:
    """Requests with equal keys can be executed in one batch."""
    shapes: list[Any] = []
    for argument in request.arguments:
        if isinstance(argument, DeviceArray):
            shapes.append(id(argument.batch))
        else:
            leaves, structure = jax.tree.flatten(argument)
            shapes.append((structure, tuple(np.shape(leaf) for leaf in leaves)))
    return (request.kernel, id(request.common), request.keep, *shapes)


def _largest(waiting: list[Task]) -> list[Task]:
    groups: dict[Any, list[Task]] = {}
    for task in waiting:
        assert task.request is not None
        groups.setdefault(task.request.key, []).append(task)
    return max(groups.values(), key=lambda group: (not group[0].request.late, len(group)))  # type: ignore[union-attr]


def _padded(count: int, tasks: int) -> int:
    """The next power of four, at least four for several tasks, to limit the number of compiled shapes."""
    power = 1 << (((count - 1).bit_length() + 1) // 2 * 2)
    return max(power, 4) if tasks > 1 else power


def _scatter(own: list[tuple[Any, ...]], places: list[int], size: int) -> Any:
    def place(*leaves: Any) -> np.ndarray:
        out = np.zeros((size, *np.shape(leaves[0])))
        for at, leaf in zip(places, leaves, strict=True):
            out[at] = leaf
        return out

    return jax.tree.map(place, *own)


def _bytes(arguments: tuple[Any, ...]) -> int:
    given = [argument for argument in arguments if not isinstance(argument, DeviceArray)]
    return sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(given))
