"""The snippet of docs/scans.md for SLURM: its batch job run by bash, then on a SLURM of one machine, if it is here."""

import ast
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from benchmarks import soak
from slurm import Slurm
from small_scan import run_small

from waiting import wait_until

pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed: pip install dask-jobqueue")

PAGE = Path(__file__).resolve().parents[3] / "docs" / "scans.md"


def snippet():
    """The lines of the page, as the statements they are."""
    (found,) = [code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S) if "SLURMCluster" in code]
    return ast.parse(found).body


@pytest.fixture
def slurm(monkeypatch):
    slurm = Slurm()
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    yield slurm
    slurm.close()


def test_a_job_of_the_documented_cluster_evaluates_trials(tmp_path):
    """Without SLURM: bash runs the script, as SLURM does on a node."""
    statements, made = snippet(), {}
    first = [node for node in statements if isinstance(node, ast.Import | ast.ImportFrom | ast.Assign)]
    later = [ast.unparse(node) for node in statements if node not in first]
    assert later == ["cluster.adapt(minimum=8, maximum=128)", "print(cluster.scheduler_address)", "input()"]
    exec(compile(ast.Module(first, []), str(PAGE), "exec"), made)
    cluster = made["cluster"]
    try:
        assert callable(cluster.adapt)
        address, script = cluster.scheduler_address, cluster.job_script()
        assert re.fullmatch(r"tcp://[\d.]+:\d+", address)
        for words in ("#SBATCH -n 1\n", "#SBATCH --mem=4G\n", "#SBATCH -t 12:00:00\n", "export OMP_NUM_THREADS=1 "):
            assert words in script
        assert "--nthreads 1 " in script
        assert address in script
        path = tmp_path / "job.sh"
        path.write_text(script)
        with (tmp_path / "job.log").open("w") as log:
            job = subprocess.Popen(["bash", str(path)], cwd=tmp_path, stdout=log, stderr=log, start_new_session=True)
        try:
            result = run_small(tmp_path, tmp_path / "run", trials=3, scheduler=address)
        finally:
            os.killpg(job.pid, signal.SIGTERM)
            job.wait()
        assert result.counts == {"q-ball": 3}
    finally:
        cluster.close()


@pytest.mark.nightly
def test_jobs_are_submitted_and_one_that_is_cancelled_costs_no_trial(slurm, tmp_path, monkeypatch):
    """The snippet as it stands, but for the key that it waits for: some of its eight jobs run, the others wait."""
    monkeypatch.chdir(tmp_path)  # the jobs' logs are written where they are submitted
    made = {}
    exec(compile(ast.Module(snippet()[:-1], []), str(PAGE), "exec"), made)
    try:
        file, out = soak.write(tmp_path), tmp_path / "out"
        address = made["cluster"].scheduler_address
        file.write_text(file.read_text().replace("[scan]", f"[scan]\nscheduler = '{address}'"))
        driver = soak.start(file, out, 100)
        wait_until(lambda: soak.rows(out) >= 20, driver)
        running = slurm.say("squeue", "-h", "-t", "R", "-o", "%i").split()
        assert running
        slurm.say("scancel", running[0])
        assert driver.wait(300.0) == 0
        result = soak.check(out, 100, soak.unbroken(file, tmp_path, 100))
        assert result["states"] == {"COMPLETE": 100}
    finally:
        made["cluster"].close()
