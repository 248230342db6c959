"""The guess with trained starts: it predicts states of trained branches and uses analytic starts for the others."""

from __future__ import annotations

from dataclasses import dataclass

from ..._checks import expect_count
from ...problem.problem import DiscreteProblem
from ..multistart import MultiStart
from .library import SOURCES, Library, recall_library

USES = ("auto", *SOURCES, "analytic", "none")


@dataclass(frozen=True)
class WarmStart(MultiStart):
    """Starts predicted by the trained models of a file that :func:`.pretrain` wrote.

    Parameters
    ----------
    n_polish : int, default 3
        As for :class:`MultiStart`, whose starts are used on branches that were not trained.
    checkpoint : str, default ""
        Path of the file.
    use : str, default "auto"
        ``"network"``, ``"regression"`` (a Gaussian process on proper orthogonal modes), ``"neighbour"`` (the nearest
        solved state), ``"auto"`` (the better of the first two by its residual, else the third), or ``"analytic"`` or
        ``"none"`` (no predictions).
    corrections : int, default 4
        Most Newton steps in the basis of a branch that follow a prediction, before those on the mesh.
    digest : str, default ""
        SHA-256 of the file; another file is refused. Empty: any file is accepted.

    Raises
    ------
    ValueError
        If an option is out of range or, when used, if the file is missing, unfinished or does not fit the problem.

    Examples
    --------
    >>> guess = ss.WarmStart(checkpoint="runs/first/warm_start.npz", use="regression")
    >>> guess.sources
    ('regression',)
    """

    checkpoint: str = ""
    use: str = "auto"
    corrections: int = 4
    digest: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.use not in USES:
            raise ValueError(f'warm_start.use must be one of {", ".join(USES)}, got "{self.use}": choose one.')
        expect_count("warm_start.corrections", self.corrections, "try 4", least=0)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of predictions, in the order in which they are tried."""
        if self.use == "auto":
            return SOURCES
        return (self.use,) if self.use in SOURCES else ()

    def library_for(self, problem: DiscreteProblem) -> Library | None:
        """The trained models, checked against ``problem``; None if ``use`` excludes them. Raises ValueError."""
        if not self.sources:
            return None
        library, digest = recall_library(self.checkpoint)
        if self.digest and digest != self.digest:
            raise ValueError(
                f"warm_start: {self.checkpoint} has changed since the work began: restore it, or "
                "start in another folder"
            )
        if not library.finished:
            raise ValueError(
                f"warm_start: the training of {self.checkpoint} is unfinished: resume it with supersoliton pretrain"
            )
        library.check(problem)
        return library


def untrained(guess: MultiStart) -> MultiStart:
    """The same search with analytic starts only."""
    return MultiStart(guess.n_polish)
