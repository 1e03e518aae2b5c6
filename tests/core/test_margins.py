"""How much worse a candidate may be, and what that costs."""

import math
from dataclasses import replace
from random import Random

import pytest

from serinus.core import judge, tracks
from serinus.core.arms import Arms, of
from serinus.core.checks import buckets, comparison, level, margins, share
from serinus.core.checks import latency as histogram
from serinus.core.evidence import Verdict
from serinus.core.noise import assume
from serinus.core.stats import draws, pods
from tests.core.traffic import errors, latency, look, quiet, standards


def test_the_steps_line_is_wide_at_the_first_step_and_narrow_at_the_last() -> None:
    asked = [margins.step_ratio(errors(), standards(steps=4), step) for step in (1, 2, 3, 4)]
    assert asked == [2.0, 1.5, 1.5, 1.5]
    assert [margins.step_ratio(latency(), standards(), step) for step in (1, 2, 3)] == [2.0, 1.5, pytest.approx(1.4)]
    assert margins.step_ratio(errors(), standards(steps=1), 1) == 1.5


def test_the_steps_line_is_never_below_the_line_of_harm() -> None:
    lax = errors(allowed_ratio=4.0)
    assert [margins.step_ratio(lax, standards(), step) for step in (1, 2, 3)] == [pytest.approx(4.3)] * 3


def test_the_floor_is_half_of_the_error_budget_a_tenth_of_a_percent_or_what_is_asked_for() -> None:
    assert errors().floor == 0.005
    assert errors(budget=None).floor == 0.001
    assert errors(allowed_difference=0.02).floor == 0.02


def test_without_history_only_large_ratios_are_harm_or_those_that_a_draw_of_pods_cannot_explain() -> None:
    priors = assume(errors())
    many = margins.harm_ratio(1.2, priors, 1, standards(), 50, 50)
    assert many == 3.0
    one = margins.harm_ratio(1.2, priors, 1, standards(), 1, 4)
    assert one == pytest.approx(1.2 * pods.margin(0.3, None, 1, 4, 0.2 * 0.01 / 3))
    assert one > 3.0
    assert margins.harm_ratio(1.2, replace(priors, pod_spread=0.0), 1, standards(), 1, 4) == 3.0


def test_the_draw_of_pods_is_paid_for_once_by_all_slis_and_steps_together() -> None:
    priors = assume(errors())
    assert margins.lottery(priors, 4, standards()) == pytest.approx(0.2 * 0.01 / 4)
    assert margins.lottery(replace(priors, pod_spread=0.0), 4, standards()) == 0.0
    few, more = (margins.harm_ratio(1.2, priors, 1, standards(steps=steps), 1, 4) for steps in (1, 8))
    assert more > few


@pytest.mark.parametrize("slis", [1, 2, 8])
def test_evidence_is_capped_where_pods_differ_but_not_so_low_that_one_sli_could_not_fail_alone(slis: int) -> None:
    (track,) = judge.begin([errors()], standards(), quiet(errors(), spread=0.2)).tracks
    for k in range(40):
        arms = of(look(Random(k), bad=(0.6, 0.0), rps=100), errors())
        assert arms is not None
        track = tracks.advance(track, arms, 1, slis, standards())
    e = math.exp(track.log_harm(slis, standards()))
    assert slis / 0.01 < e < 1.3 * slis / 0.01
    alike = replace(track, calibration=replace(track.calibration, pod_spread=0.0))
    assert alike.log_harm(slis, standards()) > 50


def test_a_line_that_allows_nearly_everything_leaves_nothing_to_bet_on() -> None:
    start = comparison.begin()
    assert comparison.advance_harm(start, (9, 10, 1, 10), 0.5, 3.0, 0.0, 1.0) == start
    assert comparison.advance_harm(start, (9, 10, 0, 0), 0.01, 3.0, 0.0, 1.0) == start
    assert comparison.advance_safe(start, (0, 0, 1, 10), 0.01, 3.0, 0.0, 1.0) == start


def test_dispersion_divides_the_evidence() -> None:
    start, counts = comparison.begin(), (40.0, 100.0, 10.0, 1000.0)
    one, ten = (comparison.advance_harm(start, counts, 0.01, 1.2, 0.005, phi).log_harm for phi in (1.0, 10.0))
    assert 5 < one / ten < 25
    calm, noisy = (
        comparison.advance_safe(start, (0.0, 600.0, 0.0, 9000.0), 1e-5, 2.0, 0.005, phi).log_safe for phi in (1.0, 2.0)
    )
    assert calm / noisy == pytest.approx(2, rel=0.05)


def test_stables_level_follows_what_it_shows_and_forgets_with_time() -> None:
    start = level.Level(seed=0.01)
    assert start.share == 0.01
    busy = start.after(50, 1000, 15.0)
    assert busy.share == pytest.approx(52 / 1200)
    assert busy.after(0, 0, level.HALF_LIFE).share == pytest.approx(27 / 700)
    assert level.Level(seed=0.0).share == level.LOWEST


def test_latency_evidence_of_safe_begins_anew_and_of_harm_does_not() -> None:
    state = judge.begin([latency()], standards(), quiet(latency()))
    random = Random(1)
    for k in range(1, 9):
        state = judge.advance(state, look(random, at=15.0 * k, bad=None, slower=(1.3, 1.0)))
    (before,), (after,) = judge.findings(state), judge.findings(judge.restart_safe(state, 2))
    assert before.e_safe != 1.0
    assert after.e_safe == 1.0
    assert after.e_harm == before.e_harm != 1.0


def test_a_latency_passes_only_when_both_its_middle_and_its_tail_are_shown() -> None:
    """A candidate whose tail is fine, and whose middle is twice as slow, and the other way round."""
    shown, nothing = (9.0,) * 3, (0.0,) * 3
    start = histogram.begin()
    assert replace(start, safe_body=shown, safe_tail=nothing).log_safe == pytest.approx(0.0)
    assert replace(start, safe_body=nothing, safe_tail=shown).log_safe == pytest.approx(0.0)
    assert replace(start, safe_body=shown, safe_tail=shown).log_safe == pytest.approx(9.0)


def test_noise_divides_every_alternative_of_a_latency() -> None:
    found = []
    for phi in (1.0, 4.0):
        state = judge.begin([latency()], standards(), quiet(latency(), phi=phi))
        random = Random(1)
        for k in range(1, 4):
            state = judge.advance(state, look(random, at=15.0 * k, bad=None, slower=(3.0, 1.0)))
        compared = state.tracks[0].comparison
        assert isinstance(compared, histogram.Latency)
        found.append((max(compared.harm.log_s), compared.harm.log_s[-1], compared.log_safe))
    for calm, noisy in zip(*found, strict=True):
        assert abs(noisy) < 0.4 * abs(calm)


def test_stables_law_is_brought_up_to_date() -> None:
    """Stable becomes faster in the middle of the step: a candidate as slow as it was is worse now."""
    state = judge.begin([latency()], standards(), quiet(latency()))
    random = Random(1)
    for k in range(1, 25):
        state = judge.advance(state, look(random, at=15.0 * k, bad=None, slower=(1.0, 1.0 if k < 4 else 0.5)))
    compared = state.tracks[0].comparison
    assert isinstance(compared, histogram.Latency)
    assert histogram.shares_above(compared.edges, compared.law, 0.5, 1.0)[0] < 0.2


def test_the_tail_of_a_latency_without_objective_is_where_one_request_in_a_hundred_is() -> None:
    edges, counts = (1.0, 2.0, 4.0, math.inf), (60.0, 30.0, 9.0, 1.0)
    free = histogram.begin(edges, tuple(count / 100 for count in counts))
    assert (free.body, free.tail) == (1.0, 4.0)
    asked = histogram.begin(edges, tuple(count / 100 for count in counts), 1.5)
    assert asked.tail == 2.0
    beyond = histogram.begin(edges, tuple(count / 100 for count in counts), 9.0)
    assert beyond.tail == 4.0, "the largest edge there is"


def test_a_histogram_of_one_bucket_says_nothing() -> None:
    one = Arms(n1=5, n0=500, pods1=1, pods0=1, seconds=15, edges=(math.inf,), counts1=(5.0,), counts0=(500.0,))
    start = histogram.begin()
    told = histogram.advance(
        start,
        one,
        draws=(margins.Draw(chance=1.0, ratio=1.1),),
        step_ratio=2.0,
        floor=0.005,
        objective=None,
        phi=1.0,
        phis_safe=(1.0, 1.0),
    )
    assert told == start
    assert buckets.quantile((1.0, math.inf), (0.0, 5.0), 0.99) == 1.0


def test_a_split_within_the_tolerance_is_right_one_beyond_is_not() -> None:
    def after(part: float, looks: int) -> share.Share:
        state = share.Share()
        for _ in range(looks):
            state = share.advance(state, 1000 * part, 1000 * (1 - part), 20)
        return state

    assert not after(0.235, 200).mismatch
    assert not after(0.17, 200).mismatch
    assert after(0.30, 40).mismatch
    assert after(0.10, 40).mismatch
    assert not after(0.30, 1).mismatch, "connections, not requests"
    assert share.advance(share.Share(), 10, 0, 0) == share.Share()


def test_what_blocks_the_pass_is_named_in_the_order_of_the_rules() -> None:
    """Missing data comes before too little of it."""
    many = (errors(), latency())
    state = judge.begin(many, standards(), quiet(*many))
    state = judge.advance(state, look(Random(1), rps=5))
    said = judge.verdict(state)
    assert (said.verdict, said.blame) == (Verdict.NO_DATA, ("latency",))


def test_the_draws_of_pods_share_all_chance_and_reach_as_far_as_the_lottery_and_further() -> None:
    calm = replace(assume(latency()), pod_spread=0.05, pod_degrees=12, least_ratio=1.0)
    found = margins.draws(1.1, calm, 1, standards(), 2, 18)
    assert sum(draw.chance for draw in found) == pytest.approx(1.0)
    assert [draw.ratio for draw in found] == sorted(draw.ratio for draw in found)
    assert found[0].ratio > 1.1
    assert found[-1].ratio > margins.harm_ratio(1.1, calm, 1, standards(), 2, 18)
    assert found[0].chance > 0.7, "most draws are ordinary"


def test_where_pods_do_not_differ_there_is_one_draw_and_without_history_none_allows_less_than_is_assumed() -> None:
    same = replace(assume(latency()), pod_spread=0.0, least_ratio=1.0)
    assert margins.draws(1.1, same, 1, standards(), 2, 18) == (margins.Draw(chance=1.0, ratio=1.1),)
    assert min(draw.ratio for draw in margins.draws(1.1, assume(latency()), 1, standards(), 2, 18)) == 1.5


def test_a_steady_small_difference_outweighs_the_draw_of_pods_in_time() -> None:
    """Against each of two draws the evidence grows; what is known of the draw follows it and does not hold it up."""
    known: tuple[float, ...] = (0.9, 0.1)
    total = 0.0
    for _ in range(40):
        log_e, known = draws.weigh((0.5, 0.2), known)
        total += log_e
    assert known[1] > 0.99
    assert total == pytest.approx(40 * 0.2 + math.log(10), rel=0.01)


def test_a_draw_that_lasts_makes_no_evidence_however_long_it_lasts_and_a_new_step_little() -> None:
    """Two draws below it are ruled out for good: looks beyond that add nothing, a day of them."""
    chances = (0.75, 0.22, 0.03)
    known: tuple[float, ...] = chances
    total = 0.0
    for _ in range(5760):
        log_e, known = draws.weigh((0.5, 0.3, 0.0), known)
        total += log_e
    assert total == pytest.approx(-math.log(0.03), abs=0.01)
    again, _ = draws.weigh((0.5, 0.3, 0.0), draws.redraw(known, chances))
    assert 0 < again < -math.log(1 - draws.NEW)
