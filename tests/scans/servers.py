"""Database servers of our own for a test: Debian's programs, throw-away data, a free port of this machine."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path

import pytest

from waiting import HUNG


class Server(ABC):
    """Started, stopped and started again; they refuse to run as root, so they run as another user where we are.

    `urls` are those of three empty databases, the third with a password. Skips the test, with the reason, where there
    is no server or no driver.
    """

    users: tuple[str, ...]  # of which one is there
    driver: str

    def __init__(self):
        pytest.importorskip(self.driver, reason=f"{self.driver} is not installed")
        self.find()
        self.folder = Path(tempfile.mkdtemp(prefix="db", dir="/tmp"))  # pytest's own folders are closed to others
        self.user = None
        if os.geteuid() == 0:
            self.user = next(name for name in self.users if _exists(name))
            shutil.chown(self.folder, self.user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.make()
        self.start()

    @abstractmethod
    def find(self):
        """Look for the programs, or skip."""

    @abstractmethod
    def make(self):
        """Make the data."""

    @abstractmethod
    def start(self): ...

    @abstractmethod
    def stop(self):
        """As if its power were cut."""

    @abstractmethod
    def optunas(self, url):
        """The URL as SQLAlchemy wants it."""

    def run(self, *command):
        done = subprocess.run(
            list(map(str, command)), user=self.user, cwd=self.folder, text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout

    def close(self):
        self.stop()
        time.sleep(0.1)
        shutil.rmtree(self.folder, ignore_errors=True)


class PostgreSQL(Server):
    """On CI it must be there: .ci/run installs it."""

    users, driver = ("postgres", "nobody"), "psycopg"

    def find(self):
        found = shutil.which("initdb")  # Debian keeps it off the path
        folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        self.bin = next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)
        if self.bin is None:
            if os.environ.get("CI"):
                raise RuntimeError("no PostgreSQL server here: apt-get install postgresql")
            pytest.skip("no PostgreSQL server here: apt-get install postgresql")

    def make(self):
        data = self.folder / "data"
        self.run(self.bin / "initdb", "-D", data, "-U", "soliton", "-A", "trust", "--no-sync", "-E", "UTF8")
        at = f"@127.0.0.1:{self.port}"
        # it trusts everybody, so that any password will do
        self.urls = [
            f"postgresql://soliton{at}/postgres",
            f"postgresql://soliton{at}/template1",
            f"postgresql://soliton:s3cret{at}/postgres",
        ]

    def start(self):
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off -c log_statement=none"
        data, log = self.folder / "data", self.folder / "log"
        self.run(self.bin / "pg_ctl", "-D", data, "-l", log, "-w", "-t", f"{HUNG:.0f}", "-o", options, "start")

    def stop(self):
        if (self.folder / "data" / "postmaster.pid").exists():
            self.run(self.bin / "pg_ctl", "-D", self.folder / "data", "-w", "-m", "immediate", "stop")

    def optunas(self, url):
        return url.replace("postgresql:", "postgresql+psycopg:")


class MariaDB(Server):
    """What Debian has for MySQL."""

    users, driver = ("mysql", "nobody"), "pymysql"
    process = None

    def find(self):
        self.program = shutil.which("mariadbd") or shutil.which("mariadbd", path="/usr/sbin")  # off a user's path
        self.install = shutil.which("mariadb-install-db")
        if self.program is None or self.install is None:
            pytest.skip("no MariaDB server here: apt-get install mariadb-server-core mariadb-client-core")

    def make(self):
        self.data = f"--datadir={self.folder / 'data'}"
        self.run(self.install, "--no-defaults", self.data, "--auth-root-authentication-method=normal")
        commands = [f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4" for name in ("one", "two", "three")]
        for user in ("soliton", "keeper"):
            password = " IDENTIFIED BY 's3cret'" if user == "keeper" else ""
            commands += [f"CREATE USER IF NOT EXISTS {user}@'%'{password}", f"GRANT ALL ON *.* TO {user}@'%'"]
        (self.folder / "init.sql").write_text("".join(f"{command};\n" for command in commands))
        at = f"@127.0.0.1:{self.port}"
        self.urls = [f"mysql://soliton{at}/one", f"mysql://soliton{at}/two", f"mysql://keeper:s3cret{at}/three"]

    def start(self):
        self.process = subprocess.Popen(
            [
                self.program, "--no-defaults", self.data, f"--port={self.port}", f"--socket={self.folder / 'socket'}",
                "--bind-address=127.0.0.1", f"--init-file={self.folder / 'init.sql'}", "--skip-name-resolve",
                "--innodb-flush-log-at-trx-commit=2", f"--log-error={self.folder / 'log'}",
            ],
            user=self.user, cwd=self.folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + HUNG
        while True:
            assert self.process.poll() is None, (self.folder / "log").read_text()
            with socket.socket() as connection:
                if connection.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.1)

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def optunas(self, url):
        return url.replace("mysql:", "mysql+pymysql:")


def _exists(name):
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
