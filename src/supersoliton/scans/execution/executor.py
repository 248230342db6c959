"""Where trials run, behind one `submit`: in this process, in worker processes, on a Dask cluster, or in batches on one
device."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from ...machine import devices
from ..trial import Outcome

# One thread per process: on a CPU the trials run side by side, and threads of one only disturb the others. PJRT_NPROC
# is the size of XLA's pool, and more than a matter of speed: on a pool of several threads jaxlib's batched LAPACK calls
# wait inside pool threads for tasks of the same pool, and two of them at once block each other without end (seen with
# jaxlib 0.10.2 on two cores); with one thread they run where they are called.
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "PJRT_NPROC": "1",
    "JAX_PLATFORMS": "cpu",  # an accelerator is not shared by processes: its trials run in batches (device_batches.py)
}
RETRIES = 2  # times that a trial whose worker dies is tried again: the cause may have been outside it


class WorkerError(RuntimeError):
    """The workers cannot be started or reached at all."""


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
    def contains(self) -> bool:
        """Whether a point that kills its process leaves this one alive."""
        return True

    @property
    def where(self) -> str:
        """What the trials run on, for the log: what JAX finds here, and which of it is used."""
        return f"devices {devices.describe_devices()}, trials on the cpu"

    @abstractmethod
    def submit(self, ticket: int, point: Mapping[str, float]) -> None:
        """Start on a point; `ticket` is what its outcome will be returned with."""

    @abstractmethod
    def wait(self, timeout: float) -> list[tuple[int, Outcome]]:
        """What has ended; waits for at most about `timeout` seconds where nothing has."""

    @abstractmethod
    def close(self) -> None:
        """Let the workers go; whatever is still running is dropped."""


def with_ahead(workers: int) -> int:
    """How many points are handed out for so many workers: some ahead, so that wide scans do not wait for the sampler.

    None ahead for one to three workers: a point asked for later is asked with more known.
    """
    return workers + workers // 4
