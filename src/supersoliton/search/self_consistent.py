r"""Self-consistent couplings: a state whose couplings equal the effective couplings computed from it.

With the bare couplings b and the state u(c) at couplings c, the effective ones are :math:`F(c)=F(b;u(c))`, given by the
theory. They are computed from the bare couplings in every iteration, so corrections do not accumulate. An iteration is
the relaxed step :math:`c\leftarrow c+\alpha(F(c)-c)`, clipped to the allowed ranges. With one coupling and
:math:`\sigma=F'(c^*)` the error shrinks by :math:`1-\alpha(1-\sigma)` per iteration: it converges for :math:`\sigma<1`
if :math:`\alpha` is small enough, and never for :math:`\sigma>1`. If F jumps (the lowest state changes) there may be
no fixed point.

By default :math:`\alpha` is adapted to the last two differences :math:`d=F(c)-c`,
:math:`\alpha\leftarrow-\alpha\,d_{k-1}\cdot(d_k-d_{k-1})/|d_k-d_{k-1}|^2` (B. M. Irons, R. C. Tuck, *Int. J. Numer.
Methods Eng.* **1** (1969) 275), which for one coupling is the secant method, kept positive and bounded.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy import ndarray as Array

from .._checks import expect_problem
from ..guesses.guess import Guess, choose_guess, is_search, starting_fields
from ..machine.arithmetic import numerical
from ..problem.problem import DiscreteProblem, Problem
from ..solvers.base import CONVERGED, AbstractSolver, Solution
from ..solvers.newton import Newton
from ..states.state import State, make_state
from .feedback import SelfConsistent, recorded_names
from .lowest import find_solutions
from .same_state import is_lower

# (problem with the bare couplings, nodal fields) -> effective couplings by name.
Formulas = Callable[[DiscreteProblem, Array], Mapping[str, float]]
_TRIVIAL = 1e-6  # fields below this have fallen into the vacuum
_RELAXATION_BOUNDS = (1.0 / 64.0, 2.0)  # of the adapted relaxation; above 1 is over-relaxation
_WINDOW = 6  # the number of last iterations that convergence is judged by
_FAR = 1e6  # a coupling that moves by more than this times its own size diverges
_MAX_CHANGES = 3  # changes of the lowest state after which the iteration stops


@dataclass(frozen=True)
class Iteration:
    """One iteration: the couplings solved with, the effective ones, their relative difference, the relaxation."""

    fed: dict[str, float]
    effective: dict[str, float]
    residual: float
    relaxation: float
    energy: float


@dataclass(frozen=True)
class Iterated:
    """The result of the iteration. ``problem`` has the couplings of the last solve, ``solutions`` its states."""

    problem: DiscreteProblem
    solutions: list[Solution]
    status: str  # "converged", or why there is no fixed point, in words
    couplings: dict[str, float]
    residual: float  # infinite if there is no state
    tolerance: float
    history: tuple[Iteration, ...] = field(repr=False)

    @property
    def converged(self) -> bool:
        return self.status == CONVERGED

    @property
    def decades_off(self) -> float:
        """log10 of the residual over the tolerance; 20 if there is no residual."""
        return min(math.log10(max(self.residual, 1e-300) / self.tolerance), 20.0)


@dataclass(frozen=True)
class FixedPoint:
    """The result of :func:`self_consistent`: a state whose effective couplings are those that it was solved with.

    Attributes
    ----------
    state : State
        The last state.
    couplings : dict of str to float
        The couplings fed to ``state``.
    bare : dict of str to float
        The same couplings of the problem given.
    status : str
        ``"converged"``, or the reason why there is no fixed point.
    residual : float
        Largest relative difference between fed and effective couplings.
    history : tuple of Iteration
        Of each iteration: ``fed``, ``effective``, ``residual``, ``relaxation`` and ``energy``.
    converged : bool
        Whether a fixed point was reached.
    """

    state: State
    couplings: dict[str, float]
    bare: dict[str, float]
    status: str
    residual: float
    history: tuple[Iteration, ...] = field(repr=False)

    @property
    def converged(self) -> bool:
        """Whether a fixed point was reached."""
        return self.status == CONVERGED


@numerical
def self_consistent(
    problem: Problem,
    options: SelfConsistent | None = None,
    guess: Guess | None = None,
    solver: AbstractSolver | None = None,
    *,
    formulas: Formulas | None = None,
) -> FixedPoint:
    """Find a state whose effective couplings are those that it was solved with.

    Parameters
    ----------
    problem : Problem
        The problem with its bare couplings; it must have a grid.
    options : SelfConsistent, optional
        What is fed back, and how.
    guess : profile or array or callable or State or MultiStart, optional
        As for :func:`.solve`; :class:`MultiStart` if not given.
    solver : Newton or LBFGS or GradientFlow, optional
        The method; :class:`Newton` if not given.
    formulas : callable, optional
        ``formulas(problem, u)`` returns effective couplings by name from the problem with the bare couplings and fields
        u of shape (n_nodes, n_fields). Needed where the theory does not give them.

    Returns
    -------
    FixedPoint
        The last state, its couplings and the history.

    Raises
    ------
    ValueError
        If the options do not fit the model, the problem has no grid, or no start has a finite energy.

    Examples
    --------
    >>> import numpy as np
    >>> def formulas(problem, u):
    ...     return {"g": problem.model.params["g"] + 0.1 * np.max(u)}
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - p["g"] * u[0]**4 / 4 + u[0]**6 / 8, params={"g": 1.6})
    >>> problem = ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0)
    >>> found = ss.self_consistent(problem, ss.SelfConsistent(feedback=("g",)), formulas=formulas)
    >>> print(f"{found.couplings['g']:.6f}", found.status)
    1.734955 converged
    """
    expect_problem("self_consistent", problem)
    chosen = SelfConsistent() if options is None else options
    if not isinstance(problem, DiscreteProblem):
        raise ValueError("self_consistent: the averages need a mesh: give the problem a RadialGrid")
    found = iterate(problem, chosen, guess, Newton() if solver is None else solver, formulas)
    if not found.solutions:
        raise ValueError(f"self_consistent: there is no first state ({found.status}): give a guess")
    state = make_state(found.problem, found.solutions[0])
    bare = {name: float(problem.model.params[name]) for name in chosen.feedback}
    return FixedPoint(state, found.couplings, bare, found.status, found.residual, found.history)


def check_feedback(model: Any, options: SelfConsistent, formulas: Formulas | None = None) -> Formulas:
    """The formulas for a model. Raises ValueError if it has none, or none for a coupling that is fed back."""
    if formulas is None and options.closure not in model.closures:
        raise ValueError(
            f'self_consistent needs a theory that gives effective couplings in "{options.closure}", got '
            f"{type(model).__name__}: only ss.self_consistent(problem, options, formulas=...) takes others."
        )
    known = tuple(model.params) if formulas is not None else model.closures[options.closure]
    for name in options.feedback:
        if name not in known:
            raise ValueError(
                f'self_consistent.feedback: "{options.closure}" gives no effective {name!r}: '
                f"choose from {', '.join(known)}."
            )

    def in_the_medium(problem: DiscreteProblem, u: Array) -> Mapping[str, float]:
        """The theory's effective couplings, from the fields at the quadrature points."""
        grid = problem.grid
        return problem.model.effective_couplings(
            options.closure, options.fluctuation, grid.at_quadrature(u), grid.quadrature_weights
        )

    return formulas or in_the_medium


def iterate(
    problem: DiscreteProblem,
    options: SelfConsistent,
    guess: Any,
    solver: AbstractSolver,
    formulas: Formulas | None = None,
) -> Iterated:
    """Iterate to a fixed point. Physical failures are reported in the status, not raised."""
    return _Search(problem, options, guess, solver, check_feedback(problem.model, options, formulas)).run()


class _Search:
    """One fixed-point iteration: the current state, the relaxation and the history."""

    def __init__(
        self, problem: DiscreteProblem, options: SelfConsistent, guess: Any, solver: AbstractSolver, formulas: Formulas
    ) -> None:
        self.bare, self.options, self.solver, self.formulas = problem, options, solver, formulas
        self.guess = choose_guess(problem, guess, search=True)
        self.names = options.feedback
        self.start = np.array([float(problem.model.params[name]) for name in self.names])
        self.relaxation = options.relaxation
        self.history: list[Iteration] = []
        self.problem, self.solutions = problem, list[Solution]()
        self.changes = 0

    def run(self) -> Iterated:
        fed = self.clipped(self.start)
        while True:
            if (ended := self.solve(fed)) is not None:
                return self.end(ended, fed)
            effective = self.effective()
            residual = self.residual(fed, effective)
            self.note(fed, effective, residual)
            if residual <= self.options.tolerance and not self.lower_state():
                return self.end(CONVERGED, fed)
            if (ended := self.stopped(fed, effective)) is not None:
                return self.end(ended, fed)
            if self.options.adapt and len(self.history) > 1:
                self.relaxation = self.adapted()
            fed = self.clipped(fed + self.relaxation * (effective - fed))

    # One iteration

    def solve(self, fed: Array) -> str | None:
        """Solve at the couplings ``fed`` from the last state, else from the guess; returns the failure or None."""
        values = dict(zip(self.names, (float(x) for x in fed), strict=True))
        before = self.solutions
        try:
            problem = self.bare.replace(**values) if np.any(fed != self.start) else self.bare
            # sets the boundary values again, which move with the vacuum
            solutions = [self.solver.solve(problem, starting_fields(problem, before[0].u))] if before else []
            if not solutions or not solutions[0].converged or _is_trivial(problem, solutions[0].u):
                solutions = find_solutions(problem, self.solver, self.guess).solutions
        except ValueError as error:  # no vacuum at these couplings, or couplings that the model rejects
            return f"lost: no theory with a vacuum at {self.text(fed)} ({error})"
        if not solutions:
            return f"lost: no start has a finite energy at {self.text(fed)}"
        self.problem, self.solutions = problem, solutions
        if not solutions[0].converged:
            return f"lost: the solver failed at {self.text(fed)}: {solutions[0].status}"
        return None

    def effective(self) -> Array:
        given = self.formulas(self.bare, self.solutions[0].u)
        return np.array([float(given[name]) for name in self.names])

    def residual(self, fed: Array, effective: Array) -> float:
        scale = np.maximum(np.maximum(np.abs(self.start), np.abs(effective)), 1e-300)
        largest = float(np.max(np.abs(effective - fed) / scale))
        return largest if math.isfinite(largest) else math.inf

    def note(self, fed: Array, effective: Array, residual: float) -> None:
        named = [dict(zip(self.names, map(float, values), strict=True)) for values in (fed, effective)]
        energy = self.problem.energy(self.solutions[0].u)
        self.history.append(Iteration(named[0], named[1], residual, self.relaxation, energy))

    def clipped(self, values: Array) -> Array:
        limits = [self.options.clip.get(name, (-math.inf, math.inf)) for name in self.names]
        return np.array([min(max(x, low), high) for x, (low, high) in zip(values, limits, strict=True)])

    def lower_state(self) -> bool:
        """Whether a search at these couplings finds a lower state than the one followed; if so, switch to it."""
        if not is_search(self.guess) or len(self.history) == 1:
            return False
        lowest = find_solutions(self.problem, self.solver, self.guess).solutions
        if not lowest or not lowest[0].converged:
            return False
        followed, found = (self.problem.energy(solution.u) for solution in (self.solutions[0], lowest[0]))
        if not is_lower(found, followed, self.problem.energy_scale(self.solutions[0].u)):
            return False
        self.solutions = lowest
        self.changes += 1
        return True

    # Stopping

    def stopped(self, fed: Array, effective: Array) -> str | None:
        last = self.history[-1]
        far = np.abs(effective - self.start) > _FAR * np.maximum(np.abs(self.start), 1.0)
        if not math.isfinite(last.residual) or np.any(far):
            return f"diverges: the effective couplings are {self.text(effective)}"
        if self.changes >= _MAX_CHANGES:
            return "oscillates: the lowest state alternates between two, each with couplings that favour the other"
        if np.array_equal(self.clipped(fed + self.relaxation * (effective - fed)), fed):
            return (
                f"no fixed point within the clip: {self.text(fed)} is at its limit, the effective value is "
                f"{self.text(effective)}"
            )
        stuck = len(self.history) >= 3 * _WINDOW and not self.improves()
        return self.verdict() if stuck or len(self.history) >= self.options.max_iterations else None

    def verdict(self) -> str:
        """Status of an iteration that did not converge."""
        recent = [step.residual for step in self.history[-_WINDOW:]]
        if len(recent) >= _WINDOW and not self.improves():
            if self.alternates():
                name = self.worst()
                values = [step.fed[name] for step in self.history[-_WINDOW:]]
                return f"oscillates: {name} goes back and forth between {min(values):.6g} and {max(values):.6g}"
            if recent[-1] > recent[0]:
                return f"diverges: {self.text(self.fed())} moves away from the effective value"
        rate = (recent[-1] / recent[0]) ** (1.0 / (len(recent) - 1)) if len(recent) > 1 and recent[0] > 0 else math.nan
        return (
            f"not self-consistent within {len(self.history)} iterations: residual {recent[-1]:.1e}, "
            f"times {rate:.2g} per iteration"
        )

    def improves(self) -> bool:
        """Whether the smallest residual of the last iterations is below that of all before."""
        residuals = [step.residual for step in self.history]
        return min(residuals[-_WINDOW:]) < 0.9 * min(residuals[:-_WINDOW], default=math.inf)

    def alternates(self) -> bool:
        """Whether the effective coupling was alternately above and below the one solved with."""
        name = self.worst()
        signs = [math.copysign(1.0, step.effective[name] - step.fed[name]) for step in self.history[-_WINDOW:]]
        return sum(a != b for a, b in itertools.pairwise(signs)) >= 2

    def adapted(self) -> float:
        """The relaxation of Irons and Tuck, from the last two differences in units of each coupling."""
        before, last = (self.difference(step) for step in self.history[-2:])
        change = last - before
        square = float(change @ change)
        share = -self.relaxation * float(before @ change) / square if square > 0.0 else self.relaxation
        return min(max(share, _RELAXATION_BOUNDS[0]), _RELAXATION_BOUNDS[1])

    def difference(self, step: Iteration) -> Array:
        """F(c) - c, each coupling in units of the larger of its bare and its last effective value."""
        last = self.history[-1].effective
        scale = [max(abs(b), abs(last[n]), 1e-300) for n, b in zip(self.names, self.start, strict=True)]
        return np.array([step.effective[n] - step.fed[n] for n in self.names]) / np.array(scale)

    def worst(self) -> str:
        """The name of the coupling with the largest difference."""
        return self.names[int(np.argmax(np.abs(self.difference(self.history[-1]))))]

    def fed(self) -> Array:
        return np.array([self.history[-1].fed[name] for name in self.names])

    def text(self, values: Sequence[float] | Array) -> str:
        return ", ".join(f"{name} = {value:.6g}" for name, value in zip(self.names, values, strict=True))

    def end(self, status: str, fed: Array) -> Iterated:
        couplings = dict(zip(self.names, (float(x) for x in fed), strict=True))
        residual = self.history[-1].residual if self.history and not status.startswith("lost") else math.inf
        tolerance = self.options.tolerance
        return Iterated(self.problem, self.solutions, status, couplings, residual, tolerance, tuple(self.history))


def _is_trivial(problem: DiscreteProblem, u: Array) -> bool:
    """Whether the fields that carry the norm have vanished."""
    return bool(np.max(np.abs(u[:, problem.carries_norm > 0]), initial=0.0) < _TRIVIAL)


def recorded(found: Iterated) -> Mapping[str, float]:
    """Recorded values of a trial: iterations, residual, and each effective coupling by name."""
    residual = found.residual if math.isfinite(found.residual) else math.nan
    numbers = (float(len(found.history)), residual, *found.couplings.values())
    return dict(zip(recorded_names(found.couplings), numbers, strict=True))
