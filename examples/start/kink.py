"""The theory of kink.toml: V(u, p) of the fields u and the couplings p, written with jax.numpy."""


def V(u, p):
    # two vacua, u = -1 and u = 1
    return 0.25 * p["lam"] * (u[0] ** 2 - 1.0) ** 2
