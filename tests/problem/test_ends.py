"""Parity per field and the ends of a line: what is accepted, and the sentence for what is not."""

import numpy as np
import pytest

import supersoliton as ss

LINE = ss.RadialGrid(r_max=12.0, n_elements=6, dim=1)
WELL = ss.Potential(lambda u, p: 0.5 * (1 - u[0] ** 2) ** 2)
SIX = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 * (1 - u[0] ** 2) ** 2)
TWO = ss.Potential(lambda u, p: 0.5 * (u @ u - 1) ** 2 + 0.125 * u[1] ** 2, fields=("f", "c"))


def test_each_field_has_its_parity():
    problem = ss.Problem(TWO, LINE, boundary=[1.0, 0.0], parity=["odd", "even"])
    assert problem.parity == ("odd", "even")
    assert problem.free_nodes[0].tolist() == [0.0, 1.0]
    assert ss.Problem(TWO, LINE, boundary=[1.0, 0.0], parity=("even", "even")).parity == "even"
    assert ss.Problem(WELL, LINE, boundary=[1.0], parity=["odd"]).free_nodes[0].tolist() == [0.0]


def test_the_ends_are_polished_and_may_be_numbers_for_one_field():
    model = ss.Potential(lambda u, p: 0.5 * (u[0] ** 2 - 2.0) ** 2)
    (left,), (right,) = ss.Problem(model, line=(-1.41421, 1.41421)).line
    assert (left, right) == pytest.approx((-np.sqrt(2.0), np.sqrt(2.0)), rel=1e-15)
    problem = ss.Problem(SIX, line=([0.0], [1.0]))
    assert problem.dim == 1
    assert problem.replace(omega=None).line == ((0.0,), (1.0,))
    assert problem.with_grid(LINE).vacuum.masses == pytest.approx([1.0, 2.0])


BAD = [
    (WELL, {"parity": ("odd", "even")}, "one value for each of 1 fields"),
    (WELL, {"parity": ["odd", 3]}, 'must be "even" or "odd"'),
    (WELL, {"parity": "odd", "dim": 3}, "needs dim = 1"),
    (WELL, {"line": ([-1.0], [1.0]), "dim": 3}, "problem.line needs dim = 1, got dim = 3"),
    (WELL, {"line": ([-1.0], [1.0]), "norm": 2.0}, "exclude each other"),
    (WELL, {"line": ([-1.0], [1.0]), "boundary": [1.0]}, "leave out boundary, background and parity"),
    (WELL, {"line": ([-1.0], [1.0]), "parity": "odd"}, "leave out boundary, background and parity"),
    (WELL, {"line": "ab"}, "must be .left, right. with 1 finite values each"),
    (WELL, {"line": ([-1.0], [1.0, 0.0])}, "must be .left, right. with 1 finite values each"),
    (WELL, {"line": ([1.0], [1.0])}, "give two different vacua"),
    (WELL, {"line": ([-1.0], [0.0])}, "tachyon of mass.2 -2"),
    (WELL, {"line": ([-1.0], [1.4])}, r"line \[1.4\] is not a stationary point of V, and the one near it"),
    (
        ss.Potential(lambda u, p: 0.5 * (1 - u[0] ** 2) ** 2 + 0.01 * u[0]),
        {"line": ([-1.0], [1.0])},
        "the lower vacuum .-1.002.* no static kink",
    ),
    (ss.Potential(lambda u, p, r: r**2 * u[0] ** 2), {"line": ([-1.0], [1.0])}, "depends on r itself"),
]


@pytest.mark.parametrize(("model", "arguments", "words"), BAD)
def test_bad_input_is_one_plain_sentence(model, arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        ss.Problem(model, **{"dim": 1, **arguments})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_half_a_kink_between_unlike_vacua_is_sent_to_the_line(scale):
    """With u(0) = 0 at a vacuum the first integral leaves no slope, so no kink passes through it."""
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 * (scale**2 - u[0] ** 2) ** 2)
    problem = ss.Problem(model, LINE, boundary=[scale], parity="odd")
    with pytest.raises(ValueError, match=rf"degenerate with .* use line=\(\[0.0\], \[{scale}\]\)"):
        _ = problem.vacuum
    lower = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 * (1 - u[0] ** 2) ** 2 + 0.05 * u[0] ** 4)
    end = [v.values[0] for v in ss.vacua(lower) if v.values[0] > 0.5]
    with pytest.raises(ValueError, match="V at the origin, where all fields vanish, is below"):
        _ = ss.Problem(lower, LINE, boundary=end, parity="odd").vacuum


def test_odd_fields_need_a_potential_with_that_symmetry():
    model = ss.Potential(lambda u, p: 0.5 * (u[0] + 2.0) ** 2 * (1 - u[0]) ** 2)
    with pytest.raises(ValueError, match=r"V changes when the sign of the odd fields changes.*use line"):
        _ = ss.Problem(model, LINE, boundary=[1.0], parity="odd").vacuum
    even_only = ss.Problem(TWO, LINE, boundary=[1.0, 0.0], parity=("odd", "even"))
    assert even_only.vacuum.masses == pytest.approx([0.5, 2.0])
