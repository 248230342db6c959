"""Malformed potentials end in a status or a ValueError in words, in time, and never in a wrong "certified".

One function with couplings in ``params`` represents all defects, so its kernels compile once.
"""

from __future__ import annotations

import functools
import math
import re
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

import supersoliton as ss
from supersoliton.states.kinds import Kind

# States that do not converge are the subject here; that solve warns of them is tested in tests/search/test_solve.py.
pytestmark = pytest.mark.filterwarnings("ignore::supersoliton.SolveWarning")
BUDGET = 2.0  # seconds given to a search
FACTOR = 4.0  # allowed factor above the limit, without compilation
COMPILATION = 12.0

GRID = ss.RadialGrid(15.0, 6, 8)
# Without the phase that looks for a smaller example: of a search of seconds it takes minutes.
FUZZ = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
    phases=[Phase.explicit, Phase.generate],
)


def _bad(u, p):
    """The defect ``kind``: 0 none, 1 NaN, 2 infinity, 3 a jump, 4 a kink, 5 an overflow."""
    bump = jnp.abs(u[0] - p["at"])
    inside = bump <= p["reach"]
    exploding = jnp.exp(jnp.where(inside, 800.0, 0.0) * (1.0 + bump))
    return jnp.select(
        [p["kind"] == k for k in range(1, 6)],
        [
            jnp.where(inside, jnp.nan, 0.0),
            jnp.where(inside, jnp.inf, 0.0),
            jnp.where(inside, p["strength"], 0.0),
            p["strength"] * bump,
            exploding - 1.0,
        ],
        0.0,
    )


def broken(u, p):
    """A polynomial with a defect."""
    x = u[0]
    return 0.5 * p["m2"] * x**2 + p["c3"] * x**3 + p["c4"] * x**4 + _bad(u, p)


SOUND = {"m2": 1.0, "c3": 0.0, "c4": -0.25, "kind": 0.0, "at": 0.0, "reach": 0.0, "strength": 0.0}


def model(**couplings: float) -> ss.Potential:
    return ss.Potential(broken, params={**SOUND, **couplings})


def outcome(call: Callable[[], Any], budget: float = BUDGET) -> Any:
    """The result of ``call``, or the message of its ValueError: one plain sentence, in time (of the processor)."""
    start = time.process_time()
    try:
        result = call()
    except ValueError as error:
        result = str(error)
        assert result.strip()
        assert "\n" not in result
        assert len(result) < 600
        assert re.search(r"[a-z]{3,} [a-z]", result), result
        assert not re.search(r"(?i)traceback|jaxlib|xlaruntime|broadcast_in_dim|eigenvalues did not converge", result)
    assert time.process_time() - start < FACTOR * budget + COMPILATION
    return result


def searches(theory: ss.Potential, budget: float = BUDGET) -> list[tuple[str, Any]]:
    """Every search for a potential, each with its result: a state, a list or a message."""
    newton = ss.Newton(max_seconds=budget)
    zero = [0.0] * theory.n_fields
    return [
        ("vacua", outcome(lambda: ss.vacua(theory), budget)),
        ("bounce", outcome(lambda: ss.bounce(theory, zero, max_seconds=budget), budget)),
        ("free", outcome(lambda: ss.solve(ss.Problem(theory, GRID), ss.Gaussian(2.0, 1.5), newton), budget)),
        ("norm", outcome(lambda: ss.solve(ss.Problem(theory, GRID, norm=3.0), None, newton), budget)),
    ]


def derivatives(theory: ss.Potential, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """V from the function itself and V' by central differences, independent of the package."""
    params = theory.params

    def at(x: float) -> float:
        return float(theory.function(jnp.array([x]), params))

    eps = 1e-6
    # A defect at a single point has measure zero: V is taken next to it.
    v = np.array([at(x + 1e-12) for x in values])
    slope = np.array([(at(x + eps) - at(x - eps)) / (2 * eps) for x in values])
    return v, slope


def assert_sound(theory: ss.Potential, result: Any) -> None:
    """A certified state must satisfy its equation, by an independent check."""
    if isinstance(result, str):
        return
    if isinstance(result, list):
        for vacuum in result:
            v, slope = derivatives(theory, vacuum.values)
            assert np.all(np.isfinite(v)), vacuum
            assert abs(slope[0]) <= 1e-5 * (1.0 + abs(vacuum.values[0]) * (1.0 + abs(vacuum.masses_squared[0])))
        return
    assert isinstance(result.status, str)
    assert result.status.strip()
    assert result.certificate.kind in tuple(Kind)
    if not result.certificate.certified:
        assert all(reason.strip() for reason in result.certificate.reasons)
        assert result.certificate.reasons
        return
    assert result.converged
    assert np.all(np.isfinite(result.u))
    assert math.isfinite(result.energy)
    # u'' + (d - 1) u'/r = V'(u) - omega^2 u between the nodes, by differences of the interpolant.
    r = np.linspace(0.1, 0.9, 9) * result.grid.r_max * 0.4
    h = 1e-3 * result.grid.r_max
    low, mid, high = (result(r + s)[:, 0] for s in (-h, 0.0, h))
    laplacian = (high - 2 * mid + low) / h**2 + (result.grid.dim - 1) * (high - low) / (2 * h * r)
    v, slope = derivatives(theory, mid)
    force = slope - result.multiplier * mid * (result.problem.norm is not None)
    stiffness = float(np.max(np.abs(result.problem.vacuum.masses_squared)))  # fields of 1e-12 count as the vacuum
    floor = 1e-6 * max(1.0, np.max(np.abs(result.u))) + 1e-12 * stiffness
    floor += 2e-8 * np.max(np.abs(v))  # the rounding of the difference in V
    scale = np.max(np.abs(force)) + np.max(np.abs(laplacian)) + floor
    assert np.max(np.abs(laplacian - force)) <= 2e-2 * scale


DEFECTS = {
    "NaN at one point": {"kind": 1.0, "at": 1.0, "reach": 0.0},
    "NaN at the vacuum": {"kind": 1.0, "at": 0.0, "reach": 0.0},
    "NaN around the vacuum": {"kind": 1.0, "at": 0.0, "reach": 0.2},
    "NaN in a region on the path": {"kind": 1.0, "at": 1.0, "reach": 0.1},
    "NaN beyond the barrier": {"kind": 1.0, "at": 4.0, "reach": 2.0},
    "NaN everywhere": {"kind": 1.0, "at": 0.0, "reach": 1e9},
    "infinite on the path": {"kind": 2.0, "at": 1.0, "reach": 0.3},
    "infinite everywhere": {"kind": 2.0, "at": 0.0, "reach": 1e9},
    "an overflow on the path": {"kind": 5.0, "at": 1.0, "reach": 0.3},
    "a jump on the path": {"kind": 3.0, "at": 1.0, "reach": 0.3, "strength": 0.5},
    "a jump at the vacuum": {"kind": 3.0, "at": 0.0, "reach": 0.3, "strength": -0.5},
    "a kink on the path": {"kind": 4.0, "at": 1.0, "strength": 0.7},
    "a kink at the vacuum": {"kind": 4.0, "at": 0.0, "strength": 0.7},
    "a kink upside down": {"kind": 4.0, "at": 1.0, "strength": -3.0},
    "flat": {"m2": 0.0, "c4": 0.0},
    "flat but for rounding": {"m2": 1e-300, "c4": 0.0},
    "a free field": {"c4": 0.0},
    "unbounded below": {"m2": -1.0, "c4": -1.0},
    "unbounded on one side": {"m2": 0.0, "c3": -1.0, "c4": 0.0},
    "linear and free of minima": {"m2": 0.0, "c4": 0.0, "kind": 4.0, "at": 1e6, "strength": 1.0},
    "huge": {"m2": 1e200, "c4": -1e200},
    "tiny": {"m2": 1e-200, "c4": -1e-200},
    "nearly without a barrier": {"m2": 1e-9},
    "a barrier like a cliff": {"m2": 1e9},
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_broken_potential_ends_in_words(name):
    theory = model(**DEFECTS[name])
    for asked, result in searches(theory):
        try:
            assert_sound(theory, result)
        except AssertionError as error:
            raise AssertionError(f"{asked}: {result!r}: {error}") from error


@pytest.mark.parametrize("name", ["NaN around the vacuum", "NaN everywhere", "infinite everywhere"])
def test_nothing_is_certified_where_the_vacuum_is_not_a_number(name):
    theory = model(**DEFECTS[name])
    for _, result in searches(theory):
        assert isinstance(result, str | list) or not result.certificate.certified


@FUZZ
@given(
    m2=st.floats(-2.0, 4.0),
    c3=st.floats(-2.0, 2.0),
    c4=st.floats(-1.0, 1.0),
    kind=st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
    at=st.floats(-3.0, 3.0),
    reach=st.floats(0.0, 1.0),
    strength=st.floats(-3.0, 3.0),
)
def test_any_polynomial_with_any_defect(**couplings):
    theory = model(**couplings)
    for asked, result in searches(theory, 1.0):
        try:
            assert_sound(theory, result)
        except AssertionError as error:
            raise AssertionError(f"{asked}: {result!r}: {error}") from error


@FUZZ
@given(m2=st.floats(0.05, 4.0), c3=st.floats(-2.0, 2.0), c4=st.floats(0.02, 1.0))
def test_a_certified_bounce_of_a_quartic_has_the_action_of_an_integral(m2, c3, c4):
    """In d = 1, S = 2 int sqrt(2 V) du to the first zero of V: no bounce without such a zero, and no other number."""
    theory = model(m2=m2, c3=c3, c4=c4)
    zeros = np.roots([c4, c3, 0.5 * m2])
    real = zeros[np.abs(zeros.imag) < 1e-12].real
    result = outcome(lambda: ss.bounce(theory, [0.0], dim=1, max_seconds=5.0), 5.0)
    discriminant = c3**2 - 2.0 * c4 * m2
    if discriminant < 0:
        assert isinstance(result, str)
    elif not isinstance(result, str) and result.certificate.certified:
        end = float(real[np.argmin(np.abs(real))])
        exact = quad(
            lambda t: 2.0 * math.sqrt(2.0 * max(_quartic(end * (1 - t * t), m2, c3, c4), 0.0)) * 2.0 * abs(end) * t,
            0.0, 1.0, epsabs=0.0, epsrel=1e-10,
        )[0]  # fmt: skip
        assert result.action == pytest.approx(exact, rel=1e-7)
    elif discriminant > 0.05 * c3**2:  # not thin: it must be found
        pytest.fail(f"{result!r}")


def _quartic(x: float, m2: float, c3: float, c4: float) -> float:
    return 0.5 * m2 * x**2 + c3 * x**3 + c4 * x**4


# Functions that are wrong themselves


def _raises(u, p):
    raise RuntimeError("the user's own words")


def _host(u):
    raise RuntimeError("the user's own words")


def _raises_later(u, p):
    return jax.pure_callback(_host, jax.ShapeDtypeStruct((), jnp.float64), u, vmap_method="sequential")


WRONG = {
    "raises": _raises,
    "a vector": lambda u, p: u,
    "a vector of two": lambda u, p: jnp.stack([u[0], u[0]]),
    "None": lambda u, p: None,
    "a string": lambda u, p: "V",
    "an integer": lambda u, p: jnp.sum(u).astype(int),
    "complex": lambda u, p: jnp.sum(u) + 1j,
    "a bool": lambda u, p: u[0] > 0,
    "an unknown coupling": lambda u, p: p["g"] * u[0],
    "too many fields": lambda u, p: u[0] ** 2 + u[1] ** 2,
    "Python's if": lambda u, p: u[0] if u[0] > 0 else -u[0],
    "math.exp": lambda u, p: math.exp(u[0]),
    "one argument": lambda u: u[0] ** 2,
    "no function": 3,
}


@pytest.mark.parametrize("name", WRONG)
def test_a_function_that_cannot_be_a_potential_is_refused_at_once(name):
    with pytest.raises(ValueError, match=r"^Potential: .*: [a-z]") as caught:
        ss.Potential(WRONG[name])
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_callback_that_raises_ends_in_words():
    """A callback has no derivatives in JAX: the error is a message, not a traceback."""
    with pytest.raises(ValueError, match=r"[a-z]{3,} [a-z]") as caught:
        ss.vacua(ss.Potential(_raises_later))
    assert "\n" not in str(caught.value)


# An expensive potential: each evaluation of a block of points sleeps on the host.

_SLEEP = {"seconds": 0.0, "calls": 0}


def _sleep(x: np.ndarray) -> np.ndarray:
    _SLEEP["calls"] += 1
    time.sleep(_SLEEP["seconds"])
    return np.zeros(np.shape(x), np.float64)


@jax.custom_jvp
def _delay(x):
    return jax.pure_callback(
        _sleep, jax.ShapeDtypeStruct(x.shape, jnp.float64), x, vmap_method="expand_dims"
    )  # one call for a whole block


@_delay.defjvp
def _delay_jvp(primals, tangents):
    return _delay(primals[0]), 0.0 * tangents[0]


def slow(u, p):
    return 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4 + _delay(u[0])


@pytest.fixture
def slow_theory():
    """A potential with compiled kernels; the tests then set the time of each evaluation."""
    theory = ss.Potential(slow)
    _SLEEP["seconds"] = 0.0
    ss.vacua(theory)
    yield theory
    _SLEEP["seconds"] = 0.0


LIMIT = 0.6
MOST = (
    26  # calls, each a third of the limit: those before it, and what ends a search; the clock may be slow, they are not
)


@functools.cache
def _warm() -> None:
    """Compile what the timed calls need."""
    theory = ss.Potential(slow)
    ss.bounce(theory, [0.0])
    ss.solve(ss.Problem(theory, GRID), ss.Gaussian(2.0, 1.5))
    ss.solve(ss.Problem(theory, GRID, norm=3.0), ss.Gaussian(2.0, 1.5))


@pytest.mark.parametrize("norm", [None, 3.0])
def test_a_slow_potential_stops_newton_near_its_time_limit(slow_theory, norm):
    _warm()
    problem = ss.Problem(slow_theory, GRID, norm=norm)
    _SLEEP["seconds"], _SLEEP["calls"] = 0.2, 0
    state = ss.solve(problem, ss.Gaussian(2.0, 1.5), ss.Newton(max_seconds=LIMIT))
    assert 0 < _SLEEP["calls"] <= MOST
    assert state.converged or "time" in state.status
    assert state.converged or not state.certificate.certified


def test_a_slow_potential_stops_the_search_for_a_bounce_near_its_time_limit(slow_theory):
    _warm()
    _SLEEP["seconds"], _SLEEP["calls"] = 0.2, 0
    try:
        words = ss.bounce(slow_theory, [0.0], max_seconds=LIMIT).status
    except ss.BounceError as error:
        words = str(error)
    assert 0 < _SLEEP["calls"] <= MOST
    assert "time" in words


def test_a_slow_potential_stops_find_states_near_its_time_limit(slow_theory):
    _warm()
    _SLEEP["seconds"], _SLEEP["calls"] = 0.2, 0
    states = ss.find_states(ss.Problem(slow_theory, GRID, norm=3.0), max_seconds=LIMIT)
    assert 0 < _SLEEP["calls"] <= MOST
    assert all(not s.certificate.certified or s.converged for s in states)
