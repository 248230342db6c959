"""supersoliton finds, certifies and scans solitons of coupled scalar fields.

The names below are loaded when they are first used, so that ``import supersoliton`` and the command line start at once.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Public name -> the module that defines it.
_HOME = {
    "RadialGrid": "grid",
    "OctaveHiggs": "models",
    "Potential": "models",
    "Vacuum": "vacua",
    "vacua": "vacua",
    "Problem": "problem",
    "Gaussian": "warm_start",
    "SuperGaussian": "warm_start",
    "Exponential": "warm_start",
    "OriginalGuess": "warm_start",
    "Newton": "solvers",
    "LBFGS": "solvers",
    "GradientFlow": "solvers",
    "Solution": "solvers",
    "Certificate": "certificate",
    "State": "state",
    "load": "state",
    "BounceError": "bounce",
    "bounce": "bounce",
    "find_states": "find",
    "FixedPoint": "self_consistent",
    "SelfConsistent": "self_consistent",
    "self_consistent": "self_consistent",
    "Sensitivity": "sensitivity",
    "sensitivity": "sensitivity",
    "Rotation": "rotation",
    "rotation": "rotation",
    "MultiStart": "warm_start",
    "WarmStart": "warm_start",
    "Branch": "continuation",
    "continuation": "continuation",
    "SolveError": "solve",
    "DifferentiableState": "differentiable",
    "solve": "differentiable",
    "Modes": "spectrum",
    "spectrum": "spectrum",
    "Oscillations": "oscillations",
    "oscillations": "oscillations",
    "Scores": "scoring",
    "score": "scoring",
    "pretrain": "jobs",
    "scan": "jobs",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Package(types.ModuleType):
    """Some public functions bear the name of the file or room they live in (solve, spectrum, vacua, scan).

    Importing a submodule binds it as an attribute of the package; here the public function keeps the name.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


if TYPE_CHECKING:
    from .bounce import BounceError as BounceError
    from .bounce import bounce as bounce
    from .certificate import Certificate as Certificate
    from .continuation import Branch as Branch
    from .continuation import continuation as continuation
    from .differentiable import DifferentiableState as DifferentiableState
    from .differentiable import solve as solve
    from .find import find_states as find_states
    from .grid import RadialGrid as RadialGrid
    from .jobs import pretrain as pretrain
    from .jobs import scan as scan
    from .models import OctaveHiggs as OctaveHiggs
    from .models import Potential as Potential
    from .oscillations import Oscillations as Oscillations
    from .oscillations import oscillations as oscillations
    from .problem import Problem as Problem
    from .rotation import Rotation as Rotation
    from .rotation import rotation as rotation
    from .scoring import Scores as Scores
    from .scoring import score as score
    from .self_consistent import FixedPoint as FixedPoint
    from .self_consistent import SelfConsistent as SelfConsistent
    from .self_consistent import self_consistent as self_consistent
    from .sensitivity import Sensitivity as Sensitivity
    from .sensitivity import sensitivity as sensitivity
    from .solve import SolveError as SolveError
    from .solvers import LBFGS as LBFGS
    from .solvers import GradientFlow as GradientFlow
    from .solvers import Newton as Newton
    from .solvers import Solution as Solution
    from .spectrum import Modes as Modes
    from .spectrum import spectrum as spectrum
    from .state import State as State
    from .state import load as load
    from .vacua import Vacuum as Vacuum
    from .vacua import vacua as vacua
    from .warm_start import Exponential as Exponential
    from .warm_start import Gaussian as Gaussian
    from .warm_start import MultiStart as MultiStart
    from .warm_start import OriginalGuess as OriginalGuess
    from .warm_start import SuperGaussian as SuperGaussian
    from .warm_start import WarmStart as WarmStart
