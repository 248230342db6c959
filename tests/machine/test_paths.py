"""Folders and files that others could have prepared: not used, not followed, not printed raw."""

import os
import secrets
import subprocess
import sys

import pytest
from rich.table import Table

from supersoliton.evaluate.cache.store import Store
from supersoliton.machine.atomic_write import write_atomically
from supersoliton.machine.display import PlainConsole
from supersoliton.machine.paths import no_link, private_folder
from supersoliton.machine.text import plain

KEY = "ab" * 32


def writable_by_others(folder):
    folder.chmod(0o777)


def writable_by_the_group(folder):
    folder.chmod(0o770)


def of_another_user(folder):
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(folder, 65534, -1)


def a_link(folder):
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))


@pytest.fixture(params=[writable_by_others, writable_by_the_group, of_another_user, a_link], ids=lambda f: f.__name__)
def spoil(request):
    return request.param


@pytest.mark.parametrize("below", [(), ("xla",), ("xla", "cpu")])
def test_a_folder_that_others_may_fill_is_refused(tmp_path, spoil, below):
    made = private_folder(tmp_path / "cache", "xla", "cpu")
    assert made.stat().st_mode & 0o777 == 0o700
    spoil(tmp_path.joinpath("cache", *below))
    if spoil is a_link and not below:  # the user's own link to a folder of the user is no danger
        assert private_folder(tmp_path / "cache", "xla", "cpu").samefile(tmp_path / "elsewhere" / "xla" / "cpu")
        return
    with pytest.raises(PermissionError, match=r"another user|others may write|symbolic link"):
        private_folder(tmp_path / "cache", "xla", "cpu")


def test_kernels_of_such_a_folder_are_not_run(tmp_path, spoil):
    (tmp_path / "xla").mkdir()
    spoil(tmp_path / "xla")
    code = "from supersoliton.machine.jax_setup import enable_compilation_cache; print(enable_compilation_cache())"
    without = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**without, "SUPERSOLITON_CACHE": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout == "None\n"
    assert f"compiled kernels are not kept in {tmp_path / 'xla'} (" in done.stderr
    assert not list((tmp_path / "xla").iterdir())


def test_evaluations_of_such_a_folder_are_not_believed(tmp_path, spoil):
    store = Store("v" * 16, directory=tmp_path)
    assert store.write(KEY, b"12")
    assert store.read(KEY) == b"12"
    spoil(store.path(KEY).parent)
    for use in (lambda: store.read(KEY), lambda: store.write(KEY, b"34")):
        with pytest.raises(PermissionError):
            use()


@pytest.mark.parametrize("name", [".lock", ".total"])
def test_the_files_of_the_cache_are_no_links(tmp_path, name):
    store = Store("v" * 16, directory=tmp_path)
    store.write(KEY, b"12")
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "evaluations" / name).unlink()
    (tmp_path / "evaluations" / name).symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic link"):
        store.write("cd" * 32, b"34")
    assert (tmp_path / "precious").read_text() == "kept"


@pytest.mark.parametrize("content", ["new", b"new", lambda draft: draft.write_text("new")])
def test_a_draft_follows_no_link(tmp_path, content, monkeypatch):
    monkeypatch.setattr(secrets, "token_hex", lambda _: "guessed")  # a name that cannot be guessed is not enough
    (tmp_path / "precious").write_text("kept")
    link = tmp_path / f".state.{os.getpid()}.guessed.nc"
    link.symlink_to(tmp_path / "precious")
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "state.nc", content)
    assert (tmp_path / "precious").read_text() == "kept"
    assert not (tmp_path / "state.nc").exists()


def test_a_log_follows_no_link(tmp_path):
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "log").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="is a symbolic link: remove it"):
        no_link(tmp_path / "log", os.O_WRONLY | os.O_APPEND)
    assert (tmp_path / "precious").read_text() == "kept"


CODES = [*map(chr, range(32)), *map(chr, range(127, 160)), "\u202e", "\u2066"]


def test_printed_text_cannot_steer_a_terminal(capsys):
    text = "".join(f"{code}7" for code in CODES)
    assert set(plain(text)) & set(CODES) == {"\t", "\n"}
    assert plain("V(φ) = 2\x1b[2J") == "V(φ) = 2\\x1b[2J"
    table = Table("name")
    table.add_row("evil\x1b]0;title\x07")
    console = PlainConsole(force_terminal=True, color_system="truecolor", width=80, highlight=False)
    console.print(table)
    console.print("\x1b[2J", style="bold")
    out = capsys.readouterr().out
    assert "evil\\x1b]0;" in out
    assert "\\x1b[2J" in out
    assert "\x1b]" not in out
    assert "\x1b[1m" in out  # its own colours remain
