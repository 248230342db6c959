"""The evaluation of a trial: couplings -> state -> certificate -> spectrum -> scores, as one picklable function."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy import ndarray as Array

from ..config.configuration import Config
from ..config.constraints import OF_EVERY_TRIAL, chosen
from ..config.objectives import WHERE, functions_of
from ..fluctuations.finer_mesh import carry_to_finer_mesh
from ..fluctuations.oscillations import Oscillations, oscillations
from ..fluctuations.particles import particle_modes
from ..fluctuations.spectrum import Modes, channels_of, physical_masses, spectrum, vacuum_levels
from ..guesses.multistart import MultiStart
from ..guesses.trained.warm_start import untrained
from ..machine.arithmetic import numerical
from ..problem.problem import DiscreteProblem
from ..scores import registry
from ..scores.score import Shape
from ..scores.targets import hits_in_short
from ..search.kinks import KinkError
from ..search.lowest import ANALYTIC, SearchResult
from ..search.saddle import find_solitons
from ..search.self_consistent import Iterated, iterate, recorded
from ..states import observables
from ..states.certificate import RESIDUAL_LIMIT
from ..states.kinds import BOUNDARY_LIMIT, Kind
from ..states.stability import Rotation
from ..states.state import State, make_state, reduced_state, restored_state
from .transition import Nucleated, nucleate
from .trial_result import TrialResult

_RESOLVED = 1e-4  # relative error of the energy above which a state may be an artefact of the mesh


@dataclass(frozen=True)
class Evaluation(TrialResult):
    """The result of a trial, with its state."""

    state: State | None = field(repr=False)


class _Clock:
    """Seconds of each stage."""

    def __init__(self) -> None:
        self.start = self.last = time.perf_counter()
        self.stages: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.stages[stage] = now - self.last
        self.last = now

    def total(self) -> dict[str, float]:
        return {**self.stages, "total": time.perf_counter() - self.start}


@numerical
def evaluate(cfg: Config, point: Mapping[str, float]) -> Evaluation:
    """Evaluate one set of couplings.

    Physical failures, such as a missing vacuum or a solver that does not converge, are recorded in ``status``, ``kind``
    and ``constraints``. A ``ValueError`` means that the point is not valid for the configuration.
    """
    clock, couplings = _Clock(), {name: float(value) for name, value in point.items()}
    problem = cfg.problem_at(couplings)
    if cfg.transition is not None:
        return _of_transition(cfg, nucleate(problem.model, cfg.transition), couplings, clock)
    try:
        lightest = observables.lightest_squared(problem)
    except ValueError as error:  # no vacuum: the potential has no minimum at these couplings
        return _without_state(couplings, str(error), clock)
    clock.lap("vacuum")
    try:
        problem, found, fixed = _search(cfg, problem)
    except KinkError as error:
        return _without_state(couplings, str(error), clock)
    lightest = observables.lightest_squared(problem) if fixed is not None and found.solutions else lightest
    clock.lap("state")
    if not found.solutions:
        return _without_state(couplings, fixed.status if fixed else "diverged: no start has a finite energy", clock)
    state = make_state(problem, found.solutions[0])
    clock.lap("certificate")
    # Results from a predicted start must pass the certificate; otherwise search again without predictions.
    if found.start != ANALYTIC and isinstance(guess := cfg.guess, MultiStart) and not state.certificate.solved:
        found, state = _search_again(cfg, problem, guess, found)
        clock.lap("state_again")
    if state.certificate.needs_finer_mesh:
        state = _on_finer_mesh(state)
        clock.lap("finer_mesh")
    modes, oscillating = _modes(cfg, state), _oscillating(cfg, state)
    clock.lap("spectrum")
    scores, hits = _scores(cfg, state, modes, oscillating)
    clock.lap("scores")
    values = {
        **scores,
        **problem.model.record(state),
        **({"lightest_squared": lightest} | _measurements(state)),
        "spectrum_error": max((one.mass_error for one in modes.values()), default=math.nan),
        **_costs(state, found),
        **(recorded(fixed) if fixed else {}),
    }
    status, reasons, constraints = state.status, state.certificate.reasons, constraints_of(state, values)
    constraints |= chosen(cfg.scan.constraints, values)
    if fixed is not None:
        constraints["self_consistent"] = -1.0 if fixed.converged else max(fixed.decades_off, 1e-3)
        if not fixed.converged:
            status, reasons = fixed.status, (*reasons, fixed.status)
    return Evaluation(
        point=couplings,
        status=status,
        kind=state.certificate.kind,
        reasons=reasons,
        values=values,
        constraints=constraints,
        hits=hits,
        seconds=clock.total(),
        spectra=_spectra(modes, oscillating),
        start=found.start,
        state=state,
    )


def _search_again(
    cfg: Config, problem: DiscreteProblem, guess: MultiStart, found: SearchResult
) -> tuple[SearchResult, State]:
    again = find_solitons(problem, cfg.solver, untrained(guess))
    found = again._replace(steps=found.steps + again.steps, untrained_steps=found.untrained_steps)
    return found, make_state(problem, found.solutions[0])


def _of_transition(cfg: Config, found: Nucleated, point: dict[str, float], clock: _Clock) -> Evaluation:
    """The trial of a transition: its state is the bounce at the nucleation temperature."""
    clock.lap("state")
    if found.state is None:
        return replace(_without_state(point, found.status, clock), kind=found.kind, values=found.values)
    state = found.state
    modes = _modes(cfg, state)
    clock.lap("spectrum")
    scores, hits = _scores(cfg, state, modes, {})
    clock.lap("scores")
    values = {
        **scores,
        **state.problem.model.record(state),
        "lightest_squared": float(state.problem.vacuum.masses_squared[0]),
        **_measurements(state),
        "spectrum_error": max((one.mass_error for one in modes.values()), default=math.nan),
        **_costs(state, SearchResult([], state.tunnelling.compared if state.tunnelling else 1, steps=state.steps)),
        **found.values,
    }
    return Evaluation(
        point=point,
        status=found.status,
        kind=found.kind,
        reasons=state.certificate.reasons,
        values=values,
        constraints=constraints_of(state, values) | chosen(cfg.scan.constraints, values),
        hits=hits,
        seconds=clock.total(),
        spectra=_spectra(modes, {}),
        start=ANALYTIC,
        state=state,
    )


def _search(cfg: Config, problem: DiscreteProblem) -> tuple[DiscreteProblem, SearchResult, Iterated | None]:
    """The states found; with self-consistent couplings those of the fixed point, or of the last iteration."""
    if cfg.problem.self_consistent is None:
        return problem, find_solitons(problem, cfg.solver, cfg.guess), None
    fixed = iterate(problem, cfg.problem.self_consistent, cfg.guess, cfg.solver)
    return fixed.problem, SearchResult(fixed.solutions, len(fixed.solutions)), fixed


def _on_finer_mesh(state: State) -> State:
    """The state on a mesh of order p + 4 if it is certified there, so that the mesh does not decide; else itself."""
    inner, scales = reduced_state(state)
    finer = make_state(*carry_to_finer_mesh(inner.problem, inner.u))
    return restored_state(finer, state.problem, scales) if finer.certificate.certified else state


def _modes(cfg: Config, state: State) -> dict[int, Modes]:
    model = state.problem.model
    if not np.all(np.isfinite(state.u)) or model.ends is not None:
        return {}  # e(u, u', r) does not say how fluctuations move
    out = {}
    for ell in channels_of(state.problem, cfg.spectrum.ell):
        # For l > 0 only bound states are recorded; spectrum() returns all of them for any n_modes.
        wanted = cfg.spectrum.n_modes if ell == 0 else 1
        modes = spectrum(state, n_modes=wanted, ell=ell, fast=True)
        iterated = cfg.score.spectrum == "physical" and model.ends is None
        out[ell] = particle_modes(state, modes) if iterated else modes
    return out


def _oscillating(cfg: Config, state: State) -> dict[int, Oscillations]:
    """The oscillations at each angular momentum if they are scored; none of a state that does not rotate."""
    if cfg.score.spectrum != "oscillations" or not (state.converged and state.multiplier > 0):
        return {}
    return {ell: oscillations(state, ell, fast=True) for ell in channels_of(state.problem, cfg.spectrum.ell)}


def _spectra(modes: dict[int, Modes], oscillating: dict[int, Oscillations]) -> dict[str, Array]:
    """The recorded spectra by name."""
    spectra = {f"bound_{ell}": mode.bound for ell, mode in modes.items()}
    spectra |= {f"oscillations_{ell}": found.bound for ell, found in oscillating.items()}
    if lowest := modes.get(0):
        spectra |= {"box": lowest.masses, "thresholds": lowest.thresholds, "continuum": lowest.continuum}
    return spectra


def _costs(state: State, found: SearchResult) -> dict[str, float]:
    return {
        "n_distinct": float(found.relaxed),
        "steps": float(state.steps),
        "newton_steps": float(found.steps),
        "steps_saved": found.untrained_steps - found.steps,
    }


def score_state(cfg: Config, state: State) -> tuple[dict[str, float], str]:
    """Every score that a trial records of a state, and the targets that its spectrum hits."""
    return _scores(cfg, state, _modes(cfg, state), _oscillating(cfg, state))


def _scores(
    cfg: Config, state: State, modes: dict[int, Modes], oscillating: dict[int, Oscillations]
) -> tuple[dict[str, float], str]:
    """Every score of the spectrum that is scored, the user's objectives, and the targets that the spectrum hits."""
    scores = (*registry.SCORES, *registry.read_scores(cfg.score.own))
    if not (oscillating if cfg.score.spectrum == "oscillations" else modes):
        return dict.fromkeys(registry.outputs(scores), float("nan")) | _functions(cfg, state, modes), ""
    # the lowest continuum of fluctuations, where bound masses end
    edge = math.sqrt(max(modes[0].continuum[0], 0.0)) if np.isfinite(modes[0].continuum).all() else math.nan
    if cfg.score.spectrum == "box":
        masses = modes[0].masses
        levels = vacuum_levels(state.problem, modes[0].continuum, 0, len(modes[0].eigenvalues))
        shape = Shape(np.sqrt(levels[levels > 0]), edge)
    elif oscillating:
        waves = oscillating[0].thresholds
        waves, edge = waves[np.isfinite(waves) & (waves > 0)], float(waves[0])
        masses = np.concatenate([waves, *(found.bound for found in oscillating.values())])
        shape = Shape(waves, edge, all_of_them=True)
    else:
        masses = physical_masses(list(modes.values()))
        shape = Shape(registry.distinct(modes[0].thresholds[np.isfinite(modes[0].thresholds)]), edge, all_of_them=True)
    found = registry.measure(masses, cfg.score, scores, shape if math.isfinite(edge) and edge > 0 else None)
    return found | _functions(cfg, state, modes), hits_in_short(masses, cfg.score.targets)


def _functions(cfg: Config, state: State, modes: dict[int, Modes]) -> dict[str, float]:
    """The values of the user's functions among the objectives, NaN without a spectrum where the theory has one."""
    values, has_none = {}, state.problem.model.ends is not None and bool(np.all(np.isfinite(state.u)))
    for name, function in functions_of(cfg.scan.objectives).items():
        found = function(state, modes[min(modes)] if modes else None) if modes or has_none else math.nan
        if np.ndim(found) or not np.isrealobj(found):
            raise TypeError(f"{WHERE}: {name} must return a number, got {type(found).__name__}")
        values[name] = float(found)
    return values


def _measurements(state: State) -> dict[str, float]:
    c = state.certificate
    has_norm = state.problem.norm is not None or state.problem.omega is not None
    carriers = state.problem.carries_norm > 0
    return {
        "energy": state.energy,
        "energy_per_norm": state.energy / state.norm if has_norm else float("nan"),
        "norm": state.norm,
        "action": state.action,
        "multiplier": state.multiplier if has_norm else float("nan"),
        "omega_squared": state.multiplier if has_norm else float("nan"),
        "size": observables.size(state),
        "largest_amplitude": float(np.max(np.abs(state.u[:, carriers]), initial=0.0)),
        "residual": c.residual,
        "discretisation": c.discretisation,
        "box": c.box,
        "virial": c.virial,
        "negative_modes": float(c.negative_modes),
        "translation_mode": c.translation_mode,
        "tail": c.tail,
        "boundary_fraction": c.boundary_fraction,
        "certified": float(c.certified),
        **_rotation(c.rotation),
        # those of the theory last: it may have a charge and an energy of its own
        **(state.observables if np.all(np.isfinite(state.u)) else {}),
    }


def _rotation(found: Rotation | None) -> dict[str, float]:
    """The numbers of a rotating state; NaN without one."""
    nan = float("nan")
    known = found is not None and found.rotates
    return {
        "omega": found.omega if found else nan,
        "charge": found.charge if found else nan,
        "charged_energy": found.energy if found else nan,
        "energy_per_charge": found.energy_per_charge if found else nan,
        "charge_slope": found.charge_slope if found and known else nan,
        "modes_at_fixed_charge": float(sum(found.modes_at_fixed_charge)) if found and known else nan,
        "minimum_at_fixed_norm": float(found.minimum_at_fixed_norm) if found else nan,
        "classically_stable": float(found.classically_stable) if found else nan,
    }


def constraints_of(state: State, values: Mapping[str, float]) -> dict[str, float]:
    """Constraints by name: those of every theory and those of this one. A value <= 0 means satisfied.

    A positive value measures the violation, for the sampler.
    """
    c, model = state.certificate, state.problem.model
    out = {
        "converged": -1.0 if state.converged else _decades(c.residual, RESIDUAL_LIMIT),
        "localised": min(-1e-3, _decades(c.boundary_fraction, BOUNDARY_LIMIT)) if c.localised else 1.0,
        "resolved": _decades(c.discretisation, _RESOLVED),
        "stable": -0.5 if not c.unstable else c.negative_modes - 0.5 if c.negative_modes > 0 else 1.0,
        "vacuum_stable": -values["lightest_squared"],
        "amplitude": model.min_amplitude - values["largest_amplitude"],
        "finite_energy": -1.0 if math.isfinite(state.energy) else 1.0,
        **model.violations(values),
    }
    if c.kind is Kind.DELOCALISED:
        out["localised"] = max(1e-3, _decades(c.boundary_fraction, BOUNDARY_LIMIT))
    return {name: value if math.isfinite(value) else 1.0 for name, value in out.items()}


def _decades(value: float, limit: float) -> float:
    """log10(value / limit), within [-20, 20]; 1 if the value is not finite."""
    return float(np.clip(math.log10(max(value, 1e-300) / limit), -20.0, 20.0)) if math.isfinite(value) else 1.0


def _without_state(point: dict[str, float], status: str, clock: _Clock) -> Evaluation:
    return Evaluation(
        point=point,
        status=status,
        kind=Kind.UNCONVERGED,
        reasons=(status,),
        values={},
        constraints=dict.fromkeys(OF_EVERY_TRIAL, 1.0),
        hits="",
        seconds=clock.total(),
        spectra={},
        start="",
        state=None,
    )
