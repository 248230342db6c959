"""Reads a TOML file, with readable messages for common mistakes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any


def read(path: str | Path) -> dict[str, Any]:
    """The tables of a TOML file, unchecked."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read {path} ({error.strerror}): give the path of a TOML file.") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: give the path of a TOML file.") from error
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not valid TOML: {error}: correct it.") from error
