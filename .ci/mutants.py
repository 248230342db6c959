"""Faults of one line that the tests have to notice.

make mutants        or        python .ci/mutants.py [--only WORD ...] [--jobs N]

Each entry of .ci/mutants.toml replaces one piece of text of one file, in a copy of the package, and names the tests
that should fail then. A fault that no test notices "survives". The exit code is 1 if fewer than 95 % are noticed.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
_SHARE = 0.95
_SECONDS = 900  # a fault that makes the tests hang is noticed too


class Mutant(NamedTuple):
    file: str
    was: str
    becomes: str
    tests: list[str]

    @property
    def name(self) -> str:
        return f"{self.file}: {self.was.strip()}  ->  {self.becomes.strip()}"

    def source(self, package: Path) -> str:
        """The text of the file with the fault. Raises ValueError if it does not hold the text exactly once."""
        text = (package / self.file).read_text(encoding="utf-8")
        if text.count(self.was) != 1:
            raise ValueError(f"{self.file} has {text.count(self.was)} times {self.was!r}: correct .ci/mutants.toml")
        return text.replace(self.was, self.becomes)


def mutants() -> list[Mutant]:
    """The faults of the list."""
    tables = tomllib.loads((ROOT / ".ci" / "mutants.toml").read_text(encoding="utf-8"))["mutant"]
    return [Mutant(t["file"], t["was"], t["becomes"], t["tests"]) for t in tables]


def is_noticed(mutant: Mutant) -> tuple[bool, float]:
    """Whether the tests fail with the fault, and the seconds that they took."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / "src" / "supersoliton"
        shutil.copytree(ROOT / "src" / "supersoliton", package, ignore=shutil.ignore_patterns("__pycache__"))
        (package / mutant.file).write_text(mutant.source(package), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-o", "addopts=", "-p", "no:cacheprovider"]
        environment = {**os.environ, "PYTHONPATH": str(package.parent), "OPENBLAS_NUM_THREADS": "1"}
        try:
            code = subprocess.run(
                [*command, *mutant.tests], cwd=ROOT, env=environment, capture_output=True, timeout=_SECONDS, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            code = 1
    if code not in (0, 1):
        raise RuntimeError(f"pytest ended with code {code} for {mutant.name}: are there such tests?")
    return code == 1, time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[""], help="faults whose description contains one of these")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    chosen = [m for m in mutants() if any(word in m.name for word in given.only)]
    survivors = []
    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        for mutant, (noticed, seconds) in zip(chosen, pool.map(is_noticed, chosen), strict=True):
            print(f"{'noticed ' if noticed else 'SURVIVES'} {seconds:5.0f} s  {mutant.name}", flush=True)
            survivors += [] if noticed else [mutant]
    share = 1.0 - len(survivors) / max(len(chosen), 1)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} noticed ({100.0 * share:.0f} %)")
    return int(share < _SHARE)


if __name__ == "__main__":
    sys.exit(main())
