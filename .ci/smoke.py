"""Check that the installed package is complete: python -I smoke.py VERSION REPOSITORY

.ci/wheel.py runs this file with the Python of a clean environment, in an empty folder.
"""

import importlib.util
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import supersoliton as ss

VERSION, REPOSITORY = sys.argv[1:]
PACKAGE = Path(ss.__file__).resolve().parent
COMMAND = Path(sysconfig.get_path("scripts")) / "supersoliton"
SCAN = """
[model]
n_octaves = 2
quartic_sign = -1
m0_squared = 0.5
lambda_1 = 0.05
mu_squared = -1.0
lambda_H = 0.5

[grid]
r_max = 25.0
n_elements = 6
order = 10

[spectrum]
n_modes = 20

[scan]
trials = 2
workers = 2
objectives = ["fractal_score", "hierarchy"]

[scan.parameters]
g = [0.5, 0.7]
norm = [600, 1200]
"""


def supersoliton(*arguments: str) -> str:
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# imported from this environment only
assert PACKAGE.is_relative_to(Path(sysconfig.get_path("purelib")).resolve()), PACKAGE
assert not PACKAGE.is_relative_to(Path(REPOSITORY).resolve()), PACKAGE
assert not [entry for entry in sys.path if Path(entry).resolve().is_relative_to(Path(REPOSITORY).resolve())], sys.path
assert ss.__version__ == VERSION, (ss.__version__, VERSION)
for tool in ("pytest", "mkdocs", "distributed", "optuna_dashboard"):
    assert importlib.util.find_spec(tool) is None, f"{tool} is here, so this environment is not clean"
for name in (
    "py.typed",
    "plotting/style.css",
    "scans/report/web/views.js",
    "scans/report/web/report.css",
    "validate/scan_box.csv",
):
    assert (PACKAGE / name).is_file(), name
for name in ss.__all__:
    getattr(ss, name)

# the bounce of one field in three dimensions, compared with an independent calculation
bounce = ss.bounce(
    ss.Potential(lambda u, p: 0.1 * (u[0] ** 4 - 8.0 * u[0] ** 3 + 10.0 * u[0] ** 2)), false_vacuum=[0.0], dim=3
)
assert abs(bounce.action / 52.4133263008 - 1) < 1e-10, bounce.action

assert VERSION in supersoliton("--version")
assert all(word in supersoliton("--help") for word in ("solve", "scan", "validate"))
Path("scan.toml").write_text(SCAN)
assert "2 of 2 trials are finished (2 q-ball)" in supersoliton("scan", "scan.toml")
page = Path("runs/scan/report.html").read_text()
for part in ("2 trials finished", "class Parallel extends View", "--paper:", "data-pictures='"):
    assert part in page, part
assert list(Path("runs/scan/report").glob("trial_*.svg")), "no picture of a state"
assert "wrote kink.toml" in supersoliton("init", "kink")
assert "0.942809041582" in supersoliton("solve", "kink.toml")
assert Path("kink.png").stat().st_size > 10_000
assert "1.416" in supersoliton("validate", "--only", "mass_ratio")
# a missing extra is named in one sentence, with the command that installs it
lines = subprocess.run([COMMAND, "dashboard", "runs/scan"], capture_output=True, text=True, check=False)
assert lines.returncode == 2, lines
assert "pip install optuna-dashboard" in lines.stderr, lines.stderr
shutil.rmtree("runs")
