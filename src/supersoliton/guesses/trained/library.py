"""The file of trained starts: for every branch a basis, solved states, a regression and optionally a network.

The file is a NumPy npz archive without pickles: arrays, and a JSON header with the box of couplings, the grid, the
branches, the versions and a hash of the data. It is written atomically.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from ..._checks import expect_constant_kinetic
from ...elements.grid import RadialGrid
from ...machine.atomic_write import write_atomically
from ...machine.checksum import PLACE, is_intact, seal
from ...problem.problem import DiscreteProblem
from .basis import Basis
from .box import Box
from .carriers import Carriers
from .network import Network
from .regression import MatrixRegression, Regression

_ARCHIVE = b"PK"  # first bytes of a zip archive, and so of an npz file
FORMAT = "supersoliton-warm-start-2"
SOURCES = ("network", "regression", "neighbour")


@dataclass(frozen=True, eq=False)
class BranchModel:
    """The models of one branch: they predict the coefficients of its states in its basis."""

    branch: Carriers
    basis: Basis
    # solved and certified states: coordinates in the box, coefficients
    x: Float[Array, "state coupling"]
    coefficients: Float[Array, "state mode"]
    # models fitted to these states; None if not trained
    regression: Regression | None = None
    network: Network | None = None
    # fraction of the points in the box whose lowest state is on this branch
    share: float = 0.0
    # regression of the second variation in the basis
    variation: MatrixRegression | None = None

    def predict(self, source: str, x: Float[Array, " coupling"]) -> Float[Array, " mode"] | None:
        """Coefficients at coordinates x by "network", "regression" or "neighbour"; None without such a model."""
        if source == "neighbour":
            return self.coefficients[np.argmin(np.sum((self.x - x) ** 2, axis=1))]
        model = self.network if source == "network" else self.regression
        return None if model is None else model(x)


@dataclass(frozen=True, eq=False)
class Library:
    """All branches over one box of couplings, on one grid."""

    box: Box
    grid: RadialGrid
    theory: Mapping[str, Any]  # of describe_theory()
    models: Mapping[Carriers, BranchModel]
    finished: bool = True
    # settings, versions, seconds of each stage, mean Newton steps of an untrained search, curves of the loss
    record: Mapping[str, Any] = field(default_factory=dict)
    # arrays needed to resume an unfinished training
    training: Mapping[str, Array] = field(default_factory=dict)

    def check(self, problem: DiscreteProblem) -> None:
        """Raises ValueError if the library was trained for another grid or theory than that of ``problem``."""
        grid = problem.grid
        if grid is None or grid != self.grid:
            raise ValueError(
                f"warm_start: trained on {_of_grid(self.grid)}, but the problem has "
                f"{_of_grid(grid) if grid is not None else 'no grid'}: pretrain again, or use that grid"
            )
        asked = describe_theory(problem, self.box)
        for key, value in self.theory.items():
            if asked.get(key) != value:
                raise ValueError(
                    f"warm_start: trained for {key} = {value}, but the problem has {asked[key]}: pretrain again"
                )


def describe_theory(problem: DiscreteProblem, box: Box) -> dict[str, Any]:
    """The settings that must be the same in a problem and in the library, as plain data."""
    model = problem.model
    expect_constant_kinetic("warm_start", model, "use the default guesses")
    return {
        "model": type(model).__name__,
        "fields": list(model.fields),
        "kinetic": [float(k) for k in model.kinetic],
        "couplings": {n: float(value) for n, value in model.params.items() if n not in box.names},
        "norm": None if "norm" in box.names or problem.norm is None else float(problem.norm),
        "omega": None if problem.omega is None else float(problem.omega),
        "boundary": problem.boundary if isinstance(problem.boundary, str) else [float(b) for b in problem.boundary],
        "carries": [float(c) for c in problem.carries_norm],
        "parity": problem.parity if isinstance(problem.parity, str) else list(problem.parity),
        "line": None if problem.line is None else [list(end) for end in problem.line],
    }


def _of_grid(grid: RadialGrid) -> str:
    edges = ", ".join(f"{edge:g}" for edge in grid.element_edges)
    return f"a grid of order {grid.order} in d = {grid.dim:g} with edges {edges}"


def save_library(path: Path, library: Library) -> Path:
    """Write the file atomically. Raises OSError."""
    arrays: dict[str, Array] = {}
    branches = []
    for number, (branch, model) in enumerate(library.models.items()):
        parts = {"mean": model.basis.mean, "modes": model.basis.modes, "x": model.x, "coefficients": model.coefficients}
        if (fit := model.regression) is not None:
            parts |= {"at": fit.at, "lengths": fit.lengths, "fit": fit.weights}
        if model.variation is not None:
            fit = model.variation.fit
            parts |= {"at": fit.at, "lengths": fit.lengths, "variation": fit.weights}
            parts["variation_mean"] = model.variation.mean
        if model.network is not None:
            parts |= {f"weight{i}": w for i, w in enumerate(model.network.weights)}
            parts |= {f"bias{i}": b for i, b in enumerate(model.network.biases)}
            parts["scales"] = model.network.scales
        arrays |= {f"branch{number}/{name}": value for name, value in parts.items()}
        branches.append(
            {
                "carriers": list(branch.carriers),
                "signs": list(branch.signs),
                "share": model.share,
                "regression": model.regression is not None,
                "variation": model.variation is not None,
                "layers": 0 if model.network is None else len(model.network.weights),
            }
        )
    arrays |= {f"training/{name}": value for name, value in library.training.items()}
    box, grid = library.box, library.grid
    header = {
        "format": FORMAT,
        "finished": library.finished,
        "box": {"names": box.names, "low": box.low, "high": box.high, "log": box.log},
        "grid": {"order": grid.order, "dim": grid.dim, "edges": grid.element_edges.tolist()},
        "theory": library.theory,
        "branches": branches,
        "record": library.record,
        "data": _hash(arrays),
        "checksum": "in the comment of the archive",
    }
    content = io.BytesIO()
    np.savez(content, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)  # type: ignore[arg-type]
    with zipfile.ZipFile(content, "a") as archive:
        archive.comment = PLACE
    write_atomically(path, seal(content.getvalue()), sync=True)
    return path


def read_library(path: str | Path, *, training: bool = False) -> Library:
    """Read a file written by :func:`save_library`; ``training``: with the arrays needed to resume the training.

    Raises
    ------
    ValueError : if the file is missing, damaged, foreign, or has another format.
    """
    source = Path(path)
    if not source.is_file():
        raise ValueError(f"warm_start: there is no file {source}: make it with supersoliton pretrain FILE.toml")
    try:
        content = source.read_bytes()
        if not content.startswith(_ARCHIVE):  # NumPy would try to read it as another format or a pickle
            raise zipfile.BadZipFile("no archive")
        with np.load(io.BytesIO(content), allow_pickle=False) as data:
            header = json.loads(data["header"].tobytes())
            if header["format"] == FORMAT:
                arrays = {name: data[name] for name in data.files if name != "header"}
    except Exception as error:  # NumPy, zipfile and json may raise anything for a damaged or foreign file
        raise ValueError(
            f"warm_start: {source} cannot be read ({type(error).__name__}): it is damaged or foreign; pretrain again"
        ) from error
    if header["format"] != FORMAT:
        raise ValueError(f"warm_start: {source} has the format {header['format']!r}, not {FORMAT}: pretrain again")
    sealed = is_intact(content) is (True if "checksum" in header else None)  # earlier versions had none
    if _hash(arrays) != header["data"] or not sealed:
        raise ValueError(f"warm_start: {source} does not match its checksum: pretrain again")
    grid = RadialGrid(order=header["grid"]["order"], dim=header["grid"]["dim"], edges=tuple(header["grid"]["edges"]))
    box = Box(*(tuple(header["box"][name]) for name in ("names", "low", "high", "log")))
    models = {}
    for number, about in enumerate(header["branches"]):
        start = f"branch{number}/"
        parts = {n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)}
        model = _branch_model(about, parts, grid)
        models[model.branch] = model
    return Library(
        box=box,
        grid=grid,
        theory=header["theory"],
        models=models,
        finished=header["finished"],
        record=header["record"],
        training={n.removeprefix("training/"): a for n, a in arrays.items() if n.startswith("training/")}
        if training
        else {},
    )


def _branch_model(about: Mapping[str, Any], parts: Mapping[str, Array], grid: RadialGrid) -> BranchModel:
    regression = Regression(parts["at"], parts["lengths"], parts["fit"]) if about["regression"] else None
    variation = None
    if about["variation"]:
        fit = Regression(parts["at"], parts["lengths"], parts["variation"])
        variation = MatrixRegression(fit, parts["variation_mean"])
    network = None
    if about["layers"]:
        weights = tuple(parts[f"weight{i}"] for i in range(about["layers"]))
        network = Network(weights, tuple(parts[f"bias{i}"] for i in range(about["layers"])), parts["scales"])
    return BranchModel(
        branch=Carriers(tuple(about["carriers"]), tuple(about["signs"])),
        basis=Basis(grid, parts["mean"], parts["modes"]),
        x=parts["x"],
        coefficients=parts["coefficients"],
        regression=regression,
        network=network,
        share=about["share"],
        variation=variation,
    )


def digest_of_file(path: str | Path) -> str:
    """The first 16 hex digits of a file's SHA-256; empty if there is no file."""
    source = Path(path)
    return hashlib.sha256(source.read_bytes()).hexdigest()[:16] if source.is_file() else ""


def _hash(arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    return digest.hexdigest()


@functools.lru_cache(maxsize=4)
def _read_cached(path: str, stamp: tuple[int, int]) -> tuple[Library, str]:
    return read_library(path), digest_of_file(path)


def recall_library(path: str) -> tuple[Library, str]:
    """:func:`read_library` and :func:`digest_of_file`, cached until the file changes. Raises ValueError."""
    try:
        status = os.stat(path)
    except OSError:
        return read_library(path), ""  # raises ValueError
    return _read_cached(path, (status.st_mtime_ns, status.st_size))
