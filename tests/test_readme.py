"""The README's example prints what the README shows, each call of its table runs, and its numbers are measured ones."""

import ast
import contextlib
import importlib.util
import json
import re
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import supersoliton as ss

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("readme_numbers", ROOT / "docs" / "readme_numbers.py")
readme_numbers = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(readme_numbers)

NUMBER = re.compile(r"-?\d+\.?\d*(?:e[-+]?\d+)?")
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
CALLS = readme_numbers.calls(TEXT)
HINT = "run `make docs`"


def _results(name="results.json"):
    return json.loads((ROOT / "benchmarks" / name).read_text(encoding="utf-8"))


def test_example_prints_what_the_readme_says():
    printed, picture = readme_numbers.run(readme_numbers.example(TEXT))
    said = readme_numbers.output(TEXT)
    assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", said).split(), HINT
    for now, then in zip(NUMBER.findall(printed), NUMBER.findall(said), strict=True):
        # Anything below 1e-6 is rounding error (residuals, the zero of a mode) and differs between machines.
        assert float(now) == pytest.approx(float(then), rel=2e-4, abs=1e-6), HINT
    assert picture.startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def folder_and_names(tmp_path_factory):
    """The names that the example defines, in a folder that has the source's examples."""
    matplotlib.use("Agg")
    folder, names = tmp_path_factory.mktemp("readme"), {}
    shutil.copytree(ROOT / "examples", folder / "examples")
    with contextlib.chdir(folder):
        exec(compile(readme_numbers.example(TEXT), "README.md", "exec"), names)
    return folder, names


def _call(code, names):
    """Run the statements of a cell; the value of the last one, which is an expression."""
    body = ast.parse(code).body
    exec(compile(ast.Module(body[:-1], []), "README.md", "exec"), names)
    return eval(compile(ast.Expression(body[-1].value), "README.md", "eval"), names)


# The result of each call of the table, compared with an independent value.
def _vacua(found, names):
    assert [abs(found[0].values[1]), *found[0].masses] == pytest.approx([1.0, 1.0, 2.0])


def _spectrum(found, names):
    assert len(found.zero_modes) == 1  # the translation
    assert len(found.eigenvalues) == 20


def _rotation(found, names):
    assert found.charge == pytest.approx(names["state"].omega * 300.0, rel=1e-12)
    assert found.classically_stable


def _oscillations(found, names):
    assert found.zero_modes == 1
    assert not len(found.growth_rates)


def _energy_slope(names):
    """dE/dkappa at fixed norm: the explicit derivative of V, integrated by Hellmann and Feynman."""
    state = names["state"]
    f, chi = state.u.T
    return state.grid.integrate(2.0 * chi**2 * f**2)


def _sensitivity(found, names):
    assert found.energy == pytest.approx(_energy_slope(names), rel=1e-6)


def _grad(found, names):
    assert float(found) == pytest.approx(_energy_slope(names), rel=1e-6)


def _continuation(found, names):
    assert found.status == "reached norm = 400"
    # dE = omega^2 dN / 2 along the branch
    slope = np.gradient(found.energies, found.parameters)[1:-1]
    assert slope == pytest.approx(0.5 * found.multipliers[1:-1], rel=1e-2)


def _find_states(found, names):
    assert min(state.energy for state in found) == pytest.approx(names["state"].energy, rel=1e-9)


def _bounce(found, names):
    """The potential of docs/guides/bounces.md without its factor 0.1: in d = 4 the action of lambda V is S/lambda."""
    scaled = ss.bounce(ss.Potential(lambda u, p: 0.1 * (u[0] ** 4 - 8 * u[0] ** 3 + 10 * u[0] ** 2)), [0.0], dim=4)
    assert found.action == pytest.approx(0.1 * scaled.action, rel=1e-9)
    assert found.certificate.negative_modes == 1


def _solve(found, names):
    """Vortices attract each other below critical coupling: two of them cost less than twice one."""
    assert found.certificate.certified
    assert found.energy / np.pi < 2 * 0.8679102902927


def _decay_rate(found, names):
    """The determinants of this V were also integrated independently (docs/guides/decay_rates.md)."""
    assert pytest.approx((268.1008433124, 1.37870569), rel=1e-6) == (found.S0, found.S1)


def _nucleation(found, names):
    """The one-dimensional test of PhaseTracer, to the digits of two independent programs."""
    assert found.temperature == pytest.approx(57.4104446492, rel=1e-8)


def _self_consistent(found, names):
    assert found.status == "converged"
    assert found.couplings["m0_squared"] != pytest.approx(found.bare["m0_squared"], rel=1e-3)


def _scan(found, names):
    assert found.finished == 2
    assert (found.directory / "report.html").stat().st_size > 1000


CHECKS = {
    "ss.vacua": _vacua, "ss.spectrum": _spectrum, "ss.rotation": _rotation, "ss.oscillations": _oscillations,
    "ss.sensitivity": _sensitivity, "jax.grad": _grad, "ss.continuation": _continuation,
    "ss.find_states": _find_states, "ss.bounce": _bounce, "ss.solve": _solve,
    "ss.decay_rate": _decay_rate, "ss.nucleation": _nucleation, "ss.self_consistent": _self_consistent,
    "ss.scan": _scan,
}  # fmt: skip


def _name(code):
    return re.search(r"(?:ss|jax)\.\w+", code)[0]


def test_every_call_of_the_table_has_a_check():
    assert [_name(code) for code in CALLS] == list(CHECKS)


@pytest.mark.parametrize("code", CALLS, ids=_name)
def test_call_of_the_table_runs_as_it_stands(code, folder_and_names):
    folder, names = folder_and_names
    with contextlib.chdir(folder):
        CHECKS[_name(code)](_call(code, names), names)


def test_three_numbers_of_speed_are_measured():
    written = _results()
    three = readme_numbers.three_numbers(written)
    found = readme_numbers.THREE.search(TEXT)
    assert found, "the README has lost its numbers of speed"
    assert found[0] == found[1] + three + found[2], HINT
    milliseconds = [float(number) for number in re.findall(r"\| (\d+) ms \|", three)]
    rows = {row["key"]: row for row in written["rows"]}
    stages = rows["multi-start"]["details"]["stages_wall_seconds"]["total"]
    bounces = {row["fields"]: row["seconds"] for row in rows["bounce-error"]["details"]["rows"]}
    assert milliseconds == pytest.approx([1000 * stages, 1000 * bounces[8]], rel=0.1)
    assert float(re.search(r"\| ([\d.]+) s \|", three)[1]) == pytest.approx(rows["first-call"]["value"], rel=0.05)


def test_table_of_speed_is_that_of_the_results():
    page = readme_numbers.SPEED_PAGE.read_text(encoding="utf-8")
    found = readme_numbers.SPEED.search(page)
    assert found, "docs/speed.md has lost its table"
    written = _results()
    table = readme_numbers.speed(written)
    assert found[0] == found[1] + table + found[2], HINT
    # each ratio is in the line of its row
    for row in written["rows"]:
        line = next(line for line in table.splitlines() if line.startswith(f"| {row['work']}"))
        number = re.search(r"\d+\.?\d*(?:e[-+]\d+)?", line.split("|")[2])
        if row["ratio"] is None:
            assert "not measured" in line
        else:
            assert float(number[0]) == pytest.approx(abs(row["ratio"]), rel=0.5)
            assert ("missed" in line) == (row["met"] is False)


def test_table_of_before_and_after_is_that_of_the_results():
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    found = readme_numbers.ROWS.search(text)
    assert found, "benchmarks/README.md has lost its table of before and after"
    before, after = _results("before.json"), _results()
    assert found[0] == found[1] + readme_numbers.before_and_after(before, after) + found[2], HINT
    assert found[0].count("\n| `") == len(after["rows"])


def test_the_order_of_the_readme():
    """What it does, two commands, a picture, an example, scope, the octave model, speed."""
    marks = (
        "any potential that you write",
        "    make ",
        "![",
        "```python",
        "## Scope",
        "## The octave model",
        "## Speed",
    )
    places = [TEXT.index(mark) for mark in marks]
    assert places == sorted(places)
    scope = TEXT[TEXT.index("## Scope") : TEXT.index("## The octave model")]
    assert len(re.findall(r"^- ", scope, re.M)) == 5
    octaves = TEXT[TEXT.index("## The octave model") : TEXT.index("## Speed")]
    assert "parameter_scan_supersoliton_v39_STABLE_HIERARCHY.py" in octaves
    assert re.findall(r"^- (?:An?|The) \*\*([^*]+)\*\*", octaves, re.M) == [
        "octave",
        "fractal score",
        "hierarchy",
        "regularity",
        "null",
    ]


def test_files_that_the_readme_names_exist():
    named = set(re.findall(r"\]\(([\w./]+)\)", TEXT)) | set(re.findall(r"(?:examples|docs|tests)/[\w/]+\.\w+", TEXT))
    assert len(named) > 15
    for name in named:
        assert (ROOT / name).exists(), name
