"""`supersoliton.scan`: from a configuration to the finished study and its report, with trained starts if asked for."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import read
from ..config.objectives import names_of
from ..machine import devices, user_files
from ..machine.paths import TRAINED_STARTS
from ..sampling.proposals import MARKS, is_pending
from ..training.job import check_source, middle_problem, train
from .execution.choose import is_isolated
from .execution.ends import check_ends, check_reading, code_evaluated
from .loop import is_same_request, read_result, run_scan
from .record.address import locate
from .record.folder import REPORT, RESOLVED, report_covers
from .record.identity import identity
from .record.record import patiently
from .result import ScanResult

if TYPE_CHECKING:
    from ..config import Config
    from ..guesses.trained.library import Library


def scan(
    path_or_config: str | Path | Config,
    *,
    trials: int | None = None,
    out: str | Path | None = None,
    workers: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    storage: str | None = None,
    extend: bool = False,
    quiet: bool = False,
) -> ScanResult | Library:
    """Scan couplings: run an Optuna study with its record and report in one folder.

    A study that exists is continued up to ``trials`` finished trials in all; a finished one is returned unchanged.

    Parameters
    ----------
    path_or_config : str or Path or Config
        A TOML file, or a configuration (whose study is called "scan").
    trials : int, optional
        Finished trials in all, instead of that in [scan].
    out : str or Path, optional
        The folder; ``runs/NAME`` if not given, with NAME that of the file.
    workers : int, optional
        Number of worker processes, instead of that in [scan].
    seed : int, optional
        Seed of the sampler, instead of that in [scan].
    device : str, optional
        Device of the trials, ``"cpu"``, ``"gpu"`` or ``"tpu"``, instead of that in [scan].
    storage : str, optional
        Address of the database, instead of that in [scan].
    extend : bool, default False
        Continue a study after its ranges in [scan.parameters] were changed.
    quiet : bool, default False
        Print no progress.

    Returns
    -------
    ScanResult or Library
        ``study`` (an ``optuna.Study``), ``directory``, ``pareto`` (trials of the front), ``counts`` of trials by kind
        of state, ``finished``. With ``mode = "pretrain"`` in [scan], the trained models of :func:`.pretrain`; with
        ``mode = "full"`` these are trained before the scan, if their file does not exist.

    Raises
    ------
    ValueError
        If the configuration is wrong or differs from that of the study in the folder, the folder cannot be written, or
        its database was not written by this program.

    Examples
    --------
    >>> from pathlib import Path
    >>> path = Path("small.toml")
    >>> _ = path.write_text('''
    ... [model]
    ... n_octaves = 1
    ... m0_squared = 0.5
    ... [grid]
    ... r_max = 18.0
    ... n_elements = 6
    ... order = 10
    ... [scan]
    ... trials = 2
    ... workers = 1
    ... parameters = { g = [0.55, 0.7], norm = [600.0, 1800.0] }
    ... ''')
    >>> result = ss.scan(path, out="small", quiet=True)
    >>> result.finished, (result.directory / "report.html").exists()
    (2, True)
    """
    check_source("scan", path_or_config)
    asked = {"trials": trials, "workers": workers, "seed": seed, "device": device, "storage": storage}
    overrides = {key: value for key, value in asked.items() if value is not None}
    if isinstance(path_or_config, str | Path):
        path = Path(path_or_config)
        name, request = path.stem, _request(path, overrides)
        directory = Path("runs") / name if out is None else Path(out)
        wanted = _wanted(request)
        given = request["scan"]
        table = given if isinstance(given, dict) else {"storage": None}
        where, mode = table.get("storage", ""), table.get("mode")
        known = mode != "pretrain" and not _code(request) and (directory / RESOLVED).exists()
        if wanted is not None and isinstance(where, str) and known:
            address = locate(where, directory)
            if is_same_request(address, name, identity(request)):
                result = read_result(address, directory, name, wanted=wanted)
                if result is not None and result.finished >= wanted:
                    phases = [phase for phase in MARKS if phase in table]
                    if not is_pending(result.trials, result.finished, phases):
                        return _reported(result, where, quiet, path)
        config = _load(path, request, table)
    else:
        name, config, request = "scan", path_or_config, {}
        directory = Path("runs") / name if out is None else Path(out)
    config = config.with_scan(**overrides)
    if not config.scan.parameters:
        raise ValueError("[scan.parameters] is empty: name at least one coupling to vary, e.g. g = [0.5, 0.8].")
    devices.require(config.scan.device, "scan.device")  # before anything is written
    check_ends(config, isolated=is_isolated(config.scan, config.scan.workers))
    if config.scan.mode != "scan":
        config, library = _trained(config, directory, request, quiet)
        if config.scan.mode == "pretrain":
            return library
    elif config.trained_guess is not None:  # before anything is written, check that the file exists and fits
        config.trained_guess.library_for(middle_problem(config))
    result = run_scan(
        config,
        directory,
        name=name,
        request=identity(request),
        wanted=config.scan.trials,
        workers=config.scan.workers,
        quiet=quiet,
        extend=extend,
    )
    return _reported(result, config.scan.storage, quiet, None)


def _load(path: Path, request: Mapping[str, object], scan: Mapping[str, object]) -> Config:
    """The configuration of a file; the code that it names is first tried where it can do no harm."""
    if _code(request):
        check_reading(path, scan)
    from ..config import load

    return load(path)


def _trained(config: Config, directory: Path, request: Mapping[str, object], quiet: bool) -> tuple[Config, Library]:
    """The configuration with trained starts, and their library; a library that exists is not trained again."""
    table = request.get("warm_start", {})
    if config.warm_start is None or (request and isinstance(table, Mapping) and "checkpoint" not in table):
        config = config.with_warm_start(checkpoint=str(directory.absolute() / TRAINED_STARTS))
    if config.warm_start_digest:
        from ..guesses.trained.library import recall_library

        assert config.warm_start is not None
        library = recall_library(config.warm_start.checkpoint)[0]
        library.check(middle_problem(config))
        return config, library
    library = train(config, config.scan.workers, quiet)
    return config.with_warm_start(), library


def _reported(result: ScanResult, storage: str, quiet: bool, file: Path | None) -> ScanResult:
    """Write the report if there is none yet, or if it does not cover all finished trials.

    `file`: the configuration, if it was not read yet: the report imports no module that only the record names.
    """
    report = result.directory / REPORT
    if result.finished and (result.new or report_covers(result.directory) != sum(result.counts.values())):
        if not quiet:
            print(f"writing {report}", file=sys.stderr, flush=True)  # drawing the pictures takes seconds
        from ..config import load
        from .report import write_report

        try:
            if file is not None:
                load(file)
            patiently(lambda: write_report(result.directory, storage), quiet=quiet)
        except KeyboardInterrupt:
            later = f"supersoliton report {result.directory}"
            print(f"all finished trials are saved; the report was not written: {later} writes it.", file=sys.stderr)
            raise
        except OSError as error:
            reason = error.strerror or str(error)
            raise ValueError(
                f"all finished trials are saved, but {report} cannot be written ({reason}): free some space, then run "
                f"supersoliton report {result.directory}."
            ) from error
    return result


def _request(path: Path, overrides: Mapping[str, object]) -> dict[str, object]:
    """The tables as the user gave them, to recognise a study without checking them again.

    The content of the files that they name is included, to notice when one is edited.
    """
    tables = read(path)
    tables["scan"] = {**tables["scan"], **overrides} if isinstance(tables.get("scan"), dict) else tables.get("scan", {})
    if files := [path.parent / file for file in map(user_files.file_of, _code(tables)) if file]:
        content = b"".join(file.read_bytes() for file in files if file.is_file())
        tables["content"] = hashlib.sha256(content).hexdigest()
    return tables


def _code(tables: Mapping[str, object]) -> list[str]:
    """The names of the user's code that is part of a scan; whether it has changed is seen only when it is imported."""
    scan = tables.get("scan")
    objectives = names_of(scan.get("objectives")) if isinstance(scan, Mapping) else []
    return [*code_evaluated(tables), *(name for name in objectives if ":" in name)]


def _wanted(request: Mapping[str, object]) -> int | None:
    """The number of trials asked for; None if it is missing or invalid."""
    table = request.get("scan")
    trials = table.get("trials") if isinstance(table, dict) else None
    return trials if isinstance(trials, int) and not isinstance(trials, bool) and trials > 0 else None
