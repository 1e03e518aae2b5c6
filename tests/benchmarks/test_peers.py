"""The peers' rules give what the peers themselves give: numbers of their own tests, or recorded from their own code."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.statistics.peers import argo, flagger, growthbook, kayenta, oracle, z_test
from benchmarks.statistics.traffic import Traffic

KAYENTA = json.loads((Path(__file__).parent / "kayenta.json").read_text())


def traffic(n1: float, x1: list[float], n0: float, x0: list[float], seconds: float = 15.0) -> Traffic:
    """One run with these bad requests, look by look."""
    looks = len(x1)
    empty = np.zeros((1, 0, 1))
    return Traffic(
        n1=np.full((1, looks), n1),
        x1=np.array([x1], dtype=float),
        n0=np.full((1, looks), n0),
        x0=np.array([x0], dtype=float),
        weight=np.full(looks, 10.0),
        step=np.ones(looks, dtype=np.int64),
        pods1=1,
        pods0=9,
        past_n=empty,
        past_x=empty,
        seconds=seconds,
    )


@pytest.mark.parametrize("case", KAYENTA["classified"], ids=lambda case: case["name"])
def test_kayenta_calls_the_samples_of_its_own_tests_high_when_it_does(case: dict[str, Any]) -> None:
    high = kayenta.is_high(
        np.array([case["experiment"]]),
        np.array([case["control"]]),
        tolerance=0.10,
        confidence=0.95,
        allowed=case["allowed"],
    )
    assert bool(high[0]) is (case["expected"] == "High")


@pytest.mark.parametrize("case", KAYENTA["intervals"], ids=lambda case: case["name"])
def test_kayentas_interval_and_estimate_are_those_of_its_own_tests(case: dict[str, Any]) -> None:
    low, high = kayenta.interval(case["experiment"], case["control"], case["confidence"])
    estimate = kayenta.shift(np.array([case["experiment"]]), np.array([case["control"]]))[0]
    # Its own search stops within 1e-4.
    assert (low, high, estimate) == pytest.approx((case["low"], case["high"], case["estimate"]), abs=1e-4)


def test_kayenta_decides_for_many_runs_what_it_decides_for_each() -> None:
    random = np.random.default_rng(5)
    x, y = random.binomial(40, 0.05, (60, 15)) / 40, random.binomial(400, 0.03, (60, 15)) / 400
    together = kayenta.is_high(x, y)
    assert 0 < together.sum() < 60
    for run in range(60):
        low, _ = kayenta.interval(x[run].tolist(), y[run].tolist(), kayenta.CONFIDENCE)
        limit = kayenta.TOLERANCE * abs(kayenta.shift(x[run : run + 1], y[run : run + 1])[0])
        expected = low > limit and x[run].mean() >= y[run].mean()
        assert bool(together[run]) is bool(expected)


def test_kayenta_judges_first_after_ten_minutes() -> None:
    bad = traffic(100, [20.0, 21, 22, 23] * 15, 900, [1.0, 2, 3, 4] * 15)
    assert kayenta.decide(bad).tolist() == [39]


@pytest.mark.parametrize(
    ("control", "experiment", "alpha", "low"),
    [
        # gbstats of growthbook/growthbook 8f1db44, SequentialOneSidedTreatmentGreaterTTest of two ProportionStatistics
        # with difference_type "absolute": the lower end of its interval.
        ((90, 9000), (20, 1000), 0.05, -0.002745285173917634),
        ((90, 9000), (20, 1000), 0.01, -0.0053759249697459995),
        ((900, 90000), (110, 10000), 0.05, -0.0023816521501373706),
        ((3, 500), (4, 500), 0.05, -0.014621369734472848),
        ((50, 10000), (90, 10000), 0.01, -5.46465410256455e-05),
    ],
)
def test_growthbooks_interval_ends_where_gbstats_ends_it(
    control: tuple[int, int], experiment: tuple[int, int], alpha: float, low: float
) -> None:
    p0, p1 = control[0] / control[1], experiment[0] / experiment[1]
    error = np.sqrt(p1 * (1 - p1) / experiment[1] + p0 * (1 - p0) / control[1])
    n = np.array([float(control[1] + experiment[1])])
    assert p1 - p0 - growthbook.half_width(np.array([error]), n, alpha)[0] == pytest.approx(low, rel=1e-9)


def test_growthbooks_half_width_is_that_of_its_own_test_of_means() -> None:
    # test_one_sided_ttest_absolute of TestSequentialOneSidedGreaterTTest: .23437666666666668 with standard error
    # .12983081254184736 over 6461 users, interval from -.12656844172804982.
    width = growthbook.half_width(np.array([0.12983081254184736]), np.array([6461.0]), 0.05)[0]
    assert 0.23437666666666668 - width == pytest.approx(-0.12656844172804982, rel=1e-9)


def test_growthbook_says_nothing_while_one_arm_has_no_error() -> None:
    silent = traffic(100, [30.0] * 8, 900, [0.0] * 8)
    assert growthbook.decide(silent, 0.05).tolist() == [-1]
    assert growthbook.decide(traffic(100, [30.0] * 8, 900, [1.0] * 8), 0.05).tolist() == [0]


def test_argo_fails_with_three_failures_over_a_limit_of_two_and_runs_on_with_a_limit_of_three() -> None:
    # TestAssessMetricStatusFailureLimit: Failed 3 is Failed at failureLimit 2 and Running at 3.
    failures = np.array([True, True, True])
    assert argo.failed(failures, 2)[-1]
    assert not argo.failed(failures, 3)[-1]


def test_argo_fails_at_the_first_failure_where_no_limit_is_set() -> None:
    # TestAssessMetricFailureInconclusiveOrError: failed (1) > failureLimit (0).
    assert argo.failed(np.array([True]), 0)[-1]


def test_argo_counts_failures_from_the_beginning_and_ignores_the_successes_between_them() -> None:
    # TestAssessMetricStatusFailureLimitAndConsecutiveSuccessLimit: 5 failed of 9 is Failed at failureLimit 4.
    failures = np.array([True, False, True, False, True, False, True, False, True])
    assert argo.failed(failures, 4).tolist() == [False] * 8 + [True]


def test_argo_measures_once_a_minute_and_fails_below_the_least_rate_only() -> None:
    at_most = traffic(100, [5.0] * 40, 900, [9.0] * 40)
    assert argo.success_rate(at_most, 0.95).tolist() == [-1]
    beyond = traffic(100, [6.0] * 40, 900, [9.0] * 40)
    assert argo.success_rate(beyond, 0.95).tolist() == [15]


def test_argo_beside_stable_fails_above_the_ratio() -> None:
    assert argo.against_stable(traffic(100, [1.25] * 40, 900, [9.0] * 40)).tolist() == [15]
    assert argo.against_stable(traffic(100, [1.2] * 40, 900, [9.0] * 40)).tolist() == [-1]


def test_flagger_rolls_back_at_the_check_after_the_threshold_is_reached() -> None:
    # advanceCanary compares FailedChecks with the threshold before it runs the next analysis, as its test of a
    # rollback with FailedChecks set to 10 does: that call rolls back without asking for metrics.
    failures = np.array([True] * 12)
    assert flagger.rolled_back(failures, 10).tolist() == [False] * 10 + [True] * 2


def test_flagger_fails_a_check_below_its_minimum_or_without_requests() -> None:
    # runBuiltinMetricChecks: val < *tr.Min, and ErrNoValuesFound.
    assert flagger.success_rate(traffic(100, [1.0] * 40, 900, [9.0] * 40)).tolist() == [-1]
    assert flagger.success_rate(traffic(100, [1.01] * 40, 900, [9.0] * 40)).tolist() == [23]
    assert flagger.success_rate(traffic(0, [0.0] * 40, 900, [9.0] * 40)).tolist() == [23]


def test_the_z_test_rejects_at_its_quantile() -> None:
    # 20 of 1000 against 90 of 9000: z = .01 / .00454973 = 2.198, beyond 1.645 and not beyond 2.326.
    once = traffic(1000, [20.0], 9000, [90.0])
    assert z_test.decide(once, 0.05).tolist() == [0]
    assert z_test.decide(once, 0.01).tolist() == [-1]


def test_the_oracle_rejects_where_the_likelihood_ratio_reaches_one_over_alpha() -> None:
    # The log ratio of 2 of 100 and 9 of 900 for .02 against .01 is .3424 of a thousandth a request, 1000 requests.
    steady = traffic(100, [2.0] * 20, 900, [9.0] * 20)
    assert oracle.decide(steady, 0.05, 0.02, 0.01).tolist() == [8]
