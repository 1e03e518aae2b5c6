"""With fixed seeds: lasting or clumped noise is seldom called harm, and a regression is found in it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta

from benchmarks.statistics import twin
from benchmarks.statistics.latencies import BASE, SLOWER, LatencyRollout, draw
from benchmarks.statistics.noisy_tables import latency_bound
from benchmarks.statistics.shocks import lognormal
from benchmarks.statistics.traffic import Floats, Traffic
from serinus.core.evidence import Sli, Standards

RUNS, LOOKS, PODS1, PODS0 = 200, 240, 2, 18
PAST = 1440
RATE = 75 * 0.01
"""Bad requests per pod and look."""


def wandering(rng: np.random.Generator) -> Floats:
    """Error rates of pods relative to what is usual: lognormal, s = .7, forgotten over five minutes."""
    keep = np.exp(-15 / 300)
    z = rng.normal(size=PODS1 + PODS0)
    rows = []
    for _ in range(PAST + LOOKS):
        z = keep * z + np.sqrt(1 - keep**2) * rng.normal(size=len(z))
        rows.append(np.exp(0.7 * z - 0.245))
    return np.array(rows)


def traffic(seed: int, kind: str, worse: float) -> Traffic:
    """Runs of two candidate pods beside eighteen; `kind`: wandering, clumps of three, or a level for each pod."""
    runs = []
    for run in range(RUNS):
        rng = np.random.default_rng((seed, run))
        pods = PODS1 + PODS0
        levels = wandering(rng) if kind == "wandering" else np.ones((PAST + LOOKS, pods))
        if kind == "pods":
            levels *= np.exp(0.2 * rng.normal(size=pods))
        clump = 3 if kind == "clumps" else 1
        levels[PAST:, :PODS1] *= worse
        bad = clump * rng.poisson(RATE * levels / clump)
        runs.append((np.maximum(bad, rng.poisson(75, bad.shape)), bad))
    n, x = (np.array([run[k] for run in runs], dtype=float) for k in (0, 1))
    minutes = (RUNS, PAST // 4, 4, PODS0)
    return Traffic(
        n1=n[:, PAST:, :PODS1].sum(axis=2),
        x1=x[:, PAST:, :PODS1].sum(axis=2),
        n0=n[:, PAST:, PODS1:].sum(axis=2),
        x0=x[:, PAST:, PODS1:].sum(axis=2),
        weight=np.full(LOOKS, 10.0),
        step=np.ones(LOOKS, dtype=np.int64),
        pods1=PODS1,
        pods0=PODS0,
        past_n=n[:, :PAST, PODS1:].reshape(minutes).sum(axis=2),
        past_x=x[:, :PAST, PODS1:].reshape(minutes).sum(axis=2),
    )


def rolled_back(kind: str, worse: float, alpha: float) -> Floats:
    sli = Sli(name="errors", latency=False, budget=None, edge=None, allowed_ratio=1.0, allowed_difference=0.0)
    rules = Standards(false_rollback_rate=alpha, false_promotion_rate=0.05, steps=1)
    return twin.judge(traffic(1, kind, worse), sli, rules).rollback.astype(float)


@pytest.mark.parametrize("kind", ["wandering", "clumps", "pods"])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_an_equal_candidate_is_seldom_rolled_back_within_an_hour(kind: str, alpha: float) -> None:
    found = int((rolled_back(kind, 1.0, alpha) >= 0).sum())
    # What alpha would not give in one of a hundred such tests.
    assert beta.ppf(0.01, found, RUNS - found + 1) <= alpha if found else True


@pytest.mark.parametrize(("kind", "minutes"), [("wandering", 15), ("clumps", 4), ("pods", 2)])
def test_three_times_the_errors_are_found_in_minutes(kind: str, minutes: float) -> None:
    looks = rolled_back(kind, 3.0, 0.05)
    assert np.median(np.where(looks < 0, np.inf, looks + 1)) * 15 <= 60 * minutes


BETTER = {"better, then equal": (0.3, 1.0), "without errors, then equal": (0.0, 1.0), "equal": (1.0, 1.0)}


@pytest.mark.parametrize("then", BETTER.values(), ids=BETTER)
@pytest.mark.parametrize(("budget", "difference"), [(None, None), (None, 0.0), (0.02, None)])
def test_a_candidate_that_was_better_and_is_equal_now_did_no_harm(
    then: tuple[float, float], budget: float | None, difference: float | None
) -> None:
    """At half of the traffic, where what was learned of the candidate weighs most; requests are independent."""
    rng = np.random.default_rng(7)
    shape, rate = (RUNS, LOOKS), 750.0
    share = 0.02 * np.repeat(then, LOOKS // 2)
    sli = Sli(name="errors", latency=False, budget=budget, edge=None, allowed_ratio=1.2, allowed_difference=difference)
    made = Traffic(
        n1=np.full(shape, rate),
        x1=rng.binomial(int(rate), share, shape).astype(float),
        n0=np.full(shape, rate),
        x0=rng.binomial(int(rate), 0.02, shape).astype(float),
        weight=np.full(LOOKS, 50.0),
        step=np.ones(LOOKS, dtype=np.int64),
        pods1=4,
        pods0=4,
        past_n=np.full((RUNS, 360, 4), 750.0),
        past_x=rng.binomial(750, 0.02, (RUNS, 360, 4)).astype(float),
    )
    rules = Standards(false_rollback_rate=0.05, false_promotion_rate=0.05, steps=1)
    assert (twin.judge(made, sli, rules).rollback >= 0).sum() <= 2


def latencies_of(one: LatencyRollout, slower: str | None, alpha: float, runs: int = 120) -> Floats:
    """When such candidates are rolled back, in looks; -1 for never. Any slower than stable is harm."""
    sli = Sli(name="latency", latency=True, budget=None, edge=None, allowed_ratio=1.0, allowed_difference=0.0)
    rules = Standards(false_rollback_rate=alpha, false_promotion_rate=0.05, steps=1)
    worse = None if slower is None else SLOWER[slower]
    return twin.judge_latency(draw(one, np.random.default_rng(1), runs, LOOKS, worse), sli, rules).rollback.astype(
        float
    )


@pytest.mark.parametrize("spread", [0.05, 0.1])
def test_pods_of_unequal_speed_are_seldom_called_slower(spread: float) -> None:
    """A speed for each pod, as long as it lives."""
    uneven = replace(BASE, rps=100.0, shock=lognormal(spread, 1e9))
    assert (latencies_of(uneven, None, 0.05) >= 0).sum() <= 6


@pytest.mark.parametrize("slower", ["all x 1.2", "+50 ms", "2 % x 8", "wider, same mean", "bimodal"])
def test_a_slower_candidate_is_found_in_about_twice_the_time_that_any_method_needs(slower: str) -> None:
    at = latencies_of(BASE, slower, 0.05)
    found = np.median(np.where(at < 0, np.inf, (at + 1) * 15))
    assert found <= 2.3 * latency_bound(BASE, slower, 0.05) + 30
