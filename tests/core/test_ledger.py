"""Buckets in, budgets out: what is read when, and that no request counts twice or not at all."""

from dataclasses import replace

import pytest

from serinus.core.budget import DAY, HOUR, Count, ErrorBudget
from serinus.core.ledger import COARSE, Account, Gap, Ledger, balance, filled, gaps, is_stale, next_read
from serinus.core.questions import Arms, Measurement, RatioSource, Series

NOW = 1_700_006_400.0 + 4 * HOUR
"""Four hours into a coarse bucket."""
EDGE = 1_700_006_400 - 1_700_006_400 % int(COARSE)
ASKED = ErrorBudget(sli="errors", objective=0.99, window=30 * DAY)
ACCOUNT = Account(
    uid="uid",
    namespace="models",
    name="chat",
    source="chat",
    connection="",
    measurement=Measurement(
        sli="errors", arms=Arms.POD, source=RatioSource(total=Series(metric="a"), bad=Series(metric="b"))
    ),
    edge=None,
    window=30 * DAY,
    step=300.0,
)


def row(total: float, bad: float, name: str = "chat-stable1") -> dict[str, Count]:
    return {name: Count(total=total, bad=bad)}


def steady(account: Account = ACCOUNT, now: float = NOW, *, share: float = 0.004, since: float = 0.0) -> Ledger:
    """One request a second since `since`, of which this share fails."""
    ledger = Ledger()
    for gap in gaps(account, ledger, now):
        rows = {
            at: row(gap.width, share * gap.width)
            for at in range(int(gap.at) - gap.seconds + gap.width, int(gap.at) + 1, gap.width)
            if at - gap.width >= since
        }
        ledger = filled(account, ledger, gap, rows)
    return ledger


def test_the_first_read_is_of_everything_and_the_next_of_the_newest_buckets() -> None:
    first = gaps(ACCOUNT, Ledger(), NOW)
    fine_end, coarse_end = NOW // 300 * 300 - 300, NOW // COARSE * COARSE
    assert first == (
        Gap(at=fine_end, seconds=int(COARSE) + 300, width=300),
        Gap(at=coarse_end, seconds=int(30 * DAY), width=int(COARSE)),
    )
    ledger = steady()
    assert gaps(ACCOUNT, ledger, NOW) == ()
    assert gaps(ACCOUNT, ledger, NOW + 300) == (Gap(at=fine_end + 300, seconds=600, width=300),)
    assert gaps(ACCOUNT, ledger, NOW + 3600) == (Gap(at=fine_end + 3600, seconds=int(COARSE) + 300, width=300),)


def test_a_bucket_is_read_once_its_last_samples_are_in() -> None:
    assert gaps(ACCOUNT, steady(now=NOW), NOW + 10) == ()
    assert next_read(ACCOUNT, NOW) == NOW + 15
    assert len(gaps(ACCOUNT, steady(now=NOW), next_read(ACCOUNT, NOW))) == 1


def test_a_window_that_the_fine_buckets_cover_asks_for_no_others() -> None:
    hour = replace(ACCOUNT, window=HOUR)
    assert [gap.width for gap in gaps(hour, Ledger(), NOW)] == [300]
    budget = balance(hour, replace(ASKED, window=HOUR), steady(hour))
    assert budget.count.total == pytest.approx(HOUR)


def test_every_request_of_the_window_counts_once() -> None:
    budget = balance(ACCOUNT, ASKED, steady())
    assert budget.count.total == pytest.approx(30 * DAY, abs=COARSE / 2)
    assert budget.remaining == pytest.approx(0.6)
    assert budget.covered == ASKED.window
    assert [pace.burn for pace in budget.paces] == pytest.approx([0.4] * 4)


def test_what_failed_in_the_last_minutes_is_in_every_window_at_once() -> None:
    ledger = steady(share=0.0)
    newest = max(ledger.fine)
    bad = replace(ledger, fine={**ledger.fine, newest: row(300, 300)})
    budget = balance(ACCOUNT, ASKED, bad)
    assert budget.count.bad == 300
    assert budget.paces[0].burn == pytest.approx(300 / HOUR / 0.01)


def test_a_young_service_is_judged_by_what_there_is() -> None:
    end = max(steady().fine)
    ledger = steady(since=end - 2 * HOUR, share=0.005)
    ledger = replace(ledger, coarse={})
    budget = balance(ACCOUNT, ASKED, ledger)
    assert budget.covered == 2 * HOUR
    assert budget.remaining == pytest.approx(0.5)


def test_old_buckets_leave_the_ledger() -> None:
    ledger = steady()
    later = NOW
    for _ in range(90):
        later += 300
        for gap in gaps(ACCOUNT, ledger, later):
            ledger = filled(ACCOUNT, ledger, gap, {int(gap.at): row(1, 0)})
    assert len(ledger.fine) <= COARSE / 300 + 1
    assert len(ledger.coarse) <= 30 * DAY / COARSE


def test_a_spent_budget_is_back_when_what_failed_has_left_the_window() -> None:
    """All of 1.2 budgets failed 20 days ago, in one coarse bucket: it leaves in ten days, at its middle."""
    ledger = steady(share=0.0)
    struck = int(max(ledger.coarse) - 20 * DAY)
    bad = replace(ledger, coarse={**ledger.coarse, struck: row(COARSE, 0.012 * 30 * DAY)})
    budget = balance(ACCOUNT, ASKED, bad)
    assert budget.spent
    assert budget.back_in == pytest.approx(10 * DAY, abs=1.5 * COARSE)


def test_a_spent_budget_that_burns_on_is_not_back_within_its_window() -> None:
    budget = balance(ACCOUNT, ASKED, steady(share=0.03))
    assert (budget.spent, budget.back_in) == (True, None)


def test_the_candidates_part_is_counted_by_its_own_name() -> None:
    ledger = steady(share=0.01)
    newest = max(ledger.fine)
    both = {**row(270, 2.7), **row(30, 30, "chat-candida8")}
    ledger = replace(ledger, fine={**ledger.fine, newest: both})
    caused = balance(ACCOUNT, ASKED, ledger, candidate="chat-candida8").caused
    assert caused is not None
    assert 0.4 < caused < 0.5
    assert balance(ACCOUNT, ASKED, ledger, candidate="chat-another").caused is None


def test_counts_that_are_too_old_say_nothing() -> None:
    ledger = steady()
    assert not is_stale(ACCOUNT, ledger, NOW + 600)
    assert is_stale(ACCOUNT, ledger, NOW + 1500)
    assert is_stale(ACCOUNT, Ledger(), NOW)
