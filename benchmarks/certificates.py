"""A campaign: are certified numbers right, and is what exists found?

python -m benchmarks.certificates [problems of each kind] [first seed] [--only KIND ...] [--out FILE]

Random problems of every kind, in random units (fields from 1e-12 to 1e12, lengths likewise) and dimensions, are solved
and compared with references that share no code with the package: shooting and collocation by SciPy, closed forms, and
identities. benchmarks/data/certificates.json is written after each kind (the others are kept in it); `make docs` makes
docs/certificates.md of it.
"""

# ruff: noqa: E402  (the environment must be set before the imports)

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np
from scipy.integrate import quad
from scipy.stats import ortho_group

import supersoliton as ss

from . import references

_SURE = 1e-7  # relative accuracy of the references by shooting and collocation
_OUT = Path(__file__).resolve().parent / "data" / "certificates.json"


@dataclass(frozen=True)
class Case:
    """One problem: what the program does with it, and the right value in units of 1."""

    kind: str
    seed: int
    words: str  # what it is
    reference: Callable[[], float | None]  # None: nothing exists
    solve: Callable[[], ss.State]
    value: Callable[[ss.State], tuple[float, float]]  # what is compared, and the error that is stated of it
    accuracy: float = _SURE  # of the reference


@dataclass(frozen=True)
class Verdict:
    """What came out.

    ``verdict``: right or wrong (certified), unsure (found and not certified), missed (an error instead of a state), or
    refused (nothing is certified where nothing exists).
    """

    kind: str
    seed: int
    words: str
    verdict: str
    covered: bool  # the stated error covers the true one
    right: float
    found: float
    stated: float
    note: str
    seconds: float


def units(rng: np.random.Generator) -> tuple[float, float]:
    """A unit of the fields and one of the lengths; 1 and 1 in a third of the problems."""
    if rng.random() < 1 / 3:
        return 1.0, 1.0
    return tuple(float(x) for x in 10.0 ** rng.uniform(-12.0, 12.0, 2))  # type: ignore[return-value]


def in_units(v: Callable[..., Any], f: float, l: float) -> Callable[..., Any]:
    """V(u, p) whose fields are measured in f and lengths in l."""
    return lambda u, p: (f / l) ** 2 * v(u / f)


def polynomial(coefficients: np.ndarray) -> Callable[[Any], Any]:
    """sum_k c_k x^k for k = 2, 3, ..."""

    def v(x: Any) -> Any:
        total = 0.0
        for c in coefficients[::-1]:
            total = total * x + c
        return total * x * x

    return v


def _random_well(rng: np.random.Generator) -> np.ndarray:
    """m^2/2, and couplings up to the sixth power such that V is bounded below and lower somewhere than at 0."""
    while True:
        c = np.array([0.5, rng.normal(), rng.normal(), rng.normal() * 0.3, rng.uniform(0.05, 0.5)])
        x = np.linspace(-12.0, 12.0, 4001)
        lowest = np.min(polynomial(c)(x))
        if -3.0 < lowest < -0.02:
            return c


def _action(unit: float) -> Callable[[ss.State], tuple[float, float]]:
    return lambda state: (state.action / unit, _errors(state).action / unit)


def _energy(unit: float) -> Callable[[ss.State], tuple[float, float]]:
    return lambda state: (state.energy / unit, _errors(state).energy / unit)


def _errors(state: ss.State) -> Any:
    if state.certificate.errors is None:
        raise ValueError(f"nothing was measured: {state.status}")
    return state.certificate.errors


def _saddle(
    kind: str,
    seed: int,
    words: str,
    c: np.ndarray,
    dim: float,
    unit: tuple[float, float],
    solve: Callable[[], ss.State],
    *,
    thin: bool = False,
) -> Case:
    """A case whose action is that of the least bounce of one field with the polynomial ``c``."""
    f, l = unit
    return Case(
        kind,
        seed,
        words,
        lambda: (
            references.thin_bounce(references.slope_of(c), dim)
            if thin
            else references.least_bounce(polynomial(c), references.slope_of(c), dim)
        ),
        solve,
        _action(f**2 * l ** (dim - 2.0)),
        1e-6 if thin else _SURE,
    )


def bounce(seed: int) -> Case:
    """One field out of a well of a sextic polynomial, in d = 1 to 5."""
    rng = np.random.default_rng([1, seed])
    c, (f, l), dim = _random_well(rng), units(rng), float(rng.choice([1.0, 2.0, 2.5, 3.0, 4.0, 5.0]))
    v = polynomial(c)
    model = ss.Potential(in_units(lambda u: v(u[0]), f, l))
    return _saddle("bounce", seed, f"d = {dim:g}", c, dim, (f, l), lambda: ss.bounce(model, [0.0], dim=dim))


def rotated(seed: int) -> Case:
    """The same with one to four massive fields that stay at 0, rotated at random."""
    rng = np.random.default_rng([2, seed])
    c, (f, l), dim = _random_well(rng), units(rng), float(rng.choice([3.0, 4.0]))
    n = int(rng.integers(2, 5))
    turn = ortho_group.rvs(n, random_state=rng)
    masses, coupling, v = rng.uniform(0.3, 3.0, n - 1), rng.uniform(0.1, 2.0), polynomial(c)

    def potential(u: Any) -> Any:
        x = turn @ u
        rest = (x[1:] ** 2 * masses).sum()
        return v(x[0]) + rest + coupling * x[0] ** 2 * (x[1:] ** 2).sum()

    model = ss.Potential(in_units(potential, f, l), fields=tuple("abcd"[:n]))
    return _saddle(
        "bounce of rotated fields",
        seed,
        f"n = {n}, d = {dim:g}",
        c,
        dim,
        (f, l),
        lambda: ss.bounce(model, [0.0] * n, dim=dim),
    )


def symmetric(seed: int) -> Case:
    """O(n): V of the modulus."""
    rng = np.random.default_rng([3, seed])
    (f, l), dim, n = units(rng), float(rng.choice([2.0, 3.0, 4.0])), int(rng.integers(2, 5))
    c = np.array([0.5, 0.0, -rng.uniform(0.5, 1.5), 0.0, rng.uniform(0.05, 0.35)])
    model = ss.Potential(in_units(lambda u: _of_square(c, (u**2).sum()), f, l), fields=tuple("abcd"[:n]))
    return _saddle(
        "bounce of O(n)", seed, f"n = {n}, d = {dim:g}", c, dim, (f, l), lambda: ss.bounce(model, [0.0] * n, dim=dim)
    )


def _of_square(c: np.ndarray, square: Any) -> Any:
    return square * (c[0] + square * (c[2] + square * c[4]))


def q_ball(seed: int) -> Case:
    """One complex field at fixed frequency, thick and thin walls."""
    rng = np.random.default_rng([4, seed])
    (f, l), dim = units(rng), float(rng.choice([2.0, 3.0, 4.0]))
    g, delta = rng.uniform(0.8, 1.6), rng.uniform(0.4, 1.0)
    lowest = max(0.0, 1.0 - g**2 / (2.0 * delta))  # of omega^2
    squared = lowest + (1.0 - lowest) * rng.uniform(0.15, 0.9)
    c = np.array([0.5, 0.0, -g / 2.0, 0.0, delta / 4.0])
    v = polynomial(c)
    effective = np.array([0.5 * (1.0 - squared), *c[1:]])
    model = ss.Potential(in_units(lambda u: v(u[0]), f, l))
    return _saddle(
        "Q-ball at fixed frequency",
        seed,
        f"d = {dim:g}, omega^2 = {squared:.3f}",
        effective,
        dim,
        (f, l),
        lambda: ss.solve(ss.Problem(model, omega=math.sqrt(squared) / l, dim=dim)),
    )


def gausson(seed: int) -> Case:
    """V = m^2/2 u^2 (1 - ln u^2/w^2) at fixed norm: exactly Gaussian in any dimension."""
    rng = np.random.default_rng([5, seed])
    (f, l), dim, squared = units(rng), float(rng.choice([1.0, 2.0, 3.0, 4.0])), rng.uniform(0.2, 2.0)

    def potential(u: Any) -> Any:
        import jax.numpy as jnp

        return 0.5 * u[0] ** 2 * (1.0 - jnp.log(u[0] ** 2))

    # u = A exp(-r^2/2) with ln A^2 = d - omega^2, N = A^2 pi^(d/2)
    norm = math.exp(dim - squared) * math.pi ** (dim / 2.0)
    model = ss.Potential(in_units(potential, f, l))
    grid = ss.RadialGrid(9.0 * l, 8, 14, dim=dim)
    return Case(
        "Gausson at fixed norm",
        seed,
        f"d = {dim:g}, omega^2 = {squared:.3f}",
        lambda: squared,
        lambda: ss.solve(ss.Problem(model, grid, norm=norm * f**2 * l**dim), ss.Gaussian(2.0 * f, l)),
        lambda state: (state.multiplier * l**2, _errors(state).multiplier * l**2),
        1e-9,
    )


def trap(seed: int) -> Case:
    """A gas in a harmonic trap, attractive or repulsive."""
    rng = np.random.default_rng([6, seed])
    return _trapped("gas in a trap", seed, rng, rng.uniform(6.0, 9.0))


def small_box(seed: int) -> Case:
    """The same in a box that cuts it off: no number for infinite space may be certified."""
    rng = np.random.default_rng([11, seed])
    return replace(_trapped("gas in too small a box", seed, rng, rng.uniform(2.5, 3.6)), reference=lambda: None)


def _trapped(kind: str, seed: int, rng: np.random.Generator, r_max: float) -> Case:
    (f, l), dim, g = units(rng), float(rng.choice([1.0, 2.0, 3.0])), rng.uniform(-0.3, 1.5)

    def potential(u: Any, p: Any, r: Any) -> Any:
        x = u[0] / f
        return (f / l) ** 2 * (0.5 * (r / l) ** 2 * x**2 + 0.25 * g * x**4)

    grid = ss.RadialGrid(r_max * l, 8, 14, dim=dim)
    return Case(
        kind,
        seed,
        f"d = {dim:g}, g = {g:.2f}, R = {r_max:.1f}",
        lambda: references.trapped_energy(g, dim),
        lambda: ss.solve(ss.Problem(ss.Potential(potential), grid, norm=f**2 * l**dim)),
        _energy(f**2 * l ** (dim - 2.0)),
    )


def kink(seed: int) -> Case:
    """V = W'^2/2 for a polynomial W': between neighbouring zeros E = |Delta W|."""
    rng = np.random.default_rng([7, seed])
    f, l = units(rng)
    zeros = np.cumsum(rng.uniform(0.4, 1.5, int(rng.integers(2, 5)))) - rng.uniform(0.0, 3.0)
    at = int(rng.integers(0, len(zeros) - 1))
    slope = np.poly1d(zeros, True) * rng.uniform(0.5, 2.0)
    coefficients = [float(c) for c in slope.coeffs]

    def potential(u: Any) -> Any:
        total = 0.0
        for c in coefficients:
            total = total * u[0] + c
        return 0.5 * total**2

    model = ss.Potential(in_units(potential, f, l))
    ends = zeros[at], zeros[at + 1]
    return Case(
        "kink",
        seed,
        f"{len(zeros)} vacua",
        lambda: abs(quad(slope, *ends)[0]),
        lambda: ss.solve(ss.Problem(model, line=([ends[0] * f], [ends[1] * f]))),
        _energy(f**2 / l),
        1e-10,
    )


def node(seed: int) -> Case:
    """The first excited state of the cubic-quintic equation."""
    rng = np.random.default_rng([8, seed])
    (f, l), dim = units(rng), float(rng.choice([2.0, 3.0]))
    c = np.array([0.5, 0.0, -0.25, 0.0, rng.uniform(0.0, 0.008)])
    v = polynomial(c)
    model = ss.Potential(in_units(lambda u: v(u[0]), f, l))

    def excited() -> ss.State:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = ss.find_states(ss.Problem(model, dim=dim), max_nodes=1)
        ones = [s for s in found if s.certificate.kind == "excited"]
        if not ones:
            raise ValueError("no state with one node was found")
        return ones[0]

    return Case(
        "state with a node",
        seed,
        f"d = {dim:g}",
        lambda: references.nodal_action(v, references.slope_of(c), dim, 1),
        excited,
        _action(f**2 * l ** (dim - 2.0)),
    )


def thin_wall(seed: int) -> Case:
    """Walls of any shape that are nearly degenerate: |u|^p walls, radii of 25 to 3000 widths."""
    rng = np.random.default_rng([9, seed])
    (f, l), dim = units(rng), float(rng.choice([2.0, 3.0, 4.0]))
    split, ratio = 10.0 ** rng.uniform(-3.3, -1.8), rng.uniform(0.6, 1.6)
    # (x^2 (x - 1)^2)/2 with unlike masses, tilted
    c = np.array([0.5, -1.0 - split, 0.5 + 0.6 * split, 0.1 * (ratio - 1.0), 0.05 * abs(ratio - 1.0)])
    c[2] -= c[3] + c[4]  # V(1) stays -split * 0.4
    v = polynomial(c)
    model = ss.Potential(in_units(lambda u: v(u[0]), f, l))
    return _saddle(
        "thin wall",
        seed,
        f"d = {dim:g}, depth {0.4 * split:.1e}",
        c,
        dim,
        (f, l),
        lambda: ss.bounce(model, [0.0], [f], dim=dim),
        thin=True,
    )


def levels(seed: int) -> Case:
    """The lowest level of a Poeschl-Teller well, as a fluctuation of the vacuum."""
    rng = np.random.default_rng([10, seed])
    (_, l), s, dim = units(rng), rng.uniform(1.2, 4.0), float(rng.choice([1.0, 3.0]))
    squared = (s + 0.5) ** 2

    def potential(u: Any, p: Any, r: Any) -> Any:
        import jax.numpy as jnp

        return 0.5 * (u[0] / l) ** 2 * (squared - s * (s + 1.0) / jnp.cosh(r / l) ** 2)

    depth = s if dim == 1.0 else s - 1.0  # l = 0 in three dimensions has the odd levels
    grid = ss.RadialGrid(16.0 * l, 10, 14, dim=dim)

    def vacuum() -> ss.State:
        return ss.solve(ss.Problem(ss.Potential(potential), grid, boundary=[0.0]), np.zeros((grid.n_nodes, 1)))

    def lowest(state: ss.State) -> tuple[float, float]:
        modes = ss.spectrum(state, 3, errors=True)
        assert modes.errors is not None
        return float(modes.eigenvalues[0]) * l**2, float(modes.errors[0]) * l**2

    return Case("bound level", seed, f"d = {dim:g}, s = {s:.2f}", lambda: squared - depth**2, vacuum, lowest, 1e-12)


KINDS: dict[str, Callable[[int], Case]] = {
    made.__name__: made
    for made in (bounce, rotated, symmetric, q_ball, gausson, trap, small_box, kink, node, thin_wall, levels)
}


def judge(case: Case) -> Verdict:
    """Solve the case and compare it with its reference."""
    right = case.reference()
    start = time.perf_counter()
    note, found, stated, certified = "", math.nan, math.nan, False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = case.solve()
            found, error = case.value(state)
        stated, reasons = error / abs(found), state.certificate.reasons
        certified = all(reason.startswith("unstable") for reason in reasons)  # an unstable state has right numbers
        note = "; ".join(reasons)
    except ValueError as error:
        note = str(error)
    except Exception:  # noqa: BLE001  (a crash is a finding, and the other problems are solved)
        note = "CRASH " + traceback.format_exc(limit=1)
    seconds = time.perf_counter() - start
    if right is None:
        verdict, off = ("wrong" if certified else "refused"), math.nan
    else:
        off = abs(found / right - 1.0) if math.isfinite(found) else math.inf
        close = off <= max(case.accuracy, 3.0 * stated)
        verdict = ("right" if close else "wrong") if certified else ("unsure" if math.isfinite(found) else "missed")
    covered = bool(right is None or not certified or math.isnan(stated) or off <= stated + case.accuracy)
    return Verdict(case.kind, case.seed, case.words, verdict, covered, right or math.nan, found, stated, note, seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("number", type=int, nargs="?", default=52, help="problems of each kind")
    parser.add_argument("first", type=int, nargs="?", default=0, help="first seed")
    parser.add_argument("--only", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--out", type=Path, default=_OUT)
    chosen = parser.parse_args()
    for name in chosen.only:
        verdicts = []
        for seed in range(chosen.first, chosen.first + chosen.number):
            one = judge(KINDS[name](seed))
            verdicts.append(one)
            if one.verdict not in ("right", "refused") or not one.covered:
                print(
                    f"{name} {one.seed} ({one.words}): {one.verdict}, found {one.found:.9g}, right {one.right:.9g}, "
                    f"stated {one.stated:.1e}; {one.note[:200]}",
                    flush=True,
                )
        print(summary(verdicts), flush=True)
        kept = _write(chosen.out, verdicts)
    print(summary(kept))
    return 1 if any(v.verdict == "wrong" for v in kept) else 0


def _write(file: Path, verdicts: list[Verdict]) -> list[Verdict]:
    """Put the verdicts of one kind in place of those of that kind in the file; returns all that it then holds."""
    known = [Verdict(**v) for v in json.loads(file.read_text(encoding="utf-8"))] if file.exists() else []
    kept = sorted([v for v in known if v.kind != verdicts[0].kind] + verdicts, key=lambda v: (v.kind, v.seed))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([asdict(v) for v in kept], indent=1, default=float) + "\n", encoding="utf-8")
    return kept


def summary(verdicts: list[Verdict]) -> str:
    """The counts in one line."""
    kinds = sorted({v.kind for v in verdicts})
    exist = [v for v in verdicts if not math.isnan(v.right)]
    known = [v for v in exist if math.isfinite(v.stated) and v.verdict in ("right", "wrong")]
    counts = {
        name: sum(v.verdict == name for v in verdicts) for name in ("right", "wrong", "unsure", "missed", "refused")
    }
    words = ", ".join(f"{count} {name}" for name, count in counts.items())
    title = kinds[0] if len(kinds) == 1 else "all"
    covered = f"; error covered {100.0 * sum(v.covered for v in known) / len(known):.1f} %" if known else ""
    share = ""
    if exist:
        found = sum(v.verdict == "right" for v in exist)
        share = f"; {100.0 * found / len(exist):.1f} % of what exists certified right"
    return f"{title}: {len(verdicts)} problems: {words}{share}{covered}"


if __name__ == "__main__":
    sys.exit(main())
