"""Runs the benchmark of the judge: `python -m benchmarks.statistics`, with QUICK=1 in three minutes."""

import argparse
import multiprocessing
import os
import time
from pathlib import Path

from benchmarks.statistics import guardrails, plots, report
from benchmarks.statistics.cases import FULL, QUICK, all_cases
from benchmarks.statistics.run import run

FAMILY, QUICK_FAMILY = 400, 16
"""Runs of six SLIs by core itself."""


def main() -> None:
    """Run every case, print the tables, write docs/benchmark.md and its pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.statistics", description=__doc__)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="default: one for each core")
    parser.add_argument("--kept", type=Path, help="a folder where finished cases are kept and found again")
    parser.add_argument("--part", type=float, default=1.0, help="this part of the runs; the tables say how many")
    chosen = parser.parse_args()
    quick = os.environ.get("QUICK", "") not in ("", "0")
    cases = all_cases((QUICK if quick else FULL).times(chosen.part))
    begun = time.monotonic()
    results = run(cases, chosen.processes, chosen.kept)
    with multiprocessing.get_context("fork").Pool(chosen.processes) as pool:
        family = guardrails.measure(pool, max(8, round((QUICK_FAMILY if quick else FAMILY) * chosen.part)))
    took = f"{(time.monotonic() - begun) / 60:.0f} minutes in {chosen.processes} processes"
    part = "all runs" if chosen.part == 1 else f"{chosen.part:g} of all runs"
    page = report.page(results, family, f"It took {took}, {part}.")
    print(page)
    if quick:
        print("QUICK: docs/benchmark.md and its pictures stay as they are.")
        return
    report.PAGE.write_text(page)
    images = report.PAGE.parent / "images"
    plots.false_rollbacks(results, images / report.FALSE_ROLLBACKS)
    plots.detection(results, images / report.DETECTION)


if __name__ == "__main__":
    main()
