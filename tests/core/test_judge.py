"""What the judge says, and what it never says."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.core import gathering, history, judge, tracks
from serinus.core.checks.comparison import Comparison
from serinus.core.evidence import (
    Counts,
    Histogram,
    Judgement,
    Look,
    OnFail,
    PodLook,
    ProviderState,
    Ratio,
    Role,
    Sli,
    Standards,
    Verdict,
)
from serinus.core.judge import EvidenceState
from serinus.core.noise import Noise, no_history
from serinus.core.plain import from_plain, to_plain
from serinus.core.stats.components import Components
from tests.core.traffic import errors, latency, look, past, quiet, standards


def judged(
    looks: int,
    *slis: Sli,
    noise: Noise | None = None,
    standard: Standards | None = None,
    seed: int = 1,
    step: int = 1,
    **traffic: object,
) -> EvidenceState:
    """The state after so many looks of that traffic; with the defaults, at one step."""
    asked = slis or (errors(),)
    random = Random(seed)
    state = judge.begin(asked, standard or standards(), noise or quiet(*asked))
    for k in range(1, looks + 1):
        state = judge.advance(state, look(random, at=15.0 * k, step=step, **traffic))  # type: ignore[arg-type]
    return state


def looks_until_fail(seed: int, *slis: Sli, noise: Noise, most: int = 60, **traffic: object) -> int:
    state = judge.begin(slis, standards(), noise)
    random = Random(seed)
    for k in range(1, most + 1):
        state = judge.advance(state, look(random, at=15.0 * k, **traffic))  # type: ignore[arg-type]
        if judge.verdict(state).verdict is Verdict.FAIL:
            return k
    return most + 1


def test_an_equal_candidate_passes() -> None:
    said = judge.verdict(judged(10, bad=(0.01, 0.01), rps=100))
    assert (said.verdict, said.reason) == (Verdict.PASS, "AllWithinMargins")
    assert said.needs_requests is None
    assert said.outlook == ""


def test_a_candidate_with_no_errors_passes_beside_a_stable_with_none() -> None:
    assert judge.verdict(judged(10, rps=100)).verdict is Verdict.PASS


@pytest.mark.parametrize("noise", ["history", "no history"])
@pytest.mark.parametrize(("weight", "within"), [(5, 8), (20, 5)])
def test_a_plainly_broken_candidate_fails_within_a_few_looks_with_one_pod(noise: str, weight: int, within: int) -> None:
    sli = errors()
    known = quiet(sli, spread=0.08) if noise == "history" else no_history([sli])
    found = [looks_until_fail(seed, sli, noise=known, weight=weight, bad=(0.5, 0.005)) for seed in range(5)]
    assert max(found) <= within


def test_four_percent_of_errors_beside_none_fail_within_minutes_without_history() -> None:
    sli = errors()
    found = sorted(looks_until_fail(seed, sli, noise=no_history([sli]), bad=(0.04, 0.0)) for seed in range(7))
    assert found[3] <= 22
    assert found[-1] <= 32


def test_and_within_a_minute_with_history() -> None:
    sli = errors()
    known = quiet(sli, spread=0.08)
    assert max(looks_until_fail(seed, sli, noise=known, bad=(0.04, 0.0)) for seed in range(5)) <= 6


@pytest.mark.parametrize("edge", [2.5, None])
@pytest.mark.parametrize("slower", [3.0, 5.0])
def test_a_model_three_to_five_times_slower_fails_within_minutes_without_history(
    slower: float, edge: float | None
) -> None:
    sli = latency(edge=edge, budget=None if edge is None else 0.01)
    for seed in range(2):
        found = looks_until_fail(seed, sli, noise=no_history([sli]), bad=None, slower=(slower, 1.0), weight=5)
        assert found <= 12


def test_a_slower_model_that_keeps_the_objective_fails_all_the_same() -> None:
    sli = latency(edge=10.0)
    found = looks_until_fail(1, sli, noise=quiet(sli, spread=0.03), bad=None, slower=(2.0, 1.0))
    assert found <= 8


def test_a_candidate_a_little_worse_within_the_margin_is_not_rolled_back() -> None:
    assert judged(200, bad=(0.012, 0.01)).failure is None


def test_a_broken_objective_is_not_the_candidates_fault_when_stable_breaks_it_too() -> None:
    assert judged(120, bad=(0.2, 0.2), rps=100).failure is None


def test_a_candidate_that_breaks_the_objective_fails_although_the_margin_would_allow_it() -> None:
    strict = errors(allowed_ratio=1.2, allowed_difference=0.05)
    state = judged(60, strict, bad=(0.04, 0.005), rps=100)
    assert judge.verdict(state).verdict is Verdict.FAIL


def test_at_the_margin_false_rollbacks_keep_their_rate() -> None:
    """40 rollouts exactly at the margin, at a rate of 10 %: more than 9 would be a surprise of 1 in 100."""
    standard = standards(false_rollback_rate=0.1)
    sli = errors(budget=None, allowed_difference=0.005)
    failed = sum(
        judged(50, sli, standard=standard, seed=seed, bad=(0.017, 0.01), rps=40).failure is not None
        for seed in range(40)
    )
    assert failed <= 9


def test_at_the_steps_margin_false_passes_keep_their_rate() -> None:
    passed = 0
    for seed in range(40):
        random, state = Random(seed), judge.begin([errors()], standards(), quiet(errors()))
        for k in range(1, 31):
            state = judge.advance(state, look(random, at=15.0 * k, bad=(0.025, 0.01), rps=40))
            if judge.verdict(state).verdict is Verdict.PASS:
                passed += 1
                break
    assert passed <= 6


def test_errors_in_bursts_as_measured_do_not_cause_false_rollbacks() -> None:
    """Bursts of five with phi = 5; without the calibration more than a quarter of these would fail."""

    def fails(phi: float) -> int:
        sli = errors(budget=None, allowed_difference=0.001)
        failed = 0
        for seed in range(20):
            random, state = Random(seed), judge.begin([sli], standards(false_rollback_rate=0.05), quiet(sli, phi=phi))
            for k in range(1, 41):
                one = look(random, at=15.0 * k, bad=(0.002, 0.002), weight=20)
                burst = tuple(
                    replace(pod, counts={"success-rate": Ratio(total=c.total, bad=min(c.total, 5 * c.bad))})
                    for pod in one.pods
                    if isinstance(c := pod.counts["success-rate"], Ratio)
                )
                state = judge.advance(state, replace(one, pods=burst))
            failed += state.failure is not None
        return failed

    assert fails(5.0) <= 3
    assert fails(1.0) >= 4


def test_a_fail_is_latched_whatever_comes_later() -> None:
    random = Random(1)
    state = judged(10, bad=(0.5, 0.0))
    e = judge.verdict(state).e
    for k in range(11, 80):
        state = judge.advance(state, look(random, at=15.0 * k, step=2, bad=(0.0, 0.0)))
    said = judge.verdict(state)
    assert (said.verdict, said.e) == (Verdict.FAIL, e)
    assert said.e >= said.threshold == 100
    assert judge.findings(state)[0].verdict is Verdict.FAIL


def test_a_fail_stands_when_the_provider_is_down() -> None:
    assert judge.verdict(judged(10, bad=(0.5, 0.0)), ProviderState.DOWN).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("provider", "reason"), [(ProviderState.DOWN, "ProviderDown"), (ProviderState.PARTIAL, "ProviderPartial")]
)
def test_a_provider_that_does_not_answer_is_said_and_nothing_is_concluded(provider: ProviderState, reason: str) -> None:
    said = judge.verdict(judged(10, rps=100), provider)
    assert (said.verdict, said.reason) == (Verdict.PROVIDER_DOWN, reason)


def test_no_look_at_all_is_no_data() -> None:
    state = judge.begin([errors(), latency()], standards(), no_history([errors()]))
    said = judge.verdict(state)
    assert (said.verdict, said.reason) == (Verdict.NO_DATA, "NoCandidateRequests")
    assert said.last_look is None
    assert judge.findings(state)[0].needs_requests is None


def test_a_candidate_that_answers_nothing_is_no_data_and_its_silence_is_counted() -> None:
    state = judged(4, rps=40, pods=(0, 4))
    said = judge.verdict(state)
    assert (said.verdict, said.reason) == (Verdict.NO_DATA, "NoCandidateRequests")
    assert said.silent_requests == pytest.approx(120, rel=0.1), "the first three looks may be late scrapes"
    state = judge.advance(state, look(Random(1), at=75))
    assert judge.verdict(state).silent_requests == 0


def test_a_candidate_that_could_not_be_counted_yet_is_not_called_silent() -> None:
    state = judge.begin([errors()], standards(), quiet(errors()))
    for at in (15, 30, 45):
        state = judge.advance(state, replace(look(Random(at), at=at, pods=(0, 4)), candidate_due=False))
    assert judge.verdict(state).silent_requests == 0


def test_a_stable_that_answers_nothing_is_no_data() -> None:
    assert judge.verdict(judged(4, pods=(1, 0))).reason == "NoStableRequests"


def test_more_lost_scrapes_of_the_candidate_than_of_stable_are_no_data() -> None:
    assert judge.verdict(judged(20, rps=100, lost=(0.5, 0.0))).reason == "CandidateScrapesLost"
    assert judge.verdict(judged(20, rps=100, lost=(0.5, 0.5))).verdict is Verdict.PASS


def test_a_pass_needs_every_sli() -> None:
    both = (errors(), latency())
    said = judge.verdict(judged(8, *both, rps=100, bad=(0.0, 0.0), slower=None))
    assert (said.verdict, said.blame) == (Verdict.NO_DATA, ("latency",))
    assert judge.verdict(judged(6, *both, rps=100, slower=(1.0, 1.0))).verdict is Verdict.PASS


def test_too_few_requests_say_how_many_more_and_which_limit() -> None:
    said = judge.verdict(judged(4, rps=5, weight=5))
    assert (said.verdict, said.reason) == (Verdict.NOT_ENOUGH, "MoreRequestsNeeded")
    assert said.needs_requests is not None
    assert 400 < said.needs_requests < 1200
    assert "more requests" in said.sentence
    assert "below 2 times stable's plus 0.50%" in said.sentence
    assert said.outlook.startswith("about ")
    assert said.outlook.endswith("min")


def test_the_evidence_of_safe_begins_anew_at_each_step_and_that_of_harm_does_not() -> None:
    state = judged(20, bad=(0.02, 0.0), noise=no_history([errors()]))
    (before,) = judge.findings(state)
    after = judge.restart_safe(state, 2)
    (now,) = judge.findings(after)
    assert now.e_safe == 1.0
    assert now.e_harm == before.e_harm > 1.1
    assert now.requests_candidate == 0
    assert now.verdict is Verdict.NO_DATA
    assert judge.verdict(after).covered_seconds == 0


def test_a_look_of_another_step_restarts_safe_by_itself() -> None:
    state = judged(10, rps=100)
    one = look(Random(5), at=165, step=2, rps=100)
    assert judge.advance(state, one) == judge.advance(judge.restart_safe(state, 2), one)


def test_a_wrong_split_blocks_the_pass_and_never_fails() -> None:
    random, state = Random(1), judge.begin([errors()], standards(), quiet(errors()))
    for k in range(1, 20):
        state = judge.advance(state, replace(look(random, at=15.0 * k, weight=20, rps=100), weight=50))
    said = judge.verdict(state)
    assert (said.verdict, said.reason) == (Verdict.NOT_ENOUGH, "ShareMismatch")
    assert "its weight of 50 %" in said.sentence
    assert said.share == pytest.approx(20, abs=3)
    more, state = Random(1), judge.begin([errors()], standards(), quiet(errors()))
    for k in range(1, 20):
        state = judge.advance(state, replace(look(more, at=15.0 * k, weight=50, rps=100), weight=20))
    assert judge.verdict(state).reason == "ShareMismatch"


def test_a_right_split_is_never_called_wrong() -> None:
    assert all(not judged(60, rps=100, weight=weight, seed=weight).share.mismatch for weight in (5, 20, 50))


def test_lost_scrapes_say_nothing_of_the_split() -> None:
    random, state = Random(1), judge.begin([errors()], standards(), quiet(errors()))
    for k in range(1, 20):
        state = judge.advance(state, replace(look(random, at=15.0 * k, rps=100, lost=(0.5, 0.5)), weight=50))
    assert not state.share.mismatch


def test_while_a_pod_warms_up_the_totals_say_nothing_of_the_split() -> None:
    random, state = Random(1), judge.begin([errors()], standards(), quiet(errors()))
    for k in range(1, 20):
        one = replace(look(random, at=15.0 * k, rps=100), weight=50, warming_up=True)
        state = judge.advance(state, one)
        assert judge.verdict(state).share is None
    assert not state.share.mismatch
    alone = replace(look(random, at=300.0, rps=100), weight=100, warming_up=True)
    assert judge.verdict(judge.advance(state, alone)).share == pytest.approx(20, abs=3), "stable still gets requests"


def test_a_split_that_was_wrong_is_told_without_a_number_while_a_pod_warms_up() -> None:
    random, state = Random(1), judge.begin([errors()], standards(), quiet(errors()))
    for k in range(1, 60):
        state = judge.advance(state, replace(look(random, at=15.0 * k, rps=100), weight=50))
    state = judge.advance(state, replace(look(random, at=900.0, rps=100), weight=50, warming_up=True))
    said = judge.verdict(state)
    assert said.reason == "ShareMismatch"
    assert said.sentence.startswith("The candidate gets an unknown part of the requests in the last look")


def test_blame_falls_on_the_sli_that_failed() -> None:
    said = judge.verdict(judged(12, errors(), latency(), bad=(0.5, 0.0), slower=(1.0, 1.0)))
    assert (said.verdict, said.blame, said.on_fail) == (Verdict.FAIL, ("success-rate",), OnFail.ROLLBACK)
    assert said.sentence.startswith("success-rate is worse: candidate 5")


def test_a_candidate_that_keeps_the_objective_and_is_slower_is_told_with_the_quantiles() -> None:
    loose = latency(edge=10.0)
    told = judge.verdict(judged(12, loose, bad=None, slower=(3.0, 1.0), rps=200)).sentence
    assert re.search(
        r"; median 1\.\d s, stable \d+ ms; p99 \d(\.\d)? s, stable \d\.\d s, over [\d,]+ requests\.$", told
    )
    assert told.startswith("latency is worse: candidate 0."), told


def test_a_latency_that_both_arms_keep_alike_is_told_by_its_quantiles_alone() -> None:
    sli = latency(edge=10000.0, seconds_per_unit=0.001)
    thousands = [
        replace(one, pods=tuple(replace(pod, counts=in_milliseconds(pod.counts)) for pod in one.pods))
        for one in (look(Random(k), at=15.0 * k, bad=None, slower=(0.4, 0.1), rps=100) for k in range(1, 13))
    ]
    state = judge.begin([sli], standards(), quiet(sli))
    for one in thousands:
        state = judge.advance(state, one)
    said = judge.verdict(state).sentence
    assert re.fullmatch(
        r"latency is worse: median 1\d\d ms, stable \d\d ms; p99 \d+ ms, stable \d+ ms, over [\d,]+ requests\.", said
    ), said


def in_milliseconds(counts: Mapping[str, Counts]) -> dict[str, Counts]:
    return {
        name: replace(one, edges=tuple(1000 * edge for edge in one.edges))
        for name, one in counts.items()
        if isinstance(one, Histogram)
    }


def test_while_harm_gathers_the_sentence_says_that_it_looks_worse_and_not_what_would_make_it_pass() -> None:
    (said,) = judge.findings(judged(6, bad=(0.04, 0.0), rps=60, noise=no_history([errors()])))
    assert said.verdict is Verdict.NOT_ENOUGH
    assert 3 <= said.e_harm < 100, said
    assert re.match(r"success-rate looks worse so far: candidate .*; its evidence of harm is \d", said.sentence), said


def test_one_sli_alone_can_fail_among_many() -> None:
    many = [errors(f"sli-{k}") for k in range(8)]
    random, state = Random(1), judge.begin(many, standards(), quiet(*many, spread=0.1))
    for k in range(1, 30):
        pods = []
        for pod in look(random, at=15.0 * k, bad=(0.3, 0.0), rps=100).pods:
            total = pod.counts["success-rate"]
            assert isinstance(total, Ratio)
            counts = {sli.name: Ratio(total=total.total, bad=0.0) for sli in many}
            counts["sli-3"] = total
            pods.append(replace(pod, counts=counts))
        state = judge.advance(state, Look(at=15.0 * k, weight=20, step=1, pods=tuple(pods)))
    assert judge.verdict(state).blame == ("sli-3",)


def test_an_sli_that_may_only_hold_never_rolls_back() -> None:
    said = judge.verdict(judged(10, errors(on_fail=OnFail.HOLD), bad=(0.5, 0.0)))
    assert (said.verdict, said.on_fail) == (Verdict.FAIL, OnFail.HOLD)
    assert said.e < said.threshold or said.blame == ("success-rate",)


def test_a_rollback_replaces_a_hold_that_was_found_before() -> None:
    holding, rolling = errors("a", on_fail=OnFail.HOLD), errors("b")
    state = judge.begin([holding, rolling], standards(), quiet(holding, rolling))
    random = Random(1)
    seen = []
    for k in range(1, 16):
        first = look(random, at=15.0 * k, bad=(0.5, 0.0), sli="a")
        second = look(random, at=15.0 * k, bad=(0.5 if k > 5 else 0.0, 0.0), sli="b")
        pods = tuple(
            replace(one, counts={**one.counts, **other.counts})
            for one, other in zip(first.pods, second.pods, strict=True)
        )
        state = judge.advance(state, replace(first, pods=pods))
        if state.failure:
            seen.append(state.failure.on_fail)
    assert seen[0] is OnFail.HOLD
    assert seen[-1] is OnFail.ROLLBACK
    assert judge.verdict(state).blame == ("b",)


def test_a_finding_has_both_values_an_interval_of_their_ratio_and_its_counts() -> None:
    (said,) = judge.findings(judged(40, bad=(0.03, 0.01), rps=100))
    assert said.candidate == pytest.approx(0.03, rel=0.2)
    assert said.stable == pytest.approx(0.01, rel=0.2)
    assert said.low is not None
    assert said.high is not None
    assert 1.0 < said.low < 3.0 < said.high < 6
    assert said.requests_candidate == pytest.approx(40 * 300, rel=0.1)
    assert said.requests_stable == pytest.approx(40 * 1200, rel=0.1)


def test_evidence_is_capped_in_what_is_told() -> None:
    (said,) = judge.findings(judged(100, rps=1000))
    assert said.e_safe == pytest.approx(1e12)


def test_the_value_of_a_latency_is_its_share_above_the_objective_or_its_p99() -> None:
    (above,) = judge.findings(judged(6, latency(), bad=None, slower=(3.0, 1.0)))
    assert above.candidate == pytest.approx(0.11, abs=0.04)
    assert "above 2.5 s" in above.sentence
    free = latency(edge=None, budget=None)
    (p99,) = judge.findings(judged(6, free, bad=None, slower=(1.0, 1.0), rps=100))
    assert p99.candidate == pytest.approx(2.0, abs=0.6)
    assert "p99" in p99.sentence
    (unknown,) = judge.findings(judged(1, free, bad=None, slower=(1.0, 1.0), rps=2))
    assert (unknown.candidate, unknown.verdict) == (None, Verdict.NOT_ENOUGH)
    assert "nothing to show yet" in unknown.sentence


def test_a_latency_needs_requests_until_it_is_shown_at_both_edges() -> None:
    (said,) = judge.findings(judged(3, latency(), bad=None, slower=(1.0, 1.0), rps=10, noise=no_history([latency()])))
    assert said.verdict is Verdict.NOT_ENOUGH
    assert said.needs_requests is not None
    assert said.needs_requests > 100
    assert "2 times stable's latency" in said.sentence


def gathered(hours: float, *, past: Sequence[Look] = (), slis: Sequence[Sli] = (), rps: float = 20) -> EvidenceState:
    """An equal candidate on trial for so long, without history but `past`: four pods of stable."""
    asked = slis or (errors(),)
    random, state = Random(5), judge.begin(asked, standards(), history.calibrate(past, asked), past=past)
    for k in range(1, round(hours * 240) + 1):
        state = judge.advance(state, look(random, at=15.0 * k, rps=rps))
    return state


def test_measured_noise_replaces_the_assumed_one_for_the_looks_to_come() -> None:
    slow = gathered(1)
    assert slow.noise.assumed
    fast = judge.advance(slow, look(Random(6), at=3615.0, rps=20))
    assert not fast.noise.assumed
    assert "4.0 pod-hours" in fast.noise.sentence
    assert fast.gathering is None
    before, after = (one.tracks[0].calibration for one in (slow, fast))
    assert (before.assumed, before.least_ratio, after.assumed, after.least_ratio) == (True, 3.0, False, 1.0)
    assert after.phi == pytest.approx(1.5, abs=0.1)
    gain = judge.findings(fast)[0].e_safe / judge.findings(slow)[0].e_safe
    usual = judge.findings(slow)[0].e_safe / judge.findings(gathered(239 / 240))[0].e_safe
    assert usual < gain < judge.findings(slow)[0].e_safe ** 0.5, "the look is weighed anew, and none before it"


def test_the_past_that_was_too_short_counts_too() -> None:
    short = past(Random(1), hours=0.5, rps=20, bad=0.0)
    assert gathered(0.5, past=short).noise.assumed
    assert not gathered(0.5 + 1 / 240, past=short).noise.assumed


def test_noise_that_nobody_asked_to_measure_stays_assumed() -> None:
    state = judge.begin([errors()], standards(), no_history([errors()]))
    assert state.gathering is None
    known = judge.begin([errors()], standards(), quiet(errors()), past=())
    assert known.gathering is None


def test_noise_is_measured_once_it_is_known_of_every_sli_that_assumes_it() -> None:
    both = gathered(1.5, slis=(errors(), errors("other")))
    assert both.noise.assumed
    assert both.gathering is not None
    assert both.gathering.missing(1) == 4 * 3600


def test_many_pods_do_not_make_up_for_an_hour() -> None:
    begun = gathering.begin((), [errors()])
    for k in range(1, 240):
        begun = gathering.add(begun, look(Random(1), at=15.0 * k, rps=1, pods=(1, 40)))
    assert begun.seconds["success-rate"] > 39 * 3600
    assert (gathering.is_enough(begun), begun.missing(40)) == (False, 15.0)
    assert gathering.is_enough(gathering.add(begun, look(Random(1), at=3600.0, rps=1, pods=(1, 40))))
    assert len(begun.looks) == 60, "all of the hour is kept, whatever the number of pods"


def test_what_is_gathered_is_kept_by_the_minute_and_not_by_the_look() -> None:
    state = gathered(0.5)
    assert state.gathering is not None
    assert len(state.gathering.looks) in (30, 31)
    assert (state.gathering.missing(1), state.gathering.missing(4)) == (2 * 3600, 1800)
    counts = [one.counts["success-rate"] for each in state.gathering.looks for one in each.pods]
    looked = sum(one.total for one in counts if isinstance(one, Ratio))
    assert looked == state.tracks[0].totals.n0
    assert {one.role for each in state.gathering.looks for one in each.pods} == {Role.STABLE}


def test_a_look_without_stable_adds_nothing_and_an_sli_that_is_rarely_counted_does_not_fill_the_memory() -> None:
    begun = gathering.begin((), [errors("rare")])
    alone = replace(look(Random(1)), pods=tuple(one for one in look(Random(1)).pods if one.role is Role.CANDIDATE))
    assert gathering.add(begun, alone) is begun
    for k in range(800):
        begun = gathering.add(begun, look(Random(1), at=60.0 * k, seconds=60.0, rps=1))
    assert sum(len(one.pods) for one in begun.looks) == gathering.MOST == 1440
    assert begun.looks[-1].at == 60.0 * 799
    assert not gathering.is_enough(begun)


def test_what_was_measured_before_the_trial_stays_as_it_was() -> None:
    both = (errors(), errors("late"))
    before = past(Random(1), hours=1.1, rps=20, bad=0.01)
    state = judge.begin(both, standards(), history.calibrate(before, both), past=before)
    known = state.tracks[0].calibration
    assert (known.assumed, state.tracks[1].calibration.assumed) == (False, True)
    for k in range(1, 243):
        one = look(Random(k), at=4000 + 15.0 * k, rps=20, bad=(0.0, 0.01))
        pods = tuple(
            replace(pod, counts=dict.fromkeys(("success-rate", "late"), pod.counts["success-rate"])) for pod in one.pods
        )
        state = judge.advance(state, replace(one, pods=pods))
    assert state.tracks[0].calibration == known
    assert not state.tracks[1].calibration.assumed
    assert state.noise.of(both[0]) == known


def test_a_state_that_gathers_survives_json() -> None:
    state = gathered(0.25)
    assert from_plain(EvidenceState, json.loads(json.dumps(to_plain(state)))) == state


def test_beside_a_fresh_baseline_stable_does_not_count() -> None:
    def one(k: int) -> Look:
        rows = ((Role.CANDIDATE, 50), (Role.BASELINE, 50), (Role.STABLE, 0))
        return Look(
            at=15.0 * k,
            weight=50,
            step=1,
            pods=tuple(
                PodLook(pod=role, role=role, start=0, end=15, counts={"success-rate": Ratio(total=1000, bad=bad)})
                for role, bad in rows
            ),
        )

    state = judge.begin([errors()], standards(), quiet(errors()))
    for k in range(20):
        state = judge.advance(state, one(k))
    assert state.failure is None


def test_the_state_survives_json_exactly() -> None:
    for state in (
        judged(5, errors(), latency(), bad=(0.02, 0.01), slower=(1.0, 1.0)),
        judged(10, bad=(0.5, 0.0)),
        judge.begin([latency()], standards(), no_history([latency()])),
    ):
        again = from_plain(EvidenceState, json.loads(json.dumps(to_plain(state))))
        assert again == state
        assert judge.verdict(again) == judge.verdict(state)


def test_a_state_of_another_version_is_refused() -> None:
    told = to_plain(judged(1))
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_plain(EvidenceState, {key: value for key, value in told.items() if key != "standards"})


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 12))
def test_judging_in_two_goes_is_judging_in_one(seed: int, cut: int) -> None:
    random = Random(seed)
    looks = [
        look(random, at=15.0 * k, step=1 + k // 7, bad=(0.02, 0.01), slower=(1.2, 1.0), rps=4) for k in range(1, 13)
    ]
    slis = [errors(), latency()]
    whole = half = judge.begin(slis, standards(), no_history(slis))
    for one in looks:
        whole = judge.advance(whole, one)
    for one in looks[:cut]:
        half = judge.advance(half, one)
    half = from_plain(EvidenceState, to_plain(half))
    for one in looks[cut:]:
        half = judge.advance(half, one)
    assert half == whole


@settings(max_examples=60, deadline=None)
@given(
    totals=st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 50), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=6
    )
)
def test_whatever_is_counted_every_number_is_finite_and_every_verdict_has_a_sentence(
    totals: list[tuple[int, int, float, float]],
) -> None:
    slis = [errors(), latency()]
    for noise in (no_history(slis), quiet(*slis, spread=0.2, phi=3.0)):
        state = judge.begin(slis, standards(), noise)
        for k, (n1, n0, bad1, bad0) in enumerate(totals):
            state = judge.advance(state, arms(15.0 * k, (n1, bad1), (n0, bad0)))
        said: Judgement = judge.verdict(state)
        assert said.sentence
        assert math.isfinite(said.e)
        for finding in judge.findings(state):
            assert finding.sentence
            assert finding.reason
            assert all(math.isfinite(value) for value in (finding.e_harm, finding.e_safe))


def arms(at: float, *counts: tuple[int, float]) -> Look:
    pods = [
        PodLook(
            pod=role,
            role=role,
            start=at - 15,
            end=at,
            counts={
                "success-rate": Ratio(total=n, bad=n * bad),
                "latency": Histogram(edges=(1.0, 2.5, 5.0, math.inf), counts=(n * (1 - bad), 0.0, n * bad, 0.0)),
            },
        )
        for role, (n, bad) in zip((Role.CANDIDATE, Role.STABLE), counts, strict=True)
    ]
    return Look(at=at, weight=20, step=1, pods=tuple(pods))


WANDERING = Components(white=0.02, slow=((300.0, 0.1), (math.inf, 0.02)), usual=0.05)


def taken_apart(*slis: Sli, components: Components = WANDERING, spread: float = 0.1) -> Noise:
    """Noise whose parts are known by how long they last."""
    known = quiet(*slis, spread=spread, phi=3.0)
    return replace(
        known,
        calibrations={name: replace(one, components=components) for name, one in known.calibrations.items()},
    )


def test_a_swing_that_noise_explains_is_no_harm_and_a_real_regression_still_is() -> None:
    plain = replace(errors(), budget=None, allowed_difference=0.0)
    assert looks_until_fail(1, plain, noise=taken_apart(plain), rps=400, bad=(0.014, 0.01)) == 61
    assert looks_until_fail(1, plain, noise=quiet(plain), rps=400, bad=(0.03, 0.01)) <= 5
    assert looks_until_fail(1, plain, noise=taken_apart(plain), rps=400, bad=(0.06, 0.01)) < 30


def test_what_was_learned_of_the_arms_survives_a_restart() -> None:
    sli = errors()
    state = judged(20, sli, noise=taken_apart(sli), rps=100, bad=(0.03, 0.01))
    again = from_plain(EvidenceState, json.loads(json.dumps(to_plain(state))))
    assert again == state
    more = look(Random(9), at=315.0, weight=20, rps=100, bad=(0.03, 0.01))
    assert judge.advance(again, more) == judge.advance(state, more)


def test_other_noise_begins_to_learn_anew_and_keeps_the_evidence() -> None:
    sli = errors()
    state = judged(20, sli, noise=taken_apart(sli), rps=100, bad=(0.03, 0.01))
    before = state.tracks[0]
    other = tracks.recalibrate(before, taken_apart(sli, components=replace(WANDERING, usual=0.06)).of(sli))
    assert other.log_harm(1, standards()) == before.log_harm(1, standards())
    told = [one.comparison for one in (before, other)]
    assert all(isinstance(one, Comparison) for one in told)
    assert [one.filter is None for one in told if isinstance(one, Comparison)] == [False, True]
    assert tracks.recalibrate(before, taken_apart(sli).of(sli)) == before, "the same noise changes nothing"


def test_a_late_regression_is_found_after_hours_that_were_well() -> None:
    sli = replace(errors(), budget=None, allowed_difference=0.0)
    state = judged(200, sli, noise=taken_apart(sli), rps=200, bad=(0.01, 0.01))
    assert judge.verdict(state).verdict is not Verdict.FAIL
    random = Random(3)
    for k in range(201, 260):
        state = judge.advance(state, look(random, at=15.0 * k, weight=20, rps=200, bad=(0.06, 0.01)))
        if judge.verdict(state).verdict is Verdict.FAIL:
            break
    assert k < 240


def test_the_ceiling_is_where_lasting_differences_of_pods_are_never_harm() -> None:
    sli = replace(errors(), budget=None, allowed_difference=0.0)
    calm = Components(white=0.0, slow=((math.inf, 0.04),), usual=0.05)
    state = judged(1, sli, noise=taken_apart(sli, components=calm), rps=100, bad=(0.01, 0.01))
    ceiling = tracks.ceiling(state.tracks[0], 1, standards())
    assert ceiling is not None
    assert 1.2 < ceiling < 3.5
    one, two = (
        looks_until_fail(1, sli, noise=taken_apart(sli, components=calm), most=150, rps=4000, bad=(bad, 0.01))
        for bad in (0.01 * ceiling / 1.25, 0.01 * ceiling * 1.25)
    )
    assert one == 151
    assert two < 100
    none = replace(calm, slow=((300.0, 0.1),))
    known = judged(1, sli, noise=taken_apart(sli, components=none), rps=100, bad=(0.01, 0.01))
    assert tracks.ceiling(known.tracks[0], 1, standards()) == 1.2
    assert tracks.ceiling(judge.begin([sli], standards(), taken_apart(sli)).tracks[0], 1, standards()) is None


def test_the_objective_may_roll_back_alone_although_a_bad_draw_of_pods_is_left_out_of_it() -> None:
    sli = replace(errors(), allowed_difference=0.9)
    assert looks_until_fail(1, sli, noise=taken_apart(sli), rps=400, bad=(0.09, 0.01)) < 20


@pytest.mark.parametrize("before", [0.003, 0.01])
def test_a_candidate_that_was_better_and_is_equal_now_did_no_harm(before: float) -> None:
    """At half of the traffic and with the room that an objective gives: what was learned of it must not turn on it."""
    sli = errors(budget=0.02)
    state = judged(40, sli, noise=taken_apart(sli), rps=400, weight=50, pods=(4, 4), bad=(before, 0.01))
    random = Random(2)
    for k in range(41, 81):
        now = look(random, at=15.0 * k, weight=50, rps=400, pods=(4, 4), bad=(0.01, 0.01))
        state = judge.advance(state, now)
    assert judge.findings(state)[0].e_harm < 1
