"""`supersoliton warm-start info | bench`: inspects and benchmarks trained starting guesses."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .help import App
from .options import File, Json, Quiet, whole, write_json

if TYPE_CHECKING:
    from rich.console import Console

    from ..guesses.trained.library import Library
    from ..training.bench import Benefit

app = App(help="Inspect and benchmark trained starting guesses.")

Out = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder of warm_start.npz, instead of the configuration's.")
]


@app.command()
def info(file: File, out: Out = None, json_file: Json = None) -> None:
    """List the trained branches of a configuration, with the time of training."""
    from .tables import _console

    _, library = _find(file, out)
    show(_console(), file, library, json_file, quiet=False)


@app.command()
def bench(
    file: File,
    out: Out = None,
    points: Annotated[
        int, typer.Option("--points", metavar="N", parser=whole(1), help="Points inside the box, and as many outside.")
    ] = 200,
    seed: Annotated[int, typer.Option("--seed", metavar="N", parser=whole(0), help="Seed of the points.")] = 0,
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", parser=whole(1), help="Number of parallel processes.")
    ] = 1,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Compare trained starts with analytic profiles and the nearest solved state, at unseen couplings.

    The couplings lie inside the scanned ranges, and outside by up to 12 % of each. Times are for one thread.
    """
    from ..training.bench import bench as measure
    from ..training.display import StageDisplay
    from ..training.pretraining import Stage
    from .tables import _console

    config, library = _find(file, out)
    with StageDisplay(quiet=quiet) as display:
        benefits = measure(
            config, library, points=points, seed=seed, workers=workers,
            report=lambda where, done, wanted: display(Stage(f"measuring {where}", done, wanted)),
        )  # fmt: skip
    if not quiet:
        for benefit in benefits:
            _print_benefit(_console(), benefit)
        console = _console()
        console.print(f"Training took {sum(library.record['seconds'].values()):.0f} s.")
    write_json(json_file, {"file": str(file), "worth": [dataclasses.asdict(benefit) for benefit in benefits]})


def show(console: Console, file: Path, library: Library, json_file: Path | None, *, quiet: bool) -> None:
    """Print the trained branches, and write them as JSON."""
    data = _described(library)
    if not quiet:
        _print_library(console, data)
    write_json(json_file, {"configuration": str(file), **data})


def _find(file: Path, out: Path | None) -> tuple[Any, Library]:
    """The configuration with its trained starts, which must be there."""
    from ..config import load
    from ..guesses.trained.library import read_library
    from ..machine.paths import TRAINED_STARTS

    config = load(file)
    if out is not None:
        config = config.with_warm_start(checkpoint=str(out.absolute() / TRAINED_STARTS))
    elif config.warm_start is None:
        config = config.with_warm_start(checkpoint=str(Path("runs").absolute() / file.stem / TRAINED_STARTS))
    assert config.warm_start is not None
    return config, read_library(config.warm_start.checkpoint)


def _described(library: Library) -> dict[str, Any]:
    curves = library.record["curves"]
    return {
        "file": library.record["file"],
        "box": {
            n: [low, high] for n, low, high in zip(library.box.names, library.box.low, library.box.high, strict=True)
        },
        "seconds": dict(library.record["seconds"]),
        "search_steps": library.record["search_steps"],
        "branches": [
            {
                "branch": str(branch),
                "share": model.share,
                "states": len(model.x),
                "basis": model.basis.size,
                "network_error": min((held for _, _, held in curves.get(str(branch), [])), default=None),
            }
            for branch, model in library.models.items()
        ],
    }


def _print_library(console: Console, data: dict[str, Any]) -> None:
    from .tables import number, print_table, simple_table

    table = simple_table(
        "branch", "lowest_in_%", "states", "basis", "network_error", title="Branches, named by their carriers"
    )
    for row in data["branches"]:
        share = number(100.0 * row["share"], 3)
        table.add_row(row["branch"], share, str(row["states"]), str(row["basis"]), number(row["network_error"], 2))
    print_table(console, table)
    spent = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in data["seconds"].items())
    console.print(f"{len(data['branches'])} branches; {spent}.")
    console.print(f"A search without trained starts takes {data['search_steps']:.1f} Newton steps on average.")
    console.print(data["file"], soft_wrap=True)


def _print_benefit(console: Console, benefit: Benefit) -> None:
    from .tables import number, print_table, simple_table

    where = "inside the box" if benefit.where == "inside" else "outside, by up to 12 % of a range"
    console.print(f"{benefit.points} unseen points {where}; {100.0 * benefit.covered:.1f} % on a trained branch.")
    if benefit.lost:
        console.print(
            f"At {benefit.lost} further points the search without training finds no soliton; the trained search finds "
            f"one at {benefit.recovered} of these."
        )
    if not benefit.points:
        return
    table = simple_table(
        "start_on_the_branch", "points", "error_median", "error_95_%", "Newton_steps", "correct_%", "ms_to_predict",
        "ms_to_solve", title="",
    )  # fmt: skip
    for row in benefit.starts:
        cells = (row.error_median, row.error_95)
        table.add_row(
            row.method, str(row.points), *(f"{x:.1e}" for x in cells), f"{row.steps:.2f}", number(row.success, 4),
            f"{row.predict_ms:.2f}", f"{row.solve_ms:.1f}",
        )  # fmt: skip
    print_table(console, table)
    table = simple_table(
        "search_with", "Newton_steps", "ms", "correct_%", "lower_%", "used_%", "wrong", "pays_after", title=""
    )
    for one in benefit.searches:
        pays = "–" if one.pays_after == float("inf") else f"{one.pays_after:.0f}"
        cells_ = (one.success, one.lower, one.used)
        table.add_row(
            one.use, f"{one.steps:.1f}", f"{one.ms:.1f}", *(number(x, 4) for x in cells_), str(one.wrong), pays
        )
    print_table(console, table)
