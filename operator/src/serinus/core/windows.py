"""Raw cumulative samples in, looks out.

    reader = begin(interval=15.0)
    reader, looks = read(reader, series, timeline)        # again at each tick, with the samples of the last range
    for look in looks:
        state = judge.advance(state, look)

Ranges may overlap; samples may come late, twice or out of order. Which looks come out depends on the samples alone, not
on how they were cut into calls (as long as none is later than the watermark), so a replay gives the same.

A look falls due on the epoch grid of `interval` and closes once: when every living pod has a sample at or after the
due time, or when some sample is `lag` past it. A candidate's window runs from one of its own samples to another: after
a missed scrape it is longer, and after too long a gap it is dropped. Stable's counters are taken at exactly these
moments, evenly between two samples, and averaged over the candidate's pods by their requests: what both arms share is
then counted over the same time in both. An incident too sharp for that is blanked, blind to which arm it struck; to
know one, each look waits for the next.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import floor, inf

from serinus.core.assembly import Window, assemble
from serinus.core.blanking import CALM_LOOKS, settle
from serinus.core.evidence import Counts, Histogram, Look, PodLook, Rate, Ratio, Role
from serinus.core.samples import EVENTS, Buffer, Counters, Name, Series, counters, covers, forget, remember
from serinus.core.timeline import Timeline

GAP_INTERVALS = 4
"""A window may be this many intervals long ..."""
GAP_SECONDS = 120.0
"""... or this long, whichever is longer; then the pod's samples are lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What is remembered between reads; the samples in it reach back a few minutes."""

    interval: float
    """Seconds between looks."""
    lag: float
    """Seconds that a due look waits for pods without a sample."""
    due: float | None = None
    """When the next look falls due; None before the first sample."""
    since: Mapping[str, float] = field(default_factory=dict)
    """By pod: the sample at which its next window begins."""
    buffers: Mapping[Name, Buffer] = field(default_factory=dict)
    pending: Look | None = None
    """The last look, held back until the next tells whether it is blanked."""
    blank: int = 0
    """How many looks, from the pending one on, are blanked."""
    calm: int = CALM_LOOKS
    """Looks since something was blanked: a service that jumps all the time is judged all the same."""
    covered_to: float = -inf
    """Until when both arms' time was counted: pods that are scraped at different moments do not count it twice."""

    @property
    def longest(self) -> float:
        """Longest window, in seconds."""
        return longest_window(self.interval)


def longest_window(interval: float) -> float:
    """Return how long a window may be, in seconds, where a look falls due every `interval`."""
    return max(GAP_INTERVALS * interval, GAP_SECONDS)


def begin(interval: float, lag: float | None = None) -> Reader:
    """Return a reader that has read nothing; `lag` is two intervals if not given."""
    return Reader(interval=interval, lag=2 * interval if lag is None else lag)


def read(reader: Reader, series: Iterable[Series], timeline: Timeline) -> tuple[Reader, tuple[Look, ...]]:
    """Add samples; return the reader after them and the looks that they closed, in order."""
    reader = replace(reader, buffers=remember(reader.buffers, series))
    newest = max((buffer.times[-1] for buffer in reader.buffers.values()), default=-inf)
    if reader.due is None:
        if newest == -inf:
            return reader, ()
        oldest = min(buffer.times[0] for buffer in reader.buffers.values())
        reader = replace(reader, due=_grid_after(oldest, reader.interval))
    looks: list[Look] = []
    while reader.due is not None and reader.due <= newest:
        if newest < reader.due + reader.lag and not _complete(reader, timeline):
            break
        reader, look = _close(reader, timeline)
        reader = replace(
            reader,
            due=reader.due + reader.interval if reader.due is not None else None,
            buffers=forget(reader.buffers, (reader.due or 0.0) - reader.interval - reader.longest),
        )
        if look is not None:
            reader, settled = _settle(reader, look)
            looks.extend(settled)
    return reader, tuple(looks)


def _complete(reader: Reader, timeline: Timeline) -> bool:
    """True when every living pod has a sample at or after the due time."""
    due = reader.due or 0.0
    newest: dict[str, float] = {}
    for (pod, *_), buffer in reader.buffers.items():
        newest[pod] = max(buffer.times[-1], newest.get(pod, -inf))
    return all(newest.get(pod, -inf) >= due for pod in timeline.alive(due))


def _close(reader: Reader, timeline: Timeline) -> tuple[Reader, Look | None]:
    due = reader.due or 0.0
    found = counters(reader.buffers, due + reader.lag, reader.longest)
    since, own = _own_windows(reader, found, due)
    look, covered = assemble(
        Counted(found), own, timeline, due=due, longest=reader.longest, covered_to=reader.covered_to
    )
    return replace(reader, since=since, covered_to=covered), look


def _own_windows(
    reader: Reader, found: Mapping[str, Counters], due: float
) -> tuple[dict[str, float], dict[str, Window]]:
    """Each pod's window from where its last one ended to its last sample that is due; and where its next begins."""
    since = dict(reader.since)
    own = {}
    for pod, known in found.items():
        at = bisect_right(known.scrapes, due)
        if at == 0:
            continue
        end = known.scrapes[at - 1]
        start = since.setdefault(pod, known.scrapes[0])
        if end > start:
            own[pod] = (start, end)
            since[pod] = end
    return since, own


@dataclass(frozen=True, slots=True)
class Counted:
    """Counters as `assemble` asks for them."""

    known: Mapping[str, Counters]

    def pods(self) -> Iterable[str]:
        """All pods of which something is known."""
        return self.known

    def within(self, pod: str, role: Role, window: Window, longest: float) -> PodLook | None:
        """What the pod counted in the window; None where it was not scraped often enough to tell."""
        known = self.known[pod]
        return _pod_look(known, pod, role, window, longest) if covers(known.scrapes, *window, longest) else None

    def is_warm(self, pod: str, requests: int, window: Window) -> bool:
        """True when the pod's process had answered so many requests before the window, and did not begin again."""
        return self.known[pod].is_warm(requests, *window)


def _pod_look(known: Counters, pod: str, role: Role, window: Window, longest: float) -> PodLook:
    counts = {sli: measured for sli in known.parts if (measured := _counts(known, sli, window, longest)) is not None}
    return PodLook(pod=pod, role=role, start=window[0], end=window[1], counts=counts)


def _counts(known: Counters, sli: str, window: Window, longest: float) -> Counts | None:
    """What one SLI counted; None without a total, without a bucket for everything, or without the counter of events."""
    parts = known.parts[sli]
    if EVENTS in parts:
        return _events(known, sli, window, longest)
    if -inf in parts:
        return _scores(known, sli, window)
    # A time is never below 0, and a bound of 0 says nothing of it.
    edges = tuple(sorted(part for part in parts if isinstance(part, float) and part > 0))
    if edges:
        if edges[-1] != inf:
            return None
        heights = [known.increase(sli, edge, *window) for edge in edges]
        return Histogram(
            edges=edges,
            counts=tuple(max(0.0, high - low) for low, high in zip([0.0, *heights], heights, strict=False)),
        )
    if "total" not in parts:
        return None
    total = known.increase(sli, "total", *window)
    # A counter of failures is often born with the first failure: absent means none.
    bad = total - known.increase(sli, "good", *window) if "good" in parts else known.increase(sli, "bad", *window)
    return Ratio(total=total, bad=min(total, max(0.0, bad)))


def _scores(known: Counters, sli: str, window: Window) -> Histogram:
    """A histogram of which lower is worse, from the bucket for everything down to the worst."""
    parts = sorted(part for part in known.parts[sli] if isinstance(part, float))
    heights = [known.increase(sli, part, *window) for part in parts]
    return Histogram(
        edges=(*parts[1:], inf),
        counts=tuple(max(0.0, high - low) for high, low in zip(heights, [*heights[1:], 0.0], strict=True)),
    )


def _events(known: Counters, sli: str, window: Window, longest: float) -> Rate | None:
    """None where the counter was not there all the time: no event is not the same as none that anybody counted."""
    shown = sorted({at for buffer in known.parts[sli][EVENTS] for at in buffer.times})
    if not covers(shown, *window, longest):
        return None
    return Rate(events=known.increase(sli, EVENTS, *window), exposure=window[1] - window[0])


def _settle(reader: Reader, look: Look) -> tuple[Reader, list[Look]]:
    """Hold the new look back, and let go of the one before unless it is blanked."""
    before = reader.pending
    is_evidence, blank, calm = settle(before, look, reader.blank, reader.calm)
    return replace(reader, pending=look, blank=blank, calm=calm), [before] if before is not None and is_evidence else []


def _grid_after(at: float, interval: float) -> float:
    """The first due time after `at` on the epoch grid."""
    return (floor(at / interval) + 1) * interval
