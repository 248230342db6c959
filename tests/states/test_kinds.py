"""Every kind has its properties, words, marker and colour, and is stored as its text."""

import copy
import json
import pickle

import pytest

from supersoliton.plotting import KIND_MARKERS, PALETTES
from supersoliton.scans.report.summary import count_words
from supersoliton.states.kinds import Kind

# Text in files of earlier versions: whether it is a soliton, and whether it must be stable.
WRITTEN = {
    "q-ball": (True, True),
    "minimum at fixed norm": (True, True),
    "bounce": (True, False),
    "excited": (True, False),
    "kink": (True, True),
    "trapped": (True, True),
    "soliton": (True, False),
    "condensate": (False, True),
    "vacuum": (False, True),
    "delocalised": (False, False),
    "no transition": (False, False),
    "no nucleation": (False, False),
    "unconverged": (False, False),
}


def test_the_kinds_are_those_of_earlier_files():
    assert {str(kind): (kind.localised, kind.stable) for kind in Kind} == WRITTEN


def test_only_a_bounce_must_have_a_negative_mode():
    assert {str(kind): kind.negative_modes for kind in Kind if kind.negative_modes} == {"bounce": 1}


@pytest.mark.parametrize("kind", Kind, ids=str)
def test_a_kind_has_its_words_its_marker_and_its_colour(kind):
    one, many = kind.words
    assert one != many
    assert (count_words(1, kind), count_words(2, kind)) == (f"1 {one}", f"2 {many}")
    marker, slot = KIND_MARKERS[kind]
    assert marker
    assert -1 <= slot < min(map(len, PALETTES.values()))


def test_there_is_no_marker_without_a_kind():
    assert set(KIND_MARKERS) == set(Kind)


@pytest.mark.parametrize("kind", Kind, ids=str)
def test_a_kind_is_written_as_its_text_and_read_back(kind):
    text = kind.value
    assert type(text) is str
    assert (json.dumps(kind), f"{kind}", str(kind), repr(kind)) == (f'"{text}"', text, text, repr(text))
    assert Kind(json.loads(json.dumps(kind))) is pickle.loads(pickle.dumps(kind)) is copy.deepcopy(kind) is kind


def test_an_unknown_text_is_no_kind():
    assert Kind.of("oscillon") is None
    assert count_words(3, "oscillon") == "3 oscillon"
