"""Scores, of which lower is worse: what the judge says of them, and what it never says."""

import json
import math
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.core import history, judge, windows
from serinus.core.arms import of
from serinus.core.blanking import jumped
from serinus.core.checks import lower, scores
from serinus.core.evidence import Histogram, Look, PodLook, Role, Sli, Verdict, mirrored
from serinus.core.forecast import Stage, forecast
from serinus.core.judge import EvidenceState
from serinus.core.model import Shift
from serinus.core.noise import Noise, no_history
from serinus.core.plain import from_plain, to_plain
from serinus.core.power import Leg, smallest_found, threshold
from serinus.core.samples import Series
from serinus.core.stats.worsening import worsened
from serinus.core.timeline import Life, Timeline
from tests.core.traffic import quiet, standards

MINUTE = 60.0
EDGES = (1.0, 2.0, 3.0, 4.0, math.inf)
USUAL = (0.03, 0.07, 0.16, 0.38, 0.36)
"""By score from 1 to 5."""
LOWER = tuple(worsened(USUAL[::-1], 3.0))[::-1]
COLLAPSED = (0.13, 0.06, 0.14, 0.34, 0.33)


def quality(**changes: object) -> Sli:
    """`worse: lower`, with the defaults."""
    fields = {"name": "quality", "latency": False, "scores": True, "budget": None, "edge": None, "allowed_ratio": 1.1}
    return Sli(**{**fields, **changes})  # type: ignore[arg-type]


def drawn(random: Random, n: int, law: tuple[float, ...]) -> tuple[float, ...]:
    told = [0.0] * len(law)
    for score in random.choices(range(len(law)), law, k=n):
        told[score] += 1
    return tuple(told)


def look(
    random: Random,
    at: float,
    *,
    laws: tuple[tuple[float, ...], tuple[float, ...]] = (USUAL, USUAL),
    pods: tuple[int, int] = (2, 4),
    each: int = 40,
    step: int = 1,
    edges: tuple[tuple[float, ...], tuple[float, ...]] = (EDGES, EDGES),
    names: str = "",
    unit: float = 1.0,
) -> Look:
    """One look of a minute; pairs are of candidate and stable."""
    seen = []
    for arm, role in enumerate((Role.CANDIDATE, Role.STABLE)):
        for pod in range(pods[arm]):
            counts = drawn(random, each, laws[arm])
            told = {"quality": mirrored([unit * edge for edge in edges[arm]], counts)}
            seen.append(PodLook(pod=f"{names}{role}-{pod}", role=role, start=at - MINUTE, end=at, counts=told))
    return Look(at=at, weight=33, step=step, pods=tuple(seen), covered_seconds=MINUTE)


def judged(minutes: int, *, sli: Sli | None = None, noise: Noise | None = None, **seen: object) -> EvidenceState:
    sli, random = sli or quality(), Random(1)
    state = judge.begin([sli], standards(), noise or quiet(sli))
    for k in range(1, minutes + 1):
        state = judge.advance(state, look(random, MINUTE * k, **seen))  # type: ignore[arg-type]
    return state


def test_a_candidate_with_lower_scores_fails_and_says_where() -> None:
    said = judge.verdict(judged(30, laws=(LOWER, USUAL)))
    assert said.verdict is Verdict.FAIL
    assert "quality is worse: candidate" in said.sentence
    assert "at or below 3 of 2,320 scores, stable" in said.sentence


def test_a_tenth_of_answers_that_collapse_is_found() -> None:
    said = judge.verdict(judged(30, laws=(COLLAPSED, USUAL)))
    assert said.verdict is Verdict.FAIL
    assert "at or below 1 of" in said.sentence


def test_an_equal_candidate_passes_and_one_with_higher_scores_does_sooner() -> None:
    equal, better = judged(30), judged(30, laws=((0.01, 0.02, 0.1, 0.37, 0.5), USUAL))
    assert judge.verdict(equal).verdict is Verdict.PASS
    assert "is below 2 times stable's odds of a worse score plus 1% of all answers" in judge.findings(equal)[0].sentence
    assert better.tracks[0].log_safe > equal.tracks[0].log_safe
    assert better.failure is None


def test_too_few_scores_are_no_verdict_and_tell_how_many_more_are_needed() -> None:
    said = judge.verdict(judged(2))
    assert said.verdict is Verdict.NOT_ENOUGH
    assert said.needs_requests is not None
    assert 10 < said.needs_requests < 2000


def test_the_first_hundred_scores_settle_the_buckets_and_are_no_evidence() -> None:
    before, after = judged(1, each=20), judged(2, each=20)
    assert before.tracks[0].edges == ()
    assert judge.findings(before)[0].candidate is None
    assert "no scores to compare yet" in judge.findings(before)[0].sentence
    assert after.tracks[0].edges == (-4.0, -3.0, -2.0, -1.0, math.inf)
    assert after.tracks[0].log_safe == 0.0


def test_a_pass_needs_every_edge() -> None:
    """As good as stable but for the worst score, which three times as many get: the mean hardly moves."""
    rare = (0.09, 0.04, 0.13, 0.38, 0.36)
    state = judged(40, sli=quality(allowed_ratio=3.0), laws=(rare, USUAL), noise=quiet(quality()), step=3)
    compared = state.tracks[0].comparison
    assert isinstance(compared, scores.Scores)
    best, *_, worst = (max(logs) for logs in compared.safe_by_edge)
    assert best > worst
    assert compared.log_safe <= worst


def passes_at(
    edges: tuple[float, ...],
    laws: tuple[tuple[float, ...], tuple[float, ...]],
    *,
    step: int = 1,
    sli: Sli | None = None,
    seed: int = 1,
) -> tuple[Verdict, int]:
    """The verdict after an hour of looks, or the first that is one, and the minute in which it is said."""
    sli, random = sli or quality(), Random(seed)
    state = judge.begin([sli], standards(), quiet(sli))
    for k in range(1, 61):
        state = judge.advance(state, look(random, MINUTE * k, laws=laws, edges=(edges, edges), step=step))
        said = judge.findings(state)[0].verdict
        if said is not Verdict.NOT_ENOUGH:
            break
    return said, k


FIVE = (1.0, 2.0, 3.0, 4.0, 5.0, math.inf)


@pytest.mark.parametrize("step", [1, 3])
def test_a_bound_at_the_best_score_that_there_is_does_not_keep_an_equal_candidate_from_passing(step: int) -> None:
    """Nothing lies above it, and so no candidate can have so many more answers below it."""
    said, minutes = passes_at(FIVE, ((*USUAL, 0.0),) * 2, step=step)
    assert (said, minutes < 30) == (Verdict.PASS, True)
    assert passes_at((0.5, 0.8, 1.0, math.inf), ((0.1, 0.3, 0.6, 0.0),) * 2, step=step)[0] is Verdict.PASS


@pytest.mark.parametrize("best", [0.02, 0.015, 0.01, 0.005, 0.001])
@pytest.mark.parametrize(("step", "allowed"), [(1, 1.1), (3, 1.1), (1, 3.0), (3, 1.0)])
def test_a_best_score_that_is_rare_does_not_keep_an_equal_candidate_from_passing(
    best: float, step: int, allowed: float
) -> None:
    law = (0.05, 0.1, 0.25, 0.6 - best, best)
    assert passes_at(EDGES, (law, law), step=step, sli=quality(allowed_ratio=allowed))[0] is Verdict.PASS


@pytest.mark.parametrize("worse", [LOWER, COLLAPSED])
def test_with_a_bound_that_shows_nothing_lower_scores_are_found_as_ever(worse: tuple[float, ...]) -> None:
    found = [passes_at(FIVE, ((*worse, 0.0), (*USUAL, 0.0)), seed=seed) for seed in range(4)]
    assert all(said is Verdict.FAIL and minutes < 10 for said, minutes in found), found


def test_a_candidate_at_the_margin_of_a_rare_best_score_alone_seldom_passes() -> None:
    """3 % have it of stable's answers, and as few as the margin of the last step leaves of the candidate's."""
    kept = 0.03 / (0.03 + 1.4 * 0.97) - scores.SAFE_FLOOR
    laws = ((0.05, 0.1, 0.25, 0.6 - kept, kept), (0.05, 0.1, 0.25, 0.57, 0.03))
    told = [passes_at(EDGES, laws, step=3, seed=seed) for seed in range(12)]
    assert sum(said is Verdict.PASS for said, _ in told) <= 2, told


@pytest.mark.parametrize(
    ("edges", "law", "told"),
    [
        ((10.0, math.inf), (1.0, 0.0), "100.0% of stable's scores are at or below 10, the histogram's lowest bound"),
        ((1.0, math.inf), (0.992, 0.008), "99.1% of stable's scores are at or below 1, the histogram's lowest bound"),
    ],
)
def test_a_histogram_with_nearly_all_scores_in_its_worst_bucket_never_passes_and_says_what_to_write(
    edges: tuple[float, ...], law: tuple[float, ...], told: str
) -> None:
    state = judged(40, edges=(edges, edges), laws=(law, law))
    (finding,) = judge.findings(state)
    assert (finding.verdict, finding.reason) == (Verdict.NOT_ENOUGH, "OneBucket")
    assert told in finding.sentence
    assert "Give the histogram bounds that lie among the scores" in finding.sentence
    assert finding.needs_requests is None
    assert finding.e_safe == 1.0


def test_evidence_from_before_all_scores_fell_to_the_worst_is_no_pass_either() -> None:
    state = judged(30)
    (track,) = state.tracks
    assert judge.findings(state)[0].verdict is Verdict.PASS
    assert isinstance(track.comparison, scores.Scores)
    fallen = replace(track, comparison=replace(track.comparison, law=(0.001, 0.001, 0.001, 0.001, 0.996)))
    assert judge.findings(replace(state, tracks=(fallen,)))[0].reason == "OneBucket"


def test_evidence_of_safe_begins_anew_at_each_step_and_that_of_harm_does_not() -> None:
    state = judged(20)
    harm = state.tracks[0].log_harm(1, standards())
    assert state.tracks[0].log_safe > 10
    state = judge.advance(state, look(Random(2), MINUTE * 21, step=2))
    assert state.tracks[0].log_safe < 2
    assert state.tracks[0].log_harm(1, standards()) == pytest.approx(harm, abs=1)


def test_what_one_arm_alone_shows_is_no_evidence() -> None:
    state = judged(10, pods=(0, 4))
    assert state.tracks[0].log_safe == 0.0
    assert state.tracks[0].comparison.log_harm == pytest.approx(0.0)


def test_pods_with_other_buckets_are_compared_at_those_that_all_have() -> None:
    two = (3.0, math.inf)
    state = judged(20)
    random = Random(5)
    few = look(random, MINUTE * 21, edges=(two, two), laws=((0.26, 0.74), (0.26, 0.74)))
    after = judge.advance(state, few)
    assert after.tracks[0].edges == (-3.0, math.inf)
    before = state.tracks[0].comparison
    compared = after.tracks[0].comparison
    assert isinstance(before, scores.Scores)
    assert isinstance(compared, scores.Scores)
    assert len(compared.safe_by_edge) == 1
    assert compared.safe_by_edge[0][0] > before.safe_by_edge[1][0] - 1, "what was shown at an edge that is left stays"
    none = look(random, MINUTE * 22, edges=((2.5, math.inf), two), laws=((0.2, 0.8), (0.26, 0.74)))
    assert judge.findings(judge.advance(after, none))[0].reason == "NoCommonBuckets"


def test_without_history_only_much_lower_scores_are_rolled_back_and_the_sentence_says_so() -> None:
    noise = no_history([quality()])
    assert "2 times the odds of a lower score" in noise.sentence
    twice = tuple(worsened(USUAL[::-1], 1.9))[::-1]
    assert judged(60, noise=noise, laws=(twice, USUAL)).failure is None
    assert judged(60, noise=noise, laws=((0.8, 0.1, 0.05, 0.03, 0.02), USUAL)).failure is not None


def of_the_past(minutes: int, *, levels: tuple[float, ...] = (1.0,) * 6, clump: int = 1) -> list[Look]:
    random = Random(3)
    laws = [tuple(worsened(USUAL[::-1], level))[::-1] for level in levels]
    looks = []
    for k in range(1, minutes + 1):
        pods = [
            PodLook(
                pod=f"s{pod}",
                role=Role.STABLE,
                start=MINUTE * (k - 1),
                end=MINUTE * k,
                counts={"quality": mirrored(EDGES, [clump * n for n in drawn(random, 40 // clump, law)])},
            )
            for pod, law in enumerate(laws)
        ]
        looks.append(Look(at=MINUTE * k, weight=0, step=0, pods=tuple(pods)))
    return looks


def test_the_past_tells_the_law_its_clumps_and_how_pods_differ() -> None:
    plain = history.calibrate(of_the_past(300), [quality()]).of(quality())
    clumps = history.calibrate(of_the_past(300, clump=4), [quality()]).of(quality())
    apart = history.calibrate(of_the_past(300, levels=(1.0, 1.0, 1.0, 1.6, 1.6, 1.6)), [quality()]).of(quality())
    assert plain.edges == (-4.0, -3.0, -2.0, -1.0, math.inf)
    assert plain.shares == pytest.approx(USUAL[::-1], abs=0.01)
    assert plain.phi < 1.4
    assert 3 < clumps.phi < 6
    assert plain.pod_spread < 0.04
    # Half of the pods at 1 and half at 1.6 differ by .23 in the logarithm; the prior pulls it down a little.
    assert 0.13 < apart.pod_spread < 0.25


def test_a_past_that_is_too_short_tells_the_law_alone() -> None:
    few = history.calibrate(of_the_past(30), [quality()]).of(quality())
    assert few.assumed
    assert few.shares == pytest.approx(USUAL[::-1], abs=0.02)
    state = judge.begin([quality()], standards(), Noise(calibrations={"quality": few}))
    assert state.tracks[0].edges == (-4.0, -3.0, -2.0, -1.0, math.inf)


def test_a_sharp_rise_of_low_scores_in_both_arms_is_blanked() -> None:
    random = Random(1)
    calm, other = look(random, 60.0, each=300), look(random, 120.0, each=300)
    bad = look(random, 180.0, each=300, laws=((0.3, 0.06, 0.12, 0.27, 0.25),) * 2)
    assert not jumped(calm, other)
    assert jumped(other, bad)


def test_alternatives_lie_beyond_the_margin_at_every_edge() -> None:
    law = USUAL[::-1]
    allowed = lower.line(law, 1.1, 0.001)
    for bet in lower.alternatives(law, 1.1, 0.001):
        for at in range(1, 5):
            assert sum(bet[at:]) > sum(allowed[at:])


def test_buckets_beyond_eight_become_fewer_where_hardly_any_scores_are() -> None:
    edges = tuple(-5 + k / 2 for k in range(20))
    counts = tuple(100 * math.exp(-((k - 10) ** 2) / 8) for k in range(20))
    kept = scores.few(edges, counts)
    assert len(kept) == 8
    assert kept[-1] == edges[-1]
    assert {-0.5, 0.0, 0.5} <= set(kept)


def test_the_time_of_a_step_is_foreseen_and_so_is_what_it_finds() -> None:
    noise = history.calibrate(of_the_past(300), [quality()])
    state = judge.begin([quality()], standards(), noise, intervals=False)
    stage = Stage(step=1, weight=25, pods1=2, pods0=6)
    (foreseen,) = forecast(state, [stage], {"quality": 4.0}, interval=15.0)
    assert 60 < foreseen.evidence < 3600
    (busier,) = forecast(state, [stage], {"quality": 40.0}, interval=15.0)
    assert busier.evidence < foreseen.evidence / 4
    track = state.tracks[0]
    needed = threshold(track, 1, 1, standards())
    legs = [Leg(stage=stage, lasts=1800.0)]
    small, large = (
        smallest_found(track, legs, rate, interval=15.0, slis=1, standards=standards(), needed=needed)
        for rate in (40.0, 4.0)
    )
    assert small is not None
    assert large is not None
    assert 1.1 < small < large < 10


@pytest.mark.parametrize("step", [1, 2])
def test_the_time_that_is_foreseen_before_any_score_was_seen_is_near_what_it_will_be(step: int) -> None:
    stage = Stage(step=step, weight=33, pods1=2, pods0=4)
    unseen, known = (
        forecast(
            judge.begin([quality()], standards(), noise, intervals=False), [stage], {"quality": 4.0}, interval=15.0
        )
        for noise in (
            quiet(quality()),
            Noise(
                calibrations={
                    "quality": replace(
                        quiet(quality()).of(quality()),
                        edges=mirrored(EDGES, USUAL).edges,
                        shares=(0.3, 0.4, 0.2, 0.06, 0.04),
                    )
                }
            ),
        )
    )
    assert known[0].evidence / 1.5 < unseen[0].evidence < known[0].evidence * 1.5


def test_the_shares_that_people_see_are_of_the_scores_that_are_compared() -> None:
    """The buckets are settled by the third look; nothing before that is in the shares."""
    (finding,) = judge.findings(judged(40, each=10, pods=(4, 4), laws=((0.2, 0.1, 0.2, 0.3, 0.2), USUAL)))
    assert finding.candidate == pytest.approx(0.3, abs=0.04)
    assert finding.stable == pytest.approx(0.1, abs=0.03)


def test_a_look_may_be_cut_into_any_number() -> None:
    """Evidence is linear in the counts, as long as stable's law and the candidate's are not learned anew."""
    law = USUAL[::-1]
    factors = lower.log_factors(law, (1.1,), 0.001, 0.25)
    random = Random(7)
    parts = [[*drawn(random, 20, law), *drawn(random, 60, law)] for _ in range(4)]
    whole = [sum(column) for column in zip(*parts, strict=True)]
    for (bet,) in factors:
        each = [sum(n * one for n, one in zip(part, bet, strict=True)) for part in parts]
        assert sum(each) == pytest.approx(sum(n * one for n, one in zip(whole, bet, strict=True)))


@settings(max_examples=40, deadline=None)
@given(
    several=st.lists(st.tuples(*[st.lists(st.floats(0, 1e6), min_size=5, max_size=5)] * 2), min_size=1, max_size=6),
    assumed=st.booleans(),
)
def test_whatever_is_counted_every_number_is_finite(
    several: list[tuple[list[float], list[float]]], assumed: bool
) -> None:
    state = judge.begin([quality()], standards(), no_history([quality()]) if assumed else quiet(quality()))
    for k, counts in enumerate(several, 1):
        pods = tuple(
            PodLook(pod=role, role=role, start=0, end=15, counts={"quality": mirrored(EDGES, told)})
            for role, told in zip((Role.CANDIDATE, Role.STABLE), counts, strict=True)
        )
        state = judge.advance(state, Look(at=15.0 * k, weight=20, step=1, pods=pods, covered_seconds=15.0))
    (finding,) = judge.findings(state)
    assert math.isfinite(judge.verdict(state).e)
    assert math.isfinite(finding.e_harm)
    assert math.isfinite(finding.e_safe)
    assert finding.sentence


# Read as scraped


def timeline() -> Timeline:
    lives = (Life(pod="c", role=Role.CANDIDATE, start=0.0), Life(pod="s", role=Role.STABLE, start=0.0))
    return Timeline(lives=lives, shifts=(Shift(at=-1.0, weight=20, step=1),), scraped=lives)


def cumulative(pod: str, counts: tuple[float, ...], edges: tuple[float, ...] = EDGES) -> list[Series]:
    """Buckets as the provider hands them on: the bound's negative, `counts` a scrape."""
    heights = [sum(counts[: k + 1]) for k in range(len(counts))]
    return [
        Series(pod=pod, sli="quality", part=-edge, points=tuple((15.0 * k, height * k) for k in range(9)))
        for edge, height in zip(edges, heights, strict=True)
    ]


def read(*series: Series) -> list[Look]:
    return list(windows.read(windows.begin(interval=15.0), series, timeline())[1])


def test_cumulative_buckets_are_read_as_a_histogram_whose_last_bucket_is_the_worst() -> None:
    looks = read(*cumulative("c", (1, 2, 3, 4, 5)), *cumulative("s", (2, 2, 2, 2, 2)))
    assert looks
    one = looks[-1].pods[0].counts["quality"]
    assert isinstance(one, Histogram)
    assert one.edges == (-4.0, -3.0, -2.0, -1.0, math.inf)
    assert one.counts == pytest.approx((5, 4, 3, 2, 1))
    arms = of(looks[-1], quality())
    assert arms is not None
    assert (arms.n1, arms.n0) == pytest.approx((15, 10))


def test_scores_below_zero_are_buckets_like_any_other() -> None:
    edges = (-1.0, 0.0, 1.0, math.inf)
    looks = read(*cumulative("c", (1, 2, 3, 4), edges), *cumulative("s", (1, 1, 1, 1), edges))
    one = looks[-1].pods[0].counts["quality"]
    assert isinstance(one, Histogram)
    assert one.edges == (-1.0, 0.0, 1.0, math.inf)
    assert one.counts == pytest.approx((4, 3, 2, 1))


# Nothing but the counts matters


def logs(state: EvidenceState) -> list[float]:
    track = state.tracks[0]
    return [track.log_safe, track.log_harm(1, standards())]


def test_names_of_pods_and_the_unit_of_scores_change_nothing() -> None:
    plain = logs(judged(12, laws=(LOWER, USUAL)))
    assert logs(judged(12, laws=(LOWER, USUAL), names="z")) == plain
    assert logs(judged(12, laws=(LOWER, USUAL), unit=20.0)) == pytest.approx(plain)


def test_the_order_of_pods_changes_nothing() -> None:
    random, state, turned = Random(1), *(judge.begin([quality()], standards(), quiet(quality())) for _ in range(2))
    for k in range(1, 12):
        one = look(random, MINUTE * k)
        state = judge.advance(state, one)
        turned = judge.advance(turned, replace(one, pods=one.pods[::-1]))
    assert logs(turned) == pytest.approx(logs(state))


@settings(max_examples=10, deadline=None)
@given(at=st.integers(0, 10))
def test_evidence_that_was_written_down_goes_on_the_same(at: int) -> None:
    random, state = Random(4), judge.begin([quality()], standards(), quiet(quality()))
    several = [look(random, MINUTE * k, laws=(LOWER, USUAL)) for k in range(1, 12)]
    whole = state
    for k, one in enumerate(several):
        whole = judge.advance(whole, one)
        if k == at:
            state = from_plain(EvidenceState, json.loads(json.dumps(to_plain(state))))
        state = judge.advance(state, one)
    assert logs(state) == logs(whole)
