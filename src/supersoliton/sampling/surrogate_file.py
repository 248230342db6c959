"""The surrogate of the verification phase in a file, ``surrogate.joblib``: a pickle, so loading it takes trust."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..config.objectives import Objective
from ..config.scan import ScanSettings
from ..machine.atomic_write import write_atomically
from .surrogate import Surrogate, to_unit


@dataclass(frozen=True)
class SavedSurrogate:
    """A surrogate with the names of its objectives, and the version of scikit-learn that fitted it."""

    objectives: tuple[Objective, ...]
    surrogate: Surrogate
    sklearn: str

    def predict(self, points: Sequence[Mapping[str, float]]) -> dict[str, dict[str, Array]]:
        """For each objective its median and its 68 % interval (``low``, ``high``) at these couplings.

        ``feasible``: the probability that all constraints hold, as ``{"median": …}``. Raises ValueError for a coupling
        that is missing.
        """
        for name in self.surrogate.parameters:
            if any(name not in point for point in points):
                raise ValueError(f"predict: a point has no {name!r}: give {', '.join(self.surrogate.parameters)}.")
        units = to_unit(self.surrogate.parameters, points)
        found = {"feasible": {"median": self.surrogate.feasibility(units)}}
        for name, model in zip(self.objectives, self.surrogate.objectives, strict=True):
            mean, std = model.mean_and_std(units)
            mean, scale = name.sign * mean, model.scale.times(name.sign)  # the model is of the maximised objective
            shifts = {"median": 0.0, "low": -1.0, "high": 1.0}
            found[name] = {key: np.asarray(scale.back(mean + shift * std)) for key, shift in shifts.items()}
        return found


def saver(path: Path, settings: ScanSettings) -> Callable[[Surrogate], None] | None:
    """What writes the surrogate of a scan to the file; None if the scan does not keep it."""

    def save(surrogate: Surrogate) -> None:
        import joblib
        import sklearn

        saved = SavedSurrogate(settings.objectives, surrogate, sklearn.__version__)
        try:
            write_atomically(path, lambda draft: joblib.dump(saved, draft, compress=3))
        except OSError as error:
            reason = error.strerror or str(error)
            raise ValueError(f"cannot write {path} ({reason}): free some space; the trials are saved.") from error

    return save if settings.save_surrogate else None


def load_surrogate(path: str | Path, *, trust: bool = False) -> SavedSurrogate:
    """Read a file that :func:`saver` wrote.

    Raises ValueError without ``trust``, because such a file can run any code, if it cannot be read, and if another
    version of scikit-learn wrote it.
    """
    if not trust:
        raise ValueError(
            f"{path} is a pickle, which can run any code when it is read: if you wrote it, or trust who did, pass "
            "trust=True."
        )
    import joblib
    import sklearn

    try:
        saved: Any = joblib.load(path)
    except OSError as error:
        raise ValueError(f"cannot read {path} ({error.strerror}): give the path of a surrogate.joblib.") from error
    except Exception as error:  # a pickle fails in any way
        raise ValueError(f"{path} is damaged or no surrogate ({error}): run the scan's last phase again.") from error
    if not isinstance(saved, SavedSurrogate):
        raise ValueError(f"{path} holds a {type(saved).__name__}, no surrogate: give the path of a surrogate.joblib.")
    if saved.sklearn != sklearn.__version__:
        raise ValueError(
            f"{path} was written with scikit-learn {saved.sklearn}, here is {sklearn.__version__}: install that "
            "version, or run the scan's last phase again."
        )
    return saved
