"""The interval of the ratio, the draw of pods, late onsets, and blame."""

import math
from itertools import pairwise
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.core.stats import merging, onset, pods, ratio_interval
from serinus.core.stats.slowing import rows, slowed
from serinus.core.stats.stochastic_order import isotonic
from tests.core.traffic import binomial


def test_the_interval_covers_the_truth_at_every_look() -> None:
    missed = 0
    for seed in range(60):
        random, curve = Random(seed), ratio_interval.begin()
        for _ in range(40):
            curve = ratio_interval.advance(curve, binomial(random, 100, 0.03), 100, binomial(random, 400, 0.015), 400)
            low, high = ratio_interval.interval(curve, 0.05)
            if not (low or 0.0) <= 2.0 <= (high or math.inf):
                missed += 1
                break
    assert missed <= 3


def test_noise_widens_the_interval() -> None:
    calm = ratio_interval.advance(ratio_interval.begin(), 30, 1000, 90, 9000)
    noisy = ratio_interval.advance(ratio_interval.begin(), 30, 1000, 90, 9000, phi=5.0)
    (low, high), (lower, higher) = ratio_interval.interval(calm, 0.05), ratio_interval.interval(noisy, 0.05)
    assert low is not None
    assert lower is not None
    assert lower < low
    assert high is not None
    assert higher is not None
    assert higher > high


def test_errors_of_the_candidate_alone_bound_the_ratio_from_below_only() -> None:
    low, high = ratio_interval.interval(ratio_interval.advance(ratio_interval.begin(), 50, 1000, 0, 9000), 0.01)
    assert low is not None
    assert low > 10
    assert high is None


def test_a_look_without_errors_or_with_one_arm_says_nothing_of_the_ratio() -> None:
    start = ratio_interval.begin()
    assert ratio_interval.advance(start, 0, 100, 0, 100) == start
    assert ratio_interval.advance(start, 5, 100, 0, 0) == start


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 30])
def test_students_quantile_and_tail_agree(degrees: int) -> None:
    for tail in (0.2, 0.01, 1e-4):
        assert pods.student_tail(degrees, pods.student_quantile(degrees, tail)) == pytest.approx(tail, rel=1e-6)


def test_fewer_pods_explain_a_larger_ratio_and_measured_spread_more_than_assumed() -> None:
    assert pods.margin(0.2, None, 1, 4, 0.001) > pods.margin(0.2, None, 4, 16, 0.001) > 1
    assert pods.margin(0.2, 7, 1, 4, 0.001) > pods.margin(0.2, None, 1, 4, 0.001)
    assert pods.margin(0.2, 7, 0, 4, 0.001) == 1.0


@given(st.integers(0, 100_000))
def test_stakes_on_onsets_are_positive_and_never_spent(looks: int) -> None:
    assert onset.unplaced(looks) > onset.unplaced(looks + 1) > 0


def test_a_late_regression_is_found_sooner_than_by_a_bet_placed_at_the_start() -> None:
    state, plain = onset.begin(1), 0.0
    looks = 0
    while onset.log_value(state, (1.0,)) < math.log(100):
        gain = -0.05 if looks < 400 else 0.4
        state, plain, looks = onset.advance(state, [gain]), plain + gain, looks + 1
    assert plain < 0
    assert looks - 400 < 35


def test_evidence_far_beyond_any_float_still_adds_up() -> None:
    assert onset.log_sum([5000.0, -5000.0], [0.5, 0.5]) == pytest.approx(5000 + math.log(0.5))


def test_blame_falls_on_nobody_when_no_group_holds() -> None:
    assert merging.blamed({"a": 60.0, "b": 60.0}, 100) == ()
    assert merging.blamed({"a": 120.0, "b": 10.0}, 100) == ()
    assert merging.blamed({"a": 300.0, "b": 500.0, "c": 1.0}, 100) == ("b", "a")


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=12))
def test_isotonic_regression_increases_and_keeps_the_sum(values: list[float]) -> None:
    rising = isotonic(values, [1.0] * len(values))
    assert all(a <= b + 1e-9 for a, b in pairwise(rising))
    assert sum(rising) == pytest.approx(sum(values), abs=1e-9)


@given(st.floats(1.0, 20.0), st.floats(0.0, 3.0))
def test_slowing_down_keeps_every_request_and_never_speeds_one_up(factor: float, more: float) -> None:
    edges = (0.1, 0.25, 1.0, 2.5, math.inf)
    law = (0.2, 0.3, 0.3, 0.15, 0.05)
    slow = slowed(edges, law, factor, more)
    for k, row in enumerate(rows(edges, law, factor)):
        assert sum(part for _, part in row) == pytest.approx(1.0)
        assert all(j >= k for j, _ in row)
    assert sum(slow) == pytest.approx(1.0)
    for k in range(1, 5):
        assert sum(slow[k:]) >= sum(law[k:]) - 1e-9


def test_slowing_down_a_law_and_its_buckets_is_the_same() -> None:
    edges, law = (0.1, 0.25, 1.0, 2.5, math.inf), (0.2, 0.3, 0.3, 0.15, 0.05)
    by_bucket = [0.0] * 5
    for share, row in zip(law, rows(edges, law, 1.7), strict=True):
        for j, part in row:
            by_bucket[j] += share * part
    assert by_bucket == pytest.approx(slowed(edges, law, 1.7))


def test_a_lognormal_law_slows_down_as_it_really_does_in_wide_buckets() -> None:
    """Spread evenly within its bucket, a tenth more time would bring twice as many requests past the last bound."""
    usual = NormalDist(math.log(0.2), 0.6)
    edges = (0.1, 0.25, 0.5, 1.0, math.inf)
    below = [usual.cdf(math.log(edge)) for edge in edges[:-1]]
    late = [usual.cdf(math.log(edge / 1.1)) for edge in edges[:-1]]
    law = tuple(b - a for a, b in pairwise([0.0, *below, 1.0]))
    truly = [b - a for a, b in pairwise([0.0, *late, 1.0])]
    assert slowed(edges, law, 1.1) == pytest.approx(truly, abs=0.01)
    assert slowed(edges, law, 1.1)[-1] == pytest.approx(truly[-1], rel=0.15)
