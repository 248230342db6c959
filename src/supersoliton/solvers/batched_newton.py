"""Newton's descent for many tasks at once on the device: one ``while`` loop under ``vmap``, finished tasks masked.

Step acceptance is defined in :mod:`.globalisation`, the energy in :mod:`..problem.functional`, the force in
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

_HISTORY = 256  # least number of rows of the history, so that all smaller limits on steps share a kernel


class Mesh(NamedTuple):
    """The data that all tasks share."""

    geometry: Geometry
    mass: Array
    metric: Metric


class Setting(NamedTuple):
    """The data of one task: numbers and arrays only."""

    theory: Theory
    background: Any
    terms: Terms
    free_first: Any
    free_last: Any
    norm: Any
    scale: Any
    tol: Any
    max_steps: Any


class Iterate(NamedTuple):
    """The current point of a task and its history, of which the first ``accepted`` rows are filled."""

    u: Any
    energy: Any
    at: Force
    sigma: Any
    steps: Any
    accepted: Any
    history: Any


@functools.lru_cache(maxsize=16)
def mesh_of(grid: RadialGrid) -> Mesh:
    """The mesh of a grid, always the same object, so that tasks on equal grids form a batch."""
    return Mesh(functional.geometry(grid), grid.mass, metric(grid))


def descend(problem: DiscreteProblem, u: Array, options: Any, *, scale: float, max_steps: int) -> Iterate:
    """Descend from ``u`` in the current task until ``options.tol``, ``max_steps``, a stall or a divergence.

    ``scale`` is T + int|V|; ``options`` is the Newton solver.
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
def _kernel(function: PotentialFunction, constrained: bool, length: int) -> Callable[..., Iterate]:
    """The descent of one task for a potential, with or without a fixed norm."""
    value, gradient, hessian = point_functions(function)

    def measure(mesh: Mesh, setting: Setting, u: Any) -> tuple[Any, Force]:
        geo, n = mesh.geometry, u.shape[1]
        shape, radii = geo.weights.shape, geo.radii.reshape(-1)
        fields, slopes = functional.at_points(geo, u)
        points = fields.reshape(-1, n)
        excess = (value(points, setting.theory.params, radii) - setting.background).reshape(shape)
        slope = gradient(points, setting.theory.params, radii).reshape(*shape, n)
        energy = functional.energy_from_density(geo, setting.theory, u, excess, slopes)
        total = functional.gradient(geo, setting.theory, u, slope, slopes)
        return energy, force_of(jnp, mesh.mass, mesh.metric, setting.terms, u, total, constrained=constrained)

    def curvature(mesh: Mesh, setting: Setting, u: Any) -> Any:
        geo, n = mesh.geometry, u.shape[1]
        fields, _ = functional.at_points(geo, u)
        matrices = hessian(fields.reshape(-1, n), setting.theory.params, geo.radii.reshape(-1))
        return matrices.reshape(*geo.weights.shape, n, n)

    def advance(mesh: Mesh, setting: Setting, point: Iterate) -> Iterate:
        step, step_length = _newton_step(mesh, setting, point, curvature(mesh, setting, point.u), constrained)
        slope = jnp.sum(point.at.vector * step)
        u = _scale_to_norm(mesh, setting, point.u + step) if constrained else point.u + step
        energy, at = measure(mesh, setting, u)
        agreed = globalisation.agreement(
            jnp,
            predicted=globalisation.predicted_change(slope, point.sigma, step_length),
            change=energy - point.energy,
            residual=point.at.residual,
            new_residual=at.residual,
            scale=setting.scale,
        )
        usable = jnp.all(jnp.isfinite(step)) & ((slope < 0.0) | globalisation.is_asymptotic(point.at.residual))
        taken = usable & jnp.isfinite(energy) & jnp.isfinite(at.residual) & (agreed > 0.0)
        sigma = jnp.where(
            taken,
            globalisation.shift_after_success(jnp, point.sigma, agreed, at.residual),
            globalisation.shift_after_refusal(jnp, point.sigma),
        )
        history = point.history.at[point.accepted].set(jnp.stack([energy, at.residual]))
        moved = Iterate(u, energy, at, sigma, point.steps + 1, point.accepted + 1, history)
        refused = point._replace(sigma=sigma, steps=point.steps + 1)
        return Iterate(*(_choose(taken, new, old) for new, old in zip(moved, refused, strict=True)))

    def newton(mesh: Mesh, setting: Setting, u: Any) -> Iterate:
        energy, at = measure(mesh, setting, u)
        zero = jnp.zeros((), int)
        start = Iterate(u, energy, at, globalisation.first_shift(jnp, at.residual), zero, zero, jnp.zeros((length, 2)))
        return lax.while_loop(lambda w: _is_running(setting, w), lambda w: advance(mesh, setting, w), start)

    return newton


def _newton_step(mesh: Mesh, setting: Setting, point: Iterate, curvature: Any, constrained: bool) -> tuple[Any, Any]:
    """The bordered Newton step at the current shift, and its L2 length."""
    shift = point.sigma - point.at.multiplier * setting.terms.carries
    blocks = functional.hessian_blocks(mesh.geometry, setting.theory, curvature, shift)
    factors = batched.factor(blocks, setting.free_first, setting.free_last, setting.theory.exterior)
    border = ((mesh.mass @ point.u) * setting.terms.carries * setting.terms.free)[:, :, None]
    system = Bordered(lambda loads: batched.solve(factors, loads), border[:, :, : int(constrained)], xp=jnp)
    step, _ = system.solve(-point.at.vector)
    return step, jnp.sqrt(jnp.maximum(jnp.sum((mesh.mass @ step) * step), 0.0))


def _scale_to_norm(mesh: Mesh, setting: Setting, u: Any) -> Any:
    carried = jnp.sum(setting.terms.carries * u * (mesh.mass @ u))
    return jnp.where(setting.terms.carries > 0, u * jnp.sqrt(setting.norm / carried), u)


def _is_running(setting: Setting, point: Iterate) -> Any:
    finite = jnp.isfinite(point.energy) & jnp.isfinite(point.at.residual)
    unfinished = (point.at.residual > setting.tol) & (point.sigma <= globalisation.STALLED)
    return finite & unfinished & (point.steps < setting.max_steps)


def _choose(condition: Any, new: Any, old: Any) -> Any:
    if isinstance(new, tuple):
        return Force(*(jnp.where(condition, a, b) for a, b in zip(new, old, strict=True)))
    return jnp.where(condition, new, old)
