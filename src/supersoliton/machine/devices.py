"""Choice of the JAX device by name: "auto", "cpu", "gpu" or "tpu".

A command that solves one problem selects the device for the whole process (:func:`use`); batches of evaluations run on
the device that :func:`find` returns for `scan.device` or the option that overrides it. "auto" is the first accelerator,
or the CPU if there is none.
"""

from __future__ import annotations

import os
from typing import Any

_PLATFORMS = {"cpu": "cpu", "gpu": "cuda,cpu", "tpu": "tpu,cpu"}  # the first is used, the CPU stays available
DEVICES = ("auto", *_PLATFORMS)


def check(name: object, where: str) -> str:
    """Return the name if it is valid. Raises ValueError, with the key or option `where`, otherwise."""
    if name not in DEVICES:
        raise ValueError(f'{where} must be one of {", ".join(DEVICES)}, got "{name}": choose one.')
    return str(name)


def find(name: str = "auto") -> Any:
    """The JAX device of that name. Raises ValueError if JAX finds none."""
    check(name, "device")
    import jax

    if name == "auto":
        return jax.local_devices()[0]
    try:
        return jax.local_devices(backend=name)[0]
    except RuntimeError as error:
        raise ValueError(
            f'device "{name}": JAX finds no such device: use "auto" or "cpu", or see docs/accelerators.md.'
        ) from error


def require(name: str) -> None:
    """Raise ValueError if JAX has no such device. JAX is not imported for "auto" and "cpu", which always exist."""
    if name not in ("auto", "cpu"):
        find(name)


def use(name: str | None) -> None:
    """Select JAX's device for this process, before JAX is imported; None or "auto" leave the choice to JAX.

    Raises ValueError if JAX finds no such device.
    """
    if name is None or check(name, "--device") == "auto":
        return
    os.environ["JAX_PLATFORMS"] = _PLATFORMS[name]  # read when JAX is imported
    import jax

    try:
        jax.local_devices(backend=name)  # without a platform's plugin JAX silently uses the next one
    except RuntimeError as error:
        raise ValueError(f"--device {name}: JAX finds no such device: leave the option out, or use cpu.") from error


def is_accelerator(device: Any) -> bool:
    """Whether a JAX device is not the CPU."""
    return str(device.platform) != "cpu"


def describe_devices() -> str:
    """The devices of JAX, for a log: "cpu:0 (cpu)", "cuda:0 (NVIDIA H100 80GB HBM3)"."""
    import jax

    return ", ".join(f"{device.platform}:{device.id} ({device.device_kind})" for device in jax.devices())
