"""The run-time type checker that the suite puts around every function of the package, for its first calls in a file.

A check takes 50 microseconds and more, and small functions are called millions of times: with all calls checked the
suite took twice its processor time, with the first eight in each test a third of it went into checks (decisions.md).
`pytest --check-every-call`, which `make nightly` runs, checks all.
"""

import functools
import inspect
from types import CodeType
from typing import Any

import jaxtyping._decorator
from beartype import BeartypeConf, beartype

# PEP 484's numeric tower: an int is welcome where a float is asked for.
_CHECKED = beartype(conf=BeartypeConf(is_pep484_tower=True))

CALLS = 8  # of each function in each test file
_left: dict[CodeType, list[float]] = {}  # calls of each function that are still to be checked
_jaxtyped = jaxtyping._decorator.jaxtyped


def install() -> None:
    """Check what is imported of the package from now on."""
    jaxtyping._decorator.jaxtyped = jaxtyping.jaxtyped = _of_first_calls
    jaxtyping.install_import_hook("supersoliton", "type_checking.check")


def renew(calls: float = CALLS) -> None:
    """Check so many calls more of each function."""
    for left in _left.values():
        left[0] = calls


def _of_first_calls(*given: Any, **options: Any) -> Any:
    if not given or not inspect.isfunction(given[0]):
        return _jaxtyped(*given, **options)  # a decorator, or a class whose methods come here one by one
    function, made = given[0], None
    if hasattr(function, "is_checked"):  # inherited
        return function
    left = _left.setdefault(function.__code__, [CALLS])  # one for all that a function defines inside its calls

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        nonlocal made
        if left[0] <= 0:
            return function(*args, **kwargs)
        left[0] -= 1
        if made is None:  # only now, because it takes long, and functions inside others are made in every call
            made = _jaxtyped(function, **options)
        return made(*args, **kwargs)

    called.is_checked = True
    return called


# They check what users give them and say so in a ValueError, which is what is tested.
_CHECK_THEMSELVES = ("__init__", "solve", "self_consistent")


def check(function: Any) -> Any:
    """Beartype, with two exceptions.

    Constructors, where couplings may be traced values, and calls that take any guess check their arguments themselves.
    Methods that return ``Self`` are left alone because beartype knows that hint only from a class and is given the
    method.
    """
    hints = getattr(function, "__annotations__", {})
    if function.__name__ in _CHECK_THEMSELVES or any("Self" in str(hint) for hint in hints.values()):
        return function
    return _CHECKED(function)
