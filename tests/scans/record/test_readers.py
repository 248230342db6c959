"""Reading the folder of a scan, which somebody else may have made: nothing is written, nobody is called."""

import contextlib
import shutil
import socket
import sqlite3
import struct
import threading

import pytest
import tomli_w
from optuna.exceptions import StorageInternalError
from small_scan import run_small

from supersoliton.cli.watch import Watch
from supersoliton.scans.dashboard import make_app
from supersoliton.scans.record.storage import open_folder
from supersoliton.scans.report import write_report

READERS = [open_folder, write_report, make_app]


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scanned")
    run_small(folder, folder / "run", trials=2)
    return folder / "run"


def foreign(path):
    """A database of another program; returns its bytes."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE mine (a)")
        database.commit()
    return path.read_bytes()


def name_storage(folder, where):
    (folder / "config.resolved.toml").write_text(tomli_w.dumps({"record": {"study": "small", "storage": where}}))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("named", [False, True])
def test_a_database_that_is_not_ours_is_left_as_it_is(tmp_path, read, named):
    (tmp_path / "run").mkdir()
    path = tmp_path / "other.db" if named else tmp_path / "run" / "study.db"
    before = foreign(path)
    if named:
        name_storage(tmp_path / "run", f"sqlite:///{path}")
    with pytest.raises(ValueError, match="is not a readable study"):
        read(tmp_path / "run")
    assert path.read_bytes() == before
    assert [
        found.name for found in path.parent.iterdir() if found.is_file() and found.name != "config.resolved.toml"
    ] == [path.name]


@pytest.mark.parametrize("read", READERS)
def test_a_study_is_read_without_a_change(scanned, tmp_path, read):
    shutil.copytree(scanned, tmp_path / "run")
    before = (tmp_path / "run" / "study.db").read_bytes()
    read(tmp_path / "run")
    assert (tmp_path / "run" / "study.db").read_bytes() == before


def test_an_opened_study_cannot_be_written(scanned):
    with pytest.raises(StorageInternalError) as refusal:
        open_folder(scanned).set_user_attr("note", "changed")
    assert "readonly database" in str(refusal.value.__cause__)


@contextlib.contextmanager
def listening(answer=None):
    """A server of somebody else on the loopback address: its port, and what it was sent, one item a connection."""
    heard, server = [], socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                caller, _ = server.accept()
                caller.settimeout(10.0)
                heard.append(b"")
                with caller, contextlib.suppress(OSError):
                    for reply in answer or ():
                        if reply is not None:
                            caller.sendall(reply)
                        received = caller.recv(4096)
                        while received[:8] in (b"\0\0\0\x08\x04\xd2\x16\x2f", b"\0\0\0\x08\x04\xd2\x16\x30"):
                            caller.sendall(b"N")  # PostgreSQL's question for TLS or Kerberos
                            received = caller.recv(4096)
                        heard[-1] += received

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1], heard
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_server_that_only_the_folder_names_is_not_called(scanned, tmp_path, scheme, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "s3cret")
    shutil.copytree(scanned, tmp_path / "run")
    with listening() as (port, heard):
        name_storage(tmp_path / "run", f"{scheme}://soliton@127.0.0.1:{port}/studies")
        for read in READERS:
            with pytest.raises(ValueError, match=r"only its files say: add --storage URL"):
                read(tmp_path / "run")
        assert Watch(tmp_path / "run").update().done == 2
    assert heard == []


CLEAR = b"R" + struct.pack(">ii", 8, 3)  # PostgreSQL: send the password as it is
CAPABILITIES = 0x000FA200 | 0x8 | 0x1
GREETING = (
    b"\x0a8.0.36\0" + struct.pack("<i", 1) + b"12345678\0" + struct.pack("<H", CAPABILITIES & 0xFFFF) + b"\x2d\2\0"
    + struct.pack("<H", CAPABILITIES >> 16) + b"\x15" + bytes(10) + b"123456789012\0mysql_native_password\0"
)  # fmt: skip
SWITCH = b"\xfemysql_clear_password\0" + bytes(1)


def packet(number, body):
    return struct.pack("<i", len(body))[:3] + bytes([number]) + body


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("postgresql://soliton:s3cret@127.0.0.1:{}/studies", [None, CLEAR]),
        ("mysql://soliton:s3cret@127.0.0.1:{}/studies", [packet(0, GREETING), packet(2, SWITCH)]),
    ],
)
def test_a_password_is_not_sent_in_clear_text(scanned, url, answer):
    pytest.importorskip("psycopg" if url.startswith("p") else "pymysql")
    refused = pytest.raises(ValueError, match=r"refuses the login .*correct its user or password")
    with listening(answer) as (port, heard), refused as refusal:
        open_folder(scanned, url.format(port))
    assert "s3cret" not in str(refusal.value)
    assert heard
    assert b"soliton" in b"".join(heard)
    assert b"s3cret" not in b"".join(heard)
