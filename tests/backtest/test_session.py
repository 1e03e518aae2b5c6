"""A rollout judged line by line, without a cluster."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.backtest import InputError, Session, run
from serinus.backtest.raw import Asked
from serinus.core.checks import margins
from serinus.core.evidence import Role, Standards
from serinus.core.model import Shift
from serinus.core.needs import Started
from serinus.core.noise import Calibration
from serinus.core.samples import Series
from tests.backtest.counts import BOTH, LATENCY, SPEC, lines, past, raw, spec

PAST = past()
NO_DRAIN = spec(rollback={"drain": "0s"})


def answers(
    given_lines: Any, rollout: dict[str, Any] = SPEC, history: Any = (), **options: Any
) -> list[dict[str, Any]]:
    return list(run(rollout, given_lines, history, **options))


def actions(told: list[dict[str, Any]]) -> list[str]:
    return [one["action"] for one in told]


def first(told: list[dict[str, Any]], action: str) -> float | None:
    return next((one["t"] for one in told if one["action"] == action), None)


def test_an_answer_has_exactly_these_fields() -> None:
    told = answers(lines(looks=4), ci=True)[-1]
    assert list(told) == ["t", "verdict", "action", "e", "threshold", "blame", "step", "slis"]
    fields = ["verdict", "e_harm", "e_safe", "r_harm", "r_safe", "ratio", "n", "phi", "ceiling", "pods", "excluded"]
    assert list(told["slis"]["answers"]) == [*fields, "reason"]
    assert "ratio" not in answers(lines(looks=4))[-1]["slis"]["answers"]


def test_a_candidate_that_fails_more_often_is_rolled_back_and_blamed() -> None:
    told = answers(lines(bad=(0.05, 0.01)), history=PAST)
    assert (told[-1]["verdict"], told[-1]["action"], told[-1]["blame"]) == ("Fail", "rollback", ["answers"])
    assert told[-1]["e"] >= told[-1]["threshold"] == 100.0


def test_an_equal_candidate_is_promoted_after_the_last_step_only_and_after_its_hold() -> None:
    one = list(lines(looks=30))
    two = list(lines(looks=30, weight=50, begin=450.0, seed=2))
    told = answers([*one, *two], history=PAST)
    assert set(actions(told[:30])) == {"continue"}
    assert told[29]["verdict"] == "Pass"
    # 30 s of drain, then 120 s of hold.
    assert first(told, "promote") is not None
    assert first(told, "promote") >= 450 + 30 + 120  # type: ignore[operator]
    assert "rollback" not in actions(told)


def scraped(looks: int = 12) -> list[Asked]:
    """What the operator had read at each of its looks: two pods of stable with one bad request in a hundred, and one of
    the candidate with a quarter."""
    pods = [(Role.STABLE, "a", 0.01), (Role.STABLE, "b", 0.01), (Role.CANDIDATE, "c", 0.25)]
    asked = []
    for number in range(1, looks + 1):
        at = 15.0 * number
        series = [
            Series(pod=pod, sli="answers", part=part, points=((at, 900.0 * number * share),))
            for role, pod, bad in pods
            for part, share in (("total", 1.0), ("bad", bad))
        ]
        roles = [role for role, _, _ in pods for _ in range(2)]
        asked.append(
            Asked(
                at=at + 0.25,
                shifts=(Shift(at=10, weight=10, step=1),),
                pods=tuple(Started(pod=pod, role=role, ready_since=-100.0) for role, pod, _ in pods),
                series=tuple(zip(roles, series, strict=True)),
            )
        )
    return asked


def test_what_the_operator_had_read_is_judged_at_its_looks_and_can_be_cut_anywhere() -> None:
    whole = Session(NO_DRAIN)
    told = [whole.read(one) for one in scraped()]
    assert [one["t"] for one in told] == [one.at for one in scraped()]
    assert told[-1]["action"] == "rollback"
    assert {one["passed"] for one in told} == {False}
    saved: Any = None
    for number, one in enumerate(scraped()):
        session = Session(NO_DRAIN)
        if saved is not None:
            session.restore(saved)
        assert session.read(one) == told[number]
        saved = json.loads(json.dumps(session.state()))


def test_a_pod_that_the_operator_knew_and_nobody_scraped_is_waited_for() -> None:
    """It has no samples, so that only the operator can tell that it runs: the looks close as late as it lets them."""
    silent = Started(pod="d", role=Role.CANDIDATE, ready_since=-100.0)
    session, other = Session(NO_DRAIN), Session(NO_DRAIN)
    plain = [session.read(one)["slis"]["answers"]["n"] for one in scraped()]
    waiting = [other.read(replace(one, pods=(*one.pods, silent)))["slis"]["answers"]["n"] for one in scraped()]
    assert waiting != plain
    assert all(a <= b for a, b in zip(waiting, plain, strict=True))


def test_no_history_says_that_noise_is_assumed() -> None:
    session = Session(spec(analysis={}))
    assert session.noise.startswith("No history") or "less than" in session.noise.lower()
    sli = session.look(next(lines()))["slis"]["answers"]
    assert (sli["phi"], sli["r_harm"]) == (10.0, 3.0)


def test_history_measures_the_noise() -> None:
    sli = answers(lines(looks=4), history=PAST)[-1]["slis"]["answers"]
    assert sli["phi"] < 2
    assert sli["r_harm"] == 1.2
    assert sli["ceiling"] > 1.2


def test_what_touches_a_change_of_weight_or_the_drain_after_it_is_left_out() -> None:
    told = answers([*lines(looks=4), *lines(looks=4, weight=50, begin=60.0)])
    counted = [(one["slis"]["answers"]["pods"], one["slis"]["answers"]["excluded"]) for one in told]
    out, seen = ([0, 0], 8), ([2, 6], 0)
    assert counted == [out, out, seen, seen, out, out, seen, seen]
    assert told[4]["slis"]["answers"]["reason"] == "NothingAtThisWeight"
    assert [one["step"] for one in told] == [1, 1, 1, 1, 2, 2, 2, 2]


def test_weights_that_are_not_the_wanted_ones_are_no_evidence() -> None:
    drifting = list(lines(looks=3, begin=60.0, weight=30, wanted=10))
    told = answers([*lines(looks=4), *drifting, *lines(looks=4, begin=105.0)], NO_DRAIN)
    assert [one["slis"]["answers"]["pods"] for one in told] == [[2, 6]] * 4 + [[0, 0]] * 3 + [[2, 6]] * 4
    assert [one["step"] for one in told] == [1] * 11


def test_a_pod_is_evidence_once_it_is_ready_warm_and_drained() -> None:
    rollout = spec(workload={"deployment": "chat", "warmUp": "20s"}, rollback={"drain": "10s"})
    fresh = list(lines(looks=6))
    for line in fresh:
        line["pods"][0]["readySince"] = 15.0
    told = answers(fresh, rollout)
    # Ready at 15, evidence from 45 on; the others from 10 s after the change of weight at 0.
    assert [one["slis"]["answers"]["pods"] for one in told] == [[0, 0], [1, 6], [1, 6], [2, 6], [2, 6], [2, 6]]


def test_a_provider_that_is_down_or_partial_is_said_and_nothing_is_concluded() -> None:
    down = {"t": 315.0, "weight": 10, "provider": "down", "pods": []}
    partial = {**next(lines(looks=1, begin=315.0)), "provider": "partial"}
    told = answers([*lines(looks=20), down, partial, *lines(looks=2, begin=330.0)])
    assert [one["verdict"] for one in told[20:22]] == ["ProviderDown"] * 2
    assert told[20]["slis"]["answers"]["n"] == told[21]["slis"]["answers"]["n"] == told[19]["slis"]["answers"]["n"]
    assert told[21]["slis"]["answers"]["excluded"] == 8
    assert told[22]["slis"]["answers"]["n"] > told[21]["slis"]["answers"]["n"]


def test_windows_that_differ_are_given_out_one_look_later() -> None:
    aligned, own = answers(lines(looks=6), NO_DRAIN), answers(lines(looks=6, offsets=True), NO_DRAIN)
    assert [one["slis"]["answers"]["pods"] for one in aligned] == [[2, 6]] * 6
    assert own[0]["slis"]["answers"]["pods"] == [0, 0]
    assert own[-1]["slis"]["answers"]["pods"] == [2, 6]


def test_a_sharp_incident_that_both_arms_share_is_no_evidence_where_windows_differ() -> None:
    calm, sharp = lines(looks=8, offsets=True), lines(looks=16, offsets=True, bad=(0.3, 0.3))
    told = answers([*calm, *list(sharp)[8:]], NO_DRAIN, history=PAST)
    assert max(one["e"] for one in told) < 3
    blanked = [one["t"] for one in told if one["slis"]["answers"]["pods"] == [0, 0]]
    # Line 9 jumps: the looks of lines 8 to 10 are left out, each said with the line after it.
    assert {135.0, 150.0, 165.0} <= set(blanked)


def test_a_silent_candidate_is_held() -> None:
    hanging = list(lines(looks=14))
    for line in hanging[4:]:
        for pod in line["pods"][:2]:
            pod["slis"]["answers"] = {"total": 0, "bad": 0}
    assert answers(hanging, NO_DRAIN)[-1]["action"] == "hold"


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({"analysis": {"assumedDispersion": 1, "dryRun": True}}, "hold"),
        ({"slis": [{**SPEC["slis"][0], "onFail": "hold"}]}, "hold"),
        ({}, "rollback"),
    ],
)
def test_a_fail_takes_back_what_it_may(changes: dict[str, Any], action: str) -> None:
    told = answers(lines(bad=(0.2, 0.01)), spec(**changes), history=PAST)[-1]
    assert (told["verdict"], told["action"]) == ("Fail", action)


def test_three_container_failures_of_the_candidate_alone_roll_back() -> None:
    crashing = list(lines(looks=6))
    for count, line in enumerate(crashing):
        line["pods"][0]["restarts"], line["pods"][5]["restarts"] = count, 7
    told = answers(crashing)
    assert actions(told) == ["continue"] * 3 + ["rollback"] * 3
    assert told[-1]["blame"] == ["restarts"]
    crashing[4]["pods"][5]["restarts"] = 8
    assert actions(answers(crashing))[4:] == ["continue"] * 2


def test_container_failures_are_not_forgotten_when_a_pod_is_made_again_under_its_name() -> None:
    crashing = list(lines(looks=4))
    for count, line in zip((0, 2, 3, 0), crashing, strict=True):
        line["pods"][0]["restarts"] = count
    assert actions(answers(crashing)) == ["continue", "continue", "rollback", "rollback"]


def test_nothing_is_learnt_while_the_candidate_has_no_traffic() -> None:
    told = answers([*lines(looks=4, weight=0, pods=(2, 6)), *lines(looks=4, begin=60.0)], NO_DRAIN)
    assert [one["slis"]["answers"]["n"] for one in told[:4]] == [0.0] * 4
    assert [one["step"] for one in told] == [0] * 4 + [1] * 4
    assert told[-1]["slis"]["answers"]["n"] > 0


def test_a_pod_that_is_scraped_no_more_holds_up_nothing() -> None:
    several = [line for line in raw(scrapes=40) if line.get("pod") != "s0" or line["t"] < 150]
    last = max(line["t"] for line in several)
    assert answers(several, NO_DRAIN)[-1]["t"] == last // 15 * 15
    for_a_while = [line for line in several if line["t"] < 200]
    assert answers(for_a_while, NO_DRAIN)[-1]["t"] < max(line["t"] for line in for_a_while) // 15 * 15


def test_a_baseline_takes_the_place_of_stable() -> None:
    fresh = list(lines(looks=3))
    for line in fresh:
        for pod in line["pods"][2:4]:
            pod["role"] = "baseline"
    told = answers(fresh, NO_DRAIN)[-1]["slis"]["answers"]
    assert (told["pods"], told["excluded"]) == ([2, 2], 4)


def test_a_spec_that_asks_for_a_fresh_baseline_compares_with_nobody_else() -> None:
    rollout = spec(workload={"deployment": "chat", "replicas": 6}, analysis={"baseline": "fresh"})
    old = answers(lines(bad=(0.05, 0.01)), rollout, PAST)
    assert set(actions(old)) == {"continue"}
    assert old[-1]["verdict"] == "NotEnough"
    assert (old[-1]["slis"]["answers"]["reason"], old[-1]["slis"]["answers"]["pods"]) == ("NoBaseline", [2, 0])
    beside = list(lines(bad=(0.05, 0.01)))
    for line in beside:
        for pod in line["pods"][2:4]:
            pod["role"] = "baseline"
    told = answers(beside, rollout, PAST)
    assert (told[-1]["action"], told[-1]["slis"]["answers"]["pods"]) == ("rollback", [2, 2])


@pytest.mark.parametrize(("known", "role"), [(True, Role.BASELINE), (False, Role.STABLE)])
def test_a_replay_takes_a_pod_that_is_gone_for_fresh_if_the_past_does_not_know_it(known: bool, role: Role) -> None:
    rollout = spec(workload={"deployment": "chat", "replicas": 6}, analysis={"baseline": "fresh"})
    session = Session(rollout, PAST if known else ())
    gone = Series(pod="gone", sli="answers", part="total", points=((1.0, 1.0), (16.0, 2.0)))
    session.read(Asked(at=20.0, shifts=(Shift(at=0.0, weight=10, step=1),), pods=(), series=((Role.STABLE, gone),)))
    assert session.state()["trial"]["seen"]["gone"]["role"] == role


def test_an_interval_comes_with_ci_and_changes_nothing_else() -> None:
    with_ci, without = answers(lines(), ci=True), answers(lines())
    low, point, high = with_ci[-1]["slis"]["answers"].pop("ratio")
    assert low < point < high
    assert with_ci[-1] == without[-1]


def cut(rollout: dict[str, Any], several: list[Any], at: int, history: Any = ()) -> list[dict[str, Any]]:
    before = Session(rollout, history)
    told = [before.answer() for line in several[:at] if before.take(line)]
    after = Session(rollout)
    after.restore(json.loads(json.dumps(before.state())))
    return told + [after.answer() for line in several[at:] if after.take(line)]


@settings(max_examples=12, deadline=None)
@given(at=st.integers(0, 12), offsets=st.booleans(), slow=st.booleans())
def test_a_session_that_is_cut_anywhere_says_the_same(at: int, offsets: bool, slow: bool) -> None:
    rollout = BOTH if slow else SPEC
    several = [
        *lines(looks=6, offsets=offsets, slow=slow),
        *lines(looks=6, weight=50, begin=90.0, offsets=offsets, slow=slow),
    ]
    assert cut(rollout, several, at, PAST) == answers(several, rollout, PAST)


@settings(max_examples=6, deadline=None)
@given(at=st.integers(0, 6))
def test_windows_without_a_beginning_survive_a_cut(at: int) -> None:
    several = list(lines(looks=6, offsets=True))
    for line in several:
        for pod in line["pods"]:
            del pod["from"]
    assert cut(NO_DRAIN, several, at) == answers(several, NO_DRAIN)


@settings(max_examples=6, deadline=None)
@given(at=st.integers(0, 90))
def test_raw_samples_that_are_cut_anywhere_say_the_same(at: int) -> None:
    several = raw(scrapes=15)
    assert cut(NO_DRAIN, several, at) == answers(several, NO_DRAIN)


@settings(max_examples=6, deadline=None)
@given(names=st.permutations([f"pod-{k}" for k in range(8)]), offsets=st.booleans())
def test_names_and_order_of_pods_change_nothing(names: list[str], offsets: bool) -> None:
    several = list(lines(looks=8, offsets=offsets))
    renamed = json.loads(json.dumps(several))
    for line in renamed:
        for name, pod in zip(names, line["pods"], strict=True):
            pod["pod"] = name
        line["pods"].sort(key=lambda pod: pod["pod"])
    for one, other in zip(answers(several, NO_DRAIN), answers(renamed, NO_DRAIN), strict=True):
        assert one["slis"]["answers"].pop("e_harm") == pytest.approx(other["slis"]["answers"].pop("e_harm"))
        assert one["slis"]["answers"].pop("e_safe") == pytest.approx(other["slis"]["answers"].pop("e_safe"))
        assert one["slis"]["answers"].pop("n") == pytest.approx(other["slis"]["answers"].pop("n"))
        assert one.pop("e") == pytest.approx(other.pop("e"))
        assert one == other


@settings(max_examples=6, deadline=None)
@given(by=st.sampled_from([-1e6, 7.5, 1e6, 1.7e9]))
def test_when_it_happens_changes_nothing_but_the_time(by: float) -> None:
    there = answers(lines(looks=10, begin=by))
    here = answers(lines(looks=10))
    assert [one.pop("t") - by for one in there] == pytest.approx([one.pop("t") for one in here])
    assert there == here


def test_a_slower_clock_counts_the_same_windows() -> None:
    slow = spec(rollback={"drain": "60s"}, analysis={"assumedDispersion": 1, "interval": "30s"})
    one, other = answers(lines(looks=10)), answers(lines(looks=10, seconds=30.0, rps=100.0), slow)
    for field in ("n", "pods", "excluded", "verdict"):
        assert [line["slis"]["answers"][field] for line in one] == [line["slis"]["answers"][field] for line in other]


def test_fractions_of_a_line_are_the_line() -> None:
    """Counts may be fractions, and a window without `from` begins where the pod's last one ended."""
    several = list(lines(looks=4))
    told = json.loads(json.dumps(several))
    for before, line in zip([{"t": 0.0}, *told], told, strict=False):
        for pod in line["pods"]:
            pod |= {"from": before["t"], "to": line["t"]}
    assert answers(told) == answers(several)


def test_raw_samples_are_read_as_the_operator_reads_them() -> None:
    told = answers(raw(scrapes=24, bad=(0.1, 0.01)), NO_DRAIN, history=PAST)
    assert told[-1]["verdict"] == "Fail"
    assert told[-1]["slis"]["answers"]["pods"] == [2, 4]
    assert [one["t"] % 15 for one in told] == [0.0] * len(told)


def test_raw_samples_that_come_late_twice_or_not_at_all_are_put_right() -> None:
    several = raw(scrapes=24)
    twice = [*several[:40], several[38], *several[40:]]
    late = [*several[:40], several[41], several[40], *several[42:]]
    usual = answers(several, NO_DRAIN)[-1]
    assert answers(twice, NO_DRAIN)[-1] == usual
    assert answers(late, NO_DRAIN)[-1] == usual
    missed = answers(several[:40] + several[41:], NO_DRAIN)[-1]
    assert missed["slis"]["answers"]["n"] == pytest.approx(usual["slis"]["answers"]["n"], rel=0.05)


def test_aligned_raw_samples_and_increments_are_the_same_evidence() -> None:
    """Raw samples are told one look later, because the reader cannot know that they were taken at one moment."""
    several = raw(scrapes=12, aligned=True)
    shown: dict[str, list[float]] = {}
    by_time: dict[float, list[Any]] = {}
    for line in several[1:]:
        now = list(line["counters"].values())
        before = shown.get(line["pod"])
        shown[line["pod"]] = now
        if before is not None:
            good, bad = (new - old for new, old in zip(now, before, strict=True))
            # The bad are among all answers, as the metric has it.
            one = {"total": good + bad, "bad": bad}
            by_time.setdefault(line["t"], []).append(
                {"pod": line["pod"], "role": line["role"], "readySince": 0.0, "slis": {"answers": one}}
            )
    told = answers([{"t": at, "weight": 10, "pods": pods} for at, pods in by_time.items()], NO_DRAIN)
    told_raw = answers(several, NO_DRAIN)
    harm = {one["t"]: one["slis"]["answers"]["e_harm"] for one in told}
    later = {one["t"]: one["slis"]["answers"]["e_harm"] for one in told_raw}
    shared = sorted(at for at in later if at - 15 in harm)
    assert len(shared) > 5
    assert [later[at] for at in shared] == pytest.approx([harm[at - 15] for at in shared])


def test_a_history_may_be_raw_and_have_gaps_and_dead_pods() -> None:
    dead = [*past(40), *past(40, begin=-10000.0, pods=5, seed=4)]
    assert Session(SPEC, dead).noise.startswith("Noise measured over")
    several = [line for line in raw(scrapes=1500, bad=(0.01, 0.01)) if "counters" in line]
    assert " of 4 pods" in Session(SPEC, several).noise


def test_histograms_are_judged() -> None:
    told = answers(lines(looks=8, slow=True), {**SPEC, "slis": [LATENCY, *SPEC["slis"]]}, history=past(slow=True))
    assert told[-1]["slis"]["latency"]["n"] > 0


def test_a_first_bucket_that_ends_at_0_changes_nothing() -> None:
    """OpenTelemetry's default bounds begin there."""
    slis = {**SPEC, "slis": [LATENCY, *SPEC["slis"]]}

    def with_a_bucket(line: dict[str, Any]) -> dict[str, Any]:
        for pod in line["pods"]:
            told = pod["slis"]["latency"]
            told["le"], told["counts"] = [0, *told["le"]], [0, *told["counts"]]
        return line

    usual = answers(lines(looks=8, slow=True), slis, history=past(slow=True))
    several = [with_a_bucket(line) for line in lines(looks=8, slow=True)]
    assert answers(several, slis, history=[with_a_bucket(line) for line in past(slow=True)]) == usual


@pytest.mark.parametrize(("slower", "action"), [(2.0, "rollback"), (1.0, "continue")])
def test_native_histograms_are_judged_like_others(slower: float, action: str) -> None:
    several = lines(looks=16, slow=True, native=True, slower=(slower, 1.0), rps=400.0)
    told = answers(several, {**SPEC, "slis": [LATENCY, *SPEC["slis"]]}, history=past(slow=True, native=True))
    assert told[-1]["action"] == action
    assert told[-1]["slis"]["latency"]["verdict"] == ("Fail" if slower > 1 else "Pass")


def test_the_first_requests_of_a_process_are_no_evidence_where_its_counters_tell_them() -> None:
    rollout = spec(workload={"deployment": "chat", "warmUpRequests": 1500}, rollback={"drain": "0s"})
    told = answers(raw(scrapes=24), rollout)
    usual = answers(raw(scrapes=24), NO_DRAIN)
    assert 0 < told[-1]["slis"]["answers"]["n"] < usual[-1]["slis"]["answers"]["n"]
    with pytest.raises(InputError, match="line 1: increments do not tell when a process began"):
        answers(lines(), rollout)
    with pytest.raises(InputError, match="history, line 1: increments do not tell when a process began"):
        Session(rollout, PAST)


def test_a_raw_histogram_without_a_bucket_at_the_objective_is_no_data() -> None:
    several: list[dict[str, Any]] = [{"t": 0.0, "weight": 10}]
    for scrape in range(8):
        for name, role in (("c", "candidate"), ("s", "stable")):
            counters = {f'answer_seconds_bucket{{le="{le}"}}': n * scrape for le, n in (("1", 90), ("+Inf", 100))}
            several.append({"t": 15.0 * scrape, "pod": name, "role": role, "counters": counters})
    assert answers(several, {**NO_DRAIN, "slis": [LATENCY]})[-1]["verdict"] == "NoData"


def test_raw_samples_say_when_the_provider_does_not_answer_and_when_weights_drift() -> None:
    several = raw(scrapes=12)
    down = {"t": 100.0, "weight": 10, "provider": "down"}
    told = answers([*several[:42], down, *several[42:]], NO_DRAIN)
    assert "ProviderDown" in [one["verdict"] for one in told]
    drift = {"t": 100.0, "weight": 30, "wanted": 10}
    steady, drifting = answers(several, NO_DRAIN)[-1], answers([*several[:42], drift, *several[42:]], NO_DRAIN)[-1]
    assert drifting["slis"]["answers"]["n"] < steady["slis"]["answers"]["n"]
    assert drifting["step"] == 1


def test_a_state_fits_only_its_own_spec() -> None:
    session = Session(SPEC)
    session.look(next(lines()))
    with pytest.raises(InputError, match="belongs to another spec"):
        Session(NO_DRAIN).restore(session.state())
    with pytest.raises(InputError, match="another version of Serinus"):
        Session(SPEC).restore({**session.state(), "bets": "1/2/3"})
    before_draws = session.state()["bets"].rpartition("/")[0]
    with pytest.raises(InputError, match="another version of Serinus"):
        Session(SPEC).restore({**session.state(), "bets": before_draws})
    with pytest.raises(InputError, match="no state of a backtest"):
        Session(SPEC).restore({"lines": "many"})


def test_a_state_says_how_many_draws_of_pods_its_evidence_tells_apart() -> None:
    calibration = Calibration(phi=1.0, phi_tail=1.0, pod_rate=0.1, share=0.01, pod_spread=0.2, pod_degrees=7)
    rules = Standards(false_rollback_rate=0.01, false_promotion_rate=0.05, steps=3)
    told_apart = len(margins.lucky(calibration, rules, 1, 4))
    assert Session(SPEC).state()["bets"].split("/")[-1:] == [str(told_apart)]


def test_the_step_follows_the_weight_unless_it_is_said() -> None:
    def step(**fields: Any) -> int:
        weight = fields.pop("weight", 10)
        return int(answers(lines(looks=1, weight=weight, **fields))[0]["step"])

    assert [step(weight=weight) for weight in (5, 10, 20, 50, 70)] == [1, 1, 2, 2, 2]
    assert step(weight=10, step=2) == 2
    assert step(weight=10, wanted=50) == 2
    assert step(weight=0, pods=(0, 6)) == 0
