"""Benchmarks: python -m benchmarks (or make bench).

Import this package before NumPy: it limits BLAS and XLA to one thread, like a worker of a scan.
"""

import os as _os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PJRT_NPROC"):
    _os.environ[_name] = "1"
_os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
_os.environ.setdefault("MPLBACKEND", "Agg")
