"""What happened beside the counters: weights, lives of pods, and times whose counts are not evidence.

A replay needs nothing but this and the samples.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf

from serinus.core.evidence import Role
from serinus.core.model import Shift


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """When a pod's counts are evidence: from the end of its warm-up until it goes or changes its role."""

    pod: str
    role: Role
    start: float
    end: float = inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Everything that decides which windows count. Only ever appended to while an attempt lasts."""

    lives: tuple[Life, ...]
    shifts: tuple[Shift, ...] = ()
    """Changes of weight and step, each in force until the next, in ascending order of `at`."""
    exclusions: tuple[tuple[float, float], ...] = ()
    """Further times (from, to) whose counts are not evidence, for all pods."""
    drain: float = 0.0
    """Seconds after each change of weight in which requests end that began before it: quick failures are counted before
    slow successes, so that an equal candidate looks worse."""
    warm_up: int = 0
    """The first so many requests that a process answers are not evidence."""
    scraped: tuple[Life, ...] = ()
    """The same lives for events over time, which a pod has whether it is ready or not: many of them end its readiness,
    and time that is left out because of them would hide them. Empty where no SLI counts any."""
    by_pod: Mapping[str, tuple[Life, ...]] = field(init=False, repr=False, compare=False)
    """`lives` again, to find one without going through all."""

    def __post_init__(self) -> None:
        """Sort the lives by pod, in their order."""
        by_pod: dict[str, tuple[Life, ...]] = {}
        for life in self.lives:
            by_pod[life.pod] = (*by_pod.get(life.pod, ()), life)
        object.__setattr__(self, "by_pod", by_pod)

    def shift_at(self, at: float) -> Shift:
        """The shift in force just before `at`, so that a window that ends with a change belongs to what was before."""
        return next((shift for shift in reversed(self.shifts) if shift.at < at), Shift(at=-inf, weight=0, step=0))

    def spoiled(self, start: float, end: float) -> bool:
        """True when the window (start, end] touches a change, the time after it, or an exclusion."""
        return any(start < to and end > since for since, to in self._gaps())

    def role_in(self, pod: str, start: float, end: float) -> Role | None:
        """The pod's role throughout the window, or None."""
        for life in self.by_pod.get(pod, ()):
            if life.start <= start and end <= life.end:
                return life.role
        return None

    def alive(self, at: float) -> dict[str, Role]:
        """The pods whose samples are waited for at that moment."""
        return {life.pod: life.role for life in self.lives if life.start <= at < life.end}

    def _gaps(self) -> Iterable[tuple[float, float]]:
        yield from self.exclusions
        for shift in self.shifts:
            # A window that holds the change itself is spoiled even without a drain.
            yield shift.at, shift.at + self.drain
