"""States on a line, and half-line states at negative x: values, tables, figures, files."""

import numpy as np
import pytest
import xarray as xr

import supersoliton as ss

X = np.linspace(-15.0, 15.0, 41)


def six(u, p):
    return 0.5 * p["m"] ** 2 * u[0] ** 2 * (1 - u[0] ** 2) ** 2


@pytest.fixture(scope="module")
def kink():
    return ss.solve(ss.Problem(ss.Potential(six, params={"m": 1.0}), line=([0.0], [1.0])))


def test_a_file_returns_the_same_state(kink, tmp_path):
    path = kink.save(tmp_path / "kink.nc")
    for back in (ss.load(path), ss.load(path, model=ss.Potential(six, params={"m": 1.0}))):
        assert np.array_equal(back.u, kink.u)
        assert np.array_equal(back(X), kink(X))
        assert repr(back) == repr(kink)
        assert repr(back.certificate) == repr(kink.certificate)
        for setting in ("line", "parity", "background", "boundary"):
            assert getattr(back.problem, setting) == getattr(kink.problem, setting)
        assert ss.solve(back.problem, back).energy == pytest.approx(0.25, rel=1e-12)
    with pytest.raises(ValueError, match="give the model of this state"):
        ss.load(path, model=ss.Potential(lambda u, p: u[0] ** 2 + u[1] ** 2, fields=("u", "v")))
    with xr.open_dataset(path) as data:
        assert data["u_even"].values + data["u_odd"].values == pytest.approx(kink(data["r"].values)[:, 0])


def test_parities_survive_a_file(tmp_path):
    model = ss.Potential(lambda u, p: 0.5 * (u @ u - 1) ** 2 + 0.125 * u[1] ** 2, fields=("f", "c"))
    grid = ss.RadialGrid(r_max=16.0, n_elements=8, dim=1)
    problem = ss.Problem(model, grid, boundary=[1.0, 0.0], parity=("odd", "even"))
    state = ss.solve(problem, lambda x: np.stack([np.tanh(x / 2), 0.8 / np.cosh(x / 2)], axis=1))
    back = ss.load(state.save(tmp_path / "tk2.nc"), model=model)
    assert back.problem.parity == ("odd", "even")
    assert np.array_equal(back(-X), state(X) * [-1.0, 1.0])


def test_the_table_of_fields_and_the_figure_run_over_the_line(kink):
    table = kink.fields
    assert list(table.data_vars) == ["u"]
    x = table["x"].values
    assert (x[0], x[-1]) == (-kink.grid.r_max, kink.grid.r_max)
    assert np.all(np.diff(x) > 0)
    assert table["u"].values == pytest.approx(kink(x)[:, 0], abs=1e-13)
    (axes,) = kink.plot(r_max=kink.grid.r_max).axes
    assert axes.get_xlabel() == "x [1/mass]"
    assert axes.get_xlim() == pytest.approx((x[0], x[-1]))
    curve = max(axes.lines, key=lambda line: len(line.get_xdata()))
    assert (curve.get_ydata()[0], curve.get_ydata()[-1]) == pytest.approx((0.0, 1.0), abs=1e-6)


def test_what_is_shown(kink):
    assert repr(kink).startswith("State(kink of Potential in d = 1: E = 0.25")
    assert "Potential" in kink._repr_html_()


def test_an_odd_kink_is_odd_and_an_even_state_even():
    grid = ss.RadialGrid(r_max=14.0, n_elements=10, dim=1)
    odd = ss.solve(
        ss.Problem(ss.Potential(lambda u, p: 0.5 * (1 - u[0] ** 2) ** 2), grid, boundary=[1.0], parity="odd"), np.tanh
    )
    assert odd(X)[:, 0] == pytest.approx(np.tanh(np.clip(X, -14, 14)), abs=1e-8)
    assert odd(-2.0) == pytest.approx([np.tanh(-2.0)], abs=1e-8)
    even = ss.solve(ss.Problem(ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4), grid, norm=4.0))
    assert even(-X) == pytest.approx(even(X), rel=1e-14)
