"""Keys of evaluations, from all that they depend on: couplings, settings, user code, version of the numerics."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...config.objectives import functions_of
from ...machine import user_files

if TYPE_CHECKING:
    from ...config import Config
    from ...theory.base import AbstractModel, PotentialFunction

# Rooms whose code an evaluation does not use; all others are part of the numerics. A test follows the imports of
# evaluate/ and fails if it finds one of these.
NOT_NUMERICS = frozenset({"cli", "plotting", "sampling", "scans", "training", "validate"})
_CACHE = ("evaluate", "cache")  # not part of the numerics either
# Packages whose version can change a result; particle has the masses for the scores.
_PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "particle")


@functools.cache
def numerics_version() -> str:
    """The version of the numerics: the first 16 digits of the SHA-256 of their source and of the packages' versions."""
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


def canonical(value: object) -> object:
    """Plain data with the same JSON if and only if the values are equal: floats by their bits, types distinguished.

    3 and 3.0 are equal, because a default may be written as the first and read as the second. Raises TypeError for
    anything but numbers, texts, lists and tables.
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


def digest_of(value: object) -> str:
    """SHA-256 of the canonical form, hex."""
    text = json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def settings_digest(tables: Mapping[str, Mapping[str, object]], own: str | None) -> str:
    """Digest of all but the point that an evaluation depends on, from the resolved tables of its configuration.

    All `tables` count except [scan], which chooses points. `own` is the fingerprint of the user's code, which replaces
    its path. An accelerator (`--device`) has other rounding errors, so it has separate entries.
    """
    kept = {name: table for name, table in tables.items() if name not in ("scan", "versions")}
    if own is not None:
        kept["model"] = {name: value for name, value in kept["model"].items() if not user_files.file_of(value)}
        kept["score"] = {name: value for name, value in kept["score"].items() if name != "own"}
    chosen = os.environ.get("JAX_PLATFORMS", "")
    return digest_of({"tables": kept, "own": own, "device": "" if chosen == "cpu" else chosen})


def key_of(settings: str, point: Mapping[str, float]) -> str:
    """The key of one evaluation, from the digest of its settings and its couplings."""
    return digest_of({"settings": settings, "point": {name: float(value) for name, value in point.items()}})


def fingerprint_of(config: Config) -> tuple[str | None, bool]:
    """(fingerprint of the user's theory and scores in a configuration, whether it could be determined).

    The fingerprint is None without user code: the version of the package is part of the path of an entry.
    """
    parts = [fingerprint(config.model)] if config.model.source is not None else []
    parts += [_source(score.compute) for score in config.own_scores]
    objectives = functions_of(config.scan.objectives)
    parts += [_source(function) for function in objectives.values()]
    if None in parts:
        return None, False
    if not parts:
        return None, True
    names = [name.rpartition(":")[2] for name in config.score.own]  # one file may define several
    return digest_of([parts, list(objectives), names]), True


def fingerprint(model: AbstractModel) -> str | None:
    """Fingerprint of a user's theory: fields and their roles, source, and the trace of its operations.

    The trace is the jaxpr, with constants, of V, V', V'' and dV/dr. It includes what is not in the source: imported
    helpers, numbers read from a file, closures, derivative rules. None without a source, or if the trace does not show
    an operation (a callback): then two potentials cannot be distinguished.
    """
    source = _source(model.source)
    traced = operations(model) if source else None
    return None if traced is None else digest_of({"source": source, **traced})


def operations(model: AbstractModel) -> dict[str, object] | None:
    """What a theory computes: a digest of its operations, and the roles of its fields; None if it cannot be traced."""
    function, ends = model.density_function or model.potential_function, model.ends
    arguments = model.n_fields if model.density_function is None else 2 * model.n_fields
    trace = _trace(function, arguments, tuple(sorted(model.params)))
    if trace is None:
        return None
    roles = {
        "fields": model.fields,
        "constrained": model.constrained.tolist(),
        "kinetic": model.kinetic.tolist(),
        "params": {name: float(value) for name, value in model.params.items()},
        "explicit_r": model.explicit_r,
        **({"eliminated": model.eliminated} if model.eliminated else {}),
        **({} if ends is None else {"ends": [ends.origin, ends.infinity, model.dimension]}),
    }
    return {"trace": trace, "roles": roles}


def user_code(config: Config) -> dict[str, object]:
    """What a study must keep of the user's code, to tell later whether it has changed; empty without any.

    `operations`: digest of what the theory computes, None if it cannot be traced; `source`: that of its file or class;
    `is_class`: whether it is a class, which has more than a potential; `scores` and `objectives`: the sources of the
    user's scores and functions; `jax`: its version, which writes the operations.
    """
    code: dict[str, object] = {}
    if config.model.source is not None:
        traced = operations(config.model)
        code["operations"] = None if traced is None else digest_of(traced)
        code["source"], code["is_class"] = _source(config.model.source), inspect.isclass(config.model.source)
        code["jax"] = importlib.metadata.version("jax")
    if config.own_scores:
        code["scores"] = [_source(score.compute) for score in config.own_scores]
    if functions := functions_of(config.scan.objectives):
        code["objectives"] = [_source(function) for function in functions.values()]
    return code


def _source(function: Callable[..., object] | type | None) -> str | None:
    """The source: of the user's file when it was loaded, else of the function or of the class's module; or None."""
    if function is None:
        return None
    module = sys.modules.get(getattr(function, "__module__", ""))
    kept = getattr(module, "__supersoliton_source__", None)
    if kept is not None:
        return str(kept)
    # The file name of all code compiled without a file. Python 3.13 keeps the text of `python -c` under it, so inspect
    # would return lines of that for any function made by exec.
    if getattr(getattr(inspect.unwrap(function), "__code__", None), "co_filename", None) == "<string>":
        return None
    try:
        return inspect.getsource(module if inspect.isclass(function) and module else function)
    except (OSError, TypeError):
        return None


@functools.lru_cache(maxsize=16)
def _trace(function: PotentialFunction, n_fields: int, names: tuple[str, ...]) -> str | None:
    """A digest of all operations and constants in V and its derivatives; None if they cannot be traced in full."""
    import jax
    import numpy as np

    def everything(u: jax.Array, p: dict[str, jax.Array], r: jax.Array) -> tuple[jax.Array, ...]:
        along_r = jax.jvp(lambda x: function(u, p, x), (r,), (r,))[1]
        return function(u, p, r), jax.grad(function)(u, p, r), jax.hessian(function)(u, p, r), along_r

    u, number = jax.ShapeDtypeStruct((n_fields,), np.float64), jax.ShapeDtypeStruct((), np.float64)
    try:
        traced = jax.make_jaxpr(everything)(u, dict.fromkeys(names, number), number)
    except Exception:  # noqa: BLE001  a V that cannot be differentiated fails in its evaluation, with a message
        return None
    text = str(traced.jaxpr)
    if " at 0x" in text or "callback" in text:
        return None
    constants = [np.asarray(c) for c in (*traced.consts, *_constants(traced.jaxpr))]
    return digest_of([text, [[str(c.dtype), list(c.shape), c.tobytes().hex()] for c in constants]])


def _constants(jaxpr: Any) -> Iterator[Any]:
    """The constants in the operations of a jaxpr, including nested ones."""
    for operation in jaxpr.eqns:
        yield from (v.val for v in operation.invars if hasattr(v, "val"))
        for parameter in operation.params.values():
            for inner in parameter if isinstance(parameter, list | tuple) else (parameter,):
                if hasattr(inner, "jaxpr"):
                    yield from inner.consts
                    yield from _constants(inner.jaxpr)
                elif hasattr(inner, "eqns"):
                    yield from _constants(inner)
