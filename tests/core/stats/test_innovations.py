"""A swing that lasts is not counted as harm again and again."""

from dataclasses import replace
from math import inf, log

import pytest

from serinus.core.stats import innovations
from serinus.core.stats.components import Components
from serinus.core.stats.innovations import Filter, Seen

QUIET = Components(white=0.0, slow=((inf, 0.0001),), usual=0.05)
SWINGS = Components(white=0.0, slow=((300.0, 0.5),), usual=0.05)
PODS = Components(white=0.0, slow=((inf, 0.04),), usual=0.05)
SEEN = Seen(x1=3, n1=150, x0=13.5, n0=1350, pods1=2, pods0=18, seconds=15.0)
"""Twice as bad as stable, in every look."""
RATIOS = (1.0, 2.0)


def after(noise: Components, looks: int, seen: Seen = SEEN, ratios: tuple[float, ...] = RATIOS) -> tuple[Filter, float]:
    state, total = innovations.begin(len(ratios), noise, 2, 18), 0.0
    for look in range(looks):
        state, logs = innovations.advance(state, noise, seen, ratios, 0.01, (1.0 if look == 0 else 0.0,))
        total += logs[0]
    return state, total


def test_evidence_grows_slower_where_noise_lasts() -> None:
    quiet, swings = after(QUIET, 20)[1], after(SWINGS, 20)[1]
    assert 0 < swings < 0.3 * quiet


def test_the_null_follows_the_swing_and_the_alternative_does_not_need_to() -> None:
    state, _ = after(SWINGS, 60)
    assert state.means[0][0] > 0.5
    assert abs(state.means[1][0]) < 0.1


def test_evidence_saturates_where_pods_differ_for_as_long_as_they_live() -> None:
    hundred, thousand = after(PODS, 100)[1], after(PODS, 1000)[1]
    assert after(QUIET, 100)[1] > 2 * hundred
    assert hundred < thousand < log(2) ** 2 / 2 / innovations.lasting(PODS, 2, 18)


def test_a_look_without_bad_requests_says_nothing_and_lets_time_pass() -> None:
    state, _ = after(SWINGS, 60)
    silent, logs = innovations.advance(state, SWINGS, replace(SEEN, x1=0, x0=0), RATIOS, 0.01, (0.0,))
    assert logs == [0.0]
    assert 0 < silent.means[0][0] < state.means[0][0]
    assert silent.covariance[0][0] > state.covariance[0][0]


def test_a_pod_that_joins_brings_a_level_of_its_own() -> None:
    state, _ = after(PODS, 200)
    seen = replace(SEEN, x1=0, x0=0, pods1=4)
    joined, _ = innovations.advance(state, PODS, seen, RATIOS, 0.01, (0.0,))
    assert joined.pods1 == 4
    assert joined.means[0][0] == pytest.approx(state.means[0][0] / 2)
    assert joined.covariance[0][0] > 3 * state.covariance[0][0]
    missed, _ = innovations.advance(joined, PODS, replace(seen, pods1=1), RATIOS, 0.01, (0.0,))
    assert missed == joined, "a scrape that was missed is no new pod"


@pytest.mark.parametrize("other", ["jumps", "clumps"])
def test_short_noise_counts_as_whichever_kind_tells_less(other: str) -> None:
    noise = replace(QUIET, white=0.4)
    told = innovations.advance(innovations.begin(2, noise, 2, 18), noise, SEEN, RATIOS, 0.01, (1.0,))[1][0]
    variance, clump = innovations._short(noise, SEEN, 0.01)
    slow = innovations.lasting(noise, 2, 18)
    known = 16.5 / (1 - 16.5 / 1500)
    x, thetas = 3 * known / 16.5, [ratio * 150 / (ratio * 150 + 1350) for ratio in RATIOS]
    one, two = (
        [innovations.log_chance(x / by, known / by, theta, v) for theta in thetas]
        for by, v in ((1.0, slow + variance), (clump, slow))
    )
    least = min(one[1] - one[0], two[1] - two[0])
    assert told == pytest.approx(least)
    assert told <= (one[1] - one[0] if other == "jumps" else two[1] - two[0])


def test_short_noise_is_larger_where_a_pod_gets_less_or_more_than_usual() -> None:
    noise = replace(QUIET, white=0.4)
    usual = replace(SEEN, n1=150, n0=1350)
    less, more = (replace(SEEN, n1=usual.n1 * by, n0=usual.n0 * by) for by in (0.2, 5.0))
    variance, clump = innovations._short(noise, usual, 0.01)
    assert innovations._short(noise, less, 0.01)[0] > 2 * variance
    assert innovations._short(noise, more, 0.01)[1] > 2 * clump
    assert innovations._short(QUIET, usual, 0.01) == (0.0, 1.0)


def test_a_large_concentration_is_expanded_without_a_step() -> None:
    near = innovations.LARGE
    for theta in (0.001, 0.3):
        m = 50.0
        variance = (m - 1) / (m * theta * (1 - theta) * (near + 1))
        below, above = (innovations.log_chance(7, m, theta, variance * by) for by in (1 + 1e-13, 1 - 1e-13))
        assert below == pytest.approx(above, abs=1e-9)


def test_where_everything_was_bad_nothing_can_be_told_apart() -> None:
    seen = Seen(x1=10, n1=10, x0=90, n0=90, pods1=2, pods0=18, seconds=15.0)
    _, logs = innovations.advance(innovations.begin(2, SWINGS, 2, 18), SWINGS, seen, RATIOS, 0.5, (1.0,))
    assert logs[0] < 0
