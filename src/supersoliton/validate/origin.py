"""Claim: a patch at r = 0 improves the Laplacian 3e14 times. Compared: naive, patched, staggered and weak form."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import RadialGrid
from .claim import FAILS, Claim, Table
from .original import FLOOR, Original, flux_laplacian
from .pictures import Curve, Panel, picture

_R_MAX = 25.0


def function(r: Array) -> Array:
    """0.1 exp(-r^2/50), the function of the claim."""
    return 0.1 * np.exp(-(r**2) / 50.0)


def exact(r: Array) -> Array:
    """The Laplacian of :func:`function` in three dimensions, (r^2/625 - 3/25) f."""
    return (r**2 / 625.0 - 0.12) * function(r)


def staggered_laplacian(f: Array, h: float) -> Array:
    """(r^2 f')'/r^2 in cells of width h, from slopes at their faces; f' = 0 at the outer face."""
    faces = h * np.arange(len(f) + 1)
    flux = np.zeros(len(f) + 1)
    flux[1:-1] = faces[1:-1] ** 2 * np.diff(f) / h
    return np.diff(flux) / (np.diff(faces**3) / 3.0)


def centres(points: int) -> Array:
    return (np.arange(points) + 0.5) * _R_MAX / points


def _naive_error(points: int) -> float:
    r = centres(points)
    return _worst(flux_laplacian(function(r), r), r)


def _patched_error(points: int) -> float:
    r = Original(points).r
    return _worst(flux_laplacian(function(r), r, patched=True), r)


def _staggered_error(points: int) -> float:
    r = centres(points)
    return _worst(staggered_laplacian(function(r), _R_MAX / points), r)


def weak_error(n_elements: int, order: int) -> float:
    """Largest relative error of this program's weak Laplacian at the nodes."""
    grid = RadialGrid(_R_MAX, n_elements, order)
    return _worst(grid.laplacian(function(grid.nodes)), grid.nodes)


def _worst(laplacian: Array, r: Array) -> float:
    """Largest error at r < 0.9 R (without the outer boundary), over the largest value."""
    inside = r <= 0.9 * _R_MAX
    return float(np.max(np.abs(laplacian - exact(r))[inside]) / 0.012)


def order_of(errors: list[float], sizes: list[int]) -> float:
    """Order of convergence from the last two sizes."""
    return math.log(errors[-2] / errors[-1]) / math.log(sizes[-1] / sizes[-2])


def improvement(points: int, floor: float = FLOOR, *, centred: bool = False) -> float:
    """max |lap f| without the patch, divided by max |lap f| with it."""
    r = centres(points) if centred else Original(points).r
    f = function(r)
    naive, patched = (np.max(np.abs(flux_laplacian(f, r, floor=floor, patched=p))) for p in (False, True))
    return float(naive / patched)


def _convergence(points: int) -> tuple[list[tuple[str, ...]], list[Curve], dict[str, float]]:
    """Rows of the table, curves of the picture and order of convergence of each scheme."""
    sizes, elements = [points // 4, points // 2, points], [2, 4, 8, 16]
    schemes: list[tuple[str, Callable[[int], float], list[int], int]] = [
        ("naive, cell centres", _naive_error, sizes, 0),
        ("patched, first point at 0", _patched_error, sizes, 0),
        ("staggered cells", _staggered_error, sizes, 0),
        ("spectral elements, p = 4", lambda n: weak_error(n, 4), elements, 4),
        ("spectral elements, p = 8", lambda n: weak_error(n, 8), elements, 8),
    ]
    rows: list[tuple[str, ...]] = []
    curves, orders = [], {}
    for name, error, counts, p in schemes:
        errors = [error(n) for n in counts]
        nodes = [n * p + 1 for n in counts] if p else counts
        orders[name] = order_of(errors, counts)
        rows.append((name, ", ".join(map(str, nodes)), ", ".join(f"{e:.1e}" for e in errors), f"{orders[name]:.2f}"))
        curves.append(Curve(name, np.array(nodes), np.array(errors), marker="o"))
    return rows, curves, orders


def check(points: int = 800) -> Claim:
    rows, curves, orders = _convergence(points)
    found, found_centred = improvement(points), improvement(points, centred=True)
    r = Original(points).r
    patched = flux_laplacian(function(r), r, patched=True)
    # lap f(0) = [(r^2 f')(h) - 0] / (h floor^2) = h f'(h) / floor^2 with f'(h) ~ -0.004 h
    predicted = 0.004 * r[1] ** 2 / FLOOR**2 / float(np.max(np.abs(patched)))
    wrong = patched[:2] / exact(r)[:2]
    centre = centres(points)
    first = float(flux_laplacian(function(centre), centre)[0] / exact(centre)[0])
    best = weak_error(6, 12)
    floors = tuple((f"{floor:.0e}", f"{improvement(points, floor):.2e}") for floor in (1e-12, 1e-9, 1e-6, 1e-3))
    return Claim(
        name="origin",
        title="The Laplacian at the origin",
        claimed="the L'Hospital formula at r = 0 improves the Laplacian 3e14 times",
        found=f"{found:.3e} with the script's floor of 1e-9 on r, {improvement(points, 1e-6):.0e} with a floor of "
        f"1e-6, {found_centred:.2f} with cell centres; the patched formula itself gives {wrong[0]:.2f} and "
        f"{wrong[1]:.2f} of the exact value at the first two points",
        verdict=FAILS,
        reason="the ratio is h^2 over the square of the floor, a division by 1e-18 and not a measure of accuracy; and "
        "the patched formula does not converge: its error at the origin is one half for every h.",
        numbers={
            "ratio": found,
            "ratio_predicted": float(predicted),
            "ratio_cell_centred": found_centred,
            "patched_first": float(wrong[0]),
            "patched_second": float(wrong[1]),
            "naive_first_cell": first,
            "orders": orders,
            "weak_error_6x12": best,
            "weak_error_at_origin": _at_origin(),
        },
        notes=(
            "max |lap f| of f = .1 exp(-r^2/50). Without the patch it is |f'(h)| h / floor^2 at r = 0, so the "
            f"floor sets the ratio: {predicted:.3e} is predicted for the floor 1e-9.",
            f"On cell centres nothing is divided by zero, and the naive formula gives {first:.4f} of the exact value "
            "in the first cell, for every h: 25/6, because numpy.gradient is one-sided there. This is the 4.2 of the "
            f"notes on the script; divided by the patched formula, which errs too, it is {found_centred:.2f}.",
            "The notes on the script say that the patch is wrong by a factor 2 at the first two points: it is 1/2 at "
            "the first and 3/4 at the second.",
            "The weak form contains no 1/r. 6 elements of order 12 (73 nodes) have the error "
            f"{best:.0e}. Errors are the largest up to .9 R, over max |lap f|.",
        ),
        tables=(
            Table("Convergence", ("scheme", "points or nodes", "largest relative error", "order"), tuple(rows)),
            Table("The improvement against the floor", ("floor of r", "ratio of max |lap f|"), floors),
        ),
        pictures=(
            picture(
                "origin",
                "error of the Laplacian against the number of points: the naive and the patched formula do not "
                "converge, staggered cells do at second order, spectral elements faster",
                Panel(curves, "points or nodes", "largest relative error of ∇²f", log="xy"),
            ),
        ),
    )


def _at_origin() -> float:
    grid = RadialGrid(_R_MAX, 6, 12)
    return float(abs(grid.laplacian(function(grid.nodes))[0] / exact(np.zeros(1))[0] - 1.0))
