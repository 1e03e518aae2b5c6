"""What is said of power beforehand is what the judge does: on simulated rollouts."""

from dataclasses import replace
from math import inf
from random import Random

import pytest

from serinus.core import judge, power
from serinus.core.evidence import Sli
from serinus.core.forecast import Stage, arms_of, seconds
from serinus.core.noise import Noise, no_history
from serinus.core.power import Leg
from serinus.core.tracks import Track
from tests.core.traffic import EDGES, INTERVAL, errors, latency, look, quiet, standards

LAW = (0.0, 0.01, 0.2, 0.43, 0.22, 0.08, 0.058, 0.002, 0.0, 0.0, 0.0)


def noise(sli: Sli, share: float) -> Noise:
    known = quiet(sli)
    one = replace(known.calibrations[sli.name], share=share)
    if sli.latency:
        one = replace(one, edges=EDGES, shares=LAW)
    return replace(known, calibrations={sli.name: one})


def track(sli: Sli, share: float = 0.01) -> Track:
    return judge.begin([sli], standards(), noise(sli, share), intervals=False).tracks[0]


def legs(hold: float, *weights: int) -> list[Leg]:
    return [
        Leg(stage=Stage(step=step, weight=weight, pods1=1, pods0=4, hold=hold), lasts=hold)
        for step, weight in enumerate(weights, 1)
    ]


def smallest(one: Track, some: list[Leg], rps: float) -> float | None:
    needed = power.threshold(one, 1, 1, standards())
    return power.smallest_found(one, some, rps, interval=INTERVAL, slis=1, standards=standards(), needed=needed)


def test_more_traffic_longer_holds_and_more_steps_find_smaller_regressions() -> None:
    one = track(errors())
    found = [
        smallest(one, some, rps) or inf
        for some, rps in (
            (legs(600, 5), 20),
            (legs(600, 5), 200),
            (legs(3600, 5), 200),
            (legs(3600, 5, 25), 200),
        )
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > 1.5 * found[-1]


def test_what_the_spec_allows_is_not_found_at_any_length() -> None:
    one = track(errors(allowed_ratio=3.0))
    path = power.harm(one, legs(86400, 50), 500.0, times=2.0, interval=INTERVAL, slis=1, standards=standards())
    assert path[0] < 0
    assert power.power(path[0], 4.6) == 0.0
    assert (smallest(one, legs(86400, 50), 500.0) or 0) > 3.0


def test_a_hold_shorter_than_a_look_finds_nothing() -> None:
    assert smallest(track(errors()), legs(5.0, 50), 100.0) is None


def test_without_history_less_is_found() -> None:
    assumed = judge.begin([errors()], standards(), no_history([errors()]), intervals=False).tracks[0]
    known = track(errors(), share=assumed.level.share)
    assert (smallest(assumed, legs(600, 25), 100.0) or inf) > 1.5 * (smallest(known, legs(600, 25), 100.0) or inf)


def test_a_latency_without_buckets_cannot_be_told() -> None:
    unknown = judge.begin([latency()], standards(), no_history([latency()]), intervals=False).tracks[0]
    with pytest.raises(ValueError, match="buckets of latency"):
        smallest(unknown, legs(600, 25), 100.0)


def test_the_counts_of_a_candidate_as_good_as_stable_are_those_of_stable() -> None:
    for sli in (errors(), latency(), latency(edge=None, budget=None)):
        one = track(sli)
        arms = power.expected(one, arms_of(legs(600, 20)[0].stage, 100.0, INTERVAL, sli), 1.0)
        assert (arms.n1, arms.n0) == (300.0, 1200.0)
        assert arms.x1 == pytest.approx(arms.x0 / 4)
        assert arms.x1 > 0
        assert sum(arms.counts1) == pytest.approx(300.0 if sli.latency else 0.0)


def test_what_is_caught_costs_the_bad_requests_until_then() -> None:
    one = track(errors(budget=None))
    needed = power.threshold(one, 1, 1, standards())

    def cost(rps: float) -> power.Caught | None:
        return power.caught(
            one, legs(3600, 5, 50), rps, interval=INTERVAL, slis=1, standards=standards(), needed=needed
        )

    (slow, fast) = cost(50.0), cost(500.0)
    assert slow is not None
    assert fast is not None
    assert fast.seconds < slow.seconds
    assert fast.bad == pytest.approx(500 * 0.05 * 0.02 * fast.seconds, rel=0.02)
    assert cost(1.0) is None


def test_the_smallest_ratio_that_is_shown_is_the_one_that_just_takes_the_hold() -> None:
    one, (leg,) = track(errors(budget=None)), legs(600, 25)
    ratio = power.smallest_excluded(one, leg, 50.0, interval=INTERVAL, standards=standards())
    assert ratio is not None
    arms = arms_of(leg.stage, 50.0, INTERVAL, one.sli)
    assert seconds(one, arms, ratio, standards()) == pytest.approx(600, rel=0.05)
    assert power.smallest_excluded(one, leg, 0.0, interval=INTERVAL, standards=standards()) is None


def found(sli: Sli, share: float, some: list[Leg], rps: float, times: float, runs: int) -> float:
    """The part of simulated rollouts in which the judge finds it within these legs."""
    hits = 0
    for seed in range(runs):
        random, at = Random(seed), 0.0
        state = judge.begin([sli], standards(), noise(sli, share), intervals=False)
        for leg in some:
            for _ in range(round(leg.lasts / INTERVAL)):
                at += INTERVAL
                shape: dict[str, object] = (
                    {"bad": None, "slower": (times, 1.0)} if sli.latency else {"bad": (times * share, share)}
                )
                state = judge.advance(
                    state,
                    look(random, at=at, step=leg.stage.step, weight=leg.stage.weight, rps=rps, **shape),  # type: ignore[arg-type]
                )
            if state.failure is not None:
                break
        hits += state.failure is not None
    return hits / runs


@pytest.mark.statistics
@pytest.mark.parametrize(
    ("sli", "share", "hold", "weights", "rps"),
    [
        (errors(), 0.01, 600.0, (5,), 100.0),
        (errors(), 0.01, 600.0, (5, 25), 100.0),
        (errors(), 0.01, 600.0, (5, 25, 50), 20.0),
        (errors(), 0.002, 600.0, (25,), 50.0),
        (errors(budget=None), 0.05, 300.0, (10,), 100.0),
        (latency(), 0.01, 300.0, (25,), 10.0),
    ],
)
def test_the_regression_that_is_said_to_be_found_is_found_about_that_often(
    sli: Sli, share: float, hold: float, weights: tuple[int, ...], rps: float
) -> None:
    one, some = track(sli, share), legs(hold, *weights)
    times = smallest(one, some, rps)
    assert times is not None
    often = found(sli, share, some, rps, times, 200)
    print(f"{sli.name} {share} {weights} {rps}: {times:.2f}x found in {often:.2f}")
    assert 0.6 <= often <= 0.97
