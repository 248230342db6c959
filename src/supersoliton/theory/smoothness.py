"""Whether V can jump in a derivative, from the operations that it consists of."""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np

from .base import AbstractModel
from .tracing import signature

# Operations that are analytic wherever they are finite (a root of u^2 is not), and those that only move numbers.
_ANALYTIC = frozenset({
    "add", "add_any", "sub", "mul", "div", "neg", "integer_pow", "square", "exp",
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
    return _are_smooth(traced.jaxpr, {traced.jaxpr.invars[0]})


def _are_smooth(jaxpr: Any, varying: set[Any]) -> bool:
    """Whether all operations on what depends on the fields, ``varying``, are smooth. Couplings may go any way."""
    for equation in jaxpr.eqns:
        depends = [not hasattr(v, "val") and v in varying for v in equation.invars]
        if not any(depends):
            continue
        if equation.primitive.name in _NESTED:
            name = next(name for name in ("jaxpr", "call_jaxpr", "fun_jaxpr") if name in equation.params)
            inner = getattr(equation.params[name], "jaxpr", equation.params[name])
            known = zip(inner.invars, depends, strict=True)
            if not _are_smooth(inner, {variable for variable, is_varying in known if is_varying}):
                return False
        elif not _is_smooth(equation):
            return False
        varying.update(equation.outvars)
    return True


def _is_smooth(equation: Any) -> bool:
    if equation.primitive.name == "convert_element_type":  # a number that is rounded jumps
        before, after = equation.invars[0].aval.dtype, equation.outvars[0].aval.dtype
        return not (np.issubdtype(before, np.floating) and not np.issubdtype(after, np.floating))
    return equation.primitive.name in _ANALYTIC
