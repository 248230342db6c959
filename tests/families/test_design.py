"""Inverse design, against closed forms, spectra of other couplings and differences of independent solutions."""

import math

import numpy as np
import pytest

import supersoliton as ss

GRID = ss.RadialGrid(order=10, edges=(0.0, 2.6, 4.9, 7.2, 9.9, 13.2, 17.0, 21.0, 25.0))


def octaves(n, **couplings):
    values = {"m0_squared": 0.5, "g": 0.6, "lambda_1": 0.05, "lambda_2": 0.02, "beta": 0.1, "g_yukawa": 0.2}
    return ss.OctaveHiggs(n_octaves=n, **{**values, **couplings})


def numbered(state):
    """The masses of thresholds and bound states, found by the public spectra."""
    return np.sort(
        np.concatenate([ss.spectrum(state, 1).thresholds, *(ss.spectrum(state, 1, e).bound_masses for e in (0, 1))])
    )


@pytest.fixture(scope="module")
def small():
    return ss.solve(ss.Problem(octaves(2), GRID, norm=3000.0), ss.SuperGaussian(2.0, 6.0, (0,)))


def sech_problem(a, b):
    """u = sqrt(2 (1 - omega^2)) sech(k x), and v in its Poeschl-Teller well: m^2 = b - k^2 s^2, s (s + 1) = 4 a."""
    model = ss.Potential(
        lambda u, p: 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4 + 0.5 * p["b"] * u[1] ** 2 - p["a"] * u[0] ** 2 * u[1] ** 2,
        ("u", "v"), {"a": a, "b": b}, constrained=("u",),
    )  # fmt: skip
    problem = ss.Problem(model, ss.RadialGrid(25.0, 12, 12, 1), omega=0.6)
    return problem, lambda r: np.stack([1.1 / np.cosh(0.8 * r), 0.0 * r], axis=1)


def test_a_closed_form():
    """Two masses of one field, of its vacuum and bound by the other one, with couplings known exactly."""
    problem, start = sech_problem(0.2, 0.5)
    s = 0.7
    targets = {"m1": math.sqrt(0.6 - 0.64 * s**2), "m2/m1": math.sqrt(0.6 / (0.6 - 0.64 * s**2))}
    found = ss.design(problem, targets, ["a", "b"], guess=start, ell=(0,))
    assert found.status == "reached"
    assert found.couplings == pytest.approx({"a": s * (s + 1.0) / 4.0, "b": 0.6}, rel=1e-7)
    assert found.distance <= 1e-8
    assert found.state.problem.model.params["a"] == found.couplings["a"]


def test_three_ratios_of_other_couplings(small):
    """The ratios at other couplings are reached, as spectra computed anew say."""
    other = numbered(ss.solve(small.problem.replace(g=0.62, lambda_1=0.06, norm=3300.0), small))
    targets = {"m2/m1": other[1] / other[0], "m3/m1": other[2] / other[0], "hierarchy": other[-1] / other[0]}
    found = ss.design(small.problem, targets, ["g", "lambda_1", "norm", "g_yukawa"], guess=small)
    assert found.status == "reached"
    assert found.state.certificate.certified
    masses = numbered(found.state)
    assert [masses[1] / masses[0], masses[2] / masses[0], masses[-1] / masses[0]] == pytest.approx(
        list(targets.values()), rel=2e-8
    )
    assert repr(found).startswith("Design(reached in ")


def test_the_jacobian_agrees_with_differences(small):
    """Of every kind of target, at a point that is not the optimum, by fourth-order differences."""
    names = ["g", "mu_squared", "norm"]
    kinds = ["m2/m1", "m3", "hierarchy", "mass_ratio", "octave_splitting", "omega", "energy", "charge"]
    kinds += ["charged_energy", "energy_per_charge"]

    def values(problem):
        found = ss.design(problem, dict.fromkeys(kinds, 1.0), names, guess=small, max_steps=1)
        return np.array(list(found.values.values())), found.jacobian

    exact = values(small.problem)[1]
    for column, (name, step) in enumerate(zip(names, (1e-3, 2e-3, 10.0), strict=True)):
        at = {}
        for k in (-2, -1, 1, 2):
            known = {**small.problem.model.params, "norm": 3000.0}[name]
            at[k] = values(small.problem.replace(**{name: known + k * step}))[0]
        slope = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * step)
        assert exact[:, column] == pytest.approx(slope, rel=1e-6, abs=1e-6 * np.abs(exact[:, column]).max()), name


def test_many_couplings_of_single_octaves(small):
    """Eight couplings for two targets, which the vacuum reaches as its masses say."""
    model = octaves(3).split("m0_squared", "g", "lambda_1")
    state = ss.solve(ss.Problem(octaves(3), GRID, norm=3000.0), ss.SuperGaussian(2.0, 6.0, (0,)))
    free = [name for name in model.params if name.startswith(("m0_squared_", "g_0", "g_1", "g_2", "lambda_1_"))]
    found = ss.design(
        state.problem.replace(model=model), {"octave_splitting": 1.12, "mass_ratio": 1.4}, free, guess=state
    )
    assert len(free) == 8
    assert found.status == "reached"
    masses = found.state.problem.vacuum.masses
    assert masses[2] / masses[0] == pytest.approx(1.12, rel=1e-7)
    assert masses[3] / masses[0] == pytest.approx(1.4, rel=1e-7)


def test_what_is_nearest_is_told(small):
    bounded = ss.design(
        small.problem, {"mass_ratio": 3.0}, ["mu_squared"], guess=small, bounds={"mu_squared": (-1.2, -0.9)}
    )
    assert bounded.status.startswith("nearest: mass_ratio is off by ")
    assert "mu_squared is at its bound" in bounded.status
    dead = ss.design(small.problem, {"mass_ratio": 3.0}, ["delta"], guess=small)
    assert "mass_ratio changes with no free coupling" in dead.status
    assert dead.couplings == {"delta": 0.2}


def test_a_binding_energy_is_reached_where_the_state_rotates(small):
    found = ss.design(small.problem, {"energy_per_charge": 0.9}, ["norm"], guess=small)
    assert found.status == "reached"
    again = ss.solve(small.problem.replace(norm=found.couplings["norm"]), small)
    assert again.certificate.rotation.energy_per_charge == pytest.approx(0.9, rel=2e-8)


def test_masses_that_change_places():
    """m1 is sqrt(b) at the start; where that is 1.1 the other field is lighter, and the search goes on with it."""
    model = ss.Potential(
        lambda u, p: (
            0.5 * (1.0 + 0.25 * (p["b"] - 0.9)) * u[0] ** 2
            - 0.25 * u[0] ** 4
            + 0.5 * p["b"] * u[1] ** 2
            + 0.0 * p["c"] * u[1]
        ),
        ("u", "v"), {"b": 0.9, "c": 1.0}, constrained=("u",),
    )  # fmt: skip
    problem = ss.Problem(model, ss.RadialGrid(25.0, 12, 12, 1), omega=0.6)
    start = lambda r: np.stack([1.1 / np.cosh(0.8 * r), 0.0 * r], axis=1)  # noqa: E731
    found = ss.design(problem, {"m1": 1.1}, ["b"], guess=start, ell=(0,))
    assert found.status == "reached"
    assert found.couplings["b"] == pytest.approx(0.9 + 4.0 * 0.21, rel=1e-7)
    lost = ss.design(problem.replace(b=0.95), {"m2": 0.8}, ["c"], guess=start, ell=(0,))
    assert "m2 changes with no free coupling" in lost.status


@pytest.mark.nightly
@pytest.mark.parametrize("single", [False, True])
def test_three_ratios_of_twelve_octaves(single):
    """Six common couplings, or 36 of single octaves; the ratios are those at other couplings."""
    model = octaves(12, g_yukawa=0.15)
    state = ss.solve(ss.Problem(model, GRID, norm=2000.0))
    split = model.split("m0_squared", "g", "delta")
    free = [name for name in split.params if name not in model.params]
    if single:
        rng, problem = np.random.default_rng(1), state.problem.replace(model=split)
        other = {name: split.params[name] * (1.0 + 0.02 * rng.normal()) for name in free}
    else:
        free, problem = ["g", "lambda_1", "lambda_2", "g_yukawa", "beta", "norm"], state.problem
        other = {"g": 0.63, "lambda_1": 0.06, "norm": 2300.0}
    masses = numbered(ss.solve(problem.replace(**other), state))
    targets = {f"m{k}/m1": masses[k - 1] / masses[0] for k in (2, 4, 9)}
    found = ss.design(problem, targets, free, guess=state)
    assert found.status == "reached"
    assert found.distance <= 1e-8
    assert found.state.certificate.certified


@pytest.mark.parametrize(
    ("targets", "free", "options", "message"),
    [
        ({}, ["g"], {}, "targets must be numbers by name"),
        ({"m0": 1.0}, ["g"], {}, "no target 'm0'"),
        ({"m99": 1.0}, ["g"], {}, "m99 does not exist: the state has"),
        ({"m1": 1.0}, ["h"], {}, "no coupling 'h' to vary: choose from"),
        ({"m1": 1.0}, ["g"], {"bounds": {"g": (1.0, 2.0)}}, r"g = 0.6 of the problem is not within 1 and 2"),
        ({"m1": 1.0}, ["g"], {"bounds": {"beta": (0.0, 1.0)}}, "bounds names 'beta', which is not free"),
        ({"m1": 1.0}, ["g"], {"spectrum": "all"}, "spectrum must be one of"),
        ({"m1": 1.0}, ["g"], {"tol": 0.0}, "tol must be a positive number"),
    ],
)
def test_wrong_arguments_are_told(small, targets, free, options, message):
    with pytest.raises(ValueError, match=message):
        ss.design(small.problem, targets, free, guess=small, **options)
