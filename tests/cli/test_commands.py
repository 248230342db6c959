"""The commands in real processes, with real signals and their printed output."""

import json
import os
import pty
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import optuna
import psutil
import pytest
import tomli_w
import typer
from small_scan import TABLES, read_rows, run_small, write_file
from typer.testing import CliRunner

from command_line import run
from supersoliton.cli.commands import app
from waiting import ENDLESS, HUNG, wait_until

COMMAND = [sys.executable, "-m", "supersoliton"]


def started(*arguments, cwd=None):
    """A command in a new process, whose time counts."""
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False)


def _processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def single_file(folder):
    tables = {key: value for key, value in TABLES.items() if key != "scan"} | {"model": {**TABLES["model"], "g": 0.6}}
    path = folder / "one.toml"
    path.write_text(tomli_w.dumps({**tables, "problem": {"norm": 600.0}}))
    return path


def test_solve_fails_if_the_state_is_not_converged(tmp_path):
    path = single_file(tmp_path)
    path.write_text(path.read_text() + "\n[solver]\nmax_steps = 2\n")
    done = run("solve", path, "--out", tmp_path / "out", "--json", tmp_path / "state.json")
    assert done.returncode == 1
    assert re.search("the state is not converged: .*2 steps", " ".join(done.stderr.split()))
    assert json.loads((tmp_path / "state.json").read_text())["converged"] is False


def test_help_is_quick_and_lists_the_commands():
    start = _processor_seconds()
    done = started("--help")
    assert _processor_seconds() - start < 0.8  # 0.3 s measured
    assert done.returncode == 0
    for word in ("solve", "spectrum", "scan", "report"):
        assert word in done.stdout
    assert "pretrain" in done.stdout


def commands(command, *names):
    yield names, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, *names, name)


def test_every_page_of_help_shows_its_text_unchanged():
    """--help takes no value, an argument is typed without braces, and nothing in brackets is taken for markup."""
    pages = {" ".join(names): command for names, command in commands(typer.main.get_command(app))}
    assert len(pages) > 14
    for name, command in pages.items():
        page = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "200"}).stdout
        assert "Show this message and exit." in page, name
        assert not re.search(r"<bool>|[{}]", page), page
        for paragraph in command.help.split("\n\n"):
            assert " ".join(paragraph.split()) in " ".join(page.split()), page


def test_solve_prints_a_state_with_its_certificate_and_saves_it(tmp_path):
    import supersoliton as ss

    done = run("solve", single_file(tmp_path), "--out", tmp_path / "out", "--json", tmp_path / "data.json")
    assert (done.returncode, done.stderr) == (0, "")
    words = (
        "q-ball",
        "converged",
        "frequency ω",
        "charge Q",
        "energy E_Q",
        "dQ/dω",
        "classically stable",
        "functional",
    )
    for word in (*words, "certificate", "residual", "virial", "translation"):
        assert word in done.stdout, word
    data = json.loads((tmp_path / "data.json").read_text())
    state = ss.load(tmp_path / "out" / "one.nc")
    assert data["energy"] == state.energy
    assert all(number.text.split()[0] in done.stdout for number in state.headline)
    assert data["certificate"]["residual"] < 1e-10
    assert (tmp_path / "out" / "one.png").stat().st_size > 5000


@pytest.mark.parametrize("command", ["solve", "spectrum"])
def test_a_terminal_shows_progress(tmp_path, command):
    """In a pseudo-terminal; the printed result does not contain the progress line."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, command, str(single_file(tmp_path))], cwd=tmp_path, stdout=subprocess.PIPE, stderr=terminal,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "200"},
    )  # fmt: skip
    os.close(terminal)
    printed = process.communicate()[0].decode()
    shown = os.read(controller, 1_000_000).decode()
    os.close(controller)
    assert process.returncode == 0
    assert f"solving {tmp_path / 'one.toml'}" in shown
    assert re.search(r"\d:\d\d:\d\d", shown)
    assert "solving" not in printed


def test_spectrum_separates_physical_and_box_modes(tmp_path):
    done = run("spectrum", single_file(tmp_path), "--json", tmp_path / "data.json")
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads((tmp_path / "data.json").read_text())
    assert len(data["thresholds"]) == 3
    assert len(data["box_eigenvalues"]) == 20
    assert set(data["scores"]) == {"box", "physical"}
    assert data["scores"]["physical"]["hierarchy"] < 100  # the translation mode is no mass
    assert data["scores"]["box"]["null_std"] > 0
    for word in ("thresholds", "bound states", "box modes", "percentile"):
        assert word in done.stdout


def test_scan_ends_with_its_table_and_a_second_one_has_nothing_to_do(tmp_path):
    file = write_file(tmp_path)
    first = run("scan", file, "--workers", "2", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "3 of 3 trials are finished (3 q-ball)" in first.stdout
    assert "Pareto-optimal" in first.stdout
    report = Path(first.stdout.strip().splitlines()[-1])
    assert (tmp_path / report).read_text().lstrip().startswith("<!")
    assert re.search(r"3/3 done · 0 failed · best fractal_score 0\.\d+ · [\d.]+ trials/min", first.stderr)

    start = _processor_seconds()
    second = started("scan", file, "--json", tmp_path / "data.json", cwd=tmp_path)
    assert _processor_seconds() - start < 2.5  # 1.2 s measured
    assert second.returncode == 0
    assert "3 of 3 trials are finished, nothing left to do" in second.stdout
    data = json.loads((tmp_path / "data.json").read_text())
    assert (data["finished"], data["new"]) == (3, 0)
    assert {row["trial"] for row in data["pareto"]} <= {0, 1, 2}
    code = f"import sys, supersoliton; supersoliton.scan({str(file)!r}); sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0

    more = run("scan", file, "--trials", "4", "--workers", "1", "--quiet", cwd=tmp_path)
    assert (more.returncode, more.stdout, more.stderr) == (0, "", "")
    assert len(optuna.load_study(study_name="small", storage=f"sqlite:///{tmp_path}/runs/small/study.db").trials) == 4

    refused = run("scan", file, "--seed", "7", cwd=tmp_path)
    assert refused.returncode == 2
    assert "[scan] seed = 0, but now [scan] seed = 7" in refused.stderr


# The scan without its report, which takes longer than the trials.
DRIVER = """
import sys
from pathlib import Path
from small_scan import run_small
run_small(Path(sys.argv[1]), Path(sys.argv[1]) / "run", trials=int(sys.argv[2]), workers=2)
"""


def rows_of(folder):
    table = folder / "run" / "trials.csv"
    return len(table.read_text().splitlines()) - 1 if table.exists() else 0


def wait_for_rows(folder, process, count=2):
    wait_until(lambda: rows_of(folder) >= count, process)


def start_driver(folder, trials):
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), str(trials)], cwd=Path(__file__).parents[1] / "scans"
    )
    wait_for_rows(folder, process)
    return process, psutil.Process(process.pid).children()


def is_alive(worker):
    return worker.is_running() and worker.status() != "zombie"


def trials_in(folder):
    return optuna.load_study(study_name="small", storage=f"sqlite:///{folder}/run/study.db").trials


def test_ctrl_c_finishes_running_trials_and_the_next_run_resumes(tmp_path):
    file = write_file(tmp_path, trials=ENDLESS, workers=2)
    command = [*COMMAND, "scan", str(file), "--out", str(tmp_path / "run")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_rows(tmp_path, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=HUNG)
    assert process.returncode == 130, err
    assert "stopped early" in out
    assert "Traceback" not in err
    done = len(trials_in(tmp_path))
    assert done < ENDLESS
    assert {trial.state.name for trial in trials_in(tmp_path)} == {"COMPLETE"}
    assert not (tmp_path / "run" / "states" / ".running").exists()
    assert len((tmp_path / "run" / "trials.csv").read_text().splitlines()) == done + 1
    assert run_small(tmp_path, tmp_path / "run", trials=done + 2).new == 2


def test_ctrl_c_is_reported_in_one_line():
    # a background shell ignores SIGINT, and the command would inherit that
    listens = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", listens, *COMMAND, "validate"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr.readline()  # the first line of progress: it is working
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=HUNG)
    assert (process.returncode, out) == (130, "")
    assert err.strip().splitlines()[-1] == "supersoliton: interrupted."
    assert "Traceback" not in err


def test_a_report_that_was_not_written_is_written_by_the_next_run(tmp_path, monkeypatch, capsys):
    """After an interruption while drawing, the next run writes the report of all trials."""
    from supersoliton.scans import report
    from supersoliton.scans.job import scan
    from supersoliton.scans.record.folder import report_covers

    file, out = write_file(tmp_path, trials=2), tmp_path / "run"
    assert report_covers(out) == 0
    scan(file, out=out, quiet=True)
    assert report_covers(out) == 2

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(report, "write_report", interrupted)
        with pytest.raises(KeyboardInterrupt):
            scan(file, out=out, trials=3, quiet=True)
    assert f"supersoliton report {out} writes it" in capsys.readouterr().err
    assert report_covers(out) == 2
    result = scan(file, out=out, trials=3, quiet=True)
    assert (result.new, report_covers(out)) == (0, 3)
    assert "3 trials finished" in (out / "report.html").read_text()
    before = (out / "report.html").stat().st_mtime_ns
    scan(file, out=out, trials=3, quiet=True)
    assert (out / "report.html").stat().st_mtime_ns == before  # nothing new: not drawn again


def test_a_cache_that_cannot_be_written_is_one_plain_line(tmp_path):
    file = write_file(tmp_path, trials=1, cache=True)
    (tmp_path / "file").write_text("")
    environment = {**os.environ, "SUPERSOLITON_CACHE": str(tmp_path / "file" / "cache")}
    done = subprocess.run(
        [*COMMAND, "scan", str(file)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    said = [line for line in done.stderr.splitlines() if "cannot be written" in line]
    assert len(said) == 1
    assert said[0].startswith("supersoliton: the cache ")
    assert "run_trial" not in done.stderr


# a kill between the record of a trial and its row in the table is told when the scan goes on
@pytest.mark.filterwarnings("ignore:.*lacked . trials? of the study. it is written again:UserWarning")
def test_a_killed_driver_leaves_no_workers_and_a_study_that_resumes(tmp_path):
    process, workers = start_driver(tmp_path, ENDLESS)
    assert len(workers) == 2
    process.kill()
    process.wait()
    wait_until(lambda: not any(map(is_alive, workers)))  # workers do not outlive their driver
    left = {trial.number: trial.params for trial in trials_in(tmp_path) if trial.state.name == "RUNNING"}
    done = len(trials_in(tmp_path)) - len(left)
    assert done >= 2
    assert 1 <= len(left) <= 2
    result = run_small(tmp_path, tmp_path / "run", trials=done + len(left) + 1)
    assert (result.finished, result.new) == (done + len(left) + 1, len(left) + 1)
    # the running trials are evaluated again, at the same points
    assert {number: result.study.trials[number].params for number in left} == left
    assert {trial.state.name for trial in result.study.trials} == {"COMPLETE"}


def test_killed_workers_lose_no_trial_and_sigterm_drops_what_runs(tmp_path):
    process, workers = start_driver(tmp_path, ENDLESS)
    for worker in workers:
        worker.kill()
    before = rows_of(tmp_path)

    def tried_again():
        """The trials that were running at the kill: one worker may finish many others before the second has started."""
        rows = read_rows(tmp_path / "run")
        done = {row["number"] for row in rows if row["state"] == "COMPLETE"}
        return {str(number) for number in range(before + 2)} <= done or len(rows) > before + 500

    wait_until(tried_again, process)
    workers = psutil.Process(process.pid).children()
    process.terminate()
    assert process.wait(timeout=HUNG) == 0  # run_scan returned an interrupted result
    assert not any(map(is_alive, workers))
    trials = trials_in(tmp_path)
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert {trial.state.name for trial in trials} <= {"COMPLETE", "RUNNING"}
    assert {trial.state.name for trial in trials[: before + 2]} == {"COMPLETE"}
    assert all(set(trial.params) == {"g", "norm"} for trial in trials)  # running trials are recorded with their points


WRONG = [
    (["solve", "missing.toml"], "missing.toml"),
    (["solve"], "FILE.toml"),
    (["solv", "x.toml"], "solv"),
    (["scan", "bad.toml"], r"[grid] r_max"),
    (["spectrum", "bad.toml"], r"[grid] r_max"),
    (["scan", "good.toml", "--out", "good.toml/run"], "cannot write"),
    (["scan", "good.toml", "--out", "foreign"], "study.db"),
    (["scan", "good.toml", "--trials", "0"], "[scan] trials"),
    (["scan", "good.toml", "--trials", "many"], "'--trials': 'many' is not a whole number."),
    (["scan", "good.toml", "--workers", "2.5"], "'--workers': '2.5' is not a whole number."),
    (["watch", "nowhere", "--every", "nan"], "'--every': 'nan' is not a number of at least 0.1."),
    (["warm-start", "bench", "good.toml", "--points", "0"], "'--points': '0' is not a whole number of at least 1."),
    (["scan", "good.toml", "--device", "abacus"], "abacus"),
    (["solve", "good.toml", "--device", "tpu"], "--device tpu: JAX finds no such device"),
    (["scan", "single.toml"], "[scan.parameters]"),
    (["solve", "good.toml", "--out", "good.toml/here"], "cannot write"),
    (["report", "nowhere"], "nowhere"),
    (["scan", "good.toml", "--json", "nowhere/x.json"], "no folder nowhere"),
    (["solve", "good.toml", "--json", "nowhere/x.json"], "no folder nowhere"),
    (["cache", "info", "--json", "nowhere/x.json"], "no folder nowhere"),
    (["warm-start", "bench", "good.toml", "--json", "nowhere/x.json"], "no folder nowhere"),
    (["sovle", "good.toml"], "Did you mean 'solve'? Try"),
    (["solve"], "solve --help."),
    (["scan", "good.toml", "--trails", "3"], "--trials). Try"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_mistakes_are_one_plain_line_and_exit_code_2(tmp_path, arguments, words):
    write_file(tmp_path, name="good")
    (tmp_path / "bad.toml").write_text("[grid]\nr_max = -1\n[scan.parameters]\ng = [0.1, 0.2]\n")
    (tmp_path / "single.toml").write_text("[model]\nn_octaves = 2\n")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "study.db").write_text("notes")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_files_are_valid(path):
    from supersoliton.config import load

    config = load(path)
    assert path.read_text().startswith("# ")
    assert config.scan.parameters or path.name == "qball.toml"


def test_the_json_file_is_written_although_what_is_printed_is_not_read(tmp_path):
    """As with `| head -1`: the pipe is closed before anything is printed."""
    command = [*COMMAND, "spectrum", str(single_file(tmp_path)), "--json", str(tmp_path / "data.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read().count(b"Traceback") == 0
    assert process.returncode == 141
    assert json.loads((tmp_path / "data.json").read_text())["kind"] == "q-ball"


def test_every_condensed_octave_of_a_homogeneous_state_is_listed(tmp_path):
    done = run("solve", Path(__file__).parents[2] / "examples" / "original_defaults.toml", "--out", tmp_path)
    assert all(f"psi_{k} at r = 0" in done.stdout for k in range(12))
