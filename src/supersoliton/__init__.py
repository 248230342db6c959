"""supersoliton finds, certifies and scans solitons of coupled scalar fields.

The names below are loaded when they are first used, so that ``import supersoliton`` and the command line start at once.
"""

from __future__ import annotations

import importlib

from ._version import __version__ as __version__

TYPE_CHECKING = False  # typing takes longer to import than the rest: a command answers Ctrl-C that much earlier

# Public name -> the module that defines it.
_HOME = {
    "RadialGrid": "elements.grid",
    "OctaveHiggs": "theory.octave_higgs",
    "Potential": "theory.potential",
    "Density": "theory.density",
    "Vortex": "theory.solitons.vortex",
    "GaugedQBall": "theory.solitons.gauged_q_ball",
    "SchroedingerNewton": "theory.solitons.schroedinger_newton",
    "ChernSimonsVortex": "theory.solitons.chern_simons_vortex",
    "Monopole": "theory.solitons.monopole",
    "Dyon": "theory.solitons.dyon",
    "GlobalVortex": "theory.solitons.global_vortex",
    "GlobalMonopole": "theory.solitons.global_monopole",
    "Sphaleron": "theory.solitons.sphaleron",
    "Skyrmion": "theory.solitons.skyrmion",
    "BabySkyrmion": "theory.solitons.baby_skyrmion",
    "Table": "theory.table",
    "Vacuum": "theory.vacua",
    "vacua": "theory.vacua",
    "Problem": "problem.problem",
    "Gaussian": "guesses.profiles",
    "SuperGaussian": "guesses.profiles",
    "Exponential": "guesses.profiles",
    "OriginalGuess": "guesses.profiles",
    "Newton": "solvers.newton",
    "LBFGS": "solvers.lbfgs",
    "GradientFlow": "solvers.gradient_flow",
    "Solution": "solvers.base",
    "Certificate": "states.certificate",
    "State": "states.state",
    "load": "states.state",
    "BounceError": "search.bounce",
    "bounce": "search.bounce",
    "find_states": "search.excited",
    "FixedPoint": "search.self_consistent",
    "SelfConsistent": "search.feedback",
    "self_consistent": "search.self_consistent",
    "Sensitivity": "families.sensitivity",
    "sensitivity": "families.sensitivity",
    "Design": "families.design",
    "design": "families.design",
    "plot_modes": "plotting.modes",
    "compare": "plotting.compare",
    "Slopes": "families.slopes",
    "slopes": "families.slopes",
    "Rotation": "states.stability",
    "rotation": "families.rotation",
    "MultiStart": "guesses.multistart",
    "WarmStart": "guesses.trained.warm_start",
    "Branch": "families.branch",
    "continuation": "families.continuation",
    "SolveError": "search.solve",
    "SolveWarning": "search.solve",
    "DifferentiableState": "families.differentiable",
    "solve": "families.differentiable",
    "Modes": "fluctuations.spectrum",
    "spectrum": "fluctuations.spectrum",
    "Determinant": "fluctuations.determinant",
    "determinant": "fluctuations.determinant",
    "DecayRate": "fluctuations.rate",
    "decay_rate": "fluctuations.rate",
    "Oscillations": "fluctuations.oscillations",
    "oscillations": "fluctuations.oscillations",
    "Scores": "scores.scoring",
    "score": "scores.scoring",
    "Phases": "transitions.phases",
    "phases": "transitions.phases",
    "Nucleation": "transitions.nucleation",
    "nucleation": "transitions.nucleation",
    "thermal": "transitions",
    "pretrain": "training.job",
    "ScanResult": "scans.result",
    "scan": "scans.job",
}
__all__ = sorted(_HOME)


if not TYPE_CHECKING:  # a type checker would accept any name

    def __getattr__(name: str) -> object:
        if name in _HOME:
            value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
            globals()[name] = value
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


if TYPE_CHECKING:
    from .elements.grid import RadialGrid as RadialGrid
    from .families.branch import Branch as Branch
    from .families.continuation import continuation as continuation
    from .families.design import Design as Design
    from .families.design import design as design
    from .families.differentiable import DifferentiableState as DifferentiableState
    from .families.differentiable import solve as solve
    from .families.rotation import rotation as rotation
    from .families.sensitivity import Sensitivity as Sensitivity
    from .families.sensitivity import sensitivity as sensitivity
    from .families.slopes import Slopes as Slopes
    from .families.slopes import slopes as slopes
    from .fluctuations.determinant import Determinant as Determinant
    from .fluctuations.determinant import determinant as determinant
    from .fluctuations.oscillations import Oscillations as Oscillations
    from .fluctuations.oscillations import oscillations as oscillations
    from .fluctuations.rate import DecayRate as DecayRate
    from .fluctuations.rate import decay_rate as decay_rate
    from .fluctuations.spectrum import Modes as Modes
    from .fluctuations.spectrum import spectrum as spectrum
    from .guesses.multistart import MultiStart as MultiStart
    from .guesses.profiles import Exponential as Exponential
    from .guesses.profiles import Gaussian as Gaussian
    from .guesses.profiles import OriginalGuess as OriginalGuess
    from .guesses.profiles import SuperGaussian as SuperGaussian
    from .guesses.trained.warm_start import WarmStart as WarmStart
    from .plotting.compare import compare as compare
    from .plotting.modes import plot_modes as plot_modes
    from .problem.problem import Problem as Problem
    from .scans.job import scan as scan
    from .scans.result import ScanResult as ScanResult
    from .scores.scoring import Scores as Scores
    from .scores.scoring import score as score
    from .search.bounce import BounceError as BounceError
    from .search.bounce import bounce as bounce
    from .search.excited import find_states as find_states
    from .search.feedback import SelfConsistent as SelfConsistent
    from .search.self_consistent import FixedPoint as FixedPoint
    from .search.self_consistent import self_consistent as self_consistent
    from .search.solve import SolveError as SolveError
    from .search.solve import SolveWarning as SolveWarning
    from .solvers.base import Solution as Solution
    from .solvers.gradient_flow import GradientFlow as GradientFlow
    from .solvers.lbfgs import LBFGS as LBFGS
    from .solvers.newton import Newton as Newton
    from .states.certificate import Certificate as Certificate
    from .states.stability import Rotation as Rotation
    from .states.state import State as State
    from .states.state import load as load
    from .theory.density import Density as Density
    from .theory.octave_higgs import OctaveHiggs as OctaveHiggs
    from .theory.potential import Potential as Potential
    from .theory.solitons.baby_skyrmion import BabySkyrmion as BabySkyrmion
    from .theory.solitons.chern_simons_vortex import ChernSimonsVortex as ChernSimonsVortex
    from .theory.solitons.dyon import Dyon as Dyon
    from .theory.solitons.gauged_q_ball import GaugedQBall as GaugedQBall
    from .theory.solitons.global_monopole import GlobalMonopole as GlobalMonopole
    from .theory.solitons.global_vortex import GlobalVortex as GlobalVortex
    from .theory.solitons.monopole import Monopole as Monopole
    from .theory.solitons.schroedinger_newton import SchroedingerNewton as SchroedingerNewton
    from .theory.solitons.skyrmion import Skyrmion as Skyrmion
    from .theory.solitons.sphaleron import Sphaleron as Sphaleron
    from .theory.solitons.vortex import Vortex as Vortex
    from .theory.table import Table as Table
    from .theory.vacua import Vacuum as Vacuum
    from .theory.vacua import vacua as vacua
    from .training.job import pretrain as pretrain
    from .transitions import thermal as thermal
    from .transitions.nucleation import Nucleation as Nucleation
    from .transitions.nucleation import nucleation as nucleation
    from .transitions.phases import Phases as Phases
    from .transitions.phases import phases as phases
