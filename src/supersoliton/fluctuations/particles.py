r"""The bound states of a state that are particles: accurate to the mesh, with errors, without modes of symmetries.

A reduced basis is good for the many waves of the box and not for the few bound states of a compact state, and a mode
that a symmetry makes is no particle whatever its eigenvalue comes out as. So the bound states are iterated on the whole
mesh, and the modes of symmetries are known by what they are: the translation by u'(r), internal symmetries by the
zero modes of the certificate. Those with the largest overlap are taken out.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.linalg
from numpy import ndarray as Array

from ..machine.arithmetic import numerical
from ..problem.residual import translation_border
from ..problem.scales import on_scales
from ..problem.tangent_space import TangentSpace
from ..problem.zero_modes import zero_modes
from ..solvers.base import FieldsOnMesh
from ..states.jumps import delta_functions
from ..states.kinds import is_homogeneous
from .bound_states import bound_states
from .operator import Operator
from .spectrum import Modes

_EXTRA = 3  # iterated vectors beyond those asked for: the next levels, which they would otherwise converge like
_BELOW = 0.05  # the shift lies this much of the range of the levels below the lowest
_STEPS, _ENOUGH = 40, 1e-11  # of the iteration; change of a level, in the largest mass^2, at which it ends
_OVERLAP = 0.5  # of a level's function with a symmetry's, squared, above which it is that symmetry's mode


def particle_modes(state: FieldsOnMesh, modes: Modes) -> Modes:
    """``modes`` with its bound states on the whole mesh, their errors, and the modes of symmetries marked.

    The error of a level is that of the iteration and the modulus of the translation's eigenvalue, which an exact
    solution has at 0.
    """
    return particle_functions(state, modes)[0]


@numerical
def particle_functions(state: FieldsOnMesh, modes: Modes) -> tuple[Modes, Array]:
    """:func:`particle_modes`, and the functions (node, field, level) of the dimensionless bound states in the box."""
    inner, scales = on_scales(state)
    if not modes.bound.size:
        return modes, np.empty((*inner.u.shape, 0))
    problem, u, ell = inner.problem, inner.u, modes.ell
    none, deltas = np.empty((*u.shape, 0)), delta_functions(problem, u)
    space = TangentSpace(problem, u, inner.multiplier, ell=ell, constraints=none, deltas=deltas)
    levels, functions, changes = _iterated(space, len(modes.bound))
    translation = _translation(space)
    values, _ = bound_states(problem, u, inner.multiplier, ell, levels, space.curvature, deltas)
    directions = [] if translation is None else [translation[1]]
    if ell == 0 and not is_homogeneous(problem, u):
        own = TangentSpace(problem, u, inner.multiplier, curvature=space.curvature, deltas=deltas)
        directions += list(np.moveaxis(zero_modes(own, 0.0), 2, 0))
    taken = _of_symmetries(space, functions[:, :, : len(values)], directions)
    errors = changes[: len(values)] + (0.0 if translation is None else abs(translation[0]))
    unit = scales.unit("mass^2")
    found = replace(modes, bound=values * unit, bound_errors=errors * unit, symmetries=taken)
    return found, functions[:, :, : len(values)]


def _iterated(space: TangentSpace, count: int) -> tuple[Array, Array, Array]:
    """The lowest levels, their functions and last changes, from those of a reduced basis by subspace iteration."""
    problem, mass = space.problem, space.problem.grid.mass_form
    largest = _largest(space)
    op = Operator(problem, space.u, space.multiplier, space.ell, largest, space.curvature)
    size = min(count + _EXTRA, len(op.matrix))
    levels, vectors = scipy.linalg.eigh(op.matrix, subset_by_index=(0, size - 1), check_finite=False)
    v = op.nodal(vectors)
    sigma = float(levels[0]) - _BELOW * max(largest, float(levels[-1] - levels[0]))
    shifted = space.shifted(-sigma)
    free = shifted.free[:, :, None]
    for _ in range(_STEPS):
        load = (mass @ v.reshape(len(v), -1)).reshape(v.shape) * free
        image, _ = shifted.solve(load)
        weighted = (mass @ image.reshape(len(v), -1)).reshape(v.shape)
        # A - sigma M maps the images to the loads, so no product with A is needed.
        left, right = (np.einsum("nfa,nfb->ab", image, other) for other in (load, weighted))
        values, turn = scipy.linalg.eigh(0.5 * (left + left.T), 0.5 * (right + right.T))
        v, before, levels = image @ turn, levels, sigma + values
        changes = np.abs(levels - before)
        if np.max(changes[:count]) <= _ENOUGH * largest:
            break
    return levels, v, changes


def _translation(space: TangentSpace) -> tuple[float, Array] | None:
    """The eigenvalue and the function of the mode along u'(r); None where that is no symmetry, or at another l."""
    problem, u = space.problem, space.u
    on_line = problem.line is not None
    if problem.model.explicit_r or space.ell != (0 if on_line else 1) or is_homogeneous(problem, u):
        return None
    start = translation_border(problem, u)[0] if on_line else problem.grid.differentiate(u)
    return space.shifted(1e-6 * _largest(space)).nearest_mode(start, 4)


def _largest(space: TangentSpace) -> float:
    """The largest mass^2 at the edge of the box."""
    return float(np.max(np.abs(np.linalg.eigvalsh(space.curvature[-1, -1]))))


def _of_symmetries(space: TangentSpace, functions: Array, directions: list[Array]) -> tuple[int, ...]:
    """The numbers of the levels whose functions overlap most with these directions."""
    mass = space.problem.grid.mass_form
    taken: list[int] = []
    for direction in directions:
        weighted = mass @ direction
        overlaps = np.einsum("nfk,nf->k", functions, weighted) ** 2 / float(np.sum(direction * weighted))
        overlaps[taken] = 0.0
        if overlaps.size and np.max(overlaps) >= _OVERLAP:
            taken.append(int(np.argmax(overlaps)))
    return tuple(sorted(taken))
