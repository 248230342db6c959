"""Measure every row of the table of targets, as a ratio, and compare it with its target.

make bench        or        python -m benchmarks [--only ROW ...] [--quick] [--out FILE]

Writes benchmarks/results.json (with --only, the other rows are kept) and benchmarks/growth.png; with --quick, which is
less accurate, both are written to build/. benchmarks/README.md describes how each row is measured.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import bounces, comparison, evaluation, growth, measure, one_loop, processes, results, scans
from .measure import Row, Size
from .picture import draw

# name of a group -> function that measures its rows
GROUPS: dict[str, Callable[[Size], list[Row]]] = {
    "one-start": evaluation.one_start,
    "multi-start": evaluation.multi_start,
    "state": evaluation.state_alone,
    "differences": comparison.finite_differences,
    "bounce": bounces.bounces,
    "one-loop": one_loop.one_loop,
    "first-call": processes.first_calls,
    "command-line": processes.command_line,
    "growth": growth.growth,
    "two-workers": scans.two_workers,
    "overhead": scans.overhead,
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", metavar="ROW", choices=GROUPS, help=f"measure only these: {', '.join(GROUPS)}"
    )
    parser.add_argument("--quick", action="store_true", help="rough numbers in a minute or two, written to build/")
    parser.add_argument("--size", choices=measure.SIZES, help=argparse.SUPPRESS)  # "tiny" is for the test suite
    parser.add_argument("--out", type=Path, help="file to write (default: benchmarks/results.json)")
    chosen = parser.parse_args(arguments)
    size = measure.SIZES[chosen.size or ("quick" if chosen.quick else "full")]
    default = results.RESULTS if size is measure.FULL else results.ROOT / "build" / f"bench-{size.name}.json"
    path = chosen.out or default
    print(f"supersoliton's benchmarks ({size.name}), one thread. Unit of time, the yardstick:")
    print(f"{measure.WANTED} of {measure.UNKNOWNS} eigenvalues of a dense symmetric matrix.", flush=True)
    start = time.perf_counter()
    rows: list[Row] = []
    written: dict[str, Any] = {}
    failed: list[str] = []
    for name in chosen.only or GROUPS:
        before = time.perf_counter()
        print(name, flush=True)
        try:
            with measure.empty_cache():
                rows += GROUPS[name](size)
        except subprocess.CalledProcessError as error:  # its message is above; measure the other rows
            failed.append(f"{name} failed: a process ended with exit code {error.returncode}")
            print(f"  {failed[-1]}", flush=True)
        print(f"  ({time.perf_counter() - before:.0f} s)", flush=True)
        # write after each group, so that a later failure loses nothing
        seconds = time.perf_counter() - start
        written = results.write(path, rows, size, seconds=seconds, keep=bool(chosen.only))
    if not draw(written, path.with_name("growth.png" if path == results.RESULTS else f"{path.stem}.png")):
        print("no picture: it needs the rows of growth and bounce")
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
