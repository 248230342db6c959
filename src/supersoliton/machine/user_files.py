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


def find(where: str, name: str, *, trust: bool = True) -> Any:
    """The object of a resolved name. Raises ValueError if it does not exist or its file cannot be imported.

    Without ``trust`` nothing is imported: see :func:`check_imported`.
    """
    path, _, attribute = name.rpartition(":")
    if not trust:
        check_imported(name)
    try:
        module = importlib.import_module(path) if _is_module(path) else _load(where, Path(path))
        return functools.reduce(getattr, attribute.split("."), module)
    except AttributeError as error:
        raise ValueError(f'{where}: {path} has no "{attribute}": correct the name.') from error
    except ValueError:
        raise
    except Exception as error:  # a user's module may raise anything
        raise ValueError(f"{where}: {path} cannot be imported ({type(error).__name__}: {error}).") from error


def check_imported(name: str) -> None:
    """Raise ValueError unless a resolved name is of an object defined in a module that this program has imported.

    A file that was received may name any module, and importing one runs it. Python's own modules are no theories.
    """
    path, _, attribute = name.rpartition(":")
    module = sys.modules.get(path if _is_module(path) else _name_of(Path(path).resolve(), _read("it", Path(path))))
    if module is None:
        raise ValueError(f"{path} is not imported, and a file that only names it does not import it")
    found: Any = module
    for part in attribute.split("."):
        found = getattr(found, "__dict__", {}).get(part)  # a module's own __getattr__ may import
    foreign = callable(found) and getattr(found, "__module__", None) != module.__name__
    if found is None or foreign or path.partition(".")[0] in sys.stdlib_module_names:
        raise ValueError(f'{path} has no "{attribute}" of its own')


def location(defined: Any) -> str:
    """The name by which :func:`find` finds a class or function, in any process."""
    name = str(defined.__module__)
    file = getattr(sys.modules.get(name), "__file__", None) if name.startswith(_PREFIX) else None
    return f"{file or name}:{getattr(defined, '__qualname__', '?')}"


def file_of(name: Any) -> str:
    """The file part of "file.py:name"; empty for anything else."""
    path = name.rpartition(":")[0] if isinstance(name, str) else ""
    return "" if _is_module(path) else path


def _is_module(path: str) -> bool:
    return not path.endswith(".py") and all(part.isidentifier() for part in path.split("."))


def _read(where: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{where}: cannot read {path} ({error.strerror}): correct the path.") from error


def _name_of(path: Path, content: bytes) -> str:
    return f"{_PREFIX}{hashlib.sha256(str(path).encode() + content).hexdigest()[:16]}"


def _load(where: str, path: Path) -> ModuleType:
    """Import a file under a name made from its path and content, so that its functions pickle between processes."""
    content = _read(where, path)
    name = _name_of(path, content)
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
