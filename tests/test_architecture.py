"""The folder is the architecture: imports point down only, sizes are limited, public names are pinned."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

import supersoliton

PACKAGE = Path(supersoliton.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
# Fewer lines than this in a file; at most so many in a function (without its docstring), in a class,
# and in the package (without its docstrings); 21,400 before scales, symmetry modes, shooting, lines and stability.
MAX_FILE, MAX_FUNCTION, MAX_CLASS, MAX_PACKAGE = 400, 60, 250, 39_500
# The floors, lowest first: the only list of them. A room may import itself and rooms on lower floors, but no other room
# on its own floor.
FLOORS = (
    {"machine", "plotting", "_checks", "_ranges", "_version"},
    {"elements", "theory"},
    {"problem", "scores"},
    {"solvers"},
    {"states", "guesses"},
    {"search", "fluctuations"},
    {"config", "families"},
    {"transitions"},
    {"evaluate", "training", "sampling"},
    {"scans", "validate"},
    {"cli"},
)
# The stable names. Adding one is a decision; removing one breaks users' code.
PUBLIC = [
    "BabySkyrmion",
    "BounceError",
    "Branch",
    "Certificate",
    "ChernSimonsVortex",
    "DecayRate",
    "Density",
    "Design",
    "Determinant",
    "DifferentiableState",
    "Dyon",
    "Exponential",
    "FixedPoint",
    "Gaussian",
    "GaugedQBall",
    "GlobalMonopole",
    "GlobalVortex",
    "GradientFlow",
    "LBFGS",
    "Modes",
    "Monopole",
    "MultiStart",
    "Newton",
    "Nucleation",
    "OctaveHiggs",
    "OriginalGuess",
    "Oscillations",
    "Phases",
    "Potential",
    "Problem",
    "RadialGrid",
    "Rotation",
    "Scores",
    "ScanResult",
    "SchroedingerNewton",
    "SelfConsistent",
    "Sensitivity",
    "Skyrmion",
    "Slopes",
    "Solution",
    "SolveError",
    "SolveWarning",
    "Sphaleron",
    "State",
    "SuperGaussian",
    "Table",
    "Vacuum",
    "Vortex",
    "WarmStart",
    "bounce",
    "compare",
    "continuation",
    "decay_rate",
    "design",
    "determinant",
    "find_states",
    "load",
    "nucleation",
    "oscillations",
    "phases",
    "plot_modes",
    "pretrain",
    "rotation",
    "scan",
    "score",
    "self_consistent",
    "sensitivity",
    "slopes",
    "solve",
    "spectrum",
    "thermal",
    "vacua",
]
HEIGHT = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
HEIGHT["__main__"] = len(FLOORS)  # `python -m supersoliton`, above all floors


def _name(path: Path, package: Path) -> str:
    """Dotted name of a file of the package: `solvers.newton`, `theory` for `theory/__init__.py`, "" at the top."""
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def _names(package: Path) -> set[str]:
    return {_name(file, package) for file in package.rglob("*.py")}


def _imports(path: Path, package: Path = PACKAGE) -> list[tuple[int, str]]:
    """(line, file) of every file of the package that `path` imports, anywhere in its code.

    Imports under TYPE_CHECKING count: a type that lies too high has to move down.
    """
    names = _names(package)
    inside = path.relative_to(package).parts[:-1]
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ["supersoliton", *inside][: len(inside) + 2 - node.level] if node.level else []
            base += node.module.split(".") if node.module else []
            modules = [[*base, alias.name] for alias in node.names]
        else:
            continue
        for module in modules:
            if module[0] == "supersoliton":
                file = ".".join(module[1:])
                found.append((node.lineno, file if file in names else ".".join(module[1:-1])))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    room = _name(path, PACKAGE).partition(".")[0]
    if not room:
        return
    assert room in HEIGHT, f"{path} is in a new room: give it its floor in FLOORS"
    for line, target in _imports(path):
        assert target, f"{path}:{line} imports the public names: import the file that defines them"
        below = target.partition(".")[0]
        allowed = below == room or HEIGHT[below] < HEIGHT[room]
        assert allowed, f"{path}:{line}: {room} imports {target}, which is not on a lower floor"


def _circles(package: Path) -> list[list[str]]:
    """Groups of files that import each other, directly or through other files."""
    _names.cache_clear()
    graph = {_name(file, package): {target for _, target in _imports(file, package)} for file in package.rglob("*.py")}
    circles = []
    while graph:
        free = [name for name, targets in graph.items() if not (targets & graph.keys()) - {name}]
        if not free:
            # the remaining files lie on a circle or above one; those above are imported by no other
            left = dict(graph)
            while tops := [name for name in left if not any(name in t for other, t in left.items() if other != name)]:
                for name in tops:
                    del left[name]
            circles.append(sorted(left))
            break
        for name in free:
            del graph[name]
    return circles


def test_no_circle_between_files():
    assert _circles(PACKAGE) == []


def test_there_are_few_floors():
    assert len(FLOORS) <= 11
    rooms = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert rooms - {"__init__", "__pycache__", "py.typed"} == set(HEIGHT)


def test_no_room_has_a_public_name():
    assert not {_name(path, PACKAGE).partition(".")[0] for path in FILES} & set(PUBLIC)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_one_idea_per_file(path):
    assert _lines(path) < MAX_FILE, f"{path} has {_lines(path)} lines: probably two ideas"


# Who may name the octave model: itself, its scores, its claims, and the lists of names.
OF_THE_OCTAVES = (
    "theory/octave_",
    "theory/__init__.py",
    "scores/",
    "validate/",
    "cli/validate.py",
    "__init__.py",
    "config/old_names.py",
)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_other_file_knows_a_theory(path):
    """Neither a class, nor a field, nor a word of the octave model stands in code elsewhere (docstrings may)."""
    if str(path.relative_to(PACKAGE)).startswith(OF_THE_OCTAVES):
        return
    code = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(code):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
    found = re.findall(r"OctaveHiggs|\w*octave\w*|['\"](?:phi|psi)\w*['\"]", ast.unparse(code), re.IGNORECASE)
    assert found == []


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _long(path: Path) -> list[tuple[str, int]]:
    """(name, lines) of the functions and classes of a file that are too long."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        lines, limit = node.end_lineno - node.lineno + 1, MAX_CLASS
        if not isinstance(node, ast.ClassDef):
            limit = MAX_FUNCTION
            if ast.get_docstring(node) is not None:
                lines -= node.body[0].end_lineno - node.body[0].lineno + 1
        if lines > limit:
            found.append((node.name, lines))
    return found


def test_functions_and_classes_are_short():
    assert {str(path.relative_to(PACKAGE)): long for path in FILES if (long := _long(path))} == {}


def _docstring_lines(path: Path) -> int:
    found = 0
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            found += node.body[0].end_lineno - node.body[0].lineno + 1
    return found


def test_the_package_does_not_grow():
    """Docstrings apart, which a reference needs."""
    lines = sum(_lines(path) - _docstring_lines(path) for path in FILES)
    print(f"src has {lines} lines outside docstrings, at most {MAX_PACKAGE}")
    assert lines <= MAX_PACKAGE, f"src has {lines} lines: remove duplicates and comments that repeat the code"


def test_long_functions_and_classes_are_noticed(tmp_path):
    path = tmp_path / "long.py"
    body = "    x = 1\n" * (MAX_FUNCTION - 1)
    path.write_text(f'def short():\n    """Two\n    lines."""\n{body}')
    assert _long(path) == []
    path.write_text(f"def long():\n    y = 1\n{body}class A:\n" + "    x = 1\n" * MAX_CLASS)
    assert _long(path) == [("long", MAX_FUNCTION + 1), ("A", MAX_CLASS + 1)]


def test_upward_imports_and_circles_are_noticed(tmp_path):
    """The checks themselves: relative, absolute and nested imports are found."""
    for name in ("solvers", "scans", "cli"):
        (tmp_path / name).mkdir()
    for name in ("scans/loop.py", "cli/__init__.py", "solvers/lbfgs.py", "solvers/__init__.py"):
        (tmp_path / name).write_text("")
    path = tmp_path / "solvers" / "newton.py"
    path.write_text(
        "from ..scans import loop\nfrom .. import cli\nimport supersoliton.scans.loop\n"
        "def f():\n    from supersoliton.scans.loop import run\nfrom .lbfgs import LBFGS\nimport numpy\n"
    )
    found = [target for _, target in _imports(path, tmp_path)]
    assert found == ["scans.loop", "cli", "scans.loop", "solvers.lbfgs", "scans.loop"]
    assert _circles(tmp_path) == []
    (tmp_path / "solvers" / "lbfgs.py").write_text("def f():\n    from . import newton\n")
    (tmp_path / "cli" / "top.py").write_text("from ..solvers.newton import f\n")
    assert _circles(tmp_path) == [["solvers.lbfgs", "solvers.newton"]]


def test_public_names_are_pinned():
    assert sorted(supersoliton.__all__) == sorted(PUBLIC)
    for name in PUBLIC:
        assert getattr(supersoliton, name).__name__.rpartition(".")[2] == name


def test_importing_the_package_is_light():
    """`supersoliton --help` must answer at once: nothing heavy is imported before it is needed."""
    code = "import sys, supersoliton; sys.exit(any(m in sys.modules for m in ('jax', 'numpy', 'scipy', 'optuna')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_driver_of_a_scan_starts_without_what_it_may_not_need():
    """SciPy's optimisers and splines, matplotlib, xarray: half a second of every start."""
    code = (
        "import sys, supersoliton.scans.job; from supersoliton.config import load; load('examples/quickstart.toml'); "
        "print(*{'scipy.optimize', 'scipy.interpolate', 'scipy.stats', 'matplotlib', 'xarray'} & sys.modules.keys())"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not run.stdout.split()
