"""Equal models are promoted, after about the time that was said beforehand: steps 5, 25, 50 % on a simulated clock."""

from dataclasses import dataclass
from math import ceil
from random import Random

import pytest

from serinus.core import history, judge
from serinus.core.evidence import Verdict
from serinus.core.forecast import forecast
from serinus.core.judge import EvidenceState
from serinus.core.noise import no_history
from tests.core.traffic import INTERVAL, errors, latency, look, past, quiet, standards

WEIGHTS = (5, 25, 50)
PODS = 4


@dataclass(frozen=True)
class Told:
    said: tuple[float, ...]
    took: tuple[float, ...]
    sentence: str

    @property
    def total(self) -> float:
        return sum(self.took)


def rollout(seed: int, *, rps: float, bad: float, known: bool, measures: bool = False) -> Told:
    """Promote an equal candidate; `measures`: history is taken into account as soon as there is enough of it."""
    random, sli = Random(seed), errors()
    before = past(random, hours=1.1, rps=rps, bad=bad) if known else []
    state = judge.begin([sli], standards(), history.calibrate(before, [sli]))
    at, said, took, sentence = 0.0, [], [], ""
    for step, weight in enumerate(WEIGHTS, 1):
        told = forecast(
            state,
            step=step,
            weight=weight,
            requests_per_second=rps,
            pods_candidate=ceil(PODS * weight / 100),
            pods_stable=PODS,
            interval=INTERVAL,
        )
        assert told is not None
        state, since = judge.restart_safe(state, step), at
        while judge.verdict(state).verdict is not Verdict.PASS:
            assert judge.verdict(state).verdict is not Verdict.FAIL
            at += INTERVAL
            one = look(
                random,
                at=at,
                step=step,
                weight=weight,
                rps=rps,
                bad=(bad, bad),
                pods=(ceil(PODS * weight / 100), PODS),
            )
            state = judge.advance(state, one)
            before.append(one)
            if measures and state.noise.assumed and at >= 3660:
                state = judge.recalibrate(state, history.calibrate(before, [sli]))
        sentence = sentence or told.sentence
        said.append(told.seconds)
        took.append(at - since)
    return Told(said=tuple(said), took=tuple(took), sentence=sentence)


def test_at_5_requests_a_second_without_errors_with_history() -> None:
    told = rollout(1, rps=5, bad=0.0, known=True)
    assert told.total == pytest.approx(sum(told.said), rel=0.15)
    assert 3000 < told.took[0] < 4200
    assert "assumed" not in told.sentence


def test_and_without_history_slower_and_it_says_so() -> None:
    told = rollout(1, rps=5, bad=0.0, known=False)
    assert told.total == pytest.approx(sum(told.said), rel=0.3)
    assert 2 < told.total / 4700 < 3.5
    assert "noise is assumed, which makes this slow" in told.sentence


def test_what_is_measured_on_the_way_makes_it_faster() -> None:
    told = rollout(1, rps=5, bad=0.0, known=False, measures=True)
    assert told.total < 0.7 * sum(told.said)


@pytest.mark.parametrize(("known", "within"), [(True, 2.0), (False, 0.5)])
def test_at_100_requests_a_second_with_one_percent_of_errors(known: bool, within: float) -> None:
    several = [rollout(seed, rps=100, bad=0.01, known=known) for seed in range(4)]
    said = sum(several[0].said)
    assert sum(told.total for told in several) / 4 == pytest.approx(said, rel=within)
    assert (said < 300) is known


def state(known: bool) -> EvidenceState:
    slis = [errors(), latency()]
    return judge.begin(slis, standards(), quiet(*slis) if known else no_history(slis))


def say(state: EvidenceState, **changes: float) -> str:
    asked = {
        "step": 1,
        "weight": 5,
        "requests_per_second": 5.0,
        "pods_candidate": 1,
        "pods_stable": 4,
        "interval": 15.0,
    }
    told = forecast(state, **{**asked, **changes})  # type: ignore[arg-type]
    return told.sentence if told else ""


def test_the_forecast_names_the_step_the_requests_the_time_and_the_slowest_sli() -> None:
    told = say(state(known=True))
    assert told.startswith("Step 1 at 5 % needs about ")
    assert "at 5 requests/s" in told
    assert "takes longest" in told


def test_twice_the_traffic_takes_half_the_time() -> None:
    one, two = (
        forecast(
            state(known=True),
            step=1,
            weight=5,
            requests_per_second=rps,
            pods_candidate=1,
            pods_stable=4,
            interval=15.0,
        )
        for rps in (50.0, 100.0)
    )
    assert one is not None
    assert two is not None
    assert one.seconds / two.seconds == pytest.approx(2, rel=0.05)


def test_without_traffic_or_without_slis_nothing_can_be_said() -> None:
    assert say(state(known=True), requests_per_second=0.0) == ""
    assert say(state(known=True), weight=100) == ""
    assert say(judge.begin([], standards(), no_history([]))) == ""


def test_a_narrower_margin_at_the_last_step_takes_longer() -> None:
    known = judge.begin([errors()], standards(), quiet(errors()))
    first, last = (
        forecast(known, step=step, weight=50, requests_per_second=50.0, pods_candidate=2, pods_stable=4, interval=15.0)
        for step in (1, 3)
    )
    assert first is not None
    assert last is not None
    assert last.requests > first.requests


def test_once_the_buckets_are_known_the_forecast_uses_both_edges() -> None:
    slis = [latency()]
    told = judge.begin(slis, standards(), no_history(slis))
    random = Random(1)
    for k in range(1, 5):
        told = judge.advance(told, look(random, at=15.0 * k, bad=None, slower=(1.0, 1.0)))
    assert "latency takes longest" in say(told)
