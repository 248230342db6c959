"""`pretrain`: train the starting guesses of a scan, from its file to the trained library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..machine.paths import TRAINED_STARTS

if TYPE_CHECKING:
    from ..config import Config
    from ..guesses.trained.library import Library


def pretrain(
    path_or_config: str | Path | Config,
    *,
    out: str | Path | None = None,
    workers: int | None = None,
    seed: int | None = None,
    quiet: bool = False,
) -> Library:
    """Train starts over the box of a scan ([warm_start] in its configuration); write them and a picture.

    Resumes work that was interrupted.

    `out`              the folder of warm_start.npz; that of [warm_start] checkpoint unless given
    `workers`, `seed`  instead of those in [scan] and [warm_start]
    `quiet`            no progress

    Raises ValueError: a configuration that is wrong, a file of unfinished work of another configuration, a folder that
    cannot be written. LostWorker: a worker process was killed; the same call resumes.
    """
    from ..config import load

    check_source("pretrain", path_or_config)
    config = load(path_or_config) if isinstance(path_or_config, str | Path) else path_or_config
    changes: dict[str, Any] = {} if seed is None else {"seed": seed}
    if out is not None:
        changes["checkpoint"] = str(Path(out).absolute() / TRAINED_STARTS)
    elif config.warm_start is None:
        name = Path(path_or_config).stem if isinstance(path_or_config, str | Path) else "scan"
        changes["checkpoint"] = str(Path("runs").absolute() / name / TRAINED_STARTS)
    return train(config.with_warm_start(**changes), workers, quiet)


def check_source(call: str, given: Any) -> None:
    if not isinstance(given, str | Path) and not hasattr(given, "with_scan"):
        raise ValueError(f"{call}: give the path of a TOML file or a Config, got {given!r}")


def middle_problem(config: Config) -> Any:
    """The problem in the middle of the scanned box."""
    return config.problem_at({name: limits.middle for name, limits in config.scan.parameters.items()})


def train(config: Config, workers: int | None, quiet: bool) -> Library:
    from ..plotting import plot_training, save_figure
    from .display import StageDisplay
    from .pretraining import pretrain as run

    with StageDisplay(quiet=quiet) as display:
        library = run(config, workers=workers, report=display)
    assert library is not None
    assert config.warm_start is not None
    shares = {str(branch): model.share for branch, model in library.models.items()}
    save_figure(plot_training(library.record["curves"], shares), Path(config.warm_start.checkpoint).with_suffix(".png"))
    return library
