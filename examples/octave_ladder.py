"""Octaves enter the core of a Q-ball one by one as the norm grows: four states and a phase diagram.

python examples/octave_ladder.py [octave_ladder.png]

Each of twelve octaves attracts itself (quartic term, -g/4), a sextic term prevents collapse, and the Higgs field is
expelled from the core. A heavier Q-ball can lower its energy by exciting another octave: the extra attraction outweighs
the gradient energy. The first part reproduces four states of an independent spectral-element program, from guesses in
the same octaves. They are local minima: from many starts the second part finds states at or below them, and draws the
number of octaves in the core of the lowest state found for each attraction g and norm N.
"""

import sys

import numpy as np

import supersoliton as ss
from supersoliton.theory.octave_observables import octaves_in_core

GRID = ss.RadialGrid(r_max=25.0, n_elements=8, order=12)

# N, octaves of the start, E, omega^2 (g = 0.6); to the digits given
RUNGS = (
    (600.0, (1,), 217.099742729, 0.580153287540),
    (1200.0, (1, 2), 380.833875092, 0.472528019286),
    (2500.0, (0, 1, 2), 659.841536970, 0.375521069672),
    (5000.0, (0, 1, 2, 3), 1091.491744363, 0.303326585074),
)


def problem(g: float, norm: float) -> ss.Problem:
    octaves = {"m0_squared": 0.5, "quartic_sign": -1, "delta": 0.2, "beta": 0.15, "lambda_1": 0.05, "lambda_2": 0.01}
    higgs = {"mu_squared": -1.0, "lambda_H": 0.5, "g_yukawa": 0.1}
    return ss.Problem(ss.OctaveHiggs(n_octaves=12, g=g, **octaves, **higgs), GRID, norm=norm)


def picture(gs: np.ndarray, norms: np.ndarray, rungs: np.ndarray, path: str) -> None:
    from matplotlib.colors import BoundaryNorm
    from matplotlib.figure import Figure

    top = int(rungs.max())
    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    axes = figure.subplots()
    ratio = np.sqrt(norms[1] / norms[0])
    edges = np.append(norms / ratio, norms[-1] * ratio)
    step = 0.5 * (gs[1] - gs[0])
    colours = BoundaryNorm(np.arange(0.5, top + 1), 256)
    drawn = axes.pcolormesh(edges, np.append(gs - step, gs[-1] + step), rungs, cmap="viridis", norm=colours)
    for (i, j), rung in np.ndenumerate(rungs):
        axes.text(norms[j], gs[i], str(rung), ha="center", va="center", color="black" if rung > top / 2 else "white")
    axes.set(xscale="log", xlabel="norm N", ylabel="attraction g", title="octaves in the core of the lowest state")
    axes.set_xticks(norms, [f"{norm:g}" for norm in norms])
    axes.set_xticks([], minor=True)
    axes.set_yticks(gs)
    figure.colorbar(drawn, ax=axes, ticks=range(1, top + 1))
    figure.savefig(path, dpi=150)


def main(path: str = "octave_ladder.png") -> None:
    for norm, core, energy, multiplier in RUNGS:
        state = ss.solve(problem(0.6, norm), ss.SuperGaussian(2.0, 3.5, field=core, alternate=True), throw=True)
        assert abs(state.energy / energy - 1.0) < 1e-8
        assert abs(state.multiplier / multiplier - 1.0) < 1e-8
        assert octaves_in_core(state) == len(core)
        print(f"N = {norm:g}: E = {state.energy:.9f}, {len(core)} octaves in the core; given {energy:.9f}: agrees")

    gs, norms = np.array([0.5, 0.6, 0.7, 0.8]), np.geomspace(600.0, 4800.0, 4)
    rungs = np.zeros((len(gs), len(norms)), dtype=int)
    for i, g in enumerate(gs):
        for j, norm in enumerate(norms):
            state = ss.solve(problem(float(g), float(norm)))
            rungs[i, j] = octaves_in_core(state)
        print(f"g = {g}: " + ", ".join(f"N = {n:g} has {k}" for n, k in zip(norms, rungs[i], strict=True)))
    assert np.all(np.diff(rungs, axis=1) >= 0), "an octave left the core as the norm grew"
    picture(gs, norms, rungs, path)
    print(f"written to {path}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
