"""The closed form of the octave model's lowest minimum against a search, and against the potential at random fields."""

import numpy as np
import pytest

import supersoliton as ss
from supersoliton.theory.derivatives import point_kernels
from supersoliton.theory.octave_vacuum import coupling_matrix
from supersoliton.theory.vacua import lowest_vacuum, mass_matrix

FREE = np.zeros(4, bool)


def draw(rng, **given):
    """Couplings around those at which the octaves begin to condense."""
    values = {
        "quartic_sign": rng.choice([-1.0, 1.0]),
        "m0_squared": rng.uniform(-0.3, 1.0),
        "g": rng.uniform(0.05, 1.0),
        "delta": rng.uniform(0.1, 0.6),
        "lambda_1": rng.uniform(0.0, 0.3),
        "lambda_2": rng.uniform(0.0, 0.3),
        "beta": rng.uniform(0.0, 0.5),
        "mu_squared": rng.uniform(-2.0, -0.1),
        "lambda_H": rng.uniform(0.1, 1.0),
        "g_yukawa": rng.uniform(0.0, 0.5),
    }
    return ss.OctaveHiggs(3, **{**values, **given})


def test_it_is_the_lowest_minimum_of_a_search():
    rng, proved = np.random.default_rng(0), 0
    for _ in range(60):
        model = draw(rng)
        known = model.lowest_minimum(FREE)
        if known is None:
            continue
        proved += 1
        found = ss.vacua(model)[0]
        assert lowest_vacuum(model, FREE).energy_density == pytest.approx(found.energy_density, rel=1e-12)
        assert known == pytest.approx(found.values, abs=1e-9)
    assert 15 <= proved < 60  # neither never nor always


def test_no_fields_lie_below_it():
    rng = np.random.default_rng(1)
    fields = rng.normal(size=(20_000, 4)) * 10.0 ** rng.uniform(-1.5, 1.0, size=(20_000, 1))
    for _ in range(40):
        model = draw(rng)
        known = model.lowest_minimum(FREE)
        if known is not None:
            value = point_kernels(model.potential_function).value
            lowest = value(known[None], model.params, np.zeros(1))[0]
            assert np.min(value(fields, model.params, np.zeros(len(fields)))) >= lowest


def test_with_the_octaves_held_only_the_higgs_field_is_left():
    model = draw(np.random.default_rng(2), mu_squared=-0.9, lambda_H=0.4)
    held = np.array([True, True, True, False])
    assert model.lowest_minimum(held) == pytest.approx([0.0, 0.0, 0.0, 1.5])
    assert ss.vacua(model, held_at_zero=held)[0].values == pytest.approx([0.0, 0.0, 0.0, 1.5])
    for others in ({"mu_squared": 0.5}, {"mu_squared": 0.0}):
        assert model.replace(**others).lowest_minimum(held) is None
    assert model.lowest_minimum(~held) is None
    assert model.lowest_minimum(np.array([True, False, False, False])) is None


def test_a_condensate_is_not_excluded():
    """The default couplings, at which Psi = 0 is unstable, and an attraction that the sextic term stops late."""
    assert ss.OctaveHiggs().lowest_minimum(np.zeros(13, bool)) is None
    deep = ss.OctaveHiggs(1, m0_squared=0.5, g=1.0, delta=0.2, lambda_1=0.0, lambda_2=0.0)
    assert deep.lowest_minimum(np.zeros(2, bool)) is None
    assert ss.vacua(deep)[0].values[0] != 0.0


def test_the_units_of_a_problem_do_not_matter():
    model = draw(np.random.default_rng(3), m0_squared=1.0, quartic_sign=1.0)
    for unit in (1e-6, 1.0, 1e8):
        scaled = model.replace(
            **{name: getattr(model, name) * unit**2 for name in ("m0_squared", "lambda_1", "lambda_2", "mu_squared")},
            delta=model.delta / unit**2,
        )
        problem = ss.Problem(scaled, ss.RadialGrid(10.0 / unit, 4, 6))
        expected = np.sqrt(-model.mu_squared / model.lambda_H) * unit
        assert problem.vacuum.values == pytest.approx([0.0, 0.0, 0.0, expected], rel=1e-12)


def test_the_coupling_matrix_is_that_of_the_potential():
    model = draw(np.random.default_rng(4))
    matrix = mass_matrix(model, np.zeros(4))[:-1, :-1]
    mine = coupling_matrix(3, model.lambda_1, model.lambda_2, model.beta) + model.m0_squared * np.eye(3)
    assert matrix == pytest.approx(mine)
