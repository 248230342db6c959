"""The theory of bounce.toml: V(u, p) of the fields u and the couplings p, written with jax.numpy."""


def V(u, p):
    # a false vacuum at u = 0, and a true one beyond a barrier
    return 0.5 * u[0] ** 2 - 0.5 * u[0] ** 3 + 0.125 * p["alpha"] * u[0] ** 4
