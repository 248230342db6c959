"""``solve`` for JAX: energies, fields and eigenvalues of a state can be differentiated by the couplings.

The solver itself is not traced: it runs on plain numbers. JAX gets the implicit derivative of :mod:`.sensitivity` as a
custom rule, so ``jax.grad``, ``jax.jvp`` and ``jax.jacobian`` are exact and cost one linear solve per parameter. Under
``jax.jit`` the couplings have no values: call ``jax.grad`` outside of it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, overload

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import expect_problem
from ..fluctuations.spectrum import spectrum
from ..problem.problem import Problem
from ..search.solve import solve as solve_at_numbers
from ..solvers.base import AbstractSolver
from ..states.state import State
from .sensitivity import Sensitivity, eigenvalue_slopes, sensitivity


@overload
def solve(
    problem: Problem, guess: Any = None, solver: AbstractSolver | None = None, *, throw: bool = False
) -> State: ...
@overload
def solve(
    problem: Any, guess: Any = None, solver: AbstractSolver | None = None, *, throw: bool = False
) -> State | DifferentiableState: ...
def solve(
    problem: Any, guess: Any = None, solver: AbstractSolver | None = None, *, throw: bool = False
) -> State | DifferentiableState:
    expect_problem("solve", problem)
    if traced_parameters(problem):
        return solve_traced(problem, lambda plain: solve_at_numbers(plain, guess, solver, throw=throw))
    return solve_at_numbers(problem, guess, solver, throw=throw)


solve.__doc__ = (
    (solve_at_numbers.__doc__ or "")
    + """
    With couplings, norm or frequency traced by ``jax.grad`` (or ``jvp``, ``jacobian``) the result is a
    :class:`DifferentiableState`, whose ``energy``, ``norm``, ``multiplier``, ``action``, ``u`` and ``eigenvalues()``
    have exact derivatives. The problem must have a grid then.
    """
)


def traced_parameters(problem: Problem) -> dict[str, Any]:
    """The couplings, norm and frequency that JAX is tracing, by name."""
    values = {**problem.model.params, "norm": problem.norm, "omega": problem.omega}
    return {name: value for name, value in values.items() if isinstance(value, jax.core.Tracer)}


@dataclass(frozen=True, eq=False)
class DifferentiableState:
    """A state whose numbers carry their derivatives; ``state`` is the plain one behind them.

    ``energy``, ``norm``, ``multiplier`` (scalars) and ``u`` (n_nodes, n_fields) are JAX values.
    """

    energy: Any
    norm: Any
    multiplier: Any
    u: Any
    state: State
    parameters: dict[str, Any] = field(repr=False)

    @property
    def action(self) -> Any:
        return self.energy - 0.5 * self.multiplier * self.norm

    def eigenvalues(self, n_modes: int = 10, ell: int = 0) -> Any:
        """The lowest fluctuation eigenvalues (mass^2) of angular momentum l, with their derivatives."""
        names, state = tuple(self.parameters), self.state

        def values(*_: Any) -> Any:
            return jnp.asarray(spectrum(state, n_modes, ell).eigenvalues)

        def slopes(name: str) -> Any:
            return eigenvalue_slopes(state, name, n_modes, ell)[1]

        return _with_rule(values, slopes, names)(*self.parameters.values())


def _with_rule(values: Callable[..., Any], slopes: Callable[[str], Any], names: tuple[str, ...]) -> Callable[..., Any]:
    """A JAX function with these values and with derivatives ``slopes(name)``, pytrees of the same structure."""
    rule = jax.custom_jvp(values)

    @rule.defjvp
    def derivative(primals: Any, tangents: Any) -> Any:
        # The solver's own JAX calls must be executed, not traced. Tracing is per thread, so they run in another one.
        with ThreadPoolExecutor(1) as elsewhere:
            out = elsewhere.submit(values, *primals).result()
            rates = [elsewhere.submit(slopes, name).result() for name in names]
        total = jax.tree.map(jnp.zeros_like, out)
        for rate, tangent in zip(rates, tangents, strict=True):
            total = jax.tree.map(lambda t, s, by=tangent: t + jnp.asarray(s) * by, total, rate)
        return out, total

    return rule


def solve_traced(problem: Problem, solve_plain: Callable[[Problem], State]) -> DifferentiableState:
    """The state at the values of the traced parameters of ``problem``, with its derivatives.

    Raises
    ------
    ValueError : under ``jax.jit``, where the parameters have no values.
    """
    parameters = traced_parameters(problem)
    names = tuple(parameters)
    found: list[State] = []
    known: dict[str, Sensitivity] = {}

    def values(*given: Any) -> tuple[Any, ...]:
        if any(isinstance(value, jax.core.Tracer) for value in given):
            raise ValueError(
                f"solve: {', '.join(names)} has no value under jax.jit (or vmap): call jax.grad outside of it"
            )
        state = solve_plain(problem.replace(**{name: float(v) for name, v in zip(names, given, strict=True)}))
        found.append(state)
        return tuple(jnp.asarray(x) for x in (state.energy, state.norm, state.multiplier, state.u))

    def slopes(name: str) -> tuple[Any, ...]:
        if name not in known:
            known[name] = sensitivity(found[-1], name)
        s = known[name]
        return s.energy, s.norm, s.multiplier, np.asarray(s.fields)

    energy, norm, multiplier, u = _with_rule(values, slopes, names)(*parameters.values())
    return DifferentiableState(energy, norm, multiplier, u, found[-1], parameters)
