"""A theory in one user-written file: solved, saved, loaded, scanned and plotted."""

import csv
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
import tomli_w

import supersoliton as ss
from supersoliton.config import load, loads
from supersoliton.evaluate.cache.memory import CachedEvaluate
from supersoliton.theory.base import THEORIES, AbstractModel, find_theory, read_theory

# The cubic Schroedinger soliton of one dimension: chi = sqrt(2/g) k sech(k r), k = g N / 4, omega^2 = 1 - k^2.
CUBIC = '''
from dataclasses import dataclass

import numpy as np

from supersoliton.theory import AbstractModel, Column


def cubic(u, p, r):
    return 0.5 * u[0] ** 2 - 0.25 * p["g"] * u[0] ** 4


@dataclass(frozen=True)
class Cubic(AbstractModel):
    """One field with an attraction g."""

    g: float = 1.0

    fields = ("chi",)
    potential_function = property(lambda self: cubic)
    columns = {"peak": Column("peak of the field", "largest value of |χ|", unit="mass")}
    constraints = {"low_peak": "the peak stays below 10"}

    def record(self, state):
        return {"peak": float(np.abs(state.u).max())}

    def violations(self, values):
        return {"low_peak": values["peak"] - 10.0}
'''
TABLES = {
    "model": {"kind": "theories/cubic.py:Cubic", "g": 1.0},
    "grid": {"r_max": 30.0, "n_elements": 12, "order": 12, "dim": 1.0},
    "problem": {"norm": 3.0, "guess": {"kind": "gaussian", "amplitude": 1.0, "width": 2.0}},
    "spectrum": {"n_modes": 20, "ell": [0]},
    "score": {"null_samples": 10},
    "scan": {
        "trials": 2,
        "workers": 1,
        "sampler": "random",
        "objectives": ["peak", "hierarchy"],
        "parameters": {"g": [0.9, 1.1]},
    },
}


@pytest.fixture
def file(tmp_path):
    """The configuration of a theory in a package in the same folder."""
    (tmp_path / "theories").mkdir()
    (tmp_path / "theories" / "cubic.py").write_text(CUBIC)
    (tmp_path / "cubic.toml").write_text(tomli_w.dumps(TABLES))
    return tmp_path / "cubic.toml"


def solve(config, **couplings):
    return ss.solve(config.problem_at(couplings), config.problem.guess)


def test_it_is_read_and_solved(file):
    config = load(file)
    assert config.model.params == {"g": 1.0}
    state = solve(config, g=0.8)
    k = 0.8 * 3.0 / 4.0
    assert state.certificate.certified
    assert state.certificate.kind == "q-ball"
    assert state.multiplier == pytest.approx(1.0 - k**2, rel=1e-10)
    exact = math.sqrt(2.0 / 0.8) * k / np.cosh(k * np.array([0.0, 1.0, 4.0]))
    assert np.abs(state(np.array([0.0, 1.0, 4.0]))[:, 0]) == pytest.approx(exact, rel=1e-7)


def test_the_configuration_contains_the_path_of_its_theory(file, monkeypatch, tmp_path_factory):
    config = load(file)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert loads(config.to_dict()) == config
    assert type(pickle.loads(pickle.dumps(config)).model) is type(config.model)


def test_a_state_is_saved_and_loaded_here_and_in_another_process(file, tmp_path):
    state = solve(load(file), g=0.8)
    path = state.save(tmp_path / "state.nc")
    again = ss.load(path)
    assert again.problem.model == state.problem.model
    assert np.array_equal(again.u, state.u)
    code = (
        "import sys, supersoliton as ss; s = ss.load(sys.argv[1], trust=True); "
        "print(repr(s.problem.model), s.problem.energy(s.u))"
    )
    out = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout
    assert out.startswith("Cubic(g=0.8) ")
    assert float(out.split()[-1]) == pytest.approx(state.energy, rel=1e-13)
    (file.parent / "theories" / "cubic.py").unlink()
    with pytest.raises(ValueError, match=r"of a theory that was not found.*cannot read .*cubic.py.*model="):
        ss.load(path)
    assert ss.load(path, model=state.problem.model).energy == state.energy


def test_a_state_plots_its_field_by_its_symbol(file):
    ax = solve(load(file)).plot().axes[0]
    assert "$χ$" in [line.get_label() for line in ax.lines]


def test_a_scan_records_and_shows_what_the_theory_records(file, tmp_path):
    result = ss.scan(file, out=tmp_path / "run", quiet=True)
    assert result.finished
    with (tmp_path / "run" / "trials.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert len(rows) == 2
    for row in rows:
        g = float(row["g"])
        assert float(row["peak"]) == pytest.approx(math.sqrt(2.0 / g) * g * 3.0 / 4.0, rel=1e-8)
        assert float(row["c_low_peak"]) == pytest.approx(float(row["peak"]) - 10.0)
        assert not {"higgs_mean", "octaves_in_core", "mass_ratio"} & set(row)
    page = (tmp_path / "run" / "report.html").read_text()
    for words in ("peak of the field [mass]", "the peak stays below 10"):
        assert words in page
    assert "peak of the field</td><td>peak</td><td>mass</td><td>largest value of |χ|</td>" in page
    assert '"label":"χ"' in page or '"label":"\\u03c7"' in page
    theory = file.parent / "theories" / "cubic.py"
    theory.write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n{CUBIC}")
    for trust in ([], ["--trust"]):  # a later report imports no theory that only the folder names, unless it is trusted
        command = [sys.executable, "-m", "supersoliton", "report", str(tmp_path / "run"), *trust]
        subprocess.run(command, capture_output=True, check=True)
        assert (tmp_path / "ran").exists() == bool(trust)
        page = (tmp_path / "run" / "report.html").read_text()
        assert ("peak of the field [mass]" in page) == bool(trust)


def test_an_objective_must_be_a_column_of_the_theory(file):
    tables = {**TABLES, "scan": {**TABLES["scan"], "objectives": ["peek"]}}
    file.write_text(tomli_w.dumps(tables))
    with pytest.raises(ValueError, match='no recorded value is named "peek": did you mean "peak"'):
        load(file)
    with pytest.raises(ValueError, match='no recorded value is named "peak"'):
        loads({"scan": {"objectives": ["peak"]}})


def test_the_key_of_a_cached_evaluation_contains_the_source_of_the_theory(file):
    first = CachedEvaluate(load(file))
    assert first.usable
    assert CachedEvaluate(load(file)).key({"g": 1.0}) == first.key({"g": 1.0})
    theory = file.parent / "theories" / "cubic.py"
    theory.write_text(CUBIC.replace("10.0", "11.0"))  # V is the same, a constraint is not
    assert CachedEvaluate(load(file)).key({"g": 1.0}) != first.key({"g": 1.0})


def test_an_edited_theory_is_scanned_again_from_its_file(file, tmp_path):
    """The request that identifies a finished scan contains the content of the file."""
    from supersoliton.scans.job import _request

    before = _request(file, {})
    assert _request(file, {}) == before
    (file.parent / "theories" / "cubic.py").write_text(CUBIC + "\n")
    assert _request(file, {}) != before


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("theories/cubic.py:Quartic", r'theories/cubic.py has no "Quartic"'),
        ("theories/absent.py:Cubic", "cannot read"),
        ("theories/cubic.py:cubic", "must be a frozen dataclass that extends AbstractModel"),
        ("no_such_module:Cubic", "no_such_module cannot be imported"),
        ("sextic", "must be one of octave_higgs, potential, density, "),
        (3, "must be one of octave_higgs, potential"),
    ],
)
def test_a_theory_that_is_not_there_is_refused_in_a_sentence(file, kind, words):
    file.write_text(tomli_w.dumps({**TABLES, "model": {"kind": kind}}))
    with pytest.raises(ValueError, match=words) as refusal:
        load(file)
    assert "[model] kind" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_theory_of_an_installed_module_is_named_by_the_module(file, monkeypatch):
    monkeypatch.syspath_prepend(file.parent)
    (file.parent / "theories" / "__init__.py").write_text("")
    config = loads({**TABLES, "model": {"kind": "theories.cubic:Cubic"}})
    description = config.model.describe()
    assert description == {"kind": "theories.cubic:Cubic", "g": 1.0}
    assert read_theory(description) == config.model


@pytest.mark.parametrize(("kind", "cls"), list(THEORIES.items()))
def test_the_metadata_of_a_built_in_theory_is_complete(kind, cls):
    assert find_theory("model", kind)[0] is cls
    assert cls.kind == kind
    assert all(column.label and column.meaning for column in cls.columns.values())
    assert all(words[0].islower() for words in cls.constraints.values())


def test_the_octave_theory_is_the_default_and_its_format_has_not_changed():
    model = ss.OctaveHiggs(n_octaves=3, g=1.0)
    assert list(model.describe().items())[:3] == [("kind", "octave_higgs"), ("n_octaves", 3), ("m0_squared", 0.01)]
    assert read_theory(model.describe()) == model
    assert isinstance(loads({}).model, ss.OctaveHiggs)
    assert issubclass(ss.Potential, AbstractModel)
