"""Derivatives of masses, scores and numbers of the theory, against differences of certified states."""

import numpy as np
import pytest
from scipy.stats import gaussian_kde

import supersoliton as ss
from supersoliton.scores.fractal import score_targets
from supersoliton.scores.ratio_density import GRID

MODEL = ss.OctaveHiggs(n_octaves=3, m0_squared=0.5, g=0.6, lambda_1=0.05, lambda_2=0.01)
PROBLEM = ss.Problem(MODEL, ss.RadialGrid(25.0, 10, 12), norm=900.0)
STEPS = {"norm": 0.5, "lambda_1": 4e-5}
SMOOTH = (
    "energy", "multiplier", "action", "energy_per_norm", "omega", "charge", "charged_energy", "energy_per_charge",
    "lightest_squared", "mass_ratio", "octave_splitting", "higgs_mean", "hierarchy", "regularity",
)  # fmt: skip


@pytest.fixture(scope="module")
def state():
    found = ss.solve(PROBLEM, ss.SuperGaussian(2.0, 3.5, (0,)))
    assert found.certificate.certified
    return found


def neighbours(state, parameter, step):
    """Certified states at -2, -1, 1 and 2 steps."""
    problem = state.problem
    start = getattr(problem, parameter, None) or problem.model.params[parameter]
    found = {k: ss.solve(problem.replace(**{parameter: start + k * step}), state) for k in (-2, -1, 1, 2)}
    assert all(one.certificate.certified for one in found.values())
    return found


def difference(values, step):
    """Fourth-order central difference."""
    return (8 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12 * step)


def close(found, exact, scale):
    return abs(found - exact) <= 1e-6 * max(abs(exact), 1e-3 * abs(scale))


@pytest.mark.parametrize("spectrum", ["box", "physical"])
@pytest.mark.parametrize("parameter", ["beta", "g", "mu_squared", "lambda_1", "norm"])
def test_slopes_agree_with_differences_of_certified_states(state, parameter, spectrum):
    options = {"spectrum": spectrum, "n_modes": 12}
    found = ss.slopes(state, [parameter], **options)
    step = STEPS.get(parameter, 5e-4)
    near = {k: ss.slopes(one, [], **options) for k, one in neighbours(state, parameter, step).items()}
    for name in SMOOTH:
        assert found.reach[name][0] > 2 * step, name
        exact = difference({k: one.values[name] for k, one in near.items()}, step)
        assert close(found.slope(name, parameter), exact, found.values[name]), name
    masses = difference({k: one.masses for k, one in near.items()}, step)
    assert found.mass_slopes[0] == pytest.approx(masses, rel=1e-6, abs=1e-6 * np.abs(masses).max() + 1e-12)


def reference(masses, targets):
    """Correlation of the densities by scipy's kernel estimate, and the number of hits, by definition."""
    ratios = np.log10(masses[None, :] / masses[:, None])
    ratios = ratios[ratios > np.log10(1.01)]
    correlation = np.corrcoef(gaussian_kde(ratios)(GRID), gaussian_kde(np.log10(targets.ratios))(GRID))[0, 1]
    hits = (np.abs(10 ** ratios[:, None] / targets.ratios - 1.0) < 0.05).any(axis=0)
    return correlation, int(targets.weights[hits].sum())


@pytest.mark.parametrize("spectrum", ["box", "physical"])
def test_the_fractal_score_has_the_slope_of_its_correlation_between_two_steps(state, spectrum):
    """Within the reach no target changes and the slope is that of scipy's densities; beyond it something steps."""
    targets = score_targets("particle")
    for parameter in ("g", "beta"):
        found = ss.slopes(state, [parameter], spectrum=spectrum, n_modes=12)
        reach = float(found.reach["fractal_score"][0])
        step = min(0.2 * reach, 2e-3)
        near = {k: ss.slopes(one, [], spectrum=spectrum, n_modes=12) for k, one in
                neighbours(state, parameter, step).items()}  # fmt: skip
        values = {k: reference(one.masses, targets) for k, one in near.items()}
        assert len({hits for _, hits in values.values()}) == 1
        exact = difference({k: correlation for k, (correlation, _) in values.items()}, step)
        assert close(found.slope("fractal_score", parameter), exact, 1.0)
        assert np.isnan(found.slope("fractal_score", parameter, within=1.01 * reach))


@pytest.mark.parametrize(("norm", "omega", "boundary"), [(None, 0.72, "decaying"), (900.0, None, "vacuum")])
def test_weakly_bound_states_are_matched_to_the_outside(norm, omega, boundary):
    """In a small box the levels below the continuum are those of infinite space, and so are their derivatives."""
    problem = ss.Problem(MODEL, ss.RadialGrid(14.0, 10, 12), norm=norm, omega=omega, boundary=boundary)
    state = ss.solve(problem, ss.SuperGaussian(2.0, 3.5, (0,)))
    parameter, step = ("omega", 2e-4) if norm is None else ("g", 2e-4)
    found = ss.slopes(state, [parameter, "mu_squared"], spectrum="physical")
    assert np.isfinite(found.mass_slopes).all()
    thresholds = np.sort(ss.spectrum(state, 1).thresholds)
    assert len(found.masses) > len(thresholds)
    for row, (name, size) in enumerate(((parameter, step), ("mu_squared", 5e-4))):
        start = getattr(problem, name, None) or MODEL.params[name]
        values = {k: ss.slopes(ss.solve(problem.replace(**{name: start + k * size}), state), [], spectrum="physical")
                  for k in (-2, -1, 1, 2)}  # fmt: skip
        masses = difference({k: one.masses for k, one in values.items()}, size)
        assert found.mass_slopes[row] == pytest.approx(masses, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("parameter", "step"), [("g", 5e-5), ("norm", 0.5), ("mu_squared", 5e-4), ("beta", 2e-3)])
def test_oscillations_at_fixed_charge(state, parameter, step):
    """Thresholds m - omega, m + omega and m, and bound frequencies, which the full basis has to 1e-6 too."""
    found = ss.slopes(state, [parameter], spectrum="oscillations")
    full = {ell: ss.oscillations(state, ell) for ell in (0, 1)}
    exact = np.sort(np.concatenate([full[0].thresholds, full[0].bound, full[1].bound]))
    assert len(found.masses) > len(full[0].thresholds)
    assert found.masses == pytest.approx(exact, abs=1e-6)
    near = {k: ss.slopes(one, [], spectrum="oscillations") for k, one in neighbours(state, parameter, step).items()}
    masses = difference({k: one.masses for k, one in near.items()}, step)
    assert found.mass_slopes[0] == pytest.approx(masses, rel=1e-5, abs=1e-5 * np.abs(masses).max() + 1e-10)
    for name in ("hierarchy", "regularity"):
        slope = difference({k: one.values[name] for k, one in near.items()}, step)
        assert found.slope(name, parameter) == pytest.approx(slope, rel=1e-4, abs=1e-5), name


def test_nothing_oscillates_where_nothing_rotates():
    """A vacuum has no frequencies at fixed charge, and so no scores."""
    vacuum = ss.solve(ss.Problem(MODEL, ss.RadialGrid(10.0, 4, 8)), ss.Gaussian(1e-3, 2.0))
    found = ss.slopes(vacuum, ["g"], spectrum="oscillations")
    assert len(found.masses) == 0
    assert "hierarchy" not in found.values
    assert np.isnan(found.slope("hierarchy", "g"))


def test_degenerate_levels_have_no_derivatives_of_their_own():
    """Two octaves that are not coupled have equal vacuum masses."""
    model = MODEL.replace(lambda_1=0.0, lambda_2=0.0)
    state = ss.solve(ss.Problem(model, PROBLEM.grid, norm=900.0), ss.SuperGaussian(2.0, 3.5, (0,)))
    found = ss.slopes(state, ["lambda_1", "g"], spectrum="physical")
    assert np.isnan(found.mass_slopes).any()
    assert np.isfinite(found.slope("energy", "g"))


def test_other_theories_and_units(state):
    """One field in other units: every slope scales with its number."""

    def potential(u, p):
        return 0.5 * u[0] ** 2 - 0.25 * p["g"] * u[0] ** 4 + 0.125 * u[0] ** 6

    def scaled(u, p):
        return 9.0 * potential(u / 0.5, p) * 0.25

    plain = ss.solve(ss.Problem(ss.Potential(potential, params={"g": 1.6}), ss.RadialGrid(30.0, 10, 12), norm=100.0))
    other = ss.solve(ss.Problem(ss.Potential(scaled, params={"g": 1.6}), ss.RadialGrid(10.0, 10, 12),
                                norm=100.0 * 0.25 / 27.0))  # fmt: skip
    one, two = (ss.slopes(x, spectrum="physical") for x in (plain, other))
    assert one.parameters == ("g", "norm")
    assert two.mass_slopes[0] == pytest.approx(3.0 * one.mass_slopes[0], rel=1e-8)
    assert two.slope("energy_per_charge", "g") == pytest.approx(one.slope("energy_per_charge", "g"), rel=1e-8)
    assert two.slope("omega", "g") == pytest.approx(3.0 * one.slope("omega", "g"), rel=1e-8)


def test_kink_on_a_line():
    """V = l (u^2 - 1)^2 / 4: masses sqrt(3l/2) and sqrt(2l), of which the second is that of both ends; E ~ sqrt(l)."""
    model = ss.Potential(lambda u, p: p["l"] * (u[0] ** 2 - 1.0) ** 2 / 4.0, params={"l": 1.0})
    found = ss.slopes(ss.solve(ss.Problem(model, line=([-1.0], [1.0]))), spectrum="physical")
    assert found.masses == pytest.approx([1.5**0.5, 2.0**0.5, 2.0**0.5], rel=1e-7)
    assert found.mass_slopes[0] == pytest.approx(found.masses / 2.0, rel=1e-6)
    assert found.slope("energy", "l") == pytest.approx(2.0**0.5 / 3.0, rel=1e-9)
    assert abs(found.slope("hierarchy", "l")) < 1e-6


def test_wrong_input_is_one_sentence(state):
    with pytest.raises(ValueError, match=r"no parameter 'gg'.*choose from"):
        ss.slopes(state, ["gg"])
    with pytest.raises(ValueError, match=r"must be one of box, physical, oscillations, got 'boxes'"):
        ss.slopes(state, ["g"], spectrum="boxes")
    with pytest.raises(ValueError, match=r"no parameter 'beta'.*choose from g"):
        ss.slopes(state, ["g"], n_modes=5).slope("energy", "beta")


def test_it_prints_a_table(state):
    found = ss.slopes(state, ["g", "beta"], n_modes=12)
    head, *lines = repr(found).splitlines()
    assert head.split() == ["value", "d/dg", "d/dbeta"]
    (line,) = (line for line in lines if line.startswith("hierarchy "))
    assert [float(x) for x in line.split()[1:]] == pytest.approx(
        [found.values["hierarchy"], found.slope("hierarchy", "g"), found.slope("hierarchy", "beta")], rel=1e-5
    )
    assert len({len(line) for line in lines}) == 1
