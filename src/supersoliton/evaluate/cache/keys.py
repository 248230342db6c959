"""What an evaluation depends on, to the last bit: its point, its settings, its potential, and what computes it."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import inspect
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...machine import user_files

# Rooms whose code has no part in an evaluation; everything else of the package belongs to its numerics. A test follows
# the imports of evaluate/ and finds none of these.
NOT_NUMERICS = frozenset({"cli", "families", "plotting", "sampling", "scans", "training", "validate"})
_CACHE = ("evaluate", "cache")  # nor has the cache itself, a room within a room
# Their versions can change a number: the engine, the linear algebra, the table of particle masses behind the scores.
_PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "particle")


@functools.cache
def numerics_version() -> str:
    """A name for what computes: the source of the numerical rooms and the versions of the packages below them.

    Nobody has to remember to raise a number when a formula changes. The first 16 digits of a SHA-256.
    """
    package = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        relative = path.relative_to(package)
        is_numerics = len(relative.parts) > 1 and relative.parts[0] not in NOT_NUMERICS
        if is_numerics and relative.parts[:2] != _CACHE:
            content = path.read_bytes()
            digest.update(f"{relative.as_posix()} {len(content)}\n".encode() + content)
    for name in _PACKAGES:
        digest.update(f"{name} {importlib.metadata.version(name)}\n".encode())
    return digest.hexdigest()[:16]


def canonical(value: Any) -> Any:
    """Plain data such that equal JSON means equal values: floats by their bits, texts and numbers and true apart.

    3 and 3.0 are one: a default may be written as the first and read again as the second. Raises TypeError for what is
    no number, text, list or table.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return "s" + value
    if isinstance(value, int) and (abs(value) >= 2**1023 or int(float(value)) != value):
        return f"i{value}"  # a seed may have more digits than a float
    if isinstance(value, int | float):
        return "f" + float(value).hex()  # -0.0 and 0.0 differ here, as 1/x does
    if isinstance(value, Mapping):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    raise TypeError(f"cannot be part of a key: {value!r}")


def digest_of(value: Any) -> str:
    """SHA-256 of the canonical form, hex."""
    text = json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def key_of(tables: Mapping[str, Any], own: str | None, point: Mapping[str, float]) -> str:
    """The key of one evaluation, from the resolved tables of its configuration.

    Of `tables` everything counts but [scan], which chooses points and evaluates none. `own` is the fingerprint of what
    is a user's: what it computes, not the path it was read from. An accelerator that was asked for
    (`--device`) rounds in its own way, so it has entries of its own.
    """
    kept = {name: table for name, table in tables.items() if name not in ("scan", "versions")}
    if own is not None:
        kept["model"] = {name: value for name, value in kept["model"].items() if not user_files.file_of(value)}
        kept["score"] = {name: value for name, value in kept["score"].items() if name != "own"}
    values = {name: float(value) for name, value in point.items()}
    chosen = os.environ.get("JAX_PLATFORMS", "")
    device = "" if chosen == "cpu" else chosen
    return digest_of({"tables": kept, "own": own, "point": values, "device": device})


def fingerprint_of(config: Any) -> tuple[str | None, bool]:
    """What is a user's of a configuration, its theory and its scores; and whether that is known.

    None where everything is of this package, whose version is in the place of an entry already.
    """
    parts = [fingerprint(config.model)] if config.model.source is not None else []
    parts += [_source(score.compute) for score in config.own_scores]
    if None in parts:
        return None, False
    return (digest_of(parts), True) if parts else (None, True)


def fingerprint(model: Any) -> str | None:
    """What a user's theory computes: its fields and their roles, its source, and the trace of its operations.

    The trace is that of V, V', V'' and dV/dr (the jaxpr, with its constants). It also sees what the source does not
    show: imported helpers, numbers read from a file, closures, derivative rules. None where there is no source, or
    where an operation is hidden from the trace (a callback): then nothing tells that two potentials are the same.
    """
    source = _source(model.source)
    trace = _trace(model.potential_function, model.n_fields, tuple(sorted(model.params))) if source else None
    if trace is None:
        return None
    roles = {
        "fields": model.fields,
        "constrained": model.constrained.tolist(),
        "kinetic": model.kinetic.tolist(),
        "params": {name: float(value) for name, value in model.params.items()},
        "explicit_r": model.explicit_r,
    }
    return digest_of({"source": source, "trace": trace, "roles": roles})


def _source(function: Any) -> str | None:
    """The text of the file as it was when it was loaded, or of the function, or of the module of a class; or None."""
    module = sys.modules.get(getattr(function, "__module__", ""))
    kept = getattr(module, "__supersoliton_source__", None)
    if kept is not None:
        return str(kept)
    # Whatever is compiled without a file bears this one name. Python 3.13 keeps the text of `python -c` under it, and
    # would give lines of that for the source of any function made by exec.
    if getattr(getattr(inspect.unwrap(function), "__code__", None), "co_filename", None) == "<string>":
        return None
    try:
        return inspect.getsource(module if inspect.isclass(function) and module else function)
    except (OSError, TypeError):
        return None


@functools.lru_cache(maxsize=16)
def _trace(function: Any, n_fields: int, names: tuple[str, ...]) -> str | None:
    """A digest of all operations and constants in V and the derivatives that are taken of it."""
    import jax
    import numpy as np

    def everything(u: Any, p: Any, r: Any) -> Any:
        along_r = jax.jvp(lambda x: function(u, p, x), (r,), (r,))[1]
        return function(u, p, r), jax.grad(function)(u, p, r), jax.hessian(function)(u, p, r), along_r

    u, number = jax.ShapeDtypeStruct((n_fields,), np.float64), jax.ShapeDtypeStruct((), np.float64)
    try:
        traced = jax.make_jaxpr(everything)(u, dict.fromkeys(names, number), number)
    except Exception:  # noqa: BLE001  what cannot be differentiated fails in its evaluation, which says so
        return None
    text = str(traced.jaxpr)
    if " at 0x" in text or "callback" in text:
        return None
    constants = [np.asarray(c) for c in (*traced.consts, *_constants(traced.jaxpr))]
    return digest_of([text, [[str(c.dtype), list(c.shape), c.tobytes().hex()] for c in constants]])


def _constants(jaxpr: Any) -> Iterator[Any]:
    """The numbers in the operations of a jaxpr and of those inside it."""
    for operation in jaxpr.eqns:
        yield from (v.val for v in operation.invars if hasattr(v, "val"))
        for parameter in operation.params.values():
            for inner in parameter if isinstance(parameter, list | tuple) else (parameter,):
                if hasattr(inner, "jaxpr"):
                    yield from inner.consts
                    yield from _constants(inner.jaxpr)
                elif hasattr(inner, "eqns"):
                    yield from _constants(inner)
