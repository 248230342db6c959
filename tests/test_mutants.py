"""The list of faults in .ci/mutants.toml fits the package; the faults themselves are tried by `make mutants`."""

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_spec = importlib.util.spec_from_file_location("mutants", ROOT / ".ci" / "mutants.py")
mutants = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(mutants)
LIST = mutants.mutants()


def test_there_are_enough_of_them():
    assert len(LIST) >= 60
    assert len(set(LIST_NAMES := [m.name for m in LIST])) == len(LIST_NAMES)


@pytest.mark.parametrize("mutant", LIST, ids=lambda m: m.file)
def test_each_changes_one_place_and_names_tests_that_exist(mutant):
    package = ROOT / "src" / "supersoliton"
    changed = mutant.source(package)
    assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse((package / mutant.file).read_text(encoding="utf-8")))
    assert mutant.tests
    for test in mutant.tests:
        file, _, function = test.partition("::")
        assert (ROOT / file).exists()
        assert not function or f"def {function}(" in (ROOT / file).read_text(encoding="utf-8")
