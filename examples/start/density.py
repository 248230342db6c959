"""The theory of density.toml: e(u, du, r, p), the energy density without the weight S_d r^(d-1)."""

import jax.numpy as jnp


def e(u, du, r, p):
    # the baby Skyrmion of winding 1: n = (sin F cos theta, sin F sin theta, cos F)
    sine = jnp.sin(u[0])
    return 0.5 * du[0] ** 2 + 0.5 * sine**2 * (1.0 + du[0] ** 2) / r**2 + p["mu_squared"] * (1.0 - jnp.cos(u[0]))
