"""What is read when: the ranges of samples that questions need, and which of them are asked for together.

history of stable    once an attempt, coarse, before the trial: how noisy the workload is
the trial's past     hour by hour, until it has caught up
the last interval    at each tick
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import floor, inf

from serinus.core import trial
from serinus.core.needs import Question
from serinus.core.trial import Trial

HISTORY_SECONDS = 6 * 3600
HISTORY_STEP = 60
HISTORY_GRID = 300
"""History ends at a multiple of this before the trial, so that trials which began close together share its queries."""
CHUNK_SECONDS = 3600
"""Most that is read of a trial's past at once."""
SHORT_SECONDS = 300
"""Ranges up to this length are read together, as long as the longest of them."""
BATCH_SECONDS = 8 * 3600
"""Most that is read of the past at once, over all rollouts: what is longer is read, judged and let go in parts."""
SCRAPE_SECONDS = 15
"""A common time between two scrapes: how much a range of raw samples weighs beside one that is thinned out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Samples that one question needs: those after `start`, up to and with `end`."""

    question: Question
    start: float
    end: float
    resolution: int = 0


def history_of(question: Question) -> Range:
    """Stable's past before a trial."""
    end = floor(trial.before(question) / HISTORY_GRID) * HISTORY_GRID
    return Range(question=question, start=end - HISTORY_SECONDS, end=end, resolution=HISTORY_STEP)


def following(known: Trial, question: Question, now: float) -> Range | None:
    """The next samples to read of a trial; None when it has caught up."""
    if known.read_to >= now:
        return None
    start = trial.read_from(known)
    spans = [span for span in trial.traffic(question, start, now) if span[1] > known.read_to]
    if not spans:
        return None
    start, end = spans[0]
    beyond = max(start, known.read_to)
    if end - beyond > CHUNK_SECONDS:
        # On a grid, so that trials which are read again together share queries.
        end = (floor(beyond / CHUNK_SECONDS) + 1) * CHUNK_SECONDS
    return Range(question=question, start=start, end=end)


def batches(ranges: Iterable[Range]) -> list[list[Range]]:
    """Ranges that are asked together: of one connection, up to the same time, and not so many that their samples fill
    the memory. Short ones come first: these are looks that are due, the others are read up."""
    groups: dict[tuple[str, float], list[Range]] = {}
    for one in ranges:
        groups.setdefault((one.question.connection, one.end), []).append(one)
    cut: list[list[Range]] = []
    for group in groups.values():
        short = [one for one in group if one.end - one.start <= SHORT_SECONDS]
        if short:
            cut.append(_aligned(short))
        cut += _bounded([one for one in group if one.end - one.start > SHORT_SECONDS])
    return sorted(cut, key=lambda batch: max(one.end - one.start for one in batch))


def _aligned(short: Sequence[Range]) -> list[Range]:
    """Short ranges reach back equally far: one rollout that waits for a late pod costs no queries of its own."""
    start = min(one.start for one in short)
    return [replace(one, start=start) for one in short]


def _bounded(long: Sequence[Range]) -> list[list[Range]]:
    """Long ranges, some at a time."""
    batches: list[list[Range]] = []
    seconds = inf
    for one in long:
        weight = (one.end - one.start) / max(1.0, one.resolution / SCRAPE_SECONDS)
        if seconds + weight > BATCH_SECONDS:
            batches.append([])
            seconds = 0.0
        batches[-1].append(one)
        seconds += weight
    return batches
