"""Where nearly every request is bad, in one arm or in both, the judge goes on and promotes nothing."""

from dataclasses import replace
from math import isfinite
from random import Random

import pytest

from serinus.core import judge
from serinus.core.checks import comparison, margins
from serinus.core.evidence import Sli, Verdict
from serinus.core.forecast import Stage, forecast
from serinus.core.judge import EvidenceState
from serinus.core.noise import Noise, no_history
from tests.core.traffic import errors, look, quiet, standards

SHARES = (0.0, 0.4, 0.7, 0.77, 0.95, 1.0)
PODS = ((1, 4), (10, 10), (1, 1))


def known(sli: Sli, share: float, spread: float) -> Noise:
    made = quiet(sli, spread=spread)
    return replace(made, calibrations={sli.name: replace(made.of(sli), share=share)})


def judged(sli: Sli, noise: Noise, bad: tuple[float, float], pods: tuple[int, int], looks: int = 8) -> EvidenceState:
    state, random = judge.begin([sli], standards(), noise), Random(3)
    for k in range(1, looks + 1):
        step = 1 + k // 3
        state = judge.advance(state, look(random, at=15.0 * k, step=step, weight=25, rps=40, bad=bad, pods=pods))
    return state


@pytest.mark.parametrize("spread", [None, 0.0, 0.1, 0.6])
@pytest.mark.parametrize("pods", PODS)
@pytest.mark.parametrize("sli", [errors(), errors(budget=None), errors(budget=0.9)], ids=["objective", "none", "loose"])
def test_every_share_of_bad_requests_is_judged(spread: float | None, pods: tuple[int, int], sli: Sli) -> None:
    for stable in SHARES:
        noise = no_history([sli]) if spread is None else known(sli, stable, spread)
        for candidate in SHARES:
            state = judged(sli, noise, (candidate, stable), pods)
            (track,) = state.tracks
            assert isfinite(track.log_safe)
            assert isfinite(track.log_harm(1, standards()))
            assert judge.verdict(state).sentence
            stage = Stage(step=3, weight=25, pods1=pods[0], pods0=pods[1])
            (foreseen,) = forecast(state, [stage], {sli.name: 40.0}, interval=15.0)
            assert foreseen.evidence > 0


@pytest.mark.parametrize("spread", [None, 0.1])
def test_two_arms_that_fail_at_every_request_are_not_shown_to_be_alike(spread: float | None) -> None:
    sli = errors(budget=None)
    noise = no_history([sli]) if spread is None else known(sli, 1.0, spread)
    state = judged(sli, noise, (1.0, 1.0), (2, 8), looks=100)
    assert judge.verdict(state).verdict is Verdict.NOT_ENOUGH
    assert state.tracks[0].log_safe == 0.0


def test_a_line_that_allows_nearly_all_requests_to_be_bad_is_no_bet() -> None:
    start = comparison.begin()
    assert comparison.advance_safe(start, (500, 1000, 800, 1000), 0.8, 1.3, 0.0, 1.0) == start
    assert comparison.log_e_equal(800, 1000, 800, 1000, 1.0, 0.8, 1.3, 0.0) == 0.0
    assert comparison.advance_safe(start, (500, 1000, 700, 1000), 0.7, 1.3, 0.0, 1.0).log_safe > 0


def test_an_unlucky_draw_shows_no_more_than_nearly_every_request_bad() -> None:
    ratio, floor, level, counts = 1.2, 0.01, 0.7, (600.0, 1000.0, 700.0, 1000.0)
    highest = comparison.HIGHEST_LINE / (ratio * level + floor)

    def told(draw: float) -> float:
        lucky = (margins.Draw(chance=1.0, ratio=draw),)
        return comparison.advance_safe(comparison.begin(), counts, level, ratio, floor, 1.0, lucky).log_safe

    assert 0 < told(1.0) < told(highest) == told(1.5) == told(5.0)
