"""Claim: the term beta lap^2 Psi has norms of 1e30 and more. With the correct sign it is a positive operator."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import RadialGrid
from ..fluctuations.operator import scalar_basis
from .claim import FAILS, Claim, Picture, Table
from .original import Original, flux_laplacian
from .pictures import Curve, Panel, picture

CLAIMED = {0.01: 2.446324e30, 0.1: 2.446324e31, 1.0: 2.446324e32}
_R_MAX = 25.0


def function(r: Array) -> Array:
    """exp(-r^2/4), the function of the claim."""
    return np.exp(-(r**2) / 4.0)


def exact(r: Array) -> Array:
    """lap^2 f of :func:`function` in three dimensions, 4 a^2 (4 a^2 r^4 - 20 a r^2 + 15) f with a = 1/4."""
    return 0.25 * (0.25 * r**4 - 5.0 * r**2 + 15.0) * function(r)


def original_norm(beta: float, points: int = 800) -> float:
    """|beta lap lap f| at the nodes, by the naive formula applied twice."""
    r = Original(points).r
    return float(np.linalg.norm(beta * flux_laplacian(flux_laplacian(function(r), r), r)))


def weak_error(grid: RadialGrid) -> float:
    """Largest error of lap^2 f by the weak Laplacian applied twice, over its largest value, up to .9 R."""
    twice = grid.laplacian(grid.laplacian(function(grid.nodes)))
    inside = grid.nodes <= 0.9 * grid.r_max
    return float(np.max(np.abs(twice - exact(grid.nodes))[inside]) / 3.75)


def lowest(beta: float, n_elements: int, order: int) -> float:
    """Lowest eigenvalue of -lap + beta lap^2 at l = 0, for functions that vanish at R."""
    kappa = scalar_basis(RadialGrid(_R_MAX, n_elements, order), 0, False, True).kappa
    return float(np.min(kappa + beta * kappa**2))


@dataclass(frozen=True)
class Ball:
    """A Q-ball of E + beta/2 int (lap u)^2 at fixed norm."""

    energy: float
    bending: float  # B = beta/2 int (lap u)^2
    multiplier: float
    virial: float  # (d-2) T + (d-4) B + d (U - omega^2 N/2), over T; exactly 0
    negative: int  # modes of the second variation
    mixed_negative: int  # eigenvalues of its mixed form, less the number of auxiliary unknowns


def q_ball(beta: float, grid: RadialGrid, g: float = 1.6, norm: float = 100.0) -> Ball:
    """One field in V = u^2/2 - g u^4/4 + u^6/8, by Newton's method on dense matrices.

    lap^2 is K M^-1 K, that is the mixed form (K + V'', beta K; beta K, -beta M) with w = -lap u eliminated. The mixed
    matrix has as many more negative eigenvalues as there are unknowns w (Haynsworth's additivity of inertia).
    """
    n = grid.n_nodes - 1  # u = 0 and lap u = 0 at R
    stiffness, mass = grid.stiffness[:n, :n], grid.mass[:n, :n]
    fourth = stiffness @ np.linalg.solve(mass, stiffness)
    at, weights = grid.at_quadrature(np.eye(n + 1)).reshape(-1, n + 1)[:, :n], grid.quadrature_weights.ravel()
    kinetic = stiffness + beta * fourth
    u = 1.3 * np.exp(-((grid.nodes[:n] / 3.2) ** 4))
    u *= math.sqrt(norm / (u @ mass @ u))
    multiplier = 0.5

    def curvature(x: Array) -> Array:
        return np.asarray(at.T @ ((weights * (1.0 - 3.0 * g * x**2 + 3.75 * x**4))[:, None] * at)) - multiplier * mass

    for _ in range(30):
        x, border = at @ u, mass @ u
        force = kinetic @ u + at.T @ (weights * (x - g * x**3 + 0.75 * x**5)) - multiplier * border
        matrix = np.block([[kinetic + curvature(x), -border[:, None]], [-border[None], np.zeros((1, 1))]])
        step = np.linalg.solve(matrix, -np.append(force, 0.5 * (norm - u @ border)))
        u, multiplier = u + step[:-1], multiplier + step[-1]
        if np.linalg.norm(step[:-1]) < 1e-11 * np.linalg.norm(u):
            break
    x = at @ u
    gradient, bending = 0.5 * u @ stiffness @ u, 0.5 * beta * u @ fourth @ u
    potential = float(weights @ (x**2 / 2.0 - g * x**4 / 4.0 + x**6 / 8.0))
    virial = gradient - bending + 3.0 * (potential - 0.5 * multiplier * norm)
    mixed = np.block([[stiffness + curvature(x), beta * stiffness], [beta * stiffness, -beta * mass]])
    negative = [int(np.sum(np.linalg.eigvalsh(matrix) < 0)) for matrix in (kinetic + curvature(x), mixed)]
    energy = float(gradient + bending + potential)
    return Ball(energy, float(bending), float(multiplier), float(virial / gradient), negative[0], negative[1] - n)


def check(points: int = 800, meshes: tuple[int, ...] = (4, 8, 16, 32)) -> Claim:
    order = 8
    norms = {beta: original_norm(beta, points) for beta in CLAIMED}
    r = Original(points).r
    true_norm = float(np.linalg.norm(exact(r)))
    grid = RadialGrid(_R_MAX, 8, 16)
    error = weak_error(grid)
    first = (math.pi / _R_MAX) ** 2
    wrong = {n: lowest(-0.1, n, order) for n in meshes}
    right = {n: lowest(0.1, n, order) for n in meshes}
    closed = first + 0.1 * first**2
    ball = q_ball(0.1, RadialGrid(30.0, 10, 12))
    return Claim(
        name="biharmonic",
        title="The term β∇⁴Ψ",
        claimed="the term has norms of 1e30 to 1e34, so it is useless",
        found=", ".join(f"{value:.6e}" for value in norms.values())
        + f" for beta = .01, .1, 1 reproduced; the exact norm is {true_norm:.3g} beta, and with the correct sign "
        f"the lowest eigenvalue of -lap + .1 lap^2 is {right[meshes[-1]]:.9f} on every mesh",
        verdict=FAILS,
        reason="the norms result from dividing by the floor of r twice, and the instability from the wrong sign: the "
        "energy beta/2 (lap Psi)^2 cannot be negative.",
        numbers={
            "norms": {str(beta): value for beta, value in norms.items()},
            "true_norm": true_norm,
            "weak_error": error,
            "lowest_right": {str(n): value for n, value in right.items()},
            "lowest_wrong": {str(n): value for n, value in wrong.items()},
            "lowest_exact": closed,
            "q_ball": {"energy": ball.energy, "multiplier": ball.multiplier, "virial": ball.virial},
        },
        notes=(
            "Norms of beta lap^2 exp(-r^2/4) at 800 points on [0, 25], by the naive formula applied twice; "
            f"the exact values at these points have the norm {true_norm:.4f} beta.",
            f"The weak Laplacian applied twice on 8 elements of order 16 has the error {error:.0e}.",
            "Norms above 1e32 were claimed too, without a value of beta (the norm is linear in beta).",
            "Correct sign: E gains beta/2 int (lap Psi)^2 and the equation beta lap^2 Psi; a plane wave has the "
            f"eigenvalue k^2 + beta k^4. The wrong sign gives k^2 - beta k^4, negative for k > {math.sqrt(10.0):.3g} "
            "at beta = .1 and unbounded below: the finer the mesh, the lower the lowest eigenvalue.",
            "With the correct sign a Q-ball exists: one field, V = u^2/2 - 1.6 u^4/4 + u^6/8, N = 100, beta = .1 has "
            f"E = {ball.energy:.9f} (48.035581247 without the term) and omega^2 = {ball.multiplier:.9f}; the virial "
            f"identity (d-2) T + (d-4) B + d (U - omega^2 N/2) = 0 holds to {abs(ball.virial):.0e} T.",
        ),
        tables=(
            Table(
                "Lowest eigenvalue at beta = .1, l = 0",
                ("elements of order 8", "wrong sign, -lap - .1 lap^2", "correct sign, -lap + .1 lap^2"),
                (
                    *((str(n), f"{wrong[n]:.4g}", f"{right[n]:.12f}") for n in meshes),
                    ("exact", "no bound", f"{closed:.12f}"),
                ),
            ),
        ),
        pictures=(_picture(np.array(meshes), np.array(list(right.values())), np.array(list(wrong.values()))),),
    )


def _picture(meshes: Array, right: Array, wrong: Array) -> Picture:
    k = np.linspace(0.0, 5.0, 200)
    waves = (Curve("correct sign, k² + βk⁴", k, k**2 + 0.1 * k**4), Curve("wrong sign, k² − βk⁴", k, k**2 - 0.1 * k**4))
    lowest_values = (
        Curve("correct sign (0.0158)", meshes, right, marker="o"),
        Curve("wrong sign", meshes, wrong, marker="s"),
    )
    return picture(
        "biharmonic",
        "energy of a plane wave with either sign of the term, and the lowest eigenvalue on finer and finer meshes",
        Panel(waves, "wave number k [mass]", "eigenvalue [mass²]", "a plane wave, β = 0.1"),
        Panel(lowest_values, "elements of order 8", "lowest eigenvalue [mass²]", "in the box", log="xs"),
    )
