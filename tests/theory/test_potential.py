"""Potentials written by users: accepted and refused functions, messages, explicit r, kinetic factors."""

import math
import pickle

import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from problems import cubic_nls, trapped_gas


def test_a_potential_knows_its_fields_and_couplings():
    model = ss.Potential(trapped_gas, fields=("psi",), params={"beta": 2.0})
    assert model.fields == ("psi",)
    assert model.params == {"beta": 2.0}
    assert model.explicit_r
    assert model.kinetic.tolist() == [1.0]
    assert model.constrained.tolist() == [True]
    assert repr(model) == "Potential(psi; beta=2.0)"


def test_constrained_fields_and_kinetic_factors():
    model = ss.Potential(lambda u, p: jnp.sum(u**2), ("a", "b", "c"), constrained=("c", "a"), kinetic=(1, 2, 0.5))
    assert model.constrained.tolist() == [True, False, True]
    assert model.kinetic.tolist() == [1.0, 2.0, 0.5]


@pytest.mark.parametrize(
    ("function", "explicit"),
    [
        (lambda u, p: u[0] ** 2, False),
        (lambda u, p, r: r * u[0] ** 2, True),
        (lambda u, p, r: u[0] ** 2, False),  # no trap
        (lambda u, p, r: u[0] ** 2 + 0.0 * r, True),  # as far as the trace tells
        (lambda u, p, r=0.0: u[0] ** 2 + r, True),
        (lambda u, p, scale=2.0: scale * u[0] ** 2, False),
        (lambda u, p, *, scale=2.0: scale * u[0] ** 2, False),
        (cubic_nls, False),
    ],
)
def test_the_third_positional_argument_is_the_radius(function, explicit):
    assert ss.Potential(function).explicit_r is explicit


def test_a_default_that_is_not_the_radius_keeps_its_value():
    model = ss.Potential(lambda u, p, scale=2.0: scale * u[0] ** 2)
    assert float(model.potential_function(jnp.array([3.0]), {}, 7.0)) == 18.0


def test_replace_changes_one_coupling_and_keeps_the_rest():
    model = ss.Potential(trapped_gas, params={"beta": 2.0}, kinetic=(3.0,))
    other = model.replace(beta=5.0)
    assert (other.params["beta"], model.params["beta"]) == (5.0, 2.0)
    assert other.kinetic.tolist() == [3.0]
    assert other.potential_function is model.potential_function
    with pytest.raises(ValueError, match=r"no coupling 'gamma'.*beta"):
        model.replace(gamma=1.0)


def test_potentials_of_one_function_share_compiled_kernels():
    first, second = ss.Potential(cubic_nls), ss.Potential(cubic_nls, fields=("other",))
    assert first.potential_function == second.potential_function
    assert hash(first.potential_function) == hash(second.potential_function)
    assert first.potential_function != ss.Potential(lambda u, p: u[0] ** 2).potential_function


def test_named_potentials_are_picklable():
    model = pickle.loads(pickle.dumps(ss.Potential(trapped_gas, params={"beta": 2.0})))
    assert model.params == {"beta": 2.0}
    assert float(model.potential_function(jnp.array([2.0]), model.params, 3.0)) == 0.5 * 9.0 * 4.0 + 0.5 * 2.0 * 16.0


def broken(u, p):
    raise RuntimeError("my own\nmistake")


BAD_FUNCTIONS = {
    "not callable": (3, "callable"),
    "one argument": (lambda u: u[0], "function failed"),
    "a vector": (lambda u, p: u**2, r"one real number, got shape \(1,\)"),
    "nothing": (lambda u, p: None, "one real number"),
    "two numbers": (lambda u, p: (u[0], u[0]), "one real number"),
    "a complex number": (lambda u, p: 1j * u[0], "complex128"),
    "an integer": (lambda u, p: 3, "int"),
    "a missing coupling": (lambda u, p: p["g"] * u[0], r"uses p\['g'\] but the couplings are none: add it to params=$"),
    "plain Python branches": (
        lambda u, p: u[0] if u[0] > 0 else 0.0,
        r"value of a field or of a coupling \(if, while.*: use jnp.where$",
    ),
    "numpy": (lambda u, p: np.sin(u[0]), "write it with jax.numpy, not numpy, math, "),
    "float32": (lambda u, p: jnp.float32(u[0] ** 2), "returns float32, which has too few digits"),
    "a temperature": (lambda u, p, T: T * u[0] ** 2, r"third argument T: name it r if it is the radius, or put T into"),
    "four arguments": (lambda u, p, r, T: T * u[0] ** 2, "further argument T: put it into params$"),
    "its own exception": (broken, "RuntimeError: my own mistake"),
    "a field that is not there": (lambda u, p: u[0] ** 2 + u[1] ** 2, "1 field"),
}


@pytest.mark.parametrize("name", BAD_FUNCTIONS)
def test_a_bad_function_is_refused_in_one_sentence(name):
    function, words = BAD_FUNCTIONS[name]
    with pytest.raises(ValueError, match=words) as error:
        ss.Potential(function)
    assert str(error.value).startswith("Potential: ")
    assert "\n" not in str(error.value)


BAD_ARGUMENTS = [
    ({"fields": ()}, "fields"),
    ({"fields": ("u", "u")}, "fields"),
    ({"fields": ("",)}, "fields"),
    ({"fields": (1,)}, "fields"),
    ({"fields": 3}, "fields"),
    ({"constrained": ("v",)}, "constrained"),
    ({"constrained": 3}, "constrained"),
    ({"kinetic": (0.0,)}, "kinetic"),
    ({"kinetic": (-1.0,)}, "kinetic"),
    ({"kinetic": (math.nan,)}, "kinetic"),
    ({"kinetic": (1.0, 1.0)}, "kinetic"),
    ({"kinetic": ("a",)}, "kinetic"),
    ({"kinetic": 3}, "kinetic"),
    ({"params": {"g": math.nan}}, r"params\.g"),
    ({"params": {"g": math.inf}}, r"params\.g"),
    ({"params": {"g": "1"}}, r"params\.g"),
    ({"params": {"g": True}}, r"params\.g"),
    ({"params": [1]}, "params"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD_ARGUMENTS)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=rf"Potential.*{words}") as error:
        ss.Potential(cubic_nls, **arguments)
    assert "\n" not in str(error.value)


def test_one_name_may_be_given_as_a_string():
    assert ss.Potential(cubic_nls, fields="phi").fields == ("phi",)
    assert ss.Potential(cubic_nls, fields="phi", constrained="phi").constrained.tolist() == [True]


def test_a_coupling_that_python_branches_on_is_one_sentence():
    """Known already when the potential is made, not when a kernel is compiled."""
    with pytest.raises(ValueError, match=r"of a coupling \(if, while, and, or\): use jnp.where$"):
        ss.Potential(lambda u, p: u[0] ** 2 if p["g"] > 0 else -(u[0] ** 2), params={"g": 1.0})


def test_another_name_for_the_radius():
    model = ss.Potential(lambda u, p, rho: 0.5 * (u[0] - rho) ** 2, radius=True)
    assert model.explicit_r
    assert float(ss.vacua(model, r=3.0)[0].values[0]) == pytest.approx(3.0, abs=1e-12)


def test_couplings_are_read_only():
    given = {"m2": np.ones(2), "g": 1.0}
    model = ss.Potential(lambda u, p: jnp.sum(p["m2"] * u**2) * p["g"], ("a", "b"), given)
    with pytest.raises(TypeError, match=r"use model.replace"):
        model.couplings["g"] = 2.0
    given["m2"][0] = 7.0
    assert model.params["m2"].tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="read-only"):
        model.params["m2"][0] = 7.0
