"""The settings of a scan: the [scan] and [scan.verify] tables of a configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .._ranges import Range as Range
from ..machine import devices
from .constraints import CONSTRAINTS
from .objectives import Objective, read_objectives
from .old_names import successor

SAMPLERS = ("tpe", "nsga2", "nsga3", "gp", "botorch", "random", "sobol")
EXECUTORS = ("auto", "in_process", "processes", "dask")
MODES = ("scan", "pretrain", "full")
FALLBACKS = ("tpe", "nsga2", "nsga3", "random", "sobol")  # samplers without optional dependencies


@dataclass(frozen=True)
class VerifySettings:
    """[scan.verify]: when the trials are finished, evaluate points that a surrogate predicts to be best.

    Parameters
    ----------
    points : int, default 15
        Number of points of the predicted Pareto set to evaluate, the most promising first.
    """

    points: int = 15

    def __post_init__(self) -> None:
        if isinstance(self.points, bool) or not isinstance(self.points, int) or self.points < 1:
            raise ValueError(f"verify.points must be a whole number of at least 1, got {self.points!r}: try 15.")


@dataclass(frozen=True)
class RefineSettings:
    """[scan.refine]: at the end, move members of the front uphill in the smooth objectives and evaluate them there.

    Parameters
    ----------
    points : int, default 5
        Number of members to move, those with the best objectives first.
    """

    points: int = 5

    def __post_init__(self) -> None:
        if isinstance(self.points, bool) or not isinstance(self.points, int) or self.points < 1:
            raise ValueError(f"refine.points must be a whole number of at least 1, got {self.points!r}: try 5.")


@dataclass(frozen=True)
class ScanSettings:
    """The [scan] table: number of trials, sampler, workers, objectives and storage.

    Parameters
    ----------
    mode : str, default "scan"
        ``"scan"``; ``"pretrain"``: only train the starts of [warm_start]; ``"full"``: train, then scan.
    trials : int, default 24
        Total number of trials. More are added to a finished scan with a larger number.
    sampler : str, default "tpe"
        ``"tpe"``, ``"nsga2"`` or ``"nsga3"`` (generations of ``population``), ``"gp"``, ``"botorch"``, ``"random"`` or
        ``"sobol"``.
    fallback : str, default "nsga2"
        Sampler that draws if ``"gp"`` or ``"botorch"`` is not installed or fails.
    population : int, default 20
        Trials in a generation of ``"nsga2"`` and ``"nsga3"``.
    seed : int, default 0
        Seed of the sampler.
    workers : int, default 2
        Parallel processes; 1 runs in this process, and then the same seed gives the same trials.
    objectives : list, default ["fractal_score", "hierarchy", "regularity"]
        Names of recorded values, or ``"file.py:function"`` of (state, modes); each maximised, or with its direction
        as ``{ name = "energy", direction = "minimize" }``.
    constraints : list of str, default []
        What a trial must satisfy in addition: ``"certified"``, ``"rotating"`` (ω² > 0), ``"classically_stable"``,
        ``"stable_against_quanta"``.
    parameters : table, default {}
        What is varied: the name of a coupling, or ``norm``, and its range, see [scan.parameters].
    verify : table, optional
        The phase after the trials, see [scan.verify]; without it there is none.
    save_surrogate : bool, default false
        Keep the surrogate of that phase in ``surrogate.joblib``.
    refine : table, optional
        The last phase, see [scan.refine]; without it there is none.
    cache : bool, default true
        Read evaluations from the cache, and store new ones.
    cache_size : float, default 1000.0
        Largest size of the cache on disk, in MB; the entries unused for longest are deleted first.
    device : str, default "auto"
        ``"auto"`` and ``"cpu"``: the CPU; ``"gpu"`` or ``"tpu"``: V and its derivatives on the accelerator, in this
        process.
    executor : str, default "auto"
        ``"in_process"``, ``"processes"`` (on this machine) or ``"dask"``; ``"auto"``: this process for one worker,
        else processes, or Dask if a scheduler is given.
    scheduler : str, default ""
        Address of a Dask cluster; without it ``"dask"`` starts ``workers`` on this machine.
    trial_timeout : float, default 900.0
        Seconds after which a trial counts as hung; its worker is killed and the trial has failed.
    worker_memory : float, default 0.0
        Limit for the data of each of the ``"processes"``, in GiB; 0: no limit. A trial that needs more fails.
    storage : str, default ""
        URL of the study, e.g. ``postgresql://…``; without it ``study.db`` in the folder of the scan.
    """

    mode: str = "scan"
    trials: int = 24
    sampler: str = "tpe"
    fallback: str = "nsga2"
    population: int = 20
    seed: int = 0
    workers: int = 2
    objectives: tuple[Objective, ...] = read_objectives(("fractal_score", "hierarchy", "regularity"))
    constraints: tuple[str, ...] = ()
    parameters: Mapping[str, Range] = field(default_factory=dict)
    verify: VerifySettings | None = None
    save_surrogate: bool = False
    refine: RefineSettings | None = None
    cache: bool = True
    cache_size: float = 1000.0
    device: str = "auto"
    executor: str = "auto"
    scheduler: str = ""
    trial_timeout: float = 900.0
    worker_memory: float = 0.0
    storage: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "objectives", read_objectives(self.objectives))
        for name, least, remedy in (
            ("trials", 1, "ask for at least one trial"),
            ("workers", 1, "1 runs in this process, 2 in two processes"),
            ("population", 2, "nsga2 needs at least two parents, try 20"),
            ("seed", 0, "give a whole number from 0"),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"scan.{name} must be a whole number of at least {least}, got {value!r}: {remedy}.")
        devices.check(self.device, "scan.device")
        if self.sampler not in SAMPLERS:
            raise ValueError(f"scan.sampler must be one of {', '.join(SAMPLERS)}, got {self.sampler!r}: choose one.")
        if self.fallback not in FALLBACKS:
            raise ValueError(f"scan.fallback must be one of {', '.join(FALLBACKS)}, got {self.fallback!r}: choose one.")
        if not (math.isfinite(self.cache_size) and self.cache_size > 0):
            raise ValueError(f"scan.cache_size must be positive, in MB, got {self.cache_size!r}: or set cache = false.")
        if self.mode not in MODES:
            remedy = successor(self.mode, "scan.mode", MODES) or "choose one."
            raise ValueError(f"scan.mode must be one of {', '.join(MODES)}, got {self.mode!r}: {remedy}")
        if self.executor not in EXECUTORS:
            raise ValueError(f"scan.executor must be one of {', '.join(EXECUTORS)}, got {self.executor!r}: choose one.")
        if self.scheduler and (self.executor not in ("auto", "dask") or "://" not in self.scheduler):
            raise ValueError(
                f'scan.scheduler is the address of a Dask cluster, got "{self.scheduler}" with executor = '
                f'"{self.executor}": write e.g. "tcp://127.0.0.1:8786" and executor = "dask".'
            )
        if self.device in devices.ACCELERATORS and (self.scheduler or self.executor in ("processes", "dask")):
            raise ValueError(
                f'scan.device = "{self.device}" runs trials in this process and excludes worker processes and Dask: '
                "leave executor and scheduler out."
            )
        for name, remedy in (("trial_timeout", "in seconds, try 900"), ("worker_memory", "in GiB, 0 for no limit")):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0 or (name == "trial_timeout" and value == 0):
                raise ValueError(f"scan.{name} must be positive, got {value!r}: give it {remedy}.")
        if not self.objectives or len(set(self.objectives)) != len(self.objectives):
            raise ValueError(
                f'scan.objectives must be distinct names, got {list(self.objectives)}: e.g. ["fractal_score"].'
            )

        for name in self.constraints:
            if name not in CONSTRAINTS:
                known = ", ".join(CONSTRAINTS)
                raise ValueError(f'scan.constraints: there is no constraint "{name}": choose from {known}.')

    @property
    def signs(self) -> np.ndarray:
        """1 for each objective that is maximised, -1 for each that is minimised."""
        return np.array([objective.sign for objective in self.objectives])

    def sample(self, rng: np.random.Generator) -> dict[str, float]:
        """A random point of the scanned ranges, uniform or log-uniform: name → value."""
        return {name: limits.sample(rng) for name, limits in self.parameters.items()}
