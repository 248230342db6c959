"""The page and the schema of the configuration are those of the classes that read it; schema and program agree."""

import importlib.util
import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from supersoliton.config import loads
from supersoliton.theory.base import THEORIES

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("configuration_page", ROOT / "docs" / "configuration.py")
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)
SCHEMA = json.loads(reference.SCHEMA.read_text(encoding="utf-8"))
FILES = sorted((ROOT / "examples").rglob("*.toml"))


def test_page_and_schema_are_those_of_the_classes():
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), "run `make docs`"
    assert reference.json_schema() == SCHEMA, "run `make docs`"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_table_and_key_of_a_resolved_configuration_is_on_the_page():
    known = {(section.table, key.name) for section in reference.sections() for key in section.keys}
    resolved = loads("[scan.parameters]\ng = [1.0, 2.0]\n[scan.verify]\n[scan.refine]").to_dict()
    for table, values in resolved.items():
        for key in values:
            assert (table, key) in known or key == "kind", (table, key)
    assert {section.kind for section in reference.sections() if section.table == "model"} == set(THEORIES)


def test_every_key_has_a_meaning():
    for section in reference.sections():
        assert len(section.words) > 10, section.table
        for key in section.keys:
            assert len(key.meaning) > 1, (section.table, key.name)
            assert key.kind, (section.table, key.name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_examples_satisfy_the_schema(path):
    jsonschema.validate(tomllib.loads(path.read_text(encoding="utf-8")), SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "[model]\nn_octavs = 3",
        "[model]\nn_octaves = 3.5",
        '[model]\nkind = "vortex"\nkappa = 1.0',
        "[grid]\nr_max = true",
        '[grid]\norder = "12"',
        '[problem]\nnorm = "big"',
        "[problem]\nline = [1.0, 2.0]",
        '[problem.guess]\nkind = "gaussian"\nsigma = 1.0',
        '[solver]\nkind = "descent"',
        "[spectrum]\nell = 0",
        "[scan]\ntrials = 1.5",
        "[scan.parameters]\ng = [1.0]",
        "[scan.verify]\npoint = 3",
        "[scans]\ntrials = 3",
    ],
)
def test_what_the_schema_refuses_the_program_refuses_too(text):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), SCHEMA)
    with pytest.raises(ValueError, match=r"\[|there is no"):
        loads(text)


def test_what_the_program_resolves_satisfies_the_schema():
    for text in (
        "[scan.parameters]\ng = [1.0, 2.0]\nnorm = { low = 1.0, high = 2.0, log = true }",
        '[model]\nkind = "monopole"\nbeta = 2.0',
        '[problem]\nnorm = 3.0\nboundary = "free"\n[problem.guess]\nkind = "gaussian"\nfield = ["psi_1", 0]',
        '[problem.self_consistent]\nfeedback = ["g"]\nclip = { g = [0.0, 2.0] }\n[warm_start]\ncheckpoint = "a.npz"',
    ):
        if "warm_start" in text:
            text += '\n[problem.guess]\nkind = "multistart"\n[scan.parameters]\ng = [1.0, 2.0]'
        jsonschema.validate(tomllib.loads(text), SCHEMA)
        jsonschema.validate(json.loads(json.dumps(loads(text).to_dict())), SCHEMA)
