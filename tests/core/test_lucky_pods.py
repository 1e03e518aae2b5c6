"""A draw of pods that flatters a candidate promotes nobody where the spread between pods was measured."""

from dataclasses import replace
from math import exp, inf, log, sqrt
from random import Random

import pytest

from serinus.core import judge, tracks
from serinus.core.arms import Arms
from serinus.core.checks import comparison, margins
from serinus.core.evidence import Verdict
from serinus.core.findings import PODS_DIFFER
from serinus.core.forecast import Foreseen, Stage, forecast
from serinus.core.noise import Calibration, no_history
from serinus.core.stats import draws, pods
from tests.core.traffic import errors, look, quiet, standards

LEVEL, RATIO, FLOOR = 0.01, 1.5, 0.001
LINE = RATIO * LEVEL + FLOOR
WANTED = -log(0.05)


def noise(spread: float, degrees: int | None = 21) -> Calibration:
    return replace(
        quiet(errors()).of(errors()), share=LEVEL, pod_spread=spread, pod_degrees=degrees if spread else None
    )


def shown(share: float, spread: float, *, degrees: int | None = 21, looks: int = 400) -> float:
    """log e of safe after so many looks of what is expected of a candidate with that share: 2 pods beside 18."""
    lucky = margins.lucky(noise(spread, degrees), standards(), 2, 18)
    # Of a level that stays, many looks tell what one long one does.
    n1, n0 = looks * 1000.0, looks * 9000.0
    counts = (share * n1, n1, LEVEL * n0, n0)
    return comparison.advance_safe(comparison.begin(), counts, LEVEL, RATIO, FLOOR, 1.0, lucky).log_safe


def passes(spread: float, *, learns: bool = True) -> float:
    """The part of all draws of pods that a candidate at the line passes with, if it is judged for ever."""
    wide, degrees = spread * sqrt(1 / 2 + 1 / 18), 21
    every = [k / 200 for k in range(1, 100)]
    lucky = [LINE * exp(-wide * pods.student_quantile(degrees, tail)) for tail in every]
    return sum(shown(share, spread if learns else 0.0) >= WANTED for share in lucky) / 200


def test_a_candidate_at_the_line_passes_by_its_draw_of_pods_no_more_often_than_was_promised() -> None:
    assert passes(0.2, learns=False) > 0.2
    assert passes(0.2) <= 0.05
    assert passes(0.4) <= 0.05


@pytest.mark.parametrize("spread", [0.0, 0.04, 0.1, 0.2])
def test_an_equal_candidate_passes_where_the_line_lies_beyond_what_pods_explain(spread: float) -> None:
    assert shown(LEVEL, spread) >= WANTED


def test_one_that_pods_may_explain_waits_however_long() -> None:
    assert shown(LEVEL, 0.4) == pytest.approx(shown(LEVEL, 0.4, looks=800), abs=0.01)
    assert shown(LEVEL, 0.4) < WANTED


def test_a_spread_that_is_only_assumed_is_not_held_against_the_candidate() -> None:
    assert margins.lucky(noise(0.3, None), standards(), 1, 4) == margins.NOT_DRAWN
    assert margins.lucky(noise(0.0), standards(), 1, 4) == margins.NOT_DRAWN
    assert shown(LEVEL, 0.3, degrees=None) == shown(LEVEL, 0.0)


def test_what_is_left_for_draws_beyond_all_others_is_paid_for_beforehand() -> None:
    found = margins.lucky(noise(0.2), standards(), 2, 18)
    ratios = [one.ratio for one in found]
    assert sum(one.chance for one in found) == pytest.approx(1 / (1 - margins.FAR))
    assert ratios == sorted(ratios, reverse=True)
    assert pods.margin(0.2, 21, 2, 18, margins.FAR * 0.05) == pytest.approx(1 / ratios[-1])
    # Evidence passes when all but the last are ruled out, and never before.
    assert found[-1].chance < 0.05 < found[-1].chance + found[-2].chance


def test_a_large_rate_of_false_promotions_leaves_the_usual_draws_apart() -> None:
    found = margins.lucky(noise(0.2), standards(false_promotion_rate=0.5), 2, 18)
    assert min(one.chance for one in found) > 0


def test_a_new_step_brings_new_pods() -> None:
    lucky = margins.lucky(noise(0.2), standards(), 2, 18)
    one = comparison.advance_safe(comparison.begin(), (10, 1000, 90, 9000), LEVEL, RATIO, FLOOR, 1.0, lucky)
    assert one.draws != comparison.begin().draws
    assert comparison.restart_safe(one) == replace(comparison.begin(), harm=one.harm)


def test_noise_that_is_measured_on_the_way_begins_the_evidence_of_a_promotion_anew() -> None:
    """What was shown as if no draw could flatter would let the same pods pass by what they have shown by then."""
    sli = errors(budget=None)
    assumed = replace(noise(0.3, None), assumed=True)
    track = tracks.begin(sli, assumed)
    arms = Arms(n1=1000.0, x1=10.0, n0=9000.0, x0=90.0, pods1=2, pods0=18, seconds=15.0)
    for _ in range(5):
        track = tracks.advance(track, arms, 3, 1, standards())
    assert track.log_safe > 0
    drawn = tracks.recalibrate(track, noise(0.2))
    assert drawn.log_safe == 0
    assert drawn.log_harm(1, standards()) != 0
    assert tracks.advance(drawn, arms, 3, 1, standards()).log_safe < track.log_safe
    alike = tracks.recalibrate(track, noise(0.0))
    assert alike.log_safe == track.log_safe, "of pods that do not differ nothing is taken back"


def test_evidence_that_saturates_is_foreseen_as_endless() -> None:
    assert draws.needed([0.9, 0.1], [0.5, 0.0], log(10) - 0.01) < inf
    assert draws.needed([0.9, 0.1], [0.5, 0.0], log(10)) == inf
    assert draws.needed([0.9, 0.1], [0.5, 0.1], -1.0) == 0.0
    far = draws.needed([0.9, 0.1], [0.5, 0.1], 5000.0)
    assert far == pytest.approx((5000 + log(0.1)) / 0.1)


def foresee(spread: float, allowed: float = 1.2, max_hold: float = inf, pods1: int = 2, pods0: int = 18) -> Foreseen:
    sli = errors(budget=None, allowed_ratio=allowed)
    known = quiet(sli)
    state = judge.begin([sli], standards(), replace(known, calibrations={sli.name: noise(spread)}))
    stage = Stage(step=3, weight=50, pods1=pods1, pods0=pods0, max_hold=max_hold)
    return forecast(state, [stage], {sli.name: 100.0}, interval=15.0)[0]


def test_the_time_that_is_foreseen_grows_with_the_spread_until_there_is_none() -> None:
    same, little, more, much = (foresee(spread) for spread in (0.0, 0.05, 0.2, 0.4))
    assert same.evidence < little.evidence < 1.5 * same.evidence < more.evidence < inf
    assert (same.luck, more.luck) == (None, None)
    assert much.evidence == inf
    assert much.luck is not None
    assert (much.luck.pods, round(much.luck.times, 2), much.luck.never) == (2, 1.86, True)


@pytest.mark.parametrize("max_hold", [inf, 3600.0, 300.0])
def test_the_allowed_ratio_that_is_proposed_lets_the_step_end_in_time(max_hold: float) -> None:
    luck = foresee(0.4, max_hold=max_hold).luck
    assert luck is not None
    assert luck.allowed is not None
    there = foresee(0.4, luck.allowed, max_hold)
    assert there.luck is None
    assert there.evidence <= max_hold
    less = foresee(0.4, luck.allowed - 0.1, max_hold)
    assert less.luck is not None or less.evidence > max_hold


def test_where_no_allowed_ratio_is_enough_none_is_proposed() -> None:
    luck = foresee(0.4, max_hold=15.0).luck
    assert luck is not None
    assert luck.allowed is None


def test_a_step_that_an_unlucky_draw_of_pods_keeps_from_its_end_is_foreseen_as_such() -> None:
    """One pod beside four: of equal candidates whose pods differ by 17 % a third is never shown to be so."""
    calm, more = (foresee(spread, pods1=1, pods0=4) for spread in (0.05, 0.17))
    assert calm.luck is None
    assert more.evidence < inf
    assert more.luck is not None
    assert not more.luck.never


def test_a_step_that_has_to_wait_for_luck_says_so_with_what_it_needs() -> None:
    sli, random = errors(budget=None), Random(1)
    told = {}
    for spread in (0.02, 0.17):
        state = judge.begin([sli], standards(), replace(quiet(sli), calibrations={sli.name: noise(spread)}))
        for k in range(1, 4):
            state = judge.advance(
                state, look(random, at=15.0 * k, step=3, weight=50, rps=100, bad=(0.01, 0.01), pods=(1, 4))
            )
        (told[spread],) = judge.findings(state)
    assert told[0.17].verdict is Verdict.NOT_ENOUGH
    assert told[0.17].needs_requests is not None
    assert "That may never be: stable's pods differ so much that one of the candidate" in told[0.17].sentence
    assert "may never be" not in told[0.02].sentence


def test_a_step_that_pods_keep_from_its_end_says_so_and_what_would_help() -> None:
    sli, random = errors(budget=None), Random(1)
    known = replace(quiet(sli), calibrations={sli.name: noise(0.4)})
    state = judge.begin([sli], standards(), known)
    for k in range(1, 40):
        state = judge.advance(
            state, look(random, at=15.0 * k, step=3, weight=50, rps=100, bad=(0.01, 0.01), pods=(1, 4))
        )
    said = judge.verdict(state)
    assert (said.verdict, said.reason) == (Verdict.NOT_ENOUGH, PODS_DIFFER)
    assert "one of the candidate may look 2.5 times better than the model is" in said.sentence
    assert "More pods of the candidate would help, or a larger allowedRatio." in said.sentence


def soonest(pods0: int) -> float:
    """Seconds of a step that begins without history, if the workload turns out calm after an hour."""
    sli = errors(budget=None)
    state = judge.begin([sli], standards(), no_history([sli]), past=())
    stage = Stage(step=3, weight=25, pods1=1, pods0=pods0)
    return forecast(state, [stage], {sli.name: 10.0}, interval=15.0)[0].soonest


def test_a_calm_workload_is_foreseen_with_pods_as_alike_as_they_can_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their spread will be measured, too, and is never found to be 0."""
    drawn = soonest(4)
    monkeypatch.setattr("serinus.core.forecast.FEWEST_PODS", 5)
    # An hour is lost, too: what was shown until then begins anew.
    assert 1.02 < drawn / soonest(4) < 1.3
    assert drawn > 3600
