"""Choice of the JAX device by name: "auto", "cpu", "gpu" or "tpu".

A command that solves one problem selects the device for the whole process (:func:`use`); a trial of a scan runs on the
device of the configuration (:func:`trials_on`).
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jax

_PLATFORMS = {"cpu": "cpu", "gpu": "cuda,cpu", "tpu": "tpu,cpu"}  # the first is used, the CPU stays available
DEVICES = ("auto", *_PLATFORMS)
ACCELERATORS = ("gpu", "tpu")


def check(name: object, where: str) -> str:
    """Return the name if it is valid. Raises ValueError, with the key or option `where`, otherwise."""
    if name not in DEVICES:
        raise ValueError(f'{where} must be one of {", ".join(DEVICES)}, got "{name}": choose one.')
    return str(name)


def find(name: str, where: str = "device") -> jax.Device:
    """The first JAX device of that kind; for "auto" JAX's own choice.

    Raises ValueError, with the key or option `where`, if JAX finds none.
    """
    check(name, where)
    import jax

    if name == "auto":
        return jax.local_devices()[0]
    try:
        return jax.local_devices(backend=name)[0]
    except RuntimeError as error:
        raise ValueError(f"{where} {name}: JAX finds no such device: use cpu, or see docs/accelerators.md.") from error


def require(name: str, where: str) -> None:
    """Raise ValueError if JAX has no such device. JAX is not imported for "auto" and "cpu", which always exist."""
    if name in ACCELERATORS:
        find(name, where)


def use(name: str | None) -> None:
    """Select JAX's device for this process, before JAX computes; None or "auto" leave the choice to JAX.

    Raises ValueError if JAX finds no such device.
    """
    if name is None or check(name, "--device") == "auto":
        return
    import jax

    jax.config.update("jax_platforms", _PLATFORMS[name])
    find(name, "--device")  # without a platform's plugin JAX silently uses the next one
    os.environ["JAX_PLATFORMS"] = _PLATFORMS[name]  # for the processes that this one starts


def trials_on(name: str) -> AbstractContextManager[None]:
    """A block in which JAX computes on the device of `scan.device`, where "auto" is the CPU."""
    import jax

    name = "cpu" if name == "auto" else name
    return nullcontext() if jax.default_backend() == name else jax.default_device(find(name))  # type: ignore[return-value]


def describe_devices() -> str:
    """The devices of JAX, for a log: "cpu:0 (cpu)", "cuda:0 (NVIDIA H100 80GB HBM3)"."""
    import jax

    return ", ".join(f"{device.platform}:{device.id} ({device.device_kind})" for device in jax.devices())
