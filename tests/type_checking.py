"""The run-time type checker that the suite puts around every function of the package."""

from typing import Any

from beartype import BeartypeConf, beartype

# PEP 484's numeric tower: an int is welcome where a float is asked for.
_CHECKED = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check(function: Any) -> Any:
    """Beartype, with two exceptions.

    Constructors are left alone: they check what users give them and say so in a ValueError, which is what is tested;
    and couplings may be traced values there. Methods that return ``Self`` are left alone because beartype knows that
    hint only from a class and is given the method.
    """
    hints = getattr(function, "__annotations__", {})
    if function.__name__ == "__init__" or any("Self" in str(hint) for hint in hints.values()):
        return function
    return _CHECKED(function)
