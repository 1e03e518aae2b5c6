"""The scenarios make what they say: the rates, the noise, the incidents, the order of time."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.statistics import holdout, latencies, levels, ratios, scenarios, settling, shocks
from benchmarks.statistics.ratios import Harm

RUNS, LOOKS = 60, 240


def named(name: str) -> ratios.Rollout:
    return next(one for one in (*scenarios.ALL, *holdout.RATIO) if one.name == name)


@pytest.mark.parametrize("one", [*scenarios.ALL, *holdout.RATIO], ids=lambda one: one.name)
def test_a_scenario_has_its_requests_split_by_its_weights_and_equal_arms(one: ratios.Rollout) -> None:
    traffic = ratios.draw(one, np.random.default_rng(1), RUNS, LOOKS, Harm())
    assert traffic.n1.shape == traffic.x0.shape == (RUNS, LOOKS)
    assert traffic.past_n.shape == traffic.past_x.shape == (RUNS, one.past, one.pods0)
    assert (traffic.x1 <= traffic.n1).all()
    assert (traffic.x0 <= traffic.n0).all()
    for step, weight in enumerate(one.weights, 1):
        at = traffic.step == step
        share = traffic.n1[:, at].sum() / (traffic.n1[:, at].sum() + traffic.n0[:, at].sum())
        assert share == pytest.approx(weight / 100, rel=0.02)
        both = traffic.x1[:, at].sum() / traffic.n1[:, at].sum(), traffic.x0[:, at].sum() / traffic.n0[:, at].sum()
        # Pods that differ, and slow shocks, leave more to chance.
        assert both[0] == pytest.approx(both[1], rel=0.25)


def test_a_regression_begins_at_its_onset_and_not_before() -> None:
    traffic = ratios.draw(scenarios.BASE, np.random.default_rng(2), 200, LOOKS, Harm(ratio=3, onset=1800))
    rates = [traffic.x1[:, part].sum() / traffic.n1[:, part].sum() for part in (slice(0, 120), slice(120, 240))]
    assert rates == pytest.approx([0.01, 0.03], rel=0.03)
    assert traffic.x0[:, 120:].sum() / traffic.n0[:, 120:].sum() == pytest.approx(0.01, rel=0.02)


@pytest.mark.parametrize(
    ("name", "phi"),
    [("ICC .005", 1.4), ("ICC .02", 2.5), ("AR shocks 2 min", 4.2), ("AR shocks 5 min", 17), ("sticky sessions", 5)],
)
def test_the_dispersion_of_a_scenario_is_what_its_counts_show(name: str, phi: float) -> None:
    one = replace(named(name), past=0)
    assert one.phi == pytest.approx(phi, rel=0.06)
    # Hour by hour, between runs: the variance of the candidate's bad requests over their mean, pods being independent.
    traffic = ratios.draw(one, np.random.default_rng(3), 1500, LOOKS, Harm())
    sums = traffic.x1.sum(axis=1)
    assert sums.var() / sums.mean() == pytest.approx(one.phi, rel=0.15)


def test_history_of_each_pod_is_as_noisy_as_the_rollout() -> None:
    one = named("AR shocks 2 min")
    traffic = ratios.draw(one, np.random.default_rng(4), 60, 4, Harm())
    hours = traffic.past_x.reshape(60, 6, 60, one.pods0).sum(axis=2)
    expected = one.rps * 3600 * one.share / 20
    assert hours.mean() == pytest.approx(expected, rel=0.02)
    assert hours.var() / hours.mean() == pytest.approx(one.phi, rel=0.15)


def test_an_incident_lasts_five_minutes() -> None:
    random = np.random.default_rng(5)
    at = np.arange(7.5, 3600, 15, dtype=np.float64)
    errors, _ = levels.incident(10)(random, 30, at, 3600.0)
    lasts = ((errors - 1) / 9 * 15).sum(axis=1)
    # One that begins in the last five minutes is cut off by the end.
    assert lasts.max() == pytest.approx(300)
    assert np.median(lasts) == pytest.approx(300)


def test_a_burst_law_of_the_hold_out_set_bursts_as_often_as_it_says() -> None:
    shock = holdout.bursts(1500, lambda random, many: np.full(many, 60.0), 4, 0)
    factors = shock(np.random.default_rng(6), (40, 5760, 5), 15.0)
    # 60 s of 3 times more, every 1500 s.
    assert factors.mean() == pytest.approx(1 + 3 * 60 / 1500, rel=0.02)


def test_gamma_shocks_have_mean_one_and_the_variance_of_their_shape() -> None:
    factors = holdout.gamma(2, 420)(np.random.default_rng(7), (400, 400, 5), 15.0)
    assert factors.mean() == pytest.approx(1, rel=0.03)
    assert factors.var() == pytest.approx(1 / 2, rel=0.06)


def test_successes_that_are_counted_late_make_the_candidate_look_worse_until_the_drain_is_over() -> None:
    one = scenarios.SHARED[3]
    raw = settling.completions(one, 30.0, 0.0, np.random.default_rng(8), 200, LOOKS, Harm())
    first = raw.x1[:, 0].sum() / raw.n1[:, 0].sum() / (raw.x0[:, 0].sum() / raw.n0[:, 0].sum())
    assert 3.5 < first < 5.5
    kept = settling.completions(one, 30.0, 120.0, np.random.default_rng(8), 200, LOOKS, Harm())
    assert [kept.n1[:, look].sum() > 0 for look in (0, 7, 8, 59, 60, 68)] == [False, False, True, True, False, True]
    rates = kept.x1[:, 8:60].sum() / kept.n1[:, 8:60].sum(), kept.x0[:, 8:60].sum() / kept.n0[:, 8:60].sum()
    assert rates[0] == pytest.approx(rates[1], rel=0.05)


def test_a_cold_candidate_is_left_out_until_it_has_settled() -> None:
    cold = settling.cold(scenarios.BASE, 5.0, 30.0, 150.0, np.random.default_rng(9), 200, LOOKS, Harm())
    assert cold.n1[:, :10].sum() == 0
    assert cold.x1[:, 10:].sum() / cold.n1[:, 10:].sum() == pytest.approx(0.01, rel=0.03)


def test_latencies_fall_into_the_buckets_of_their_law() -> None:
    traffic = latencies.draw(latencies.BASE, np.random.default_rng(10), 40, LOOKS, latencies.SLOWER["all x 1.5"])
    stable, slow = traffic.counts0.sum(axis=(0, 1)), traffic.counts1.sum(axis=(0, 1))
    expected = latencies.in_buckets(latencies.LOGNORMAL, latencies.TTFT)
    assert stable / stable.sum() == pytest.approx(expected, abs=0.004)
    late = latencies.in_buckets(latencies.scaled(latencies.LOGNORMAL, 1.5), latencies.TTFT)
    assert slow / slow.sum() == pytest.approx(late, abs=0.01)
    past = traffic.past.sum(axis=(0, 1, 2))
    assert past / past.sum() == pytest.approx(expected, abs=0.004)


def test_what_is_wrong_with_a_latency_is_slower_somewhere() -> None:
    edges = np.array(latencies.TTFT[:-1])
    for name, worse in latencies.SLOWER.items():
        assert (worse(latencies.LOGNORMAL)(edges) < latencies.LOGNORMAL(edges) - 1e-6).any(), name


def test_one_seed_gives_one_traffic() -> None:
    one, other = (
        ratios.draw(named("on/off bursts"), np.random.default_rng([7, 1]), 5, 40, Harm(ratio=2)) for _ in range(2)
    )
    assert (one.x1 == other.x1).all()
    assert (one.past_x == other.past_x).all()
    assert shocks.calm(np.random.default_rng(1), (2, 3, 4), 15.0).shape == (2, 3, 1)
