"""Unfinished work as arrays and plain data, and back: what a file of training in progress holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..guesses.trained.carriers import Carriers
from .networks import Training, TrainingData
from .seeds import Seed, SeedSearch

_TRAINING_DATA = ("x", "coefficients", "held_x", "held", "scales")


def pack(
    searched: Sequence[SeedSearch], lessons: Mapping[Carriers, TrainingData], trained: Mapping[Carriers, Training]
) -> tuple[dict[str, Any], dict[str, Array]]:
    """Plain data, and arrays by name."""
    seeds = [seed for one in searched for seed in one.seeds]
    plain: dict[str, Any] = {
        "searched": [
            {
                "lowest": None if one.lowest is None else _listed(one.lowest),
                "steps": one.steps,
                "seeds": [_listed(seed.branch) for seed in one.seeds],
            }
            for one in searched
        ],
        "lessons": [{"branch": _listed(b), "size": lesson.size} for b, lesson in lessons.items()],
        "trained": [
            {"branch": _listed(b), "curve": t.curve, "waited": t.waited, "leaves": len(t.leaves), "best": len(t.best)}
            for b, t in trained.items()
        ],
    }
    arrays: dict[str, Array] = {}
    if searched:
        arrays["x"] = np.stack([one.x for one in searched])
    if seeds:
        arrays |= {"seed_x": np.stack([seed.x for seed in seeds]), "seed_w": np.stack([seed.w for seed in seeds])}
        arrays["seed_vacuum"] = np.stack([seed.vacuum for seed in seeds])
    for i, lesson in enumerate(lessons.values()):
        arrays |= {f"lesson{i}/{name}": getattr(lesson, name) for name in _TRAINING_DATA}
    for i, t in enumerate(trained.values()):
        arrays |= {f"net{i}/leaf{j}": leaf for j, leaf in enumerate(t.leaves)}
        arrays |= {f"net{i}/best{j}": leaf for j, leaf in enumerate(t.best)}
    return plain, arrays


def unpack(
    plain: Mapping[str, Any], arrays: Mapping[str, Array]
) -> tuple[list[SeedSearch], dict[Carriers, TrainingData], dict[Carriers, Training]]:
    """What :func:`pack` was given."""
    searched, at = [], 0
    for i, one in enumerate(plain["searched"]):
        seeds = [
            Seed(_branch(listed), *(arrays[name][at + j] for name in ("seed_x", "seed_w", "seed_vacuum")))
            for j, listed in enumerate(one["seeds"])
        ]
        at += len(seeds)
        lowest = None if one["lowest"] is None else _branch(one["lowest"])
        searched.append(SeedSearch(arrays["x"][i], lowest, seeds, one["steps"]))
    lessons = {
        _branch(one["branch"]): TrainingData(
            **{name: arrays[f"lesson{i}/{name}"] for name in _TRAINING_DATA}, size=one["size"]
        )
        for i, one in enumerate(plain["lessons"])
    }
    trained = {
        _branch(one["branch"]): Training(
            tuple(arrays[f"net{i}/leaf{j}"] for j in range(one["leaves"])),
            tuple(arrays[f"net{i}/best{j}"] for j in range(one["best"])),
            tuple((int(step), float(learnt), float(held)) for step, learnt, held in one["curve"]),
            one["waited"],
        )
        for i, one in enumerate(plain["trained"])
    }
    return searched, lessons, trained


def _listed(branch: Carriers) -> list[list[int]]:
    return [list(branch.carriers), list(branch.signs)]


def _branch(listed: Sequence[Sequence[int]]) -> Carriers:
    return Carriers(tuple(listed[0]), tuple(listed[1]))
