"""Where trials run, behind one `submit`: in this process, in worker processes or on a Dask cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from ...machine import devices
from ..trial import Outcome

# One thread per process: on a CPU trials run in parallel, and the threads of one would slow down the others. PJRT_NPROC
# is the size of XLA's pool, and 1 also avoids a deadlock (machine/jax_setup.py).
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "PJRT_NPROC": "1",
    "JAX_PLATFORMS": "cpu",  # an accelerator is not shared by processes: its trials run in the driver's (in_process.py)
}
RETRIES = 2  # number of times that a trial is repeated after its worker died: the cause may be outside the trial


class WorkerError(RuntimeError):
    """The workers cannot be started or reached at all."""


class AbstractExecutor(ABC):
    """Accepts points while it has `room` and returns their outcomes in the order in which they end."""

    device = "cpu"  # that its trials run on

    @property
    @abstractmethod
    def room(self) -> int:
        """How many more points can start now."""

    @property
    @abstractmethod
    def running(self) -> int:
        """How many points are being evaluated."""

    @property
    def is_isolated(self) -> bool:
        """Whether this process survives a point that kills the process evaluating it."""
        return True

    @property
    def where(self) -> str:
        """The devices that JAX finds and the one that trials run on, for the heartbeat."""
        return f"devices {devices.describe_devices()}, trials on the {self.device}"

    @abstractmethod
    def submit(self, ticket: int, point: Mapping[str, float]) -> None:
        """Start a point; `wait` returns its outcome together with `ticket`."""

    @abstractmethod
    def wait(self, timeout: float) -> list[tuple[int, Outcome]]:
        """Tickets and outcomes of ended points; waits up to about `timeout` seconds if none has ended."""

    @abstractmethod
    def close(self) -> None:
        """Stop the workers; running points are dropped."""


def with_ahead(workers: int) -> int:
    """Number of points to hand out to `workers`: a quarter ahead, so that many workers do not wait for the sampler.

    None ahead for one to three workers: a point that is drawn later is drawn from more results.
    """
    return workers + workers // 4
