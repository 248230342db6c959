"""Whether the files of a scan's folder are what its study says, and how to repair those that are not."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from ...machine.checksum import is_intact
from ...sampling.pareto import signs_of
from .files import EARLIER, HEADER, ParetoFront, TrialTable, read_spectra, write_config
from .folder import HEARTBEAT, RESOLVED, STATES, TRIALS
from .identity import FREE, differences, identity
from .locks import only_one
from .storage import Mark, find_study, mark_of, open_folder, read_trials


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file, as a sentence without its end, and how to repair it; None: the study does not know."""

    words: str
    repair: Callable[[], None] | None = None


def check_folder(folder: Path, storage: str = "", *, repair: bool = True) -> list[Fault]:
    """Everything that is wrong with a scan's folder; what the study knows is written again, if ``repair``.

    Raises ValueError if the study itself is missing or damaged, or a scan is running.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}: give the folder of a scan, e.g. runs/quickstart.")
    address, name = find_study(folder, storage)
    with only_one(folder, address):
        study = open_folder(folder, storage)
        mark, trials = mark_of(study, address), read_trials(study, address)
        parameters = list(mark.get("config", {}).get("scan", {}).get("parameters", {}))
        faults = _table_faults(TrialTable(folder / TRIALS, parameters), trials)
        faults += _config_faults(folder / RESOLVED, mark, name, storage)
        faults += _state_faults(ParetoFront(folder / STATES, trials, signs_of(study.directions)), folder / STATES)
        for fault in faults if repair else []:
            if fault.repair is not None:
                fault.repair()
    return faults


def file_faults(
    directory: Path, table: TrialTable, mark: Mark, name: str, trials: Sequence[FrozenTrial]
) -> list[Fault]:
    """What is wrong with the files of a folder where a scan of the study `name` has run; nothing in a new folder."""
    if not any((directory / file).exists() for file in (RESOLVED, TRIALS, HEARTBEAT)):
        return []
    return [*_table_faults(table, trials), *_config_faults(directory / RESOLVED, mark, name, "")]


def check_new(directory: Path, parameters: Iterable[str]) -> None:
    """Raise ValueError if a folder without a study has files that a new scan must not overwrite."""
    faults = file_faults(directory, TrialTable(directory / TRIALS, list(parameters)), {}, "", [])
    for fault in faults:
        if fault.repair is None:
            raise ValueError(f"{fault.words}.")


def _table_faults(table: TrialTable, trials: Sequence[FrozenTrial]) -> list[Fault]:
    """What is wrong with the table of trials."""
    try:
        words = table.fault(trials)
    except ValueError as error:
        return [Fault(str(error).rstrip("."))]
    return [Fault(words, lambda: table.rewrite(trials))] if words else []


def _config_faults(path: Path, mark: Mark, name: str, storage: str) -> list[Fault]:
    """What is wrong with the resolved configuration of the study `name`."""
    recorded: Mapping[str, Any] = mark.get("config", {})
    given: dict[str, Any] = {}

    def repair() -> None:
        settings = recorded["scan"]
        kept = {key: value for key, value in given.get("scan", {}).items() if key in FREE or key in settings}
        write_config(path, {**recorded, "scan": {**kept, **settings, "storage": storage}}, name)

    try:
        content = path.read_bytes()
        text = content.decode(errors="replace")
        given |= tomllib.loads(text)
    except FileNotFoundError:
        return [Fault(f"{path} was missing", repair)]
    except tomllib.TOMLDecodeError as error:
        if not text.startswith(HEADER[:40]):
            return [Fault(f"{path} is not the configuration of this scan: move it away, or give another folder")]
        return [Fault(f"{path} was damaged ({error})", repair)]
    if not {"versions", "record"} & given.keys() and not text.startswith(HEADER[:40]):
        return [Fault(f"{path} is not the configuration of this scan: move it away, or give another folder")]
    for key, before, now in differences("", recorded, identity(given)):
        if before != "(not set)":  # an earlier version had fewer settings
            return [Fault(f"{path} had {key} = {now}, but the study was made with {before}", repair)]
    whole = is_intact(content) if text.startswith(HEADER) else text.startswith(EARLIER) and is_intact(content) is None
    return [] if whole else [Fault(f"{path} was damaged or edited: it does not match its checksum", repair)]


def _state_faults(front: ParetoFront, folder: Path) -> list[Fault]:
    """Damaged files of states and spectra; of these the study knows only the point."""
    from ...states.state_file import read_state_file

    faults = []
    for number in front.numbers:
        for path, read in zip(ParetoFront.paths(folder, number), (read_state_file, read_spectra), strict=True):
            try:
                if path.exists():  # on a server it may be in the folder of the driver that found it
                    read(path)
            except ValueError as error:
                faults.append(Fault(str(error).rstrip(".")))
    return faults
