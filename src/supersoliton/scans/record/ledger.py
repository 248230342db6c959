"""The study on disk and its twin in memory, kept in step: what a turn of the scan tells and asks goes through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from optuna.trial import FrozenTrial

from ...config.scan import ScanSettings
from ...sampling.proposals import SurrogatePrediction, as_attribute, propose
from ..trial import Outcome
from .memory_study import BEGUN, Twin
from .record import AbstractDisk, AbstractTurn

# A point that ended this very process so many times is not begun once more. Kills from outside come as often by chance
# only where they come faster than a trial takes.
_MOST_BEGINNINGS = 5


@dataclass
class Turn:
    """What a turn came to: trials now on record as ended, ours and those of other drivers, and points to start on."""

    ended: list[FrozenTrial] = field(default_factory=list)
    points: list[tuple[int, dict[str, float]]] = field(default_factory=list)


class Ledger:
    """Numbers of trials are the tickets of their evaluations.

    A trial is on record from when its point is chosen. What a killed driver was at is therefore known, and evaluated
    again with the very point: none is lost and none counted twice, and the trials after it are as if nothing had been.
    """

    def __init__(self, disk: AbstractDisk, settings: ScanSettings) -> None:
        self._disk, self._settings = disk, settings
        self.mine: set[int] = set()  # numbers of the trials being evaluated for us
        self.twin: Twin
        self._plan: list[tuple[dict[str, float], SurrogatePrediction]] = []  # of the verification phase

    def predict(self, points: int) -> int:
        """Plan the verification phase; returns how many points it has, those evaluated before included."""
        self._plan = propose(self._settings, self.twin.trials, points, after=self.twin.finished)
        return len(self._plan)

    @property
    def done(self) -> int:
        """Finished trials that count towards those asked for and planned."""
        return self.twin.finished + sum(_key(told) in self.twin.verified for _, told in self._plan)

    def is_done(self, wanted: int) -> bool:
        """Whether all trials asked for and planned are finished, by us or by other drivers."""
        twin = self.twin
        return min(twin.finished, twin.claimed) >= wanted and self.done == twin.finished + len(self._plan)

    def load(self) -> list[FrozenTrial]:
        """Read every trial: at the start, and after trouble, when it is not known what of the last turn is on disk."""
        trials = self._disk.load()
        self.twin = Twin(self._settings, self._disk.study.directions, trials)
        return trials

    def turn(self, outcomes: Sequence[tuple[int, Outcome]], *, room: int, wanted: int, fragile: bool = False) -> Turn:
        """Record how trials ended, and choose up to `room` points, until `wanted` trials are finished or running.

        `fragile`: the points are evaluated in this process, so that one that crashes it would crash it at every start.
        All in one transaction; after StorageTrouble `load` and give the same outcomes again.
        """
        made = Turn()
        with self._disk.turn() as turn:
            for trial in turn.news():
                self.twin.put(trial)
                if trial.state.is_finished():
                    made.ended.append(trial)
            for number, outcome in outcomes:
                ended = self.twin.tell(number, outcome)
                if ended is not None:
                    turn.end(ended)
                    made.ended.append(ended)
            busy = len(self.mine - {number for number, _ in outcomes})
            room = min(room, max(wanted, self.twin.finished) + len(self._plan) - self.done - busy)
            self._take_up(turn, made, room, fragile)
            while len(made.points) < room and self.twin.claimed < wanted:
                self._begin(turn, made, self.twin.ask())
            for point, told in self._plan:
                if len(made.points) < room and _key(told) not in self.twin.predicted:
                    self._begin(turn, made, self.twin.ask((point, as_attribute(told))))
        self.mine -= {number for number, _ in outcomes}
        self.mine |= {number for number, _ in made.points}
        return made

    def _begin(self, turn: AbstractTurn, made: Turn, trial: FrozenTrial) -> None:
        turn.begin(trial)
        made.points.append((trial.number, _point(trial)))

    def _take_up(self, turn: AbstractTurn, made: Turn, room: int, fragile: bool) -> None:
        """Trials whose driver is gone: their points first, so that none is lost."""
        for number in turn.abandoned(room) if room > 0 else []:
            trial = self.twin.get(number)
            if number in self.mine:
                continue  # ours all the while: the record was read anew after trouble
            times = int(trial.user_attrs.get(BEGUN, 1)) + 1
            ended: FrozenTrial | None = None
            if not self.twin.has_point(trial):  # asked by some other program that never told
                ended = self.twin.give_up(number)
            elif fragile and times > _MOST_BEGINNINGS:
                error = f"the program ended {times - 1} times while it evaluated this trial"
                ended = self.twin.tell(number, Outcome(_point(trial), status="crashed", error=error))
            if ended is None:
                turn.mark(number, BEGUN, times)
                made.points.append((number, _point(trial)))
            else:
                turn.end(ended)
                made.ended.append(ended)


def _key(told: SurrogatePrediction) -> tuple[int, int]:
    return told.after, told.index


def _point(trial: FrozenTrial) -> dict[str, float]:
    return {name: float(value) for name, value in trial.params.items()}
