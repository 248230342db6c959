"""A seeded family of polynomial potentials with a metastable origin, shared by the suite and the benchmark.

V = 1/2 sum m2_i u_i^2 + sum c_ijk u_i u_j u_k + 1/4 (sum q_i u_i^2)^2 with m2 in U(0.3, 2), c normal times one
strength in U(0.2, 0.8), q in U(0.3, 1); drawn again until some minimum of V lies below -1e-3.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

import supersoliton as ss


def cubic_mixing(u, p):
    """All couplings are arrays of ``params``, so that one kernel for each number of fields serves all the seeds."""
    cubic = jnp.einsum("ijk,i,j,k->", p["c"], u, u, u)
    return 0.5 * jnp.sum(p["m2"] * u**2) + cubic + 0.25 * jnp.sum(p["q"] * u**2) ** 2


def random_potential(seed: int, n_fields: int | None = None) -> ss.Potential:
    """The potential of a seed, with 2 to 6 fields in turn unless their number is given."""
    n = 2 + seed % 5 if n_fields is None else n_fields
    rng = np.random.default_rng(seed)
    names = tuple(f"u_{i}" for i in range(n))
    while True:
        couplings = {
            "m2": rng.uniform(0.3, 2.0, n),
            "c": rng.normal(size=(n, n, n)) * rng.uniform(0.2, 0.8),
            "q": rng.uniform(0.3, 1.0, n),
        }
        model = ss.Potential(cubic_mixing, names, couplings)
        if ss.vacua(model)[0].energy_density < -1e-3:
            return model


def faults(state: ss.State) -> list[str]:
    """What is wrong with a bounce, in words: nothing should be."""
    c, out = state.certificate, []
    if not state.converged:
        out.append(state.status)
    if c.kind != "bounce":
        out.append(f"of kind {c.kind}")
    if c.negative_modes != 1:
        out.append(f"{c.negative_modes} negative modes")
    if not state.action > 0:
        out.append(f"action {state.action:.6g}")
    if not c.virial <= 1e-8:
        out.append(f"virial {c.virial:.1e}")
    return out + [reason for reason in c.reasons if reason not in out]
