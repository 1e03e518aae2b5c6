"""How much of a budget is left, how fast it burns, and when it is spent: with numbers that can be checked by hand."""

from dataclasses import replace

import pytest

from serinus.core.budget import DAY, HOUR, PAIRS, Budget, Count, ErrorBudget, assess, caused_by, seconds_until_spent

MONTH = 30 * DAY
ASKED = ErrorBudget(sli="errors", objective=0.999, window=MONTH)


def counted(**windows: tuple[float, float]) -> Budget:
    """The budget by (total, bad) of windows: `month`, `hour` and `short`."""
    names = {"month": MONTH, "hour": HOUR, "short": 300.0, "six": 6 * HOUR, "half": 1800.0}
    counts = {names[name]: Count(total=total, bad=bad) for name, (total, bad) in windows.items()}
    return assess(ASKED, counts)


@pytest.mark.parametrize(
    ("total", "bad", "remaining", "spent"),
    [
        (1_000_000, 0, 1.0, False),
        (1_000_000, 250, 0.75, False),
        (1_000_000, 999, 0.001, False),
        (1_000_000, 1000, 0.0, True),
        (1_000_000, 1500, -0.5, True),
        (1_000_000, 1_000_000, -999.0, True),
    ],
)
def test_what_is_left_is_what_did_not_fail_of_what_may(total: float, bad: float, remaining: float, spent: bool) -> None:
    budget = counted(month=(total, bad))
    assert (budget.remaining, budget.spent) == (remaining, spent)


def test_without_requests_nothing_is_known_and_nothing_is_spent() -> None:
    budget = counted(month=(0, 0), hour=(0, 0), short=(0, 0))
    assert (budget.remaining, budget.spent, budget.burn, budget.burns, budget.spent_in) == (
        None,
        False,
        None,
        False,
        None,
    )


def test_a_pair_burns_as_fast_as_the_slower_of_its_windows() -> None:
    assert counted(hour=(10_000, 60), short=(1000, 3)).burn == pytest.approx(3)
    assert counted(hour=(10_000, 30), short=(1000, 60)).burn == pytest.approx(3)


def test_an_incident_that_is_over_burns_no_more_though_the_long_window_still_holds_it() -> None:
    assert not counted(hour=(10_000, 5000), short=(1000, 0)).burns


def test_a_short_window_alone_is_no_burn_that_matters() -> None:
    assert not counted(hour=(100_000, 20), short=(1000, 20)).burns


def test_the_fastest_pair_is_the_pace() -> None:
    budget = counted(hour=(10_000, 10), short=(1000, 1), six=(60_000, 300), half=(5000, 40))
    assert budget.pace is not None
    assert budget.pace.pair == PAIRS[1]
    assert budget.burn == pytest.approx(5)


def test_a_pair_of_which_a_window_had_no_requests_says_nothing() -> None:
    assert counted(hour=(10_000, 5000), short=(0, 0)).burn is None


def test_a_pair_of_which_one_window_was_not_counted_burns_as_the_other() -> None:
    assert counted(hour=(10_000, 50)).burn == pytest.approx(5)


def test_exactly_the_burn_that_is_allowed_is_not_above_it() -> None:
    assert not counted(hour=(10_000, 20), short=(1000, 2)).burns
    assert counted(hour=(10_000, 21), short=(1000, 2.1)).burns


def test_windows_longer_than_the_budgets_own_are_not_asked_for() -> None:
    assert replace(ASKED, window=DAY).pairs == PAIRS[:3]
    assert replace(ASKED, window=HOUR).pairs == PAIRS[:1]


def test_nothing_is_concluded_from_old_counts() -> None:
    counts = {MONTH: Count(total=1e6, bad=1e5), HOUR: Count(total=1e4, bad=1e3), 300.0: Count(total=1e3, bad=100)}
    known, unknown = assess(ASKED, counts), assess(ASKED, counts, problem="Prometheus cannot be reached.")
    assert (known.spent, known.burns) == (True, True)
    assert (unknown.spent, unknown.burns) == (False, False)


def test_what_is_left_lasts_as_long_as_the_burn_lets_it() -> None:
    budget = counted(month=(1_000_000, 400), hour=(10_000, 100), short=(1000, 10))
    assert budget.spent_in == pytest.approx(0.6 * MONTH / 10)


@pytest.mark.parametrize(
    ("remaining", "burn", "covered_days", "days"),
    [(1.0, 2.0, 30, 15.0), (0.5, 1.0, 30, None), (0.5, 0.4, 30, None), (0.2, 3.0, 10, 1.0), (1.0, 1.5, 20, 20.0)],
)
def test_a_budget_is_spent_after(remaining: float, burn: float, covered_days: float, days: float | None) -> None:
    """With 20 untouched days of history, at 1.5x: 30 days' worth is spent after 20 more, 10 of which add to it."""
    seconds = seconds_until_spent(remaining, burn, covered_days * DAY, MONTH)
    assert (None if seconds is None else seconds / DAY) == (None if days is None else pytest.approx(days))


@pytest.mark.parametrize(
    ("candidate", "others", "caused"),
    [
        ((100, 0), (900, 90), 0.0),
        ((100, 10), (900, 90), 0.0),
        ((100, 100), (900, 0), 1.0),
        ((0, 0), (900, 9), None),
        ((100, 10), (0, 0), None),
        ((100, 0), (900, 0), None),
    ],
)
def test_a_candidate_causes_only_what_it_has_beyond_the_others(
    candidate: tuple[float, float], others: tuple[float, float], caused: float | None
) -> None:
    own, rest = (Count(total=total, bad=bad) for total, bad in (candidate, others))
    assert caused_by(own, rest) == caused


def test_the_line_that_a_candidate_must_keep_never_allows_everything() -> None:
    assert ASKED.line == 0.002
    assert replace(ASKED, objective=0.5, burn=10.0).line == 0.99
