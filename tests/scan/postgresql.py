"""A PostgreSQL server of our own for a test: Debian's programs, a throw-away cluster, a free port of this machine."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest


def programs():
    """The folder of initdb and pg_ctl, which Debian keeps off the path. None where there is no server here."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


class Server:
    """Started, stopped and started again; PostgreSQL refuses to run as root, so it runs as another user where we are.

    Skips the test, with the reason, where there is no server; on CI it must be there (.ci/run installs it).
    """

    def __init__(self):
        self.bin = programs()
        if self.bin is None:
            if os.environ.get("CI"):
                raise RuntimeError("no PostgreSQL server here: apt-get install postgresql")
            pytest.skip("no PostgreSQL server here: apt-get install postgresql")
        self.folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # pytest's own folders are closed to others
        self.user = None
        if os.geteuid() == 0:
            self.user = next(name for name in ("postgres", "nobody") if _exists(name))
            shutil.chown(self.folder, self.user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"postgresql://soliton@127.0.0.1:{self.port}/postgres"
        self._run("initdb", "-D", self.folder / "data", "-U", "soliton", "-A", "trust", "--no-sync", "-E", "UTF8")
        self.start()

    def _run(self, program, *arguments):
        done = subprocess.run(
            [self.bin / program, *map(str, arguments)], user=self.user, cwd=self.folder, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout

    def start(self):
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off -c log_statement=none"
        log = self.folder / "log"
        self._run("pg_ctl", "-D", self.folder / "data", "-l", log, "-w", "-t", "60", "-o", options, "start")

    def stop(self, mode="immediate"):
        self._run("pg_ctl", "-D", self.folder / "data", "-w", "-m", mode, "stop")

    def close(self):
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop()
        time.sleep(0.1)
        shutil.rmtree(self.folder, ignore_errors=True)


def _exists(name):
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
