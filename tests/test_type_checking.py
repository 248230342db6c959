"""The suite notices a wrong type or shape: in the first calls of a function in each test file, or in all of them."""

import math

import numpy as np
import pytest
from jaxtyping import TypeCheckError

import type_checking
from supersoliton.elements.edges import equidistribute
from supersoliton.machine.text import plain


def test_the_start_of_a_file_checks_again():
    """Whatever calls the tests of other files in this process have used up."""
    with pytest.raises(TypeCheckError):
        plain(3)


def test_a_wrong_type_is_noticed_in_the_first_calls():
    type_checking.renew(2)
    plain("right")
    with pytest.raises(TypeCheckError, match=r"text\.plain"):
        plain(3)
    with pytest.raises((TypeError, AttributeError)):  # Python's own, of a call that is not checked
        plain(3)
    type_checking.renew(math.inf)
    for _ in range(100):
        plain("right")
    with pytest.raises(TypeCheckError):
        plain(3)


def test_a_wrong_shape_is_noticed():
    with pytest.raises(TypeCheckError):
        equidistribute(np.linspace(0.0, 1.0, 5), np.ones(4), 2)
