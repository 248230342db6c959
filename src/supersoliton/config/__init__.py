"""The configuration of a problem and of a scan: TOML → objects, checked as a whole before any work starts.

[model]     kind = name of a theory (`supersoliton.theory`), or your own class "file.py:Class" or "module:Class", and
            its fields; or kind = "potential", function = "file.py:name". Paths are relative to the TOML file
[grid]      the fields of RadialGrid
[problem]   boundary, norm, …; [problem.guess] kind = "gaussian" … with its fields, or "multistart";
            [problem.self_consistent] the fields of SelfConsistent: couplings fed back from the state
[solver]    kind = "newton", "lbfgs" or "gradient_flow", and the fields of Newton, LBFGS or GradientFlow
[spectrum]  n_modes, ell          [score]  spectrum, targets, null_samples, seed, own (["file.py:name"])
[transition] start, stop, parameter, which, criterion, g_star, planck_mass: a trial is a transition
[warm_start] the fields of WarmStartSettings
[scan]      mode, trials, sampler, fallback, population, seed, workers, objectives, cache, cache_size,
            device, executor, scheduler, trial_timeout, worker_memory, storage; an objective is a recorded value, or
            your function "file.py:name" of (state, modes), or { name = "…", direction = "minimize" }
[scan.parameters]   g = [0.5, 0.8]   or   norm = { low = 400, high = 5000, log = true }
[scan.verify]       points
[scan.refine]       points
"""

from typing import TYPE_CHECKING, Any

from .files import read as read

if TYPE_CHECKING:
    from .configuration import Config as Config
    from .configuration import load as load
    from .configuration import loads as loads

__all__ = ["Config", "load", "loads", "read"]


def __getattr__(name: str) -> Any:
    """Import JAX, which takes a second, only when it is needed: `read` is enough to recognise a finished scan."""
    if name in ("Config", "load", "loads"):
        from . import configuration

        return getattr(configuration, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
