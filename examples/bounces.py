"""Bounces of one to eight fields, from the potential alone: the benchmark of arXiv:1901.03714.

python examples/bounces.py

The action of the O(3)-symmetric bounce out of the false vacuum at u = 0 for V = 0.1 (u^4 - 8 u^3 + 10 u^2) and, for
more fields, V = (sum c_i (u_i - 1)^2 - delta) sum u_i^2. The paper (P. Athron et al., *Comput. Phys. Commun.* **244**
(2019) 448) prints three digits for BubbleProfiler, CosmoTransitions and AnyBubble. Neither a guess nor a true vacuum is
given: the program searches for the minima beyond the barrier and for the bounce of least action to one of them.
"""

import jax.numpy as jnp

import supersoliton as ss

# n -> (c_1 ... c_n, delta), as in table 1 of the paper; one field has its own potential
WELLS = {
    1: (),
    2: (1.8, 0.2, 0.3),
    3: (0.684373, 0.181928, 0.295089, 0.284821),
    4: (0.534808, 0.77023, 0.838912, 0.00517238, 0.258889),
    5: (0.4747, 0.234808, 0.57023, 0.138912, 0.517238, 0.658889),
    6: (0.34234, 0.4747, 0.234808, 0.57023, 0.138912, 0.517238, 0.658889),
    7: (0.5233, 0.34234, 0.4747, 0.234808, 0.57023, 0.138912, 0.517238, 0.658889),
    8: (0.2434, 0.5233, 0.34234, 0.4747, 0.234808, 0.57023, 0.138912, 0.51723, 0.658889),
}
# the three digits of the paper; where its three codes differ (n = 1, 2, 4, 6) AnyBubble's
PUBLISHED = {1: 52.4, 2: 20.8, 3: 22.0, 4: 55.9, 5: 16.3, 6: 24.4, 7: 36.7, 8: 46.0}


def one_field(u, p):
    return 0.1 * (u[0] ** 4 - 8.0 * u[0] ** 3 + 10.0 * u[0] ** 2)


def well(u, p):
    c = jnp.stack([p[f"c_{i}"] for i in range(u.shape[0])])
    return (jnp.sum(c * (u - 1.0) ** 2) - p["delta"]) * jnp.sum(u**2)


def potential(n: int) -> ss.Potential:
    if n == 1:
        return ss.Potential(one_field)
    couplings = {f"c_{i}": c for i, c in enumerate(WELLS[n][:-1])} | {"delta": WELLS[n][-1]}
    return ss.Potential(well, fields=tuple(f"u_{i}" for i in range(n)), params=couplings)


def main() -> None:
    for n, published in PUBLISHED.items():
        state = ss.bounce(potential(n), false_vacuum=[0.0] * n, dim=3)
        proof = state.certificate
        assert state.converged
        assert proof.negative_modes == 1
        assert proof.discretisation < 1e-9
        assert abs(state.action / published - 1.0) < 0.005  # the published digits
        print(
            f"n = {n}: S = {state.action:.10f} (+- {proof.discretisation:.0e} of it), virial {proof.virial:.0e}, "
            f"published {published}: agrees"
        )


if __name__ == "__main__":
    main()
