"""The catalogue: problem, exact answer, source.

Closed forms are exact; the other numbers come from ``reference/states.json`` (its fields ``about`` and ``source`` say
how they were computed or where they were published) and from the table of measured Q-balls below, which an independent
spectral-element program found at residual 1e-9.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

import supersoliton as ss

REFERENCE = json.loads((Path(__file__).parent / "reference" / "states.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Case:
    """One problem with its answer.

    ``exact``: name of a property of the state -> value, to relative ``rel``; ``u0``, the field at the origin, to 1e-9.
    ``spectrum``: l -> the lowest eigenvalues of that channel, where the box does not matter, to ``rel_modes``.
    """

    # the problem
    name: str
    source: str
    problem: Callable[[], ss.Problem]
    guess: Any
    # the answer
    exact: dict[str, float]
    kind: str
    negative_modes: int
    rel: float = 1e-10
    spectrum: dict[int, list[float]] = field(default_factory=dict)
    rel_modes: float = 1e-8
    profile: Callable[[np.ndarray], np.ndarray] | None = None
    solver: ss.Newton = field(default_factory=ss.Newton)

    def __repr__(self) -> str:
        return self.name


# Potentials. Named functions at module level: a kernel is compiled once for each.


def cubic_nls(u, p):
    """-lap u + u - u^3 = 0."""
    return 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4


def quadratic_nls(u, p):
    """-lap u + u - u^2 = 0."""
    return 0.5 * u[0] ** 2 - u[0] ** 3 / 3.0


def cubic_quintic(u, p):
    """-lap u + w u - u^3 + u^5 = 0."""
    return 0.5 * p["w"] * u[0] ** 2 - 0.25 * u[0] ** 4 + u[0] ** 6 / 6.0


def logarithmic(u, p):
    """1/2 m^2 u^2 (1 - ln(u^2/w^2))."""
    return 0.5 * p["m"] ** 2 * u[0] ** 2 * (1.0 - jnp.log(u[0] ** 2 / p["w"] ** 2))


def trapped_gas(u, p, r):
    """Gross-Pitaevskii in a harmonic trap: 1/2 r^2 u^2 + 1/2 beta u^4."""
    return 0.5 * r**2 * u[0] ** 2 + 0.5 * p["beta"] * u[0] ** 4


def double_well(u, p):
    """1/2 (1 - u^2)^2."""
    return 0.5 * (1.0 - u[0] ** 2) ** 2


def q_ball_potential(u, p):
    """f'' + 2 f'/r = (1 - k^2) f - 4 f^3 + 3 f^5 for a rotation at frequency k."""
    return 0.5 * u[0] ** 2 - u[0] ** 4 + 0.5 * u[0] ** 6


# The octave Q-balls: g, N, E, omega^2, the octaves in the core, Phi(0). Measured to residual 1e-9 from
# 2 exp(-(r/3.5)^4) in the octaves named, with alternating signs, scaled to the norm.
OCTAVE_Q_BALLS = (
    (0.6, 600.0, 217.099742729, 0.580153287540, (1,), 0.928),
    (0.6, 1200.0, 380.833875092, 0.472528019286, (1, 2), 0.459),
    (0.6, 2500.0, 659.841536970, 0.375521069672, (0, 1, 2), 0.141),
    (0.6, 5000.0, 1091.491744363, 0.303326585074, (0, 1, 2, 3), 0.028),
    (0.8, 600.0, 151.831441816, 0.301010170606, (1,), 0.794),
    (1.0, 600.0, 59.371421790, -0.070148125999, (1,), 0.681),
)
QUICKSTART_GRID = ss.RadialGrid(r_max=25.0, n_elements=8, order=12)


def octave_model(g: float, **changes: Any) -> ss.OctaveHiggs:
    couplings = {"m0_squared": 0.5, "delta": 0.2, "beta": 0.15, "lambda_1": 0.05, "lambda_2": 0.01}
    higgs = {"mu_squared": -1.0, "lambda_H": 0.5, "g_yukawa": 0.1}
    return ss.OctaveHiggs(g=g, **{"quartic_sign": -1, **couplings, **higgs, **changes})


def strong_model() -> ss.OctaveHiggs:
    """The original's strong couplings, with a mass that makes the vacuum stable."""
    return ss.OctaveHiggs(m0_squared=6.0, delta=1.2, mu_squared=-1.0, g_yukawa=0.1, quartic_sign=-1)


# Elements gather where a compact state lives and stretch in its tail; 8 of order 12, so kernels are shared.
COMPACT_GRID = ss.RadialGrid(order=12, edges=(0.0, 0.7, 1.4, 2.2, 3.2, 4.8, 8.0, 14.0, 25.0))


def _octave_q_ball(
    g: float, norm: float, energy: float, multiplier: float, core: tuple[int, ...], higgs: float
) -> Case:
    return Case(
        name=f"octaves g={g} N={norm:g}",
        source="independent spectral-element Newton solver, residual 1e-9",
        problem=lambda: ss.Problem(octave_model(g), QUICKSTART_GRID, norm=norm),
        guess=ss.SuperGaussian(2.0, 3.5, field=core, alternate=True),
        exact={"energy": energy, "multiplier": multiplier, "norm": norm},
        kind="q-ball" if multiplier > 0 else "minimum at fixed norm",
        negative_modes=0,
        rel=1e-8,
    )


def octave_q_balls() -> list[Case]:
    return [_octave_q_ball(*row) for row in OCTAVE_Q_BALLS]


def strong_q_ball() -> Case:
    return Case(
        name="octaves strong coupling N=60",
        source="independent spectral-element Newton solver",
        problem=lambda: ss.Problem(strong_model(), COMPACT_GRID, norm=60.0),
        guess=ss.SuperGaussian(2.0, 1.5, field=(0, 2, 4), alternate=True),
        exact={"energy": 37.405856, "norm": 60.0},
        kind="q-ball",
        negative_modes=0,
        rel=2e-8,
    )


def logarithmic_case(dim: int, m: float = 1.0, w: float = 1.0) -> Case:
    """u = w exp((d - m^2 r^2)/2); around it a harmonic oscillator, lambda = m^2 (4n + 2l - 2)."""
    ells = (0, 1) if dim == 1 else (0, 1, 2, 3)
    return Case(
        name=f"logarithmic d={dim} m={m:g} w={w:g}",
        source=f"closed form; {REFERENCE['exact']['logarithmic']['V']}",
        problem=lambda: ss.Problem(
            ss.Potential(logarithmic, params={"m": m, "w": w}), ss.RadialGrid(8.0 / m, 8, 12, dim=dim)
        ),
        guess=lambda r: 0.9 * w * np.exp(0.5 * (dim - 0.9 * (m * r) ** 2)),
        exact={
            "action": 0.5 * m**2 * w**2 * math.exp(dim) * (math.pi / m**2) ** (dim / 2),
            "u0": w * math.exp(dim / 2),
        },
        kind="bounce",
        negative_modes=1,
        spectrum={ell: [m**2 * (4 * n + 2 * ell - 2) for n in range(4)] for ell in ells},
        profile=lambda r: w * np.exp(0.5 * (dim - (m * r) ** 2))[:, None],
    )


def _nls(dim: int, nodes: int, guess: Any, edges: tuple[float, ...]) -> Case:
    row = REFERENCE["nls"][f"cubicNLS_d{dim}_n{nodes}"]
    # Exact in one dimension: sqrt(2) sech r, action 4/3, mass 4, lambda_0 = -3; the file has it to 1e-12.
    exact = {"action": 4.0 / 3.0, "norm": 4.0, "u0": math.sqrt(2.0)} if dim == 1 else _numbers(row)
    lowest = {(1, 0): [-3.0], (3, 1): row["eigenvalues_l0"][:3]}.get((dim, nodes), row["eigenvalues_l0"][:1])
    return Case(
        name=f"cubic NLS d={dim} n={nodes}",
        source="closed form" if dim == 1 else "reference/states.json, nls",
        problem=lambda: ss.Problem(ss.Potential(cubic_nls), ss.RadialGrid(dim=dim, edges=edges), boundary="decaying"),
        guess=guess,
        exact=exact,
        kind="bounce" if nodes == 0 else "excited",
        negative_modes=nodes + 1,
        spectrum={0: lowest},
        rel_modes=1e-7,  # the reference's own accuracy
        profile=(lambda r: math.sqrt(2.0) / np.cosh(r)[:, None]) if dim == 1 else None,
    )


def _numbers(row: dict[str, Any]) -> dict[str, float]:
    """u0, action and (as ``norm``) the mass of a row of the reference file."""
    return {name.replace("mass", "norm"): row[name] for name in ("u0", "action", "mass")}


# Graded meshes of one shape, 8 elements of order 12, so that all problems of one field share compiled kernels.
_NLS_EDGES = (0.0, 0.3, 0.8, 1.5, 2.7, 4.5, 7.5, 12.5, 20.0)


def nls_cases() -> list[Case]:
    ground = {
        dim: _nls(dim, 0, ss.Gaussian(a, w), _NLS_EDGES) for dim, a, w in ((1, 1.4, 1.2), (2, 2.2, 0.9), (3, 4.3, 0.6))
    }
    edges = (0.0, 0.08, 0.2, 0.42, 0.85, 1.6, 3.2, 7.0, 16.0)
    excited = _nls(3, 1, functools.partial(_shot, 14.1036, 2.6), edges)
    row = REFERENCE["nls"]["quadNLS_d3"]
    quadratic = Case(
        name="quadratic NLS d=3",
        source="reference/states.json, nls",
        problem=lambda: ss.Problem(ss.Potential(quadratic_nls), ss.RadialGrid(edges=_NLS_EDGES), boundary="decaying"),
        guess=ss.Gaussian(4.0, 1.2),
        exact=_numbers(row),
        kind="bounce",
        negative_modes=1,
        spectrum={0: row["eigenvalues_l0"][:2]},
        rel_modes=1e-7,
    )
    return [*ground.values(), excited, quadratic]


def _shot(u0: float, cut: float, r: np.ndarray) -> np.ndarray:
    """u'' + 2u'/r = u - u^3 integrated outwards from u(0) = u0; an exponential tail beyond ``cut``."""
    start = 1e-3  # the series u0 + (u0 - u0^3) r^2/6 up to here
    force = u0 - u0**3
    ivp = solve_ivp(
        lambda x, y: [y[1], y[0] - y[0] ** 3 - 2.0 * y[1] / x],
        (start, cut),
        [u0 + force * start**2 / 6.0, force * start / 3.0],
        dense_output=True,
        rtol=1e-9,
        atol=1e-9,
    )
    inside = ivp.sol(np.clip(r, start, cut))[0]
    return inside * np.where(r > cut, cut / np.maximum(r, cut) * np.exp(cut - np.maximum(r, cut)), 1.0)


def sech_case() -> Case:
    """The cubic NLS soliton again, at fixed norm 4: the multiplier is shifted to omega^2 = 0 and it is a minimum."""
    return Case(
        name="sech at fixed norm d=1",
        source="closed form; V = u^2/2 - u^4/4, u = sqrt(2) sech r",
        problem=lambda: ss.Problem(
            ss.Potential(cubic_nls),
            ss.RadialGrid(dim=1, edges=(0.0, 1.2, 2.5, 4.0, 6.0, 9.0, 13.0, 19.0, 28.0)),
            norm=4.0,
        ),
        guess=ss.Gaussian(1.0, 2.0),
        exact={"energy": 4.0 / 3.0, "norm": 4.0, "u0": math.sqrt(2.0)},
        kind="minimum at fixed norm",
        negative_modes=0,
        spectrum={0: [-3.0], 1: [0.0]},
        profile=lambda r: math.sqrt(2.0) / np.cosh(r)[:, None],
    )


def kink_case() -> Case:
    edges = (0.0, 0.8, 1.7, 2.8, 4.0, 5.5, 7.5, 10.5, 16.0)
    return Case(
        name="kink d=1",
        source="closed form; V = (1 - u^2)^2/2, u = tanh x, E = 4/3; spectrum 0, 3, continuum from 4",
        problem=lambda: ss.Problem(
            ss.Potential(double_well), ss.RadialGrid(dim=1, edges=edges), boundary=[1.0], parity="odd"
        ),
        guess=lambda r: r / (1.0 + r),
        exact={"energy": 4.0 / 3.0},
        kind="kink",
        negative_modes=0,
        spectrum={0: [3.0], 1: [0.0]},
        profile=lambda r: np.tanh(r)[:, None],
    )


def gross_pitaevskii_cases() -> list[Case]:
    edges = (0.0, 0.6, 1.3, 2.0, 2.8, 3.7, 5.0, 7.0, 10.0)
    out = []
    for beta in (0.0, 1.0, 10.0):
        row = REFERENCE["gross_pitaevskii"][f"d3_beta{beta:g}"]
        exact = {"energy": row["E"], "multiplier": 2.0 * row["mu"], "u0": row["psi0"], "norm": 1.0}
        if beta == 0.0:  # the oscillator's ground state
            exact |= {"energy": 1.5, "multiplier": 3.0, "u0": math.pi**-0.75}
        out.append(
            Case(
                name=f"Gross-Pitaevskii beta={beta:g}",
                source="closed form" if beta == 0.0 else "reference/states.json, gross_pitaevskii; omega^2 = 2 mu",
                problem=lambda beta=beta: ss.Problem(
                    ss.Potential(trapped_gas, params={"beta": beta}), ss.RadialGrid(edges=edges), norm=1.0
                ),
                guess=ss.Gaussian(1.0, 1.5),
                exact=exact,
                kind="trapped",
                negative_modes=0,
                # The oscillator's radial levels, 2 (2n + l + 3/2) - omega^2, in units where the well is r^2.
                spectrum={ell: [4.0 * n + 2.0 * ell for n in range(4)] for ell in (0, 1, 2)} if beta == 0.0 else {},
            )
        )
    return out


def cubic_quintic_cases() -> list[Case]:
    return [
        Case(
            name=f"cubic-quintic w={w:g}",
            source="reference/states.json, cubic_quintic",
            problem=lambda w=w, edges=edges: ss.Problem(
                ss.Potential(cubic_quintic, params={"w": w}), ss.RadialGrid(edges=edges), boundary="decaying"
            ),
            guess=lambda r, radius=radius: 0.85 / (1.0 + np.exp((r - radius) / 1.5)),
            exact=_numbers(REFERENCE["cubic_quintic"][f"{w:g}"]),
            kind="bounce",
            negative_modes=1,
        )
        for w, radius, edges in (
            (0.05, 4.3, (0.0, 1.5, 3.5, 6.0, 9.0, 13.0, 20.0, 36.0, 60.0)),
            (0.1, 6.0, (0.0, 1.5, 4.0, 6.5, 9.0, 12.0, 17.0, 28.0, 45.0)),
        )
    ]


def q_ball_case() -> Case:
    row = REFERENCE["q_ball"]
    return Case(
        name="Q-ball k=0.5",
        source="reference/states.json, q_ball; at fixed frequency",
        problem=lambda: ss.Problem(
            ss.Potential(q_ball_potential),
            ss.RadialGrid(edges=(0.0, 2.0, 3.3, 4.5, 5.7, 7.2, 10.0, 15.0, 25.0)),
            omega=row["k"],
        ),
        # A flat core and a wall that falls as fast as the mass gap says, kappa^2 = 1 - k^2.
        guess=lambda r: 1.05 / np.sqrt(1.0 + np.exp(2.0 * 0.866 * (r - 4.2))),
        exact={"u0": row["f0"], "norm": row["mass"], "action": row["action"]},
        kind="q-ball",
        negative_modes=1,  # at fixed frequency a stable Q-ball has one; at fixed charge none
    )


CASES = [
    *octave_q_balls(),
    strong_q_ball(),
    *nls_cases(),
    sech_case(),
    kink_case(),
    *(logarithmic_case(dim) for dim in (1, 2, 3, 4)),
    logarithmic_case(3, m=1.7, w=0.4),
    *gross_pitaevskii_cases(),
    *cubic_quintic_cases(),
    q_ball_case(),
]
BY_NAME = {case.name: case for case in CASES}


@functools.cache
def solved(name: str) -> ss.State:
    """The state of a case; solved once for all the tests of a process."""
    case = BY_NAME[name]
    return ss.solve(case.problem(), case.guess, case.solver)


# Bounces: potential, dimension, action, fields at the origin and the negative eigenvalue, where known.


@dataclass(frozen=True)
class Bounce:
    """A false vacuum at ``false`` and what its O(d) bounce must be."""

    name: str
    source: str
    model: Callable[[], ss.Potential]
    dim: int
    action: float
    false: tuple[float, ...]
    u_at_origin: tuple[float, ...] | None = None
    lambda_0: float | None = None
    rel: float = 1e-9

    def __repr__(self) -> str:
        return self.name


def one_field_quartic(u, p):
    """0.1 (x^4 - 8 x^3 + 10 x^2), the one-field potential of arXiv:1901.03714."""
    return 0.1 * u[0] ** 4 - 0.8 * u[0] ** 3 + u[0] ** 2


def tilted_quartic(u, p):
    """u^4/4 - (c + 1) u^3/3 + c u^2/2 of arXiv:1906.10829."""
    return 0.25 * u[0] ** 4 - (p["c"] + 1.0) * u[0] ** 3 / 3.0 + 0.5 * p["c"] * u[0] ** 2


def polynomial_well(u, p):
    """(sum c_i (u_i - 1)^2 - delta) sum u_i^2; the couplings are c_0 ... c_{n-1} and delta."""
    c = jnp.stack([jnp.asarray(p[f"c_{i}"]) for i in range(u.shape[0])])
    return (jnp.sum(c * (u - 1.0) ** 2) - p["delta"]) * jnp.sum(u**2)


def fubini_lipatov(u, p):
    """-g u^4/4 in d = 4: u = sqrt(8/g) rho/(r^2 + rho^2), action 8 pi^2/(3 g)."""
    return -0.25 * p["g"] * u[0] ** 4


def well_model(coefficients: list[float], delta: float) -> ss.Potential:
    names = tuple(f"u_{i}" for i in range(len(coefficients)))
    return ss.Potential(polynomial_well, names, {**{f"c_{i}": c for i, c in enumerate(coefficients)}, "delta": delta})


def _bounces() -> list[Bounce]:
    out = []
    for row in REFERENCE["bounces"]:
        n, c = row["n_fields"], row.get("coefficients")
        if "name" in row:
            depth = float(row["name"].split("_c")[1])
            model = functools.partial(ss.Potential, tilted_quartic, params={"c": depth})
            label = f"tilted quartic c={depth:g}"
        elif n == 1:
            model, label = functools.partial(ss.Potential, one_field_quartic), "one-field quartic"
        else:
            model, label = functools.partial(well_model, c[:-1], c[-1]), f"{n}-field well"
        common = {"source": row["source"], "model": model, "false": (0.0,) * n}
        out.append(
            Bounce(
                f"{label} d=3", dim=3, action=row["action"], u_at_origin=tuple(row["u_at_origin"]),
                lambda_0=row.get("lambda_0"), **common,
            )
        )  # fmt: skip
        if "action_d4" in row:
            out.append(Bounce(f"{label} d=4", dim=4, action=row["action_d4"], **common))
    for row in REFERENCE["polynomial_family"]:
        out.append(
            Bounce(
                name=f"{row['n_fields']}-field family d={row['d']}",
                source="reference/states.json, polynomial_family",
                model=functools.partial(well_model, row["coefficients"], row["delta"]),
                dim=row["d"],
                action=row["action"],
                false=(0.0,) * row["n_fields"],
                u_at_origin=tuple(row["u_at_origin"]),
            )
        )
    out.append(
        Bounce(
            name="Fubini-Lipatov d=4",
            source="closed form 8 pi^2/(3 g); scale-free",
            model=functools.partial(ss.Potential, fubini_lipatov, params={"g": 1.0}),
            dim=4,
            action=8.0 * math.pi**2 / 3.0,
            false=(0.0,),
        )
    )
    return out


BOUNCES = _bounces()
