"""Which device computes: "auto", "cpu", "gpu" or "tpu", as JAX finds them."""

from __future__ import annotations

from typing import Any

DEVICES = ("auto", "cpu", "gpu", "tpu")


def check(name: object, where: str) -> str:
    """The name itself. Raises ValueError, naming `where` it stands, for any other word."""
    if name not in DEVICES:
        raise ValueError(f'{where} must be one of {", ".join(DEVICES)}, got "{name}": choose one.')
    return str(name)


def find(name: str = "auto") -> Any:
    """The JAX device of that name; "auto" is the first accelerator, or the CPU where there is none.

    Raises ValueError where JAX has no such device.
    """
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


def is_accelerator(device: Any) -> bool:
    return str(device.platform) != "cpu"


def describe_devices() -> str:
    """What JAX has here, for a log: "cpu:0 (cpu)", "cuda:0 (NVIDIA H100 80GB HBM3)"."""
    import jax

    return ", ".join(f"{device.platform}:{device.id} ({device.device_kind})" for device in jax.devices())
