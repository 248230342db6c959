"""Newton's descent of many tasks in step, on the device: one ``while`` loop in which a task that is done is masked.

The rules are those of :mod:`.globalisation`, the energy that of :mod:`..problem.functional`, the force that of
:mod:`..problem.residual`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy import ndarray as Array

from ..elements import batched
from ..elements.grid import RadialGrid
from ..machine import batching
from ..problem import functional
from ..problem.functional import Geometry, Theory
from ..problem.problem import DiscreteProblem
from ..problem.residual import Force, Metric, Terms, force_of, metric, terms_of
from ..problem.tangent_space import Bordered
from ..theory.base import PotentialFunction
from ..theory.derivatives import point_functions
from . import globalisation

_HISTORY = 256  # rows of the history, at least: one kernel for all smaller limits on the steps


class Mesh(NamedTuple):
    """What all tasks have in common."""

    geometry: Geometry
    mass: Array
    metric: Metric


class Setting(NamedTuple):
    """What one task has of its own: numbers and arrays only."""

    theory: Theory
    background: Any
    terms: Terms
    free_first: Any
    free_last: Any
    norm: Any
    scale: Any
    tol: Any
    max_steps: Any


class Walk(NamedTuple):
    """Where a task is, and how it came there; rows of ``history`` beyond ``notes`` are empty."""

    u: Any
    energy: Any
    at: Force
    sigma: Any
    steps: Any
    notes: Any
    history: Any


@functools.lru_cache(maxsize=16)
def mesh_of(grid: RadialGrid) -> Mesh:
    """One object for each grid: tasks are executed together where it is the same."""
    return Mesh(functional.geometry(grid), grid.mass, metric(grid))


def descend(problem: DiscreteProblem, u: Array, options: Any, *, scale: float, max_steps: int) -> Walk:
    """Descend from ``u`` in the task that this runs in, to ``options.tol``, ``max_steps``, a stall or a divergence.

    ``scale`` is T + int|V|; ``options`` are those of Newton's method.
    """
    task, grid = batching.current(), problem.grid
    assert task is not None
    length = max(_HISTORY, 1 << (options.max_steps - 1).bit_length())
    kernel = _kernel(problem.model.potential_function, problem.norm is not None, length)
    norm = 0.0 if problem.norm is None else float(problem.norm)
    setting = Setting(
        theory=problem.theory,
        background=problem.background_density,
        terms=terms_of(problem),
        free_first=problem.free_first,
        free_last=problem.free_last,
        norm=norm,
        scale=scale,
        tol=options.tol,
        max_steps=max_steps,
    )
    return task.call(kernel, mesh_of(grid), setting, np.asarray(u), late=True)


@functools.lru_cache(maxsize=64)
def _kernel(function: PotentialFunction, constrained: bool, length: int) -> Callable[..., Walk]:
    """The descent of one task, of a potential, with or without a fixed norm."""
    value, gradient, hessian = point_functions(function)

    def measure(mesh: Mesh, own: Setting, u: Any) -> tuple[Any, Force]:
        geo, n = mesh.geometry, u.shape[1]
        shape, radii = geo.weights.shape, geo.radii.reshape(-1)
        fields, slopes = functional.at_points(geo, u)
        points = fields.reshape(-1, n)
        excess = (value(points, own.theory.params, radii) - own.background).reshape(shape)
        slope = gradient(points, own.theory.params, radii).reshape(*shape, n)
        energy = functional.energy_from_density(geo, own.theory, u, excess, slopes)
        total = functional.gradient(geo, own.theory, u, slope, slopes)
        return energy, force_of(jnp, mesh.mass, mesh.metric, own.terms, u, total, constrained=constrained)

    def step_from(mesh: Mesh, own: Setting, walk: Walk) -> tuple[Any, Any]:
        """The bordered Newton step at the walk's shift, and its L2 length."""
        geo, n = mesh.geometry, walk.u.shape[1]
        fields, _ = functional.at_points(geo, walk.u)
        curvature = hessian(fields.reshape(-1, n), own.theory.params, geo.radii.reshape(-1))
        shift = walk.sigma - walk.at.multiplier * own.terms.carries
        blocks = functional.hessian_blocks(geo, own.theory, curvature.reshape(*geo.weights.shape, n, n), shift)
        factors = batched.factor(blocks, own.free_first, own.free_last, own.theory.exterior)
        border = ((mesh.mass @ walk.u) * own.terms.carries * own.terms.free)[:, :, None]
        system = Bordered(lambda loads: batched.solve(factors, loads), border[:, :, : int(constrained)], xp=jnp)
        step, _ = system.solve(-walk.at.vector)
        return step, jnp.sqrt(jnp.maximum(jnp.sum((mesh.mass @ step) * step), 0.0))

    def place(mesh: Mesh, own: Setting, u: Any) -> Any:
        if not constrained:
            return u
        carried = jnp.sum(own.terms.carries * u * (mesh.mass @ u))
        return jnp.where(own.terms.carries > 0, u * jnp.sqrt(own.norm / carried), u)

    def is_running(own: Setting, walk: Walk) -> Any:
        finite = jnp.isfinite(walk.energy) & jnp.isfinite(walk.at.residual)
        open_ = (walk.at.residual > own.tol) & (walk.sigma <= globalisation.STALLED)
        return finite & open_ & (walk.steps < own.max_steps)

    def advance(mesh: Mesh, own: Setting, walk: Walk) -> Walk:
        step, length_of_step = step_from(mesh, own, walk)
        slope = jnp.sum(walk.at.vector * step)
        u = place(mesh, own, walk.u + step)
        energy, at = measure(mesh, own, u)
        agreed = globalisation.agreement(
            jnp,
            promised=globalisation.promised_by(slope, walk.sigma, length_of_step),
            gained=energy - walk.energy,
            residual=walk.at.residual,
            new_residual=at.residual,
            scale=own.scale,
        )
        usable = jnp.all(jnp.isfinite(step)) & ((slope < 0.0) | globalisation.is_asymptotic(walk.at.residual))
        taken = usable & jnp.isfinite(energy) & jnp.isfinite(at.residual) & (agreed > 0.0)
        sigma = jnp.where(
            taken,
            globalisation.shift_after_success(jnp, walk.sigma, agreed, at.residual),
            globalisation.shift_after_refusal(jnp, walk.sigma),
        )
        noted = walk.history.at[walk.notes].set(jnp.stack([energy, at.residual]))
        there = Walk(u, energy, at, sigma, walk.steps + 1, walk.notes + 1, noted)
        here = walk._replace(sigma=sigma, steps=walk.steps + 1)
        return Walk(*(_choose(taken, new, old) for new, old in zip(there, here, strict=True)))

    def newton(mesh: Mesh, own: Setting, u: Any) -> Walk:
        energy, at = measure(mesh, own, u)
        zero = jnp.zeros((), int)
        start = Walk(u, energy, at, globalisation.first_shift(jnp, at.residual), zero, zero, jnp.zeros((length, 2)))
        return lax.while_loop(lambda w: is_running(own, w), lambda w: advance(mesh, own, w), start)

    return newton


def _choose(condition: Any, new: Any, old: Any) -> Any:
    if isinstance(new, tuple):
        return Force(*(jnp.where(condition, a, b) for a, b in zip(new, old, strict=True)))
    return jnp.where(condition, new, old)
