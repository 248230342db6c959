"""The result of a scan."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FrozenTrial, TrialState

from .record.files import ParetoFront
from .record.folder import STATES, TRIALS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from ..states.state import State


@dataclass(frozen=True)
class ScanResult:
    """The result of a scan so far: the Optuna study, its folder, and the counts of its trials.

    Attributes
    ----------
    study : optuna.Study
        An ordinary study, as opened by ``optuna.load_study``.
    directory : Path
        Folder of study.db, trials.csv, states, report.html.
    pareto : list of FrozenTrial
        Feasible trials that no other dominates; empty if no trial is feasible.
    counts : dict of str to int
        Kind of state to number of trials; crashed trials count as "failed".
    objectives : tuple of str
        Names of the objectives.
    finished, wanted, new : int
        Total number of finished trials, number asked for, number finished by this call.
    interrupted : bool
        Whether it was stopped by Ctrl-C before ``wanted`` was reached.
    verified : int
        Finished trials of [scan.verify] and [scan.refine], not included in ``finished``.
    trials : list of FrozenTrial
        Every trial, by number, as read last.
    """

    study: optuna.Study
    directory: Path
    pareto: list[FrozenTrial]
    counts: dict[str, int]
    objectives: tuple[str, ...]
    finished: int
    wanted: int
    new: int = 0
    interrupted: bool = False
    verified: int = 0
    trials: list[FrozenTrial] = field(default_factory=list, repr=False)

    def dataframe(self) -> pd.DataFrame:
        """Every finished trial with all that was recorded, a row each, indexed by its number.

        Returns
        -------
        pandas.DataFrame
            The columns of trials.csv, which the documentation describes.
        """
        import pandas as pd

        return pd.read_csv(self.directory / TRIALS, index_col="number", encoding="utf-8")

    def state(self, number: int, *, trust: bool = False) -> State:
        """The state of a trial, from its file; the states of the front are kept.

        Parameters
        ----------
        number : int
            Number of the trial.
        trust : bool, default False
            Import the module of a theory of your own that the file names, see :func:`load`.

        Returns
        -------
        State
            The state with its certificate.

        Raises
        ------
        ValueError
            If there is no file of it, or it names a module that is not imported, without ``trust``.
        """
        from ..states.state import load

        path = ParetoFront.paths(self.directory / STATES, number)[0]
        if not path.is_file():
            kept = ", ".join(str(trial.number) for trial in self.pareto) or "none"
            raise ValueError(f"state: trial {number} has no file {path}: the states of the front are kept ({kept})")
        return load(path, trust=trust)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {kind or 'of no kind'}" for kind, count in sorted(self.counts.items()))
        done = f"{self.finished} of {self.wanted} trials{f' ({counts})' if counts else ''}"
        return f"ScanResult({done}, {len(self.pareto)} on the front, {str(self.directory)!r})"

    def _repr_html_(self) -> str:
        names = [str(name) for name in self.objectives]
        shown = self.dataframe().loc[[trial.number for trial in self.pareto]] if self.pareto else None
        chosen = ["kind", *names, *(self.pareto[0].params if self.pareto else ())]
        table = "" if shown is None else shown[list(dict.fromkeys(chosen))].to_html(float_format="{:.5g}".format)
        return f"<p>{html.escape(repr(self))}</p>{table}"

    def plot(self) -> Figure:
        """Every pair of objectives with the Pareto front, and all trials across their couplings and objectives."""
        from ..plotting import plot_study, shown

        trials = [t for t in self.trials if t.state is TrialState.COMPLETE]
        drawn = {t.number: _Drawn(t) for t in trials}
        log = {name for trial in trials for name, given in trial.distributions.items() if getattr(given, "log", False)}
        front = [drawn[t.number] for t in self.pareto]
        return shown(plot_study(list(drawn.values()), front, self.objectives, log=log))


class _Drawn:
    """An Optuna trial with the attributes of `plotting.study.StudyPoint`."""

    def __init__(self, trial: FrozenTrial) -> None:
        self.number, self.couplings, self.objectives = trial.number, dict(trial.params), tuple(trial.values)
        self.kind = str(trial.user_attrs.get("kind", ""))
        self.is_feasible = is_feasible(trial)


def is_feasible(trial: FrozenTrial) -> bool:
    return trial.state is TrialState.COMPLETE and all(value <= 0 for value in trial.constraints.values())
