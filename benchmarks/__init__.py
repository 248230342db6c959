"""Benchmarks, run on request: python -m benchmarks (or make bench).

Importing this package, before NumPy, limits BLAS and XLA to one thread: what a worker of a scan has.
"""

import os as _os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PJRT_NPROC"):
    _os.environ[_name] = "1"
_os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
_os.environ.setdefault("MPLBACKEND", "Agg")
