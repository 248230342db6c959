"""The results of a scan in sentences, made from its record only."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...config.constraints import CONSTRAINTS
from ...scores.registry import outputs
from ...states.kinds import Kind
from .records import Record, Trial

CONSTRAINT_WORDS = {
    "converged": "the solver converged",
    "localised": "the state is localised",
    "resolved": "the mesh resolves the state",
    "stable": "the state has as many negative modes at fixed norm as its kind must have: none for a Q-ball (a minimum "
    "of E at its norm, which is not the stability of the rotating state), one for a bounce",
    "vacuum_stable": "the vacuum around it is stable",
    "finite_energy": "the energy is finite",
    "scored": "every objective has a value",
}

# The sentence for a scan whose trials all ended as one kind.
_EVERYWHERE: dict[str, str] = {
    Kind.VACUUM: "Only the vacuum was found, at every point of the scan: no soliton was found to be scored",
    Kind.CONDENSATE: "The fields condense at every point of the scan: a homogeneous non-zero state fills the box, "
    "which is not a soliton",
    Kind.UNCONVERGED: "No trial converged, so the scan found no states",
}


def summary_sentences(record: Record) -> list[str]:
    """The results in full sentences, the most important first."""
    sentences = [_what_ran(record)]
    if not record.trials:
        return [*sentences, "No trial finished, so there is nothing to rank."]
    sentences.append(_what_was_found(record))
    sentences += [_rotating(record), _feasibility(record), _soft_modes(record)]
    group, who = scored_trials(record), "feasible trials" if record.feasible else "converged trials"
    for score in record.scores if is_scored(record) else ():
        sentences += score.sentences({name: _values(group, name) for name in score.outputs}, who)
    return [sentence for sentence in sentences if sentence]


def is_scored(record: Record) -> bool:
    """Whether the scan has a score as an objective; else the page says nothing of scores and their nulls."""
    return not {*record.objectives}.isdisjoint(outputs(record.scores))


def constraint_words(record: Record) -> dict[str, str]:
    """What each constraint demands, as a clause, including those of the theory."""
    amplitude = f"a field that carries the norm reaches {record.theory.min_amplitude:g}"
    asked = {name: constraint.words for name, constraint in CONSTRAINTS.items()}
    return {**CONSTRAINT_WORDS, **asked, "amplitude": amplitude, **record.theory.constraints}


def join_words(parts: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def count_words(count: int, kind: str) -> str:
    return f"{count} {kind_words(kind)[count != 1]}"


def kind_words(kind: str) -> tuple[str, str]:
    """Singular and plural; the word itself if another version wrote it."""
    known = Kind.of(kind)
    return (kind, kind) if known is None else known.words


def _what_ran(record: Record) -> str:
    finished = len(record.trials)
    text = f"{finished} {'trial' if finished == 1 else 'trials'} finished"
    text += f", {len(record.failed)} failed" if record.failed else ", none failed"
    text += f", {record.unfinished} unfinished" if record.unfinished else ""
    spent = [trial.seconds for trial in record.trials if math.isfinite(trial.seconds) and not trial.recalled]
    if sum(spent) > 0:
        text += f"; a trial takes {np.median(spent):.2g} s of one process (median)"
    recalled = sum(trial.recalled for trial in record.trials)
    text += f"; {recalled} came from the cache of evaluations" if recalled else ""
    return text + "."


def _what_was_found(record: Record) -> str:
    counts = record.counts()
    total = len(record.trials)
    solitons = [trial for trial in record.trials if trial.is_soliton]
    if not solitons:
        if len(counts) == 1:
            kind = next(iter(counts))
            everywhere = _EVERYWHERE.get(kind, f"All trials ended as {kind_words(kind)[1]}: no soliton was found")
            return f"{everywhere} ({count_words(total, kind)})."
        parts = join_words([count_words(n, kind) for kind, n in counts.items()])
        return f"No soliton was found: the trials ended as {parts}."
    certified = sum(_is_certified(trial) for trial in solitons)
    parts = join_words([count_words(n, kind) for kind, n in counts.items()])
    verb = "is a soliton" if len(solitons) == 1 else "are solitons"
    text = f"{len(solitons)} of {total} {verb}, {certified} of them passing every check"
    return f"{text}; by kind: {parts}."


def _rotating(record: Record) -> str:
    """How many of the Q-balls are stable, in either sense; empty if there is none."""
    balls = [trial for trial in record.trials if trial.kind == Kind.Q_BALL and math.isfinite(trial.value("omega"))]
    if not balls:
        return ""
    stable = sum(trial.value("classically_stable") == 1.0 for trial in balls)
    bound = sum(trial.value("energy_per_charge") < 1.0 for trial in balls)
    return (
        f"Of the {count_words(len(balls), Kind.Q_BALL)}, {stable} {'is' if stable == 1 else 'are'} classically stable, "
        f"and {bound} cannot decay into free quanta (E_Q < m Q)."
    )


def _is_certified(trial: Trial) -> bool:
    return trial.value("certified") == 1.0


def _feasibility(record: Record) -> str:
    feasible = len(record.feasible)
    broken = {
        name: sum(not trial.constraints.get(name, 0.0) <= 0 for trial in record.trials)
        for name in record.trials[0].constraints
    }
    violated = sorted((name for name in broken if broken[name]), key=lambda name: -broken[name])
    demands = constraint_words(record)
    if feasible:
        front = len(record.pareto)
        counts = join_words([f"{name} ({broken[name]})" for name in violated])
        out = len(record.trials) - feasible
        excluded = f" {out} {'is' if out == 1 else 'are'} excluded, for violating {counts}." if out else ""
        return (
            f"{feasible} of {len(record.trials)} satisfy every constraint; {front} of these "
            f"{'is' if front == 1 else 'are'} Pareto-optimal in "
            f"{join_words([record.label(name).partition(' [')[0] for name in record.objectives])}.{excluded}"
        )
    words = [f'"{demands.get(name, name)}" ({broken[name]} of {len(record.trials)})' for name in violated[:3]]
    reason = f" Most often violated: {join_words(words)}." if words else ""
    return f"No trial satisfies every constraint, so there is no Pareto front.{reason}"


# A mass below this part of the lightest threshold is that of a soft mode.
_SOFT = 0.2


def _soft_modes(record: Record) -> str:
    """Whether the largest hierarchy on the front is made by a soft mode, which is no particle."""
    if "hierarchy" not in record.objectives or not record.pareto or record.scored_spectrum == "oscillations":
        return ""
    index = record.objectives.index("hierarchy")
    top = max(record.pareto, key=lambda trial: trial.objectives[index])
    spectra = record.spectra(top)
    levels = [x for name, found in spectra.items() if name.startswith("bound_") for x in found]
    edge = min(spectra.get("continuum", [math.nan]))
    masses = [m for m in spectra.get("box", ()) if m > 0] if record.scored_spectrum == "box" else []
    soft = min([m * m for m in masses] or [x for x in levels if x > 1e-6 * edge] or [math.nan])
    if not (math.isfinite(top.value("omega")) and soft < _SOFT**2 * edge):
        return ""
    return (
        f"The hierarchy {top.objectives[index]:.3g} of trial {top.number} is made by a soft mode of L₊ at fixed norm "
        f"(λ = {soft:.2g}, the continuum begins at {edge:.2g}), which is no mass of a particle: what oscillates at "
        'fixed charge is scored with [score] spectrum = "oscillations".'
    )


def scored_trials(record: Record) -> tuple[Trial, ...]:
    """The trials whose scores are meaningful: the feasible ones, or the converged ones if none is feasible."""
    return record.feasible or tuple(trial for trial in record.trials if trial.status == "converged")


def null_percentiles(trials: Sequence[Trial], null: str = "null") -> np.ndarray:
    """Percentile of each trial's fractal_score in a null, where it is defined; ``null``: also "shape"."""
    values = _values(trials, f"{null}_percentile")
    return values[np.isfinite(values)]


def _values(trials: Sequence[Trial], name: str) -> np.ndarray:
    return np.array([trial.value(name) for trial in trials], dtype=float)
