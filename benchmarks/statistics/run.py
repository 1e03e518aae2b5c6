"""Runs the cases on all cores, the same seeds every time: results by case and method, as the look of each decision."""

import multiprocessing
import pickle
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics import latencies, methods, ratios, scenarios
from benchmarks.statistics.cases import Case
from benchmarks.statistics.methods import LATENCY, LATENCY_NO_MARGIN, METHODS, SWEEP
from benchmarks.statistics.traffic import Decided, LatencyTraffic, Traffic

SEED = 20_261_121
Key = tuple[str, str]
"""Section and name of a case."""


@dataclass(slots=True)
class Result:
    """What one method did in all runs of one case."""

    rollback: NDArray[np.int64]
    promote: NDArray[np.int64]
    seconds: float = 0.0
    """Processor time that it took."""

    def joined(self, other: "Result") -> "Result":
        """Both as one."""
        return Result(
            np.concatenate([self.rollback, other.rollback]),
            np.concatenate([self.promote, other.promote]),
            self.seconds + other.seconds,
        )


Asked = dict[str, Result]
"""By method."""
Results = dict[Key, Asked]


def run(
    cases: Sequence[Case], processes: int, kept: Path | None = None, tell: Callable[[str], None] = print
) -> Results:
    """Run all cases; each chunk of a case has a seed of its own, so that the number of processes changes nothing.

    `kept`: a folder where finished cases are kept and found again.
    """
    results: Results = {}
    for case in cases:
        if kept is not None and _file(kept, case).exists():
            results[case.key] = pickle.loads(_file(kept, case).read_bytes())
    _Shared.cases = [case for case in cases if case.key not in results]
    jobs = [(at, part) for at, case in enumerate(_Shared.cases) for part in range(-(-case.runs // case.chunk))]
    parts: dict[int, dict[int, Asked]] = {}
    begun, told = time.monotonic(), 0.0
    warm_up()
    # Forked after a first judgement here: the compiled judge is inherited, not compiled again.
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for done, ((at, part), found) in enumerate(pool.imap_unordered(_chunk, jobs), 1):
            case, mine = _Shared.cases[at], parts.setdefault(at, {})
            mine[part] = found
            if len(mine) * case.chunk >= case.runs:
                results[case.key] = _joined([mine[one] for one in sorted(mine)])
                if kept is not None:
                    kept.mkdir(parents=True, exist_ok=True)
                    _file(kept, case).write_bytes(pickle.dumps(results[case.key]))
            if time.monotonic() - told > 30:
                told = time.monotonic()
                tell(f"{done} of {len(jobs)} parts, {told - begun:.0f} s")
    return results


def _file(folder: Path, case: Case) -> Path:
    # Code may have changed since: the folder is for going on with what was cut off.
    return folder / f"{zlib.crc32(repr((case.key, case.runs, case.asked)).encode()):08x}.pickle"


def _joined(parts: Sequence[Asked]) -> Asked:
    found: Asked = {}
    for part in parts:
        for name, result in part.items():
            found[name] = found[name].joined(result) if name in found else result
    return found


def warm_up() -> None:
    """Judge one run of each kind, so that everything is compiled."""
    random = np.random.default_rng(0)
    told = methods.Told(p1=0.02, p0=0.01)
    METHODS["ours .05"](ratios.draw(scenarios.BASE, random, 1, 8, ratios.Harm()), told)
    methods.latency(latencies.draw(latencies.BASE, random, 1, 8), LATENCY, 0.05)


class _Shared:
    """What a forked process finds without being told."""

    cases: Sequence[Case] = ()


def _chunk(job: tuple[int, int]) -> tuple[tuple[int, int], Asked]:
    """Draw the part of a case and ask every method."""
    at, part = job
    case = _Shared.cases[at]
    begin = part * case.chunk
    runs = min(case.chunk, case.runs - begin)
    # By its words, so that a case that is added changes no other.
    name = zlib.crc32(repr(case.key).encode())
    traffic = case.make(np.random.default_rng([SEED, name, part]), runs)
    found = {}
    for method in case.asked:
        found[method] = _timed(lambda method=method: _answer(case, method, traffic))  # type: ignore[misc]
    if begin < case.kayenta and isinstance(traffic, Traffic):
        few = _first(traffic, min(runs, case.kayenta - begin))
        found["kayenta"] = _timed(lambda: METHODS["kayenta"](few, case.told))
    return job, found


def _answer(case: Case, method: str, traffic: Traffic | LatencyTraffic) -> Decided:
    if isinstance(traffic, LatencyTraffic):
        alpha = 0.05 if method.endswith(".05") else 0.01
        return methods.latency(traffic, LATENCY_NO_MARGIN if "r=1" in method else LATENCY, alpha)
    return (METHODS.get(method) or SWEEP[method])(traffic, case.told)


def _timed(answer: Callable[[], Decided]) -> Result:
    begun = time.process_time()
    decided = answer()
    return Result(decided.rollback, decided.promote, time.process_time() - begun)


def _first(traffic: Traffic, runs: int) -> Traffic:
    return replace(traffic, n1=traffic.n1[:runs], x1=traffic.x1[:runs], n0=traffic.n0[:runs], x0=traffic.x0[:runs])
