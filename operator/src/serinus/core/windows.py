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

from serinus.core.blanking import jumped
from serinus.core.evidence import Counts, Histogram, Look, PodLook, Ratio, Role
from serinus.core.samples import Buffer, Counters, Name, Series, counters, covers, forget, remember
from serinus.core.timeline import Timeline

GAP_INTERVALS = 4
"""A window may be this many intervals long ..."""
CALM_LOOKS = 4
"""Looks that are judged before another jump may blank some."""
GAP_SECONDS = 120.0
"""... or this long, whichever is longer; then the pod's samples are lost."""

Window = tuple[float, float]
"""After the first moment, up to and with the second."""


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
        return max(GAP_INTERVALS * self.interval, GAP_SECONDS)


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
    usable = {
        pod: window
        for pod, window in own.items()
        if window[1] - window[0] <= reader.longest and not timeline.spoiled(*window)
    }
    roles = {pod: role for pod, window in usable.items() if (role := timeline.role_in(pod, *window)) is not None}
    cold = [pod for pod in roles if not found[pod].is_warm(timeline.warm_up, *usable[pod])]
    # A candidate that stands still in its warm-up is silent, one that answers there is not.
    colds = [pod for pod in cold if roles[pod] is Role.CANDIDATE]
    answering = any(found[pod].grew(*usable[pod]) for pod in colds)
    roles = {pod: role for pod, role in roles.items() if pod not in cold}
    trial = {pod: usable[pod] for pod, role in roles.items() if role is Role.CANDIDATE}
    if trial:
        # All windows of one look belong to one weight.
        shift = timeline.shift_at(max(end for _, end in trial.values()))
        trial = {pod: window for pod, window in trial.items() if timeline.shift_at(window[1]) == shift}
        seen = _beside(found, trial, timeline, reader.longest)
    else:
        # Likewise: windows that end before a change do not belong to the weight of the due time.
        shift = timeline.shift_at(max((usable[pod][1] for pod in roles), default=due))
        roles = {pod: role for pod, role in roles.items() if timeline.shift_at(usable[pod][1]) == shift}
        seen = [_pod_look(found[pod], pod, role, usable[pod]) for pod, role in roles.items()]
    both = bool(trial) and any(one.role is not Role.CANDIDATE for one in seen)
    covered = reader.covered_to
    if both:
        covered = max(covered, *(end for _, end in trial.values()))
    begun = max(reader.covered_to, min((start for start, _ in trial.values()), default=0.0))
    after = replace(reader, since=since, covered_to=covered)
    if not seen:
        return after, None
    alive = timeline.alive(due)
    return after, Look(
        at=due,
        weight=shift.weight,
        step=shift.step,
        pods=tuple(sorted(seen, key=lambda one: one.pod)),
        covered_seconds=max(0.0, covered - begun) if both else 0.0,
        lost_candidate=_lost(alive, own, candidate=True),
        lost_stable=_lost(alive, own, candidate=False),
        candidate_due=not answering and (bool(trial) or bool(colds) or _stopped(alive, own)),
        warming_up=bool(cold),
    )


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


def _beside(
    found: Mapping[str, Counters], trial: Mapping[str, Window], timeline: Timeline, longest: float
) -> list[PodLook]:
    """The candidate's pods in their own windows, and all others in the same windows."""
    seen = [_pod_look(found[pod], pod, Role.CANDIDATE, window) for pod, window in trial.items()]
    for pod, known in found.items():
        roles = {timeline.role_in(pod, *window) for window in trial.values()}
        role = roles.pop()
        if roles or role is None or role is Role.CANDIDATE:
            continue
        if not all(known.is_warm(timeline.warm_up, *window) for window in trial.values()):
            continue
        if not all(covers(known.scrapes, *window, longest) for window in trial.values()):
            continue
        each = [_pod_look(known, pod, role, window) for window in trial.values()]
        seen.append(_mean(each, seen[: len(trial)]))
    return seen


def _mean(each: list[PodLook], trial: list[PodLook]) -> PodLook:
    """One pod's looks in the windows of several candidate pods, averaged by these pods' requests, SLI by SLI."""
    counts: dict[str, Counts] = {}
    for sli in each[0].counts:
        requests = [_requests(one.counts.get(sli)) for one in trial]
        shares = [n / sum(requests) if sum(requests) > 0 else 1 / len(trial) for n in requests]
        counts[sli] = _blend([one.counts[sli] for one in each], shares)
    return replace(
        each[0],
        start=sum(one.start for one in each) / len(each),
        end=sum(one.end for one in each) / len(each),
        counts=counts,
    )


def _blend(each: list[Counts], shares: list[float]) -> Counts:
    first = each[0]
    if isinstance(first, Ratio):
        ratios = [one for one in each if isinstance(one, Ratio)]
        return Ratio(
            total=sum(one.total * share for one, share in zip(ratios, shares, strict=True)),
            bad=sum(one.bad * share for one, share in zip(ratios, shares, strict=True)),
        )
    rows = [one.counts for one in each if isinstance(one, Histogram)]
    return Histogram(
        edges=first.edges,
        counts=tuple(
            sum(n * share for n, share in zip(column, shares, strict=True)) for column in zip(*rows, strict=True)
        ),
    )


def _requests(counts: Counts | None) -> float:
    if isinstance(counts, Histogram):
        return sum(counts.counts)
    return counts.total if counts is not None else 0.0


def _pod_look(known: Counters, pod: str, role: Role, window: Window) -> PodLook:
    counts = {sli: measured for sli in known.parts if (measured := _counts(known, sli, window)) is not None}
    return PodLook(pod=pod, role=role, start=window[0], end=window[1], counts=counts)


def _counts(known: Counters, sli: str, window: Window) -> Counts | None:
    """What one SLI counted; None without a total, or without a bucket for everything."""
    parts = known.parts[sli]
    edges = tuple(sorted(part for part in parts if isinstance(part, float)))
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


def _lost(alive: Mapping[str, Role], own: Mapping[str, Window], *, candidate: bool) -> float:
    """The share of an arm's living pods without a new sample."""
    arm = [pod for pod, role in alive.items() if (role is Role.CANDIDATE) is candidate]
    return sum(pod not in own for pod in arm) / len(arm) if arm else 0.0


def _stopped(alive: Mapping[str, Role], own: Mapping[str, Window]) -> bool:
    """True when no living pod of the candidate shows a counter: it hangs altogether, or from its first request on."""
    arm = [pod for pod, role in alive.items() if role is Role.CANDIDATE]
    return bool(arm) and all(pod not in own for pod in arm)


def _settle(reader: Reader, look: Look) -> tuple[Reader, list[Look]]:
    """Hold the new look back, and let go of the one before unless it is blanked."""
    before, blank = reader.pending, reader.blank
    if before is not None and (blank > 0 or reader.calm >= CALM_LOOKS) and jumped(before, look):
        # The jump lies somewhere in these two; the one after may still hold its end.
        return replace(reader, pending=look, blank=2 if reader.calm >= CALM_LOOKS else blank - 1, calm=0), []
    out = [before] if before is not None and blank == 0 else []
    return replace(reader, pending=look, blank=max(0, blank - 1), calm=reader.calm + 1), out


def _grid_after(at: float, interval: float) -> float:
    """The first due time after `at` on the epoch grid."""
    return (floor(at / interval) + 1) * interval
