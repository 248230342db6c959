"""Conversion of an unfinished training to arrays and plain data, and back."""

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
    searched: Sequence[SeedSearch], training_data: Mapping[Carriers, TrainingData], trained: Mapping[Carriers, Training]
) -> tuple[dict[str, Any], dict[str, Array]]:
    """(plain data, arrays by name) of an unfinished training."""
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
        "lessons": [{"branch": _listed(b), "size": data.size} for b, data in training_data.items()],
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
    for i, data in enumerate(training_data.values()):
        arrays |= {f"lesson{i}/{name}": getattr(data, name) for name in _TRAINING_DATA}
    for i, t in enumerate(trained.values()):
        arrays |= {f"net{i}/leaf{j}": leaf for j, leaf in enumerate(t.leaves)}
        arrays |= {f"net{i}/best{j}": leaf for j, leaf in enumerate(t.best)}
    return plain, arrays


def unpack(
    plain: Mapping[str, Any], arrays: Mapping[str, Array]
) -> tuple[list[SeedSearch], dict[Carriers, TrainingData], dict[Carriers, Training]]:
    """The inverse of :func:`pack`."""
    searched, at = [], 0
    for i, one in enumerate(plain["searched"]):
        seeds = [
            Seed(_branch(listed), *(arrays[name][at + j] for name in ("seed_x", "seed_w", "seed_vacuum")))
            for j, listed in enumerate(one["seeds"])
        ]
        at += len(seeds)
        lowest = None if one["lowest"] is None else _branch(one["lowest"])
        searched.append(SeedSearch(arrays["x"][i], lowest, seeds, one["steps"]))
    training_data = {
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
    return searched, training_data, trained


def _listed(branch: Carriers) -> list[list[int]]:
    return [list(branch.carriers), list(branch.signs)]


def _branch(listed: Sequence[Sequence[int]]) -> Carriers:
    return Carriers(tuple(listed[0]), tuple(listed[1]))
