"""The theory of q_ball.toml: V(u, p) of the fields u and the couplings p, written with jax.numpy."""


def V(u, p):
    # real profiles u of fields that rotate as u e^{i omega t}; mass 1, an attraction g, and u^6 so that V stays above 0
    return 0.5 * u[0] ** 2 - 0.25 * p["g"] * u[0] ** 4 + u[0] ** 6 / 6
