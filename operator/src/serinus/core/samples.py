"""Raw samples of cumulative counters, as a metrics provider returns them, and how much they grew between two moments.

Counters are read raw and differenced here, because a provider's own rates extrapolate, overlap and hide resets. What
is special about them is settled in this file: a reset (the increment is the new value), a counter that appears on a
pod that was scraped before (it counted from 0), samples that come late, twice or as NaN, and the same series scraped
twice.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isnan

Part = float | str
"""`total`, `bad` or `good` of a ratio, `events` of a rate; for a histogram the upper bound of a bucket (`le`),
cumulative over buckets. Of scores, of which lower is worse, minus that: the bucket for everything is -inf."""
EVENTS = "events"
"""The part of a rate."""
Point = tuple[float, float]
"""When, in seconds since the epoch, and the counter's value."""
Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted by name."""
Name = tuple[str, str, Part, Labels]
"""What a series is called here: pod, SLI, part, labels."""

SCRAPE_LABELS = frozenset(
    {"job", "instance", "replica", "endpoint", "service", "prometheus", "prometheus_replica", "__replica__"}
)
"""Series that differ in nothing else are the same counter scraped twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Samples of one label set in the range that was read, in any order; NaN is no sample."""

    pod: str
    sli: str
    part: Part
    labels: Labels = ()
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffer:
    """What is remembered of one series: distinct samples in ascending time."""

    first: float
    """When it was first seen; survives pruning."""
    times: tuple[float, ...]
    values: tuple[float, ...]


Buffers = Mapping[Name, Buffer]


def remember(buffers: Buffers, series: Iterable[Series]) -> dict[Name, Buffer]:
    """Return the buffers with more samples in them. A sample that is there already is not changed."""
    merged = dict(buffers)
    # The series of one pod are scraped together: their times are kept once.
    same: dict[tuple[float, ...], tuple[float, ...]] = {}
    for one in series:
        name = (one.pod, one.sli, one.part, tuple(sorted(one.labels)))
        old = merged.get(name)
        points = {at: value for at, value in one.points if not isnan(value)}
        if old is not None:
            points.update(zip(old.times, old.values, strict=True))
        if points:
            times = tuple(sorted(points))
            merged[name] = Buffer(
                first=min(times[0], old.first) if old else times[0],
                times=same.setdefault(times, times),
                values=tuple([points[at] for at in times]),
            )
    return merged


def forget(buffers: Buffers, before: float) -> dict[Name, Buffer]:
    """Return the buffers without the samples that no window after `before` needs: one older than it is kept."""
    kept = {}
    same: dict[tuple[float, ...], tuple[float, ...]] = {}
    for name, buffer in buffers.items():
        start = max(0, bisect_right(buffer.times, before) - 1)
        if start:
            times = buffer.times[start:]
            buffer = Buffer(first=buffer.first, times=same.setdefault(times, times), values=buffer.values[start:])
        kept[name] = buffer
    return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """One pod's counters, duplicates removed, as far as they are known up to some moment."""

    scrapes: tuple[float, ...] = ()
    """When the pod was scraped, ascending."""
    parts: Mapping[str, Mapping[Part, tuple[Buffer, ...]]] = field(default_factory=dict)
    """By SLI and part: the series that are summed."""

    def increase(self, sli: str, part: Part, start: float, end: float) -> float:
        """Return by how much a part grew from `start` to `end`; between two samples it grew evenly. 0 if absent."""
        return sum(increase(buffer, start, end, self.scrapes) for buffer in self.parts[sli].get(part, ()))

    def is_warm(self, requests: float, start: float, end: float) -> bool:
        """True when the process had answered this many requests by `start`, and did not start again before `end`.

        Counters count since their process began, so that their value tells it, whatever was read of its past.
        """
        if requests <= 0:
            return True
        at = bisect_left(self.scrapes, end)
        until = self.scrapes[at] if at < len(self.scrapes) else end
        again = any(_falls(one, start, until) for sli in self.parts for one in self._totals(sli))
        return not again and self.served(start) >= requests

    def served(self, until: float) -> float:
        """Requests that the process had answered by its last scrape up to `until`, by the SLI that counts most."""
        return max((_sum_of_last(self._totals(sli), until) for sli in self.parts), default=0.0)

    def _totals(self, sli: str) -> tuple[Buffer, ...]:
        """The series that together count all requests: of a histogram the buckets without an upper bound."""
        parts = self.parts[sli]
        return parts.get("total") or parts.get(inf) or parts.get(-inf, ())


def _falls(buffer: Buffer, after: float, until: float) -> bool:
    """True when a sample after `after`, up to `until`, is lower than the one before it: the process began again."""
    first, last = max(1, bisect_right(buffer.times, after)), bisect_right(buffer.times, until)
    return any(buffer.values[at] < buffer.values[at - 1] for at in range(first, last))


def _sum_of_last(series: Sequence[Buffer], until: float) -> float:
    """The sum over the series that the last scrape up to `until` has shown; one that it lacks belongs to a process
    that is gone."""
    last: list[tuple[float, float]] = []
    for one in series:
        at = bisect_right(one.times, until) - 1
        if at >= 0:
            last.append((one.times[at], one.values[at]))
    newest = max((at for at, _ in last), default=0.0)
    return sum(value for at, value in last if at == newest)


def counters(buffers: Buffers, until: float, stale: float) -> dict[str, Counters]:
    """Return each pod's counters from the samples up to `until`.

    Of series that differ only in scrape labels the one seen first is kept; when it has been silent for longer than
    `stale` seconds while another has not, the other takes over.
    """
    twins: dict[str, dict[tuple[str, Part, Labels], list[tuple[bool, float, Labels, Buffer]]]] = {}
    for (pod, sli, part, labels), buffer in buffers.items():
        known = bisect_right(buffer.times, until)
        if not known:
            continue
        own = tuple(label for label in labels if label[0] not in SCRAPE_LABELS)
        cut = buffer if known == len(buffer.times) else _cut(buffer, known)
        silent = cut.times[-1] < until - stale
        twins.setdefault(pod, {}).setdefault((sli, part, own), []).append((silent, buffer.first, labels, cut))
    found = {}
    for pod, series in twins.items():
        parts: dict[str, dict[Part, tuple[Buffer, ...]]] = {}
        scrapes: set[float] = set()
        # Events may be scraped by another job: that a pod was seen there does not tell that its requests were.
        alone = all(part == EVENTS for _, part, _ in series)
        for (sli, part, _), same in sorted(series.items(), key=lambda item: (item[0][0], str(item[0][1]), item[0][2])):
            chosen = min(same, key=lambda twin: twin[:3])[3]
            of_sli = parts.setdefault(sli, {})
            of_sli[part] = (*of_sli.get(part, ()), chosen)
            if part != EVENTS or alone:
                scrapes.update(chosen.times)
        found[pod] = Counters(scrapes=tuple(sorted(scrapes)), parts=parts)
    return found


def increase(buffer: Buffer, start: float, end: float, scrapes: Sequence[float] = ()) -> float:
    """Return by how much a counter grew from `start` to `end`, evenly between two samples.

    `scrapes`: when its pod was scraped, ascending. A scrape without the series tells that it was not there: what it
    shows afterwards it has counted since that scrape, from 0 if it was never seen before. What it had counted before
    the pod's first scrape is nobody's.

    >>> counter = Buffer(first=0.0, times=(0.0, 10.0, 20.0, 30.0), values=(5.0, 9.0, 2.0, 4.0))
    >>> increase(counter, 0.0, 30.0)
    8.0
    >>> increase(counter, 5.0, 15.0)
    3.0
    >>> increase(counter, -10.0, 0.0, scrapes=(-10.0, 0.0))
    5.0
    """
    times, values = buffer.times, buffer.values
    total = 0.0
    for at in range(bisect_right(times, start), len(times)):
        absent = bisect_left(scrapes, times[at]) - 1
        if at == 0 and (absent < 0 or times[0] != buffer.first):
            continue
        left = times[at - 1] if at else scrapes[absent]
        if absent >= 0:
            left = max(left, scrapes[absent])
        if left >= end:
            break
        before = values[at - 1] if at else 0.0
        grown = values[at] - before if values[at] >= before else values[at]
        total += grown * _overlap(left, times[at], start, end)
    return total


def covers(scrapes: Sequence[float], start: float, end: float, longest: float) -> bool:
    """True when samples at or around both ends are known and no gap between them is longer than `longest` seconds."""
    first, last = bisect_right(scrapes, start) - 1, bisect_left(scrapes, end)
    if first < 0 or last >= len(scrapes):
        return False
    return all(scrapes[at + 1] - scrapes[at] <= longest for at in range(first, last))


def _overlap(left: float, right: float, start: float, end: float) -> float:
    """The part of (left, right] that lies in (start, end]."""
    if start <= left and right <= end:
        return 1.0
    return max(0.0, min(right, end) - max(left, start)) / (right - left)


def _cut(buffer: Buffer, known: int) -> Buffer:
    return Buffer(first=buffer.first, times=buffer.times[:known], values=buffer.values[:known])
