"""Gradient norm 8.82e2, called acceptable."""

from __future__ import annotations

import numpy as np

from ..elements.grid import RadialGrid
from ..problem.problem import DiscreteProblem
from ..search.solve import solve
from ..solvers import Newton
from ..states.state import State
from ..theory import OctaveHiggs
from .claim import FAILS, Claim, Table
from .original import COUPLINGS, Original, descended
from .pictures import Curve, Panel, picture

CLAIMED = 8.82e2


def model() -> OctaveHiggs:
    """The original's theory for this test: one octave and the Higgs field, vacuum at 0."""
    return OctaveHiggs(1, beta=0.0, lambda_1=0.0, lambda_2=0.0, **COUPLINGS)


def start(r: np.ndarray) -> np.ndarray:
    """0.1 exp(-r^2/50) in both fields."""
    return np.repeat(0.1 * np.exp(-(np.asarray(r, dtype=float)[:, None] ** 2) / 50.0), 2, axis=1)


def solved(n_elements: int = 8, order: int = 12) -> State:
    """The state that the same start leads to, found properly."""
    return solve(DiscreteProblem(model(), RadialGrid(25.0, n_elements, order)), start, Newton(target="minimum"))


def check(points: int = 800) -> Claim:
    wrong, right, state = descended(points), descended(points, consistent=True), solved()
    r = Original(points).r
    near = r <= 3.0
    worse = wrong.norm / wrong.norm_at_start
    return Claim(
        name="gradient_norm",
        title="The gradient norm 8.82e2",
        claimed="the descent ends at a gradient norm of 8.82e2, which is acceptable",
        found=f"{wrong.norm:.6e} reproduced after {wrong.iterations} iterations ({wrong.message}), {worse:.0f} x worse "
        f"than the start; properly solved: {right.norm:.0e}, and relative residual {state.certificate.residual:.0e}",
        verdict=FAILS,
        reason="the descent broke off because it was given the functional derivative without its weight 4 pi r^2 dr as "
        f"gradient, and made that derivative {worse:.0f} times larger than at the start: it solved nothing.",
        numbers={
            "norm": wrong.norm,
            "norm_at_start": wrong.norm_at_start,
            "worse_than_start": worse,
            "iterations": wrong.iterations,
            "message": wrong.message,
            "norm_consistent": right.norm,
            "iterations_consistent": right.iterations,
            "residual": state.certificate.residual,
        },
        notes=(
            "One octave and the Higgs field, 800 points on [0, 25], m0^2 = .5, g = 1, attractive, delta = .2, mu^2 "
            "= 1, lambda_H = .1, g_Y = .5, start .1 exp(-r^2/50) in both fields; L-BFGS-B with the original's "
            "tolerances.",
            "The norm is that of the nodal values of -lap u + V', without weight, which grows with the number of "
            "points: it is no measure of an error. The residual of this program does not depend on the mesh.",
            "With the gradient of the same discrete energy the same method converges on the same points.",
        ),
        tables=(
            Table(
                "The same start, three ways down",
                ("descent", "steps", "norm of -lap u + V'", "energy"),
                (
                    (
                        "start",
                        "0",
                        f"{wrong.norm_at_start:.6g}",
                        f"{Original(points).energy(Original(points).start()):.6g}",
                    ),
                    ("original", str(wrong.iterations), f"{wrong.norm:.7g}", f"{wrong.energy:.7g}"),
                    ("its energy's own gradient", str(right.iterations), f"{right.norm:.1e}", f"{right.energy:.1e}"),
                    (
                        "spectral elements, Newton",
                        str(state.steps),
                        "residual " + f"{state.certificate.residual:.1e}",
                        f"{state.energy:.1e}",
                    ),
                ),
            ),
        ),
        pictures=(
            picture(
                "gradient_norm",
                "fields at the end of the original's descent: a jagged spike at the origin",
                Panel(
                    (
                        Curve("Ψ at the start", r[near], start(r[near])[:, 0]),
                        Curve("Ψ where the original ended", r[near], wrong.u[0, near], marker="."),
                        Curve("Φ where the original ended", r[near], wrong.u[1, near], marker="."),
                        Curve("both, properly solved", r[near], state(r[near])[:, 0]),
                    ),
                    "r [1/mass]",
                    "field [mass]",
                ),
            ),
        ),
    )
