"""What a guess may be, and which one is taken where none is given: decided here.

A guess is a search over many starts (:class:`.MultiStart`, or :class:`.WarmStart` whose branches were trained) or one
start: a profile, an array, a function of the radius, or a state. Only a configuration chooses between its trained
starts and its [problem.guess] (`Config.guess`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..problem.problem import DiscreteProblem, Problem
from ..problem.transfer import satisfy_conditions
from ..solvers.base import FieldsOnMesh
from .multistart import MultiStart
from .profiles import AbstractProfile, Gaussian

Guess = AbstractProfile | MultiStart | FieldsOnMesh | Array | Callable[[Array], Array]


def choose_guess(problem: Problem, guess: Any, *, search: bool = False) -> Any:
    """The guess that is given; where that is None, the default.

    At fixed norm, and in a search, this is many starts, of which the lowest state is taken. Without norm no descent
    ranks them, and it is one profile: at fixed frequency a high one, because nothing is known of the amplitude and any
    profile through the barrier leads to the bounce.
    """
    if guess is not None:
        return guess
    if search or problem.norm is not None:
        return MultiStart()
    return Gaussian() if problem.omega is None else Gaussian(amplitude=3.0)


def is_search(guess: Any) -> bool:
    """Whether a guess stands for many starts."""
    return isinstance(guess, MultiStart)


def core_of(guess: Any) -> float | None:
    """The radius of the core that a guess has; None where its mesh or its many starts leave that open.

    Raises ValueError for an array or a function: without a mesh they have no radii.
    """
    if isinstance(guess, AbstractProfile):
        return 3.0 * guess.width
    if not is_search(guess) and not hasattr(guess, "grid"):
        raise ValueError("solve: an array needs the grid that it lives on: give problem.grid, or a profile or state")
    return None


def starting_fields(problem: DiscreteProblem, guess: Any) -> Array:
    """Nodal fields (n_nodes, n_fields) of one start: a profile, an array, a function of r, or a stored state.

    They satisfy the problem's boundary conditions and have its norm. Raises ValueError for a guess that does not fit.
    """
    nodes, n = problem.grid.nodes, problem.model.n_fields
    if isinstance(guess, AbstractProfile):
        u = guess(problem, nodes)
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
