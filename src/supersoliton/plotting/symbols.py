"""Symbols of fields and couplings: ``lambda_1`` is λ₁, ``m0_squared`` m₀², in figures, in HTML and as plain text.

A symbol is written like ``m_{0}^{2}``, with letters as they are.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping

_LOWER, _UPPER = (str.maketrans("0123456789", digits) for digits in ("₀₁₂₃₄₅₆₇₈₉", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
_PART = re.compile(r"([_^])\{([^}]*)\}")
_LONGEST = 6  # letters of an index; a longer word, or a third, makes the name a name, not a symbol


def symbol_of(name: str, symbols: Mapping[str, str]) -> str:
    """The symbol of a field or coupling; empty if its name is none of a symbol.

    ``symbols``: stem or index of a name -> the theory's symbol. A single letter stands for itself, the name of a Greek
    letter for that letter; what follows an underscore is an index, ``_squared`` a power, and digits before it an index.
    """
    bare = name.removesuffix("_squared")
    stem, _, index = bare.rpartition("_")
    if stem not in symbols:
        stem, _, index = bare.partition("_")
    if bare != name and not index and (split := re.fullmatch(r"(\D+?)(\d+)", stem)):
        stem, index = split.groups()  # m0_squared; m2 alone may be a square
    letter = symbols.get(stem) or (stem if len(stem) == 1 else _greek(stem))
    index = symbols.get(index, index)
    parts = index.split("_") if index else []
    if not letter or len(parts) > 2 or not all(part.isalnum() and len(part) <= _LONGEST for part in parts):
        return ""
    below = f"_{{{index.replace('_', ',')}}}" if index else ""
    return letter + below + ("^{2}" if bare != name else "")


def field_label(name: str, symbols: Mapping[str, str]) -> str:
    """``chi_3`` -> mathtext of χ with the index 3; a name that is none of a symbol is returned unchanged."""
    symbol = symbol_of(name, symbols)
    return f"${symbol}$" if symbol else name


def in_plain_text(symbol: str) -> str:
    """``m_{0}^{2}`` -> m₀², ``g_{Y}`` -> g_Y."""

    def written(match: re.Match[str]) -> str:
        place, word = match.groups()
        return word.translate(_LOWER if place == "_" else _UPPER) if word.isdigit() else f"{place}{word}"

    return _PART.sub(written, symbol)


def in_html(symbol: str) -> str:
    """``m_{0}^{2}`` -> m with its index and power as HTML, escaped."""
    tags = {"_": "sub", "^": "sup"}
    return _PART.sub(lambda m: f"<{tags[m[1]]}>{m[2]}</{tags[m[1]]}>", html.escape(symbol, quote=True))


def _greek(name: str) -> str:
    """The Greek letter of this name, capital if the name is; empty if there is none."""
    case = "SMALL" if name.islower() else "CAPITAL"
    try:
        return unicodedata.lookup(f"GREEK {case} LETTER {re.sub('^LAM(BDA)?$', 'LAMDA', name.upper())}")
    except KeyError:
        return ""
