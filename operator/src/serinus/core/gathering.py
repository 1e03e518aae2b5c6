"""Stable's own counts of a trial that began without history, until they are enough to measure its noise on.

    gathered = begin(looks of the past, slis)      # too few of them, else there is nothing to gather
    gathered = add(gathered, look)                 # each look of the trial
    if is_enough(gathered): noise = history.calibrate(gathered.looks, slis)

What is kept are counts by pod and minute: about as many as ENOUGH_HOURS have, whatever the interval between looks.
When it is enough depends on the looks alone, so that whoever reads the trial again comes to the same noise at the same
look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from serinus.core.evidence import Look, Role, Sli
from serinus.core.history import ENOUGH_HOURS
from serinus.core.increments import MINUTE, joined

ENOUGH_COVERED = 3600.0
"""Seconds: slow swings do not show in less, however many pods there are."""
MOST = 6 * 60 * ENOUGH_HOURS
"""Minutes of pods that are kept beyond the last hour's at most, six times what is enough: an SLI that is counted now
and then, or never, must not fill the memory."""
HOUR = 61
"""Looks of an hour by the minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """Stable's pods by the minute, oldest first."""

    looks: tuple[Look, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    """By SLI whose noise is assumed: seconds of all pods together in which it was counted."""
    covered: float = 0.0
    """Seconds that the looks cover, whatever the number of pods."""

    def missing(self, pods: int) -> float:
        """Seconds that are missing until it is enough, where so many pods of stable are counted; at least 0."""
        of_pods = ENOUGH_HOURS * 3600 - min(self.seconds.values(), default=0.0)
        return max(0.0, ENOUGH_COVERED - self.covered, of_pods / max(1, pods))


def begin(past: Sequence[Look], assumed: Sequence[Sli]) -> Gathering:
    """Return what the time before the trial has shown; `assumed`: the SLIs whose noise it is too short for."""
    gathered = Gathering(seconds={sli.name: 0.0 for sli in assumed})
    for look in past:
        gathered = add(gathered, look)
    return gathered


def add(gathered: Gathering, look: Look) -> Gathering:
    """Return it with one look more; of a look without stable nothing is kept."""
    own = {pod.pod: pod for pod in look.pods if pod.role is not Role.CANDIDATE}
    if not own:
        return gathered
    seconds = {
        name: before + sum(pod.end - pod.start for pod in own.values() if name in pod.counts)
        for name, before in gathered.seconds.items()
    }
    gathered = replace(
        gathered,
        seconds=seconds,
        covered=gathered.covered + sum(pod.end - pod.start for pod in own.values()) / len(own),
    )
    looks, last = gathered.looks, gathered.looks[-1] if gathered.looks else None
    if last is not None and last.at // MINUTE == look.at // MINUTE:
        known = {pod.pod: pod for pod in last.pods}
        merged = known | {name: joined(known[name], pod) if name in known else pod for name, pod in own.items()}
        return replace(gathered, looks=(*looks[:-1], replace(last, pods=tuple(merged.values()))))
    kept = Look(at=look.at, weight=look.weight, step=look.step, pods=tuple(own.values()))
    return replace(gathered, looks=_youngest((*looks, kept)))


def is_enough(gathered: Gathering) -> bool:
    """True when the noise of every SLI can be measured that is assumed."""
    return gathered.missing(1) == 0.0


def _youngest(looks: tuple[Look, ...]) -> tuple[Look, ...]:
    """These without the oldest, as far as they are too many."""
    more, first = sum(len(look.pods) for look in looks) - MOST, 0
    while more > 0 and first < len(looks) - HOUR:
        more -= len(looks[first].pods)
        first += 1
    return looks[first:]
