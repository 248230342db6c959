"""Files as a failing disk leaves them: with one flipped bit, or cut short."""

import numpy as np


def damages(content, number, seed=0):
    """So many damaged copies of some bytes: three in four have a flipped bit, the fourth is cut."""
    rng = np.random.default_rng(seed)
    for i in range(number):
        at = int(rng.integers(len(content)))
        changed = bytearray(content)
        changed[at] ^= 1 << int(rng.integers(8))
        yield bytes(changed) if i % 4 else content[:at]
