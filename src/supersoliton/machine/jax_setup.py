"""The one place that configures JAX: float64 everywhere, and a persistent cache of compiled kernels.

Imported by every module that computes. Nothing is read from the home directory at import time;
:func:`enable_compilation_cache` does that, once, when the first kernel is about to be built.

XLA's pool of threads on the CPU is given one thread (``PJRT_NPROC``, unless it is set already). Our matrices are too
small to gain from more, and on a pool of several, jaxlib 0.10.2's batched LAPACK calls wait inside pool threads for
tasks of the same pool: two of them at once block each other for ever (seen on two cores). This works when supersoliton
is imported before JAX has computed anything; a program that starts JAX first should set ``PJRT_NPROC=1`` itself.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from .paths import cache_directory

os.environ.setdefault("PJRT_NPROC", "1")
jax.config.update("jax_enable_x64", True)

# What a numerical function accepts: an array of JAX, on any device or being traced, or of NumPy. The type checker is
# not asked to follow it through JAX's overloads; the shapes are checked when the tests run.
if TYPE_CHECKING:
    AnyArray = Any
else:
    AnyArray = jax.Array | np.ndarray


def _machine_type() -> str:
    """A short name for this kind of processor: code compiled for one must not be loaded by another."""
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

    Returns the directory, or None where none can be written: then kernels are compiled anew in each process.
    """
    chosen = jax.config.values.get("jax_compilation_cache_dir")
    if chosen:  # by the user
        return Path(chosen)
    directory = cache_directory() / "xla" / _machine_type()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return directory
