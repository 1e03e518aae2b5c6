"""What a service's requests came to, bucket by bucket, from which every window of its error budget is added up.

    fine      minutes wide, the last six hours: the short windows, and what is too young for a coarse bucket
    coarse    six hours wide, the whole window

Buckets lie on the epoch grid, so that those of all rollouts are read together, and a closed one is never read again.
So a window of 30 days costs one query, and after that one for each new bucket.

    for gap in gaps(account, ledger, now):          # what is to be read
        ledger = filled(account, ledger, gap, rows)
    budget = balance(account, asked, ledger, candidate="chat-6f7d5b8c")
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor

from serinus.core.budget import HOUR, Budget, Count, ErrorBudget, assess, caused_by
from serinus.core.model import Spec
from serinus.core.questions import Measurement

COARSE = 6 * HOUR
"""Seconds of a coarse bucket, and of what the fine ones reach back."""
WIDEST_FINE = 300.0
LOOKS_PER_FINE = 20
"""A fine bucket is as wide as so many looks, at most WIDEST_FINE: an increase needs several samples in it."""
LATEST = 15.0
"""Seconds after its end that a bucket is read at most: its last samples are scraped by then."""
STALE = 3
"""Fine buckets without an answer after which nothing is concluded from the old ones."""

Row = Mapping[str, Count]
"""Requests in one bucket by the name of the Deployment or Service that answered them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What an error budget is counted from: the same account has the same ledger."""

    uid: str
    namespace: str
    name: str
    """The rollout's."""
    source: str
    """Name of the team's own Deployment, whose pods served before; empty where the source has no pods."""
    connection: str
    measurement: Measurement
    edge: float | None
    """For a latency: requests above it are bad, in the metric's unit."""
    window: float
    step: float
    """Seconds of a fine bucket."""

    @property
    def reach(self) -> float:
        """How far back the fine buckets go: one more than six hours, so that they overlap the coarse ones."""
        return min(COARSE, self.window) + self.step

    @property
    def has_coarse(self) -> bool:
        """False where the fine buckets cover the whole window."""
        return self.window > COARSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Closed buckets by the time of their end, in whole seconds. One that is there and empty had no requests."""

    fine: Mapping[int, Row] = field(default_factory=dict)
    coarse: Mapping[int, Row] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Buckets to be read at once: those of this width that end in (at - seconds, at]."""

    at: float
    seconds: int
    width: int


def account_of(spec: Spec) -> Account | None:
    """The account of a rollout's error budget; None where it has none."""
    asked = spec.error_budget
    if asked is None:
        return None
    sli, measurement = next(
        pair for pair in zip(spec.slis, spec.measurements, strict=True) if pair[0].name == asked.sli
    )
    return Account(
        uid=spec.uid,
        namespace=spec.namespace,
        name=spec.name,
        source=spec.source.name if spec.source.workload == "deployment" else "",
        connection=spec.prometheus,
        measurement=measurement,
        edge=sli.edge,
        window=asked.window,
        step=min(WIDEST_FINE, LOOKS_PER_FINE * spec.interval),
    )


def next_read(account: Account, now: float) -> float:
    """When the next fine bucket is closed and its samples are in."""
    late = _late(account)
    return (floor((now - late) / account.step) + 1) * account.step + late


def gaps(account: Account, ledger: Ledger, now: float) -> tuple[Gap, ...]:
    """What is to be read at `now`: nothing, the newest buckets, or everything.

    Few lengths, so that many rollouts share a query.
    """
    found = []
    for width, reach, known in (
        (account.step, account.reach, ledger.fine),
        (COARSE, account.window if account.has_coarse else 0.0, ledger.coarse),
    ):
        if not reach:
            continue
        at = floor((now - _late(account)) / width) * width
        newest = max(known, default=0)
        if newest < at:
            seconds = 2 * width if at - newest <= 2 * width else reach
            found.append(Gap(at=at, seconds=int(seconds), width=int(width)))
    return tuple(found)


def filled(account: Account, ledger: Ledger, gap: Gap, rows: Mapping[int, Row]) -> Ledger:
    """The ledger with the buckets of a gap; those that are too old for the window are dropped."""
    first = floor((gap.at - gap.seconds) / gap.width) + 1
    read = {at: rows.get(at, {}) for at in range(first * gap.width, int(gap.at) + 1, gap.width)}
    if gap.width == account.step:
        kept = _young({**ledger.fine, **read}, gap.at - account.reach)
        return Ledger(fine=kept, coarse=ledger.coarse)
    return Ledger(fine=ledger.fine, coarse=_young({**ledger.coarse, **read}, gap.at - account.window))


def is_stale(account: Account, ledger: Ledger, now: float) -> bool:
    """True when the newest bucket is too old to conclude anything from, or there is none."""
    return now > max(ledger.fine, default=0) + (STALE + 1) * account.step


def balance(account: Account, asked: ErrorBudget, ledger: Ledger, *, candidate: str = "", problem: str = "") -> Budget:
    """What the ledger says of the budget. `candidate` is the name under which its requests are counted.

    A window that is no whole number of buckets is rounded to the nearest one.
    """
    spans = {length for pair in asked.pairs for length in (pair.long, pair.short)} | {asked.window}
    fine = [_Bucket(at=at, width=account.step, count=_sum(row)) for at, row in sorted(ledger.fine.items())]
    closed = max(ledger.coarse, default=0)
    coarse = [_Bucket(at=at, width=COARSE, count=_sum(row)) for at, row in sorted(ledger.coarse.items())]
    # Coarse buckets where the fine ones do not reach; both end now.
    whole = [*coarse, *(one for one in fine if one.at > closed)]
    end = max(ledger.fine, default=0)
    counts = {span: _total(_within(whole if span > COARSE else fine, end, max(span, account.step))) for span in spans}
    window = _within(whole if asked.window > COARSE else fine, end, asked.window)
    said = assess(asked, counts, covered=_covered(window, end, asked.window), problem=problem)
    if said.pace is None:
        return said
    span = said.pace.pair.long
    return replace(
        said,
        caused=_caused(account, ledger, end, span, candidate) if candidate else None,
        back_in=_back_in(asked, window, end, counts[span], span) if said.spent else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bucket:
    """One bucket, all names together."""

    at: int
    """Its end."""
    width: float
    count: Count


def _within(buckets: Sequence[_Bucket], end: float, span: float) -> list[_Bucket]:
    """The buckets of which most lies in the `span` seconds up to `end`."""
    return [one for one in buckets if one.at - one.width / 2 > end - span]


def _total(buckets: Iterable[_Bucket]) -> Count:
    found = list(buckets)
    return Count(total=sum(one.count.total for one in found), bad=sum(one.count.bad for one in found))


def _sum(row: Row) -> Count:
    return Count(total=sum(one.total for one in row.values()), bad=sum(one.bad for one in row.values()))


def _covered(buckets: Sequence[_Bucket], end: float, window: float) -> float:
    """Seconds since the first request; all of the window where its oldest bucket has some already."""
    first = next((number for number, one in enumerate(buckets) if one.count.total > 0), None)
    if first is None:
        return 0.0
    return window if first == 0 else min(window, end - buckets[first].at + buckets[first].width)


def _caused(account: Account, ledger: Ledger, end: float, span: float, candidate: str) -> float | None:
    """Of the fine buckets: those that are older hold too little of a trial to blame anybody."""
    own, others = Count(), Count()
    for at, row in ledger.fine.items():
        if at - account.step / 2 > end - span:
            mine = row.get(candidate, Count())
            own, others = own.plus(mine), others.plus(_sum({name: row[name] for name in row if name != candidate}))
    return caused_by(own, others)


def _back_in(asked: ErrorBudget, buckets: Sequence[_Bucket], end: float, now: Count, span: float) -> float | None:
    """Seconds until what failed has left the window far enough, if requests go on to come and fail as over `span`."""
    left = _total(buckets)
    for one in buckets:
        left = Count(total=left.total - one.count.total, bad=left.bad - one.count.bad)
        ahead = max(0.0, one.at - one.width / 2 + asked.window - end)
        total, bad = left.total + now.total * ahead / span, left.bad + now.bad * ahead / span
        if bad < asked.allowed * total:
            return ahead
    return None


def _young(rows: Mapping[int, Row], since: float) -> dict[int, Row]:
    return {at: row for at, row in rows.items() if at > since}


def _late(account: Account) -> float:
    return min(LATEST, account.step / 4)
