"""Which states have a determinant, and in which form it is computed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..problem.problem import DiscreteProblem
from .background import Background
from .finer_mesh import carry_to_finer_mesh


def without_wall(problem: DiscreteProblem, u: Array) -> tuple[DiscreteProblem, Array]:
    """The state with a tail beyond the mesh; held at the vacuum there, its fields are off by exp(-mR)."""
    if problem.boundary == "decaying":
        return problem, u
    end = {} if problem.line is not None else {"background": tuple(problem.vacuum.values.tolist())}
    other, solution = carry_to_finer_mesh(problem.replace(boundary="decaying", **end), u)
    return (other, solution.u) if solution.converged else (problem, u)  # (``error`` has the effect of the wall)


def check_static(state: Any) -> None:
    """Raise ValueError if a determinant is not defined for the state."""
    problem = state.problem
    if problem.norm is not None or problem.omega:
        raise ValueError("determinant: the state rotates: give a static state, of a problem without norm and omega")
    if problem.model.explicit_r:
        raise ValueError("determinant: V depends on r, so there is no vacuum to compare with: give a V of u alone")
    if not getattr(state, "converged", True):
        raise ValueError(f"determinant: the state is not a solution ({state.status}): solve it first")
    if problem.line is not None:
        n = problem.model.n_fields // 2
        mixed = np.abs(Background(problem, state.u).mass_squared[:n, n:]).max()
        if mixed > 1e-9 * abs(problem.vacuum.masses_squared).max():
            raise ValueError(
                "determinant: the masses at the two ends of the line differ, so there is no one vacuum to compare "
                "with: give a kink between vacua of equal masses"
            )
