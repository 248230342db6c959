"""All eigenvalues of a dense symmetric matrix: by LAPACK, or in a task batched on the device."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Float

from ..machine import batching
from ..machine.blas_threads import one_thread

_ALONE = 1500  # rows: the 949 of a trial took 0.10 s on one thread and 0.15 s on two, 5000 rows 19 s and 10 s
_STEP = 256  # in a task sizes are rounded up to a multiple of this, so that matrices of different sizes share a batch


def all_eigenvalues(matrix: Float[np.ndarray, "n n"]) -> Float[np.ndarray, " n"]:
    """The eigenvalues, ascending; ``matrix`` may be overwritten.

    In a task the matrix is padded by a multiple of the identity that lies above its spectrum (Gershgorin), so that the
    n lowest eigenvalues of the larger matrix are its own.
    """
    task = batching.current()
    if task is None:
        # Transposed, it is in Fortran's order already: SciPy's copy into it costs a quarter of the whole.
        by_lapack = scipy.linalg.eigh if len(matrix) > _ALONE else one_thread(scipy.linalg.eigh)
        return by_lapack(matrix.T, eigvals_only=True, overwrite_a=True, check_finite=False)
    n = len(matrix)
    size = n + -n % _STEP
    padded = np.zeros((size, size))
    padded[:n, :n] = matrix
    above = np.arange(n, size)
    padded[above, above] = np.max(np.sum(np.abs(matrix), axis=1))
    return task.call(_eigenvalues, None, padded, late=True)[:n]


def _eigenvalues(_: None, matrix: Any) -> Any:
    return jnp.linalg.eigvalsh(matrix)
