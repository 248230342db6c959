"""Synchronises the recorded study with its copy in memory; a scan records trials and asks for points through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from optuna.trial import FrozenTrial

from ...config.scan import ScanSettings
from ...sampling.proposals import MARKS, Planned, as_attribute, is_pending, propose
from ...sampling.surrogate import Surrogate
from ..trial import Outcome
from .memory_study import BEGUN, MemoryStudy
from .record import AbstractRecord, AbstractTransaction

# A point is not started again when this process ended so often while evaluating it. Kills from outside hit one trial
# as often only if they come faster than a trial takes.
_MAX_STARTS = 5


@dataclass
class Update:
    """Trials now recorded as ended, by us or by other drivers, and points to start."""

    ended: list[FrozenTrial] = field(default_factory=list)
    points: list[tuple[int, dict[str, float]]] = field(default_factory=list)


class Ledger:
    """Records trials and chooses points; the ticket of an evaluation is the number of its trial.

    A trial is recorded as soon as its point is chosen. Interrupted trials are therefore known: they are re-evaluated
    once, at the same point, and do not change later samples.
    """

    def __init__(self, record: AbstractRecord, settings: ScanSettings) -> None:
        self._record, self._settings = record, settings
        self.mine: set[int] = set()  # numbers of the trials being evaluated for us
        self.memory: MemoryStudy
        self._plan: list[Planned] = []  # of the phase that follows the trials

    def plan_verification(self, points: int, keep: Callable[[Surrogate], None] | None = None) -> int:
        """Choose the points of the verification phase; returns their number, including points evaluated before."""
        found = propose(self._settings, self.memory.trials, points, after=self.memory.finished, keep=keep)
        return self.plan([Planned(point, as_attribute(predicted)) for point, predicted in found])

    def plan(self, points: list[Planned]) -> int:
        """Evaluate these points next; returns their number."""
        self._plan = points
        return len(points)

    @property
    def done(self) -> int:
        """Finished trials that count towards those asked for and planned."""
        return self.memory.finished + sum(one.key in self.memory.verified for one in self._plan)

    def is_done(self, wanted: int) -> bool:
        """Whether all trials asked for and planned are finished, by us or by other drivers."""
        memory = self.memory
        return min(memory.finished, memory.claimed) >= wanted and self.done == memory.finished + len(self._plan)

    def is_complete(self, wanted: int) -> bool:
        """Whether as many trials are finished, and the phases after them."""
        phases = [phase for phase in MARKS if getattr(self._settings, phase) is not None]
        memory = self.memory
        return memory.finished >= wanted and not is_pending(memory.trials, memory.finished, phases)

    def load(self) -> list[FrozenTrial]:
        """Read every trial: at the start, and after StorageTrouble, when it is uncertain what was recorded."""
        trials = self._record.load()
        self.memory = MemoryStudy(self._settings, trials)
        return trials

    def update(
        self, outcomes: Sequence[tuple[int, Outcome]], *, room: int, wanted: int, fragile: bool = False
    ) -> Update:
        """Record how trials ended, and choose up to `room` points, until `wanted` trials are finished or running.

        `fragile`: the points are evaluated in this process, which one of them may crash at every start. All in one
        transaction; after StorageTrouble call `load`, then `update` with the same outcomes.
        """
        made = Update()
        with self._record.transaction() as transaction:
            for trial in transaction.changed_by_others():
                self.memory.put(trial)
                if trial.state.is_finished():
                    made.ended.append(trial)
            for number, outcome in outcomes:
                ended = self.memory.end(number, outcome)
                if ended is not None:
                    transaction.end(ended)
                    made.ended.append(ended)
            busy = len(self.mine - {number for number, _ in outcomes})
            room = min(room, max(wanted, self.memory.finished) + len(self._plan) - self.done - busy)
            self._take_over(transaction, made, room, fragile)
            while len(made.points) < room and self.memory.claimed < wanted:
                self._begin(transaction, made, self.memory.ask())
            for one in self._plan:
                if len(made.points) < room and one.key not in self.memory.predicted:
                    self._begin(transaction, made, self.memory.ask((one.point, one.attributes)))
        self.mine -= {number for number, _ in outcomes}
        self.mine |= {number for number, _ in made.points}
        return made

    def _begin(self, transaction: AbstractTransaction, made: Update, trial: FrozenTrial) -> None:
        transaction.begin(trial)
        made.points.append((trial.number, _point(trial)))

    def _take_over(self, transaction: AbstractTransaction, made: Update, room: int, fragile: bool) -> None:
        """Restart trials whose driver is gone, before new points are chosen."""
        for number in transaction.abandoned(room) if room > 0 else []:
            trial = self.memory.get(number)
            if number in self.mine:
                continue  # still ours: the record was read again after trouble
            times = int(trial.user_attrs.get(BEGUN, 1)) + 1
            ended: FrozenTrial | None = None
            if not self.memory.has_point(trial):  # begun by another program, which chose no point
                ended = self.memory.give_up(number)
            elif fragile and times > _MAX_STARTS:
                error = f"the program ended {times - 1} times while it evaluated this trial"
                ended = self.memory.end(number, Outcome(_point(trial), status="crashed", error=error))
            if ended is None:
                transaction.set_attribute(number, BEGUN, times)
                made.points.append((number, _point(trial)))
            else:
                transaction.end(ended)
                made.ended.append(ended)


def _point(trial: FrozenTrial) -> dict[str, float]:
    return {name: float(value) for name, value in trial.params.items()}
