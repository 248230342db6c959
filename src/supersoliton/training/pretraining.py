"""The training loop: states, bases, regressions, networks, for one configuration. It can be interrupted and resumed.

Unfinished work is kept in a file next to the result, in the same format, written every few seconds and at the end of
each stage. A task depends only on the configuration, its number and earlier tasks, so interruptions and the number of
workers change no bit of the result on the same machine.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy import ndarray as Array

from ..config.configuration import Config
from ..config.warm_start import WarmStartSettings
from ..guesses.multistart import MultiStart
from ..guesses.trained.box import Box
from ..guesses.trained.carriers import Carriers
from ..guesses.trained.library import BranchModel, Library, describe_theory, read_library, save_library
from ..guesses.trained.regression import GaussianProcess
from . import networks
from .checkpoint import pack, unpack
from .networks import Training, TrainingData
from .seeds import Seed, SeedSearch, draw_point, follow, search_point, span, variations
from .workers import in_order

Result = TypeVar("Result")

FEWEST = 4  # states that a branch needs for a basis
_SAVE_INTERVAL = 5.0  # seconds
_USE = ("use", "checkpoint", "corrections")  # settings that do not affect the training
_PACKAGES = ("supersoliton", "jax", "jaxlib", "numpy", "scipy", "scikit-learn")


@dataclass(frozen=True)
class Stage:
    """Progress of a stage: its name, tasks done, tasks in all, and a remark."""

    name: str
    done: int
    wanted: int
    remark: str = ""


def pretrain(
    config: Config,
    *,
    workers: int | None = None,
    report: Callable[[Stage], None] = lambda stage: None,
    stop_after: int | None = None,
) -> Library | None:
    """Train starts over the box of ``config.scan``, and write them to the checkpoint of ``config.warm_start``.

    ``workers`` replaces that of the scan. ``stop_after``: interrupt the work after this many tasks and return None
    (for tests).

    Raises
    ------
    ValueError : for a configuration without [warm_start] or [scan.parameters], a folder that cannot be written, or a
        file of unfinished work with other settings.
    LostWorker : if a worker was killed.
    """
    settings = config.warm_start
    if settings is None:
        raise ValueError("pretrain: the configuration has no table [warm_start]: add one; it may be empty.")
    if not config.scan.parameters:
        raise ValueError("[scan.parameters] is empty: name at least one coupling to vary, e.g. g = [0.5, 0.8].")
    if settings.networks < 1.0 and settings.steps:
        networks.require_packages()
    work = _Pretraining(config, settings, workers or config.scan.workers, report, stop_after)
    try:
        finished = work.run()
    except BaseException:  # also Ctrl-C: finished tasks are kept
        work.save()
        raise
    return finished


class _Stopped(Exception):
    """``stop_after`` tasks are done."""


class _Pretraining:
    """One training run and its state; :meth:`library` collects all that must survive an interruption."""

    def __init__(
        self,
        config: Config,
        settings: WarmStartSettings,
        workers: int,
        report: Callable[[Stage], None],
        stop_after: int | None,
    ) -> None:
        self.config, self.settings, self.workers, self.report = config, settings, workers, report
        self.box = Box.of(config.scan.parameters)
        self.target = Path(self.settings.checkpoint)
        self.draft = self.target.with_name(self.target.stem + ".training" + self.target.suffix)
        self.left = stop_after
        self.theory = describe_theory(config.problem_at(self.box.point(np.zeros(len(self.box.names)))), self.box)
        self.searched: list[SeedSearch] = []
        self.models: dict[Carriers, BranchModel] = {}
        self.refused: list[tuple[tuple[int, ...], tuple[int, ...]]] = []  # branches with too few states
        self.training_data: dict[Carriers, TrainingData] = {}
        self.trained: dict[Carriers, Training] = {}
        self.seconds: dict[str, float] = {}
        self.saved = time.monotonic()
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            writable = os.access(self.target.parent, os.W_OK)
        except OSError as error:
            raise ValueError(
                f"[warm_start] cannot write to {self.target.parent} ({error.strerror}): name another checkpoint."
            ) from error
        if not writable:
            raise ValueError(f"[warm_start] cannot write to {self.target.parent}: name another checkpoint.")
        self.resume()

    # The stages

    def run(self) -> Library | None:
        try:
            self.search()
            self.save()
            self.make_models()
            self.save()
            self.make_networks()
        except _Stopped:
            self.save()
            return None
        library = self.library(finished=True)
        save_library(self.target, library)
        self.draft.unlink(missing_ok=True)
        return library

    def search(self) -> None:
        todo = range(len(self.searched), self.settings.points)
        config, box, seed = self.config, self.box, self.settings.seed
        tasks = ((config, box, draw_point(config, box, seed, index)) for index in todo)
        for found in self.timed("search", in_order(search_point, tasks, self.workers)):
            self.searched.append(found)
            branches = len({seed.branch for one in self.searched for seed in one.seeds})
            self.step("searching for states", len(self.searched), self.settings.points, f"{branches} branches")

    def make_models(self) -> None:
        """A model of every branch found, the most frequent lowest state first."""
        met: dict[Carriers, list[Seed]] = {}
        for one in self.searched:
            for seed in one.seeds:
                met.setdefault(seed.branch, []).append(seed)
        lowest = Counter(one.lowest for one in self.searched if one.lowest is not None)
        order = sorted(met, key=lambda branch: (-lowest[branch], -len(met[branch]), branch))
        refused = [Carriers(*parts) for parts in self.refused]
        todo = [branch for branch in order if branch not in self.models and branch not in refused]
        tasks = (
            (self.config, self.settings, self.box, met[b], lowest[b] / max(sum(lowest.values()), 1), _key(b))
            for b in todo
        )
        made = self.timed("models", in_order(_model_of, tasks, self.workers))
        for count, (branch, model) in enumerate(zip(todo, made, strict=True), start=len(order) - len(todo) + 1):
            if model is None:
                self.refused.append((branch.carriers, branch.signs))
            else:
                self.models[branch] = model
            self.step("following branches", count, len(order), str(branch))
        if not self.models:
            raise ValueError(
                f"pretrain: no branch has {FEWEST} certified states at {len(self.searched)} points: "
                "check the ranges with supersoliton scan, or increase [warm_start] points."
            )

    def make_networks(self) -> None:
        settings = self.settings
        chosen = [b for b, m in self.models.items() if m.share >= settings.networks and m.regression is not None]
        if settings.steps == 0 or settings.networks >= 1.0:
            return
        todo = [b for b in chosen if b not in self.training_data]
        tasks = ((self.config, settings, self.box, self.models[b], [settings.seed, 2, *_key(b)]) for b in todo)
        made = self.timed("roots", in_order(networks.make_training_data, tasks, self.workers))
        for branch, data in zip(todo, made, strict=True):
            self.training_data[branch] = data
            self.step("solving within the bases", len(self.training_data), len(chosen), str(branch))
        for branch in chosen:
            key = [settings.seed, 3, *_key(branch)]
            if branch not in self.trained:
                data = self.training_data[branch]
                self.trained[branch] = networks.new_training(settings, data.x.shape[1], data.held.shape[1], key)
        for number in range(networks.ROUNDS):
            todo = [b for b in chosen if len(self.trained[b].curve) == number and not self.trained[b].is_over(settings)]
            rounds = ((settings, self.training_data[b], self.trained[b], [settings.seed, 3, *_key(b)]) for b in todo)
            ended = self.timed("networks", in_order(networks.train_round, rounds, self.workers))
            for branch, trained in zip(todo, ended, strict=True):
                self.trained[branch] = trained
                worst = max(t.curve[-1][2] for t in self.trained.values() if t.curve)
                done = sum(len(t.curve) for t in self.trained.values())
                self.step("training networks", done, networks.ROUNDS * len(chosen), f"error up to {worst:.1e}")
        for branch in chosen:
            network = networks.network_of(settings, self.training_data[branch], self.trained[branch])
            self.models[branch] = dataclasses.replace(self.models[branch], network=network)

    # Saving and resuming

    def timed(self, stage: str, results: Iterator[Result]) -> Iterator[Result]:
        """The results; their time is added to the seconds of the stage."""
        last = time.monotonic()
        for result in results:
            now = time.monotonic()
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - last
            yield result
            last = time.monotonic()

    def step(self, stage: str, done: int, wanted: int, remark: str) -> None:
        self.report(Stage(stage, done, wanted, remark))
        if time.monotonic() - self.saved > _SAVE_INTERVAL:
            self.save()
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                raise _Stopped

    def save(self) -> None:
        save_library(self.draft, self.library())
        self.saved = time.monotonic()

    def library(self, finished: bool = False) -> Library:
        steps = [one.steps for one in self.searched if one.lowest is not None]
        record: dict[str, object] = {
            "settings": self.training_settings(),
            "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
            "seconds": self.seconds,
            "search_steps": float(np.mean(steps)) if steps else 0.0,
            "file": str(self.target),
            "curves": {str(branch): t.curve for branch, t in self.trained.items()},
        }
        arrays: dict[str, Array] = {}
        if not finished:
            plain, arrays = pack(self.searched, self.training_data, self.trained)
            record |= {"unfinished": plain, "without_model": [list(map(list, b)) for b in self.refused]}
        return Library(self.box, self.config.grid, self.theory, self.models, finished, record, arrays)

    def training_settings(self) -> dict[str, object]:
        """The settings that affect the result, as plain data."""
        own = {name: value for name, value in dataclasses.asdict(self.settings).items() if name not in _USE}
        guess = self.config.problem.guess
        assert isinstance(guess, MultiStart)
        return own | {"n_polish": guess.n_polish, "solver": repr(self.config.solver)}

    def resume(self) -> None:
        """Read the file of unfinished work, if there is one. Raises ValueError if it has other settings."""
        if not self.draft.exists():
            return
        old = read_library(self.draft, training=True)
        begun = {"box": old.box, "grid": old.grid, **old.theory, **old.record["settings"]}
        asked = {"box": self.box, "grid": self.config.grid, **self.theory, **self.training_settings()}
        for name, value in asked.items():
            if begun.get(name) != value:
                raise ValueError(
                    f"pretrain: {self.draft} was begun with {name} = {begun.get(name)}, now it is {value}: set it "
                    "back to resume, or remove that file to start again."
                )
        self.searched, self.training_data, self.trained = unpack(old.record["unfinished"], old.training)
        self.models, self.seconds = dict(old.models), dict(old.record["seconds"])
        self.refused = [(tuple(c), tuple(s)) for c, s in old.record["without_model"]]


def _model_of(
    config: Config, settings: WarmStartSettings, box: Box, seeds: list[Seed], share: float, key: list[int]
) -> BranchModel | None:
    """The model of a branch without its network; None if the branch has too few states."""
    states = follow(config, box, seeds, settings.seeds, [settings.seed, 1, *key])
    if len(states) < FEWEST:
        return None
    states = states[: settings.seeds]
    basis = span(config, box, states, settings.basis)
    x = np.stack([seed.x for seed in states])
    coefficients = np.stack([basis.project(seed.w) for seed in states])
    process = GaussianProcess(x, coefficients)
    return BranchModel(
        branch=seeds[0].branch,
        basis=basis,
        x=x,
        coefficients=coefficients,
        regression=process.regression(coefficients),
        share=share,
        variation=process.matrices(variations(config, box, states, basis)),
    )


def _key(branch: Carriers) -> list[int]:
    """Integers that identify a branch, as part of its random seeds."""
    return [sum(1 << i for i in branch.carriers), sum((sign > 0) << k for k, sign in enumerate(branch.signs))]
