"""Digests of what a study stores, by which a changed digit is noticed: of every finished trial, and of the mark."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.trial import FrozenTrial

from ...sampling.optuna_private import is_of_samplers
from ...sampling.proposals import MARKS
from ..trial import ERROR, is_finished

DIGEST = "digest"  # attribute of a trial, and entry of a mark
# Attributes that the digest covers. Other programs may add their own, such as a note.
OURS = ("kind", "status", "reasons", "values", "constraints", "seconds", "start", "cache", "numerics", "hits")
_COVERED = (*OURS, ERROR, *MARKS)

_text = functools.lru_cache(maxsize=256)(distribution_to_json)


def digest_of(value: object) -> str:
    """The first 32 digits of the SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def digest_of_trial(trial: FrozenTrial) -> str:
    """Digest of number, state, point, ranges, objectives, constraints and our attributes; not of the times."""
    ranges: Mapping[str, BaseDistribution] = trial.distributions
    return digest_of(
        [
            trial.number,
            trial.state.name,
            trial.values,
            trial.params,
            {name: _text(ranges[name]) for name in sorted(ranges)},
            {name: value for name, value in trial.user_attrs.items() if name in _COVERED},
            {name: value for name, value in trial.system_attrs.items() if is_of_samplers(name)},
        ]
    )


def check_trials(trials: Sequence[FrozenTrial], mark: Mapping[str, Any], where: object) -> None:
    """Raise ValueError if a stored trial is not what was recorded, or if one is missing.

    Trials of earlier versions have no digest; the mark of a study says if all of its trials must have one.
    """
    lost = sorted(set(range(max((t.number for t in trials), default=-1) + 1)) - {t.number for t in trials})
    if lost:
        raise ValueError(f"{where} has lost {_named(lost)}, so it is damaged: restore a copy of it.")
    changed = [
        trial.number
        for trial in trials
        if (DIGEST in trial.user_attrs and trial.user_attrs[DIGEST] != digest_of_trial(trial))
        or any(trial.user_attrs.get(name, value) != value for name, value in _finite(trial))
        or (mark.get("sealed") and is_finished(trial) and DIGEST not in trial.user_attrs)
    ]
    if changed:
        raise ValueError(
            f"{where}: {_named(changed)} {'does' if len(changed) == 1 else 'do'} not match the digest recorded with "
            f"{'it' if len(changed) == 1 else 'them'}, so it is damaged or was changed: restore a copy of it."
        )


def _finite(trial: FrozenTrial) -> Iterator[tuple[str, float]]:
    """The values, some of which are attributes of their own too."""
    values = trial.user_attrs.get("values", {})
    return ((name, value) for name, value in values.items() if value is not None and value == value)


def seal_mark(mark: Mapping[str, Any]) -> dict[str, Any]:
    """The mark with its digest."""
    rest = {name: value for name, value in mark.items() if name != DIGEST}
    return {**rest, DIGEST: digest_of(rest)}


def is_sealed(mark: Mapping[str, Any]) -> bool:
    """Whether a mark matches its digest; one of an earlier version has none."""
    return DIGEST not in mark or seal_mark(mark)[DIGEST] == mark[DIGEST]


def _named(numbers: Iterable[int]) -> str:
    numbers = list(numbers)
    shown = ", ".join(map(str, numbers[:5])) + (", …" if len(numbers) > 5 else "")
    return f"trial {shown}" if len(numbers) == 1 else f"{len(numbers)} trials ({shown})"
