"""The snippet of docs/scans.md for SLURM, as far as it goes without SLURM: a batch job's script, run by bash.

That is what SLURM does with it on a node. What it is not here: submitted, queued, cancelled, started anew.
"""

import ast
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest
from small_scan import run_small

pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed: pip install dask-jobqueue")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scans.md"


def snippet():
    """The lines of the page, as the statements they are."""
    (found,) = [code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S) if "SLURMCluster" in code]
    return ast.parse(found).body


def test_a_job_of_the_documented_cluster_evaluates_trials(tmp_path):
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
