"""The public State: its numbers, its file, its values at any radius."""

import base64
import io
import math
import pickle
import re
import subprocess
import sys
from dataclasses import asdict

import matplotlib.image
import numpy as np
import pytest
import xarray as xr

import supersoliton as ss
from problems import QUICKSTART_GRID, octave_model, solved

# States that do not converge are the subject here; that solve warns of them is tested in tests/search/test_solve.py.
pytestmark = pytest.mark.filterwarnings("ignore::supersoliton.SolveWarning")

NAMES = ["octaves g=0.6 N=1200", "kink d=1", "Gross-Pitaevskii beta=1", "Q-ball k=0.5", "cubic NLS d=2 n=0"]


def test_derived_numbers():
    state = solved("octaves g=0.6 N=1200")
    assert state.omega == pytest.approx(math.sqrt(state.multiplier))
    assert state.action == pytest.approx(state.energy - 0.5 * state.multiplier * 1200.0, rel=1e-14)
    assert state.charge == pytest.approx(state.omega * 1200.0)
    assert state.charged_energy == pytest.approx(state.energy + 0.5 * state.omega**2 * 1200.0)
    assert math.isnan(solved("octaves g=1.0 N=600").omega)  # omega^2 < 0: a false vacuum


def test_charged_energy_grows_by_the_frequency():
    """dE_Q/dQ = omega, by central differences along the branch."""
    middle = solved("octaves g=0.6 N=1200")
    low, high = (ss.solve(middle.problem.replace(norm=norm), middle) for norm in (1199.0, 1201.0))
    slope = (high.charged_energy - low.charged_energy) / (high.charge - low.charge)
    assert slope == pytest.approx(middle.omega, rel=1e-6)


def test_values_at_any_radius():
    state = solved("cubic NLS d=1 n=0")
    r = np.array([[0.0, 0.3, 1.234], [-0.3, 7.7, 19.0]])
    assert state(r).shape == (2, 3, 1)
    assert state(r)[..., 0] == pytest.approx(math.sqrt(2.0) / np.cosh(r), abs=1e-9)
    assert state(0.5).shape == (1,)
    assert state(state.grid.nodes) == pytest.approx(state.u, abs=1e-14)
    held = solved("octaves g=0.6 N=1200")
    assert held(1e6) == pytest.approx(held.problem.vacuum.values)  # beyond the box: the boundary values
    with pytest.raises(ValueError, match="radius"):
        state(math.nan)


def test_fields_are_a_dataset_over_r():
    state = solved("octaves g=0.6 N=1200")
    data = state.fields
    assert isinstance(data, xr.Dataset)
    assert tuple(data.data_vars) == state.problem.model.fields
    assert data["phi"].values == pytest.approx(state.u[:, -1])
    assert data["r"].values == pytest.approx(state.grid.nodes)
    assert float(data["phi"].interp(r=0.0)) == pytest.approx(0.459, abs=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_a_loaded_state_equals_the_saved_one(name, tmp_path):
    state = solved(name)
    path = state.save(tmp_path / "state.nc")
    assert path == tmp_path / "state.nc"
    assert [p.name for p in tmp_path.iterdir()] == ["state.nc"]  # no temporary file left
    back = ss.load(path)
    assert np.array_equal(back.u, state.u)
    for number in ("energy", "norm", "multiplier", "action", "status", "steps"):
        assert getattr(back, number) == getattr(state, number), number
    before, after = asdict(state.certificate), asdict(back.certificate)
    for name in ("kind", "reasons", "negative_modes_by_sector"):
        assert after.pop(name) == before.pop(name)
    turning, turned = before.pop("rotation"), after.pop("rotation")
    assert (turning is None) == (turned is None) == (state.problem.norm is None and state.problem.omega is None)
    if turning is not None:
        assert repr(back.certificate.rotation) == repr(state.certificate.rotation)
    assert after.pop("errors") == pytest.approx(before.pop("errors"), rel=1e-14)
    assert after == pytest.approx(before, rel=1e-14, nan_ok=True)
    assert np.array_equal(back.grid.nodes, state.grid.nodes)
    assert back.problem.model.params == state.problem.model.params
    assert back.problem.model.fields == state.problem.model.fields
    for setting in ("norm", "omega", "boundary", "parity"):
        assert getattr(back.problem, setting) == getattr(state.problem, setting), setting
    again = ss.solve(back.problem, back)  # the restored problem can be solved again
    assert again.energy == pytest.approx(state.energy, rel=1e-11)


def test_the_file_opens_in_xarray_alone(tmp_path):
    state = solved("octaves g=0.6 N=1200")
    with xr.open_dataset(state.save(tmp_path / "s.nc")) as data:
        assert data["psi_1"].values == pytest.approx(state.u[:, 1])


def test_a_stored_state_is_a_guess_on_another_mesh(tmp_path):
    path = solved("octaves g=0.6 N=600").save(tmp_path / "s.nc")
    problem = ss.Problem(octave_model(0.6), QUICKSTART_GRID, norm=610.0)
    state = ss.solve(problem, ss.load(path))
    assert state.converged
    assert state.norm == pytest.approx(610.0, rel=1e-12)
    other = ss.Problem(octave_model(0.6, n_octaves=2), QUICKSTART_GRID, norm=610.0)
    with pytest.raises(ValueError, match="13 fields, the model 3"):
        ss.solve(other, ss.load(path))


HOSTILE = "open('ran', 'w').close()\n\ndef V(u, p):\n    return 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4\n"


@pytest.mark.parametrize("named", ["hostile:V", "hostile.py:V"])
@pytest.mark.parametrize("key", ["function", "kind"])
def test_a_module_that_only_a_file_names_is_not_imported(named, key, tmp_path, monkeypatch):
    (tmp_path / "hostile.py").write_text(HOSTILE)
    forge(tmp_path, monkeypatch, {"kind": "potential", "function": "", "fields": ["u"], "params": {}, key: named})
    code = "import supersoliton as ss\ntry: ss.load('s.nc')\nexcept ValueError as error: print(error)"
    out = run(code, tmp_path)
    assert re.fullmatch(r"load: s.nc holds .*hostile(\.py)? is not imported.*trust=True\).*\n", out)
    assert not (tmp_path / "ran").exists()
    if key == "function":
        imported = "import hostile, supersoliton as ss\nprint(ss.load('s.nc').problem.model.function.__name__)"
        trusted = "import supersoliton as ss\nprint(ss.load('s.nc', trust=True).problem.model.function.__name__)"
        assert run(trusted, tmp_path) == "V\n"
        assert (tmp_path / "ran").exists()
        assert named.startswith("hostile.py") or run(imported, tmp_path) == "V\n"


@pytest.mark.parametrize(
    "named", ["os:system", "builtins:print", "shutil:os.system", "supersoliton:scan", "math:nothing"]
)
def test_a_file_names_no_function_of_another_kind(named, tmp_path, monkeypatch):
    path = forge(tmp_path, monkeypatch, {"kind": "potential", "function": named, "fields": ["u"], "params": {}})
    with pytest.raises(ValueError, match=r"has no \".*\" of its own"):
        ss.load(path)


def forge(folder, monkeypatch, model):
    """A file of a state that says it is of another theory."""
    with monkeypatch.context() as patch:
        patch.setattr(ss.Potential, "describe", lambda self: model)
        return solved("cubic NLS d=2 n=0").save(folder / "s.nc")


def run(code, folder):
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_a_potential_that_cannot_be_imported_must_be_passed(tmp_path):
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4)
    problem = ss.Problem(model, solved("cubic NLS d=2 n=0").grid)
    path = ss.solve(problem, solved("cubic NLS d=2 n=0")).save(tmp_path / "own.nc")
    with pytest.raises(ValueError, match=r"was not found.*model=Potential.*trust=True"):
        ss.load(path)
    assert ss.load(path, model=model).problem.model is model
    with pytest.raises(ValueError, match="load") as error:
        ss.load(path, model=octave_model(0.6))
    assert "\n" not in str(error.value)


def test_a_file_of_an_earlier_version_is_read(tmp_path):
    """They were netCDF 4, that is HDF5; the numbers are the same."""
    state = solved("kink d=1")
    with xr.open_dataset(state.save(tmp_path / "new.nc")) as data:
        old = data.load().assign_attrs(format="supersoliton-state-1")
        del old.attrs["checksum"]
        old.to_netcdf(tmp_path / "old.nc", engine="h5netcdf")
    assert (tmp_path / "old.nc").read_bytes()[:4] == b"\x89HDF"
    old, new = (
        ss.load(tmp_path / "old.nc", model=state.problem.model),
        ss.load(tmp_path / "new.nc", model=state.problem.model),
    )
    assert np.array_equal(old.u, new.u)
    assert old.energy == new.energy
    assert repr(old.certificate) == repr(new.certificate)  # to the last digit; a NaN is not equal to itself


def test_a_file_cut_anywhere_is_refused(tmp_path):
    whole = solved("kink d=1").save(tmp_path / "whole.nc").read_bytes()
    cut = tmp_path / "cut.nc"
    for kept in np.linspace(0, len(whole) - 1, 60).astype(int):
        cut.write_bytes(whole[:kept])
        with pytest.raises(ValueError, match=r"not a readable netCDF file|does not match its checksum"):
            ss.load(cut)


def test_missing_foreign_and_damaged_files_are_refused_in_one_sentence(tmp_path):
    text, other, cut = tmp_path / "text.nc", tmp_path / "other.nc", tmp_path / "cut.nc"
    text.write_text("hello")
    xr.Dataset({"a": ("x", [1.0])}).to_netcdf(other, engine="h5netcdf")
    whole = solved("kink d=1").save(tmp_path / "whole.nc").read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    for path in (tmp_path / "missing.nc", text, other, cut, tmp_path):
        with pytest.raises(ValueError, match="load: ") as error:
            ss.load(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_an_unwritable_place_is_refused_in_one_sentence(tmp_path):
    with pytest.raises((ValueError, OSError), match="nowhere") as error:
        solved("kink d=1").save(tmp_path / "nowhere" / "state.nc")
    assert isinstance(error.value, ValueError)
    assert list(tmp_path.iterdir()) == []


def test_what_is_shown():
    state = solved("octaves g=0.6 N=1200")
    shown = repr(state)
    assert shown.startswith("State(q-ball of OctaveHiggs in d = 3: omega = 0.68740673")
    assert "E[f] = 380.83387" in shown
    assert "classically stable, stable against free quanta" in shown
    assert shown.endswith("certified)")
    assert "\n" not in shown
    rows = dict(state.table())
    assert rows["kind"] == "q-ball"
    assert rows["certified"] == "yes"
    assert rows["norm N"].startswith("1200")
    assert [name for name in rows if name[:2] not in ("ki", "st", "re")][:5] == [
        "frequency ω", "charge Q = ωN", "energy E_Q", "E_Q / (m_free Q)", "dQ/dω",
    ]  # fmt: skip
    page = state._repr_html_()
    assert all(f">{name}</th>" in page for name in ("kind", "status"))
    # and its complete picture, with twice the pixels of the width shown
    found = re.search(r"data:image/png;base64,([^']+)' alt='[^']+' style='width: (\d+)px'", page)
    assert matplotlib.image.imread(io.BytesIO(base64.b64decode(found[1]))).shape[1] == 2 * int(found[2])
    short = ss.solve(state.problem, ss.Gaussian(1.0, 3.0), ss.Newton(max_steps=1))
    assert "not converged within 1 steps" in repr(short)
    assert dict(short.table())["certified"].startswith("no: ")


def test_states_are_picklable():
    state = solved("octaves g=0.6 N=1200")
    back = pickle.loads(pickle.dumps(state))
    assert np.array_equal(back.u, state.u)
    assert back.energy == state.energy
    assert back(1.0) == pytest.approx(state(1.0))
