"""`supersoliton cache` as a command."""

import json
import os
import subprocess
import sys

import pytest

from supersoliton.evaluate.cache.entry import pack
from supersoliton.evaluate.cache.keys import numerics_version
from supersoliton.evaluate.cache.store import Store


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "supersoliton", "cache", *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture
def stores():
    """Three entries of this version and one of another, in the folder that the command looks into."""
    own, other = Store(numerics_version()), Store("0" * 16)
    for store, numbers in ((own, range(3)), (other, (7,))):
        for n in numbers:
            store.write(f"{n:064x}", pack(f"{n:064x}", {"n": n}, {}))
    return own, other


def test_info_verify_and_clear(stores, tmp_path):
    own, other = stores
    out = tmp_path / "out.json"
    told = run("info", "--json", str(out))
    data = json.loads(out.read_text())
    assert (told.returncode, data["entries"], data["current_entries"]) == (0, 4, 3)
    assert data["bytes"] == sum(path.stat().st_size for path in own._paths())
    assert data["folder"] == str(own.directory) in told.stdout
    assert run("verify").returncode == 0

    path = own.path(f"{1:064x}")
    path.write_bytes(path.read_bytes() + b"x")
    told = run("verify", "--json", str(out))
    assert told.returncode == 1
    assert "3 evaluations are intact, 1 damaged" in told.stdout
    assert list(json.loads(out.read_text())["damaged"]) == [str(path)]
    assert path.exists()
    assert run("verify", "--remove").returncode == 1
    assert not path.exists()
    assert run("verify").returncode == 0

    assert run("clear", "--stale").stdout.startswith("removed 1 evaluations")
    assert (own.usage().entries, other.usage().current_entries) == (2, 0)
    assert run("clear").stdout.startswith("removed 2 evaluations")
    assert own.usage().entries == 0


def test_a_cache_that_is_not_there_is_empty_not_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("SUPERSOLITON_CACHE", str(tmp_path / "nowhere"))
    for command in ("info", "verify", "clear"):
        told = run(command)
        assert (told.returncode, told.stderr) == (0, "")
    assert not (tmp_path / "nowhere").exists()


def test_the_command_does_not_import_jax(stores):
    code = (
        "import sys; sys.argv = ['supersoliton', 'cache', 'info']\n"
        "from supersoliton.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.exit('jax' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, check=False).returncode == 0
