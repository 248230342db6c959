r"""Many computations side by side that run each heavy kernel as one batch: what an accelerator wants.

A *task* is an ordinary function, say one evaluation, in a thread of its own. Wherever it comes to a kernel (a pure JAX
function of arrays: a Newton run, a factorisation, an eigenproblem) it stops there and waits. When all tasks wait, the
largest set of them that waits for the same kernel with the same shapes is executed as one ``vmap`` on the chosen
device, and those tasks go on. So a calculation is written once, for one problem; its decisions are taken by the same
lines in a batch and alone; and tasks that part company (one more step, one more search) meet again, because the others
wait where the next kernel is.

Only one task runs at a time: nothing that they share needs a lock, and the order of events is always the same. Batches
are padded to a power of four by repeating the last task, so that few shapes are compiled.
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

# Bytes of the arguments of one batched call above which it is cut into several (an accelerator's memory is finite,
# and the results and the workspace of a factorisation or an eigenproblem are about as large again, each).
_BYTES_AT_ONCE = 4 * 2**30

_here = threading.local()
Value = TypeVar("Value")


def current() -> Task | None:
    """The task that this code runs in; None outside, where kernels are what they are on the host."""
    return getattr(_here, "task", None)


def now() -> float:
    """A clock in seconds. In a task it stands still while others run, and a shared kernel counts by its share."""
    task = current()
    return time.perf_counter() if task is None else task.clock()


class cached_property(Generic[Value]):
    """``functools.cached_property`` without the lock that it holds up to Python 3.11 while it computes.

    One task that stops at a kernel inside would block all others that want the property of their own object.
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
    """One task's part of a batched result that stays on the device, to be given to the next kernel."""

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
    """What a batch did: seconds in each kernel, how often it was called, for how many tasks; and the rest, on the host.

    ``seconds[name]`` contains the compilation of a shape that is met for the first time.
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
    """Raised in the tasks when their batch is dropped."""


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
        """Let its clock run: from before it is woken till after its last word, or a busy machine's wait for a core,
        twice at every kernel, would be the time of no task."""
        self._since = time.perf_counter()

    def stop(self) -> None:
        self._spent += time.perf_counter() - self._since

    def share(self, seconds: float) -> None:
        """Add its share of a kernel to the task's clock, which does not run while it waits."""
        self._spent += seconds

    def call(
        self, kernel: Callable[..., Any], common: Any, *arguments: Any, keep: bool = False, late: bool = False
    ) -> Any:
        """``kernel(common, *arguments)``, executed together with the tasks that come to the same kernel.

        ``common`` must be the same object in all tasks; the arguments are pytrees of arrays and numbers, or one
        :class:`DeviceArray` first. The result is NumPy's, or stays on the device where ``keep`` is set. A ``late``
        kernel is expensive: it waits until no task wants another one.
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
        if self.scheduler.dropped:
            raise _Cancelled

    def _run(self) -> None:
        self.wake.acquire()
        _here.task = self
        try:
            if not self.scheduler.dropped:
                with jax.default_device(self.scheduler.host):
                    self.value = self.job()
        except _Cancelled:
            pass
        except Exception as error:  # noqa: BLE001  (told to the caller, who knows what it means)
            self.error = error
        finally:
            self.active, self.ended = False, True
            self.scheduler.back.release()


class _Scheduler:
    """The tasks of one batch, and the thread that executes what they ask for (the caller's own)."""

    def __init__(self, jobs: Sequence[Callable[[], Any]], device: Any) -> None:
        self.device, self.host = device, jax.local_devices(backend="cpu")[0]
        self.back = threading.Semaphore(0)  # released by the task that stops
        self.dropped = False
        self.report = Report()
        self.commons: dict[int, tuple[Any, Any]] = {}
        self.tasks = [Task(self, job) for job in jobs]

    def resume(self, task: Task) -> None:
        """Let one task run until it stops or ends."""
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
            self.drop()
            self.report.total = time.perf_counter() - start

    def drop(self) -> None:
        """End the tasks that have not ended (the caller was interrupted)."""
        self.dropped = True
        while any(task.active for task in self.tasks):  # it stops at its next kernel
            time.sleep(1e-3)
        for task in self.tasks:
            task.wake.release()
            if task.thread.ident is not None:  # it was started
                task.thread.join()

    def execute(self, group: list[Task]) -> None:
        requests = [task.request for task in group if task.request is not None]
        fitting = max(1, _BYTES_AT_ONCE // max(_bytes(requests[0].arguments), 1))
        size = 1 << ((fitting.bit_length() - 1) // 2 * 2)  # a power of four, so that padding does not exceed it
        if any(isinstance(argument, DeviceArray) for argument in requests[0].arguments):
            size = len(group)  # these run on the whole batch that they were kept from
        for first in range(0, len(group), size):
            part = requests[first : first + size]
            start = time.perf_counter()
            try:
                self._answer(part)
            except Exception as error:  # noqa: BLE001  (each task decides what it makes of it)
                for request in part:
                    request.error = error
            seconds = time.perf_counter() - start
            for task, request in zip(group[first : first + size], part, strict=True):
                task.share(seconds / len(part))
                request.arguments = ()  # they may hold the last reference to much memory
            self.report.add(_name(requests[0].kernel), seconds, len(part))

    def _answer(self, requests: list[_Request]) -> None:
        first = requests[0]
        kept = first.arguments[0] if first.arguments and isinstance(first.arguments[0], DeviceArray) else None
        own = [request.arguments[1:] if kept else request.arguments for request in requests]
        if kept:  # the kernel runs on the whole batch that is on the device; tasks that do not ask are masked by zeros
            places, size = [request.arguments[0].index for request in requests], kept.size
            rows = _at(own, places, size)
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
        """On the device, moved there once."""
        if id(common) not in self.commons:
            self.commons[id(common)] = (common, jax.device_put(common, self.device))
        return self.commons[id(common)][1]


def run(jobs: Sequence[Callable[[], Any]], device: Any = None) -> tuple[list[Any], list[Exception | None], Report]:
    """Run ``jobs`` as tasks; returns their values, their errors (None where there was none), and what it took.

    ``device``: where the kernels are executed; the first that JAX has unless given.
    """
    jax_setup.enable_compilation_cache()
    scheduler = _Scheduler(jobs, device if device is not None else jax.local_devices()[0])
    scheduler.work()
    return [task.value for task in scheduler.tasks], [task.error for task in scheduler.tasks], scheduler.report


def alone(job: Callable[[], Any]) -> Any:
    """Run ``job`` as if there were no task: every kernel on the host."""
    task = current()
    _here.task = None
    try:
        return job()
    finally:
        _here.task = task


@functools.lru_cache(maxsize=256)
def batched(kernel: Callable[..., Any], n_arguments: int) -> Callable[..., Any]:
    """``kernel(common, *arguments)`` over the first axis of every argument, compiled."""
    return jax.jit(jax.vmap(kernel, in_axes=(None, *[0] * n_arguments)))


def _name(kernel: Callable[..., Any]) -> str:
    return str(getattr(kernel, "name", getattr(kernel, "__name__", type(kernel).__name__))).strip("_")


def _key(request: _Request) -> tuple[Any, ...]:
    """What must agree for two requests to be executed together."""
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
    """The next power of four, and at least four where there are several tasks: few shapes to compile."""
    power = 1 << (((count - 1).bit_length() + 1) // 2 * 2)
    return max(power, 4) if tasks > 1 else power


def _at(own: list[tuple[Any, ...]], places: list[int], size: int) -> Any:
    def place(*leaves: Any) -> np.ndarray:
        out = np.zeros((size, *np.shape(leaves[0])))
        for at, leaf in zip(places, leaves, strict=True):
            out[at] = leaf
        return out

    return jax.tree.map(place, *own)


def _bytes(arguments: tuple[Any, ...]) -> int:
    given = [argument for argument in arguments if not isinstance(argument, DeviceArray)]
    return sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(given))
