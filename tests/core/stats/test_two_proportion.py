"""The nearest point of the line is the nearest."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.core.stats.one_proportion import with_odds
from serinus.core.stats.two_proportion import log_e_value, project


def kl(a: float, b: float) -> float:
    return a * math.log(a / b) + (1 - a) * math.log((1 - a) / (1 - b))


@given(
    a0=st.floats(1e-5, 0.3),
    odds=st.floats(1.1, 100),
    n1=st.floats(1, 1000),
    n0=st.floats(1, 1e5),
    ratio=st.floats(1, 3),
    floor=st.sampled_from([0.0, 0.0005, 0.005, 0.05]),
)
def test_no_other_point_of_the_line_is_nearer(
    a0: float, odds: float, n1: float, n0: float, ratio: float, floor: float
) -> None:
    a1 = with_odds(ratio * a0 + floor, odds)
    q = project(a1, a0, n1, n0, ratio, floor)

    def divergence(q: float) -> float:
        return n0 * kl(a0, q) + n1 * kl(a1, ratio * q + floor)

    best = divergence(q)
    for other in (q * 0.999, q * 1.001, q * 0.8, q * 1.2, a0):
        if 0 < ratio * other + floor < 1:
            assert best <= divergence(other) + 1e-9 * max(1.0, abs(best))


@given(a0=st.floats(1e-5, 0.3), like=st.floats(0.3, 1.4), n1=st.floats(1, 1000), n0=st.floats(1, 1e5))
def test_also_for_a_candidate_below_the_line(a0: float, like: float, n1: float, n0: float) -> None:
    ratio, floor = 1.5, 0.005
    a1 = like * a0
    q = project(a1, a0, n1, n0, ratio, floor)
    best = n0 * kl(a0, q) + n1 * kl(a1, ratio * q + floor)
    for other in (q * 0.99, q * 1.01):
        assert best <= n0 * kl(a0, other) + n1 * kl(a1, ratio * other + floor) + 1e-9 * max(1.0, best)


def test_a_broken_candidate_at_the_edge_of_the_line_is_still_finite() -> None:
    q = project(0.999, 0.3, 50, 50, 3.0, 0.05)
    assert 3.0 * q + 0.05 < 1
    assert math.isfinite(log_e_value(50, 50, 10, 50, 0.999, 0.3, 3.0, 0.05))


def test_a_line_that_stable_alone_reaches_has_no_room_left() -> None:
    assert project(0.9999, 0.9, 50, 50, 3.0, 0.1) == pytest.approx(0.3, abs=1e-3)


def test_zero_errors_in_600_requests_exclude_half_a_percent() -> None:
    assert log_e_value(0, 600, 0, 11400, 1e-5, 1e-5, 2.0, 0.005) > math.log(20)
