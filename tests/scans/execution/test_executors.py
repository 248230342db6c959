"""Workers are real processes, and the signals that kill them are real."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from poison import BLOAT, CRASH, GOOD, HANG, Poison
from small_scan import load_small, run_small

from supersoliton.scans.execution.executor import WorkerError
from supersoliton.scans.execution.in_process import InProcess
from supersoliton.scans.execution.processes import LocalProcesses
from waiting import HUNG

POINT = {"g": 0.6, "norm": 600.0}


def collect(executor, count, *, seconds=HUNG, at_each_turn=lambda: None):
    """Wait for `count` outcomes, by ticket."""
    outcomes, deadline = {}, time.monotonic() + seconds
    while len(outcomes) < count:
        assert time.monotonic() < deadline, f"only {outcomes} after {seconds} s"
        at_each_turn()
        outcomes |= dict(executor.wait(0.05))
    return outcomes


@pytest.fixture
def pool(tmp_path):
    executor = LocalProcesses(load_small(tmp_path), tmp_path, count=2, log=tmp_path / "workers.log")
    yield executor
    executor.close()
    for pid in executor.pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_agree_with_this_process_survive_a_kill_and_report_two(pool, tmp_path):
    """One story, because starting workers is what takes time: evaluate, be killed and try again, be killed for good."""
    here = InProcess(load_small(tmp_path), tmp_path)
    here.submit(0, POINT)
    expected = dict(here.wait(0.0))[0]

    assert pool.room == 2
    pool.submit(0, POINT)
    pool.submit(1, {**POINT, "g": 0.65})
    assert (pool.room, pool.running) == (0, 2)
    outcomes = collect(pool, 2)
    assert outcomes[0].values.keys() == expected.values.keys()
    assert outcomes[0].values["energy"] == pytest.approx(expected.values["energy"], rel=1e-10)
    assert outcomes[0].feasible
    assert os.path.exists(outcomes[0].state_file)

    pool.submit(2, POINT)
    os.kill(pool._workers[0].process.pid, signal.SIGKILL)  # the idle workers take tasks in order
    again = collect(pool, 1)[2]
    assert again.values["energy"] == pytest.approx(expected.values["energy"], rel=1e-10)

    def kill_the_busy():
        for worker in pool._workers:
            if worker.task is not None and worker.ready:
                worker.process.kill()

    pool.submit(3, POINT)
    failed = collect(pool, 1, at_each_turn=kill_the_busy)[3]
    assert failed.failed
    assert "SIGKILL" in failed.error
    assert not failed.feasible

    # a worker that hangs: stopped, it answers nothing until it is killed for it; only that trial has failed
    pool.submit(4, POINT)
    collect(pool, 1)
    idle = pool._workers[0].process
    os.kill(idle.pid, signal.SIGSTOP)
    pool._limit = 0.5
    pool.submit(5, POINT)
    hung = collect(pool, 1)[5]
    assert "no answer within trial_timeout = 0.5 s" in hung.error
    pool._limit = 900.0
    pool.submit(6, POINT)
    assert collect(pool, 1)[6].values["energy"] == pytest.approx(expected.values["energy"], rel=1e-10)


def test_a_poisonous_point_costs_one_trial(tmp_path, monkeypatch):
    """A crash, a hang and a need of too much memory, among ordinary points."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    log = tmp_path / "workers.log"
    pool = LocalProcesses(Poison(load_small(tmp_path)), tmp_path, count=2, log=log, memory=8.0)
    try:
        pool.submit(0, GOOD)
        pool.submit(1, GOOD)
        first = collect(pool, 2)  # compiled, so that a trial is short from now on
        for ticket, point in enumerate([CRASH, BLOAT, GOOD], start=2):
            while not pool.room:
                first |= dict(pool.wait(0.05))
            pool.submit(ticket, point)
        outcomes = first | collect(pool, 5 - len(first))
        assert outcomes[2].error == "worker was killed by SIGSEGV (attempt 3 of 3)"
        assert "MemoryError" in outcomes[3].error
        assert {outcomes[ticket].kind for ticket in (0, 1, 4)} == {"q-ball"}
        pool._limit = 0.5  # nothing else runs now
        pool.submit(5, HANG)
        hung = collect(pool, 1)[5].error
        assert hung == "no answer within trial_timeout = 0.5 s: its worker was killed"
    finally:
        pool.close()


def test_workers_that_may_not_have_the_memory_say_so(tmp_path):
    pool = LocalProcesses(load_small(tmp_path), tmp_path, count=1, log=tmp_path / "workers.log", memory=0.05)
    try:
        pool.submit(0, GOOD)
        assert collect(pool, 1)[0].error == "worker ran out of memory, see worker_memory (attempt 3 of 3)"
    finally:
        pool.close()


def test_workers_do_not_outlive_a_driver_that_is_killed_while_they_hang(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    code = (
        "import sys\nfrom pathlib import Path\nfrom poison import *\nfrom small_scan import load_small\n"
        "from supersoliton.scans.execution.processes import LocalProcesses\n"
        "folder = Path(sys.argv[1])\n"
        "pool = LocalProcesses(Poison(load_small(folder)), folder, count=1, log=folder / 'log')\n"
        "pool.submit(0, HANG)\n"
        "while not pool._workers[0].ready: pool.wait(0.1)\n"
        "print(pool.pids[0], flush=True)\n"
        "while True: pool.wait(1.0)\n"
    )
    driver = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    worker = psutil.Process(int(driver.stdout.readline()))
    driver.kill()
    driver.communicate()
    psutil.wait_procs([worker], timeout=HUNG)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


def test_workers_that_cannot_start_are_reported_with_their_reason(tmp_path):
    (tmp_path / "theory.py").write_text("def V(u, p):\n    return 0.5 * u[0] ** 2\n")
    path = tmp_path / "scan.toml"
    path.write_text('[model]\nkind = "potential"\nfunction = "theory.py:V"\n[scan.parameters]\nnorm = [1, 2]\n')
    from supersoliton.config import load

    config = load(path)
    (tmp_path / "theory.py").unlink()  # the worker reads it again, in vain
    executor = LocalProcesses(config, tmp_path, count=1, log=tmp_path / "workers.log")
    executor.submit(0, {"norm": 1.0})
    try:
        with pytest.raises(WorkerError, match=r"do not start.*theory\.py"):
            collect(executor, 1)
    finally:
        executor.close()


def test_a_scan_in_two_processes_is_complete(tmp_path):
    result = run_small(tmp_path, tmp_path / "run", trials=5, workers=2)
    assert [trial.number for trial in result.study.trials] == [0, 1, 2, 3, 4]
    assert result.counts == {"q-ball": 5}
    assert sorted(t.number for t in result.study.best_trials) == [t.number for t in result.pareto]
    alone = run_small(tmp_path, tmp_path / "alone", trials=5)
    assert sorted(t.params["g"] for t in result.study.trials) == sorted(t.params["g"] for t in alone.study.trials)
