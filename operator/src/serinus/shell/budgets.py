"""Reading error budgets: few queries for all rollouts that share a metric, and what is read once is kept.

What is kept is a cache of closed buckets (`core/ledger.py`): a rollout that is not known is read from Prometheus again,
the whole window at once.
"""

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from serinus.core.budget import Budget, Count, ErrorBudget
from serinus.core.ledger import (
    WIDEST_FINE,
    Account,
    Gap,
    Ledger,
    Row,
    account_of,
    balance,
    filled,
    gaps,
    is_stale,
    next_read,
)
from serinus.core.model import Spec
from serinus.core.questions import Arms
from serinus.providers import increases
from serinus.providers.increases import Want
from serinus.providers.prometheus import AnswerError, Part
from serinus.providers.promql import NotAName
from serinus.shell.measure import Asks
from serinus.shell.prometheus import PrometheusError, ProviderUnavailable
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
        self._most: dict[tuple[str, int], int] = {}
        """By connection and seconds: most rollouts in one query, where all of them were too much."""
        self._answered: dict[str, float] = {}
        """When a connection last answered."""
        self.queries = 0
        """How many queries were sent so far."""

    async def read(self, books: Sequence[Books], now: float) -> dict[Account, Books]:
        """The books as they are at `now`. Never raises for what a provider does: what was known stays."""
        known = {one.account: replace(one, problem="") for one in books}
        groups: dict[tuple[str, Gap], list[Account]] = {}
        for one in books:
            for gap in gaps(one.account, one.ledger, now):
                groups.setdefault((one.account.connection, gap), []).append(one.account)
        # The short queries first: they tell an outage from a query that was too much.
        for (connection, gap), accounts in sorted(groups.items(), key=lambda one: one[0][1].seconds):
            found = await self._ask(connection, gap, accounts)
            for account in accounts:
                rows, before = found.rows[account], known[account]
                known[account] = (
                    replace(before, problem=rows)
                    if isinstance(rows, str)
                    else replace(before, ledger=filled(account, before.ledger, gap, rows))
                )
                await asyncio.sleep(0)  # a look that is due does not wait for the books of many
            self._learn(connection, gap, found.largest_failed, now)
        return known

    def _learn(self, connection: str, gap: Gap, largest_failed: int, now: float) -> None:
        """Half as many at a time where a connection answers other queries and not this one; more again once it does."""
        key = (connection, gap.seconds)
        if not largest_failed:
            self._answered[connection] = now
            self._most[key] = min(increases.NAMES, 2 * self._most.get(key, increases.NAMES))
        elif largest_failed > 1 and now - self._answered.get(connection, 0.0) <= WIDEST_FINE:
            self._most[key] = largest_failed // 2

    async def _ask(self, connection: str, gap: Gap, accounts: Sequence[Account]) -> "_Found":
        troubles: dict[Hashable, str] = {}
        wants = []
        for account in accounts:
            want = _want(account, gap)
            try:
                increases.plan([want])
            except NotAName as error:
                troubles[account] = str(error)
                continue
            wants.append(want)
        try:
            asks = self._connect(connection)
        except SettingsError as error:
            return _Found(rows=dict.fromkeys(accounts, str(error)), largest_failed=0)
        queries = increases.plan(wants, self._most.get((connection, gap.seconds), increases.NAMES))
        self.queries += len(queries)
        answers = await asks.instant([one.text for one in queries], gap.at)
        counted: dict[Hashable, dict[Part, dict[int, dict[str, float]]]] = {}
        largest_failed = 0
        for query, answer in zip(queries, answers, strict=True):
            QUERIES.labels(type(answer).__name__ if isinstance(answer, PrometheusError) else "ok").inc()
            owners = {owner for several in query.owners.values() for owner in several}
            if isinstance(answer, ProviderUnavailable):
                largest_failed = max(largest_failed, len(owners))
            found = _understood(query, answer)
            if isinstance(found, str):
                troubles.update(dict.fromkeys(owners, found))
                continue
            for owner, rows in found.items():
                counted.setdefault(owner, {})[query.part] = rows
        return _Found(
            rows={one: troubles.get(one) or rows_of(one, counted.get(one, {})) for one in accounts},
            largest_failed=largest_failed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What one gap came to."""

    rows: Mapping[Account, Mapping[int, Row] | str]
    """A sentence where there are none."""
    largest_failed: int
    """Rollouts in the largest query that was not answered; 0: all were."""


def _understood(query: increases.Query, answer: Mapping[str, Any] | PrometheusError) -> increases.Found | str:
    """The increases of an answer, or the sentence why there are none."""
    if isinstance(answer, PrometheusError):
        return str(answer)
    try:
        return increases.read(query, answer)
    except AnswerError as error:
        return str(error)
    except (TypeError, ValueError):
        return "Prometheus answered with samples that are no numbers."


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What books came to, added up once for each read and not at every look."""

    books: Books
    asked: ErrorBudget
    candidate: str
    """Revision; empty: there is none."""
    budget: Budget

    def at(self, now: float) -> Budget:
        """The budget as it is known at `now`: nothing is concluded from counts that are too old."""
        if self.budget.problem or not is_stale(self.books.account, self.books.ledger, now):
            return self.budget
        return replace(self.budget, problem="What was counted is too old to conclude anything from it.")


def balanced(spec: Spec, books: Books | None, candidate: str, before: Balance | None) -> Balance | None:
    """What the books say of the budget that the spec asks for; `before` is handed back where it still is what they say.

    None: the spec asks for none, these are books of another one, or nothing was read yet.
    """
    asked = spec.error_budget
    if asked is None or books is None or books.account != account_of(spec):
        return None
    if not books.ledger.fine and not books.problem:
        return None
    if before is not None and before.books is books and (before.asked, before.candidate) == (asked, candidate):
        return before
    by_role = books.account.measurement.arms is Arms.CLUSTER
    name = service_name(spec.name, CANDIDATE) if by_role else deployment_name(spec.name, candidate)
    budget = balance(books.account, asked, books.ledger, candidate=name if candidate else "", problem=books.problem)
    return Balance(books=books, asked=asked, candidate=candidate, budget=budget)


def due_again(books: Books, now: float) -> float:
    """When to read again: with the next closed bucket, or sooner where the last read brought nothing."""
    later = next_read(books.account, now)
    return min(later, now + AFTER_A_PROBLEM) if books.problem else later


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
        owner=account,
        namespace=account.namespace,
        rollout=account.name,
        source=account.source,
        measurement=account.measurement,
        edge=account.edge,
        seconds=gap.seconds,
        width=gap.width,
    )
