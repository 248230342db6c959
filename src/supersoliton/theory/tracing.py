"""A user's potential as the calculation that JAX traced: compiled kernels belong to that, and not to a Python function.

A function may read globals and closures, which may change. Its trace does not: it is a list of operations with their
constants. Kernels are compiled from the trace and shared by equal traces. :func:`surroundings` tells cheaply whether
what the function reads has changed since.
"""

from __future__ import annotations

import functools
import inspect
import sys
import types
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jax.extend.core import jaxpr_as_fun

from ..machine import jax_setup  # noqa: F401  (float64 before the first array)

_DEPTH = 6  # of functions and containers that are looked into
_LARGE = 2**16  # bytes of an array beyond which its checksum is compared
_FOREIGN = frozenset(sys.stdlib_module_names) | {"jax", "jaxlib", "numpy", "scipy", "supersoliton"}


class TracedPotential:
    """V(u, p, r) as traced for a number of fields and the names and types of the couplings; equal for equal traces."""

    def __init__(self, function: Callable[..., Any], n_fields: int, params: Mapping[str, Any]) -> None:
        u, r = jax.ShapeDtypeStruct((n_fields,), np.float64), jax.ShapeDtypeStruct((), np.float64)
        self.names = tuple(params)
        self.signature = signature(params)
        values = [_abstract(value) for value in params.values()]

        def flat(u: Any, r: Any, *values: Any) -> Any:
            return function(u, dict(zip(self.names, values, strict=True)), r)

        closed, self.out = jax.make_jaxpr(flat, return_shape=True)(u, r, *values)
        self.depends_on_r = _depends(closed.jaxpr, closed.jaxpr.invars[1])
        self._evaluate = jaxpr_as_fun(closed)
        constants = tuple((np.shape(c), np.asarray(c).tobytes()) for c in closed.consts)
        self._key = (n_fields, self.signature, str(closed), constants)
        self._hash = hash(self._key)

    def __call__(self, u: Any, p: Mapping[str, Any], r: Any) -> Any:
        return self._evaluate(u, r, *(p[name] for name in self.names))[0]

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, TracedPotential) and other._key == self._key)

    def __hash__(self) -> int:
        return self._hash


def signature(params: Mapping[str, Any]) -> tuple[tuple[str, tuple[int, ...], str], ...]:
    """Names, shapes and types of couplings, on which a trace depends."""
    return tuple((name, np.shape(value), _kind(value)) for name, value in params.items())


def _kind(value: Any) -> str:
    return str(getattr(value, "dtype", "") or type(value).__name__).replace("float64", "float")


def _abstract(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value  # u**n for an integer n
    return jax.ShapeDtypeStruct(np.shape(value), getattr(value, "dtype", np.dtype(float)))


def _depends(jaxpr: Any, variable: Any) -> bool:
    """Whether the result depends on an input; functions inside the trace are not looked into."""
    reached = {variable}
    for equation in jaxpr.eqns:
        if any(not hasattr(v, "val") and v in reached for v in equation.invars):
            reached.update(equation.outvars)
    return any(not hasattr(v, "val") and v in reached for v in jaxpr.outvars)


class _Same:
    """An object that equals itself only."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value

    __hash__ = None  # type: ignore[assignment]


def surroundings(value: Any, depth: int = _DEPTH) -> Any:
    """What a function reads besides its arguments, in a form that can be compared: globals, closures, defaults."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return type(value), value
    if isinstance(value, types.ModuleType | type | types.BuiltinFunctionType | jax.Array) or depth == 0:
        return _Same(value)
    if isinstance(value, types.FunctionType):
        return _of_function(value, depth)
    if isinstance(value, types.MethodType):
        return surroundings(value.__func__, depth - 1), surroundings(value.__self__, depth - 1)
    if isinstance(value, functools.partial):
        return [surroundings(part, depth - 1) for part in (value.func, value.args, value.keywords)]
    if isinstance(value, np.ndarray):
        content = value.tobytes()
        return value.shape, content if len(content) <= _LARGE else zlib.crc32(content)
    if isinstance(value, list | tuple):
        return type(value), [surroundings(part, depth - 1) for part in value]
    if isinstance(value, dict):
        return [(key, surroundings(part, depth - 1)) for key, part in value.items()]
    own = getattr(value, "__dict__", None)
    if own is None or _is_foreign(type(value).__module__):
        return _Same(value)
    call = type(value).__dict__.get("__call__")
    return _Same(value), surroundings(dict(own), depth - 1), surroundings(call, depth - 1)


def _is_foreign(module: Any) -> bool:
    return isinstance(module, str) and module.partition(".")[0] in _FOREIGN


def _of_function(function: types.FunctionType, depth: int) -> Any:
    if _is_foreign(function.__module__):
        return _Same(function)
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # not yet assigned
            cells.append(None)
    read = function.__globals__
    names = _global_names(function.__code__)
    parts = [*(read[name] for name in names if name in read), *cells, function.__defaults__, function.__kwdefaults__]
    inner = [surroundings(part, depth - 1) for part in parts if part is not function]
    return _Same(function.__code__), inner


@functools.lru_cache(maxsize=1024)
def _global_names(code: types.CodeType) -> tuple[str, ...]:
    nested = [name for constant in code.co_consts if inspect.iscode(constant) for name in _global_names(constant)]
    return tuple(dict.fromkeys([*code.co_names, *nested]))
