"""The run-time type checker that the suite puts around every function of the package."""

from typing import Any

from beartype import BeartypeConf, beartype

# PEP 484's numeric tower: an int is welcome where a float is asked for.
_CHECKED = beartype(conf=BeartypeConf(is_pep484_tower=True))


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
