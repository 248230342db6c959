"""A Bose-Einstein condensate in a harmonic trap, compared with two limits known in closed form.

python examples/trapped_condensate.py

-lap psi / 2 + r^2 psi / 2 + beta psi^3 = mu psi with int psi^2 = 1, lengths in oscillator units. In the
program's notation u = psi, V = r^2 u^2 / 2 + beta u^4 / 2 and omega^2 = 2 mu; E is the energy per particle.

No interaction (beta = 0): mu = E = 3/2, u = pi^(-3/4) exp(-r^2/2), and excitations 4n + 2l above it. Strong
interaction (Thomas-Fermi): the gradient matters only at the surface, mu = (15 beta / 4 pi)^(2/5) / 2 = R^2 / 2; the
kinetic energy comes from the surface, E_kin = 5/(2 R^2) ln(R / 1.3). The virial identity 2 E_kin - 2
E_trap + 3 E_int = 0 holds for every beta.

Reference: F. Dalfovo, S. Giorgini, L. P. Pitaevskii, S. Stringari, *Rev. Mod. Phys.* **71** (1999) 463, section III.
"""

import math

import numpy as np

import supersoliton as ss


def trapped(u, p, r):
    return 0.5 * r**2 * u[0] ** 2 + 0.5 * p["beta"] * u[0] ** 4


def condensate(beta: float, size: float) -> ss.State:
    """The ground state, on a mesh that is finer at the surface r = size."""
    shares = (0.0, 0.35, 0.65, 0.85, 0.95, 1.03, 1.12, 1.3, 1.8) if beta else (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
    edges = tuple(size * share for share in shares)
    problem = ss.Problem(ss.Potential(trapped, params={"beta": beta}), ss.RadialGrid(edges=edges), norm=1.0)
    return ss.solve(problem, ss.Gaussian(1.0, 0.6 * size), throw=True)


def main() -> None:
    free = condensate(0.0, 2.0)
    assert abs(free.energy - 1.5) < 1e-10
    for ell in (0, 1, 2):
        levels = ss.spectrum(free, 4, ell).eigenvalues
        assert np.allclose(levels, [4.0 * n + 2.0 * ell for n in range(4)], atol=1e-7)
    print(f"beta = 0: E = {free.energy:.12f}, exact 1.5; levels 4n + 2l: agrees")

    print("beta     E/particle    mu           mu of Thomas-Fermi    E_kin       5/(2R^2) ln(R/1.3)")
    for beta, closeness in ((1e3, 0.03), (1e4, 0.005), (1e5, 0.001)):
        radius = (15.0 * beta / (4.0 * math.pi)) ** 0.2
        state = condensate(beta, radius)
        u, r, mu = state.u[:, 0], state.grid.nodes, 0.5 * state.multiplier
        trap, interaction = (state.grid.integrate(f) for f in (0.5 * r**2 * u**2, 0.5 * beta * u**4))
        kinetic = state.energy - trap - interaction
        assert abs(2.0 * kinetic - 2.0 * trap + 3.0 * interaction) < 1e-8 * state.energy
        surface = 2.5 / radius**2 * math.log(radius / 1.3)
        assert abs(mu / (0.5 * radius**2) - 1.0) < closeness
        print(f"{beta:<8g} {state.energy:<13.9f} {mu:<12.9f} {0.5 * radius**2:<21.6f} {kinetic:<11.6f} {surface:.6f}")
    assert abs(kinetic / surface - 1.0) < 0.05
    print("Thomas-Fermi limit and the kinetic energy of the surface, to 5 %: agrees")


if __name__ == "__main__":
    main()
