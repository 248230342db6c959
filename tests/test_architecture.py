"""The folder is the architecture: imports point down only, files stay small, public names are pinned."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import supersoliton

PACKAGE = Path(supersoliton.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 400

# The floors, lowest first: the only list of them. A room may import itself and rooms on floors below; rooms on one
# floor do not see each other.
FLOORS = (
    {"machine", "plotting", "_checks", "_version"},
    {"elements", "theory"},
    {"problem", "scores"},
    {"solvers"},
    {"states", "guesses"},
    {"search", "fluctuations"},
    {"config", "families"},
    {"evaluate", "training", "sampling"},
    {"scans", "validate"},
    {"cli"},
)
# What a user may rely on. Adding a name is a decision; removing one is a break.
PUBLIC = [
    "BounceError",
    "Branch",
    "Certificate",
    "DifferentiableState",
    "Exponential",
    "FixedPoint",
    "Gaussian",
    "GradientFlow",
    "LBFGS",
    "Modes",
    "MultiStart",
    "Newton",
    "OctaveHiggs",
    "OriginalGuess",
    "Oscillations",
    "Potential",
    "Problem",
    "RadialGrid",
    "Rotation",
    "Scores",
    "SelfConsistent",
    "Sensitivity",
    "Solution",
    "SolveError",
    "State",
    "SuperGaussian",
    "Vacuum",
    "WarmStart",
    "bounce",
    "continuation",
    "find_states",
    "load",
    "oscillations",
    "pretrain",
    "rotation",
    "scan",
    "score",
    "self_consistent",
    "sensitivity",
    "solve",
    "spectrum",
    "vacua",
]
HEIGHT = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}


def _name(path: Path, package: Path) -> str:
    """The dotted name of a file within the package: `solvers.newton`, `theory` for `theory/__init__.py`, "" for its
    own `__init__.py`."""
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path, package: Path = PACKAGE) -> list[tuple[int, str]]:
    """(line, file) of every file of the package that `path` imports: at any depth of its code, relative or absolute,
    and under TYPE_CHECKING too, because a type that lies too high has to move down."""
    names = {_name(file, package) for file in package.rglob("*.py")}
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
        assert allowed, f"{path}:{line}: {room} imports {target}, which lies above it or beside it"


def _circles(package: Path) -> list[list[str]]:
    """Files that import each other, also over others; `from . import x` in a room's __init__ counts like any other."""
    graph = {_name(file, package): {target for _, target in _imports(file, package)} for file in package.rglob("*.py")}
    circles = []
    while graph:
        free = [name for name, targets in graph.items() if not (targets & graph.keys()) - {name}]
        if not free:
            # whatever is left lies on a circle or above one; above is what nobody left imports
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


def test_no_room_or_file_beside_the_rooms_bears_a_public_name():
    assert not {_name(path, PACKAGE).partition(".")[0] for path in FILES} & set(PUBLIC)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_one_idea_per_file(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines < MAX_LINES, f"{path} has {lines} lines: probably two ideas"


def test_upward_imports_and_circles_are_noticed(tmp_path):
    """The checker itself: relative, absolute and nested imports are all seen."""
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
        assert getattr(supersoliton, name).__name__ == name


def test_importing_the_package_is_light():
    """`supersoliton --help` must answer at once: nothing heavy before it is needed."""
    code = "import sys, supersoliton; sys.exit(any(m in sys.modules for m in ('jax', 'numpy', 'scipy', 'optuna')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
