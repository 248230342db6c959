"""`pretrain`: train the starting guesses of a scan, from its file to the trained library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..machine.paths import TRAINED_STARTS

if TYPE_CHECKING:
    from ..config import Config
    from ..guesses.trained.library import Library
    from ..problem.problem import DiscreteProblem


def pretrain(
    path_or_config: str | Path | Config,
    *,
    out: str | Path | None = None,
    workers: int | None = None,
    seed: int | None = None,
    quiet: bool = False,
) -> Library:
    """Train models that predict the starts of a scan; write them and a picture of the training.

    The training needs the extra ``network``. Interrupted work is resumed.

    Parameters
    ----------
    path_or_config : str or Path or Config
        A TOML file with [scan.parameters] and [warm_start], or a configuration.
    out : str or Path, optional
        Folder of ``warm_start.npz``; that of ``checkpoint`` in [warm_start] if not given.
    workers : int, optional
        Number of worker processes, instead of that in [scan].
    seed : int, optional
        Seed, instead of that in [warm_start].
    quiet : bool, default False
        Print no progress.

    Returns
    -------
    Library
        The trained models: ``models`` by branch, the ``box`` of couplings and the ``grid``.

    Raises
    ------
    ValueError
        If the configuration is wrong, the file has unfinished work of another configuration, or the folder cannot be
        written.
    LostWorker
        If a worker process was killed; the same call resumes.

    Examples
    --------
    >>> from pathlib import Path
    >>> path = Path("small.toml")
    >>> _ = path.write_text('''
    ... [model]
    ... n_octaves = 1
    ... m0_squared = 0.5
    ... [grid]
    ... r_max = 18.0
    ... n_elements = 6
    ... order = 10
    ... [scan]
    ... trials = 2
    ... workers = 1
    ... parameters = { g = [0.55, 0.7], norm = [600.0, 1800.0] }
    ... [warm_start]
    ... points = 4
    ... seeds = 4
    ... basis = 8
    ... width = 8
    ... fresh = 4
    ... steps = 0
    ... ''')
    >>> library = ss.pretrain(path, out="trained", quiet=True)
    >>> library.finished, Path("trained/warm_start.npz").exists()
    (True, True)
    """
    from ..config import load

    check_source("pretrain", path_or_config)
    config = load(path_or_config) if isinstance(path_or_config, str | Path) else path_or_config
    changes: dict[str, str | int] = {} if seed is None else {"seed": seed}
    if out is not None:
        changes["checkpoint"] = str(Path(out).absolute() / TRAINED_STARTS)
    elif config.warm_start is None:
        name = Path(path_or_config).stem if isinstance(path_or_config, str | Path) else "scan"
        changes["checkpoint"] = str(Path("runs").absolute() / name / TRAINED_STARTS)
    return train(config.with_warm_start(**changes), workers, quiet)


def check_source(call: str, given: object) -> None:
    if not isinstance(given, str | Path) and not hasattr(given, "with_scan"):
        raise ValueError(f"{call}: give the path of a TOML file or a Config, got {given!r}")


def middle_problem(config: Config) -> DiscreteProblem:
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
