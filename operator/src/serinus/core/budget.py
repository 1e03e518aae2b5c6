"""The error budget of a service: what is left of it, how fast it burns, when it will be spent.

    allowed    1 - objective: the share of requests that may fail
    remaining  1 - bad / (allowed x total) over the window: 1 is untouched, 0 spent, less than 0 overspent
    burn       (bad / total) / allowed: at 1 the budget lasts exactly as long as the window
    pair       a long window says that it matters, a short one that it still goes on: a pair burns as fast as the
               slower of the two

    >>> asked = ErrorBudget(sli="answers", objective=0.999, window=30 * DAY)
    >>> month, hour, minutes = Count(total=1e6, bad=400), Count(total=2000, bad=12), Count(total=160, bad=0.5)
    >>> budget = assess(asked, {30 * DAY: month, HOUR: hour, 300.0: minutes})
    >>> round(budget.remaining, 4), round(budget.burn, 4), budget.burns
    (0.6, 3.125, True)

It is a budget of requests, not of minutes: an hour without traffic costs nothing. A budget never promotes, and never
rolls back by itself; what it may do stands in `rules/budget.py`.

Windows: Google, The Site Reliability Workbook, chapter 5 (multiwindow, multi-burn-rate), and the pair 1d/2h that
generators of such alerts add to them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

HOUR, DAY = 3600.0, 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBudget:
    """What the spec asks for."""

    sli: str
    """Name of the SLI whose requests are counted."""
    objective: float
    """Share of requests that must succeed over the window, below 1."""
    window: float
    """Seconds."""
    burn: float = 2.0
    """Above this burn a trial is held; a candidate that surely burns faster by itself is taken back."""

    @property
    def allowed(self) -> float:
        """The share of requests that may fail."""
        return round(1 - self.objective, 12)

    @property
    def line(self) -> float:
        """The share of bad requests at which the budget burns `burn` times too fast: at most nearly all of them."""
        return min(0.99, round(self.burn * self.allowed, 12))

    @property
    def pairs(self) -> tuple["Pair", ...]:
        """The pairs of windows that fit into the window."""
        return tuple(one for one in PAIRS if one.long <= self.window)

    @property
    def words(self) -> str:
        """The budget, as a sentence names it.

        >>> ErrorBudget(sli="answers", objective=0.999, window=30 * DAY).words
        'the error budget of answers (99.9% over 30d)'
        """
        return f"the error budget of {self.sli} ({percent(self.objective)} over {window_words(self.window)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two windows that are looked at together, in seconds."""

    long: float
    short: float


PAIRS = (
    Pair(long=HOUR, short=300.0),
    Pair(long=6 * HOUR, short=1800.0),
    Pair(long=DAY, short=2 * HOUR),
    Pair(long=3 * DAY, short=6 * HOUR),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Requests in some span, and how many of them were bad (0 <= bad <= total). Not whole: increases are estimated."""

    total: float = 0.0
    bad: float = 0.0

    def plus(self, other: "Count") -> "Count":
        """Both together."""
        return Count(total=self.total + other.total, bad=self.bad + other.bad)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast the budget burns over one pair."""

    pair: Pair
    burn: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What is known of a budget at one moment."""

    asked: ErrorBudget
    count: Count = Count()
    """Over the window."""
    covered: float = 0.0
    """Seconds of the window since the first request that was counted."""
    paces: tuple[Pace, ...] = ()
    """Of the pairs of which both windows had requests."""
    caused: float | None = None
    """Share of the burn that the candidate causes: its bad requests beyond what stable would have had of them, over
    all bad ones of the fastest pair's long window. None: no candidate with requests, or nothing burns."""
    back_in: float | None = None
    """Seconds until a spent budget has something left again, at this pace; None: not within the window, or unknown."""
    problem: str = ""
    """Why the counts are missing or old, as a sentence; empty when they are there."""

    @property
    def remaining(self) -> float | None:
        """Share of the budget that is left; below 0: overspent. None: no requests, so that nothing is known."""
        if self.count.total <= 0:
            return None
        return round(1 - self.count.bad / (self.asked.allowed * self.count.total), 9)

    @property
    def spent(self) -> bool:
        """Nothing is left. Never where nothing is known."""
        remaining = self.remaining
        return remaining is not None and remaining <= 0 and not self.problem

    @property
    def pace(self) -> Pace | None:
        """The pair that burns fastest; None: no requests."""
        return max(self.paces, key=lambda one: one.burn, default=None)

    @property
    def burn(self) -> float | None:
        """How fast the fastest pair burns."""
        return self.pace.burn if self.pace else None

    @property
    def burns(self) -> bool:
        """It burns faster than the spec lets a trial go on. Never where nothing is known."""
        return self.burn is not None and self.burn > self.asked.burn and not self.problem

    @property
    def spent_in(self) -> float | None:
        """Seconds until nothing is left at this pace; None: not at this pace, or it is spent, or unknown."""
        if self.remaining is None or self.burn is None or self.remaining <= 0:
            return None
        return seconds_until_spent(self.remaining, self.burn, self.covered, self.asked.window)


def assess(
    asked: ErrorBudget,
    counts: Mapping[float, Count],
    *,
    covered: float | None = None,
    caused: float | None = None,
    back_in: float | None = None,
    problem: str = "",
) -> Budget:
    """Return what counts by window (in seconds) say.

    A pair of which one window was not counted burns as the other does; one of which a window had no requests says
    nothing.
    """
    paces = []
    for pair in asked.pairs:
        known = [counts[window] for window in (pair.long, pair.short) if window in counts]
        if known and all(one.total > 0 for one in known):
            paces.append(Pace(pair=pair, burn=min(one.bad / one.total for one in known) / asked.allowed))
    return Budget(
        asked=asked,
        count=counts.get(asked.window, Count()),
        covered=asked.window if covered is None else covered,
        paces=tuple(paces),
        caused=caused,
        back_in=back_in,
        problem=problem,
    )


def caused_by(candidate: Count, others: Count) -> float | None:
    """Return the share of all bad requests that the candidate had beyond what the others would have had of its own.

    >>> caused_by(Count(total=100, bad=30), Count(total=900, bad=9))
    0.744
    >>> caused_by(Count(total=500, bad=50), Count(total=500, bad=50))
    0.0
    """
    bad = candidate.bad + others.bad
    if candidate.total <= 0 or others.total <= 0 or bad <= 0:
        return None
    beyond = candidate.bad - candidate.total * others.bad / others.total
    return round(max(0.0, beyond) / bad, 3)


def seconds_until_spent(remaining: float, burn: float, covered: float, window: float) -> float | None:
    """Return how long `remaining` lasts at this burn; None: for ever, since at 1 or less as much is regained as spent.

    A history shorter than the window grows with time, and so does what it allows; after that it is the same as a full
    one's. Failures that leave the window meanwhile are not counted on.

    >>> seconds_until_spent(0.6, 3.0, 30 * DAY, 30 * DAY) / DAY
    6.0
    >>> seconds_until_spent(0.5, 3.0, 2 * DAY, 30 * DAY) / DAY
    0.5
    >>> seconds_until_spent(0.6, 1.0, 30 * DAY, 30 * DAY)
    """
    if burn <= 1:
        return None
    grows = remaining * covered / (burn - 1)
    if covered + grows <= window:
        return grows
    return (window - (1 - remaining) * covered) / burn


def percent(share: float) -> str:
    """Say a share as people write objectives.

    >>> percent(0.999), percent(0.9995), percent(0.5)
    ('99.9%', '99.95%', '50%')
    """
    return f"{round(100 * share, 6):g}%"


def window_words(seconds: float) -> str:
    """Say a window as people write it.

    >>> [window_words(one) for one in (30 * DAY, 36 * HOUR, 5400.0, 300.0)]
    ['30d', '36h', '90m', '5m']
    """
    for unit, length in (("d", DAY), ("h", HOUR), ("m", 60.0)):
        if seconds % length == 0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.0f}s"


def long_words(seconds: float) -> str:
    """Say a time to come as people do, to two units.

    >>> [long_words(one) for one in (40.0, 840.0, 7300.0, 3.2 * DAY, 30 * DAY)]
    ['1 min', '14 min', '2 h', '3 d 5 h', '30 d']
    """
    minutes = max(1, round(seconds / 60))
    if minutes < 120:
        return f"{minutes} min"
    hours = round(minutes / 60)
    if hours < 48:
        return f"{hours} h"
    days, rest = divmod(hours, 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def burn_words(burn: float) -> str:
    """Say how fast a budget burns.

    >>> [burn_words(one) for one in (0.0, 0.44, 3.125, 1234.5)]
    ['0x', '0.4x', '3.1x', '1230x']
    """
    return f"{float(f'{burn:.3g}'):.0f}x" if burn >= 10 else f"{burn:.1f}x".replace(".0x", "x")
