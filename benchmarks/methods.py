"""Measure the tables of docs/development/methods.md: cost and robustness of the solvers.

python -m benchmarks.methods [number of random starts]        prints Markdown

Times are ratios to Newton's method on the same problem from the same start, alternating on one core. The nonlinear
conjugate gradient is SciPy's, in the coordinates of LBFGS (preconditioned by the H^1 metric).
"""

# ruff: noqa: E402  (the environment must be set before the imports)

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # the catalogue of problems

import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

import supersoliton as ss
from problems import BY_NAME, QUICKSTART_GRID, octave_model
from supersoliton.guesses.guess import starting_fields
from supersoliton.problem.tangent_space import TangentSpace
from supersoliton.problem.transfer import scale_to_norm
from supersoliton.solvers import AbstractSolver
from supersoliton.solvers.descent import Descent
from supersoliton.solvers.lbfgs import Chart

REPETITIONS = 7


@dataclass(frozen=True)
class ConjugateGradient(AbstractSolver):
    """Polak-Ribiere in the H^1 metric, finished like LBFGS; not part of the library."""

    tol: float = 1e-10
    polish: bool = True
    max_steps: int = 2000
    max_seconds: float = 60.0

    def run(self, problem: ss.Problem, u: np.ndarray) -> ss.Solution:
        limits: dict[str, Any] = {"tol": self.tol, "max_steps": self.max_steps, "max_seconds": self.max_seconds}
        descent = Descent(problem, u, name="conjugate gradient", **limits)
        chart = Chart(descent)
        minimize(
            chart.value_and_gradient,
            chart.coordinates(descent.point.u),
            jac=True,
            method="CG",
            callback=chart.accepted,
            options={"gtol": 1e-3 if self.polish else 0.0, "maxiter": self.max_steps + 1},
        )
        return descent.finish("", polish=self.polish)


def well(u, p, r):
    """A condensate inside r = 5 with a wall to the vacuum outside."""
    return 0.5 * jnp.tanh(r - 5.0) * u[0] ** 2 + 0.25 * u[0] ** 4


def _case(name: str) -> tuple[ss.Problem, Any]:
    return BY_NAME[name].problem(), BY_NAME[name].guess


PROBLEMS: dict[str, tuple[ss.Problem, Any]] = {
    "Gross-Pitaevskii, β = 10": _case("Gross-Pitaevskii beta=10"),
    "kink (odd, d = 1)": _case("kink d=1"),
    "condensate with a wall": (
        ss.Problem(ss.Potential(well), ss.RadialGrid(12.0, 8, 12)),
        ss.Gaussian(1.0, 3.0, field=0),
    ),
    "Q-ball, 2 octaves, N = 1200": (
        ss.Problem(octave_model(0.6, n_octaves=2), QUICKSTART_GRID, norm=1200.0),
        ss.SuperGaussian(2.0, 3.5, field=(0, 1), alternate=True),
    ),
    "Q-ball, 12 octaves, N = 1200": _case("octaves g=0.6 N=1200"),
    "Q-ball, 12 octaves, N = 5000": _case("octaves g=0.6 N=5000"),
    "Q-ball, strong coupling, N = 60": _case("octaves strong coupling N=60"),
}
SOLVERS: dict[str, Callable[[], AbstractSolver]] = {
    "Newton": lambda: ss.Newton(target="minimum"),
    "LBFGS": ss.LBFGS,
    "GradientFlow": ss.GradientFlow,
    "conjugate gradient": ConjugateGradient,
    "flow, no polish": lambda: ss.GradientFlow(polish=False),
    "explicit flow": lambda: ss.GradientFlow("explicit", max_steps=100),
}
# to residual 1e-4 without the final Newton steps
DESCENTS: dict[str, Callable[[], AbstractSolver]] = {
    "LBFGS": lambda: ss.LBFGS(ftol=0.0, gtol=0.0, tol=1e-4, polish=False),
    "conjugate gradient": lambda: ConjugateGradient(tol=1e-4, polish=False),
    "GradientFlow": lambda: ss.GradientFlow(tol=1e-4, polish=False),
}
RANDOM = ("Gross-Pitaevskii, β = 10", "condensate with a wall", "Q-ball, 12 octaves, N = 1200")


# Evaluations of E and its gradient so far: a cost that does not depend on the load of the machine.
COUNTED = [0]
_measure = ss.Problem.energy_and_gradient


def _counted(self: ss.Problem, u: np.ndarray) -> tuple[float, np.ndarray]:
    COUNTED[0] += 1
    return _measure(self, u)


def timed(solver: AbstractSolver, problem: ss.Problem, u: np.ndarray) -> tuple[float, ss.Solution]:
    start = time.perf_counter()
    solution = solver.run(problem, u)
    return time.perf_counter() - start, solution


def side_by_side(methods: dict[str, Callable[[], AbstractSolver]], problem: ss.Problem, u: np.ndarray) -> list[str]:
    """A cell "steps / gradients, time" for each method, in units of the time of the first."""
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    last: dict[str, ss.Solution] = {}
    gradients: dict[str, int] = {}
    for repetition in range(REPETITIONS + 1):
        for name, make in methods.items():
            before = COUNTED[0]
            taken, last[name] = timed(make(), problem, u)
            gradients[name] = COUNTED[0] - before
            if repetition:  # the first compiles
                seconds[name].append(taken)
    unit = float(np.min(seconds[next(iter(methods))]))
    cells = []
    for name, solution in last.items():
        note = "" if solution.converged else f", residual {solution.residual:.0e}"
        cells.append(f"{solution.steps} / {gradients[name]}, {np.min(seconds[name]) / unit:.1f}{note}")
    return cells


def random_start(problem: ss.Problem, rng: np.random.Generator) -> np.ndarray:
    """In every field a rippled bump of random height, width and sign, scaled to the norm."""
    assert problem.grid is not None
    r, vacuum = problem.grid.nodes[:, None], problem.vacuum.values
    n, radius = problem.model.n_fields, problem.grid.r_max
    height, width = rng.normal(size=n), radius * rng.uniform(0.05, 0.4, size=n)
    ripple = 1.0 + 0.5 * np.cos(rng.uniform(1.0, 6.0, size=n) * np.pi * r / radius + rng.uniform(0, 6.28, size=n))
    u = vacuum + height * ripple * np.exp(-((r / width) ** 2))
    u[-1] = np.where(problem.free_last > 0, u[-1], vacuum)
    return scale_to_norm(problem, u) if problem.norm is not None else u


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def table(*heads: str) -> None:
    row(*heads)
    row(*("---" for _ in heads))


def costs(methods: dict[str, Callable[[], AbstractSolver]]) -> None:
    table("steps / gradients, time", *methods)
    for name, (problem, guess) in PROBLEMS.items():
        row(name, *side_by_side(methods, problem, starting_fields(problem, guess)))
    print()


def robustness(starts: int) -> None:
    methods = {name: SOLVERS[name] for name in ("Newton", "LBFGS", "GradientFlow", "conjugate gradient")}
    methods["Newton, stationary"] = lambda: ss.Newton(target="stationary")
    table(f"{starts} random starts", *methods)
    for name in RANDOM:
        problem = PROBLEMS[name][0]
        rng = np.random.default_rng(0)
        runs: dict[str, list[tuple[float, ss.Solution, int]]] = {method: [] for method in methods}
        for _ in range(starts):
            u = random_start(problem, rng)
            for method, make in methods.items():
                taken, solution = timed(make(), problem, u)
                space = TangentSpace(problem, solution.u, solution.multiplier)
                negative = space.count_negative() if solution.converged else -1
                runs[method].append((taken, solution, negative))
        energies = {m: np.array([problem.energy(s.u) for _, s, _ in found]) for m, found in runs.items()}
        lowest = min(float(np.nanmin(e)) for e in energies.values())
        unit = float(np.median([taken for taken, _, _ in runs["Newton"]]))
        cells = []
        for method, found in runs.items():
            minima = sum(s.converged and negative == 0 for _, s, negative in found)
            best = int(np.sum(np.abs(energies[method] - lowest) < 1e-8 * abs(lowest)))
            steps = int(np.median([s.steps for _, s, _ in found]))
            ratio = float(np.median([taken for taken, _, _ in found])) / unit
            cells.append(f"{minima} minima, {best} lowest, {steps} steps, {ratio:.1f}")
        row(name, *cells)
    print()


def main(starts: int) -> None:
    ss.Problem.energy_and_gradient = _counted  # type: ignore[method-assign]
    costs(SOLVERS)
    print("To residual 1e-4, without Newton's method:\n")
    costs(DESCENTS)
    robustness(starts)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
