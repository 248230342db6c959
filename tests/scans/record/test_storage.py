"""What the disk and other programs do to a record: waited for, or reported in a sentence; a resume completes it."""

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import optuna
import pytest
from benchmarks import soak
from small_scan import load_small, read_rows, run_small

import supersoliton
from supersoliton.scans.loop import run_scan
from supersoliton.scans.record import storage
from supersoliton.scans.record.storage import locate, open_folder, read_mark
from waiting import ENDLESS, HUNG, wait_until

GIVEN = {"name": "small", "request": {}, "workers": 1, "quiet": True}


def wait_for_rows(out, count, driver):
    wait_until(lambda: soak.rows(out) >= count, driver)


def start(file, out, trials, **options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return soak.start(file, out, trials, workers=1, **pipes, **options)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 20 MB of our own, which can be made larger or closed to writing."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(*options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(disk)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a small file system cannot be made here: {done.stderr.strip() or 'mount failed'}")

    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small file system can only be made by root")
    mount("size=20m")
    yield disk, lambda *options: mount("remount", *options)
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def sentence(driver):
    """What a scan that stopped said on stderr in the end: one line, no traceback."""
    _, err = driver.communicate(timeout=HUNG)
    assert driver.returncode == 1, err
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line.startswith("supersoliton: ")]
    assert len(lines) == 1, err
    return lines[0]


def complete(file, out, tmp_path):
    """Resume a scan that was stopped, by two trials more than it had begun, and check all of it."""
    trials = len(open_folder(out).get_trials()) + 2
    again = start(file, out, trials)
    _, err = again.communicate(timeout=HUNG)
    assert again.returncode == 0, err
    soak.check(out, trials, soak.unbroken(file, tmp_path, trials))


@pytest.mark.nightly
def test_a_locked_database_is_waited_for(tmp_path):
    file, out = soak.write(tmp_path), tmp_path / "out"
    driver = start(file, out, ENDLESS, quiet=False)
    wait_for_rows(out, 3, driver)
    with contextlib.closing(sqlite3.connect(out / "study.db", timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        before = soak.rows(out)
        assert any("waiting: " in line for line in driver.stderr)  # one statement waits less long
        assert soak.rows(out) <= before + 1
        other.rollback()
    wait_for_rows(out, before + 3, driver)
    driver.terminate()
    driver.communicate(timeout=HUNG)
    assert driver.returncode == 143
    complete(file, out, tmp_path)


@pytest.mark.parametrize(
    "where", ["", pytest.param("journal:{}/journal.log", marks=pytest.mark.nightly)], ids=["sqlite", "journal"]
)
def test_a_full_disk_stops_the_scan_in_a_sentence_and_a_resume_completes_it(tmp_path, small_disk, where):
    disk, remount = small_disk
    file, out = soak.write(tmp_path, where.format(disk)), disk / "out"
    driver = start(file, out, ENDLESS)
    wait_for_rows(out, 3, driver)
    with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))
    words = sentence(driver)
    assert "free some space" in words
    assert words.endswith("nothing that was recorded is lost.")
    remount("size=60m")
    complete(file, out, tmp_path)


def test_a_folder_that_becomes_read_only_stops_it_likewise(tmp_path, small_disk):
    disk, _ = small_disk
    file, out = soak.write(tmp_path), disk / "out"
    driver = start(file, out, ENDLESS)
    wait_for_rows(out, 3, driver)
    # a file system with a file open for writing cannot be closed to it, but what is opened from now on can
    subprocess.run(["mount", "--bind", str(disk), str(disk)], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", str(disk)], check=True)
    assert "Read-only file system" in sentence(driver)
    refused = start(file, out, ENDLESS)
    _, err = refused.communicate(timeout=HUNG)
    assert refused.returncode in (1, 2)
    assert "Traceback" not in err
    assert "Read-only file system" in err or "readonly" in err
    subprocess.run(["umount", str(disk)], check=True)
    complete(file, out, tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    run_small(folder, folder / "run", trials=2)
    return folder


@pytest.fixture
def run(finished, tmp_path):
    """A copy of a finished scan to be harmed."""
    shutil.copytree(finished / "run", tmp_path / "run")
    return tmp_path / "run"


def mark_of(run):
    with contextlib.closing(sqlite3.connect(run / "study.db")) as database:
        return json.loads(database.execute("SELECT value_json FROM study_user_attributes").fetchone()[0])


def set_mark(run, mark):
    with contextlib.closing(sqlite3.connect(run / "study.db")) as database, database:
        database.execute("UPDATE study_user_attributes SET value_json = ?", (json.dumps(mark),))


def test_a_study_of_an_earlier_version_goes_on(run, tmp_path):
    """Before format 2 neither the format nor running trials were recorded, and settings added later were unknown."""
    mark = mark_of(run)
    assert mark.pop("format") == 2
    for name in ("code", "sealed", "digest"):
        del mark[name]
    for name in ("fallback", "population"):
        del mark["config"]["scan"][name]
    del mark["config"]["problem"]["parity"]
    set_mark(run, mark)
    result = run_small(tmp_path, run, trials=3)
    assert (result.finished, result.new) == (3, 1)


def test_a_study_of_a_newer_version_is_refused_and_kept(run, tmp_path):
    set_mark(run, {**mark_of(run), "format": 3})
    content = (run / "study.db").read_bytes()
    with pytest.raises(ValueError, match="newer supersoliton"):
        run_small(tmp_path, run, trials=3)
    assert (run / "study.db").read_bytes() == content


def test_a_database_of_another_optuna_is_refused_and_kept(run, tmp_path):
    with contextlib.closing(sqlite3.connect(run / "study.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'v9.9.9'")
    content = (run / "study.db").read_bytes()
    with pytest.raises(ValueError, match=r"Optuna cannot read .*study\.db"):
        run_small(tmp_path, run, trials=3)
    assert (run / "study.db").read_bytes() == content


@pytest.mark.parametrize("size", [0, 100, 5000, 40000])
def test_half_a_database_is_refused_and_kept(run, tmp_path, size):
    path = run / "study.db"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"study\.db"):
        run_small(tmp_path, run, trials=3)
    assert path.stat().st_size == size


def test_the_study_is_made_whole_or_not_at_all(tmp_path, monkeypatch):
    """Killed while the study is made: nothing bears its name, and the next start makes it."""

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(storage, "set_mark", killed)
        with pytest.raises(KeyboardInterrupt):
            run_small(tmp_path, tmp_path / "run", trials=1)
    assert {path.name for path in (tmp_path / "run").glob("*study.db*")} == {".study.db.lock"}
    assert run_small(tmp_path, tmp_path / "run", trials=1).finished == 1


def test_a_journal_broken_in_its_last_line_goes_on_and_a_foreign_one_is_kept(tmp_path):
    path = tmp_path / "journal.log"
    where = {"storage": f"journal:{path}"}
    run_small(tmp_path, tmp_path / "run", trials=2, **where)
    with path.open("a") as file:
        file.write('{"op_code": 8, "trial_')
    lock = tmp_path / "journal.log.lock"
    lock.symlink_to(tmp_path / "where it was then" / "journal.log")
    result = run_small(tmp_path, tmp_path / "run", trials=3, **where)
    assert not lock.is_symlink()
    assert (result.finished, result.new) == (3, 1)
    assert [int(row["number"]) for row in read_rows(tmp_path / "run")] == [0, 1, 2]

    with path.open("a") as file:
        file.write('{"op_code": 8, "trial_')
    content = path.read_bytes()
    assert len(open_folder(tmp_path / "run").trials) == 3  # reading repairs nothing: a line may be being written
    with pytest.raises(ValueError, match='holds no study named "other"'):
        run_scan(load_small(tmp_path, **where), tmp_path / "other", wanted=1, **{**GIVEN, "name": "other"})
    assert path.read_bytes() == content

    for content in ("my notes\n", '{"a": 1}\n', "no line end"):
        path.write_text(content)
        with pytest.raises(ValueError, match=r"journal\.log is not a readable journal"):
            run_small(tmp_path, tmp_path / "other", trials=1, **where)
        assert path.read_text() == content


def test_a_database_elsewhere_has_one_scan_at_a_time(tmp_path):
    where = {"storage": f"sqlite:///{tmp_path / 'data' / 'studies.db'}"}
    run_small(tmp_path, tmp_path / "one", trials=1, **where)
    assert not (tmp_path / "one" / "study.db").exists()
    import fcntl

    with (tmp_path / "data" / ".studies.db.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match="another scan is running"):
            run_small(tmp_path, tmp_path / "two", trials=2, **where)
    assert run_small(tmp_path, tmp_path / "two", trials=2, **where).new == 1
    assert len(read_rows(tmp_path / "two")) == 2


@pytest.mark.parametrize("url", ["redis://localhost", "postgres", "sqlite://", "journal:", "ftp://x/y", "mongodb://h"])
def test_an_address_that_is_none_is_refused(tmp_path, url):
    with pytest.raises(ValueError, match=r"\[scan\] storage must be"):
        run_small(tmp_path, tmp_path / "run", storage=url)
    assert not (tmp_path / "run").exists()


def test_a_missing_server_is_reported_without_its_password(tmp_path):
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'supersoliton[postgresql]'")
    with pytest.raises(ValueError, match=r"postgresql://me:\*\*\*@127\.0\.0\.1:1/db does not answer") as raised:
        run_small(tmp_path, tmp_path / "run", storage="postgresql://me:s3cret@127.0.0.1:1/db")
    assert "s3cret" not in str(raised.value)


def test_addresses(tmp_path):
    assert locate("", tmp_path).path == tmp_path / "study.db"
    assert locate("sqlite:///a/b.db", tmp_path).path == Path("a/b.db")
    assert locate("sqlite:////a/b.db", tmp_path).path == Path("/a/b.db")
    assert locate("journal:runs/j.log", tmp_path).path == Path("runs/j.log")
    server = locate("postgresql+psycopg://u:p%40w:d@h:5432/db", tmp_path)
    assert (server.kind, str(server)) == ("server", "postgresql+psycopg://u:***@h:5432/db")
    assert read_mark(locate("", tmp_path), "x") is None


def test_no_file_is_unpickled():
    """A pickle runs what it says: only what this very program sends to its workers is read as one, and a surrogate that
    the user trusts."""
    package = Path(supersoliton.__file__).parent
    readers = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"pickle\.(load|Unpickler)|allow_pickle\s*=\s*True|joblib\.load|dill|shelve", path.read_text())
    }
    workers = {f"scans/execution/{name}.py" for name in ("worker", "dask_cluster", "apart")}
    assert readers == {*workers, "sampling/surrogate_file.py"}


def test_extended_ranges_are_remembered(tmp_path):
    run_small(tmp_path, tmp_path / "run", trials=2)
    wider = {"parameters": {"g": [0.5, 0.7], "norm": {"low": 400, "high": 900, "log": True}}}
    with pytest.raises(ValueError, match="--extend"):
        run_small(tmp_path, tmp_path / "run", trials=3, **wider)
    config = load_small(tmp_path, **wider)
    assert run_scan(config, tmp_path / "run", wanted=3, extend=True, **GIVEN).new == 1
    assert run_scan(config, tmp_path / "run", wanted=4, **GIVEN).new == 1  # now these are its ranges
    with pytest.raises(ValueError, match=r"\[scan\] seed"):  # nothing else may change
        run_small(tmp_path, tmp_path / "run", trials=5, seed=3, **wider)


def test_the_driver_reads_optunas_tables_as_this_version_writes_them(tmp_path):
    """rows.py writes them itself: a trial of Optuna's own and one of ours must have rows of the same columns."""
    run_small(tmp_path, tmp_path / "run", trials=1)
    study = optuna.load_study(study_name="small", storage=f"sqlite:///{tmp_path / 'run' / 'study.db'}")
    ours = study.get_trials()[0]
    study.add_trial(ours)
    theirs = study.get_trials()[1]
    for name in ("state", "values", "params", "distributions", "datetime_start", "datetime_complete"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert str(sorted(ours.user_attrs.items())) == str(sorted(theirs.user_attrs.items()))
    assert ours.system_attrs == theirs.system_attrs
    with contextlib.closing(sqlite3.connect(tmp_path / "run" / "study.db")) as database:
        for table in ("trial_params", "trial_values", "trial_user_attributes", "trial_system_attributes"):
            first, second = (
                sorted(map(str, (row[2:] for row in database.execute(f"SELECT * FROM {table} WHERE trial_id = {n}"))))
                for n in (1, 2)
            )
            assert first == second, table
