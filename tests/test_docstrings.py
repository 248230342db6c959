"""Public docstrings are numpydoc: names, defaults and types as in the signature, and an example that runs."""

import ast
import dataclasses
import doctest
import inspect
import logging
import re

import griffe
import pytest

import supersoliton as ss

FUNCTIONS = sorted(name for name in ss.__all__ if inspect.isroutine(getattr(ss, name)))
CLASSES = sorted(name for name in ss.__all__ if inspect.isclass(getattr(ss, name)))
EXCEPTIONS = [name for name in CLASSES if issubclass(getattr(ss, name), Exception)]
# What a user constructs has parameters; what a call returns has attributes.
CONSTRUCTED = [
    "BabySkyrmion", "ChernSimonsVortex", "Density", "Dyon", "Exponential", "GaugedQBall", "Gaussian",
    "GlobalMonopole", "GlobalVortex", "GradientFlow", "LBFGS", "Monopole", "MultiStart", "Newton", "OctaveHiggs",
    "OriginalGuess", "Potential", "Problem", "RadialGrid", "SchroedingerNewton", "SelfConsistent", "Skyrmion",
    "Sphaleron", "SuperGaussian", "Table", "Vortex", "WarmStart",
]  # fmt: skip
RESULTS = sorted(set(CLASSES) - set(CONSTRUCTED) - set(EXCEPTIONS))


def sections(name):
    """The sections of a public docstring by their kind."""
    text = inspect.getdoc(getattr(ss, name)) or ""
    logging.disable(logging.WARNING)  # griffe warns of annotations that it cannot find in the signature
    try:
        found = griffe.Docstring(text, lineno=1).parse("numpy", warnings=False)
    finally:
        logging.disable(logging.NOTSET)
    return {section.kind.value: section for section in found}


def documented(name, kind):
    """{name: (type, default as written)} of the entries of a section; `a, b : float, default 1.0` documents both."""
    section = sections(name).get(kind)
    entries = section.value if section else []
    return {
        one.strip(" *"): (str(entry.annotation or ""), getattr(entry, "default", None))
        for entry in entries
        for one in entry.name.split(",")
    }


def is_optional(name, parameter):
    """Whether the line of a parameter says that it may be left out."""
    return re.search(rf"^[\w, ]*\b{parameter}\b[\w, ]* : .*optional$", inspect.getdoc(getattr(ss, name)), re.MULTILINE)


def signature(name):
    found = inspect.signature(getattr(ss, name)).parameters.values()
    return {p.name: p for p in found if p.name != "self" and p.kind is not p.VAR_KEYWORD}


def default_of(name, parameter):
    """The default of a parameter; of a dataclass field with a factory, what the factory makes."""
    fields = getattr(getattr(ss, name), "__dataclass_fields__", {})
    factory = getattr(fields.get(parameter.name), "default_factory", dataclasses.MISSING)
    return parameter.default if factory is dataclasses.MISSING else factory()


@pytest.mark.parametrize("name", sorted(ss.__all__))
def test_the_summary_is_one_sentence_on_one_line(name):
    lines = (inspect.getdoc(getattr(ss, name)) or "").splitlines()
    assert lines, f"{name} has no docstring"
    assert lines[0].strip().endswith((".", ":")), lines[0]
    assert len(lines) == 1 or not lines[1].strip(), f"{name}: leave a blank line after the summary"


@pytest.mark.parametrize("name", [*FUNCTIONS, *CONSTRUCTED])
def test_parameters_are_those_of_the_signature(name):
    assert list(documented(name, "parameters")) == list(signature(name))


@pytest.mark.parametrize("name", [*FUNCTIONS, *CONSTRUCTED])
def test_types_and_defaults_are_given_and_true(name):
    said = documented(name, "parameters")
    for parameter in signature(name).values():
        kind, value = said[parameter.name]
        assert kind, f"{name}: {parameter.name} has no type"
        if parameter.default is inspect.Parameter.empty:
            assert value is None, f"{name}: {parameter.name} has no default, the docstring says {value}"
        elif parameter.default is None:
            assert value == "None" or is_optional(name, parameter.name), f"{name}: {parameter.name} is optional"
        else:
            assert value is not None, f"{name}: {parameter.name} needs its default {parameter.default!r}"
            assert ast.literal_eval(value) == default_of(name, parameter)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_function_returns_and_raises_is_said(name):
    found = sections(name)
    assert "returns" in found, f"{name} has no section Returns"
    assert "raises" in found, f"{name} has no section Raises"


@pytest.mark.parametrize("name", RESULTS)
def test_attributes_are_the_fields(name):
    fields = [f.name for f in dataclasses.fields(getattr(ss, name)) if not f.name.startswith("_")]
    said = documented(name, "attributes")
    assert [field for field in fields if field not in said] == []
    assert [one for one in said if not hasattr(getattr(ss, name), one) and one not in fields] == []
    assert all(kind for kind, _ in said.values()), f"{name}: an attribute has no type"


@pytest.mark.parametrize("name", [*FUNCTIONS, *CONSTRUCTED])
def test_the_example_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = inspect.getdoc(getattr(ss, name)) or ""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    test = doctest.DocTestParser().get_doctest(text, {"ss": ss}, name, None, 0)
    assert test.examples, f"{name} has no example"
    assert not any(doctest.SKIP in example.options for example in test.examples)
    out = []
    doctest.DocTestRunner(optionflags=flags).run(test, out=out.append)
    assert not out, "".join(out)
