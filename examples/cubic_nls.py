"""The cubic nonlinear Schroedinger soliton and its excited state, compared with a shooting method.

python examples/cubic_nls.py

-lap u + u - u^3 = 0, that is V = u^2/2 - u^4/4. In one dimension u = sqrt(2) sech r and S = 4/3. In two it is the
Townes soliton, whose mass 11.7009 = 2 pi 1.86225 is the critical power of self-focusing. In three there is a tower of
states with 0, 1, 2 ... radial nodes, u(0) = 4.337, 14.10, ... (Finkelstein et al., 1951). None of them is a minimum:
the state with n nodes has n + 1 negative modes at l = 0, so a descent in energy cannot find it.

References: R. Finkelstein, R. LeLevier, M. Ruderman, *Phys. Rev.* **83** (1951) 326; M. I. Weinstein, *Commun. Math.
Phys.* **87** (1983) 567 (the mass in two dimensions).
"""

import math

import numpy as np
from scipy.integrate import solve_ivp

import supersoliton as ss


def cubic(u, p):
    return 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4


def shoot(low: float, high: float, nodes: int) -> float:
    """u(0) of the three-dimensional state with ``nodes`` nodes, by bisection: for smaller u(0), u has fewer zeros."""

    def crossings(u0: float) -> int:
        start = 1e-4  # start from the series of u here, where 2u'/r is finite
        first = [u0 + (u0 - u0**3) * start**2 / 6.0, (u0 - u0**3) * start / 3.0]
        out = solve_ivp(
            lambda r, y: [y[1], y[0] - y[0] ** 3 - 2.0 * y[1] / r], (start, 12.0), first, rtol=1e-11, atol=1e-12
        )
        return int(np.sum(np.diff(np.sign(out.y[0])) != 0))

    for _ in range(34):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if crossings(middle) > nodes else (middle, high)
    return 0.5 * (low + high)


def main() -> None:
    model = ss.Potential(cubic)
    line, plane = (ss.bounce(model, false_vacuum=[0.0], dim=dim) for dim in (1, 2))
    assert abs(line.action / (4.0 / 3.0) - 1.0) < 1e-10
    print(f"d = 1: S = {line.action:.12f}, exact {4 / 3:.12f}: agrees")
    mass = 2.0 * plane.action  # Pohozaev's identity in the plane
    assert abs(mass / (2.0 * math.pi) - 1.86225) < 1e-5
    print(f"d = 2: mass = {mass:.9f} = 2 pi {mass / (2 * math.pi):.7f}, published 2 pi 1.86225: agrees")

    states = ss.find_states(ss.Problem(model, dim=3, boundary="decaying"), n_starts=6, max_nodes=1)
    for nodes, bracket in ((0, (4.0, 5.0)), (1, (13.0, 15.0))):
        state = states[nodes]
        at_origin, shot = abs(float(state(0.0)[0])), shoot(*bracket, nodes)
        assert state.certificate.negative_modes == nodes + 1
        assert abs(at_origin - shot) < 1e-7 * shot
        print(
            f"d = 3, {nodes} nodes: S = {state.action:.9f}, {nodes + 1} negative modes, "
            f"u(0) = {at_origin:.9f}, by shooting {shot:.9f}: agrees"
        )
    assert abs(states[0].action - 18.8972513) < 1e-6


if __name__ == "__main__":
    main()
