"""The dashboard as a browser meets it: the real optuna-dashboard, on a real port of this machine."""

import builtins
import http.client
import json
import re
import shutil
import subprocess
import sys

import optuna
import pytest
from small_scan import run_small

from waiting import HUNG

pytest.importorskip("optuna_dashboard", reason="not installed: pip install 'supersoliton[dashboard]'")

from supersoliton.scans.dashboard import make_app

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scanned")
    run_small(folder, folder / "run", trials=2)
    study = optuna.load_study(study_name="small", storage=f"sqlite:///{folder / 'run' / 'study.db'}")
    study.set_user_attr("note", EVIL)
    return folder / "run"


@pytest.fixture(scope="module")
def served(scanned):
    """The port of `supersoliton dashboard`, whose address is its first line."""
    command = [sys.executable, "-m", "supersoliton", "dashboard", str(scanned), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/dashboard \(Ctrl-C stops the server\)\n", line)
    assert found, line
    yield int(found[1])
    process.terminate()
    process.communicate(timeout=HUNG)


def ask(port, path, method="GET", host=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HUNG)
    connection.request(method, path, headers={"Host": host or f"127.0.0.1:{port}"})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer, body


def test_the_study_is_shown_and_what_it_holds_is_no_page(served):
    page, body = ask(served, "/dashboard")
    assert page.status == 200
    assert "text/html" in page.getheader("Content-Type")
    assert "script-src" in page.getheader("Content-Security-Policy")
    assert EVIL not in body
    answer, body = ask(served, "/api/studies")
    assert answer.status == 200
    (study,) = json.loads(body)["study_summaries"]
    assert study["study_name"] == "small"
    answer, body = ask(served, f"/api/studies/{study['study_id']}")
    # the text is data, of a type that no browser takes for a page
    assert answer.getheader("Content-Type").startswith("application/json")
    assert answer.getheader("X-Content-Type-Options") == "nosniff"
    assert len(json.loads(body)["trials"]) == 2


def test_it_listens_on_the_loopback_address_only(served):
    import psutil

    addresses = {c.laddr.ip for c in psutil.net_connections("tcp") if c.laddr and c.laddr.port == served}
    assert addresses <= {"127.0.0.1"}
    assert "127.0.0.1" in addresses


def test_nothing_can_be_changed_or_reached_under_another_name(served, scanned):
    for method, path in (("DELETE", "/api/studies/1"), ("POST", "/api/studies"), ("PUT", "/api/studies/1/1/note")):
        answer, body = ask(served, path, method)
        assert answer.status == 405
        assert "read-only" in body
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example"):
        assert ask(served, "/api/studies", host=host)[0].status == 403
    for host in (f"localhost:{served}", "localhost", f"127.0.0.1:{served}", "[::1]:80"):
        assert ask(served, "/api/studies", host=host)[0].status == 200


def test_a_port_that_is_taken_and_a_folder_without_a_scan_are_refused(served, scanned, tmp_path):
    for arguments, words in (([scanned, "--port", served], "cannot listen on"), ([tmp_path], "holds no study.db")):
        command = [sys.executable, "-m", "supersoliton", "dashboard", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=HUNG, check=False)
        assert done.returncode == 2
        assert re.fullmatch(f"supersoliton: .*{words}.*\n", done.stderr)


def test_without_the_extra_the_message_says_how_to_install_it(scanned, monkeypatch):
    really = builtins.__import__

    def missing(name, *rest):
        if name == "optuna_dashboard":
            raise ImportError(name)
        return really(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ValueError, match=r"pip install optuna-dashboard"):
        make_app(scanned)


def test_a_folder_of_before_its_study_was_named_is_found(scanned, tmp_path):
    shutil.copytree(scanned, tmp_path / "old")
    (tmp_path / "old" / "config.resolved.toml").unlink()
    from supersoliton.scans.record.storage import open_folder

    assert open_folder(tmp_path / "old").study_name == "small"
