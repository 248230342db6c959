"""Configuration of JAX: float64 everywhere, one CPU thread, a persistent cache of compiled kernels.

Every module that computes imports this one. The home directory is not read at import time, only by
:func:`enable_compilation_cache`, when the first kernel is built.

XLA's thread pool on the CPU gets one thread (``PJRT_NPROC``, unless it is set already). Our matrices are too small to
gain from more, and with several threads two simultaneous LAPACK calls of jaxlib 0.10.2, which a potential may make,
deadlock, because they wait inside pool threads for tasks of the same pool. Import supersoliton before JAX computes
anything, or set ``PJRT_NPROC=1`` yourself.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from .paths import cache_directory, private_folder

os.environ.setdefault("PJRT_NPROC", "1")
jax.config.update("jax_enable_x64", True)

# Argument of a numerical function: an array of JAX, possibly traced, or of NumPy. Any for the type checker, because of
# JAX's overloads; the tests check the shapes at run time.
if TYPE_CHECKING:
    AnyArray = Any
else:
    AnyArray = jax.Array | np.ndarray


def _machine_type() -> str:
    """A short name for this type of processor: compiled code must not be loaded on another type."""
    flags = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        wanted = ("model name", "flags", "Features")
        lines = cpuinfo.read_text(errors="replace").splitlines()
        flags = "\n".join(sorted({line for line in lines if line.startswith(wanted)}))
    digest = hashlib.sha256(f"{platform.machine()}{flags}{jax.__version__}".encode()).hexdigest()
    return f"{platform.machine()}-{digest[:12]}"


@functools.cache
def enable_compilation_cache() -> Path | None:
    """Keep XLA's compiled kernels between processes (compile 1.5 s, cache hit 0.05 s).

    Returns the directory, or None if it cannot be written, or by others: then each process compiles its own kernels.
    """
    chosen = jax.config.values.get("jax_compilation_cache_dir")
    if chosen:  # by the user
        return Path(chosen)
    try:
        directory = private_folder(cache_directory(), "xla", _machine_type())
    except PermissionError as error:  # kernels of others would be run
        warnings.warn(f"compiled kernels are not kept in {error.filename} ({error.strerror}).", stacklevel=2)
        return None
    except OSError:
        return None
    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return directory
