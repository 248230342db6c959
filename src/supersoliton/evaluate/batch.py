"""Batches of evaluations, which share their kernels on the chosen device."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping, Sequence

import numpy as np

from ..machine import batching, devices
from .evaluation import Evaluation, Settings, evaluate

_log = logging.getLogger(__name__)


def evaluate_batch(
    cfg: Settings, points: Sequence[Mapping[str, float]], *, device: str | None = None
) -> list[Evaluation]:
    """Evaluate many sets of couplings together, with the results of :func:`.evaluate` in the order of the points.

    Each evaluation is a task (:mod:`.batching`): Newton's method, factorisations and eigenproblems run on the device
    for all tasks at once. A task that fails or does not converge is evaluated again on the host, which adds a stage
    "host" to its ``seconds``. ``seconds`` are shares of the batch's time.

    ``device``: "auto", "cpu", "gpu" or "tpu"; default: that of the configuration.

    Raises
    ------
    ValueError : if a point is not valid for the configuration, or there is no such device.
    """
    return evaluate_tasks(cfg, points, device=device)[0]


def evaluate_tasks(
    cfg: Settings, points: Sequence[Mapping[str, float]], *, device: str | None = None
) -> tuple[list[Evaluation], batching.Report]:
    """(the results of :func:`evaluate_batch`, a report with the seconds of every kernel)."""
    chosen = devices.find(device or cfg.scan.device)
    jobs = [functools.partial(evaluate_in_task, cfg, point) for point in points]
    found, errors, report = batching.run(jobs, chosen)
    for error in errors:
        if error is not None:
            raise error
    return found, report


def evaluate_in_task(cfg: Settings, point: Mapping[str, float]) -> Evaluation:
    """Evaluate in the current task; if that does not converge, again on the host."""
    try:
        evaluation = evaluate(cfg, point)
        if evaluation.status == "converged":
            return evaluation
        why = evaluation.status
    except (ArithmeticError, RuntimeError, np.linalg.LinAlgError) as error:  # inertia at rounding; device memory
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    _log.warning("not converged in the batch (%s): evaluated again on the host", why)
    return _on_host(cfg, point)


def _on_host(cfg: Settings, point: Mapping[str, float]) -> Evaluation:
    start = batching.now()
    evaluation = batching.alone(lambda: evaluate(cfg, point))
    evaluation.seconds["host"] = evaluation.seconds["total"]
    evaluation.seconds["total"] = batching.now() - start
    return evaluation
