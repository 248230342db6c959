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

# Lowest first. A module may import its own room and the rooms before it; rooms on one line are peers that do not see
# each other.
LAYERS = (
    {"folders", "findings", "arguments"},
    {"engine", "plotting", "devices"},
    {"lanes"},
    {"grid"},
    {"mesh"},
    {"linalg"},
    {"models"},
    {"pointwise"},
    {"functional"},
    {"vacua"},
    {"problem"},
    {"warm_start"},
    {"solvers"},
    {"ladder", "screening"},
    {"search"},
    {"refined", "mean_field"},
    {"spectrum", "tail", "kantorovich"},
    {"oscillations"},
    {"certificate"},
    {"adaptive", "dimension"},
    {"state"},
    {"bounce"},
    {"barrier"},
    {"solve"},
    {"find", "continuation", "rotation", "self_consistent"},
    {"sensitivity"},
    {"differentiable"},
    {"ratio_density"},
    {"scoring"},
    {"observables"},
    {"evaluate"},
    {"batch"},
    {"pretrain"},
    {"cache"},
    {"scan"},
    {"report"},
    {"validate"},
    {"config"},
    {"jobs"},
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
HEIGHT = {room: height for height, rooms in enumerate(LAYERS) for room in rooms}


def _room(path: Path) -> str:
    """The first component below the package: `solvers/newton.py` -> solvers, `grid.py` -> grid."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _module(path: Path) -> list[str]:
    parts = ["supersoliton", *path.relative_to(PACKAGE).with_suffix("").parts]
    return parts[:-1] if parts[-1] == "__init__" else parts


def _imported_modules(path: Path) -> list[tuple[int, str]]:
    """Every `supersoliton...` module that `path` imports, at any depth of the code, with its line."""
    found = []
    package = _module(path) if path.name == "__init__.py" else _module(path)[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            # `from supersoliton import grid` names a room too.
            found += [(node.lineno, f"{module}.{alias.name}") for alias in node.names]
    return [(line, name) for line, name in found if name.split(".")[0] == "supersoliton"]


def _imported_rooms(path: Path) -> list[tuple[int, str]]:
    return [(line, name.split(".")[1] if "." in name else "") for line, name in _imported_modules(path)]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_down(path):
    room = _room(path)
    if room in ("__init__", "__main__"):
        return
    assert room in HEIGHT, f"{path.name} is a new room: give it its place in LAYERS"
    for line, target in _imported_rooms(path):
        if target == "__version__":
            continue
        assert target in HEIGHT, f"{path}:{line} imports the public names; import the room that defines them"
        allowed = target == room or HEIGHT[target] < HEIGHT[room]
        assert allowed, f"{path}:{line}: {room} imports {target}, which lies above it or beside it"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_one_idea_per_file(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines < MAX_LINES, f"{path} has {lines} lines: probably two ideas"


def test_upward_import_is_noticed(tmp_path, monkeypatch):
    """The checker itself: relative, absolute and nested imports are all seen."""
    monkeypatch.setattr("tests.test_architecture.PACKAGE" if __package__ else f"{__name__}.PACKAGE", tmp_path)
    (tmp_path / "solvers").mkdir()
    path = tmp_path / "solvers" / "newton.py"
    path.write_text(
        "from ..scan import study\nfrom .. import cli\nimport supersoliton.report.page\n"
        "def f():\n    from supersoliton.evaluate import evaluate\nfrom . import lbfgs\nimport numpy\n"
    )
    assert [room for _, room in _imported_rooms(path)] == ["scan", "cli", "report", "solvers", "evaluate"]


def test_public_names_are_pinned():
    assert sorted(supersoliton.__all__) == sorted(PUBLIC)
    for name in PUBLIC:
        assert getattr(supersoliton, name).__name__ == name, f"{name} is hidden by a module of that name"


def test_importing_the_package_is_light():
    """`supersoliton --help` must answer at once: nothing heavy before it is needed."""
    code = "import sys, supersoliton; sys.exit(any(m in sys.modules for m in ('jax', 'numpy', 'scipy', 'optuna')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
