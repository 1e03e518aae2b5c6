"""Reading error budgets: few queries for all rollouts that share a metric, and what is read once is kept.

What is kept is a cache of closed buckets (`core/ledger.py`): a rollout that is not known is read from Prometheus again,
the whole window at once.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from serinus.core.budget import Budget, Count
from serinus.core.ledger import Account, Gap, Ledger, Row, account_of, balance, filled, gaps, is_stale, next_read
from serinus.core.model import Spec
from serinus.core.questions import Arms
from serinus.providers import increases
from serinus.providers.increases import Want
from serinus.providers.prometheus import AnswerError, Part
from serinus.providers.promql import NotAName
from serinus.shell.measure import Asks
from serinus.shell.prometheus import PrometheusError
from serinus.shell.settings import SettingsError
from serinus.shell.telemetry import QUERIES
from serinus.workloads.revision import deployment_name
from serinus.workloads.services import CANDIDATE, service_name

AFTER_A_PROBLEM = 30.0
"""Seconds after which a connection that did not answer is asked again."""

log = structlog.get_logger("serinus")


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What was read of one account."""

    account: Account
    ledger: Ledger = field(default_factory=Ledger)
    problem: str = ""
    """Why the last read brought nothing, as a sentence."""


class Budgets:
    """Keeps the books. Belongs to one event loop; one call at a time for the same account."""

    def __init__(self, connect: Callable[[str], Asks]) -> None:
        """`connect` gives the connection of a name; it may raise `SettingsError`, whose sentence is then shown."""
        self._connect = connect
        self.queries = 0
        """How many queries were sent so far."""

    async def read(self, books: Sequence[Books], now: float) -> dict[Account, Books]:
        """The books as they are at `now`. Never raises for what a provider does: what was known stays."""
        known = {one.account: replace(one, problem="") for one in books}
        groups: dict[tuple[str, float], list[tuple[Account, Gap]]] = {}
        for one in books:
            for gap in gaps(one.account, one.ledger, now):
                groups.setdefault((one.account.connection, gap.at), []).append((one.account, gap))
        for (connection, at), wanted in groups.items():
            found = await self._ask(connection, at, wanted)
            for account, gap in wanted:
                rows = found.get((account, gap), {})
                before = known[account]
                known[account] = (
                    replace(before, problem=rows)
                    if isinstance(rows, str)
                    else replace(before, ledger=filled(account, before.ledger, gap, rows))
                )
        return known

    async def _ask(
        self, connection: str, at: float, wanted: Sequence[tuple[Account, Gap]]
    ) -> dict[tuple[Account, Gap], Mapping[int, Row] | str]:
        """Rows by account and gap, or the sentence why there are none."""
        troubles: dict[tuple[Account, Gap], str] = {}
        wants = []
        for account, gap in wanted:
            want = _want(account, gap)
            try:
                increases.plan([want])
            except NotAName as error:
                troubles[(account, gap)] = str(error)
                continue
            wants.append(want)
        try:
            asks = self._connect(connection)
        except SettingsError as error:
            return dict.fromkeys(wanted, str(error))
        queries = increases.plan(wants)
        self.queries += len(queries)
        answers = await asks.instant([one.text for one in queries], at)
        counted: dict[Hashable, dict[Part, dict[int, dict[str, float]]]] = {}
        for query, answer in zip(queries, answers, strict=True):
            QUERIES.labels(type(answer).__name__ if isinstance(answer, PrometheusError) else "ok").inc()
            owners = {owner for several in (*query.owners.values(), *query.before.values()) for owner in several}
            try:
                if isinstance(answer, PrometheusError):
                    raise answer
                found = increases.read(query, answer)
            except (PrometheusError, AnswerError, TypeError, ValueError) as error:
                said = str(error) if isinstance(error, PrometheusError | AnswerError) else _NO_NUMBERS
                troubles.update((owner, said) for owner in owners)  # type: ignore[misc]  # owners are what _want gave
                continue
            for owner, rows in found.items():
                counted.setdefault(owner, {})[query.part] = rows
        return {one: troubles.get(one) or rows_of(one[0], counted.get(one, {})) for one in wanted}


def known(spec: Spec, books: Books | None, candidate: str, now: float) -> Budget | None:
    """What the books say of the budget that the spec asks for; None: it asks for none, or these are of another one."""
    asked = spec.error_budget
    if asked is None or books is None or books.account != account_of(spec):
        return None
    if not books.ledger.fine and not books.problem:
        return None
    problem = books.problem
    if not problem and is_stale(books.account, books.ledger, now):
        problem = "What was counted is too old to conclude anything from it."
    by_role = books.account.measurement.arms is Arms.CLUSTER
    name = service_name(spec.name, CANDIDATE) if by_role else deployment_name(spec.name, candidate)
    return balance(books.account, asked, books.ledger, candidate=name if candidate else "", problem=problem)


def due_again(books: Books, now: float) -> float:
    """When to read again: with the next closed bucket, or sooner where the last read brought nothing."""
    later = next_read(books.account, now)
    return min(later, now + AFTER_A_PROBLEM) if books.problem else later


_NO_NUMBERS = "Prometheus answered with samples that are no numbers."


def rows_of(account: Account, parts: Mapping[Part, Mapping[int, Mapping[str, float]]]) -> Mapping[int, Row] | str:
    """Requests and bad ones by bucket and name; a sentence where the good ones are counted and none were found."""
    total, bad, good = (parts.get(part, {}) for part in (Part.TOTAL, Part.BAD, Part.GOOD))
    by_good = any(part is Part.GOOD for part, _ in increases.parts(account.measurement, account.edge))
    if by_good and not good and any(value > 0 for row in total.values() for value in row.values()):
        if account.edge is not None:
            return f"The histogram of {account.measurement.sli} has no bucket at its objective."
        return f"Requests of {account.measurement.sli} are counted, and its good ones are not."
    rows: dict[int, Row] = {}
    for at, row in total.items():
        counts = {}
        for name, requests in row.items():
            failed = requests - good.get(at, {}).get(name, 0.0) if by_good else bad.get(at, {}).get(name, 0.0)
            counts[name] = Count(total=requests, bad=min(requests, max(0.0, failed)))
        rows[at] = counts
    return rows


def _want(account: Account, gap: Gap) -> Want:
    return Want(
        owner=(account, gap),
        namespace=account.namespace,
        rollout=account.name,
        source=account.source,
        measurement=account.measurement,
        edge=account.edge,
        seconds=gap.seconds,
        width=gap.width,
    )
