"""The checked configuration, made from tables and written as tables."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..elements.grid import RadialGrid
from ..guesses import Exponential, Gaussian, MultiStart, OriginalGuess, SuperGaussian, WarmStart
from ..guesses.profiles import AbstractProfile
from ..guesses.trained.library import digest_of_file
from ..machine import user_files
from ..machine.paths import TRAINED_STARTS
from ..problem.problem import DiscreteProblem
from ..scores import registry
from ..scores.score import Score, ScoreSettings
from ..search.feedback import SelfConsistent, recorded_names
from ..search.self_consistent import check_feedback
from ..solvers import LBFGS, AbstractSolver, GradientFlow, Newton
from ..theory.base import AbstractModel, Column
from .constraints import OF_EVERY_TRIAL
from .files import read
from .objectives import Objective, check_objectives
from .old_names import successor
from .scan import ScanSettings
from .scan_table import read_scan
from .schema import as_table, build, check_keys, construct
from .tables import OF_TRANSITION, RECORDED, ProblemSettings, SpectrumSettings, TransitionSettings
from .theory_table import read_mesh, read_model
from .warm_start import WarmStartSettings

_TABLES = ("model", "grid", "problem", "solver", "spectrum", "score", "transition", "warm_start", "scan")
# Tables that the program adds to the resolved file; accepted so that this file can be run again unchanged.
_RECORDED = ("versions", "record")
_SOLVERS: dict[str, type[AbstractSolver]] = {
    "newton": Newton,  # the default
    "lbfgs": LBFGS,
    "gradient_flow": GradientFlow,
}
_GUESSES: dict[str, type[AbstractProfile | MultiStart]] = {
    "multistart": MultiStart,  # the default
    "gaussian": Gaussian,
    "super_gaussian": SuperGaussian,
    "exponential": Exponential,
    "original": OriginalGuess,
}


@dataclass(frozen=True, eq=False)
class Config:
    """A checked configuration. Equal when `to_dict()` is equal; pickles as that dictionary."""

    model: AbstractModel
    grid: RadialGrid
    problem: ProblemSettings
    solver: AbstractSolver
    spectrum: SpectrumSettings
    score: ScoreSettings
    scan: ScanSettings
    warm_start: WarmStartSettings | None  # None: no trained starts are used
    warm_start_digest: str  # of the file of trained starts when the configuration was read; empty without a file
    model_table: Mapping[str, Any]  # [model] with its defaults, to build a user's potential again
    transition: TransitionSettings | None = None  # None: a trial is a state at its couplings

    def problem_at(self, point: Mapping[str, float] | None = None) -> DiscreteProblem:
        """The problem at the couplings of `point` (name → value; may include "norm").

        Raises ValueError for a name that is no coupling or a value that the model refuses.
        """
        couplings = dict(point or {})
        norm = couplings.pop("norm", self.problem.norm)
        model = construct("model", self.model.replace, **couplings) if couplings else self.model
        own = ("guess", "self_consistent")
        given = {f.name: getattr(self.problem, f.name) for f in dataclasses.fields(self.problem) if f.name not in own}
        if norm is not None:
            given["norm"] = float(norm)
        return construct("problem", DiscreteProblem, model=model, grid=self.grid, **given)

    def check_ends(self) -> None:
        """Raise ValueError if the theory or the norm refuses an end of a scanned range."""
        ranges = self.scan.parameters
        for name, value in ((name, end) for name, limits in ranges.items() for end in (limits.low, limits.high)):
            try:
                if name == "norm":
                    dataclasses.replace(self.problem, norm=value)
                else:
                    self.model.replace(**{name: value})
            except ValueError as error:
                raise ValueError(f"[scan.parameters] {name} reaches {value}, but {error}") from error
        self.problem_at({name: limits.low for name, limits in ranges.items()})

    @property
    def own_scores(self) -> tuple[Score, ...]:
        """The user's scores, named by [score] own; a trial records them after those of the package."""
        return registry.read_scores(self.score.own)

    @property
    def columns(self) -> dict[str, Column]:
        """The numbers that a trial records, any of which can be an objective."""
        return {
            **registry.outputs((*registry.SCORES, *self.own_scores)),
            **self.model.columns,
            **{name: OF_TRANSITION.get(name) or Column(name) for name in self._recorded},
        }

    @property
    def _recorded(self) -> list[str]:
        """Names of the numbers that neither the scores nor the theory define."""
        fed = self.problem.self_consistent
        own = [str(one) for one in self.scan.objectives if one.function]
        more = (*(OF_TRANSITION if self.transition else ()), *(recorded_names(fed.feedback) if fed else ()))
        return [*RECORDED, *more, *own]

    @property
    def constraint_names(self) -> list[str]:
        """The constraints of its trials; the value of one can be an objective, as c_NAME."""
        fed = () if self.problem.self_consistent is None else ("self_consistent",)
        return [*OF_EVERY_TRIAL, *self.model.constraints, *fed, *self.scan.constraints]

    @property
    def trained_guess(self) -> WarmStart | None:
        """The trained starts of [warm_start]; None without such a table."""
        options, search = self.warm_start, self.problem.guess
        if options is None or not isinstance(search, MultiStart):  # which `loads` refuses together
            return None
        return WarmStart(
            n_polish=search.n_polish,
            checkpoint=options.checkpoint,
            use=options.use,
            corrections=options.corrections,
            digest=self.warm_start_digest,
        )

    @property
    def guess(self) -> AbstractProfile | MultiStart | None:
        """The starts of a search: the trained ones if there are any, else [problem.guess]."""
        return self.trained_guess or self.problem.guess

    def to_dict(self) -> dict[str, Any]:
        """Every key with its value, including defaults, ready for TOML; `loads` of it gives an equal Config."""
        problem = as_table(dataclasses.replace(self.problem, guess=None, self_consistent=None))
        problem["guess"] = _kind_table(self.problem.guess, _GUESSES)
        if self.problem.self_consistent is not None:
            problem["self_consistent"] = as_table(self.problem.self_consistent)
        scan = as_table(dataclasses.replace(self.scan, parameters={}, verify=None, refine=None))
        scan["objectives"] = [objective.entry for objective in self.scan.objectives]
        for name, phase in (("verify", self.scan.verify), ("refine", self.scan.refine)):
            if phase is not None:
                scan[name] = as_table(phase)
        scan["parameters"] = {name: as_table(limits) for name, limits in self.scan.parameters.items()}
        trained = {}
        if self.warm_start is not None:
            trained = {"warm_start": as_table(self.warm_start) | {"digest": self.warm_start_digest}}
        return {
            "model": dict(self.model_table),
            "grid": as_table(self.grid),
            "problem": problem,
            "solver": _kind_table(self.solver, _SOLVERS),
            "spectrum": as_table(self.spectrum),
            "score": as_table(self.score),
            **({} if self.transition is None else {"transition": as_table(self.transition)}),
            **trained,
            "scan": scan,
        }

    def with_scan(self, **changes: object) -> Config:
        """The same configuration with other [scan] settings, e.g. `trials=6`."""
        settings = {f.name: getattr(self.scan, f.name) for f in dataclasses.fields(self.scan)} | changes
        return dataclasses.replace(self, scan=construct("scan", ScanSettings, **settings))

    def with_warm_start(self, **changes: Any) -> Config:
        """The same configuration with other [warm_start] settings, and the present digest of their file."""
        options = dataclasses.replace(self.warm_start or WarmStartSettings(), **changes)
        return dataclasses.replace(self, warm_start=options, warm_start_digest=digest_of_file(options.checkpoint))

    def with_tables(self, tables: Mapping[str, Any]) -> Config:
        """The configuration of other tables, e.g. those that an earlier version recorded. Raises ValueError."""
        return loads(tables)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Config) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Callable[..., Config], tuple[dict[str, Any]]]:
        return (loads, (self.to_dict(),))


def load(path: str | Path) -> Config:
    """Read and check a TOML file. Raises ValueError that names file, table, key, value and remedy."""
    tables = read(path)
    trained = tables.get("warm_start")
    if isinstance(trained, Mapping) and "checkpoint" not in trained:
        tables["warm_start"] = {
            **trained,
            "checkpoint": str(Path("runs").absolute() / Path(path).stem / TRAINED_STARTS),
        }
    try:
        return loads(tables, base=Path(path).resolve().parent)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def loads(tables: Mapping[str, Any] | str, *, base: Path | None = None) -> Config:
    """A Config from tables (or TOML text); relative paths start from the folder `base`. Raises ValueError."""
    if isinstance(tables, str):
        try:
            tables = tomllib.loads(tables)
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"this is not valid TOML: {error}: correct it.") from error
    _check_tables(tables)
    spectrum = build("spectrum", SpectrumSettings, tables.get("spectrum", {}))
    score = _score(tables.get("score", {}), base or Path.cwd())
    scan = read_scan(tables.get("scan", {}), base or Path.cwd())

    solver_table = dict(tables.get("solver", {}))
    solver = build("solver", _SOLVERS[_kind("solver", solver_table, tuple(_SOLVERS))], solver_table)
    model, model_table = read_model(tables.get("model", {}), base or Path.cwd())
    grid = read_mesh(tables.get("grid"), model)
    problem = _problem(tables.get("problem", {}))
    if model.ends is not None and "objectives" not in tables.get("scan", {}):  # no spectrum is scored
        scan = dataclasses.replace(scan, objectives=(Objective("energy_ratio", -1.0),))
    trained, digest = _warm_start(tables.get("warm_start"), base or Path.cwd())
    transition = build("transition", TransitionSettings, tables["transition"]) if "transition" in tables else None
    config = Config(model, grid, problem, solver, spectrum, score, scan, trained, digest, model_table, transition)
    _check_parameters(config)
    return dataclasses.replace(config, spectrum=_modes_of_mesh(config, given="n_modes" in tables.get("spectrum", {})))


def _modes_of_mesh(config: Config, *, given: bool) -> SpectrumSettings:
    """[spectrum] with as many modes as the mesh has unknowns, at most. Raises ValueError if more were ``given``."""
    lowest = {name: limits.low for name, limits in config.scan.parameters.items() if name == "norm"}
    unknowns = int(config.problem_at(lowest).free_nodes.sum())
    asked = config.spectrum.n_modes
    if given and asked > unknowns:
        raise ValueError(
            f"[spectrum] n_modes must be at most {unknowns}, the unknowns of this mesh, got {asked}: leave it out, or "
            "refine [grid]."
        )
    return dataclasses.replace(config.spectrum, n_modes=min(asked, unknowns))


def _check_tables(tables: Mapping[str, Any]) -> None:
    for key, value in tables.items():
        if key not in (*_TABLES, *_RECORDED):
            shown = f"table [{key}]" if isinstance(value, Mapping) else f"key {key!r} (value {value!r})"
            remedy = successor(key, "", ()) or f"the tables are {', '.join(f'[{name}]' for name in _TABLES)}."
            raise ValueError(f"there is no {shown}: {remedy}")
        if not isinstance(value, Mapping):
            raise ValueError(f"[{key}] must be a table, got {value!r}: write its keys below a line [{key}].")


def _kind(table: str, values: dict[str, object], kinds: tuple[str, ...]) -> str:
    """Take `kind` out of a table; the first is the default."""
    kind = values.pop("kind", kinds[0])
    if kind not in kinds:
        raise ValueError(f"[{table}] kind must be one of {', '.join(kinds)}, got {kind!r}: choose one.")
    return str(kind)


def _score(table: Mapping[str, Any], base: Path) -> ScoreSettings:
    settings = build("score", ScoreSettings, table)
    own = tuple(user_files.resolve("[score] own", name, base) for name in settings.own)
    registry.read_scores(own)  # raises if one is missing
    return dataclasses.replace(settings, own=own)


def _problem(table: Mapping[str, Any]) -> ProblemSettings:
    values = dict(table)
    guess = values.pop("guess", {})
    if not isinstance(guess, Mapping):
        raise ValueError(f'[problem.guess] must be a table, got {guess!r}: write kind = "gaussian" below it.')
    feedback = values.pop("self_consistent", None)
    if feedback is not None and not isinstance(feedback, Mapping):
        raise ValueError(
            f'[problem.self_consistent] must be a table, got {feedback!r}: write feedback = ["m0_squared"] below it.'
        )
    settings = build("problem", ProblemSettings, values)
    chosen = None if feedback is None else build("problem.self_consistent", SelfConsistent, feedback)
    return dataclasses.replace(settings, guess=_guess(dict(guess)), self_consistent=chosen)


def _warm_start(table: Mapping[str, Any] | None, base: Path) -> tuple[WarmStartSettings | None, str]:
    """The settings, and the digest of their file, now or (if recorded) when the scan began."""
    if table is None:
        return None, ""
    values = dict(table)
    digest = values.pop("digest", None)
    settings = build("warm_start", WarmStartSettings, values)
    if settings.checkpoint:
        settings = dataclasses.replace(settings, checkpoint=str((base / settings.checkpoint).absolute()))
    return settings, digest_of_file(settings.checkpoint) if digest is None else str(digest)


def _guess(values: dict[str, object]) -> AbstractProfile | MultiStart:
    kind = _kind("problem.guess", values, tuple(_GUESSES))
    if kind == "original" and "noise" in values:
        raise ValueError(
            f"[problem.guess] noise = {values['noise']!r} was relative to the profile in earlier versions; now it is "
            "absolute, as in the script: write sigma = 0.05 instead, for a new study."
        )
    return build("problem.guess", _GUESSES[kind], values)


def _kind_table(component: object, kinds: Mapping[str, type]) -> dict[str, Any]:
    kind = next(kind for kind, cls in kinds.items() if type(component) is cls)
    return {"kind": kind, **as_table(component)}


def _check_parameters(config: Config) -> None:
    """Check scanned names and ranges, objectives, and the tables against each other."""
    known = [*config.model.params, "norm"]
    for name, limits in config.scan.parameters.items():
        check_keys("scan.parameters", {name: [limits.low, limits.high]}, known)
    if config.problem.omega is not None and (config.problem.norm is not None or "norm" in config.scan.parameters):
        raise ValueError("[problem] norm and omega exclude each other: fix the norm or the frequency.")
    if config.transition is not None:
        config.transition.check(config.model.params, config.scan.parameters, config.problem)
    _check_oscillations(config)
    scores = registry.outputs((*registry.SCORES, *config.own_scores))
    if config.model.ends is not None and (scored := [name for name in config.scan.objectives if name in scores]):
        raise ValueError(
            f'[scan] objectives: "{scored[0]}" is a score of a spectrum, and a scan of an energy density takes none: '
            f'choose e.g. {{ name = "energy_ratio", direction = "minimize" }}.'
        )
    recorded = [*scores, *config.model.columns, *config._recorded]
    check_objectives(config.scan.objectives, recorded, config.constraint_names, config.scan.parameters)
    if config.warm_start is not None:
        if not isinstance(config.problem.guess, MultiStart):
            raise ValueError(
                "[warm_start] needs a search over branches, but [problem.guess] is a single start: set kind = "
                '"multistart" there, or leave one of the tables out.'
            )
        if not config.warm_start.checkpoint:
            raise ValueError("[warm_start] checkpoint is missing: name the file, e.g. warm_start.npz.")
        if config.problem.self_consistent is not None:
            fed = [name for name in config.problem.self_consistent.feedback if name not in config.scan.parameters]
            if fed:
                raise ValueError(
                    f"[warm_start] is trained over [scan.parameters], which lack the fed-back coupling {fed[0]}: scan "
                    "it too, or leave one of the tables out."
                )
    if config.problem.self_consistent is not None:
        construct("problem.self_consistent", check_feedback, model=config.model, options=config.problem.self_consistent)
    names = config.model.fields
    chosen = getattr(config.problem.guess, "field", None)
    for field in chosen if isinstance(chosen, tuple) else () if chosen is None else (chosen,):
        if field not in names and field not in range(len(names)):
            raise ValueError(f"[problem.guess] field must name a field, got {field!r}: choose from {', '.join(names)}.")
    # building the problem, which takes no time, raises if the tables contradict each other
    if config.model.source is None:
        config.check_ends()
    else:  # the user's code may end or stop this process, so that its ends are tried where trials run
        config.problem_at({name: limits.low for name, limits in config.scan.parameters.items() if name == "norm"})


def _check_oscillations(config: Config) -> None:
    if config.score.spectrum != "oscillations":
        return
    if config.problem.norm is None and config.problem.omega is None and "norm" not in config.scan.parameters:
        raise ValueError('[score] spectrum = "oscillations" needs rotating states: give [problem] norm or omega.')
    if config.model.complexified_potential is None:
        raise ValueError(
            '[score] spectrum = "oscillations" needs a theory that defines complexified_potential, its potential for '
            'complex fields: add it, or choose "physical".'
        )
