"""Reading error budgets: how many queries that takes, and what follows from answers that do not come."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from serinus.core.budget import DAY, HOUR, ErrorBudget
from serinus.core.ledger import COARSE, Account, account_of, balance
from serinus.core.questions import Arms, HistogramSource, Matcher, Measurement, RatioSource, Series
from serinus.presets import PRESETS
from serinus.shell.budgets import AFTER_A_PROBLEM, Books, Budgets, balanced, due_again
from serinus.shell.prometheus import ProviderUnavailable
from serinus.shell.settings import SettingsError
from tests.core.world import spec
from tests.shell.told_prometheus import ToldPrometheus

BEGIN = 1_700_006_400.0 - 1_700_006_400.0 % COARSE
"""On the grid of the coarse buckets."""
NOW = BEGIN + 8 * HOUR + 20
FAILED = Matcher(label="code", op="=~", value="5..")
ERRORS = Measurement(
    sli="errors",
    arms=Arms.POD,
    source=RatioSource(
        total=Series(metric="http_requests_total"), bad=Series(metric="http_requests_total", matchers=(FAILED,))
    ),
)
ASKED = ErrorBudget(sli="errors", objective=0.99, window=30 * DAY)


def account(name: str = "chat", **more: Any) -> Account:
    base = Account(
        uid=f"uid-{name}",
        namespace="models",
        name=name,
        source="",
        connection="",
        measurement=ERRORS,
        edge=None,
        window=ASKED.window,
        step=300.0,
    )
    return replace(base, **more)


def story(told: ToldPrometheus, *, name: str = "chat", until: float = NOW, bad: float = 0.005) -> None:
    """Two pods of two revisions, one after the other, a request a second in all; samples every minute."""
    for revision, since, to in (("bbbbbbbb", BEGIN, BEGIN + 4 * HOUR), ("cccccccc", BEGIN + 4 * HOUR, until)):
        at = since
        while at <= to:
            for code, share in (("200", 1 - bad), ("500", bad)):
                labels = {"namespace": "models", "pod": f"{name}-{revision}-7f9c4b6d58-x2x8z", "code": code}
                told.tell({**labels, "__name__": "http_requests_total"}, at, (at - since) * share)
            at += 60.0


async def read(budgets: Budgets, *books: Books, now: float = NOW) -> list[Books]:
    found = await budgets.read(books, now)
    return [found[one.account] for one in books]


@pytest.fixture
def told() -> ToldPrometheus:
    return ToldPrometheus()


async def test_the_whole_service_is_counted_pods_that_are_gone_included(told: ToldPrometheus) -> None:
    story(told)
    (books,) = await read(Budgets(lambda _: told), Books(account=account()))
    budget = balance(books.account, ASKED, books.ledger)
    # A told increase is from the first to the last sample of a bucket: a minute of five is not in it.
    assert 0.8 * 8 * HOUR <= budget.count.total <= 8 * HOUR
    assert budget.remaining == pytest.approx(0.5, abs=0.01)
    assert budget.covered == pytest.approx(8 * HOUR, abs=300)
    assert budget.burn == pytest.approx(0.5, abs=0.01)


async def test_a_hundred_rollouts_cost_as_many_queries_as_one(told: ToldPrometheus) -> None:
    counted = []
    for number in (1, 100):
        budgets = Budgets(lambda _: told)
        many = [Books(account=account(f"m{one}")) for one in range(number)]
        at, queries = NOW, []
        for _ in range(12):
            many = await read(budgets, *many, now=at)
            queries.append(budgets.queries)
            at += 300.0
        counted.append(queries)
    assert counted[0] == counted[1]
    # Two counters: the whole window in two widths at first, then the newest buckets every five minutes.
    first, last = counted[1][0], counted[1][-1]
    assert (first, last) == (4, 4 + 11 * 2)
    assert (last - first) / 55 <= 0.4, "queries a minute for a hundred rollouts"


async def test_a_day_of_budgets_costs_two_queries_every_five_minutes_and_two_every_six_hours(
    told: ToldPrometheus,
) -> None:
    budgets = Budgets(lambda _: told)
    books = Books(account=account())
    for look in range(288):
        (books,) = await read(budgets, books, now=NOW + 300.0 * look)
    assert budgets.queries == 288 * 2 + 2 + 4 * 2


async def test_what_is_known_already_is_not_read_again(told: ToldPrometheus) -> None:
    budgets = Budgets(lambda _: told)
    (books,) = await read(budgets, Books(account=account()))
    before = budgets.queries
    await read(budgets, books, now=NOW + 60)
    assert budgets.queries == before


async def test_a_provider_that_is_down_takes_nothing_away_that_was_known(told: ToldPrometheus) -> None:
    story(told)
    budgets = Budgets(lambda _: told)
    (books,) = await read(budgets, Books(account=account()))
    told.failing = ProviderUnavailable("Prometheus cannot be reached.")
    (later,) = await read(budgets, books, now=NOW + 300)
    assert (later.ledger, later.problem) == (books.ledger, "Prometheus cannot be reached.")
    assert due_again(later, NOW + 300) == NOW + 300 + AFTER_A_PROBLEM
    told.failing = None
    (again,) = await read(budgets, later, now=NOW + 330)
    assert again.problem == ""
    assert len(again.ledger.fine) >= len(books.ledger.fine)


class TooMuch(ToldPrometheus):
    """Runs into its time-out where a query over the whole window names more than `most` rollouts."""

    most = 30

    async def instant(self, queries: Sequence[str], at: float) -> list[Any]:
        answers = await super().instant(queries, at)
        return [
            ProviderUnavailable("Prometheus did not answer within 10 s.")
            if query.endswith("[2592000s:21600s]") and query.count("|m") >= self.most
            else answer
            for query, answer in zip(queries, answers, strict=True)
        ]


async def test_a_long_query_that_is_too_much_is_cut_in_halves_until_it_is_answered() -> None:
    told = TooMuch()
    budgets, many = Budgets(lambda _: told), [Books(account=account(f"m{number}")) for number in range(100)]
    problems = []
    for look in range(4):
        many = await read(budgets, *many, now=NOW + AFTER_A_PROBLEM * look)
        problems.append(sum(bool(one.problem) for one in many))
    assert problems == [100, 100, 0, 0]
    told.asked.clear()
    await read(budgets, *many, now=NOW + 6 * HOUR)
    assert sum("[43200s:21600s]" in query for query, _ in told.asked) == 2, "short ones are asked for together"


async def test_an_outage_is_no_reason_to_ask_for_less_at_a_time(told: ToldPrometheus) -> None:
    budgets, many = Budgets(lambda _: told), [Books(account=account(f"m{number}")) for number in range(10)]
    told.failing = ProviderUnavailable("Prometheus cannot be reached.")
    for look in range(3):
        many = await read(budgets, *many, now=NOW + AFTER_A_PROBLEM * look)
    told.failing = None
    before = budgets.queries
    many = await read(budgets, *many, now=NOW + 300)
    assert budgets.queries - before == 4
    assert not any(one.problem for one in many)


async def test_part_of_an_answer_is_a_problem(told: ToldPrometheus) -> None:
    told.warnings = ["a store is away"]
    (books,) = await read(Budgets(lambda _: told), Books(account=account()))
    assert "some of its stores did not answer" in books.problem


async def test_a_connection_that_is_not_there_is_named() -> None:
    def connect(_name: str) -> ToldPrometheus:
        raise SettingsError("There is no Prometheus connection 'mine'.")

    (books,) = await read(Budgets(connect), Books(account=account()))
    assert books.problem == "There is no Prometheus connection 'mine'."


async def test_a_metric_that_cannot_be_written_spoils_nobody_elses_answer(told: ToldPrometheus) -> None:
    story(told)
    broken = replace(ERRORS, source=RatioSource(total=Series(metric="a b"), bad=Series(metric="c")))
    bad, good = await read(
        Budgets(lambda _: told), Books(account=account("broken", measurement=broken)), Books(account=account())
    )
    assert "'a b' is no name of a metric" in bad.problem
    assert good.problem == ""
    assert good.ledger.fine


async def test_a_latency_counts_what_is_slower_than_its_objective(told: ToldPrometheus) -> None:
    slow = Measurement(sli="slow", arms=Arms.POD, source=HistogramSource(histogram=Series(metric="answer_seconds")))
    at = BEGIN
    while at <= NOW:
        labels = {"namespace": "models", "pod": "chat-bbbbbbbb-7f9c4b6d58-x2x8z"}
        told.tell({**labels, "__name__": "answer_seconds_count"}, at, at - BEGIN)
        told.tell({**labels, "__name__": "answer_seconds_bucket", "le": "2.0"}, at, 0.98 * (at - BEGIN))
        at += 60.0
    (books,) = await read(Budgets(lambda _: told), Books(account=account(measurement=slow, edge=2.0)))
    budget = balance(books.account, ASKED, books.ledger)
    assert budget.remaining == pytest.approx(-1.0)
    (wrong,) = await read(Budgets(lambda _: told), Books(account=account(measurement=slow, edge=3.0)))
    assert wrong.problem == "The histogram of slow has no bucket at its objective."


async def test_a_counter_of_good_requests_that_does_not_exist_spends_nothing(told: ToldPrometheus) -> None:
    story(told)
    good = replace(ERRORS, source=RatioSource(total=Series(metric="http_requests_total"), good=Series(metric="none")))
    (books,) = await read(Budgets(lambda _: told), Books(account=account(measurement=good)))
    assert books.problem == "Requests of errors are counted, and its good ones are not."


async def test_what_was_read_is_added_up_once_for_each_read_and_says_nothing_when_it_is_old(
    told: ToldPrometheus,
) -> None:
    story(told)
    asking = spec(error_budget=ASKED, measurements=(ERRORS,))
    own = account_of(asking)
    assert own is not None
    assert balanced(asking, Books(account=own), "", None) is None, "nothing was read yet"
    (books,) = await read(Budgets(lambda _: told), Books(account=own))
    first = balanced(asking, books, "cccccccc", None)
    assert first is not None
    assert balanced(asking, books, "cccccccc", first) is first
    assert balanced(asking, books, "dddddddd", first) is not first
    assert balanced(replace(asking, error_budget=None), books, "", first) is None
    assert balanced(replace(asking, namespace="others"), books, "", first) is None
    assert first.at(NOW).problem == ""
    assert "too old" in first.at(NOW + 3600).problem


async def test_by_a_gateway_the_candidate_is_known_by_its_role(told: ToldPrometheus) -> None:
    for role, bad in (("stable", 0), ("candidate", 60)):
        for at in range(int(BEGIN), int(NOW), 60):
            passed = at - BEGIN
            labels = {"envoy_cluster_name": f"models_chat-{role}_80"}
            told.tell({**labels, "__name__": "envoy_cluster_upstream_rq_completed"}, at, passed)
            told.tell(
                {**labels, "__name__": "envoy_cluster_upstream_rq_xx", "envoy_response_code_class": "5"},
                at,
                passed * bad / 1000,
            )
    envoy = PRESETS["envoy/success-rate"]
    measured = Measurement(sli="errors", arms=envoy.arms, source=envoy.source)
    asking = spec(error_budget=ASKED, measurements=(measured,))
    own = account_of(asking)
    assert own is not None
    (books,) = await read(Budgets(lambda _: told), Books(account=own))
    said = balanced(asking, books, "cccccccc", None)
    assert said is not None
    assert said.budget.caused == 1.0
