"""Every row of the table of targets, as a ratio, with its target.

make bench        or        python -m benchmarks [--only ROW ...] [--quick] [--out FILE]

Writes benchmarks/results.json (with --only its other rows stay) and benchmarks/growth.png; with --quick, which measures
less and less well, both go to build/ instead. benchmarks/README.md says how each row is measured.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import accelerators, bounces, comparison, evaluation, growth, measure, processes, results, scans
from .measure import Row, Size
from .picture import draw

# name of a group -> what measures its rows
GROUPS: dict[str, Callable[[Size], list[Row]]] = {
    "one-start": evaluation.one_start,
    "multi-start": evaluation.multi_start,
    "state": evaluation.state_alone,
    "differences": comparison.finite_differences,
    "bounce": bounces.bounces,
    "first-call": processes.first_calls,
    "command-line": processes.command_line,
    "growth": growth.growth,
    "two-workers": scans.two_workers,
    "overhead": scans.overhead,
    "accelerator": accelerators.accelerators,
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="ROW", choices=GROUPS, help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="a minute or two, rough numbers, written to build/")
    parser.add_argument("--size", choices=measure.SIZES, help=argparse.SUPPRESS)  # "tiny": for the test suite
    parser.add_argument("--out", type=Path, help="where to write instead of benchmarks/results.json")
    chosen = parser.parse_args(arguments)
    size = measure.SIZES[chosen.size or ("quick" if chosen.quick else "full")]
    default = results.RESULTS if size is measure.FULL else results.ROOT / "build" / f"bench-{size.name}.json"
    path = chosen.out or default
    print(f"supersoliton's benchmarks ({size.name}), one thread. The yardstick: a dense symmetric eigenproblem,")
    print(f"{measure.WANTED} of {measure.UNKNOWNS} eigenvalues.", flush=True)
    start = time.perf_counter()
    rows: list[Row] = []
    written: dict[str, Any] = {}
    failed: list[str] = []
    for name in chosen.only or GROUPS:
        before = time.perf_counter()
        print(name, flush=True)
        try:
            with measure.nothing_remembered():
                rows += GROUPS[name](size)
        except subprocess.CalledProcessError as error:  # it has said why; the other rows can be had all the same
            failed.append(f"{name} failed: a process ended with exit code {error.returncode}")
            print(f"  {failed[-1]}", flush=True)
        print(f"  ({time.perf_counter() - before:.0f} s)", flush=True)
        # after each, so that what was measured is not lost to what comes later
        seconds = time.perf_counter() - start
        written = results.write(path, rows, size, seconds=seconds, keep=bool(chosen.only))
    if not draw(written, path.with_name("growth.png" if path == results.RESULTS else f"{path.stem}.png")):
        print("no picture: it needs the rows of growth and bounces")
    yardstick = written["yardstick"]
    print(f"\n{written['machine']['cpu']}, {written['machine']['cores']} cores; yardstick {yardstick['seconds']:.3f} s")
    print(results.table(written))
    if results.busy(written):
        print(f"\n{results.busy(written)}")
    print(f"\n{seconds:.0f} s; written to {path}")
    for words in failed:
        print(words, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
