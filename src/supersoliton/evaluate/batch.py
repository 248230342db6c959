"""Many couplings at once: the evaluations of a batch share their kernels on the chosen device."""

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
    """Evaluate many sets of couplings together; the results are those of :func:`.evaluate` for each, in this order.

    Each evaluation is a task (:mod:`.batching`): Newton's runs, factorisations and eigenproblems are executed for
    all of them at once on the device. One that fails or does not converge there is evaluated again on the host, and the
    stage "host" of its ``seconds`` says so. ``seconds`` are shares of the batch's time.

    ``device``: "auto", "cpu", "gpu" or "tpu"; default: that of the configuration.

    Raises
    ------
    ValueError : where a point is not valid for the configuration, or there is no such device.
    """
    return evaluate_tasks(cfg, points, device=device)[0]


def evaluate_tasks(
    cfg: Settings, points: Sequence[Mapping[str, float]], *, device: str | None = None
) -> tuple[list[Evaluation], batching.Report]:
    """:func:`evaluate_batch` with what the batch did: the seconds of every kernel."""
    chosen = devices.find(device or cfg.scan.device)
    jobs = [functools.partial(evaluate_in_task, cfg, point) for point in points]
    found, errors, report = batching.run(jobs, chosen)
    for error in errors:
        if error is not None:
            raise error
    return found, report


def evaluate_in_task(cfg: Settings, point: Mapping[str, float]) -> Evaluation:
    """Evaluate in the task that this runs in; alone, on the host, where that does not end in a converged state."""
    try:
        evaluation = evaluate(cfg, point)
        if evaluation.status == "converged":
            return evaluation
        why = evaluation.status
    except (ArithmeticError, RuntimeError, np.linalg.LinAlgError) as error:  # inertia at rounding; device memory
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    _log.warning("not settled in the batch (%s): evaluated again alone on the host", why)
    return _again(cfg, point)


def _again(cfg: Settings, point: Mapping[str, float]) -> Evaluation:
    start = batching.now()
    evaluation = batching.alone(lambda: evaluate(cfg, point))
    evaluation.seconds["host"] = evaluation.seconds["total"]
    evaluation.seconds["total"] = batching.now() - start
    return evaluation
