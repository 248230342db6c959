"""Whether V can jump in a derivative, from the operations that it consists of."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from .base import AbstractModel
from .tracing import signature

# Operations that are analytic wherever they are finite, and those that only move numbers.
_ANALYTIC = frozenset({
    "add", "add_any", "sub", "mul", "div", "neg", "integer_pow", "pow", "square", "sqrt", "rsqrt", "cbrt", "exp",
    "exp2", "expm1", "log", "log1p", "logistic", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh",
    "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "erf_inv", "lgamma", "digamma", "reduce_sum", "reduce_prod",
    "dot_general", "cumsum", "cumprod", "broadcast_in_dim", "reshape", "squeeze", "expand_dims", "slice", "split",
    "dynamic_slice", "gather", "concatenate", "pad", "transpose", "rev", "copy", "copy_p", "iota",
    "convert_element_type",
})  # fmt: skip
_NESTED = frozenset({"pjit", "jit", "closed_call", "custom_jvp_call", "custom_vjp_call", "remat", "checkpoint"})


def is_analytic(model: AbstractModel) -> bool:
    """Whether V consists of analytic operations only, so that no derivative of it jumps.

    False says nothing: an absolute value or a case distinction need not make a jump.
    """
    return _is_analytic(model.potential_function, model.n_fields, signature(model.params))


@functools.lru_cache(maxsize=256)
def _is_analytic(function: Any, n_fields: int, names: tuple[tuple[str, tuple[int, ...], str], ...]) -> bool:
    u, r = jax.ShapeDtypeStruct((n_fields,), np.float64), jax.ShapeDtypeStruct((), np.float64)
    couplings = {name: jax.ShapeDtypeStruct(shape, np.float64) for name, shape, _ in names}
    try:
        traced = jax.make_jaxpr(function)(u, couplings, r)
    except Exception:  # noqa: BLE001  (a coupling that has to be an integer: nothing is known)
        return False
    return all(_is_smooth(equation) for equation in _equations(traced.jaxpr))


def _equations(jaxpr: Any) -> Iterator[Any]:
    for equation in jaxpr.eqns:
        if equation.primitive.name not in _NESTED:
            yield equation
            continue
        inner = next(equation.params[name] for name in ("jaxpr", "call_jaxpr", "fun_jaxpr") if name in equation.params)
        yield from _equations(getattr(inner, "jaxpr", inner))


def _is_smooth(equation: Any) -> bool:
    if equation.primitive.name == "convert_element_type":  # a number that is rounded jumps
        before, after = equation.invars[0].aval.dtype, equation.outvars[0].aval.dtype
        return not (np.issubdtype(before, np.floating) and not np.issubdtype(after, np.floating))
    return equation.primitive.name in _ANALYTIC
