"""The box: coordinates of couplings."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import supersoliton as ss
from supersoliton.config.scan import Range
from supersoliton.guesses.trained.box import Box

BOX = Box.of({"g": Range(0.5, 0.8), "norm": Range(400.0, 5000.0, log=True)})


def test_ends_and_middles():
    assert BOX.point(np.array([-1.0, 1.0])) == pytest.approx({"g": 0.5, "norm": 5000.0}, rel=1e-14)
    assert BOX.point(np.zeros(2)) == pytest.approx({"g": 0.65, "norm": math.sqrt(400.0 * 5000.0)}, rel=1e-14)


@given(st.tuples(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0)))
def test_there_and_back(x):
    assert BOX.unit(BOX.point(np.array(x))) == pytest.approx(x, abs=1e-12)


def test_couplings_of_a_problem():
    problem = ss.Problem(ss.OctaveHiggs(n_octaves=1, g=0.8), ss.RadialGrid(r_max=10.0), norm=400.0)
    assert BOX.unit_of(problem) == pytest.approx([1.0, -1.0], abs=1e-14)
