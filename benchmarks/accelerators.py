"""The rows of accelerators: "not measured" where there is none."""

from __future__ import annotations

import jax

from .measure import Row, Size, say

BATCHES = (1, 16, 256, 1024)


def accelerators(size: Size) -> list[Row]:
    found = [device for device in jax.devices() if device.platform != "cpu"]
    say(f"accelerators: {', '.join(str(device) for device in found) or 'none'}")
    work = f"batches of {', '.join(map(str, BATCHES))} on an accelerator: trials per second"
    return [Row("accelerator", work, None, "trials/s", None, "of one CPU core's", None, False, note="none found")]
