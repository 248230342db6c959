"""Progress display of a training: a bar for each stage on a terminal, plain lines elsewhere."""

from __future__ import annotations

from rich import progress

from ..machine.display import Display
from .pretraining import Stage


class StageDisplay(Display):
    """A progress callback that shows each :class:`.Stage`."""

    def __init__(self, *, quiet: bool) -> None:
        columns = (
            progress.TextColumn("{task.description:24}"), progress.BarColumn(), progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(), progress.TimeRemainingColumn(), progress.TextColumn("{task.fields[remark]}"),
        )  # fmt: skip
        self._bars = progress.Progress(*columns)
        self._tasks: dict[str, progress.TaskID] = {}
        super().__init__(self._bars.get_renderable, quiet=quiet, keep=True)

    def __call__(self, stage: Stage) -> None:
        if stage.name not in self._tasks:
            self._tasks[stage.name] = self._bars.add_task(stage.name, total=stage.wanted, remark="")
        self._bars.update(self._tasks[stage.name], completed=stage.done, total=stage.wanted, remark=stage.remark)
        remark = f" · {stage.remark}" if stage.remark else ""
        self.line(lambda: f"{stage.name} {stage.done}/{stage.wanted}{remark}", now=stage.done == stage.wanted)
