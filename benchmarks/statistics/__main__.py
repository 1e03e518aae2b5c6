"""Runs the benchmark of the judge: `python -m benchmarks.statistics`, with QUICK=1 in three minutes."""

import argparse
import os
import time
from pathlib import Path

from benchmarks.statistics.cases import FULL, QUICK, all_cases
from benchmarks.statistics.run import run


def main() -> None:
    """Run every case, print the tables, write docs/benchmark.md and its pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.statistics", description=__doc__)
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="default: one for each core")
    parser.add_argument("--kept", type=Path, help="a folder where finished cases are kept and found again")
    chosen = parser.parse_args()
    quick = os.environ.get("QUICK", "") not in ("", "0")
    cases = all_cases(QUICK if quick else FULL)
    begun = time.monotonic()
    results = run(cases, chosen.processes, chosen.kept)
    print(len(results), time.monotonic() - begun)


if __name__ == "__main__":
    main()
