r"""The network of a branch: from the coordinates of the couplings to coefficients, in single precision.

.. math:: c(x) = s \odot \big(W_L h_{L-1} + b_L\big),\qquad h_l = \sigma(W_l h_{l-1} + b_l),\quad h_0 = x

with :math:`\sigma(z) = z/(1 + e^{-z})` and the scales s of the coefficients. It is trained with Equinox and Optax
(:mod:`supersoliton.training`); prediction needs only NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array


@dataclass(frozen=True, eq=False)
class Network:
    """Weights (out, in) and biases (out) of each layer, and the scales of the outputs."""

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    scales: Float[Array, " mode"]

    def __call__(self, x: Float[Array, "*batch coupling"]) -> Float[Array, "*batch mode"]:
        h = np.asarray(x, dtype=np.float32)
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            h = h @ weight.T + bias
            if layer < last:
                h = h / (1.0 + np.exp(-h))
        return (h * self.scales).astype(float)
