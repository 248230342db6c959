"""The commands. Slow imports are inside them, so that --help answers at once."""

from __future__ import annotations

import os
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .._version import __version__
from ..machine import devices, signals
from ..machine.text import plain
from . import cache, starters, validate, warm_start
from .busy import busy
from .help import App
from .options import File, Json, Quiet, folder_for, real, whole, write_json
from .outputs import Outputs, open_it
from .tables import _console

if TYPE_CHECKING:
    from ..config import Config

app = App(
    name="supersoliton",
    help="Find, certify and scan solitons of coupled scalar fields.",
    epilog="To start: supersoliton init q_ball, then supersoliton solve q_ball.toml and supersoliton scan q_ball.toml.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# The error of a wrong option. Newer typer contains its own copy of click and does not export this class.
_USAGE_ERRORS: tuple[type[Exception], ...] = tuple(
    cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException"
)
_STOPPED = -130  # a scan that was stopped and has printed so; 130 is an interruption that has not been reported

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Folder of the results. Default: this folder.", show_default=False),
]
Open = Annotated[bool, typer.Option("--open", help="Open what was written in a browser or viewer.")]
Device = Annotated[
    str | None, typer.Option("--device", metavar="D", help="Device of the computation: auto, cpu, gpu or tpu.")
]
Folder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a scan, e.g. runs/quickstart.")]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="Where the study is stored: postgresql://…, mysql://…, sqlite:///PATH or journal:PATH. "
        "Default: study.db in the scan's folder.",
        show_default=False,
    ),
]
Workers = Annotated[
    int | None, typer.Option("--workers", metavar="N", parser=whole(), help="Number of parallel processes.")
]
Seed = Annotated[
    int | None, typer.Option("--seed", metavar="N", parser=whole(), help="Seed, instead of the one in the file.")
]


def main() -> None:
    """Run a command; a user's mistake is one plain line on stderr and exit code 2, without a traceback."""
    warnings.showwarning = _print_warning
    try:
        code = app(standalone_mode=False)
        if code == 130:  # newer typer turns Ctrl-C into this code, without a message
            _print_error("interrupted.")
        code = signals.exit_code() if code in (130, _STOPPED) else code
    except _USAGE_ERRORS as error:
        message = " ".join(error.format_message().split())  # type: ignore[attr-defined]
        if message:  # a command without arguments prints its help and raises an error without a message
            command = getattr(getattr(error, "ctx", None), "command_path", "supersoliton")
            _print_error(f"{message.rstrip('.')}{'' if message.endswith('?') else '.'} Try {command} --help.")
        code = 2
    except (KeyboardInterrupt, typer.Abort):
        _print_error("interrupted.")
        code = signals.exit_code()
    except BrokenPipeError:  # the reader has closed the pipe, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except (ValueError, OSError) as error:
        if os.environ.get("SUPERSOLITON_TRACEBACK"):
            raise
        _print_error(" ".join(str(error).split()))
        code = 2
    sys.exit(code)


def _print_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Print a warning in one line, without the source line that raised it."""
    _print_error(" ".join(str(message).split()))


def _print_error(message: str) -> None:
    print(f"supersoliton: {plain(message)}", file=sys.stderr)


@app.callback(invoke_without_command=True)
def _about(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(f"supersoliton {__version__}")
        raise typer.Exit


app.command()(starters.init)
app.command()(starters.example)


@app.command()
def solve(
    file: File,
    out: Out = None,
    json_file: Json = None,
    device: Device = None,
    show: Open = False,
    quiet: Quiet = False,
) -> None:
    """Find one stationary state, print its numbers and checks, save it and its picture.

    FILE.toml gives FILE.nc and FILE.png. Scanned parameters are set to the middle of their ranges. The exit code is 1
    if the state is not converged.
    """
    begun = time.monotonic()
    devices.use(device)
    from .states import describe_scores, describe_state, find_state, print_state

    config, point = _config(file)
    files = Outputs(file, folder_for(out), file.stem, ".nc")
    with busy(f"solving {file}", quiet=quiet):
        state, fed = find_state(config, point)
        state.save(files.data)
        saved = files.save(state.plot(certificate=True))
        data = {"file": str(file), "point": point, **describe_state(state), **describe_scores(config, state)}
    data |= {"saved": saved, "whole_seconds": time.monotonic() - begun}
    if fed is not None:
        data["self_consistent"] = fed
    write_json(json_file, data)  # first: the reader of what is printed may close it
    if not quiet:
        print_state(_console(), data)
    if show:
        open_it(files.picture)
    if not state.converged:
        _print_error(f"{file}: the state is not converged: {state.status}")
        raise typer.Exit(1)


@app.command()
def spectrum(file: File, json_file: Json = None, device: Device = None, quiet: Quiet = False) -> None:
    """Find one stationary state; print its thresholds, bound states, lowest box modes and scores.

    Scores are compared with those of random spectra (the null).
    """
    devices.use(device)
    from .states import describe_spectrum, find_state, print_spectrum

    config, point = _config(file)
    with busy(f"solving {file} and its spectrum", quiet=quiet):
        state, _ = find_state(config, point)
        data = {"file": str(file), "point": point, **describe_spectrum(config, state)}
    write_json(json_file, data)  # first: the reader of what is printed may close it
    if not quiet:
        print_spectrum(_console(), data)


@app.command()
def branch(
    file: File,
    parameter: Annotated[
        str, typer.Option("--parameter", metavar="NAME", help="A coupling of the theory, norm or omega.")
    ],
    to: Annotated[float, typer.Option("--to", metavar="X", parser=real(), help="Value at which the branch ends.")],
    out: Out = None,
    json_file: Json = None,
    device: Device = None,
    show: Open = False,
    quiet: Quiet = False,
) -> None:
    """Follow one state along a parameter, through folds; print its numbers and their exact slopes.

    FILE.toml gives FILE_NAME.csv and FILE_NAME.png. Scanned parameters begin at the middle of their ranges. The exit
    code is 1 if the branch ends before the value.
    """
    devices.use(device)
    from .branch import follow, print_branch

    config, point = _config(file)
    files = Outputs(file, folder_for(out), f"{file.stem}_{parameter}", ".csv")
    with busy(f"following {file} along {parameter}", quiet=quiet):
        data = {"file": str(file), "point": point, **follow(config, point, parameter, to, files)}
    write_json(json_file, data)  # first: the reader of what is printed may close it
    if not quiet:
        print_branch(_console(), data)
    if show:
        open_it(files.picture)
    if not data["reached"]:
        _print_error(f"{file}: the branch ends early: {data['status']}")
        raise typer.Exit(1)


@app.command()
def scan(
    file: File,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials", metavar="N", parser=whole(), help="Total number of trials, instead of the one in the file."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the scan. Default: runs/NAME of the file.")
    ] = None,
    workers: Workers = None,
    seed: Seed = None,
    storage: Storage = None,
    extend: Annotated[
        bool, typer.Option("--extend", help="Continue a study after changing its scanned ranges.")
    ] = False,
    json_file: Json = None,
    device: Device = None,
    show: Open = False,
    quiet: Quiet = False,
) -> None:
    """Scan couplings for the best solitons and write a report.

    Ctrl-C stops after the running trials; run the same command to resume.
    """
    from ..scans.execution.executor import WorkerError
    from ..scans.first_failures import NothingWorks
    from ..scans.job import REPORT
    from ..scans.job import scan as run
    from ..scans.record.record import StorageTrouble
    from ..scans.result import ScanResult
    from .tables import describe_scan, print_scan

    try:
        result = run(
            file, trials=trials, out=out, workers=workers, seed=seed, device=device, storage=storage, extend=extend,
            quiet=quiet,
        )  # fmt: skip
    except (WorkerError, StorageTrouble, NothingWorks) as error:
        _print_error(str(error))
        raise typer.Exit(1) from error
    if not isinstance(result, ScanResult):  # mode = "pretrain"
        warm_start.show(_console(), file, result, json_file, quiet=quiet)
        return
    data = describe_scan(result, str(result.directory / REPORT))
    write_json(json_file, data)  # first: the reader of what is printed may close it
    if not quiet:
        print_scan(_console(), data)
    if show and Path(data["report"]).exists():
        open_it(Path(data["report"]))
    if result.interrupted:
        _print_error("interrupted.")
        raise typer.Exit(_STOPPED)


@app.command()
def pretrain(
    file: File,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder of warm_start.npz. Default: runs/NAME of the file."),
    ] = None,
    workers: Workers = None,
    seed: Seed = None,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Train starting guesses over the scan's parameter ranges.

    Scans whose file has a table warm_start use them. Ctrl-C stops; run the same command to resume.
    """
    from ..training.job import pretrain as run
    from ..training.workers import LostWorker

    try:
        library = run(file, out=out, workers=workers, seed=seed, quiet=quiet)
    except LostWorker as error:
        _print_error(f"{error}: finished work is saved, run the same command to resume.")
        raise typer.Exit(1) from error
    warm_start.show(_console(), file, library, json_file, quiet=quiet)


@app.command()
def report(
    folder: Folder,
    storage: Storage = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run the Python files of theory and scores that RUN names.")
    ] = False,
    show: Open = False,
    compare: Annotated[
        Path | None, typer.Option("--compare", metavar="OTHER", help="Show another scan's folder next to this one.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Regenerate report.html for a scan, finished or not."""
    from ..scans.report import write_report

    page = write_report(folder, storage or "", trust=trust, compare=compare)
    if not quiet:
        print(page)
    if show:
        open_it(page)


@app.command()
def check(folder: Folder, storage: Storage = None, quiet: Quiet = False) -> None:
    """Check the study, table, configuration and states of a scan; write again what the study knows.

    The exit code is 1 if something is wrong that it cannot repair.
    """
    from ..scans.record.inspection import check_folder

    try:
        faults = check_folder(folder, storage or "")
    except ValueError as error:
        _print_error(" ".join(str(error).split()))
        raise typer.Exit(1) from error
    for fault in faults:
        _print_error(f"{fault.words}{'.' if fault.repair is None else ': it is written again from the study.'}")
    if not faults and not quiet:
        print(f"{folder} is as its study says.")
    if any(fault.repair is None for fault in faults):
        raise typer.Exit(1)


@app.command()
def dashboard(
    folder: Folder,
    storage: Storage = None,
    host: Annotated[str, typer.Option("--host", metavar="NAME", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", parser=whole(), help="0 takes any free port.")] = 8080,
    show: Annotated[bool, typer.Option("--open", help="Open it in a browser.")] = False,
    quiet: Quiet = False,
) -> None:
    """Serve optuna-dashboard for a scan, running or finished; read-only, to this machine unless --host is given."""
    from ..scans.dashboard import LOOPBACK, serve

    if host not in LOOPBACK:
        _print_error(f"everyone who can reach {host} can see this scan.")

    def opened(address: str) -> None:
        if not quiet:
            print(f"{address} (Ctrl-C stops the server)", flush=True)
        if show:
            open_it(address)

    if not quiet and sys.stderr.isatty():
        print("starting the server", file=sys.stderr, flush=True)
    serve(folder, storage=storage or "", host=host, port=port, opened=opened)


@app.command()
def watch(
    folder: Folder,
    once: Annotated[bool, typer.Option("--once", help="Print one line and exit.")] = False,
    seconds: Annotated[
        float, typer.Option("--every", metavar="S", parser=real(0.1), help="Seconds between updates.")
    ] = 2.0,
) -> None:
    """Follow a running scan from its files: rate, best value, workers, last heartbeat.

    Works from another terminal or machine. Ctrl-C does not stop the scan.
    """
    from . import watch as watching

    watched = watching.Watch(folder)
    if once:
        print(plain(watched.update().line()))
        return
    try:
        watching.watch(watched, _console(), seconds=seconds)
    except KeyboardInterrupt:
        raise typer.Exit from None


app.command()(validate.validate)
app.add_typer(cache.app, name="cache")
app.add_typer(warm_start.app, name="warm-start")


def _config(file: Path) -> tuple[Config, dict[str, float]]:
    """The configuration and the middle of its scanned ranges (geometric for logarithmic ones)."""
    from ..config import load

    config = load(file)
    return config, {name: limits.middle for name, limits in config.scan.parameters.items()}
