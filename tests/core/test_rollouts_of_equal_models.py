"""Equal models are promoted, after about the time that was said beforehand: steps 5, 25, 50 % on a simulated clock."""

from dataclasses import dataclass, replace
from functools import cache
from math import ceil, inf
from random import Random

import pytest

from serinus.core import history, judge
from serinus.core.evidence import Verdict
from serinus.core.forecast import Foreseen, Stage, forecast, rates
from serinus.core.judge import EvidenceState
from serinus.core.noise import no_history
from tests.core.traffic import INTERVAL, errors, latency, look, past, quiet, standards

pytestmark = pytest.mark.statistics
WEIGHTS = (5, 25, 50)
PODS = 4


@dataclass(frozen=True)
class Told:
    said: tuple[Foreseen, ...]
    """Before the first step."""
    step_by_step: tuple[float, ...]
    """Each just before it began."""
    took: tuple[float, ...]
    measured_at: float
    """When the noise was measured that was assumed; 0: never."""

    @property
    def total(self) -> float:
        return sum(self.took)

    @property
    def slow(self) -> float:
        return sum(one.evidence for one in self.said)

    @property
    def soon(self) -> float:
        return sum(one.soonest for one in self.said)


def stages(*weights: int, first: int = 1) -> tuple[Stage, ...]:
    return tuple(
        Stage(step=step, weight=weight, pods1=ceil(PODS * weight / 100), pods0=PODS)
        for step, weight in enumerate(weights, first)
    )


@cache
def rollout(seed: int, *, rps: float, bad: float, hours: float, measures: bool = True) -> Told:
    """Promote an equal candidate after so many hours of history; `measures`: noise that is assumed gets measured."""
    random, sli = Random(seed), errors()
    before = past(random, hours=hours, rps=rps, bad=bad)
    state = judge.begin([sli], standards(), history.calibrate(before, [sli]), past=before if measures else None)
    rates = {sli.name: rps}
    said = forecast(state, stages(*WEIGHTS), rates, interval=INTERVAL)
    at, took, each, measured_at = 0.0, [], [], 0.0
    for step, weight in enumerate(WEIGHTS, 1):
        each.append(forecast(state, stages(*WEIGHTS[step - 1 :], first=step), rates, interval=INTERVAL)[0].evidence)
        since, assumed = at, state.noise.assumed
        while state.step != step or judge.verdict(state).verdict is not Verdict.PASS:
            assert judge.verdict(state).verdict is not Verdict.FAIL
            at += INTERVAL
            pods = (ceil(PODS * weight / 100), PODS)
            state = judge.advance(
                state, look(random, at=at, step=step, weight=weight, rps=rps, bad=(bad, bad), pods=pods)
            )
            if assumed and not state.noise.assumed:
                measured_at, assumed = at, False
        took.append(at - since)
    return Told(said=said, step_by_step=tuple(each), took=tuple(took), measured_at=measured_at)


def test_at_5_requests_a_second_without_errors_with_history() -> None:
    told = rollout(1, rps=5, bad=0.0, hours=1.1)
    assert told.total == pytest.approx(told.slow, rel=0.15)
    assert told.soon == told.slow
    assert 3000 < told.took[0] < 4200
    assert not any(one.assumed for one in told.said)


def test_and_without_history_slower_and_it_says_so() -> None:
    told = rollout(1, rps=5, bad=0.0, hours=0, measures=False)
    assert told.total == pytest.approx(told.slow, rel=0.3)
    assert 2 < told.total / 4700 < 3.5
    assert all(one.assumed for one in told.said)


def test_what_is_measured_on_the_way_makes_it_as_fast_as_was_said_that_it_could_be() -> None:
    told = rollout(1, rps=5, bad=0.0, hours=0)
    assert told.measured_at == pytest.approx(3600, abs=2 * INTERVAL)
    assert told.total == pytest.approx(told.soon, rel=0.15)
    assert told.soon < 0.6 * told.slow


def test_the_time_of_a_step_is_told_by_the_noise_that_is_known_just_before_it() -> None:
    told = rollout(1, rps=5, bad=0.0, hours=0)
    assert told.took[1:] == pytest.approx(told.step_by_step[1:], rel=0.25)


def test_a_little_history_shortens_the_way_to_enough_of_it() -> None:
    told = rollout(2, rps=5, bad=0.0, hours=0.5)
    assert told.measured_at == pytest.approx(1800, abs=3 * INTERVAL)
    assert told.total == pytest.approx(told.soon, rel=0.15)


@pytest.mark.parametrize(("hours", "within"), [(1.1, 2.0), (0.2, 0.5)])
def test_at_100_requests_a_second_with_one_percent_of_errors(hours: float, within: float) -> None:
    several = [rollout(seed, rps=100, bad=0.01, hours=hours) for seed in range(4)]
    said = several[0].slow
    assert sum(told.total for told in several) / 4 == pytest.approx(said, rel=within)
    assert (said < 300) is (hours > 1)


def state(known: bool) -> EvidenceState:
    slis = [errors(), latency()]
    return judge.begin(slis, standards(), quiet(*slis) if known else no_history(slis))


def foresee(state: EvidenceState, *some: Stage, rps: float = 5.0) -> tuple[Foreseen, ...]:
    rates = {track.sli.name: rps for track in state.tracks}
    return forecast(state, some or stages(5), rates, interval=INTERVAL)


def test_twice_the_traffic_takes_half_the_time() -> None:
    (one,), (two,) = (foresee(state(known=True), rps=rps) for rps in (50.0, 100.0))
    assert one.evidence / two.evidence == pytest.approx(2, rel=0.05)
    assert one.requests == pytest.approx(one.evidence * 2.5)


def test_a_step_lasts_as_long_as_its_hold_its_requests_or_its_evidence_whichever_is_most() -> None:
    (stage,) = stages(5)
    known = state(known=True)
    (plain,) = foresee(known, rps=50.0)
    (held,) = foresee(known, replace(stage, hold=9000.0, idle=60.0), rps=50.0)
    (asked,) = foresee(known, replace(stage, min_requests=50_000), rps=50.0)
    assert (plain.seconds, held.seconds, asked.seconds) == (plain.evidence, 9060.0, 20_000.0)
    assert plain.evidence == held.evidence


def test_without_traffic_no_end_can_be_told_and_without_slis_there_is_none() -> None:
    (told,) = foresee(state(known=True), rps=0.0)
    assert (told.evidence, told.seconds, told.rate) == (inf, inf, 0.0)
    assert foresee(judge.begin([], standards(), no_history([]))) == ()


def test_an_sli_that_is_not_counted_at_all_is_the_one_that_takes_longest() -> None:
    (told,) = forecast(state(known=True), stages(5), {"success-rate": 50.0}, interval=INTERVAL)
    assert (told.sli, told.evidence) == ("latency", inf)


def test_a_narrower_margin_at_the_last_step_takes_longer() -> None:
    known = judge.begin([errors()], standards(), quiet(errors()))
    first, last = foresee(known, *(replace(one, step=step) for step in (1, 3) for one in stages(50)), rps=50.0)
    assert last.requests > first.requests


def test_once_the_buckets_are_known_the_forecast_uses_both_edges() -> None:
    slis = [latency()]
    told = judge.begin(slis, standards(), no_history(slis), past=())
    random = Random(1)
    before = foresee(told)[0].evidence
    for k in range(1, 5):
        told = judge.advance(told, look(random, at=15.0 * k, bad=None, slower=(1.0, 1.0)))
    (after,) = foresee(told)
    assert after.sli == "latency"
    assert after.evidence != pytest.approx(before, rel=0.05)


def test_the_traffic_of_the_past_is_that_of_its_last_ten_minutes() -> None:
    random = Random(1)
    looks = [
        *past(random, hours=1, rps=50, bad=0.0),
        *(replace(one, at=one.at + 3600) for one in past(random, hours=0.5, rps=5, bad=0.0)),
    ]
    assert rates(looks, 5400.0)["success-rate"] == pytest.approx(5, rel=0.1)
    assert rates(looks, 9000.0) == {}
