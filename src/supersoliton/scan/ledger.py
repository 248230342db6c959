"""The study on disk and its twin in memory, kept in step: what a turn of the scan tells and asks goes through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from optuna.trial import FrozenTrial

from .disk import AbstractDisk, AbstractTurn
from .settings import ScanSettings
from .trial import Outcome
from .twin import Twin


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

    def load(self) -> list[FrozenTrial]:
        """Read every trial: at the start, and after trouble, when it is not known what of the last turn is on disk."""
        trials = self._disk.load()
        self.twin = Twin(self._settings, self._disk.study.directions, trials)
        return trials

    def turn(self, outcomes: Sequence[tuple[int, Outcome]], *, room: int, wanted: int) -> Turn:
        """Record how trials ended, and choose up to `room` points, until `wanted` trials are finished or running.

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
            self._choose(turn, made, room, wanted, busy=len(self.mine - {number for number, _ in outcomes}))
        self.mine -= {number for number, _ in outcomes}
        self.mine |= {number for number, _ in made.points}
        return made

    def _choose(self, turn: AbstractTurn, made: Turn, room: int, wanted: int, *, busy: int) -> None:
        room = min(room, wanted - self.twin.finished - busy)
        for number in turn.abandoned(room) if room > 0 else []:
            trial = self.twin.get(number)
            if number in self.mine:
                continue  # ours all the while: the record was read anew after trouble
            if self.twin.has_point(trial):
                made.points.append((number, _point(trial)))
            else:  # asked by some other program that never told
                given_up = self.twin.give_up(number)
                turn.end(given_up)
                made.ended.append(given_up)
        while len(made.points) < room and self.twin.claimed < wanted:
            trial = self.twin.ask()
            turn.begin(trial)
            made.points.append((trial.number, _point(trial)))


def _point(trial: FrozenTrial) -> dict[str, float]:
    return {name: float(value) for name, value in trial.params.items()}
