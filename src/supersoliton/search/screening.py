r"""Descent steps of many starts at once, to rank them.

Each start takes steps of the implicit gradient flow at fixed norm, mu from :math:`\langle M_cu,\delta\rangle = 0`:

.. math:: (E'' - \omega^2M_c + \sigma M)\,\delta = -F + \mu M_cu

(see :mod:`.solvers.newton`). Most of the cost on a coarse mesh is the potential, which is evaluated for all at once.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from ..guesses.multistart import Start, energies_of
from ..problem import functional
from ..problem.problem import DiscreteProblem
from ..problem.residual import Force, force, shift_of
from ..problem.tangent_space import solve_each
from ..problem.transfer import scale_to_norm
from ..solvers import globalisation
from ..theory.derivatives import point_kernels

_MAX_TRIALS = 4  # values of sigma tried in one step


def flow_together(problem: DiscreteProblem, starts: list[Start], keep: tuple[int, ...]) -> list[Start]:
    """Step all starts and keep the ``keep[0]`` lowest, step these and keep ``keep[1]``, ...; lowest energy first."""
    lowest = list(starts)
    for kept in keep:
        lowest = sorted(_stepped(problem, lowest), key=lambda start: start.energy)[:kept]
    return lowest


def _stepped(problem: DiscreteProblem, starts: list[Start]) -> list[Start]:
    """Every start after one step, the longest of those tried that lowers its energy; unchanged if none does."""
    forces, curvatures = _forces(problem, starts)
    out, open_ = list(starts), list(range(len(starts)))
    sigma = globalisation.first_shift(np.array([at.residual for at in forces]))
    for _ in range(_MAX_TRIALS):
        moved = _moved(
            problem, [starts[i].u for i in open_], [forces[i] for i in open_], curvatures[open_], sigma[open_]
        )
        after = energies_of(problem, moved)
        for j, i in enumerate(open_):
            if after[j] < starts[i].energy:
                out[i] = Start(float(after[j]), starts[i].label, moved[j])
        open_ = [i for i in open_ if out[i] is starts[i]]
        if not open_:
            break
        sigma = globalisation.shift_after_refusal(sigma)
    return out


def _forces(problem: DiscreteProblem, starts: list[Start]) -> tuple[list[Force], Array]:
    """Force and Hessian of the density at the quadrature points of every start."""
    if problem.model.density_function is not None:
        return [force(problem, start.u) for start in starts], np.stack([problem.curvature(s.u) for s in starts])
    geo, theory, n = problem.geometry, problem.theory, problem.model.n_fields
    at = [functional.at_points(geo, start.u) for start in starts]
    points = np.concatenate([values.reshape(-1, n) for values, _ in at])
    radii = np.tile(geo.radii.ravel(), len(starts))
    kernels = point_kernels(problem.model.potential_function)
    slopes = kernels.gradient(points, theory.params, radii).reshape(len(starts), *geo.weights.shape, n)
    curvatures = kernels.hessian(points, theory.params, radii).reshape(len(starts), *geo.weights.shape, n, n)
    forces = [
        force(problem, start.u, functional.gradient(geo, theory, start.u, slopes[i], at[i][1]))
        for i, start in enumerate(starts)
    ]
    return forces, curvatures


def _moved(
    problem: DiscreteProblem, fields: list[Array], forces: list[Force], curvatures: Array, sigma: Array
) -> Array:
    """Fields (start, node, field) after their steps; unchanged if the step is not finite."""
    shifts = np.stack([shift_of(problem, at.multiplier) + s for at, s in zip(forces, sigma, strict=True)])
    steps = solve_each(problem, fields, curvatures, shifts, np.stack([-at.vector for at in forces]))
    moved = [
        scale_to_norm(problem, u + step) if np.all(np.isfinite(step)) else u
        for u, step in zip(fields, steps, strict=True)
    ]
    return np.stack(moved)
