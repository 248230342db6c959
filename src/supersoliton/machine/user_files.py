"""User-written Python objects named in files: "file.py:name", or "module:name" of an importable module."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_PREFIX = "supersoliton_user_"


def resolve(where: str, name: str, base: Path) -> str:
    """The name "file.py:name" with an absolute path, relative to the folder `base`; "module:name" unchanged.

    `where` is the key to name in errors. Raises ValueError if `name` has neither form.
    """
    path, separator, attribute = name.rpartition(":")
    if not separator or not path or not attribute.isidentifier():
        raise ValueError(f'{where} must be "file.py:name", got "{name}": name the file and an object in it.')
    return name if _is_module(path) else f"{(base / path).resolve()}:{attribute}"


def find(where: str, name: str) -> Any:
    """The object of a resolved name. Raises ValueError if it does not exist or its file cannot be imported."""
    path, _, attribute = name.rpartition(":")
    try:
        module = importlib.import_module(path) if _is_module(path) else _load(where, Path(path))
        return functools.reduce(getattr, attribute.split("."), module)
    except AttributeError as error:
        raise ValueError(f'{where}: {path} has no "{attribute}": correct the name.') from error
    except ValueError:
        raise
    except Exception as error:  # a user's module may raise anything
        raise ValueError(f"{where}: {path} cannot be imported ({type(error).__name__}: {error}).") from error


def location(defined: Any) -> str:
    """The name by which :func:`find` finds a class or function, in any process."""
    module = sys.modules.get(defined.__module__)
    file = getattr(module, "__file__", None) if defined.__module__.startswith(_PREFIX) else None
    return f"{file or defined.__module__}:{defined.__qualname__}"


def file_of(name: Any) -> str:
    """The file part of "file.py:name"; empty for anything else."""
    path = name.rpartition(":")[0] if isinstance(name, str) else ""
    return "" if _is_module(path) else path


def _is_module(path: str) -> bool:
    return not path.endswith(".py") and all(part.isidentifier() for part in path.split("."))


def _load(where: str, path: Path) -> ModuleType:
    """Import a file under a name made from its path and content, so that its functions pickle between processes."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{where}: cannot read {path} ({error.strerror}): correct the path.") from error
    name = f"{_PREFIX}{hashlib.sha256(str(path).encode() + content).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{where}: {path} is not a Python file: its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    # The source as loaded, even if the file changes later: it is part of the key of cached evaluations.
    vars(module)["__supersoliton_source__"] = hashlib.sha256(content).hexdigest()
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ValueError(f"{where}: {path} fails with {type(error).__name__}: {error}: correct it.") from error
    return module
