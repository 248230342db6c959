"""All eigenvalues of a dense symmetric matrix, by LAPACK."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from jaxtyping import Float

from ..machine.arithmetic import numerical

# Rows up to which one thread is faster: 949 rows took 0.10 s on one and 0.15 s on two, 5000 rows 19 s and 10 s.
_ONE_THREAD = 1500


def all_eigenvalues(matrix: Float[np.ndarray, "n n"]) -> Float[np.ndarray, " n"]:
    """The eigenvalues, ascending; ``matrix`` may be overwritten."""
    # The transpose is in Fortran order: SciPy's copy would cost a quarter of the total time.
    by_lapack = scipy.linalg.eigh if len(matrix) > _ONE_THREAD else numerical(scipy.linalg.eigh)
    return by_lapack(matrix.T, eigvals_only=True, overwrite_a=True, check_finite=False)
