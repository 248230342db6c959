"""States at many values of several parameters, each found from an accepted one by its exact derivatives."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy import ndarray as Array

from ..fluctuations.finer_mesh import carry_to_finer_mesh
from ..problem.couplings import parameters_of, with_couplings, with_vacuum
from ..problem.problem import DiscreteProblem
from ..problem.scales import OnScales, on_scales
from ..problem.transfer import satisfy_conditions
from ..solvers.base import Solution
from ..solvers.newton import Newton
from ..states.kinds import is_homogeneous
from ..states.stability import charge_and_energy, charged_mass
from ..states.state import State, make_state, reduced_state, restored_state
from .family import Family, family_of
from .mass_derivatives import Levels, mass_levels
from .sensitivity import functional_rates, motions, per_parameter, rotating_rates

_STEPS = 12  # of Newton's method: from a good prediction three to five are enough
_JUMP = 0.5  # distance of a state to its prediction, relative to its size, at which it may be of another branch

MEASURED = {
    "omega": "mass", "energy": "energy", "norm": "norm", "charge": "charge", "charged_energy": "energy",
    "energy_per_charge": "1",
}  # fmt: skip  # numbers of a state, with their units


class StateLost(Exception):
    """There is no state near the prediction, in words."""


class Path:
    """The states of a problem at any values of the parameters ``names``, found from the last accepted one."""

    def __init__(self, state: State, names: Sequence[str]) -> None:
        self.names, self._start, self.original, self.count = tuple(names), state, state.problem, 1
        self.state, self.scales = on_scales(state)
        self._solution: Solution = reduced_state(state)[0].solution
        given = parameters_of(state.problem)
        self.values = np.array([float(given[name]) for name in self.names])
        self._tried: dict[bytes, tuple[OnScales, Solution]] = {}

    def at(self, values: Array) -> OnScales:
        """The state at these values. Raises StateLost, or ValueError for values that the problem cannot have."""
        if np.array_equal(values, self.values):
            return self.state
        if values.tobytes() not in self._tried:
            self._tried[values.tobytes()] = self._find(values)
        return self._tried[values.tobytes()][0]

    def accept(self, values: Array) -> None:
        """Make the state at these values the one from which others are found."""
        if not np.array_equal(values, self.values):
            self.at(values)
            self.state, self._solution = self._tried[values.tobytes()]
            self.values = values.copy()
            self._changed()

    def refine(self) -> bool:
        """Continue on a mesh of order p + 4; False if the state is not found there."""
        problem, solution = carry_to_finer_mesh(self.state.problem, self.state.u)
        if solution.converged:
            self.state, self._solution = OnScales(problem, solution.u, solution.multiplier), solution
            self._changed()
        return solution.converged

    def certified(self) -> State:
        """The accepted state in the user's units, with its certificate."""
        if self.state.problem is on_scales(self._start)[0].problem:
            return self._start
        made = make_state(self.state.problem, self._solution)
        return restored_state(made, self.original, self.scales)

    def levels(self, values: Array, ell: Sequence[int], box: int, *, slopes: bool = False) -> list[Levels]:
        """The masses of the state at these values, in the user's units, with derivatives along the parameters."""
        return mass_levels(self.at(values), self.scales, self.names if slopes else (), ell=ell, box=box)

    def measured(self, values: Array) -> dict[str, float]:
        """The numbers of ``MEASURED`` of the state at these values; NaN where nothing rotates."""
        found = self._measured(self.at(values))
        return {name: found[name] * self.scales.unit(unit) for name, unit in MEASURED.items()}

    def _measured(self, state: OnScales) -> dict[str, float]:
        problem = state.problem
        energy, norm = problem.energy(state.u), problem.norm_of_state(state.u)
        omega, charge, charged = charge_and_energy(problem, state.u, state.multiplier)
        if problem.boundary == "decaying":  # part of the norm lies outside the domain
            charge = charged = math.nan
        per_charge = charged / (charged_mass(problem) * charge)
        found = {"energy": energy, "norm": norm, "omega": omega, "charge": charge, "charged_energy": charged}
        return {**found, "energy_per_charge": per_charge}

    def measured_slopes(self) -> dict[str, Array]:
        """Derivatives of :meth:`measured` at the accepted state, each (parameter,)."""
        state, (moved, shifts) = self.state, self._rates
        problem, values = state.problem, self._measured(state)
        rates: dict[str, list[float]] = {name: [] for name in MEASURED}
        for k, family in enumerate(self._families):
            point, per = family.point(state.u, state.multiplier), per_parameter(family)
            free = moved[k] / per - family.lift(problem)
            energy, norm = (per * rate for rate in functional_rates(family, point, free))
            changed = problem.norm_kinetic * (state.multiplier * norm + shifts[k] * values["norm"])
            found = {"energy": energy, "norm": norm, "multiplier": shifts[k], "action": energy - 0.5 * changed}
            found |= rotating_rates(problem, values, found, per * family.mass_rate())
            for name in MEASURED:
                rates[name].append(found[name])
        return {name: np.array(rates[name]) * self.scales.unit(unit) for name, unit in MEASURED.items()}

    def _changed(self) -> None:
        self._tried.clear()
        for name in ("_families", "_rates"):
            self.__dict__.pop(name, None)

    @functools.cached_property
    def _families(self) -> list[Family]:
        return [family_of(self.state.problem, name, self.scales) for name in self.names]

    @functools.cached_property
    def _rates(self) -> tuple[Array, Array]:
        """(du/dp, domega^2/dp), dimensionless, per unit of each parameter of the user."""
        moved, shifts = motions(self._families, self.state.u, self.state.multiplier)
        per = np.array([per_parameter(family) for family in self._families])
        return moved * per[:, None, None], shifts * per

    def _problem(self, values: Array) -> DiscreteProblem:
        near, couplings = self.state.problem, dict(zip(self.names, values.tolist(), strict=True))
        norm, omega = couplings.pop("norm", None), couplings.pop("omega", None)
        problem = with_couplings(near, couplings) if couplings else near
        if norm is not None:
            problem = with_vacuum(problem.replace(norm=norm / self.scales.unit("norm")), problem)
        if omega is not None:
            problem = with_vacuum(problem.replace(omega=omega / self.scales.unit("mass")), problem)
        return problem

    def _find(self, values: Array) -> tuple[OnScales, Solution]:
        self.count += 1
        problem = self._problem(values)
        predicted = self.state.u + np.tensordot(values - self.values, self._rates[0], 1)
        predicted = satisfy_conditions(problem, predicted)
        solution = Newton(target="stationary", max_steps=_STEPS).run(problem, predicted)
        if not solution.converged:
            raise StateLost(f"no state is found further on ({solution.status})")
        if is_homogeneous(problem, solution.u):
            raise StateLost("the state ends in the vacuum further on")
        missed, size = solution.u - predicted, solution.u - problem.vacuum.values
        if np.sum(missed * (problem.grid.mass_form @ missed)) > _JUMP**2 * np.sum(
            size * (problem.grid.mass_form @ size)
        ):
            raise StateLost("the state jumps to another branch further on")
        return OnScales(problem, solution.u, solution.multiplier), replace(solution, history=())
