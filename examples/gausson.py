"""An exactly solvable Q-ball: logarithmic potential, Gaussian profile, all frequencies in closed form.

python examples/gausson.py

V = m^2 u^2 (1 - ln(u^2/w^2)) / 2. At frequency omega the Q-ball in d dimensions (m = w = 1) is

    u = exp((d - omega^2 - r^2) / 2),    N = pi^(d/2) exp(d - omega^2),    Q = omega N,
    dQ/domega = N (1 - 2 omega^2):       stable by Vakhitov and Kolokolov where omega^2 > 1/2.

L+ and L- are a harmonic oscillator with two shifts, eigenvalues 4n + 2l - 2 and 4n + 2l. So the frequencies rho of the
oscillations satisfy (L+ - rho^2)(L- - rho^2) = 4 omega^2 rho^2 on each level. At n = l = 0 this gives rho^2 =
4 omega^2 - 2: a growth rate sqrt(2 - 4 omega^2) exactly where the slope predicts it. L+ has the negative mode -2 for
every omega, stable or not: docs/spectra.md distinguishes these spectra.

Reference: I. Bialynicki-Birula, J. Mycielski, *Ann. Phys.* **100** (1976) 62.
"""

import math

import jax.numpy as jnp
import numpy as np

import supersoliton as ss

DIM = 3


def logarithmic(u, p):
    # the tail reaches u^2 = 1e-28; the floor keeps V and its derivatives finite at u = 0
    return 0.5 * u[0] ** 2 * (1.0 - jnp.log(u[0] ** 2 + 1e-280))


def q_ball(omega: float) -> ss.State:
    problem = ss.Problem(ss.Potential(logarithmic), ss.RadialGrid(8.0, 8, 12, dim=DIM), omega=omega)
    return ss.solve(problem, lambda r: 0.9 * np.exp(0.5 * (DIM - omega**2 - 0.9 * r**2)), throw=True)


def main() -> None:
    for omega_squared in (0.3, 0.7):
        omega = math.sqrt(omega_squared)
        state = q_ball(omega)
        norm = math.pi ** (0.5 * DIM) * math.exp(DIM - omega_squared)
        slope = norm * (1.0 - 2.0 * omega_squared)
        rotating = ss.rotation(state)
        assert abs(state.norm / norm - 1.0) < 1e-9
        assert abs(rotating.charge_slope / slope - 1.0) < 1e-7
        for ell in (0, 1, 2):
            exact = [4.0 * n + 2.0 * ell - 2.0 for n in range(3)]
            assert np.allclose(ss.spectrum(state, 3, ell).eigenvalues, exact, atol=1e-7)
        square = 4.0 * omega_squared - 2.0
        modes = ss.oscillations(state, complexified="modulus")
        growth = modes.growth_rates[0] if len(modes.growth_rates) else 0.0
        assert abs(growth - math.sqrt(max(0.0, -square))) < 1e-6
        if square > 0.0:
            assert abs(modes.frequencies[1].real - math.sqrt(square)) < 1e-6  # the first is the phase, 0
        print(
            f"omega^2 = {omega_squared}: N = {state.norm:.9f}, exact {norm:.9f}; "
            f"dQ/domega = {rotating.charge_slope:.6f}, exact {slope:.6f}; L+ = -2, 2, 6 ...; "
            f"rho^2 = {modes.frequencies[1].real ** 2 - growth**2:.7f}, exact {square:.7f}: agrees"
        )


if __name__ == "__main__":
    main()
