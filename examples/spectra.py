"""The spectra of one rotating Q-ball and of its unstable neighbour, as printed in docs/spectra.md.

python examples/spectra.py
"""

import math

import numpy as np

import supersoliton as ss


def two_octaves(omega_squared: float) -> ss.State:
    """The Q-ball of two octaves and a Higgs field at frequency omega."""
    model = ss.OctaveHiggs(n_octaves=2, m0_squared=0.5, g=0.6, lambda_1=0.05, lambda_2=0.01)
    grid = ss.RadialGrid(r_max=25.0, n_elements=8, order=12)
    problem = ss.Problem(model, grid, omega=math.sqrt(omega_squared))
    return ss.solve(problem, ss.Gaussian(1.5, 2.5, field=0), ss.Newton(target="stationary"))


def shown(values: np.ndarray, errors: np.ndarray | None = None) -> str:
    if errors is None:
        return " ".join(f"{v:.6f}" for v in values) or "none"
    return " ".join(f"{v:.6f}±{e:.0e}" for v, e in zip(values, errors, strict=True)) or "none"


def main() -> None:
    columns = [two_octaves(w2) for w2 in (0.50, 0.78, 0.80)]
    box = [ss.spectrum(state, 4, 0, errors=True) for state in columns]
    moving = [ss.spectrum(state, 2, 1, errors=True) for state in columns]
    true = [[ss.oscillations(state, ell) for ell in (0, 1)] for state in columns]
    rows = {
        "omega^2": [f"{s.multiplier:.2f}" for s in columns],
        "charge Q = omega N": [f"{math.sqrt(s.multiplier) * s.norm:.4f}" for s in columns],
        "vacuum masses (physical thresholds)": [shown(m.thresholds) for m in box],
        "continuum of L+": [shown(m.continuum) for m in box],
        "box: L+, l = 0": [shown(m.eigenvalues, m.errors) for m in box],
        "bound: L+, l = 0": [shown(m.bound) for m in box],
        "box: L+, l = 1": [shown(m.eigenvalues, m.errors) for m in moving],
        "thresholds of rho": [shown(o[0].thresholds) for o in true],
        "rho, l = 0: zero modes, bound": [f"{o[0].zero_modes}; {shown(o[0].bound)}" for o in true],
        "rho, l = 1: zero modes, bound": [f"{o[1].zero_modes}; {shown(o[1].bound)}" for o in true],
        "growth rates, l = 0": [shown(o[0].growth_rates) for o in true],
        "size of L- f": [f"{o[0].phase_residual:.0e}" for o in true],
    }
    print("| | " + " | ".join("Q-ball" for _ in columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
