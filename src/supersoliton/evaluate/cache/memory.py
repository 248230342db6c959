"""`evaluate` with the cache: the same point of the same configuration is computed once."""

from __future__ import annotations

import dataclasses
import platform
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray as Array

from ..trial_result import TrialResult
from .entry import Damaged, pack, unpack
from .keys import fingerprint_of, key_of, numerics_version, settings_digest
from .store import Store

if TYPE_CHECKING:
    from ...config import Config
    from ...states.state import State
    from ..evaluation import Evaluation

HIT, STORED = "hit", "stored"
_VACUUM_SECONDS = 60.0  # time budget of the search for vacua (theory.vacua.vacua)


class CacheWarning(UserWarning):
    """The cache cannot be used as it should; results are not affected."""


@dataclass(frozen=True)
class Recalled(TrialResult):
    """An evaluation from the cache; its state is reconstructed only by :meth:`evaluation`.

    ``seconds`` is the time of the look-up. ``netcdf`` is the file of the state, if the scan that computed it wrote one.
    """

    netcdf: bytes | None = field(repr=False)
    _state: dict[str, Any] | None = field(repr=False)
    _arrays: dict[str, Array] = field(repr=False)

    def evaluation(self, config: Config) -> Evaluation:
        """The result of `evaluate`, with its state reconstructed for the problem of `config`."""
        from ..evaluation import Evaluation

        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(TrialResult)}
        return Evaluation(**given, state=self._state_of(config))

    def _state_of(self, config: Config) -> State | None:
        from ...solvers.base import Solution
        from ...states.certificate import Certificate
        from ...states.state import State
        from ...theory.vacua import Vacuum

        if self._state is None:
            return None
        record = self._state
        problem = config.problem_at({**self.point, **record["couplings"]})
        if extra := record["order"] - problem.grid.order:  # the trial was repeated on a finer mesh
            problem = problem.with_grid(problem.grid.refine(extra_order=extra))
        v = record["vacuum"]
        # set, because searching for it costs more than all the rest
        problem.__dict__["vacuum"] = Vacuum(
            problem.model.fields, self._arrays["vacuum"], v["energy_density"], self._arrays["masses_squared"]
        )
        history = tuple((float(energy), float(residual)) for energy, residual in self._arrays["history"])
        solution = Solution(u=self._arrays["u"], history=history, **record["solution"])
        certificate = Certificate.from_record(record["certificate"])
        return State(problem, solution, certificate, record["energy"], record["norm"])


class CachedEvaluate:
    """The cache of one configuration. Failures of the cache itself are not raised: it warns once.

    `directory` and `size` (MB) as for :class:`Store`. A user's potential without a source is not cached.
    """

    def __init__(self, config: Config, *, directory: Path | None = None, size: float | None = None) -> None:
        self._config = config
        chosen = config.scan.cache_size if size is None else size
        self.store = Store(numerics_version(), directory=directory, size=chosen)
        own, self.usable = fingerprint_of(config)
        self._settings = settings_digest(config.to_dict(), own)
        self._warned = False

    def key(self, point: Mapping[str, float]) -> str:
        return key_of(self._settings, point)

    def recall(self, point: Mapping[str, float]) -> tuple[Recalled | None, str]:
        """(the cached result of a point or None, "hit", "" or the reason of a failure)."""
        if not self.usable:
            return None, "not kept: the potential cannot be distinguished from others (no source, or a callback)"
        start = time.perf_counter()
        key = self.key(point)
        try:
            data = self.store.read(key)
            if data is None:
                return None, ""
            header, arrays = unpack(key, data)
            found = _recalled(point, header, arrays)
        except Damaged as error:
            self._warn(f"the cache's entry {self.store.path(key)} is damaged: {error}; it is computed again")
            return None, f"damaged: {error}"
        except OSError as error:
            self._warn(f"the cache {self.store.directory} cannot be read ({error.strerror})")
            return None, f"not read: {error.strerror}"
        found.seconds.update(cache=time.perf_counter() - start, total=time.perf_counter() - start)
        return found, HIT

    def keep(self, point: Mapping[str, float], evaluation: Evaluation, *, netcdf: bytes | None = None) -> str:
        """Store an evaluation; returns "stored" or the reason if it was not."""
        if not self.usable:
            return ""
        if limited_by_time(self._config, evaluation):
            return "not kept: a time budget may have changed the result"
        key = self.key(point)
        try:
            kept = self.store.write(key, _packed(key, evaluation, netcdf))
        except OSError as error:
            self._warn(f"the cache {self.store.directory} cannot be written ({error.strerror}); results are not kept")
            return f"not kept: {error.strerror}"
        return STORED if kept else "not kept: larger than the cache"

    def _warn(self, message: str) -> None:
        if not self._warned:
            warnings.warn(message, CacheWarning, stacklevel=4)
        self._warned = True


def evaluate_cached(
    config: Config, point: Mapping[str, float], *, directory: Path | None = None, size: float | None = None
) -> Evaluation:
    """`evaluate(config, point)` from the cache, or computed and stored.

    Both give the same bits, except in `seconds`. Raises the errors of `evaluate`.
    """
    from ..evaluation import evaluate

    memory = CachedEvaluate(config, directory=directory, size=size)
    found, _ = memory.recall(point)
    if found is not None:
        return found.evaluation(config)
    evaluation = evaluate(config, point)
    memory.keep(point, evaluation)
    return evaluation


def limited_by_time(config: Config, evaluation: Evaluation) -> bool:
    """Whether a time budget may have changed the result, which is then not reproducible.

    No search ran out of time if all of them together took less than the budget of one.
    """
    budget = getattr(config.solver, "max_seconds", None)
    seconds = evaluation.seconds
    searched = seconds.get("vacuum", seconds["total"])
    if config.problem.self_consistent is not None:  # searches for a vacuum in every iteration
        searched += seconds.get("state", 0.0)
    return searched >= _VACUUM_SECONDS or (budget is not None and seconds.get("state", 0.0) >= budget)


def _packed(key: str, evaluation: Evaluation, netcdf: bytes | None) -> bytes:
    """The entry of an evaluation."""
    arrays = {f"spectrum {name}": np.asarray(levels) for name, levels in evaluation.spectra.items()}
    header: dict[str, Any] = {
        "status": evaluation.status,
        "kind": evaluation.kind,
        "reasons": list(evaluation.reasons),
        "values": evaluation.values,
        "hits": evaluation.hits,
        "constraints": evaluation.constraints,
        "seconds": evaluation.seconds,
        "point": evaluation.point,
        "start": evaluation.start,
        "machine": f"{platform.node()} {platform.machine()}",
        "state": None,
    }
    state = evaluation.state
    if state is not None:
        solution, vacuum = state.solution, state.problem.vacuum
        params = {**state.problem.model.params, "norm": state.problem.norm}
        header["state"] = {
            # in self-consistent mode these differ from the couplings of the point
            "couplings": {name: float(value) for name, value in params.items() if value is not None},
            "order": state.grid.order,
            "vacuum": {"energy_density": vacuum.energy_density},
            "solution": {name: value for name, value in vars(solution).items() if name not in ("u", "history")},
            "certificate": dataclasses.asdict(state.certificate),
            "energy": state.energy,
            "norm": state.norm,
        }
        arrays["u"], arrays["history"] = state.u, np.array(solution.history, dtype=float).reshape(-1, 2)
        arrays["vacuum"], arrays["masses_squared"] = vacuum.values, vacuum.masses_squared
    if netcdf is not None:
        arrays["netcdf"] = np.frombuffer(netcdf, dtype=np.uint8)
    return pack(key, header, arrays)


def _recalled(point: Mapping[str, float], header: Mapping[str, Any], arrays: dict[str, Array]) -> Recalled:
    try:
        return Recalled(
            point={name: float(value) for name, value in point.items()},
            status=header["status"],
            kind=header["kind"],
            reasons=tuple(header["reasons"]),
            values=header["values"],
            constraints=header["constraints"],
            hits=header["hits"],
            seconds={},
            spectra={n.removeprefix("spectrum "): a for n, a in arrays.items() if n.startswith("spectrum ")},
            start=header["start"],
            netcdf=arrays["netcdf"].tobytes() if "netcdf" in arrays else None,
            _state=header["state"],
            _arrays=arrays,
        )
    except (KeyError, TypeError) as error:  # not expected: the version is part of the path
        raise Damaged(f"it lacks {error}") from error
