"""Find a state, and describe and print it and its spectrum."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ..config import Config
from ..evaluate.evaluation import score_state
from ..fluctuations.spectrum import channels_of, physical_masses, spectrum
from ..scores import registry
from ..scores.targets import hits_in_words, hits_of
from ..search.saddle import find_solitons
from ..search.self_consistent import iterate
from ..search.solve import explained
from ..states import certificate as limits
from ..states.headline import headline_rows, verdict
from ..states.kinds import Kind
from ..states.state import State, make_state
from ..theory.whole_line import theory_of
from .tables import number, print_table, simple_table

_SHOWN_MODES = 10
_NULL = "null_"  # prefix of the outputs of a score that describe its null, which have separate columns
_SMALLEST_LISTED = 0.01  # fraction of the strongest field below which a field is not listed


def find_state(config: Config, point: Mapping[str, float]) -> tuple[State, dict[str, Any] | None]:
    """The lowest state found from the configured guess (many starts, unless one is given), and None.

    With self-consistent couplings, the state at their fixed point, and the result of the iteration as plain data.
    """
    problem = config.problem_at(point)
    options, fed = config.problem.self_consistent, None
    if options is None:
        solutions = find_solitons(problem, config.solver, config.guess).solutions
    else:
        found = iterate(problem, options, config.guess, config.solver)
        bare = {name: float(problem.model.params[name]) for name in options.feedback}
        problem, solutions = found.problem, found.solutions
        fed = {"status": found.status, "iterations": len(found.history), "residual": found.residual}
        fed |= {"bare": bare, "effective": dict(found.couplings)}
    if not solutions:
        raise ValueError(
            "no start of this problem has a finite energy: check the couplings, or give a [problem.guess]."
        )
    return explained(make_state(problem, solutions[0])), fed


def describe_scores(config: Config, state: State) -> dict[str, Any]:
    """The scores that a trial of a scan records of a state, as plain data; or why there are none."""
    if state.problem.model.ends is not None:  # a trial takes no spectrum of an energy density
        return {"scores": {}, "hits": [], "no_scores": ""}
    try:
        scores, hits = score_state(config, state)
    except ValueError as error:  # more modes are asked for than the mesh has
        return {"scores": {}, "hits": [], "no_scores": str(error)}
    return {"scores": scores, "hits": hits_in_words(hits), "no_scores": ""}


def describe_state(state: State) -> dict[str, Any]:
    """The printed numbers of a state, as plain data."""
    names = theory_of(state.problem.model).names_in_space
    centre = dict(zip(names, (float(value) for value in state(0.0)), strict=True))
    far = state(state.grid.r_max) if state.problem.on_line else state.problem.vacuum.values
    vacuum = dict(zip(centre, (float(value) for value in far), strict=True))
    return {
        "kind": state.certificate.kind,
        "status": state.status,
        "converged": state.converged,
        "steps": state.steps,
        "seconds": state.solution.seconds,
        "energy": state.energy,
        "norm": state.norm,
        "multiplier": state.multiplier,
        "action": state.action,
        "numbers": headline_rows(state),
        "verdict": verdict(state),
        "centre": centre,
        "vacuum": vacuum,
        "recorded": {name: float(value) for name, value in theory_of(state.problem.model).record(state).items()},
        "certified": state.certificate.certified,
        "certificate": {key: _plain(value) for key, value in asdict(state.certificate).items()},
    }


def print_state(console: Console, data: Mapping[str, Any]) -> None:
    _print_point(console, data)
    table = _pairs(
        f"{data['kind']}: {data['status']} after {data['steps']} steps; {data['whole_seconds']:.1f} s in all"
    )
    for name, text in data["numbers"]:
        table.add_row(escape(name), escape(text), "")  # E[f] is no markup
    soliton = (kind := Kind.of(data["kind"])) is not None and kind.localised
    sizes = {f: abs(value - (data["vacuum"][f] if soliton else 0.0)) for f, value in data["centre"].items()}
    for field, value in data["centre"].items():
        if sizes[field] > _SMALLEST_LISTED * max(sizes.values()) > 0:
            table.add_row(f"{field} at r = 0", f"{value:.6g}", f"vacuum {data['vacuum'][field]:.6g}")
    if left := sum(size <= (least := _SMALLEST_LISTED * max(sizes.values())) for size in sizes.values()):
        table.add_row(f"{left} more field{'s' * (left > 1)}", f"below {least:.2g}", "")
    console.print(table)
    if data.get("self_consistent"):
        console.print(_feedback_table(data["self_consistent"]))
    _print_scores(console, data)
    console.print(_certificate_table(data))
    for reason in data["certificate"]["reasons"]:
        console.print(f"  ! {reason}", markup=False)
    console.print(Text("saved " + ", ".join(data["saved"])), soft_wrap=True)


# Scores that `solve` prints.
_PRINTED = ("fractal_score", "hierarchy", "hierarchy_bonus", "enhanced_score", "target_hits")


def _print_scores(console: Console, data: Mapping[str, Any]) -> None:
    table = _pairs("observables and scores")
    columns = registry.outputs(registry.SCORES)
    for name, value in data["recorded"].items():
        table.add_row(name.replace("_", " "), number(value, 6), "")
    for name in _PRINTED if data.get("scores") else ():
        table.add_row(columns[name].label, number(data["scores"][name], 6), "")
    console.print(table)
    if data.get("no_scores"):
        console.print(f"no scores: {data['no_scores']}", markup=False)
    if data.get("hits"):
        console.print(Text("targets hit: " + "; ".join(data["hits"])))


def _feedback_table(fed: Mapping[str, Any]) -> Table:
    status = "self-consistent" if fed["status"] == "converged" else fed["status"]
    table = _pairs(f"{status} after {fed['iterations']} iterations")
    for name, value in fed["effective"].items():
        table.add_row(name, f"{value:.12g}", f"bare {fed['bare'][name]:.12g}")
    table.add_row("difference", _small(fed["residual"]), "relative, between assumed and effective couplings")
    return table


def _certificate_table(data: Mapping[str, Any]) -> Table:
    c = data["certificate"]
    table = _pairs("certificate: " + ("all checks passed" if data["certified"] else "not certified"))
    table.add_row("residual", _small(c["residual"]), f"relative, dual norm; below {limits.RESIDUAL_LIMIT:.0e}")
    table.add_row("discretisation", _small(c["discretisation"]), "relative error of E, from a finer mesh")
    table.add_row("box", _small(c["box"]), "relative error of E due to the finite box")
    table.add_row("virial identity", _small(c["virial"]), f"relative; below {limits.VIRIAL_LIMIT:.0e}")
    table.add_row("negative modes", str(c["negative_modes"]), "at ℓ = 0, at fixed norm if any; 0 means a minimum")
    table.add_row("translation mode", _small(c["translation_mode"]), "eigenvalue of u′(r) at ℓ = 1; exactly 0")
    table.add_row("tail", number(c["tail"], 7), "measured decay rate over the mass gap; 1 in a wide enough box")
    table.add_row("norm at the boundary", _small(c["boundary_fraction"]), "fraction in the outer tenth of the box")
    return table


def describe_spectrum(config: Config, state: State) -> dict[str, Any]:
    """Thresholds, bound states of each angular momentum, box modes and scores, as plain data."""
    channels = {
        ell: spectrum(state, n_modes=config.spectrum.n_modes, ell=ell)
        for ell in channels_of(state.problem, config.spectrum.ell)
    }
    lowest = channels[0]
    chosen = (*registry.SCORES, *config.own_scores)
    spectra = {"box": lowest.masses, "physical": physical_masses(list(channels.values()))}
    scores = {
        name: registry.measure(masses, config.score, chosen) | {"n_masses": len(registry.distinct(masses))}
        for name, masses in spectra.items()
    }
    return {
        "kind": state.certificate.kind,
        "verdict": verdict(state),
        "numbers": [f"{number.symbol} = {number.text}" for number in state.headline],
        "energy": state.energy,
        "multiplier": state.multiplier,
        "negative_modes": state.certificate.negative_modes,
        "zero": {str(ell): modes.zero_modes.tolist() for ell, modes in channels.items()},
        "thresholds": lowest.thresholds.tolist(),
        "continuum": lowest.continuum.tolist(),
        "bound": {str(ell): modes.bound.tolist() for ell, modes in channels.items()},
        "negative": {str(ell): modes.negative.tolist() for ell, modes in channels.items()},
        "box_eigenvalues": lowest.eigenvalues.tolist(),
        "targets": config.score.targets,
        "scores": scores,
        "recorded": {name: float(value) for name, value in theory_of(state.problem.model).record(state).items()},
        "hits": {name: [str(hit) for hit in hits_of(registry.distinct(masses), config.score.targets)]
                 for name, masses in spectra.items()},
    }  # fmt: skip


def print_spectrum(console: Console, data: Mapping[str, Any]) -> None:
    _print_point(console, data)
    console.print(f"{data['kind']}: {', '.join(data['numbers'])}")
    console.print(_levels("thresholds (vacuum masses)", data["thresholds"]))
    console.print(f"continuum of this operator begins at λ = {number(min(data['continuum']), 7)}")
    table = simple_table("ℓ", "λ", "mass √λ", "", title="bound states, below the continuum")
    for ell, levels in data["bound"].items():
        for level in levels:
            word = "translation" if level in data["zero"][ell] else "negative" if level < 0 else ""
            table.add_row(ell, f"{level:.9g}", f"{math.sqrt(level):.7g}" if level > 0 else "–", word)
    if any(data["bound"].values()):
        print_table(console, table)
    else:
        console.print("no bound states")
    console.print(f"negative modes at ℓ = 0, at fixed norm if any: {data['negative_modes']} (0: a minimum)")
    if data["verdict"]:
        console.print(f"rotating state: {data['verdict']}")
    modes = [math.copysign(math.sqrt(abs(level)), level) for level in data["box_eigenvalues"]]
    console.print(_levels(f"lowest of {len(modes)} box modes at ℓ = 0, sign(λ)·√|λ|", modes[:_SHOWN_MODES]))
    apart = (_NULL, "shape_")  # the null of equal shape needs a trial
    names = [key for key in data["scores"]["box"] if key != "n_masses" and not key.startswith(apart)]
    table = simple_table(
        "spectrum", "masses", *names, "null", "percentile",
        title=f"scores ({data['targets']} targets); null: fractal score of random log-uniform spectra of equal span",
    )  # fmt: skip
    for name, row in data["scores"].items():
        null = f"{row['null_mean']:.4f} ± {row['null_std']:.4f}" if math.isfinite(row["null_mean"]) else "–"
        cells = [number(row[key]) for key in names]
        table.add_row(name, str(row["n_masses"]), *cells, null, number(row["null_percentile"], 3))
    print_table(console, table)
    for name, hits in data["hits"].items():
        if hits:
            console.print(Text(f"targets hit by the {name} spectrum: {'; '.join(hits)}"))
    recorded = (f"{name.replace('_', ' ')} {number(value)}" for name, value in data["recorded"].items())
    if data["recorded"]:
        console.print(", ".join(recorded))


def _print_point(console: Console, data: Mapping[str, Any]) -> None:
    if data["point"]:
        values = ", ".join(f"{name} = {value:.6g}" for name, value in data["point"].items())
        console.print(f"at the middle of the scanned ranges: {values}")


def _levels(title: str, levels: list[float]) -> str:
    return f"{title}: " + "  ".join(f"{level:.5g}" for level in levels)


def _pairs(title: str) -> Table:
    table = simple_table("", "", "", title=title)
    table.show_header = False
    table.columns[2].justify = "left"
    table.columns[2].style = "dim"
    for column in table.columns[1:]:
        column.no_wrap = False  # words continue on the next line of a narrow terminal
    return table


def _small(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.1e}"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
