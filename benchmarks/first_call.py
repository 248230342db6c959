"""Solve a user's potential in a new process: python first_call.py bounce|state

:mod:`benchmarks.processes` runs this file and times the whole process.
"""

import sys

import supersoliton as ss


def valley(u, p):
    """V of two fields with a metastable origin."""
    depth = 1.8 * (u[0] - 1.0) ** 2 + 0.2 * (u[1] - 1.0) ** 2 - p["depth"]
    return depth * (u[0] ** 2 + u[1] ** 2) + 0.01 * p["mix"] * u[0] ** 2 * u[1] ** 2


def charged(u, p):
    """V of a Q-ball with a second field that is coupled to it."""
    return 0.5 * u[0] ** 2 - p["g"] * u[0] ** 4 + 0.5 * u[0] ** 6 + 0.5 * u[1] ** 2 + p["mix"] * u[0] ** 2 * u[1]


if __name__ == "__main__":
    if sys.argv[1] == "bounce":
        state = ss.bounce(ss.Potential(valley, ("a", "b"), {"depth": 0.3, "mix": 1.0}), [0.0, 0.0], dim=3)
    else:
        model = ss.Potential(charged, ("a", "b"), {"g": 1.0, "mix": 0.1}, constrained=("a",))
        state = ss.solve(ss.Problem(model, dim=3, norm=350.0))
    if not state.converged:
        sys.exit(state.status)
