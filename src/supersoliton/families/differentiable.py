"""``solve`` for JAX: energies, fields and eigenvalues of a state can be differentiated by the couplings.

The solver itself is not traced: it runs on plain numbers. JAX gets the implicit derivative of :mod:`.sensitivity` as a
custom rule, so ``jax.grad``, ``jax.jvp`` and ``jax.jacobian`` are exact and cost one linear solve per parameter. Under
``jax.jit`` the couplings have no values: call ``jax.grad`` outside of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from .._checks import expect_problem
from ..fluctuations.spectrum import spectrum
from ..guesses.guess import Guess
from ..problem.couplings import parameters_of
from ..problem.problem import Problem
from ..search.solve import SolveWarning, shortcoming
from ..search.solve import solve as solve_at_numbers
from ..solvers.base import AbstractSolver
from ..states.state import State
from .mass_derivatives import eigenvalue_slopes
from .sensitivity import Sensitivity, sensitivity


def traced_parameters(problem: Problem) -> dict[str, Any]:
    """The couplings, norm and frequency that JAX is tracing, by name."""
    values = parameters_of(problem)
    return {name: value for name, value in values.items() if isinstance(value, jax.core.Tracer)}


@dataclass(frozen=True, eq=False)
class DifferentiableState:
    """A state whose numbers are JAX values with exact derivatives with respect to the traced parameters.

    Attributes
    ----------
    energy, norm, multiplier : jax.Array
        E, N and omega^2 (mass^2), scalars.
    u : jax.Array of shape (n_nodes, n_fields)
        Fields at the nodes.
    state : State
        The same state as plain numbers.
    parameters : dict of str to jax.Array
        The traced parameters by name.
    action : jax.Array
        E - omega^2 N / 2.
    """

    energy: jax.Array
    norm: jax.Array
    multiplier: jax.Array
    u: jax.Array
    state: State
    parameters: dict[str, jax.Array] = field(repr=False)

    @property
    def action(self) -> jax.Array:
        """E - omega^2 N / 2."""
        return self.energy - 0.5 * self.multiplier * self.norm

    def eigenvalues(self, n_modes: int = 10, ell: int = 0) -> jax.Array:
        """Lowest fluctuation eigenvalues with their derivatives.

        Parameters
        ----------
        n_modes : int, default 10
            Number of eigenvalues.
        ell : int, default 0
            Angular momentum.

        Returns
        -------
        jax.Array of shape (n_modes,)
            Eigenvalues in mass^2, ascending.
        """
        names, state = tuple(self.parameters), self.state

        def values(*_: Any) -> Any:
            return jnp.asarray(spectrum(state, n_modes, ell).eigenvalues)

        def slopes(name: str) -> Any:
            return eigenvalue_slopes(state, name, n_modes, ell)[1]

        return _with_rule(values, slopes, names)(*self.parameters.values())


# A type checker cannot see that couplings are traced: for it every result is a State.
if TYPE_CHECKING:
    Solved = State
else:
    Solved = State | DifferentiableState


def solve(
    problem: Problem, guess: Guess | None = None, solver: AbstractSolver | None = None, *, throw: bool = False
) -> Solved:
    """Find a stationary state of ``problem`` near ``guess``, differentiable by JAX.

    Parameters
    ----------
    problem : Problem
        What to solve. Without a grid, domain and mesh are chosen and refined until the error of the energy is at
        rounding.
    guess : profile or array or callable or State or MultiStart, optional
        A profile (:class:`Gaussian`, ...), fields at the nodes of shape (n_nodes, n_fields), a function of the radii
        that returns them, a state, or many starts. By default :class:`MultiStart` at fixed norm; else a Gaussian of
        width 3 and amplitude 1 (3 at fixed frequency).
    solver : Newton or LBFGS or GradientFlow, optional
        The method; :class:`Newton` if not given.
    throw : bool, default False
        Raise :class:`SolveError` if the solver does not converge, instead of a warning and ``state.status``.

    Returns
    -------
    State or DifferentiableState
        The state with its certificate. If couplings, norm or frequency are traced by ``jax.grad``, ``jvp`` or
        ``jacobian``, a :class:`DifferentiableState`; ``boundary`` and ``background`` of the problem must not be field
        values then.

    Raises
    ------
    ValueError
        If the guess does not fit the problem, no default start has a finite energy, a problem without a grid has no
        bounce, or a parameter is traced by ``jax.jit`` or ``vmap``.
    SolveError
        If ``throw`` is true and the solver does not converge.

    Warns
    -----
    SolveWarning
        If the result is not converged, or is the vacuum where a soliton was asked for (a frequency, or no guess).

    Notes
    -----
    A localised state without norm is a saddle of the energy, and Newton's method converges to it only from nearby. If
    the default method fails, or converges to the vacuum from a guess that crosses the barrier (V below that of the
    vacuum), the saddle of least action is computed by :func:`bounce` and transferred to the mesh of the problem. At
    fixed frequency it is the bounce of V - omega^2 u^2/2.

    Examples
    --------
    A kink of V = (u^2 - 1)^2 / 4, whose energy is 2 sqrt(2) / 3:

    >>> model = ss.Potential(lambda u, p: (u[0]**2 - 1)**2 / 4)
    >>> state = ss.solve(ss.Problem(model, ss.RadialGrid(r_max=12.0, dim=1), boundary=[1.0], parity="odd"))
    >>> print(f"{state.energy:.9f}", state.certificate.kind)
    0.942809042 kink

    A Q-ball, and the derivative of its energy with respect to a coupling:

    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - p["g"] * u[0]**4 / 4 + u[0]**6 / 8, params={"g": 1.6})
    >>> state = ss.solve(ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0))
    >>> print(f"{state.energy:.5f}", state.certificate.kind)
    48.03558 q-ball
    >>> import jax
    >>> print(f"{jax.grad(lambda g: ss.solve(state.problem.replace(g=g)).energy)(1.6):.5f}")
    -14.43599
    """
    expect_problem("solve", problem)
    if traced_parameters(problem):
        traced: Any = solve_traced(problem, lambda plain: solve_at_numbers(plain, guess, solver, throw=throw))
        lacks = shortcoming(traced.state, guess)
    else:
        traced = solve_at_numbers(problem, guess, solver, throw=throw)
        lacks = shortcoming(traced, guess)
    if lacks is not None:
        warnings.warn(f"solve: {lacks}", SolveWarning, stacklevel=2)
    return traced  # type: ignore[no-any-return]


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
