"""Noise is measured on stable's own past, or assumed and said to be."""

import json
import math
from dataclasses import replace
from random import Random

import pytest

from serinus.core import history
from serinus.core.arms import Arms, above, of
from serinus.core.evidence import ASSUMED_DISPERSION, Histogram, Look, PodLook, Ratio, Role
from serinus.core.noise import (
    BURST,
    Calibration,
    Noise,
    assume,
    harm_phi,
    no_history,
    safe_phi,
)
from serinus.core.plain import from_plain, to_plain
from serinus.core.samples import Buffer, Buffers
from serinus.core.stats.dispersion import Block, dispersion, grouped
from serinus.core.timeline import Life, Timeline
from serinus.core.windows import Reader
from tests.core.traffic import EDGES, errors, latencies, latency, look, past, poisson


def arms(n1: float = 100.0, n0: float = 400.0, seconds: float = 15.0) -> Arms:
    return Arms(n1=n1, n0=n0, pods1=1, pods0=4, seconds=seconds)


def times(looks: list[Look], pod: str, factor: int) -> list[Look]:
    """The looks with that many times the errors on one pod."""
    return [
        replace(
            look,
            pods=tuple(
                replace(one, counts={"success-rate": Ratio(total=c.total, bad=min(c.total, c.bad * factor))})
                if one.pod == pod and isinstance(c := one.counts["success-rate"], Ratio)
                else one
                for one in look.pods
            ),
        )
        for look in looks
    ]


def slow_past(
    seed: int, *, minutes: int = 70, speeds: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0), n: int = 60
) -> list[Look]:
    random = Random(seed)
    return [
        Look(
            at=60.0 * k,
            weight=0,
            step=0,
            pods=tuple(
                PodLook(
                    pod=f"s{j}",
                    role=Role.STABLE,
                    start=60.0 * (k - 1),
                    end=60.0 * k,
                    counts={"latency": latencies(random, n, speed)},
                )
                for j, speed in enumerate(speeds)
            ),
        )
        for k in range(1, minutes + 1)
    ]


def test_without_history_every_prior_is_labelled() -> None:
    noise = no_history([errors(), latency()])
    assert noise.assumed
    assert "No history" in noise.sentence
    assert noise.of(errors()) == assume(errors())
    assert (noise.of(errors()).least_ratio, noise.of(latency()).least_ratio) == (3.0, 1.5)
    assert Noise().of(errors()).assumed


def test_less_than_four_pod_hours_are_no_history() -> None:
    noise = history.calibrate(past(Random(1), hours=0.9, rps=5, bad=0.01), [errors()])
    assert noise.assumed
    assert noise.of(errors()).phi == ASSUMED_DISPERSION
    assert "Less than 4 pod-hours" in noise.sentence


def test_a_short_past_tells_how_bad_stable_usually_is_all_the_same() -> None:
    found = history.calibrate(past(Random(1), hours=0.2, rps=50, bad=0.02), [errors()]).of(errors())
    assert found.assumed
    assert found == replace(assume(errors()), share=found.share)
    assert found.share == pytest.approx(0.02, rel=0.15)
    few = history.calibrate(past(Random(1), hours=0.05, rps=5, bad=0.02), [errors()]).of(errors())
    assert few == assume(errors()), "of 900 requests"


def test_a_short_past_tells_how_slow_stable_usually_is_all_the_same() -> None:
    looks = [
        look(Random(k), at=60.0 * k, step=0, weight=0, rps=20, bad=None, slower=(1.0, 1.0), seconds=60.0)
        for k in range(1, 6)
    ]
    found = history.calibrate(looks, [latency()]).of(latency())
    assert found == replace(assume(latency()), edges=EDGES, shares=found.shares)
    assert sum(found.shares) == pytest.approx(1)
    assert found.shares[3] == pytest.approx(0.43, abs=0.05)
    assert history.calibrate(looks[:1], [latency()]).of(latency()).edges == EDGES
    assert history.calibrate([], [latency()]).of(latency()) == assume(latency())


def test_one_hour_of_four_pods_is_history() -> None:
    noise = history.calibrate(past(Random(1), hours=1.05, rps=100, bad=0.01), [errors()])
    found = noise.of(errors())
    assert not noise.assumed
    assert found.least_ratio == 1.0
    assert 1.0 <= found.phi < 1.3
    assert found.share == pytest.approx(0.01, rel=0.1)
    assert found.pod_rate == pytest.approx(0.25, rel=0.1)
    assert found.pod_degrees == 7
    assert 0.07 < found.pod_spread < 0.12
    assert (noise.pods, round(noise.hours, 2)) == (4, 1.05)
    assert "4.2 pod-hours of 4 pods" in noise.sentence


def test_the_candidates_pods_are_no_history_of_stable() -> None:
    looks = past(Random(1), hours=2, rps=5, bad=0.01)
    other = [replace(one, pods=tuple(replace(pod, role=Role.CANDIDATE) for pod in one.pods)) for one in looks]
    assert history.calibrate(other, [errors()]).assumed


def test_where_no_error_was_ever_seen_small_bursts_are_allowed_for() -> None:
    found = history.calibrate(past(Random(1), hours=1.1, rps=5, bad=0.0), [errors()]).of(errors())
    assert found.phi == 1.5
    assert (found.share, found.pod_rate) == (0.0, 0.0)
    assert (found.pod_spread, found.pod_degrees) == (0.2, None), "the spread between pods was not seen either"


def test_a_pod_that_is_always_worse_widens_the_spread_not_the_dispersion() -> None:
    found = history.calibrate(times(past(Random(1), hours=1.1, rps=100, bad=0.01), "stable-0", 2), [errors()])
    assert found.of(errors()).pod_spread > 0.25
    assert found.of(errors()).phi < 2.5


def test_an_sli_that_was_not_measured_is_assumed_beside_one_that_was() -> None:
    noise = history.calibrate(past(Random(1), hours=1.1, rps=20, bad=0.01), [errors(), latency()])
    assert noise.assumed
    assert not noise.of(errors()).assumed
    assert noise.of(latency()).assumed
    assert "success-rate" in noise.sentence
    assert "for latency" in noise.sentence


def test_a_latency_is_calibrated_at_its_middle_and_its_tail() -> None:
    found = history.calibrate(slow_past(1), [latency()]).of(latency())
    assert found.edges == EDGES
    assert sum(found.shares) == pytest.approx(1.0)
    assert found.least_ratio == 1.0
    assert 1.3 < found.phi_tail <= found.phi < 2.5
    assert found.share == pytest.approx(0.001, abs=0.001)
    assert found.pod_spread < 0.06


def test_pods_of_different_speed_widen_the_spread_of_a_latency() -> None:
    found = history.calibrate(slow_past(1, speeds=(1.3, 1.0, 1.0, 0.8)), [latency(edge=None, budget=None)])
    assert found.of(latency()).pod_spread > 0.12


def test_a_latency_without_common_buckets_or_requests_is_assumed() -> None:
    empty = slow_past(1, n=0)
    assert history.calibrate(empty, [latency()]).of(latency()).assumed
    one = [
        replace(
            look,
            pods=tuple(
                replace(pod, counts={"latency": Histogram(edges=(float(j), math.inf), counts=(1.0, 0.0))})
                for j, pod in enumerate(look.pods, 1)
            ),
        )
        for look in empty
    ]
    assert history.calibrate(one, [latency()]).of(latency()).assumed


def test_long_histories_expect_more_of_still_longer_swings() -> None:
    """Rates of each pod that swing over an hour: half an hour shows more of it than ten minutes."""
    random = Random(2)
    looks = past(random, hours=5, rps=40, bad=0.02)
    swung = [
        replace(
            look,
            pods=tuple(
                replace(
                    pod, counts={"success-rate": Ratio(total=c.total, bad=c.bad * (1 + (-1) ** (j + k // 60) * 0.5))}
                )
                for j, pod in enumerate(look.pods)
                if isinstance(c := pod.counts["success-rate"], Ratio)
            ),
        )
        for k, look in enumerate(looks)
    ]
    calm = history.calibrate(looks, [errors()]).of(errors()).phi
    assert history.calibrate(swung, [errors()]).of(errors()).phi > 10 * calm


def test_what_half_an_hour_shows_more_than_ten_minutes_is_expected_to_go_on_growing() -> None:
    random = Random(3)
    looks: list[Look] = []
    for k in range(8):
        rates = [random.choice((0.005, 0.015)) for _ in range(4)]
        for one in past(random, hours=0.5, rps=40, bad=0.0):
            pods = tuple(
                replace(pod, counts={"success-rate": Ratio(total=c.total, bad=poisson(random, c.total * rate))})
                for pod, rate in zip(one.pods, rates, strict=True)
                if isinstance(c := pod.counts["success-rate"], Ratio)
            )
            looks.append(replace(one, at=one.at + 1800.0 * k, pods=pods))
    blocks: list[Block] = [
        {pod.pod: (c.total, c.bad) for pod in one.pods if isinstance(c := pod.counts["success-rate"], Ratio)}
        for one in looks
    ]
    half_hours, ten_minutes = (dispersion(grouped(blocks, size)) for size in (30, 10))
    assert half_hours > 1.5 * ten_minutes
    found = history.calibrate(looks, [errors()]).of(errors())
    assert found.phi == pytest.approx(2 * half_hours - ten_minutes)


def test_the_speed_of_pods_that_comes_and_goes_is_noise_of_the_whole_latency() -> None:
    speeds = [tuple(1.25 if (j + k) % 2 else 0.8 for j in range(4)) for k in range(7)]
    looks = [
        replace(one, at=one.at + 600.0 * k)
        for k, each in enumerate(speeds)
        for one in slow_past(k, minutes=10, speeds=each)
    ]
    found = history.calibrate(looks, [latency()]).of(latency())
    assert found.phi > 3 * found.phi_tail


def test_chance_is_not_taken_for_a_spread_between_pods() -> None:
    spreads = [
        history.calibrate(past(Random(seed), hours=1.05, rps=5, bad=0.02), [errors()]).of(errors()).pod_spread
        for seed in range(6)
    ]
    assert sorted(spreads)[2] < 0.08, "the prior alone is .076"


def measured(phi: float, pod_rate: float) -> Calibration:
    return Calibration(phi=phi, phi_tail=2.0, pod_rate=pod_rate, share=0.01, pod_spread=0.0, pod_degrees=None)


def test_noise_grows_with_the_errors_expected_as_in_an_incident() -> None:
    usual = measured(4.0, 100 * 0.01 / 15)
    assert harm_phi(usual, arms(), 0.01) == pytest.approx(4.0)
    assert harm_phi(usual, arms(), 0.03) == pytest.approx(10.0)
    assert harm_phi(usual, arms(), 0.001) == pytest.approx(4.0), "never less than measured"
    assert harm_phi(usual, arms(n1=200.0), 0.01) == pytest.approx((7 * 400 + 4 * 200) / 600)


def test_where_there_is_no_noise_or_no_rate_it_does_not_grow() -> None:
    assert harm_phi(measured(1.0, 0.1), arms(), 0.5) == 1.0
    assert harm_phi(measured(4.0, 0.0), arms(), 0.5) == 4.0
    assert harm_phi(measured(4.0, 0.1), arms(seconds=0.0), 0.5) == 4.0
    assert harm_phi(measured(4.0, 0.0), arms(), 0.5, tail=True) == 2.0


def test_assumed_noise_for_promotion_follows_the_errors_that_a_bad_candidate_would_show() -> None:
    priors = assume(errors())
    assert safe_phi(priors, arms(n1=0.001), 0.0, 0.005) == pytest.approx(BURST, abs=0.01)
    assert safe_phi(priors, arms(n1=3.75), 0.0, 0.005) == pytest.approx(3.375)
    assert safe_phi(priors, arms(n1=1000.0), 0.0, 0.005) == ASSUMED_DISPERSION
    assert safe_phi(priors, arms(seconds=0.0), 0.0, 0.005) == ASSUMED_DISPERSION
    assert safe_phi(measured(4.0, 0.0), arms(), 0.0, 0.005) == 4.0


def test_a_metric_without_a_bucket_at_the_objective_counts_fewer_as_bad_never_more() -> None:
    assert above((1.0, 5.0, math.inf), (7.0, 2.0, 1.0), 2.5) == 1.0
    assert above((1.0, 5.0, math.inf), (7.0, 2.0, 1.0), None) == 0.0
    assert above((1.0, math.inf), (7.0, 2.0), 2.5) == 0.0


def one_pod(edges: tuple[float, ...], *counts: float, role: Role = Role.STABLE) -> PodLook:
    return PodLook(
        pod=str(edges), role=role, start=0, end=15, counts={"latency": Histogram(edges=edges, counts=counts)}
    )


def test_pods_with_different_buckets_are_compared_on_those_that_they_share() -> None:
    pods = (
        one_pod((1.0, 2.0, 5.0, math.inf), 1, 2, 3, 4),
        one_pod((1.0, 5.0, 9.0, math.inf), 1, 2, 3, 4, role=Role.CANDIDATE),
    )
    look = Look(at=15, weight=20, step=1, pods=pods)
    found = of(look, latency())
    assert found is not None
    assert (found.edges, found.counts0, found.counts1) == ((1.0, 5.0, math.inf), (1, 5, 4), (1, 2, 7))
    settled = of(look, latency(), (1.0, 2.0, math.inf))
    assert settled is not None
    assert settled.edges == (1.0, math.inf), "of settled buckets those that every pod has"
    assert of(look, errors()) is None


def test_noise_survives_json() -> None:
    noise = history.calibrate(slow_past(1), [latency(), errors()])
    assert from_plain(Noise, json.loads(json.dumps(to_plain(noise)))) == noise


def test_what_is_not_a_value_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="cannot write a set"):
        to_plain({1})


@pytest.mark.parametrize(
    "data",
    [{}, {"total": "many", "bad": 0.0}, {"total": True, "bad": 0.0}, {"total": 1.0, "bad": 0.0, "good": 1.0}],
)
def test_what_is_not_of_the_type_cannot_be_read(data: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_plain(Ratio, data)


def test_the_spec_may_say_how_bursty_an_unknown_workload_is() -> None:
    calm = replace(errors(), assumed_dispersion=3.0)
    assert no_history([calm]).of(calm).phi == 3.0
    assert "bursts of 3 " in no_history([calm]).sentence
    assert safe_phi(no_history([calm]).of(calm), arms(n1=1000.0), 0.0, 0.005) == 3.0


def test_a_gap_does_not_make_long_blocks_of_minutes_that_are_far_apart() -> None:
    days = [past(Random(seed), hours=1.5, rps=40, bad=0.02) for seed in (1, 2, 3)]
    apart = [replace(look, at=look.at + 86400.0 * day) for day, looks in enumerate(days) for look in looks]
    together = [replace(look, at=look.at + 5400.0 * day) for day, looks in enumerate(days) for look in looks]
    one, other = (history.calibrate(looks, [errors()]).calibrations["success-rate"].phi for looks in (apart, together))
    assert one == pytest.approx(other, rel=0.3)
    minutes = [(look.at, "a", (100.0, 1.0)) for look in apart]
    blocks = history._blocks(minutes)
    assert len(blocks) == len(apart) + 2 * max(history.MINUTES)
    # Ninety minutes fill three blocks of thirty; none of these holds minutes of two days.
    thirty = [sum(n for n, _ in one.values()) for one in grouped(blocks, 30) if one]
    assert thirty == [3000.0] * 9


def test_pods_that_lived_at_different_hours_are_not_told_apart_by_the_hour() -> None:
    """By night all are slower; the pods that lived by night are not."""
    day = slow_past(1, speeds=(1.0, 1.0, 1.0, 1.0))
    night = [
        replace(
            look,
            at=look.at + 40000.0,
            pods=tuple(replace(one, pod=f"n{one.pod}") for one in look.pods),
        )
        for look in slow_past(2, speeds=(1.6, 1.6, 1.6, 1.6))
    ]
    alike = history.calibrate([*day, *night], [latency()]).calibrations["latency"].pod_spread
    assert alike < 0.08
    differ = history.calibrate(slow_past(1, speeds=(1.0, 1.0, 1.6, 1.6)), [latency()])
    assert differ.calibrations["latency"].pod_spread > 0.15


def test_a_mapping_by_tuples_survives_json() -> None:
    one = Buffer(first=1.0, times=(1.0,), values=(2.0,))
    buffers: Buffers = {("p", "s", math.inf, (("a", "b"),)): one, ("p", "s", "total", ()): one}
    known = Reader(interval=15.0, lag=30.0, buffers=buffers)
    assert from_plain(Reader, json.loads(json.dumps(to_plain(known)))) == known


def test_what_is_derived_is_not_written() -> None:
    line = Timeline(lives=(Life(pod="a", role=Role.STABLE, start=-math.inf),))
    assert "by_pod" not in to_plain(line)
    assert from_plain(Timeline, json.loads(json.dumps(to_plain(line)))).by_pod == line.by_pod


def test_the_noise_of_errors_is_taken_apart_by_how_long_it_lasts() -> None:
    found = history.calibrate(past(Random(1), hours=1.1, rps=100, bad=0.01), [errors()]).of(errors())
    assert found.components is not None
    assert found.components.usual == found.pod_rate
    assert [scale for scale, _ in found.components.slow][-1] == math.inf
    assert sum(variance for scale, variance in found.components.slow if scale < math.inf) < 0.02, (
        "they were independent"
    )
    assert found.components.slow[-1][1] > found.pod_spread**2, "tails as heavy as few pods let expect"


def test_too_few_errors_tell_nothing_of_how_long_noise_lasts() -> None:
    found = history.calibrate(past(Random(1), hours=1.1, rps=5, bad=0.001), [errors()]).of(errors())
    assert not found.assumed
    assert found.components is None


def test_few_errors_leave_room_for_clumps_that_were_not_seen() -> None:
    found = history.taken_apart([(lag, 0.0, 1.0) for lag in range(9)], 0.2, None, 30.0, 36000.0)
    assert found is not None
    assert found.white * found.usual * 60 == pytest.approx(0.25)
    assert [(scale, round(v, 9)) for scale, v in found.slow] == [(math.inf, 0.04)], (
        "an assumed spread is taken as it is"
    )


def test_what_lasts_hours_may_last_as_long_as_a_pod() -> None:
    told = [(lag, 0.5 * math.exp(-lag / 150), 1.0) for lag in (0, 5, 20, 60, 120, 180)]
    found = history.taken_apart(told, 0.1, 21, 1e6, 36000.0)
    assert found is not None
    slow = dict(found.slow)
    assert slow[math.inf] > 0.8 * slow[9000.0] > 0.3
