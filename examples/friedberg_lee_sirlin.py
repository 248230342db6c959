"""A Friedberg-Lee-Sirlin soliton of two fields, compared with SciPy's collocation and the law of large charge.

python examples/friedberg_lee_sirlin.py

A complex field psi = f e^{i omega t} obtains its mass from a real field chi, which vanishes in the core of the soliton:

    V = kappa^2 chi^2 f^2 / 2 + (chi^2 - 1)^2 / 8,       mass of psi in the vacuum: kappa, of chi: 1.

In the core chi = 0 and psi is a massless field in a cavity, omega = pi/R; the energy density of chi = 0 is U0 = 1/8.
The minimum of pi Q/R + (4 pi/3) U0 R^3 over R is

    E = (4 sqrt(2) pi / 3) U0^(1/4) Q^(3/4),

the law of large charge; the surface energy adds a fraction that falls like Q^(-1/4). Along the family dE/dQ = omega
exactly.

Reference: R. Friedberg, T. D. Lee, A. Sirlin, *Phys. Rev. D* **13** (1976) 2739.
"""

import math

import numpy as np
from scipy.integrate import solve_bvp

import supersoliton as ss

KAPPA = 2.0


def flavoured(u, p):
    f, chi = u
    return 0.5 * p["kappa"] ** 2 * chi**2 * f**2 + 0.125 * (chi**2 - 1.0) ** 2


def soliton(norm: float, size: float) -> ss.State:
    """The state at fixed norm, on a mesh that is finer at the wall r = size."""
    model = ss.Potential(flavoured, fields=("f", "chi"), params={"kappa": KAPPA}, constrained=("f",))
    core = tuple(size * x for x in (0.0, 0.45, 0.75, 0.87, 0.94, 1.0, 1.06, 1.15))
    edges = core + tuple(1.15 * size + x for x in (1.5, 4.0, 8.0, 16.0))
    problem = ss.Problem(model, ss.RadialGrid(edges=edges), norm=norm, background=[0.0, 1.0])

    def guess(r):
        f = np.where(r < size, np.sinc(r / size), 0.0)
        return np.stack([f, 0.5 + 0.5 * np.tanh(r - size)], axis=1)

    return ss.solve(problem, guess, throw=True)


def by_collocation(state: ss.State) -> tuple[float, float]:
    """(norm, energy) by SciPy's solve_bvp at the same frequency, with 61 points of ``state`` as the guess."""
    omega = state.omega

    def smooth(r, y):
        """y' without its singular part, -2 f'/r and -2 chi'/r."""
        f, df, chi, dchi, _, _ = y
        density = 0.5 * KAPPA**2 * chi**2 * f**2 + 0.125 * (chi**2 - 1.0) ** 2 + 0.5 * (df**2 + dchi**2)
        return np.stack(
            [
                df,
                (KAPPA**2 * chi**2 - omega**2) * f,
                dchi,
                (KAPPA**2 * f**2 + 0.5 * (chi**2 - 1.0)) * chi,
                4.0 * math.pi * r**2 * f**2,
                4.0 * math.pi * r**2 * density,
            ]
        )

    r = np.linspace(0.0, state.grid.r_max, 61)
    f, chi = state(r).T
    zero = np.zeros_like(r)
    out = solve_bvp(
        smooth,
        lambda a, b: np.array([a[1], a[3], a[4], a[5], b[0], b[2] - 1.0]),
        r,
        np.stack([f, np.gradient(f, r), chi, np.gradient(chi, r), zero, zero]),
        S=np.diag([0.0, -2.0, 0.0, -2.0, 0.0, 0.0]),
        tol=1e-6,
        max_nodes=20000,
    )
    assert out.success, out.message
    return float(out.y[4, -1]), float(out.y[5, -1])


def main() -> None:
    state = soliton(norm=300.0, size=5.0)
    norm, energy = by_collocation(state)
    assert abs(state.norm / norm - 1.0) < 1e-5
    assert abs(state.energy / energy - 1.0) < 1e-5
    print(f"omega = {state.omega:.9f}: N = {state.norm:.6f}, E = {state.energy:.6f}")
    print(f"    by SciPy's solve_bvp: N = {norm:.6f}, E = {energy:.6f}: agrees")

    law = 4.0 * math.sqrt(2.0) * math.pi / 3.0 * 0.125**0.25
    ratios = []
    for charge in (1e3, 1e4, 1e5):
        size = (charge / (4.0 * 0.125)) ** 0.25
        states = [soliton(norm, size) for norm in (charge * size / math.pi, 1.001 * charge * size / math.pi)]
        (q, e), (q2, e2) = ((s.charge, s.charged_energy) for s in states)
        omega = 0.5 * (states[0].omega + states[1].omega)
        assert abs((e2 - e) / (q2 - q) / omega - 1.0) < 1e-6
        ratios.append(e / (law * q**0.75))
        slope = (e2 - e) / (q2 - q)
        print(f"Q = {q:10.1f}: E = {e:11.4f}, E / law = {ratios[-1]:.4f}, dE/dQ = {slope:.7f}, omega = {omega:.7f}")
    # the excess of the surface falls like Q^(-1/4): a factor 0.562 per decade
    assert abs((ratios[2] - 1.0) / (ratios[1] - 1.0) - 10**-0.25) < 0.06
    print("E -> (4 sqrt(2) pi / 3) U0^(1/4) Q^(3/4), the excess falling like Q^(-1/4): agrees")


if __name__ == "__main__":
    main()
