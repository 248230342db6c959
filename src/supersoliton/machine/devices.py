"""Which device computes: "auto", "cpu", "gpu" or "tpu", as JAX finds them. Chosen and checked here only.

A command with one problem to solve makes a device that of the process (:func:`use`); batches of evaluations are carried
to the one that :func:`find` returns, of `scan.device` unless another is given. "auto" is the first accelerator, or the
CPU where there is none.
"""

from __future__ import annotations

import os
from typing import Any

_PLATFORMS = {"cpu": "cpu", "gpu": "cuda,cpu", "tpu": "tpu,cpu"}  # the first is used, the host's stays available
DEVICES = ("auto", *_PLATFORMS)


def check(name: object, where: str) -> str:
    """Return a valid name. Raises ValueError, naming `where` it was given, for any other word."""
    if name not in DEVICES:
        raise ValueError(f'{where} must be one of {", ".join(DEVICES)}, got "{name}": choose one.')
    return str(name)


def find(name: str = "auto") -> Any:
    """The JAX device of that name. Raises ValueError where JAX has none."""
    check(name, "device")
    import jax

    if name == "auto":
        return jax.local_devices()[0]
    try:
        return jax.local_devices(backend=name)[0]
    except RuntimeError as error:
        raise ValueError(
            f'device "{name}": JAX finds none here: use "auto" or "cpu", or see docs/accelerators.md.'
        ) from error


def require(name: str) -> None:
    """Raise ValueError where JAX has no such device; it always has a CPU, so for that it is not started."""
    if name not in ("auto", "cpu"):
        find(name)


def use(name: str | None) -> None:
    """Let JAX compute there, before it is imported; None or "auto": where it chooses. Raises ValueError as above."""
    if name is None or check(name, "--device") == "auto":
        return
    os.environ["JAX_PLATFORMS"] = _PLATFORMS[name]  # read when JAX is imported
    import jax

    try:
        jax.local_devices(backend=name)  # without the plugin of a platform JAX takes the next one and says nothing
    except RuntimeError as error:
        raise ValueError(f"--device {name}: JAX finds none here: leave the option out, or use cpu.") from error


def is_accelerator(device: Any) -> bool:
    """Whether a JAX device is another than the CPU."""
    return str(device.platform) != "cpu"


def describe_devices() -> str:
    """What JAX has here, for a log: "cpu:0 (cpu)", "cuda:0 (NVIDIA H100 80GB HBM3)"."""
    import jax

    return ", ".join(f"{device.platform}:{device.id} ({device.device_kind})" for device in jax.devices())
