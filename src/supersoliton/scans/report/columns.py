"""The columns of the page: every number of a trial with symbol, unit and definition; the checks of its certificate.

Definitions are those of docs/trials_table.md: of the recorded numbers, the theory, the scores and the constraints.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...config.tables import RECORDED
from ...plotting import symbol_of, wants_log
from ...states import certificate as limits
from ...states.kinds import Kind
from ..record.files import COLUMNS
from .records import Record, Trial
from .summary import constraint_words

# Recorded numbers of every theory: name -> (symbol or words, significant digits), in the order of the page.
_SHOWN = {
    "omega": ("ω", 6),
    "charge": ("Q", 6),
    "charged_energy": ("E_{Q}", 7),
    "energy_per_charge": ("E_{Q}/(m Q)", 5),
    "charge_slope": ("dQ/dω", 5),
    "modes_at_fixed_charge": ("negative modes at fixed charge", 3),
    "action": ("S", 7),
    "energy": ("E[f]", 7),
    "norm": ("N", 6),
    "multiplier": ("ω^{2}", 6),
    "size": ("half-radius", 4),
    "largest_amplitude": ("largest amplitude", 4),
    "lightest_squared": ("lightest mass² of the vacuum", 4),
    "energy_per_norm": ("E[f]/N", 5),
    "negative_modes": ("negative modes at fixed norm", 3),
    "boundary_fraction": ("norm in the outer tenth", 2),
    "residual": ("residual", 2),
    "discretisation": ("error of the mesh", 2),
    "box": ("error of the box", 2),
    "virial": ("virial identity", 2),
    "translation_mode": ("translation mode", 2),
    "tail": ("tail", 4),
    "spectrum_error": ("error of the masses", 2),
    "certified": ("certified", 1),
    "classically_stable": ("classically stable", 1),
}
_REPEATED = ("omega_squared",)  # other names of numbers that are shown
_IN_TABLE = ("omega", "charge", "charged_energy", "energy_per_charge")


class _Check(NamedTuple):
    """An entry of the certificate: its limit in words, and whether a value and the reasons of its trial pass it."""

    limit: str
    above: float = math.nan  # the largest value that passes; NaN: a reason that begins with `reason` says it
    reason: str = ""

    def passes(self, value: float, reasons: Sequence[str]) -> bool:
        if math.isnan(self.above):
            return not any(one.startswith(self.reason) for one in reasons)
        return value <= self.above


_CHECKS = {
    "residual": _Check(f"at most {limits.RESIDUAL_LIMIT:.0e}", limits.RESIDUAL_LIMIT),
    "discretisation": _Check(f"at most {limits.DISCRETISATION_LIMIT:.0e}", limits.DISCRETISATION_LIMIT),
    "box": _Check(f"at most {limits.BOX_LIMIT:.0e}", limits.BOX_LIMIT),
    "virial": _Check(f"at most {limits.VIRIAL_LIMIT:.0e}", limits.VIRIAL_LIMIT),
    "translation_mode": _Check(
        f"at most {limits.TRANSLATION_LIMIT:.0e} of the largest mass²", reason="translation mode"
    ),
    "tail": _Check(f"1 ± {limits.TAIL_LIMIT:g}, where V′ is linear", reason="the tail"),
}


def columns_of(record: Record, shown: Sequence[Trial]) -> list[dict[str, Any]]:
    """Every column with its values for these trials: objectives, couplings, other numbers, and the trial's number."""
    ranges: Mapping[str, Any] = record.config.get("scan", {}).get("parameters", {})
    found = [
        _column(record, name, [trial.objectives[k] for trial in shown], "objective")
        | {"sign": int(record.signs[k]), "log": _log([trial.objectives[k] for trial in shown])}
        for k, name in enumerate(record.objectives)
    ]
    found += [
        _column(record, name, [trial.couplings.get(name, math.nan) for trial in shown], "coupling", digits=7)
        | _range([trial.couplings.get(name, math.nan) for trial in shown], ranges.get(name))
        for name in record.parameters
    ]
    taken = {*record.objectives, *record.parameters, *_REPEATED}
    recorded = dict.fromkeys(name for trial in shown[:50] for name in trial.values)
    for name in dict.fromkeys([*_SHOWN, *record.columns, *recorded]):
        values = [trial.value(name) for trial in shown]
        if name not in taken and any(map(math.isfinite, values)):
            found.append(_column(record, name, values, "number") | {"log": _log(values)})
    seconds = _column(record, "seconds", [trial.seconds for trial in shown], "number", digits=3)
    found.append(seconds | {"log": _log([trial.seconds for trial in shown])})
    return [*found, _column(record, "number", [trial.number for trial in shown], "order", digits=9)]


def table_columns(record: Record, shown: Sequence[Trial]) -> list[str]:
    """The columns that the table of trials has at first."""
    found = [name for name in _IN_TABLE if any(math.isfinite(trial.value(name)) for trial in shown)]
    if all(trial.kind == Kind.BOUNCE for trial in shown):
        found = ["action"]
    found = [name for name in found if name not in (*record.objectives, *record.parameters)]
    notes = ["violated"] if any(not trial.is_feasible for trial in shown) else []
    return ["number", *record.objectives, *record.parameters, "kind", *found, *notes]


def headline_of(trial: Trial) -> list[str]:
    """The numbers by which a state is known, in short: of a rotating one four, of a bounce its action, else E."""
    if math.isfinite(trial.value("charge")):
        return [*_IN_TABLE]
    return [name for name in (("action",) if trial.kind == Kind.BOUNCE else ("energy",)) if name in trial.values]


def label_of(record: Record, name: str) -> str:
    """The symbol of a number, as ``m_{0}^{2}``, or its name in words."""
    if name in record.columns:
        return record.columns[name].label
    if name in _SHOWN:
        bounces = name == "energy" and record.trials and all(trial.kind == Kind.BOUNCE for trial in record.trials)
        return "S" if bounces else _SHOWN[name][0]
    if name.startswith("effective_"):
        return f"effective {label_of(record, name.removeprefix('effective_'))}"
    return {"seconds": "time", "number": "trial"}.get(name) or symbol_of(name, record.theory.symbols) or _spaced(name)


def meaning_of(record: Record, name: str) -> str:
    """The definition of a number in one sentence; empty if none is known."""
    if name in record.columns:
        return record.columns[name].meaning
    clauses = constraint_words(record)
    return (
        RECORDED.get(name)
        or COLUMNS.get(name)
        or clauses.get(name.removeprefix("c_"), "")
        or _documented(record.theory).get(name, "")
    )


def checks_of(shown: Sequence[Trial]) -> list[dict[str, Any]]:
    """The entries of the certificate, each with the places of the trials that fail it."""
    return [
        {
            "name": name,
            "limit": check.limit.replace("e-", "e−"),
            "failed": [
                i
                for i, trial in enumerate(shown)
                if math.isfinite(trial.value(name)) and not check.passes(trial.value(name), trial.reasons)
            ],
        }
        for name, check in _CHECKS.items()
    ]


def constraints_of(record: Record, shown: Sequence[Trial]) -> list[dict[str, Any]]:
    """The constraints, each with the places of the trials that violate it."""
    words = constraint_words(record)
    names = dict.fromkeys(name for trial in shown for name in trial.constraints)
    return [
        {
            "name": name,
            "words": words.get(name, _spaced(name)).replace("omega^2", "ω²").replace("domega", "dω"),
            "failed": [i for i, trial in enumerate(shown) if not trial.constraints.get(name, 0.0) <= 0],
        }
        for name in names
    ]


def rounded(value: float, digits: int) -> float | None:
    """Rounded to `digits`, to keep the page small; None for NaN, which JSON lacks."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def _column(
    record: Record, name: str, values: Sequence[float], group: str, digits: int | None = None
) -> dict[str, Any]:
    own = record.columns.get(name)
    digits = digits or (own.digits if own else _SHOWN[name][1] if name in _SHOWN else 5)
    written: list[Any] = [rounded(value, digits if group == "order" else max(digits, 5) + 1) for value in values]
    if group == "order":
        written = [int(value) for value in values]
    one = set(written)
    return {
        "name": name,
        "label": label_of(record, name) + (" ↓" if name in record.minimised else ""),
        "unit": record.unit(name) if group != "coupling" else "",
        "meaning": meaning_of(record, name),
        "digits": min(digits, 6) if group == "objective" else digits if group != "coupling" else 5,
        "group": group,
        "log": False,
        "values": written[0] if len(one) == 1 else written,
    }


def _log(values: Sequence[float]) -> bool:
    return wants_log([value for value in values if math.isfinite(value)])


def _range(values: Sequence[float], spec: Any) -> dict[str, Any]:
    """The scanned range and whether it is logarithmic; no range if the trials lie outside, as it may have changed."""
    if spec is None:
        return {}
    table = spec if isinstance(spec, Mapping) else {"low": spec[0], "high": spec[1]}
    if not {"low", "high"} <= table.keys():
        return {}
    low, high = float(table["low"]), float(table["high"])
    inside = all(low <= value <= high for value in values if math.isfinite(value))
    return {"log": bool(table.get("log", False))} | ({"low": low, "high": high} if inside else {})


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _documented(theory: type) -> dict[str, str]:
    """The couplings that a theory's docstring describes, in the form of numpydoc, with the first sentence on each."""
    text = inspect.getdoc(theory) or ""
    found = re.findall(r"^(\w+) : [^\n]*\n((?:[ ]{4,}[^\n]*\n?)+)", text, re.MULTILINE)
    return {name: " ".join(words.split()).partition(". ")[0].rstrip(".") for name, words in found}
