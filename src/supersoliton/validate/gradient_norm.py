"""Claim: a final gradient norm of 8.82e2 is acceptable."""

from __future__ import annotations

import numpy as np

from ..elements.grid import RadialGrid
from ..problem.problem import DiscreteProblem
from ..search.solve import solve
from ..solvers import Newton
from ..states.state import State
from ..theory import OctaveHiggs
from .claim import FAILS, Claim, Picture, Table
from .original import COUPLINGS, Descent, Original, descended
from .pictures import Curve, Panel, picture


def model() -> OctaveHiggs:
    """The script's theory for this test: one octave and the Higgs field, vacuum at 0."""
    return OctaveHiggs(1, beta=0.0, lambda_1=0.0, lambda_2=0.0, **COUPLINGS)


def start(r: np.ndarray) -> np.ndarray:
    """0.1 exp(-r^2/50) in both fields."""
    return np.repeat(0.1 * np.exp(-(np.asarray(r, dtype=float)[:, None] ** 2) / 50.0), 2, axis=1)


def solved(n_elements: int = 8, order: int = 12) -> State:
    """The state that Newton's descent on spectral elements finds from the same start."""
    return solve(DiscreteProblem(model(), RadialGrid(25.0, n_elements, order)), start, Newton(target="minimum"))


def check(points: int = 800) -> Claim:
    wrong, right, state = descended(points), descended(points, consistent=True), solved()
    worse = wrong.norm / wrong.norm_at_start
    return Claim(
        name="gradient_norm",
        title="The gradient norm 8.82e2",
        claimed="the descent ends at a gradient norm of 8.82e2, which is acceptable",
        found=f"{wrong.norm:.6e} reproduced after {wrong.iterations} iterations ({wrong.message}), {worse:.0f} x worse "
        f"than the start; with the exact gradient {right.norm:.0e}; this program's relative residual is "
        f"{state.certificate.residual:.0e}",
        verdict=FAILS,
        reason="the descent stopped because its gradient was the functional derivative without the weight 4 pi r^2 dr; "
        f"that derivative is {worse:.0f} times larger than at the start, so no equation is solved.",
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
            "= 1, lambda_H = .1, g_Y = .5, start .1 exp(-r^2/50) in both fields; L-BFGS-B with the script's "
            "tolerances.",
            "The norm is taken over the nodal values of -lap u + V' without weight; it grows with the number of points "
            "and does not measure an error. The residual of this program does not depend on the mesh.",
            "With the exact gradient of the discrete energy the same method converges on the same points.",
        ),
        tables=(_table(points, wrong, right, state),),
        pictures=(_picture(points, wrong, state),),
    )


def _table(points: int, wrong: Descent, right: Descent, state: State) -> Table:
    energy = Original(points).energy(Original(points).start())
    rows = (
        ("start", "0", f"{wrong.norm_at_start:.6g}", f"{energy:.6g}"),
        ("script", str(wrong.iterations), f"{wrong.norm:.7g}", f"{wrong.energy:.7g}"),
        ("script with the exact gradient", str(right.iterations), f"{right.norm:.1e}", f"{right.energy:.1e}"),
        ("spectral elements, Newton", str(state.steps), f"residual {state.certificate.residual:.1e}",
         f"{state.energy:.1e}"),
    )  # fmt: skip
    return Table("Three descents from the same start", ("descent", "steps", "norm of -lap u + V'", "energy"), rows)


def _picture(points: int, wrong: Descent, state: State) -> Picture:
    near = Original(points).r <= 3.0
    r = Original(points).r[near]
    curves = (
        Curve("Ψ at the start", r, start(r)[:, 0]),
        Curve("Ψ at the script's end", r, wrong.u[0, near], marker="."),
        Curve("Φ at the script's end", r, wrong.u[1, near], marker="."),
        Curve("both, solved by this program", r, state(r)[:, 0]),
    )
    alt = "fields at the end of the script's descent: a jagged spike at the origin"
    return picture("gradient_norm", alt, Panel(curves, "r [1/mass]", "field [mass]"))
