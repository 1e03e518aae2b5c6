"""Noise is taken apart by how long it lasts."""

from math import exp, inf
from random import Random

import pytest

from serinus.core.stats.components import LAGS, SCALES, autocovariance, fit, shape
from serinus.core.stats.dispersion import Block
from tests.core.traffic import poisson


def wandering(seed: int, *, scale: float, spread: float, minutes: int = 240, pods: int = 12) -> list[Block]:
    """Pods whose error rate is lognormal and forgets with time constant `scale`; all pods share a daily swing."""
    random = Random(seed)
    keep = exp(-60 / scale) if scale > 0 else 0.0
    levels = [random.gauss(0, 1) for _ in range(pods)]
    blocks: list[Block] = []
    for minute in range(minutes):
        levels = [keep * z + (1 - keep * keep) ** 0.5 * random.gauss(0, 1) for z in levels]
        shared = 20 * (1 + 0.8 * (minute % 60) / 60)
        rows = [poisson(random, shared * exp(spread * z - spread * spread / 2)) for z in levels]
        blocks.append({f"pod-{k}": (2000.0, float(x)) for k, x in enumerate(rows)})
    return blocks


@pytest.mark.parametrize(("scale", "where"), [(0.0, 0), (300.0, 2), (inf, 5)])
def test_noise_is_found_where_it_lasts(scale: float, where: int) -> None:
    found = fit(autocovariance(wandering(1, scale=scale, spread=0.5)))
    near = sum(found[max(0, where - 1) : where + 2])
    assert near > 0.8 * sum(found)
    assert 0.12 < sum(found) < 0.5


def test_what_all_pods_share_is_no_noise() -> None:
    assert sum(fit(autocovariance(wandering(2, scale=300.0, spread=0.0)))) < 0.01


def test_no_variance_is_negative_however_strange_the_past() -> None:
    assert fit([(lag, -1.0, 1.0) for lag in LAGS]) == (0.0,) * len(SCALES)
    assert min(fit([(lag, (-1.0) ** lag, 1.0) for lag in LAGS])) >= 0.0


def test_a_mixture_is_taken_apart_exactly() -> None:
    made = (0.5, 0.2, 0.0, 0.1, 0.0, 0.04)
    told = [(lag, sum(v * shape(lag, s) for v, s in zip(made, SCALES, strict=True)), 1.0) for lag in LAGS]
    assert fit(told) == pytest.approx(made, abs=1e-6)


def test_one_pod_or_a_few_minutes_tell_nothing() -> None:
    assert autocovariance(wandering(1, scale=300.0, spread=0.5, pods=1)) == []
    assert autocovariance(wandering(1, scale=300.0, spread=0.5, minutes=7)) == []
    assert autocovariance([{"a": (10.0, 0.0), "b": (10.0, 0.0)}] * 20) == []
    assert autocovariance([{}, *wandering(1, scale=300.0, spread=0.5, minutes=20)]) != [], "a gap is no error"
