"""Reads the [scan] table of a configuration, with its phases and its ranges."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .objectives import read_objectives
from .scan import Range, RefineSettings, ScanSettings, VerifySettings
from .schema import build


def read_scan(table: Mapping[str, Any], base: Path) -> ScanSettings:
    values = dict(table)
    if "objectives" in values:
        values["objectives"] = read_objectives(values["objectives"], base)
    if values.get("batch") == 0:  # the default in files that versions with batches on an accelerator wrote
        del values["batch"]
    parameters = values.pop("parameters", {})
    if not isinstance(parameters, Mapping):
        raise ValueError(f"[scan.parameters] must be a table, got {parameters!r}: write e.g. g = [0.5, 0.8].")
    phases: dict[str, Any] = {}
    kind: type[VerifySettings] | type[RefineSettings]
    for key, kind in (("verify", VerifySettings), ("refine", RefineSettings)):
        phase = values.pop(key, None)
        if phase is not None and not isinstance(phase, Mapping):
            raise ValueError(f"[scan.{key}] must be a table, got {phase!r}: write points = {kind().points} below it.")
        if phase is not None:
            phases[key] = build(f"scan.{key}", kind, phase)
    settings = build("scan", ScanSettings, values, also=("parameters", "verify", "refine"))
    settings = dataclasses.replace(settings, **phases)
    if settings.save_surrogate and settings.verify is None:
        raise ValueError("[scan] save_surrogate needs a table [scan.verify], got none: write points = 15 in it.")
    ranges = {name: _range(name, value) for name, value in parameters.items()}
    return dataclasses.replace(settings, parameters=ranges)


def _range(name: str, value: object) -> Range:
    where = f"[scan.parameters] {name}"
    if isinstance(value, list | tuple) and len(value) == 2:
        value = {"low": value[0], "high": value[1]}
    if not isinstance(value, Mapping):
        raise ValueError(
            f"{where} must be [low, high] or {{ low = …, high = …, log = true }}, got {value!r}: correct it."
        )
    try:
        return build(f"scan.parameters.{name}", Range, value)
    except ValueError as error:
        message = str(error)
        prefix = f"[scan.parameters.{name}]"
        message = message.removeprefix(f"{prefix}:").removeprefix(prefix).strip()
        raise ValueError(f"{where} {message}") from error
