"""Noise is measured as what it is: bursts raise it, what all pods share does not."""

from random import Random

from serinus.core.stats.dispersion import Block, dispersion, grouped, levels
from tests.core.traffic import poisson

PODS = ("a", "b", "c", "d")


def blocks(seed: int, *, burst: int = 1, shared: float = 0.0, level: float = 1.0, many: int = 240) -> list[Block]:
    """Minutes of 300 requests a pod, 1 % bad, in bursts of `burst`; every fourth minute `shared` more in all pods."""
    random = Random(seed)
    told: list[Block] = []
    for minute in range(many):
        mean = 3.0 * (1 + (shared if minute % 4 == 0 else 0.0))
        told.append(
            {
                pod: (300.0, float(burst * poisson(random, mean / burst * (level if pod == "a" else 1.0))))
                for pod in PODS
            }
        )
    return told


def test_independent_errors_have_a_dispersion_of_one() -> None:
    assert [dispersion(blocks(seed)) for seed in range(5)] == [1.0] * 5


def test_bursts_of_three_have_a_dispersion_of_about_three() -> None:
    assert 2.7 < dispersion(blocks(1, burst=3)) < 4.0


def test_an_incident_that_all_pods_share_is_not_noise() -> None:
    assert dispersion(blocks(2, shared=9.0)) == 1.0


def test_a_pod_that_is_always_worse_is_not_noise_but_a_level() -> None:
    uneven = blocks(3, level=2.0)
    assert dispersion(uneven) == 1.0
    assert 1.4 < levels(uneven)["a"][0] < 1.8
    assert 0.7 < levels(uneven)["b"][0] < 0.9


def test_no_errors_at_all_tell_nothing_and_count_as_one() -> None:
    silent: list[Block] = [{"a": (10.0, 0.0), "b": (0.0, 0.0)}]
    assert dispersion(silent) == 1.0
    assert levels(silent) == {"a": (1.0, 0.0), "b": (1.0, 0.0)}
    assert dispersion([{"a": (0.0, 0.0)}, {"a": (0.0, 0.0)}]) == 1.0
    assert dispersion([]) == 1.0


def test_of_a_single_pod_all_drift_counts_as_noise() -> None:
    quiet: list[Block] = [{"a": (100.0, 1.0)}] * 20
    drifting: list[Block] = [*quiet, *([{"a": (100.0, 11.0)}] * 20)]
    assert dispersion(drifting) > 3.0


def test_slow_swings_show_in_long_blocks_only() -> None:
    random = Random(4)
    slow: list[Block] = []
    for _ in range(24):
        rates = {pod: 3.0 * random.choice((0.5, 1.5)) for pod in PODS}
        slow += [{pod: (300.0, float(poisson(random, rates[pod]))) for pod in PODS} for _ in range(10)]
    assert dispersion(slow) < 2.2
    assert dispersion(grouped(slow, 10)) > 4.0
