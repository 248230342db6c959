"""One trial: couplings in; state, certificate, spectrum and scores out."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .evaluation import Evaluation as Evaluation
    from .evaluation import evaluate as evaluate


def __getattr__(name: str) -> Any:
    """Load JAX when it is needed: the cache of evaluations is read without it."""
    if name in ("Evaluation", "evaluate"):
        from . import evaluation

        return getattr(evaluation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
