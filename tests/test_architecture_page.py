"""docs/architecture.md: its picture and list match the imports, and its ten answers name files that exist."""

import ast
import importlib.util
import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import supersoliton

ROOT = Path(__file__).parents[1]
PACKAGE = Path(supersoliton.__file__).parent
_spec = importlib.util.spec_from_file_location("architecture", ROOT / "docs" / "architecture.py")
architecture = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(architecture)

PAGE = architecture.PAGE.read_text(encoding="utf-8")
QUESTIONS = re.findall(r"^\| ([^|]+\?) \| `(\w+)` \| ([^|]+) \|$", PAGE, re.M)


@pytest.fixture(scope="module")
def drawing():
    return ET.fromstring(architecture.picture())


def _texts(drawing, kind):
    return [text for text in drawing.iter("{http://www.w3.org/2000/svg}text") if text.get("class") == kind]


def test_picture_shows_every_room_on_its_floor(drawing):
    floors = architecture.architecture().FLOORS
    heights = {text.text: float(text.get("y")) for text in _texts(drawing, "name")}
    assert set(heights) == set().union(*floors)
    for lower, upper in itertools.pairwise(floors):
        assert min(heights[room] for room in lower) > max(heights[room] for room in upper)
    assert [int(text.text) for text in _texts(drawing, "floor")] == list(range(len(floors), 0, -1))


def test_picture_counts_the_imports(drawing):
    """The number of imports of `config` by `sampling`, counted independently."""
    count = 0
    for path in (PACKAGE / "sampling").glob("*.py"):
        modules = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 2 and (node.module or "").startswith("config"):
                modules |= {node.module} if "." in node.module else {alias.name for alias in node.names}
        count += len(modules)
    assert architecture.imports()["sampling", "config"] == count > 0
    numbers = sorted(int(text.text) for text in _texts(drawing, "count"))
    assert numbers == sorted(architecture.imports().values())


def test_picture_and_list_are_those_of_the_imports():
    hint = "run `python docs/architecture.py`"
    assert architecture.PICTURE.read_text(encoding="utf-8") == architecture.picture(), hint
    assert architecture.page(PAGE) == PAGE, hint


def test_list_fits_80_columns():
    lines = architecture.in_words().splitlines()
    assert max(map(len, lines)) <= 80


def test_page_describes_every_room():
    rooms = set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE, re.M))
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == folders


def test_there_are_ten_questions():
    assert len(QUESTIONS) == 10


@pytest.mark.parametrize(("question", "room", "answer"), QUESTIONS, ids=[question[0] for question in QUESTIONS])
def test_answers_name_existing_files_and_names(question, room, answer):
    files = re.findall(r"`([\w/]+\.py)`", answer)
    assert files
    assert files[0].startswith(f"{room}/")
    sources = [(PACKAGE / file).read_text(encoding="utf-8") for file in files]
    for name in re.findall(r"`(\w+)`", answer):
        assert any(re.search(rf"\b{name}\b", source) for source in sources), name


def test_no_other_file_lists_the_layers():
    for name in ("README.md", "CONTRIBUTING.md", "docs/architecture.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "tests/test_architecture.py" in text, name
        assert not re.search(r"\w+ > \w+ > \w+ > \w+", text), f"{name} lists layers"
