"""Symbols of fields and couplings as physicists write them, in mathtext, HTML and plain text."""

import pytest

from supersoliton.plotting import field_label, in_html, in_plain_text, symbol_of
from supersoliton.theory import OctaveHiggs
from supersoliton.theory.base import THEORIES

ROWS = [
    ("m0_squared", "m_{0}^{2}", "m₀²", "m<sub>0</sub><sup>2</sup>"),
    ("mu_squared", "μ^{2}", "μ²", "μ<sup>2</sup>"),
    ("g_yukawa", "g_{Y}", "g_Y", "g<sub>Y</sub>"),
    ("lambda_1", "λ_{1}", "λ₁", "λ<sub>1</sub>"),
    ("lambda_1_3", "λ_{1,3}", "λ_1,3", "λ<sub>1,3</sub>"),
    ("lambda_H", "λ_{H}", "λ_H", "λ<sub>H</sub>"),
    ("lam", "λ", "λ", "λ"),
    ("g", "g", "g", "g"),
    ("psi_11", "Ψ_{11}", "Ψ₁₁", "Ψ<sub>11</sub>"),
    ("chi_3", "χ_{3}", "χ₃", "χ<sub>3</sub>"),
]


@pytest.mark.parametrize(("name", "symbol", "plain", "html"), ROWS)
def test_names_are_written_as_symbols(name, symbol, plain, html):
    assert symbol_of(name, OctaveHiggs.symbols) == symbol
    assert in_plain_text(symbol) == plain
    assert in_html(symbol) == html
    assert field_label(name, OctaveHiggs.symbols) == f"${symbol}$"


@pytest.mark.parametrize("name", ["m2", "winding", "fractal_score", "dark_matter", "a_long_name_of_mine", "", "<b>_1"])
def test_other_names_stay_as_they_are(name):
    assert symbol_of(name, {}) == ""
    assert field_label(name, {}) == name


def test_markup_in_a_symbol_is_escaped():
    assert in_html(symbol_of("<_1", {})) == "&lt;<sub>1</sub>"


def test_no_two_couplings_of_a_theory_have_one_symbol():
    for theory in THEORIES.values():
        names = [name for name in getattr(theory, "__dataclass_fields__", {}) if name not in theory.structure]
        symbols = [found for name in names if (found := symbol_of(name, theory.symbols))]
        assert len(symbols) == len({*symbols}), theory
