"""One look from what each pod counted: the candidate's pods in their own windows, all others in the same windows.

Who knows the counts, raw counters or increments that somebody else has read, only answers how much a pod counted in
a window. Which windows are evidence, and what is compared with what, is settled here for both.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Protocol

from serinus.core.evidence import Counts, Histogram, Look, PodLook, Rate, Ratio, Role
from serinus.core.timeline import Timeline

Window = tuple[float, float]
"""After the first moment, up to and with the second."""


class Source(Protocol):
    """Whoever knows what pods counted."""

    def pods(self) -> Iterable[str]:
        """All pods of which something is known."""
        ...

    def within(self, pod: str, role: Role, window: Window, longest: float) -> PodLook | None:
        """What the pod counted in the window; None where that is not known, or only over gaps longer than `longest`."""
        ...

    def is_warm(self, pod: str, requests: int, window: Window) -> bool:
        """True when the pod's process had answered so many requests before the window, and did not begin again."""
        ...


def assemble(
    source: Source,
    own: Mapping[str, Window],
    timeline: Timeline,
    *,
    due: float,
    longest: float,
    covered_to: float,
) -> tuple[Look | None, float]:
    """Return the look of these windows, None where nothing is evidence, and until when both arms' time was counted.

    `own`: each pod's own window, for all pods that have one; `covered_to`: until when time was counted before.
    """
    look, covered = _look(source, own, timeline, due, longest, covered_to)
    if not timeline.scraped:
        return look, covered
    always = replace(timeline, lives=timeline.scraped, scraped=(), warm_up=0)
    return _with_events(look, _look(source, own, always, due, longest, covered_to)[0]), covered


def _with_events(look: Look | None, always: Look | None) -> Look | None:
    """Return the look with the rates of `always`, whose pods are counted whether they are ready or not."""
    if always is None or (look is not None and (look.weight, look.step) != (always.weight, always.step)):
        return look
    rates = {
        pod.pod: replace(pod, counts=events)
        for pod in always.pods
        if (events := {sli: one for sli, one in pod.counts.items() if isinstance(one, Rate)})
    }
    if look is None:
        # Time counts towards a hold only where requests were counted in it.
        known = tuple(rates.values())
        return replace(always, pods=known, covered_seconds=0.0, candidate_due=False) if known else None
    pods = []
    for pod in look.pods:
        requests = {sli: one for sli, one in pod.counts.items() if not isinstance(one, Rate)}
        own = rates.pop(pod.pod, None)
        pods.append(replace(pod, counts={**requests, **(own.counts if own is not None else {})}))
    return replace(look, pods=tuple(sorted((*pods, *rates.values()), key=attrgetter("pod"))))


def _look(
    source: Source,
    own: Mapping[str, Window],
    timeline: Timeline,
    due: float,
    longest: float,
    covered_to: float,
) -> tuple[Look | None, float]:
    """One look as the lives of its pods allow it."""
    # Many pods may have one window: it is asked about once.
    good = {one for one in {*own.values()} if one[1] - one[0] <= longest and not timeline.spoiled(*one)}
    usable = {
        pod: (role, window)
        for pod, window in own.items()
        if window in good and (role := timeline.role_in(pod, *window)) is not None
    }
    cold = _cold(source, usable, timeline)
    usable = {pod: one for pod, one in usable.items() if pod not in cold} if cold else usable
    colds = {pod: source.within(pod, role, window, longest) for pod, (role, window) in cold.items()}
    idle = {
        pod for pod, one in colds.items() if one and not any(_requests(counts) > 0 for counts in one.counts.values())
    }
    # A candidate that stands still in its warm-up is silent, one that answers there is not.
    own_cold = {pod for pod, (role, _) in cold.items() if role is Role.CANDIDATE}
    answering = any(pod not in idle and colds[pod] is not None for pod in own_cold)
    trial = {pod: window for pod, (role, window) in usable.items() if role is Role.CANDIDATE}
    if trial:
        # All windows of one look belong to one weight.
        shift = timeline.shift_at(max(end for _, end in trial.values()))
        trial = {pod: window for pod, window in trial.items() if timeline.shift_at(window[1]) == shift}
        seen = _beside(source, trial, usable, timeline, longest)
    else:
        # Likewise: windows that end before a change do not belong to the weight of the due time.
        shift = timeline.shift_at(max((end for _, (_, end) in usable.values()), default=due))
        asked = [
            source.within(pod, role, window, longest)
            for pod, (role, window) in usable.items()
            if timeline.shift_at(window[1]) == shift
        ]
        seen = [one for one in asked if one is not None]
    both = bool(trial) and any(one.role is not Role.CANDIDATE for one in seen)
    covered = max(covered_to, *(end for _, end in trial.values())) if both else covered_to
    begun = max(covered_to, min((start for start, _ in trial.values()), default=0.0))
    if not seen:
        return None, covered
    alive = timeline.alive(due)
    return Look(
        at=due,
        weight=shift.weight,
        step=shift.step,
        pods=tuple(sorted(seen, key=attrgetter("pod"))),
        covered_seconds=max(0.0, covered - begun) if both else 0.0,
        lost_candidate=_lost(alive, own, candidate=True),
        lost_stable=_lost(alive, own, candidate=False),
        candidate_due=not answering and (bool(trial) or bool(own_cold) or _stopped(alive, own)),
        warming_up=not cold.keys() <= idle,
    ), covered


def _cold(
    source: Source, usable: Mapping[str, tuple[Role, Window]], timeline: Timeline
) -> dict[str, tuple[Role, Window]]:
    """The pods that still answer their first requests."""
    if not timeline.warm_up:
        return {}
    return {pod: one for pod, one in usable.items() if not source.is_warm(pod, timeline.warm_up, one[1])}


def _beside(
    source: Source,
    trial: Mapping[str, Window],
    usable: Mapping[str, tuple[Role, Window]],
    timeline: Timeline,
    longest: float,
) -> list[PodLook]:
    """The candidate's pods in their own windows, and all others in the same windows."""
    asked = [source.within(pod, Role.CANDIDATE, window, longest) for pod, window in trial.items()]
    own = [one for one in asked if one is not None]
    # One window for all of them needs no average.
    windows = list(dict.fromkeys((one.start, one.end) for one in own))
    if len(windows) > 1:
        windows = [(one.start, one.end) for one in own]
    seen, more = [*own], windows[1:]
    for pod in source.pods() if windows else ():
        known = usable.get(pod)
        role = known[0] if known and known[1] == windows[0] else timeline.role_in(pod, *windows[0])
        if role is None or role is Role.CANDIDATE:
            continue
        if more and any(timeline.role_in(pod, *window) is not role for window in more):
            continue
        if timeline.warm_up and not all(source.is_warm(pod, timeline.warm_up, window) for window in windows):
            continue
        each = [one for window in windows if (one := source.within(pod, role, window, longest)) is not None]
        if len(each) == len(windows):
            seen.append(_mean(each, own) if more else each[0])
    return seen


def _mean(each: list[PodLook], trial: list[PodLook]) -> PodLook:
    """One pod's looks in the windows of several candidate pods, averaged by these pods' requests, SLI by SLI."""
    counts: dict[str, Counts] = {}
    for sli, first in each[0].counts.items():
        if not all(alike(first, one.counts.get(sli)) for one in each):
            continue
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
    if isinstance(first, Rate):
        return summed([one for one in each if isinstance(one, Rate)], shares)
    rows = [one.counts for one in each if isinstance(one, Histogram)]
    return Histogram(
        edges=first.edges,
        counts=tuple(
            sum(n * share for n, share in zip(column, shares, strict=True)) for column in zip(*rows, strict=True)
        ),
    )


def summed(each: list[Rate], shares: list[float]) -> Rate:
    """These rates as one, of each so large a part."""
    return Rate(
        events=sum(one.events * share for one, share in zip(each, shares, strict=True)),
        exposure=sum(one.exposure * share for one, share in zip(each, shares, strict=True)),
    )


def alike(one: Counts, other: Counts | None) -> bool:
    """True when two counts may be added up: both ratios, both rates, or both histograms with the same buckets."""
    if isinstance(one, Histogram):
        return isinstance(other, Histogram) and other.edges == one.edges
    return isinstance(other, type(one))


def _requests(counts: Counts | None) -> float:
    """Time without a request is none: a rate counts no requests."""
    if isinstance(counts, Histogram):
        return sum(counts.counts)
    return counts.total if isinstance(counts, Ratio) else 0.0


def _lost(alive: Mapping[str, Role], own: Mapping[str, Window], *, candidate: bool) -> float:
    """The share of an arm's living pods without a new sample."""
    if alive.keys() <= own.keys():
        return 0.0
    arm = [pod for pod, role in alive.items() if (role is Role.CANDIDATE) is candidate]
    return sum(pod not in own for pod in arm) / len(arm) if arm else 0.0


def _stopped(alive: Mapping[str, Role], own: Mapping[str, Window]) -> bool:
    """True when no living pod of the candidate shows a counter: it hangs altogether, or from its first request on."""
    arm = [pod for pod, role in alive.items() if role is Role.CANDIDATE]
    return bool(arm) and all(pod not in own for pod in arm)
