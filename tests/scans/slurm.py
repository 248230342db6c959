"""A SLURM of one machine for a test, of Debian's programs, with keys, ports, logs and spool of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from waiting import HUNG

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
CONFIGURATION = """
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=8192 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """Skips the test, with the reason, where it is not installed or does not come up."""

    def __init__(self):
        path = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
        self.programs = {name: shutil.which(name, path=path) for name in PROGRAMS}
        if not all(self.programs.values()):
            pytest.skip("no SLURM here: apt-get install slurmctld slurmd slurm-client munge")
        if os.geteuid() != 0:
            pytest.skip("SLURM starts jobs as root only")
        self.folder = Path(tempfile.mkdtemp(prefix="slurm", dir="/tmp"))
        self.daemons = []
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        ports = []
        for _ in range(2):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                ports.append(free.getsockname()[1])
        host, cpus = socket.gethostname().partition(".")[0], os.cpu_count()
        words = CONFIGURATION.format(folder=self.folder, host=host, ports=ports, cpus=cpus)
        (self.folder / "slurm.conf").write_text(words)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self.environment = {"SLURM_CONF": str(self.folder / "slurm.conf")}
        own = [f"--{name}-file={self.folder}/munge.{name}" for name in ("key", "log", "pid", "seed")]
        self._start("munged", "--foreground", "--force", f"--socket={self.folder}/munge.socket", *own)
        self._start("slurmctld", "-D", "-c")
        self._start("slurmd", "-D", "-N", host)
        deadline = time.monotonic() + HUNG
        while "idle" not in self.say("sinfo", "-h", "-o", "%T"):
            if time.monotonic() > deadline or any(daemon.poll() is not None for daemon in self.daemons):
                reason = "".join(path.read_text()[-600:] for path in self.folder.glob("*.log"))
                self.close()
                pytest.skip(f"SLURM does not come up here: {reason}")
            time.sleep(0.2)

    def _start(self, program, *arguments):
        with (self.folder / f"{program}.out").open("w") as out:
            command = [self.programs[program], *arguments]
            environment = {**os.environ, **self.environment}
            daemon = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.daemons.append(daemon)

    def say(self, program, *arguments):
        command, environment = [self.programs[program], *arguments], {**os.environ, **self.environment}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout

    def close(self):
        self.say("scancel", "--user=root")
        deadline = time.monotonic() + 10.0
        while self.say("squeue", "-h").strip() and time.monotonic() < deadline:
            time.sleep(0.2)
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(10.0)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
