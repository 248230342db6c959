"""testModel1 of CosmoTransitions by its version 2.0.7 and by this program: phases, transitions, nucleation.

    python -m benchmarks.cosmotransitions

Two scalars and thirty bosons (tests/testModel1.py there). Times are processor seconds of the second call, after
whatever is compiled or tabulated at the first.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

import supersoliton as ss

from .bounces import cosmo_transitions

VEV2, MIXING = 246.0**2, 25.0**2
L1, L2 = 0.5 * (120.0 / 246.0) ** 2, 0.5 * (50.0 / 246.0) ** 2
STOP = 250.0


def masses_squared(a: Any, b: Any, xp: Any) -> list[Any]:
    """Of the two scalars and of the thirty bosons."""
    one, two = L1 * (3.0 * a**2 - VEV2), L2 * (3.0 * b**2 - VEV2)
    half = xp.sqrt(0.25 * (one - two) ** 2 + MIXING**2)
    return [0.5 * (one + two) + half, 0.5 * (one + two) - half, 0.1 * (a**2 + b**2) + 0.15 * a * b]


def tree(a: Any, b: Any) -> Any:
    return 0.25 * L1 * (a**2 - VEV2) ** 2 + 0.25 * L2 * (b**2 - VEV2) ** 2 - MIXING * a * b


def our_model() -> ss.Potential:
    loop = ss.thermal.Species(lambda u, p: jnp.stack(masses_squared(u[0], u[1], jnp)), [1, 1, 30])
    potential = ss.thermal.one_loop(lambda u, p: tree(u[0], u[1]), [loop], scale=246.0)
    return ss.Potential(potential, fields=("x", "y"), params={"T": 100.0})


def their_model() -> Any:
    base = importlib.import_module("cosmoTransitions.generic_potential").generic_potential

    class Model(base):  # type: ignore[misc, valid-type]
        def init(self) -> None:
            self.Ndim, self.renormScaleSq, self.Tmax = 2, VEV2, STOP

        def V0(self, X: Any) -> Any:
            X = np.asanyarray(X)
            return tree(X[..., 0], X[..., 1])

        def boson_massSq(self, X: Any, T: Any) -> Any:
            X = np.asanyarray(X)
            found = np.rollaxis(np.array(masses_squared(X[..., 0], X[..., 1], np)), 0, X.ndim)
            return found, np.array([1, 1, 30]), np.array([1.5, 1.5, 1.5])

        def approxZeroTMin(self) -> list[Any]:
            return [np.array([246.0, 246.0]), np.array([246.0, -246.0])]

    return Model()


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds and result of the second call."""
    call()
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def ours(model: ss.Potential) -> tuple[ss.Phases, Any]:
    phases = ss.phases(model, start=0.0, stop=STOP)
    return phases, ss.nucleation(phases.transitions[-1])


def main() -> None:
    model = our_model()
    seconds, (phases, found) = timed(lambda: ours(model))
    print(f"supersoliton: {seconds:.2f} s, T_c = {phases.transitions[-1].critical:.7g}, {found!r}", flush=True)
    if cosmo_transitions() is None:
        print("CosmoTransitions is not installed (make bench installs it into .venv-bench): not measured")
        return
    seconds, transitions = timed(lambda: their_model().findAllTransitions())
    one = min((t for t in transitions if t["trantype"] == 1), key=lambda t: abs(t["Tnuc"] - found.temperature))
    t, action = float(one["Tnuc"]), float(one["action"])
    high, low = phases.transitions[-1].high, phases.transitions[-1].low
    exact = ss.bounce(model.replace(T=t), high(t), low(t)).action
    print(
        f"CosmoTransitions 2.0.7: {seconds:.2f} s, T_n = {t:.7g}, S3/T there {action / t:.5f}; exactly {exact / t:.5f}"
    )


if __name__ == "__main__":
    main()
