"""Evaluation of one trial, from couplings to state, certificate, spectrum and scores; the cache."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .evaluation import Evaluation as Evaluation
    from .evaluation import evaluate as evaluate


def __getattr__(name: str) -> Any:
    """Import on first access, because the cache of evaluations is read without JAX."""
    if name in ("Evaluation", "evaluate"):
        from . import evaluation

        return getattr(evaluation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
