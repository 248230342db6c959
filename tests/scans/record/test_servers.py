"""Several scans on one study of a real server, PostgreSQL or MariaDB, which goes away and returns; one is killed."""

import contextlib
import functools
import gc
import os
import socket
import sqlite3
import subprocess
import sys
import threading

import optuna
import pytest
import sqlalchemy
from benchmarks import soak
from servers import MariaDB, PostgreSQL
from small_scan import load_small, read_rows

from supersoliton.scans import loop
from supersoliton.scans.loop import run_scan
from supersoliton.scans.record import record, storage
from supersoliton.scans.record.database import DatabaseRecord
from waiting import ENDLESS, HUNG, wait_until

LEASE = 6.0  # seconds after which the trials of a killed driver are taken over: a minute in earnest
DRIVER = """
import os, sys, time, supersoliton
from supersoliton.scans import loop
from supersoliton.scans.record import database
if meeting := os.environ.get("MEETING"):  # of two drivers, which begin together
    open(f"{meeting}/{os.getpid()}", "w").close()
    while len(os.listdir(meeting)) < 2:
        time.sleep(0.01)
database.LEASE = float(sys.argv[1])
result = supersoliton.scan(sys.argv[2], out=sys.argv[3], storage=sys.argv[4], trials=int(sys.argv[5]), workers=1,
                           quiet=len(sys.argv) < 7)
print(result.new, result.finished)
"""


@pytest.fixture(scope="module", params=[PostgreSQL, pytest.param(MariaDB, marks=pytest.mark.nightly)])
def server(request):
    server = request.param()
    yield server
    server.close()


def start(file, out, url, trials, *talks, **options):
    command = [sys.executable, "-c", DRIVER, str(LEASE), str(file), str(out), url, str(trials), *talks]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def finish(driver):
    """How many trials it finished itself, and how many there are."""
    out, err = driver.communicate(timeout=HUNG)
    assert driver.returncode == 0, err
    return [int(number) for number in out.split()]


def read(server, url, name="cheap"):
    """The trials, the best ones and the attributes of the study, as Optuna reads them."""
    storage = optuna.storages.RDBStorage(server.optunas(url))
    try:
        study = optuna.load_study(study_name=name, storage=storage)
        return study.trials, study.best_trials, study.user_attrs
    finally:
        storage.remove_session()
        storage.engine.dispose()


def ended(server, url):
    try:
        return sum(trial.state.is_finished() for trial in read(server, url)[0])
    except (KeyError, ValueError):  # there is no study yet, or none of its trials has ended
        return -1


def check(server, url, trials, folders, expected):
    found, best, _ = read(server, url)
    assert [trial.number for trial in found] == list(range(trials))
    assert {trial.state.name for trial in found} == {"COMPLETE"}
    assert {trial.number: dict(trial.params) for trial in found} == expected
    for folder in folders:
        rows = read_rows(folder)  # each driver has the whole table
        assert [int(row["number"]) for row in rows] == list(range(trials))
        assert [float(row["energy"]) for row in rows] == [t.user_attrs["values"]["energy"] for t in found]
        assert (folder / "report.html").exists()
    states = [path.name for folder in folders for path in (folder / "states").glob("*.nc")]
    assert sorted(states) == sorted(f"trial_{t.number:05d}.nc" for t in best)


def test_two_drivers_share_a_study_while_the_server_goes_away_and_returns(server, tmp_path):
    file, folders, url = soak.write(tmp_path), [tmp_path / "one", tmp_path / "two"], server.urls[0]
    (tmp_path / "meeting").mkdir()
    together = {**os.environ, "MEETING": str(tmp_path / "meeting")}
    drivers = [start(file, folder, url, 100, "talks", env=together) for folder in folders]
    wait_until(lambda: ended(server, url) >= 10, *drivers)
    server.stop()
    assert all(any("waiting: " in line for line in driver.stderr) for driver in drivers)
    server.start()
    results = [finish(driver) for driver in drivers]
    assert [finished for _, finished in results] == [100, 100]
    assert sum(new for new, _ in results) == 100  # none evaluated twice to its end
    assert all(new > 0 for new, _ in results)
    check(server, url, 100, folders, soak.unbroken(file, tmp_path, 100))


def test_the_trials_of_a_killed_driver_are_taken_over(server, tmp_path):
    file = soak.write(tmp_path)
    url = server.urls[1]
    killed = start(file, tmp_path / "killed", url, ENDLESS)
    wait_until(lambda: ended(server, url) >= 3, killed)
    killed.kill()
    killed.communicate()
    trials = len(read(server, url)[0]) + 3
    new, finished = finish(start(file, tmp_path / "one", url, trials))
    assert finished == trials
    assert 0 < new < trials
    found, *_ = read(server, url)
    assert {trial.number: dict(trial.params) for trial in found} == soak.unbroken(file, tmp_path, trials)
    assert {trial.state.name for trial in found} == {"COMPLETE"}


def test_a_password_is_written_nowhere(server, tmp_path):
    file = soak.write(tmp_path).rename(tmp_path / "secret.toml")
    url = server.urls[2]
    assert "s3cret" in url
    assert finish(start(file, tmp_path / "out", url, 2)) == [2, 2]
    for path in [path for path in (tmp_path / "out").rglob("*") if path.is_file()]:
        assert b"s3cret" not in path.read_bytes(), path
    *_, attributes = read(server, url, "secret")
    assert "s3cret" not in str(attributes)


def read_while_a_trial_ends(url):
    """For each query of a reading: the trial as read when another driver ends it just before that query."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    mine, theirs = (optuna.storages.RDBStorage(url) for _ in range(2))
    study = optuna.create_study(study_name="ends", storage=theirs)
    queries, seen = 1, []
    try:
        while len(seen) < queries:
            trial, counted = study.ask({"x": optuna.distributions.FloatDistribution(0.0, 1.0)}), []

            def before(_connection, _cursor, statement, *_, trial=trial, counted=counted):
                if statement.startswith("SELECT trial"):
                    counted.append(statement)
                    if len(counted) == len(seen) + 1:
                        study.tell(trial, 1.0)

            sqlalchemy.event.listen(mine.engine, "before_cursor_execute", before)
            found = DatabaseRecord(
                optuna.load_study(study_name="ends", storage=mine), mine, shared=True, where=url
            ).load()
            sqlalchemy.event.remove(mine.engine, "before_cursor_execute", before)
            queries = len(counted)
            seen.append((found[-1].state.name, found[-1].values))
    finally:
        for storage in (mine, theirs):
            storage.remove_session()
            storage.engine.dispose()
    return seen


def test_a_reading_sees_one_moment(server, tmp_path):
    running, ended = ("RUNNING", None), ("COMPLETE", [1.0])
    with contextlib.closing(sqlite3.connect(tmp_path / "study.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")  # as a scan makes it
    for url in (server.optunas(server.urls[2]), f"sqlite:///{tmp_path}/study.db"):
        seen = read_while_a_trial_ends(url)
        assert len(seen) == 5, seen  # parameters, values, two kinds of attributes, trials
        assert all(one in (running, ended) for one in seen), seen
        assert running in seen


class Proxy:
    """In front of a server: cuts every connection at the n-th packet of the clients, and is away for some tries."""

    def __init__(self, port, cut, away=3):
        self._port, self._left, self._away = port, cut, away
        self._lock, self._open = threading.Lock(), []
        self.answered = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with self._lock:
                    refuse = self._left == 0 and self._away > 0
                    self._away -= refuse
                if refuse:
                    client.close()
                    continue
                upstream = socket.create_connection(("127.0.0.1", self._port))
                self._open += [client, upstream]
                threading.Thread(target=self._pump, args=(client, upstream, True), daemon=True).start()
                threading.Thread(target=self._pump, args=(upstream, client, False), daemon=True).start()

    def _pump(self, source, sink, counts):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                with self._lock:
                    cut = counts and self._left == 1
                    self._left -= counts and self._left > 0
                if cut:
                    self.close_all()
                sink.sendall(data)
        for end in (source, sink):
            end.close()

    def close_all(self):
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_all()

    @property
    def was_cut(self):
        return self._left == 0


@pytest.mark.nightly
# Optuna leaves connections that were cut to the collector, of which Python speaks.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_a_server_that_goes_away_at_any_packet_of_a_scan_is_waited_for(server, tmp_path, monkeypatch):
    """While it opens, runs and ends: each scan is cut once, and its study is complete."""
    monkeypatch.setattr(record, "PAUSE", 0.02)
    monkeypatch.setattr(loop, "PAUSE", 0.02)
    base, cut = server.urls[1].rsplit("@", 1)[0], 1
    name = server.urls[1].rsplit("/", 1)[1]
    while True:
        proxy = Proxy(server.port, cut)
        storage._reached.clear()  # as in a new process
        where = f"{base}@127.0.0.1:{proxy.port}/{name}"
        config = load_small(tmp_path, trials=1, storage=where)
        out = tmp_path / f"run{cut}"
        run = functools.partial(run_scan, config, out, name=f"cut{cut}", request={}, wanted=1, workers=1, quiet=True)
        try:
            result = run()
        finally:
            proxy.close()
        assert (result.finished, len(read_rows(out))) == (1, 1)
        if not proxy.was_cut:
            break
        cut += 41
    gc.collect()  # here, where what it says is expected
    print(f"{cut} packets")
    assert cut > 60
