"""Time of one evaluation by stage, and the functions with the most time of their own.

python -m benchmarks.profiles [number of lines]

The draws and starts are those of the rows "one-start" and "multi-start". Stages are in wall seconds without the
profiler; the profile is cProfile's in processor time, whose overhead falls on Python calls rather than on compiled
code.
"""

from __future__ import annotations

import cProfile
import functools
import io
import pstats
import sys
import time

import numpy as np

from supersoliton.evaluate.evaluation import evaluate

from .evaluation import GUESS, configuration, points
from .measure import FULL, interleaved


def main(lines: int) -> None:
    for name, guess in (("one start", GUESS), ("multi-start", None)):
        cfg = configuration(FULL, guess)
        first, *draws = points(cfg, FULL)
        evaluate(cfg, first)
        timing = interleaved([functools.partial(evaluate, cfg, draw) for draw in draws])
        print(f"\n{name}: {timing.median:.3f} s of processor time, {timing.ratio:.2f} yardsticks")
        for stage in timing.results[0].seconds:
            print(f"  {stage:12s} {np.median([e.seconds[stage] for e in timing.results]):.4f} s")
        # processor time: independent of other load
        profile = cProfile.Profile(time.process_time)
        profile.enable()
        for draw in draws:
            evaluate(cfg, draw)
        profile.disable()
        printed = io.StringIO()
        found = pstats.Stats(profile, stream=printed).strip_dirs()
        _shares(found)
        found.sort_stats("tottime").print_stats(lines)
        print(printed.getvalue())


def _shares(found: pstats.Stats) -> None:
    """Print the share of the time of `evaluate` that each function called by it takes."""
    every: dict[tuple[str, int, str], tuple] = found.stats  # type: ignore[attr-defined]
    whole = next(key for key in every if (key[0], key[2]) == ("evaluate.py", "evaluate"))
    shares = {key[2]: row[4][whole][3] / every[whole][3] for key, row in every.items() if whole in row[4]}
    for name, share in sorted(shares.items(), key=lambda item: -item[1])[:6]:
        print(f"  {100.0 * share:5.1f} %  {name}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
