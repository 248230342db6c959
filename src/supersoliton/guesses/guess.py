"""The forms of a guess, the default guess, and the fields of a start.

A guess is either a search over many starts (:class:`.MultiStart`, or :class:`.WarmStart` with trained branches) or one
start: a profile, an array, a function of the radius, or a state. `Config.guess` chooses between the [warm_start] and
[problem.guess] tables of a configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..problem.problem import DiscreteProblem, Problem
from ..problem.scales import Scales
from ..problem.transfer import satisfy_conditions
from ..solvers.base import FieldsOnMesh
from ..theory.whole_line import folded
from .between_ends import BetweenEnds
from .multistart import MultiStart
from .profiles import AbstractProfile, Gaussian, ScaledProfile

Guess = AbstractProfile | MultiStart | FieldsOnMesh | Array | Callable[[Array], Array]


def choose_guess(problem: Problem, guess: Any, *, search: bool = False) -> Any:
    """``guess``, or the default if it is None.

    A theory with conditions at both ends has one start, between them, also in a search. Else the default at fixed norm,
    on a line, and in a search, is many starts. Without norm no descent ranks starts, so it is one profile. At fixed
    frequency that has a large amplitude, because any profile through the barrier leads to the bounce.
    """
    if problem.model.ends is not None and (guess is None or is_search(guess)):
        return BetweenEnds()
    if guess is not None:
        return guess
    if search or problem.norm is not None or problem.line is not None:
        return MultiStart()
    return Gaussian(amplitude=3.0) if problem.omega is None else Gaussian(amplitude=9.0)


def dimensionless_guess(guess: Any, problem: Problem, scales: Scales) -> Any:
    """A guess in the user's units as one for the dimensionless problem; the default and many starts have no units."""
    if guess is None or is_search(guess) or isinstance(guess, BetweenEnds):
        return guess
    if isinstance(guess, AbstractProfile):
        if problem.line is not None:
            raise ValueError(f"guess: on a line a wall is needed, got {guess!r}: give a function of x, or no guess")
        return ScaledProfile(
            guess.amplitude / scales.field, guess.width / scales.length, inner=guess, original=problem, scales=scales
        )
    if hasattr(guess, "problem") and hasattr(guess, "u"):
        return _ScaledFields(guess, scales)
    if callable(guess):
        return lambda nodes: _divided(guess(nodes * scales.length), scales)
    return _divided(guess, scales)


def _divided(values: Any, scales: Scales) -> Any:
    """Fields of any form in units of the scales; what is no array of numbers is left for the checks of a start."""
    try:
        numbers = np.asarray(values)
        factors = scales.factors[: numbers.shape[-1] if numbers.ndim > 1 else None]
        return numbers / (factors[0] if len(set(factors.tolist())) == 1 else factors)
    except (TypeError, ValueError):
        return values


class _ScaledFields:
    """A stored state in units of the scales."""

    def __init__(self, state: Any, scales: Scales) -> None:
        self.state, self.scales, self.problem, self.grid = state, scales, state.problem, state.problem.grid
        self.u = state.u

    def __call__(self, r: Array) -> Array:
        return np.asarray(_divided(self.state(r * self.scales.length), self.scales))


def is_search(guess: Any) -> bool:
    """Whether a guess is a search over many starts."""
    return isinstance(guess, MultiStart)


def core_of(guess: Any) -> float | None:
    """The radius of the core of a profile; None for a state or many starts.

    Raises ValueError for an array or a function: without a mesh they have no radii.
    """
    if isinstance(guess, AbstractProfile):
        return 3.0 * guess.width
    if not is_search(guess) and not hasattr(guess, "grid"):
        raise ValueError("solve: an array or function needs a grid: give the problem one, or use a profile or a state")
    return None


def starting_fields(problem: DiscreteProblem, guess: Any) -> Array:
    """Nodal fields (n_nodes, n_fields) of one start: a profile, an array, a function of r, or a stored state.

    They satisfy the problem's boundary conditions and have its norm. Raises ValueError for any other guess.
    """
    nodes, n = problem.grid.nodes, problem.model.n_fields
    if problem.line is not None and callable(guess):
        u = _from_array(folded(guess, nodes, n // 2), nodes, n)
    elif isinstance(guess, AbstractProfile):
        u = guess(problem, nodes)
    elif isinstance(guess, BetweenEnds):
        u = guess.on(problem)
    elif hasattr(guess, "problem") and hasattr(guess, "u"):
        u = _from_state(guess, nodes, n)
    else:
        u = _from_array(guess(nodes) if callable(guess) else guess, nodes, n)
    if not np.all(np.isfinite(u)):
        raise ValueError("guess: the starting fields contain NaN or infinity: give finite values at every radius")
    return satisfy_conditions(problem, u)


def _from_state(state: Any, nodes: Array, n: int) -> Array:
    if state.u.shape[1] != n:
        raise ValueError(f"guess: the stored state has {state.u.shape[1]} fields, the model {n}: use a matching state")
    return np.asarray(state(nodes))


def _from_array(values: Any, nodes: Array, n: int) -> Array:
    if np.iscomplexobj(values):
        raise ValueError("guess: the fields are real, got complex values: give real ones, e.g. their moduli")
    try:
        u = np.array(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(
            f"guess must be a profile, a state, a function of r or an array (nodes, fields), got {values!r}: "
            "e.g. Gaussian(amplitude=2.0, width=4.0)"
        ) from None
    if n == 1 and u.shape == (len(nodes),):
        u = u[:, None]
    if u.shape != (len(nodes), n):
        raise ValueError(
            f"guess: the array has shape {u.shape}, expected {(len(nodes), n)} (nodes, fields): reshape it"
        )
    return u
