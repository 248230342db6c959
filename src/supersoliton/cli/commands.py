"""The commands. Whatever takes time to import is imported inside them, so that --help answers at once."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .._version import __version__
from ..machine import devices
from . import cache, validate, warm_start
from .busy import busy
from .help import App
from .options import File, Json, Quiet, real, whole, write_json
from .tables import _console

if TYPE_CHECKING:
    from ..config import Config

app = App(
    name="supersoliton",
    help="Find, certify and scan solitons of coupled scalar fields.",
    epilog="A first run: supersoliton solve examples/qball.toml, then supersoliton scan examples/quickstart.toml.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# What the parser raises at a wrong option. Newer typer carries its own copy of click and does not export this class.
_USAGE_ERRORS: tuple[type[Exception], ...] = tuple(
    cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException"
)
_STOPPED = -130  # a scan that was stopped and has said so; any other 130 is an interruption without words

Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for the results.", show_default=False)]


Device = Annotated[str | None, typer.Option("--device", metavar="D", help="auto, cpu, gpu or tpu.")]
Folder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a scan, e.g. runs/quickstart.")]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="Where the study is kept: postgresql://…, mysql://…, sqlite:///PATH, journal:PATH; study.db unless given.",
        show_default=False,
    ),
]
Seed = Annotated[
    int | None, typer.Option("--seed", metavar="N", parser=whole(), help="Instead of the seed in the file.")
]


def main() -> None:
    """Run a command; a mistake of the user's is one plain line on stderr and exit code 2, without a traceback."""
    warnings.showwarning = _warned
    try:
        code = app(standalone_mode=False)
        if code == 130:  # what newer typer makes of Ctrl-C, in silence
            _complain("interrupted.")
        code = 130 if code == _STOPPED else code
    except _USAGE_ERRORS as error:
        message = " ".join(error.format_message().split())  # type: ignore[attr-defined]
        if message:  # the page of help that answers no arguments at all is an "error" without words
            command = getattr(getattr(error, "ctx", None), "command_path", "supersoliton")
            _complain(f"{message.rstrip('.')}{'' if message.endswith('?') else '.'} Try {command} --help.")
        code = 2
    except (KeyboardInterrupt, typer.Abort):
        _complain("interrupted.")
        code = 130
    except BrokenPipeError:  # the reader has gone, e.g. `| head`; nothing more can be said to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except (ValueError, OSError) as error:
        if os.environ.get("SUPERSOLITON_TRACEBACK"):
            raise
        _complain(" ".join(str(error).split()))
        code = 2
    sys.exit(code)


def _warned(message: Warning | str, *_: object, **__: object) -> None:
    """A warning is a line like any other, without the line of the program that gave it."""
    _complain(" ".join(str(message).split()))


def _complain(message: str) -> None:
    print(f"supersoliton: {message}", file=sys.stderr)


@app.callback(invoke_without_command=True)
def _about(version: Annotated[bool, typer.Option("--version", metavar="", help="Print the version.")] = False) -> None:
    if version:
        print(f"supersoliton {__version__}")
        raise typer.Exit


@app.command()
def solve(file: File, out: Out = None, json_file: Json = None, device: Device = None, quiet: Quiet = False) -> None:
    """Find one stationary state; print it with its certificate; save state.nc and state.png.

    A file with scanned parameters is solved at the middle of their ranges.
    """
    devices.use(device)
    from .states import describe_state, find_state, print_state

    config, point = _config(file)
    folder = _folder(out)
    with busy(f"solving {file}", quiet=quiet):
        state, fed = find_state(config, point)
        saved = [state.save(folder / "state.nc"), folder / "state.png"]
        state.plot().savefig(saved[1], dpi=150)
    data = {"file": str(file), "point": point, **describe_state(state), "saved": [str(path) for path in saved]}
    if fed is not None:
        data["self_consistent"] = fed
    if not quiet:
        print_state(_console(), data)
    write_json(json_file, data)


@app.command()
def spectrum(file: File, json_file: Json = None, device: Device = None, quiet: Quiet = False) -> None:
    """Find one state; print its thresholds, bound states, lowest box modes, and scores beside their null."""
    devices.use(device)
    from .states import describe_spectrum, find_state, print_spectrum

    config, point = _config(file)
    with busy(f"solving {file} and its spectrum", quiet=quiet):
        state, _ = find_state(config, point)
        data = {"file": str(file), "point": point, **describe_spectrum(config, state)}
    if not quiet:
        print_spectrum(_console(), data)
    write_json(json_file, data)


@app.command()
def scan(
    file: File,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials", metavar="N", parser=whole(), help="Finished trials wanted in all, instead of the file's."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of the study; runs/NAME unless given.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", parser=whole(), help="Processes side by side.")
    ] = None,
    seed: Seed = None,
    storage: Storage = None,
    extend: Annotated[
        bool, typer.Option("--extend", metavar="", help="Go on with a study whose scanned ranges were others.")
    ] = False,
    json_file: Json = None,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """Scan couplings for the best solitons; resumes where an earlier run of the same file stopped.

    Ctrl-C lets the running trials finish and stops; the same command goes on from there.
    """
    from ..scans.execution.executor import WorkerError
    from ..scans.job import REPORT
    from ..scans.job import scan as run
    from ..scans.loop import ScanResult
    from ..scans.record.record import StorageTrouble
    from .tables import describe_scan, print_scan

    try:
        result = run(
            file, trials=trials, out=out, workers=workers, seed=seed, device=device, storage=storage, extend=extend,
            quiet=quiet,
        )  # fmt: skip
    except (WorkerError, StorageTrouble) as error:
        _complain(str(error))
        raise typer.Exit(1) from error
    if not isinstance(result, ScanResult):  # mode = "pretrain"
        warm_start.show(_console(), file, result, json_file, quiet=quiet)
        return
    data = describe_scan(result, str(result.directory / REPORT))
    if not quiet:
        print_scan(_console(), data)
    write_json(json_file, data)
    if result.interrupted:
        raise typer.Exit(_STOPPED)


@app.command()
def pretrain(
    file: File,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder of warm_start.npz; runs/NAME unless given.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", parser=whole(), help="Processes side by side.")
    ] = None,
    seed: Seed = None,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Train starts over the box of a scan; a scan whose file has a table warm_start then begins with them.

    Ctrl-C stops; the same command goes on from there.
    """
    from ..training.job import pretrain as run
    from ..training.workers import LostWorker

    try:
        library = run(file, out=out, workers=workers, seed=seed, quiet=quiet)
    except LostWorker as error:
        _complain(f"{error}: what was finished is kept, the same command goes on from there.")
        raise typer.Exit(1) from error
    warm_start.show(_console(), file, library, json_file, quiet=quiet)


@app.command()
def report(
    folder: Folder,
    storage: Storage = None,
    quiet: Quiet = False,
) -> None:
    """Write report.html of a scan anew, finished or not."""
    from ..scans.report import write_report

    page = write_report(folder, storage or "")
    if not quiet:
        print(page)


@app.command()
def dashboard(
    folder: Folder,
    storage: Storage = None,
    host: Annotated[str, typer.Option("--host", metavar="NAME", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", parser=whole(), help="0 takes a free one.")] = 8080,
    quiet: Quiet = False,
) -> None:
    """Show a scan in the browser with optuna-dashboard, while it runs or later; to this machine only unless --host."""
    from ..scans.dashboard import LOOPBACK, serve

    if host not in LOOPBACK:
        _complain(f"whoever reaches {host} can see this scan.")

    def opened(address: str) -> None:
        if not quiet:
            print(f"{address} (Ctrl-C ends it)", flush=True)

    serve(folder, storage=storage or "", host=host, port=port, opened=opened)


@app.command()
def watch(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a scan, e.g. runs/quickstart.")],
    once: Annotated[bool, typer.Option("--once", metavar="", help="One line, and no more.")] = False,
    seconds: Annotated[
        float, typer.Option("--every", metavar="S", parser=real(0.1), help="Seconds between looks.")
    ] = 2.0,
) -> None:
    """Follow a scan from its files: rate, best so far, workers, last heartbeat. Ctrl-C ends the watching only."""
    from . import watch as watching

    watched = watching.Watch(folder)
    if once:
        print(watched.look().line())
        return
    try:
        watching.watch(watched, _console(), seconds=seconds)
    except KeyboardInterrupt:
        raise typer.Exit from None


app.command()(validate.validate)
app.add_typer(cache.app, name="cache")
app.add_typer(warm_start.app, name="warm-start")


def _config(file: Path) -> tuple[Config, dict[str, float]]:
    """The configuration and the middle of its scanned ranges (geometric where they are logarithmic)."""
    from ..config import load

    config = load(file)
    return config, {name: limits.middle for name, limits in config.scan.parameters.items()}


def _folder(out: Path | None) -> Path:
    """The folder for results, made and found writable before anything is computed."""
    folder = Path.cwd() if out is None else out
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot write to {folder} ({error.strerror}): give another folder with --out.") from error
    if not os.access(folder, os.W_OK):
        raise ValueError(f"cannot write to {folder} (no permission): give another folder with --out.")
    return folder
