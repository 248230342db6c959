"""Inverse design: couplings whose spectrum has given masses and ratios of masses.

The targets are functions of exact masses (:mod:`.mass_derivatives`), so their Jacobian is exact, and SciPy's trust
region method for least squares with bounds (M. A. Branch, T. F. Coleman, Y. Li, *SIAM J. Sci. Comput.* **21** (1999) 1)
converges quadratically where all can be reached. Each state is found by Newton's method from the last one, moved along
its exact derivatives; a step on which the state jumps or is lost is shortened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.optimize
from jaxtyping import Float
from numpy import ndarray as Array

from .._checks import expect_count, expect_problem, is_number
from ..guesses.guess import Guess
from ..machine.arithmetic import numerical
from ..problem.problem import Problem
from ..search.solve import solve
from ..states.state import State
from .design_targets import SPECTRA, Targets
from .path_of_states import Path, StateLost

_ROUNDS = 6  # of following levels until their order at the end is the one asked for
_SMALLEST = 0.1  # scale of a coupling that is smaller: steps are relative to the scales
_DEAD = 1e-12  # relative change of a target for that of a coupling by its scale, below which it is rounding
_AT_BOUND = 1e-6  # distance to a bound, over the scale, at which a coupling is at it


@dataclass(frozen=True)
class Design:
    """Couplings found by :func:`design`, with their state.

    Attributes
    ----------
    couplings : dict of str to float
        The free couplings by name.
    state : State
        The state there, with its certificate.
    targets, values : dict of str to float
        What was asked for, and what the state has.
    residuals : ndarray of shape (n_targets,)
        value / target - 1, or the value itself where the target is 0.
    jacobian : ndarray of shape (n_targets, n_free)
        Exact derivatives of the values with respect to the couplings.
    status : str
        ``"reached"``, or what is nearest and why.
    steps : int
        Number of states computed.
    distance : float
        The largest modulus of a residual.
    """

    couplings: dict[str, float]
    state: State = field(repr=False)
    targets: dict[str, float]
    values: dict[str, float]
    residuals: Float[Array, " target"]
    jacobian: Float[Array, "target coupling"] = field(repr=False)
    status: str
    steps: int

    @property
    def distance(self) -> float:
        """The largest modulus of a residual."""
        return float(np.max(np.abs(self.residuals)))

    def __repr__(self) -> str:
        values = ", ".join(f"{name} = {value:.6g}" for name, value in self.values.items())
        shown = [f"{name} = {value:.6g}" for name, value in self.couplings.items()]
        more = ["..."] if len(shown) > 4 else []
        return f"Design({self.status} in {self.steps} states; {values}; {', '.join(shown[:4] + more)})"


@numerical
def design(
    problem: Problem,
    targets: Mapping[str, float],
    free: Sequence[str],
    *,
    guess: Guess | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    spectrum: str = "physical",
    ell: Sequence[int] = (0, 1),
    tol: float = 1e-8,
    max_steps: int = 100,
) -> Design:
    r"""Find couplings whose spectrum has given masses or ratios of masses.

    Minimises :math:`\sum_t(y_t(p)/y_t^* - 1)^2` over the free couplings by a trust region method with exact
    derivatives, starting from the couplings of ``problem``.

    Parameters
    ----------
    problem : Problem
        The problem at the couplings from which to start.
    targets : dict of str to float
        Values by name: ``"m2/m1"`` is the ratio of the second to the lightest mass, ``"m3"`` the third mass;
        ``"hierarchy"`` the largest mass over the smallest; ``"omega"``, ``"energy"``, ``"norm"``, and of a rotating
        state ``"charge"``, ``"charged_energy"``, ``"energy_per_charge"`` (E_Q / (m Q)); and the ratios of vacuum masses
        that the theory records, such as ``"mass_ratio"`` of :class:`OctaveHiggs`.
    free : sequence of str
        The couplings to vary, ``"norm"`` or ``"omega"`` included. :meth:`OctaveHiggs.split` makes couplings of single
        octaves.
    guess : profile or array or callable or State or MultiStart, optional
        Start of the first state, as for :func:`solve`.
    bounds : dict of str to (float, float), optional
        Smallest and largest value of some couplings.
    spectrum : {"physical", "box"}
        The masses that are numbered, in ascending order: those of the vacuum and of the bound states, or the square
        roots of the positive levels in the box at l = 0.
    ell : sequence of int, default (0, 1)
        Angular momenta of the bound states.
    tol : float, default 1e-8
        Largest relative distance of a value to its target that counts as reached.
    max_steps : int, default 100
        Limit on the number of states.

    Returns
    -------
    Design
        The couplings, with their state; ``status`` says whether the targets are reached.

    Raises
    ------
    ValueError
        If a target or coupling is unknown, a bound excludes the start, or the first state does not converge.

    Notes
    -----
    A mass is followed as the n-th level of its operator (the vacuum, or the state at one l), and the order of all
    masses is looked at again at the end: if other levels are then the ones named, the search continues with these.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - p["g"] * u[0]**4 / 4 + u[0]**6 / 8, params={"g": 1.6})
    >>> problem = ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0)
    >>> found = ss.design(problem, {"omega": 0.6}, ["g"])
    >>> print(found.status, f"g = {found.couplings['g']:.5f}")
    reached g = 2.22483
    """
    expect_problem("design", problem)
    aims, names = _numbers(targets), tuple(free)
    limits = _limits(names, bounds or {})
    if spectrum not in SPECTRA:
        raise ValueError(f"design: spectrum must be one of {', '.join(SPECTRA)}, got {spectrum!r}: choose one")
    if not (is_number(tol) and tol > 0):
        raise ValueError(f"design: tol must be a positive number, got {tol!r}: try 1e-8")
    expect_count("design: max_steps", max_steps, "try 100")
    known = [*problem.model.params, *(n for n in ("norm", "omega") if getattr(problem, n) is not None)]
    if missing := [name for name in names if name not in known]:
        raise ValueError(f"design: there is no coupling {missing[0]!r} to vary: choose from {', '.join(known)}")
    state = solve(problem, guess)
    if not state.converged:
        raise ValueError(f"design: the first state is not converged ({state.status}): give a guess")
    wanted = Targets(aims, spectrum, tuple(ell), state.problem.model)
    return _Search(wanted, Path(state, names), limits, tol, max_steps).run()


def _numbers(targets: Mapping[str, float]) -> dict[str, float]:
    if not targets or not all(is_number(value) for value in targets.values()):
        raise ValueError(f'design: targets must be numbers by name, got {targets!r}: e.g. {{"m2/m1": 1.372}}')
    return {name: float(value) for name, value in targets.items()}


def _limits(names: Sequence[str], bounds: Mapping[str, tuple[float, float]]) -> Array:
    """Smallest and largest values, (2, coupling)."""
    limits = np.tile([[-np.inf], [np.inf]], len(names))
    for name, pair in bounds.items():
        if name not in names:
            raise ValueError(f"design: bounds names {name!r}, which is not free: choose from {', '.join(names)}")
        if len(pair) != 2 or not all(isinstance(end, int | float) for end in pair) or not pair[0] < pair[1]:
            raise ValueError(f"design: bounds of {name} must be (low, high), got {pair!r}: correct them")
        limits[:, names.index(name)] = pair
    return limits


class _Ended(Exception):
    """The targets are reached, or the limit of steps is."""


class _Search:
    """The least-squares search.

    Its unknowns are the changes of the couplings over their scales; the first step is not longer than 1.
    """

    def __init__(self, targets: Targets, path: Path, limits: Array, tol: float, max_steps: int) -> None:
        self.targets, self.path, self.tol, self.max_steps = targets, path, tol, max_steps
        start = path.values
        for name, value, low, high in zip(path.names, start, *limits, strict=True):
            if not low <= value <= high:
                raise ValueError(
                    f"design: {name} = {value:g} of the problem is not within {low:g} and {high:g}: start there"
                )
        self.scales = np.where(np.abs(start) > _SMALLEST, np.abs(start), _SMALLEST)
        self.start, self.limits, self.trouble = start, (limits - start) / self.scales, ""

    def run(self) -> Design:
        """Rounds of least squares until the levels followed are the ones named, on a finer mesh if one is needed."""
        self._rounds()
        state = self.path.certified()
        if state.certificate.needs_finer_mesh and self.path.refine():
            self._rounds()
            state = self.path.certified()
        path, targets = self.path, self.targets
        levels = targets.levels(path, path.values, slopes=True)
        targets.follow(levels)
        values = targets.values(path, path.values, levels)
        residuals, jacobian = targets.residuals(values), targets.slopes(path, levels)
        return Design(
            couplings=dict(zip(path.names, path.values.tolist(), strict=True)),
            state=state,
            targets=targets.aims,
            values=dict(zip(targets.aims, values.tolist(), strict=True)),
            residuals=residuals,
            jacobian=jacobian,
            status=self._status(state, residuals, jacobian, targets.not_smooth(levels)),
            steps=path.count,
        )

    def _rounds(self) -> None:
        path, targets = self.path, self.targets
        targets.follow(targets.levels(path, path.values))
        for _ in range(_ROUNDS):
            self._least_squares()
            followed = dict(targets.modes)
            targets.follow(targets.levels(path, path.values))
            if targets.modes == followed or path.count >= self.max_steps:
                return
        self.trouble = "the masses cross there"

    def _least_squares(self) -> None:
        x, eps = self._unknowns, 4.0 * np.finfo(float).eps
        options: dict[str, Any] = {"ftol": eps, "xtol": eps, "gtol": eps}
        # "exact" takes a step as long as the trust region wherever there are more couplings than targets; "lsmr" looks
        # for its step in a plane, which one coupling does not have.
        if len(x) > 1:
            steps = {"atol": eps, "btol": eps, "maxiter": 10 * len(x), "regularize": False}
            options |= {"tr_solver": "lsmr", "tr_options": steps}
        self.trouble = ""
        try:
            found = scipy.optimize.least_squares(self._residuals, x, self._jacobian, tuple(self.limits), **options)
        except _Ended:
            return
        self.path.accept(self._values(found.x))

    @property
    def _unknowns(self) -> Array:
        return (self.path.values - self.start) / self.scales

    def _values(self, x: Array) -> Array:
        return self.start + x * self.scales

    def _residuals(self, x: Array) -> Array:
        """The residuals at x; infinite, so that the step is shortened, where the state or a mass is lost."""
        values = self._values(x)
        try:
            levels = self.targets.levels(self.path, values)
            found = self.targets.residuals(self.targets.values(self.path, values, levels))
        except (StateLost, ValueError) as error:
            self.trouble, found = str(error), np.full(len(self.targets.aims), np.inf)
        if np.max(np.abs(found)) <= self.tol:
            self.path.accept(values)
            raise _Ended
        if self.path.count >= self.max_steps:
            raise _Ended
        return found

    def _jacobian(self, x: Array) -> Array:
        """The Jacobian at x, which becomes the state from which the next ones are found."""
        self.path.accept(self._values(x))
        levels = self.targets.levels(self.path, self.path.values, slopes=True)
        return self.targets.slopes(self.path, levels) * self.scales / self.targets.sizes[:, None]

    def _status(self, state: State, residuals: Array, jacobian: Array, rough: list[str]) -> str:
        names, worst = list(self.targets.aims), int(np.argmax(np.abs(residuals)))
        if np.max(np.abs(residuals)) <= self.tol:
            reasons = "; ".join(state.certificate.reasons)
            return "reached" if state.certificate.certified else f"reached, but the state is not certified: {reasons}"
        changes = np.max(np.abs(jacobian * self.scales / self.targets.sizes[:, None]), axis=1)
        why = [f"{names[k]} changes with no free coupling" for k in np.flatnonzero(changes <= _DEAD)]
        x = self._unknowns
        for name, value, at, low, high in zip(self.path.names, self.path.values, x, *self.limits, strict=True):
            if min(at - low, high - at) <= _AT_BOUND:
                why.append(f"{name} is at its bound {value:.6g}")
        if self.path.count >= self.max_steps:
            why.append(f"stopped after {self.path.count} states")
        elif rough:
            why.append(f"{rough[0]} has no derivative where equal masses cross")
        elif not why:
            why.append(self.trouble or "no change of the free couplings brings it nearer")
        return f"nearest: {names[worst]} is off by {abs(residuals[worst]):.2g} of its target: {', '.join(why)}"
