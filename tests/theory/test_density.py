"""Densities of the user and built-in ones: definition, ends, the linearised equation at infinity, refusals in words."""

import inspect
import pickle

import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from supersoliton.config import loads
from supersoliton.evaluate import evaluate
from supersoliton.theory.base import Ends, read_theory
from supersoliton.theory.derivatives import point_kernels
from supersoliton.theory.solitons.named import NamedTheory

ENDS = {"origin": {"f": 0.0, "a": 0.0}, "infinity": {"f": 1.0, "a": 1.0}}
BUILT_IN = [
    ss.Vortex(2, 0.7),
    ss.ChernSimonsVortex(1, 0.7),
    ss.Monopole(0.4),
    ss.Sphaleron(0.2),
    ss.Skyrmion(0.5),
    ss.BabySkyrmion(2, 0.3),
]


def vortex(u, du, r, p):
    (f, a), (df, da) = u, du
    return (df**2 + (da**2 + (1 - a) ** 2 * f**2) / r**2 + p["lam"] / 4 * (1 - f**2) ** 2) / 2


def density(function=vortex, **changes):
    return ss.Density(function, **{"fields": ("f", "a"), "params": {"lam": 2.0}, "dim": 2, **ENDS, **changes})


def test_a_density_says_what_it_is():
    model = density()
    assert (model.fields, model.params, model.dimension) == (("f", "a"), {"lam": 2.0}, 2)
    assert model.ends == Ends((0.0, 0.0), (1.0, 1.0))
    assert repr(model) == "Density(f, a; lam=2.0)"
    assert model.replace(lam=3.0).params == {"lam": 3.0}
    assert model.replace(lam=3.0).density_function == model.density_function  # one compiled kernel for all couplings
    assert read_theory(model.describe(), trust=True).describe() == model.describe()
    assert pickle.loads(pickle.dumps(model)).describe() == model.describe()


@pytest.mark.parametrize("theory", BUILT_IN, ids=repr)
def test_a_built_in_theory_is_restored_from_its_description(theory):
    assert read_theory(theory.describe()) == theory
    assert isinstance(theory, NamedTheory)


def test_a_density_follows_what_it_reads():
    scale = {"value": 1.0}

    def e(u, du, r, p):
        return 0.5 * scale["value"] * (du[0] ** 2 + (u[0] - 1) ** 2)

    model, z = ss.Density(e, infinity={"u": 1.0}), np.zeros((1, 2))
    values = []
    for scale["value"] in (1.0, 3.0):
        values.append(point_kernels(model.density_function).value(z, {}, np.ones(1))[0])
    assert values == pytest.approx([0.5, 1.5])


@pytest.mark.parametrize(
    ("theory", "masses"),
    [
        (ss.Vortex(winding=3, lam=4.0), [1.0, 2.0]),  # m_A = 1, m_H = sqrt(lam)
        (ss.Monopole(beta=0.3), [0.3, 1.0]),  # m_H = beta m_W
        (ss.Sphaleron(lam=0.02), [0.2, 0.5]),  # m_H = sqrt(2 lam) v, m_W = g v/2
        (ss.Skyrmion(pion_mass=0.7), [0.7]),
        (ss.BabySkyrmion(winding=2, mu_squared=0.09), [0.3]),
    ],
    ids=repr,
)
def test_the_masses_at_infinity_and_the_natural_length(theory, masses):
    problem = ss.Problem(theory)
    np.testing.assert_allclose(problem.vacuum.masses, masses, rtol=1e-12)
    assert theory.natural_units[0] == pytest.approx(1.0 / masses[0], rel=1e-12)
    assert problem.dimension == theory.dimension
    np.testing.assert_array_equal(problem.vacuum.values, theory.ends.infinity)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"function": 3}, "function must be callable as e"),
        ({"dim": 0.5}, "dim must be at least 1, got 0.5"),
        ({"origin": [0.0, 1.0]}, "origin must be a dict of values by field"),
        ({"infinity": {"b": 1.0}}, "infinity names 'b', which is no field: choose from f, a"),
        ({"origin": {"f": float("nan")}}, "origin of f must be a finite number, got nan"),
        ({"params": {"lam": "x"}}, "Density.params.lam must be a number"),
        ({"params": {}}, r"uses p\['lam'\] but the couplings are none"),
        ({"function": lambda u, du, r, p: u}, "Density: the function must return one real number"),
        ({"function": lambda u, r, p: u[0]}, "write it as e"),
    ],
)
def test_what_no_density_is_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        density(**arguments)


def lifted(u, du, r, p):
    return vortex(u, du, r, p) + 0.1


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (density(infinity={"f": 0.5, "a": 1.0}), "no vacuum: e has a slope in f"),
        (density(infinity={"f": 0.0, "a": 1.0}), "no vacuum: a mass"),
        (density(lifted), "the energy is infinite because e does not fall faster than r"),
        (density(origin={"f": 1.0, "a": 0.0}), "the energy is infinite at the origin, where the fields are .'f': 1.0"),
        (density(lambda u, du, r, p: vortex(u, du, r, p) / (1 - u[1])), "not finite at infinity"),
    ],
    ids=["slope", "tachyon", "constant", "origin", "infinity"],
)
def test_ends_without_a_finite_energy_are_refused(model, words):
    with pytest.raises(ValueError, match=words):
        ss.solve(ss.Problem(model))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"norm": 1.0}, "problem.norm: Vortex has conditions at the origin and at infinity of its own"),
        ({"omega": 0.5}, "problem.omega: Vortex has conditions"),
        ({"boundary": "free"}, "problem.boundary: Vortex has conditions"),
        ({"background": (1.0, 1.0)}, "problem.background: Vortex has conditions"),
        ({"line": ([0.0, 0.0], [1.0, 1.0])}, "problem.line: Vortex has conditions"),
        ({"dim": 3}, "Vortex lives in dim = 2, got dim = 3"),
        ({"grid": ss.RadialGrid(r_max=10.0)}, "Vortex lives in dim = 2, got dim = 3"),
    ],
)
def test_arguments_that_contradict_the_theory_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        ss.Problem(ss.Vortex(), **arguments)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ss.Vortex(winding=0), "Vortex.winding must be a positive integer, got 0"),
        (lambda: ss.Vortex(winding=1.5), "Vortex.winding must be a positive integer, got 1.5"),
        (lambda: ss.Vortex(lam=-1.0), "Vortex.lam must be positive, got -1.0"),
        (lambda: ss.Monopole(beta="a"), "Monopole.beta must be a number, got 'a'"),
        (lambda: ss.Skyrmion(pion_mass=float("inf")), "Skyrmion.pion_mass must be finite, got inf"),
        (lambda: ss.GaugedQBall(omega=1.0), "GaugedQBall.omega must lie between 0 and the mass 1, got 1.0"),
        (lambda: ss.Monopole(beta=-1.0), "Monopole.beta must be at least 0, got -1.0"),
        (lambda: ss.BabySkyrmion(mu_squared=0.0), "BabySkyrmion.mu_squared must be positive, got 0.0"),
    ],
)
def test_couplings_out_of_range_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_field_without_a_value_is_free_at_the_origin_and_canonical_theories_have_their_kinks():
    """phi^4 on half a line, held at the origin, as a density: the kink of E = sqrt(8)/3 on both halves."""

    def e(u, du, r, p):
        return 0.5 * jnp.sum(du**2) + 0.25 * (u[0] ** 2 - 1) ** 2

    state = ss.solve(ss.Problem(ss.Density(e, origin={"u": 0.0}, infinity={"u": 1.0}, dim=1)))
    assert state.energy == pytest.approx(np.sqrt(8.0) / 3.0, rel=1e-12)
    np.testing.assert_allclose(state(0.8)[0], np.tanh(0.8 / np.sqrt(2.0)), rtol=1e-9)
    free = ss.Problem(ss.Density(e, infinity={"u": 1.0}, dim=1), ss.RadialGrid(r_max=8.0, dim=1))
    assert free.free_nodes[0, 0] == 1.0
    assert free.free_nodes[-1, 0] == 0.0


def test_the_kink_of_dirac_born_and_infeld():
    """e = sqrt(1 + u'^2) - 1 + V: the energy is the integral of sqrt(2V - V^2) du, here by Gauss's rule."""

    def e(u, du, r, p):
        return jnp.sqrt(1 + du[0] ** 2) - 1 + 0.25 * (u[0] ** 2 - 1) ** 2

    state = ss.solve(ss.Problem(ss.Density(e, origin={"u": 0.0}, infinity={"u": 1.0}, dim=1)))
    x, w = np.polynomial.legendre.leggauss(60)
    v = 0.25 * ((0.5 * (x + 1.0)) ** 2 - 1.0) ** 2
    exact = 2.0 * np.sum(0.5 * w * np.sqrt(2 * v - v**2))
    assert exact == pytest.approx(0.9013234800021, rel=1e-12)  # PHYSICS.md, section 6
    assert state.energy == pytest.approx(exact, rel=1e-12)
    assert abs(state.energy / exact - 1) <= state.certificate.energy_error + 1e-15


TABLE = {"kind": "density", "fields": ["f", "a"], "params": {"lam": 1.0}, "dim": 2, **ENDS}


def test_theories_are_written_in_configuration_files(tmp_path):
    (tmp_path / "vortex.py").write_text(inspect.getsource(vortex))
    grid = {"r_max": 20.0, "n_elements": 8, "dim": 2}
    mine = loads({"model": {**TABLE, "function": "vortex.py:vortex"}, "grid": grid}, base=tmp_path)
    built_in = loads({"model": {"kind": "vortex", "winding": 1, "lam": 1.0}, "grid": grid})
    assert built_in.model == ss.Vortex(1, 1.0)
    for config in (mine, built_in):
        assert loads(config.to_dict()).model.describe() == config.model.describe()
        assert ss.solve(config.problem_at({}), config.guess).energy == pytest.approx(np.pi, rel=1e-6)
    with pytest.raises(ValueError, match="has no key 'kinetic'"):
        loads({"model": {**TABLE, "function": "vortex.py:vortex", "kinetic": [1.0]}}, base=tmp_path)


def test_a_trial_of_a_scan_records_the_energy_and_no_scores():
    config = loads({"model": {"kind": "vortex"}, "grid": {"r_max": 20.0, "n_elements": 8, "dim": 2}})
    result = evaluate(config, {"lam": 2.0})
    assert result.values["energy"] == pytest.approx(1.1567609413310 * np.pi, rel=1e-7)
    assert result.state.certificate.kind == "soliton"
    assert np.isnan(result.values["fractal_score"])
    assert result.values["energy_ratio"] == pytest.approx(1.1567609413310, rel=1e-7)
    assert result.values["half_energy_radius"] == result.state.half_energy_radius
    assert set(result.values) >= set(config.columns)


def twice_the_charge(state, modes):
    assert modes is None
    return 2.0 * state.observables["charge"]


def test_a_trial_of_a_theory_with_numbers_of_its_own_records_them(tmp_path):
    (tmp_path / "own.py").write_text(inspect.getsource(twice_the_charge))
    grid = {"r_max": 30.0, "n_elements": 10}
    objectives = ["charge", "own.py:twice_the_charge"]
    tables = {"model": {"kind": "gauged_q_ball", "omega": 0.7, "q": 0.05}, "grid": grid}
    result = evaluate(loads({**tables, "scan": {"objectives": objectives}}, base=tmp_path), {"q": 0.05})
    assert result.values["charge"] == pytest.approx(42.4768573499, rel=1e-6)  # PHYSICS.md, section 6
    assert result.values["energy"] == pytest.approx(37.8389473055, rel=1e-6)
    assert result.values["action"] == pytest.approx(8.1051471606, rel=1e-6)
    assert result.values["twice_the_charge"] == 2.0 * result.values["charge"]
    newton = loads({"model": {"kind": "schroedinger_newton"}, "grid": grid, "scan": {"objectives": ["epsilon"]}})
    assert evaluate(newton, {}).values["epsilon"] == pytest.approx(-0.16276920784214, rel=1e-6)


def test_the_objectives_of_a_density_are_no_scores():
    vortex_table = {"model": {"kind": "vortex"}}
    assert [one.entry for one in loads(vortex_table).scan.objectives] == [
        {"name": "energy_ratio", "direction": "minimize"}
    ]
    with pytest.raises(ValueError, match='"hierarchy" is a score of a spectrum, and a scan of an energy density takes'):
        loads({**vortex_table, "scan": {"objectives": ["energy_ratio", "hierarchy"]}})


def test_a_file_need_not_say_the_dimension_of_the_theory():
    assert loads('[model]\nkind = "vortex"').grid.dim == 2
    assert loads('[model]\nkind = "monopole"').grid.dim == 3
    with pytest.raises(ValueError, match="lives in dim = 2"):
        loads({"model": {"kind": "vortex"}, "grid": {"dim": 3}}).problem_at({})
