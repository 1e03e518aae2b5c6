"""Counts that somebody else has read already, window by window, in; looks out.

    intake = begin(interval=15.0, drain=30.0, settle=30.0)
    intake, looks = take(intake, Increments(at=15.0, weight=10, wanted=10, step=1, pods=(...)))

The same rules as for raw counters (`windows.py`): what touches a change of weight or the drain after it, a pod that is
not settled, weights that are not the wanted ones, or a window that is too long, is not evidence; stable is counted
over the candidate's own windows; sharp changes are blanked, blind to which arm they struck.

Where all pods were counted over one and the same window, what both arms share is counted in full in both, however
sharp it is: such a look is given out at once. Else it waits for the next, to know the rest of what stable counted in
the candidate's windows, and whether it is blanked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import inf

from serinus.core.assembly import Window, alike, assemble, summed
from serinus.core.blanking import CALM_LOOKS, settle
from serinus.core.evidence import Counts, Histogram, Look, PodLook, Rate, Ratio, Role
from serinus.core.model import Shift
from serinus.core.timeline import Life, Timeline
from serinus.core.windows import longest_window

MINUTE = 60.0
CLOSE = 1e-6
"""Seconds by which the end of a window and the beginning of the next may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Increments:
    """What the pods counted around one due time. They come in order of `at`."""

    at: float
    weight: int
    """The candidate's weight in percent since the increments before."""
    wanted: int
    """The weight that should have been in force; where it was not, nothing is evidence."""
    step: int
    pods: tuple[PodLook, ...]
    """Each pod once, in windows that follow each other; a pod that is not listed was not scraped, or is gone."""
    ready_since: Mapping[str, float] = field(default_factory=dict)
    """By pod. Where it is not said, the pod has long been ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What is remembered between increments: the last few, and what decides which windows count."""

    longest: float
    """Longest window, in seconds."""
    settle: float
    """Seconds after a pod's readiness before its counts are evidence."""
    timeline: Timeline
    recent: tuple[Increments, ...] = ()
    """The last two, and as far back as twice the longest window: what others counted in a window that began then."""
    waits: bool = False
    """The last one has not been given out yet."""
    listed: Mapping[str, float] = field(default_factory=dict)
    """By pod: when its last window ended."""
    blank: int = 0
    calm: int = CALM_LOOKS
    covered_to: float = -inf


def begin(*, interval: float, drain: float, settle: float) -> Intake:
    """Return an intake that has seen nothing; `settle` as in `needs.Question`, all in seconds."""
    return Intake(longest=longest_window(interval), settle=settle, timeline=Timeline(lives=(), drain=drain))


def take(intake: Intake, new: Increments, began: float) -> tuple[Intake, tuple[Look, ...]]:
    """Add increments; return the intake after them and the looks that are evidence now, in order.

    `began`: when the time of these increments began, which is when a new weight came into force.
    """
    before, waited = intake.recent[-1] if intake.recent else None, intake.waits
    at_once = _aligned(new)
    line = _timeline(intake, new, began)
    listed = {**intake.listed, **{one.pod: one.end for one in new.pods}}
    if line is not intake.timeline:
        listed = {pod: end for pod, end in listed.items() if pod in line.by_pod}
    told, blank, calm = False, max(0, intake.blank - 1), intake.calm + 1
    if before is not None and (waited or not at_once):
        told, blank, calm = settle(_pooled(line, before), _pooled(line, new), intake.blank, intake.calm)
    kept = [one for one in intake.recent[:-2] if one.at > new.at - 2 * intake.longest]
    recent = (*kept, *intake.recent[-2:], new)
    covered, looks = intake.covered_to, []
    if before is not None and waited:
        look, covered = _assembled(before, recent, line, intake.longest, covered)
        looks += [look] if look is not None and told else []
    if at_once:
        look, covered = _assembled(new, recent, line, intake.longest, covered)
        looks += [look] if look is not None else []
    after = replace(
        intake,
        timeline=line,
        recent=recent,
        waits=not at_once,
        listed=listed,
        blank=blank,
        calm=calm,
        covered_to=covered,
    )
    return after, tuple(looks)


def past(several: Iterable[Increments], *, settle: float) -> tuple[Look, ...]:
    """Return the looks of stable's pods before a trial, minute by minute: what noise is measured on.

    Left out are a pod before it was settled, and a window that spans a gap: one longer than several of those before,
    and than a window may be where looks are a minute apart.
    """
    minutes: dict[int, dict[str, PodLook]] = {}
    usual, before = 0.0, inf
    for one in several:
        # The first two tell how far apart they are; after that a larger distance is a gap.
        usual = usual or max(0.0, one.at - before)
        longest = max(longest_window(MINUTE), longest_window(usual))
        pods = minutes.setdefault(int(one.at // MINUTE), {})
        for pod in one.pods:
            settled = pod.start >= one.ready_since.get(pod.pod, -inf) + settle
            if pod.role is Role.STABLE and settled and pod.end - pod.start <= longest:
                pods[pod.pod] = joined(pods[pod.pod], pod) if pod.pod in pods else pod
        usual = one.at - before if 0 < one.at - before <= longest else usual
        before = one.at
    return tuple(
        Look(at=MINUTE * minute, weight=0, step=0, pods=tuple(minutes[minute].values())) for minute in sorted(minutes)
    )


def joined(one: PodLook, more: PodLook) -> PodLook:
    """Both windows as one that is as long as the two together."""
    counts = dict(one.counts)
    for sli, other in more.counts.items():
        first = counts.get(sli)
        counts[sli] = _sum([first, other], [1.0, 1.0]) if first is not None and alike(first, other) else other
    return replace(one, end=one.end + more.end - more.start, counts=counts)


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Increments as `assemble` asks for them; a window is made of the pieces that several hold."""

    at: Mapping[str, PodLook]
    """By pod: what the increments hold whose look it is."""
    recent: Mapping[str, list[PodLook]]
    """By pod: what all of them hold, in order of time; nothing where all windows are the same."""

    def pods(self) -> Iterable[str]:
        """The pods of these increments."""
        return self.at

    def within(self, pod: str, role: Role, window: Window, longest: float) -> PodLook | None:
        """What the pod counted in the window; None where the pieces do not cover it."""
        own = self.at[pod]
        if own.start == window[0] and own.end == window[1]:
            return own
        start, end = window
        pieces = [one for one in self.recent.get(pod, ()) if one.start < end and one.end > start]
        return _cut(pieces, role, window) if _covers(pieces, window, longest) else None

    def is_warm(self, pod: str, requests: int, window: Window) -> bool:  # noqa: ARG002
        """Increments do not tell when a process began: whoever counts requests from there cannot use them."""
        return True


def _covers(pieces: list[PodLook], window: Window, longest: float) -> bool:
    if not pieces or pieces[0].start > window[0] + CLOSE or pieces[-1].end < window[1] - CLOSE:
        return False
    joined = all(after.start - before.end <= CLOSE for before, after in pairwise(pieces))
    return joined and all(one.end - one.start <= longest for one in pieces)


def _cut(pieces: list[PodLook], role: Role, window: Window) -> PodLook:
    """The part of these pieces that lies in the window; within each it grew evenly."""
    start, end = window
    shares = [(min(one.end, end) - max(one.start, start)) / (one.end - one.start) for one in pieces]
    counts: dict[str, Counts] = {}
    for sli, first in pieces[0].counts.items():
        each = [one.counts.get(sli) for one in pieces]
        if all(alike(first, one) for one in each):
            counts[sli] = _sum([one for one in each if one is not None], shares)
    return PodLook(pod=pieces[0].pod, role=role, start=start, end=end, counts=counts)


def _sum(each: list[Counts], shares: list[float]) -> Counts:
    pairs = list(zip(each, shares, strict=True))
    if isinstance(each[0], Histogram):
        rows = [[n * share for n in one.counts] for one, share in pairs if isinstance(one, Histogram)]
        return Histogram(edges=each[0].edges, counts=tuple(map(sum, zip(*rows, strict=True))))
    if isinstance(each[0], Rate):
        return summed([one for one in each if isinstance(one, Rate)], shares)
    ratios = [(one, share) for one, share in pairs if isinstance(one, Ratio)]
    return Ratio(
        total=sum(one.total * share for one, share in ratios), bad=sum(one.bad * share for one, share in ratios)
    )


def _aligned(one: Increments) -> bool:
    """True when all pods were counted over one and the same window."""
    return not one.pods or all(pod.start == one.pods[0].start and pod.end == one.pods[0].end for pod in one.pods)


def _assembled(
    one: Increments, recent: tuple[Increments, ...], line: Timeline, longest: float, covered_to: float
) -> tuple[Look | None, float]:
    pieces: dict[str, list[PodLook]] = {}
    if not _aligned(one):
        for several in recent:
            for pod in several.pods:
                pieces.setdefault(pod.pod, []).append(pod)
    return assemble(
        _Pieces({pod.pod: pod for pod in one.pods}, pieces),
        {pod.pod: (pod.start, pod.end) for pod in one.pods},
        line,
        due=one.at,
        longest=longest,
        covered_to=covered_to,
    )


def _pooled(line: Timeline, one: Increments) -> Look:
    """The increments as a look, without the pods that are not settled: what jumps are seen in."""
    pods = [pod for pod in one.pods if line.role_in(pod.pod, pod.start, pod.end) is not None]
    pods = [pod for pod in pods if not line.spoiled(pod.start, pod.end)]
    return Look(at=one.at, weight=one.weight, step=one.step, pods=tuple(pods))


def _timeline(intake: Intake, new: Increments, began: float) -> Timeline:
    """The timeline with what these increments tell; the same one where they tell nothing new."""
    old = intake.timeline
    shifts, exclusions = old.shifts, old.exclusions
    if not shifts or (shifts[-1].weight, shifts[-1].step) != (new.weight, new.step):
        shifts = (*shifts, Shift(at=began, weight=new.weight, step=new.step))
        needed = new.at - 2 * intake.longest - old.drain
        shifts = tuple(
            one for one, after in zip(shifts, (*shifts[1:], None), strict=True) if after is None or after.at >= needed
        )
    if new.weight != new.wanted:
        end = max([new.at, *(one.end for one in new.pods)])
        kept = tuple(one for one in exclusions if one[1] >= new.at - 2 * intake.longest)
        exclusions = (*kept, (began, end))
    lives, scraped = _lives(intake, new), _scraped(intake, new)
    same = lives is old.lives and scraped is old.scraped
    if same and shifts is old.shifts and exclusions is old.exclusions:
        return old
    return Timeline(lives=lives, shifts=shifts, exclusions=exclusions, drain=old.drain, scraped=scraped)


def _scraped(intake: Intake, new: Increments) -> tuple[Life, ...]:
    """The lives for events over time: a pod that becomes ready again goes on with the one that it has."""
    old = intake.timeline.scraped
    if not old and not any(isinstance(one, Rate) for pod in new.pods for one in pod.counts.values()):
        return ()
    known = {life.pod: life for life in old}
    lives = {pod: life for pod, life in known.items() if intake.listed.get(pod, -inf) >= new.at - intake.longest}
    for one in new.pods:
        if one.pod not in lives or lives[one.pod].role is not one.role:
            since = new.ready_since.get(one.pod)
            lives[one.pod] = Life(pod=one.pod, role=one.role, start=-inf if since is None else since + intake.settle)
    return old if lives == known else tuple(lives.values())


def _lives(intake: Intake, new: Increments) -> tuple[Life, ...]:
    old = intake.timeline
    changed: dict[str, Life] = {}
    for one in new.pods:
        since = new.ready_since.get(one.pod)
        start = -inf if since is None else since + intake.settle
        known = old.by_pod.get(one.pod)
        if known is None or known[-1].role is not one.role or known[-1].start != start:
            changed[one.pod] = Life(pod=one.pod, role=one.role, start=start)
    began = {one.pod: one.start for one in new.pods}
    gone = [pod for pod in old.by_pod if pod not in began and intake.listed[pod] < new.at - intake.longest]
    if not changed and not gone:
        return old.lives
    kept = [life for life in old.lives if life.pod not in gone and life.end >= new.at - 2 * intake.longest]
    ended = [replace(life, end=min(life.end, began[life.pod])) if life.pod in changed else life for life in kept]
    return (*ended, *changed.values())
