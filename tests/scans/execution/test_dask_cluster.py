"""A real Dask cluster on this machine, whose workers are really killed."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest
from small_scan import load_small, run_small, write_file

pytest.importorskip("distributed", reason="Dask is not installed: pip install 'supersoliton[dask]'")
pytest.importorskip("cryptography", reason="run make install: it makes the certificates of a cluster")

import distributed

from supersoliton.scans.execution import dask_cluster
from supersoliton.scans.execution.dask_cluster import Dask
from supersoliton.scans.execution.executor import WorkerError

POINTS = {ticket: {"g": 0.56 + 0.01 * ticket, "norm": 600.0} for ticket in range(6)}


def collect(executor, count):
    outcomes = {}
    while len(outcomes) < count:
        outcomes |= dict(executor.wait(0.1))
        yield outcomes


def test_one_of_two_workers_is_killed_and_all_results_arrive(tmp_path):
    """A trial that hangs costs one; another user of this machine has no use of the cluster's ports."""
    executor = Dask(load_small(tmp_path), tmp_path, scheduler="", workers=2, limit=300.0)
    try:
        assert executor.room == 2
        for ticket, point in POINTS.items():
            executor.submit(ticket, point)
        assert executor.running == 6
        killed = False
        for outcomes in collect(executor, 6):
            if outcomes and not killed:
                workers = executor._client.run(os.getpid)
                os.kill(next(iter(workers.values())), signal.SIGKILL)
                killed = True
        assert killed
        assert sorted(outcomes) == sorted(POINTS)
        for ticket, outcome in outcomes.items():
            assert outcome.point == POINTS[ticket]
            assert outcome.kind == "q-ball"
            assert os.path.getsize(outcome.state_file) > 1000  # it came over the network

        executor._limit = 0.001
        executor.submit(7, POINTS[0])
        (*_, outcomes) = collect(executor, 1)
        assert "no answer within trial_timeout = 0.001 s" in outcomes[7].error

        closed_to_others(executor._client.scheduler.address)
    finally:
        executor.close()


def closed_to_others(address):
    assert address.startswith("tls://127.0.0.1:")
    for security in ("None", "distributed.Security.temporary()"):  # no certificate, and one of one's own
        code = f"import distributed; distributed.Client({address!r}, security={security}, timeout=2.0)"
        refused = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert refused.returncode == 1, refused
        assert re.search("TypeError|[Cc]ertificate|timed out|TimeoutError", refused.stderr), refused
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening = [c.laddr for p in family for c in p.net_connections("inet") if c.status == "LISTEN"]
    assert len(listening) >= 4
    for at in listening:
        assert at.ip == "127.0.0.1"
        for page in ("", "status", "info/main/workers.html", "json/counts.json", "metrics", "health"):
            assert answer(at, page) != 200


def answer(at, page):
    """The status of an HTTP request, 0 if the port does not speak HTTP."""
    asked = http.client.HTTPConnection(at.ip, at.port, timeout=10.0)
    try:
        asked.request("GET", f"/{page}")
        return asked.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        asked.close()


def test_a_scan_goes_through_the_scheduler_of_a_cluster(tmp_path):
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        result = run_small(tmp_path, tmp_path / "run", trials=4, scheduler=cluster.scheduler_address, executor="dask")
        assert result.counts == {"q-ball": 4}
        alone = run_small(tmp_path, tmp_path / "alone", trials=4)
        assert sorted(t.params["g"] for t in result.study.trials) == sorted(t.params["g"] for t in alone.study.trials)
        assert all((tmp_path / "run" / "states" / f"trial_{t.number:05d}.nc").exists() for t in result.pareto)


def test_a_missing_scheduler_is_reported_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_cluster, "_CONNECT_SECONDS", 1.0)
    with pytest.raises(WorkerError, match=r"tcp://127\.0\.0\.1:1 does not answer"):
        run_small(tmp_path, tmp_path / "run", trials=1, scheduler="tcp://127.0.0.1:1")


IMPATIENT = """
from supersoliton.scans.execution import dask_cluster
from supersoliton.cli import main
dask_cluster._CONNECT_SECONDS = 2.0
main()
"""


def test_a_scheduler_that_is_killed_is_one_sentence(tmp_path):
    """Dask's own tracebacks are not shown."""
    where = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen([*dask, "--no-dashboard", "--scheduler-file", where], stderr=subprocess.DEVNULL) as scheduler:
        try:
            while not where.exists() or not where.read_text().endswith("}"):
                assert scheduler.poll() is None
                time.sleep(0.05)
            address = json.loads(where.read_text())["address"]
            file = write_file(tmp_path, trials=1, scheduler=address, executor="dask")
            arguments = ["scan", str(file), "--out", str(tmp_path / "run")]
            command = [sys.executable, "-c", IMPATIENT, *arguments]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as scan:
                first = scan.stderr.readline()  # its only worker is waited for
                scheduler.kill()
                rest = scan.communicate()[1]
        finally:
            scheduler.kill()
    assert "testing which couplings" in first, first + rest
    assert scan.returncode == 1
    assert "Traceback" not in rest
    assert rest.splitlines()[-1].startswith(f"supersoliton: the Dask scheduler ({address}) ")
