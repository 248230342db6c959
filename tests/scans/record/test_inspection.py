"""A record that notices: what is damaged, lost, foreign or changed is one sentence, and repaired."""

import contextlib
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from small_scan import TABLES, load_small, run_small

import supersoliton as ss
from damage import damages
from supersoliton.scans.record import storage
from supersoliton.scans.record.changes import RecordWarning
from supersoliton.scans.record.inspection import check_folder
from supersoliton.scans.report.records import read_record
from waiting import wait_until

POTENTIAL = """from helper import factor

def V(u, p):
    return 0.5 * u[0] ** 2 - p["a"] * u[0] ** 4 + factor * u[0] ** 6
"""
SCAN = """[model]
kind = "potential"
function = "own.py:V"
fields = ["f"]
params = { a = 1.0 }
[grid]
r_max = 20.0
n_elements = 6
order = 8
[problem]
guess = { kind = "super_gaussian", amplitude = 1.0, width = 4.5 }
[spectrum]
n_modes = 20
[score]
null_samples = 5
[scan]
trials = 2
workers = 1
cache = false
objectives = ["fractal_score", "hierarchy"]
parameters = { a = [0.95, 1.05], norm = [300.0, 500.0] }
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A scan of six trials in SQLite, and the same in a journal."""
    folder = tmp_path_factory.mktemp("finished")
    run_small(folder, folder / "run", trials=6)
    run_small(folder, folder / "journaled", trials=3, storage=f"journal:{folder / 'journaled' / 'study.log'}")
    return folder


@pytest.fixture
def run(finished, tmp_path):
    """A copy of the scan to be harmed."""
    shutil.copytree(finished / "run", tmp_path / "run")
    return tmp_path / "run"


def content_of(study):
    """All that a study says: what no damage may change silently. Times are not covered."""
    return [
        [t.number, t.state, t.values, t.params, t.distributions, sorted(t.user_attrs.items()), t.system_attrs]
        for t in study.get_trials()
    ]


def silent(path, content, read, whole):
    """Whether damaged content is read as something else without a word. Anything but a sentence is raised."""
    path.write_bytes(content)
    try:
        found = str(read())
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert str(path) in str(error) or str(path.parent) in str(error)  # noqa: PT017
        return False
    return found != whole


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(("name", "file"), [("run", "study.db"), ("journaled", "study.log")])
def test_any_damage_of_a_study_is_a_sentence_or_changes_nothing(finished, tmp_path, n_damages, name, file):
    """Free space and times hold nothing that is read; a cut journal lacks its last trials, which the table has."""
    folder = tmp_path / "run"
    shutil.copytree(finished / name, folder)
    path = folder / file
    where = "" if file == "study.db" else f"journal:{path}"

    def read():
        for fault in check_folder(folder, where, repair=False):
            raise ValueError(fault.words)
        return content_of(storage.open_folder(folder, where))

    whole = str(read())
    wrong = [i for i, content in enumerate(damages(path.read_bytes(), n_damages)) if silent(path, content, read, whole)]
    assert wrong == []


@pytest.mark.parametrize("file", ["trials.csv", "config.resolved.toml", "states/*.nc", "states/*.spectra.json"])
def test_any_damage_of_a_file_is_told_and_mended_if_the_study_knows_it(run, n_damages, file):
    path = next(iter(sorted(run.glob(file))))
    whole = path.read_bytes()
    for content in damages(whole, n_damages):
        if content == whole:
            continue
        path.write_bytes(content)
        told = check_folder(run, repair=True)
        if file == "trials.csv" and not told:  # a line end of another kind
            assert content.split() == whole.split()
            continue
        assert [fault for fault in told if str(path) in fault.words], content
        assert not any("\n" in fault.words for fault in told)
        if all(fault.repair for fault in told):
            assert path.read_bytes() == whole or file == "config.resolved.toml"  # which keeps free settings
        path.write_bytes(whole)
    assert check_folder(run) == []


def test_a_damaged_name_of_the_study_is_told_and_repaired(run):
    path = run / "config.resolved.toml"
    whole = path.read_text()
    assert 'study = "small"' in whole
    path.write_text(whole.replace('study = "small"', 'study = "smalL"'))
    (fault,) = check_folder(run)
    assert fault.words == f"{path} was damaged or edited: it does not match its checksum"
    assert path.read_text() == whole


def test_a_mended_file_is_what_it_was(run):
    table, config = (run / name for name in ("trials.csv", "config.resolved.toml"))
    before = table.read_bytes(), config.read_bytes()
    table.unlink()
    config.write_text(config.read_text().replace("n_elements = 4", "n_elements = 5"))
    words = [fault.words for fault in check_folder(run)]
    assert words == [
        f"{table} was missing",
        f"{config} had grid.n_elements = 5, but the study was made with 4",
    ]
    assert (table.read_bytes(), config.read_bytes()) == before


def test_files_of_other_programs_are_kept(run, tmp_path):
    for name in ("trials.csv", "config.resolved.toml"):
        own = (run / name).read_bytes()
        (run / name).write_text("a = 1\nb = 2\n")
        with pytest.raises(ValueError, match=r"is not the .* of this scan: move it away"):
            run_small(tmp_path, run, trials=7)
        assert [fault.repair for fault in check_folder(run)] == [None]
        assert (run / name).read_text() == "a = 1\nb = 2\n"
        new = tmp_path / f"new {name}"
        new.mkdir()
        (new / name).write_text("a = 1\nb = 2\n")
        with pytest.raises(ValueError, match=r"is not the .* of this scan"):
            run_small(tmp_path, new, trials=1)
        assert (new / name).read_text() == "a = 1\nb = 2\n"
        assert not (new / "study.db").exists()
        (run / name).write_bytes(own)


def test_a_lost_study_does_not_take_its_table_along(run, tmp_path):
    """Neither a database that is gone nor an older copy of it."""
    rows = (run / "trials.csv").read_bytes()
    (run / "study.db").unlink()
    with pytest.raises(ValueError, match="has trials that the study lacks"):
        run_small(tmp_path, run, trials=7)
    assert (run / "trials.csv").read_bytes() == rows
    assert not (run / "study.db").exists()


def test_a_changed_number_is_noticed_before_anything_is_computed(run, tmp_path):
    with contextlib.closing(sqlite3.connect(run / "study.db")) as database, database:
        database.execute("UPDATE trial_params SET param_value = param_value * 1.0000001 WHERE param_id = 3")
    rows = (run / "trials.csv").read_bytes()
    for read in (lambda: run_small(tmp_path, run, trials=7), lambda: read_record(run), lambda: check_folder(run)):
        with pytest.raises(ValueError, match="trial 1 does not match the digest"):
            read()
    assert (run / "trials.csv").read_bytes() == rows


def test_trials_of_another_version_of_the_numerics_are_told(run, tmp_path, monkeypatch):
    monkeypatch.setattr("supersoliton.scans.record.changes.numerics_version", lambda: "0" * 16)
    with pytest.warns(RecordWarning, match=r"another version of the numerics computed \(6 by "):
        assert run_small(tmp_path, run, trials=6).finished == 6


def test_an_edited_helper_of_the_potential_is_noticed(tmp_path, monkeypatch):
    """Not in the file that the scan names, but in one that this imports; a comment changes nothing."""
    helper, own = tmp_path / "helper.py", tmp_path / "own.py"
    own.write_text(POTENTIAL)
    helper.write_text("factor = 0.5\n")
    (tmp_path / "own.toml").write_text(SCAN)

    def scan(trials):
        command = [
            sys.executable,
            "-m",
            "supersoliton",
            "scan",
            "own.toml",
            "--out",
            "run",
            "--trials",
            trials,
            "--quiet",
        ]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    monkeypatch.setenv("PYTHONPATH", f"{Path(ss.__file__).parents[1]}:{tmp_path}")
    assert scan("2").returncode == 0
    before = (tmp_path / "run" / "trials.csv").read_bytes()
    own.write_text(f"# the same\n{POTENTIAL}")
    same = scan("2")
    assert (same.returncode, same.stderr) == (0, "")
    helper.write_text("factor = 0.55\n")
    for trials in ("2", "3"):  # also when nothing is left to do
        refused = scan(trials)
        assert refused.returncode == 2
        assert "was scanned with another theory" in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert (tmp_path / "run" / "trials.csv").read_bytes() == before


def test_one_lock_for_one_study_by_whatever_path(finished, tmp_path):
    """By its folder, by its address, and through links to the file and to the folder."""
    folder = tmp_path / "run"
    shutil.copytree(finished / "run", folder)
    (tmp_path / "linked").symlink_to(folder)
    (tmp_path / "link.db").symlink_to(folder / "study.db")
    with storage_lock(folder):
        for path in (folder / "study.db", tmp_path / "linked" / "study.db", tmp_path / "link.db"):
            with pytest.raises(ValueError, match="another scan is running in"):
                run_small(tmp_path, tmp_path / "other", trials=7, storage=f"sqlite:///{path}")
        with pytest.raises(ValueError, match="another scan is running in"):
            run_small(tmp_path, tmp_path / "linked", trials=7)
        with pytest.raises(ValueError, match="another scan is running in"):
            check_folder(folder)


def storage_lock(folder):
    from supersoliton.scans.record.locks import only_one

    return only_one(folder, storage.locate("", folder))


def test_two_drivers_by_two_paths_do_not_meet(tmp_path):
    """A real driver by its folder, and a second one by --storage through a link while that runs."""
    import tomli_w

    file = tmp_path / "small.toml"
    file.write_text(tomli_w.dumps({**TABLES, "scan": {**TABLES["scan"], "trials": 400}}))
    command = [sys.executable, "-m", "supersoliton", "scan", str(file), "--quiet"]
    first = subprocess.Popen([*command, "--out", str(tmp_path / "run")], stderr=subprocess.DEVNULL)
    try:
        wait_until((tmp_path / "run" / "trials.csv").exists, first)
        (tmp_path / "link.db").symlink_to(tmp_path / "run" / "study.db")
        with pytest.raises(ValueError, match="another scan is running in"):
            run_small(tmp_path, tmp_path / "two", trials=400, storage=f"sqlite:///{tmp_path / 'link.db'}")
    finally:
        first.kill()
        first.wait()
    numbers = [t.number for t in storage.open_folder(tmp_path / "run").get_trials()]
    assert numbers == list(range(len(numbers)))


def test_studies_of_earlier_versions_get_a_fingerprint_when_resumed(run, tmp_path):
    study = storage.open_study(*storage.find_study(run))
    mark = {name: value for name, value in study.user_attrs["supersoliton"].items() if name not in ("code", "sealed")}
    del mark["digest"]
    study.set_user_attr("supersoliton", mark)
    with contextlib.closing(sqlite3.connect(run / "study.db")) as database, database:
        database.execute("DELETE FROM trial_user_attributes WHERE key IN ('digest', 'numerics')")
    with pytest.warns(RecordWarning) as told:
        assert run_small(tmp_path, run, trials=7).new == 1
    assert [str(w.message).partition(": it is")[0].partition(" (")[0] for w in told] == [
        f"{run / 'trials.csv'} had other content than the study",
        f"{run} holds trials that another version of the numerics computed",
    ]
    assert storage.open_folder(run).user_attrs["supersoliton"]["code"] == {}


def test_the_command_tells_mends_and_counts(run, capsys, monkeypatch):
    from supersoliton.cli.commands import main

    def check():
        monkeypatch.setattr(sys, "argv", ["supersoliton", "check", str(run)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0, capsys.readouterr()

    assert check()[0] == 0
    (run / "trials.csv").unlink()
    code, told = check()
    assert code == 0
    assert "trials.csv was missing: it is written again from the study." in told.err
    assert load_small(run) is not None
    state = next(iter(sorted((run / "states").glob("*.nc"))))
    state.write_bytes(state.read_bytes()[:-8])
    code, told = check()
    assert code == 1
    assert str(state) in told.err
    (run / "study.db").write_bytes(b"SQLite format 3")
    code, told = check()
    assert code == 1
    assert told.err.count("\n") == 1


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        # SQLite stores any bytes as a text; reading them fails like a server that does not answer
        ("kind", "CAST(x'22c32822' AS TEXT)", r"study\.db is damaged \(Could not decode to UTF-8"),
        # a value that is an attribute of its own too, and not under the digest
        ("fractal_score", "'9.0'", "do not match the digest"),
    ],
)
def test_a_changed_attribute_is_a_damage(run, column, value, words):
    with contextlib.closing(sqlite3.connect(run / "study.db")) as database:
        database.execute(f"UPDATE trial_user_attributes SET value_json = {value} WHERE key = '{column}'")
        database.commit()
    with pytest.raises(ValueError, match=words):
        check_folder(run)
