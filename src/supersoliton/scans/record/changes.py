"""What has changed since a study was made: the user's code, which is refused, and the numerics, of which it warns."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from ...evaluate.cache.keys import numerics_version
from ..trial import is_finished

_REMEDY = "change it back to resume, or give another folder with --out."


class RecordWarning(UserWarning):
    """The record of a scan was not as it should be, or was written by another version."""


def check_code(directory: Path, old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> None:
    """Raise ValueError if the user's code is not that of the study, whose mark has `old`; None: an earlier version."""
    if old is None:
        return
    if _has_changed(old, new):
        raise ValueError(
            f"{directory} was scanned with another theory: what [model] names, or something that it calls or reads, "
            f"computes something else now: {_REMEDY}"
        )
    for kind, key in (("scores", "[score] own"), ("objectives", "[scan] objectives")):
        if old.get(kind) != new.get(kind):
            raise ValueError(f"{directory} was scanned with other {kind}: a file that {key} names changed: {_REMEDY}")


def _has_changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    same_source = old.get("source") == new.get("source")
    traced = None not in (old.get("operations"), new.get("operations"))
    # Another JAX may write the same operations in other words; and a class has more than a potential.
    if not traced or old.get("jax") != new.get("jax"):
        return not same_source
    return old["operations"] != new["operations"] or (bool(new.get("is_class")) and not same_source)


def tell_other_numerics(directory: Path, trials: Iterable[FrozenTrial]) -> None:
    """Warn if trials were computed by another version of the numerics than this one."""
    versions = Counter(str(t.user_attrs.get("numerics") or "an earlier one") for t in trials if is_finished(t))
    others = {version: count for version, count in versions.items() if version != numerics_version()}
    if others:
        counts = ", ".join(f"{count} by {version}" for version, count in sorted(others.items()))
        warnings.warn(
            f"{directory} holds trials that another version of the numerics computed ({counts}; this is "
            f"{numerics_version()}): they are kept, and the column numerics of trials.csv tells which.",
            RecordWarning,
            stacklevel=2,
        )
