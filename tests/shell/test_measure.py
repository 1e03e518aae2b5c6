"""Measuring: how many queries it takes, and that nothing but the samples decides what comes out."""

import re
from dataclasses import replace
from typing import Any

import pytest

from serinus.core import trial
from serinus.core.evidence import Role, Sli, Standards, Verdict
from serinus.core.forecast import Stage
from serinus.core.model import Shift
from serinus.core.needs import Question, Started
from serinus.core.observed import Measured
from serinus.core.questions import Arms, HistogramSource, Matcher, Measurement, RatioSource, Series
from serinus.shell.measure import DEFECT, ROUNDS, Measurer
from serinus.shell.prometheus import BadQuery, ProviderUnavailable
from serinus.shell.ranges import BATCH_SECONDS, HISTORY_SECONDS
from serinus.shell.settings import SettingsError
from tests.shell.told_prometheus import ToldPrometheus

START = 1_700_000_100.0
"""Traffic begins here: on the grid of 15 s and of 300 s."""
INTERVAL = 15.0
FAILED = Matcher(label="code", op="=~", value="5..")
ERRORS = Measurement(
    sli="errors",
    arms=Arms.POD,
    source=RatioSource(
        total=Series(metric="http_requests_total"), bad=Series(metric="http_requests_total", matchers=(FAILED,))
    ),
)
LATENCY = Measurement(sli="latency", arms=Arms.POD, source=HistogramSource(histogram=Series(metric="http_seconds")))
SLIS = (
    Sli(name="errors", latency=False, budget=0.01, edge=None, allowed_ratio=1.2),
    Sli(name="latency", latency=True, budget=0.01, edge=1.0, allowed_ratio=1.1),
)


def question(name: str = "chat", **more: object) -> Question:
    base = Question(
        key=(f"uid-{name}", 1, "bbb", "rules"),
        namespace="models",
        name=name,
        connection="",
        stable="aaa",
        candidate="bbb",
        slis=SLIS,
        measurements=(ERRORS, LATENCY),
        standards=Standards(false_rollback_rate=0.01, false_promotion_rate=0.05, steps=3),
        interval=INTERVAL,
        attempt=1,
        step=1,
        weight=20,
        shifts=(Shift(at=START, weight=20, step=1),),
        pods=tuple(
            Started(pod=pod(name, role, n), role=role, ready_since=START - 900)
            for role in (Role.STABLE, Role.CANDIDATE)
            for n in range(2)
        ),
        settle=30.0,
        drain=30.0,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def pod(name: str, role: Role, number: int) -> str:
    return f"{name}-{'aaa' if role is Role.STABLE else 'bbb'}-5d9f-{number}"


def story(
    told: ToldPrometheus,
    until: float,
    *,
    name: str = "chat",
    since: float = START - 900,
    bad: float = 0.0,
    scrape: float = 5.0,
) -> None:
    """Two pods an arm: stable at 40 requests a second each, the candidate at 10; `bad` is the candidate's share."""
    for role, rate, share in ((Role.STABLE, 40.0, 0.0), (Role.CANDIDATE, 10.0, bad)):
        for number in range(2):
            labels = {"namespace": "models", "pod": pod(name, role, number), "instance": "10.0.0.1:8080"}
            at = since + number + (0.5 if role is Role.STABLE else 0.0)
            while at <= until:
                traffic = at - since if role is Role.STABLE else max(0.0, at - START)
                total = float(int(rate * traffic))
                failed = float(int(rate * traffic * share))
                for code, value in (("200", total - failed), ("500", failed)):
                    told.tell({**labels, "__name__": "http_requests_total", "code": code}, at, value)
                for edge, part in (("0.5", 0.9), ("1.0", 0.995), ("+Inf", 1.0)):
                    told.tell({**labels, "__name__": "http_seconds_bucket", "le": edge}, at, float(int(total * part)))
                at += scrape


async def ticks(measurer: Measurer, asked: Question, start: float, end: float) -> Measured:
    """Every look on the grid from `start` to `end`, a moment late as a real loop is; the last answer."""
    at, answer = start, Measured()
    while at <= end:
        answer = (await measurer.measure([asked], at + 0.05))[asked.key]
        at += INTERVAL
    return answer


@pytest.fixture
def told() -> ToldPrometheus:
    return ToldPrometheus()


async def test_an_equal_candidate_is_measured_by_both_slis(told: ToldPrometheus) -> None:
    story(told, START + 600)
    answer = await ticks(Measurer(lambda _: told), question(), START + INTERVAL, START + 600)
    assert [one.sli for one in answer.findings] == ["errors", "latency"]
    assert answer.findings[0].requests_candidate > 9_000
    assert answer.verdict in (Verdict.PASS, Verdict.NOT_ENOUGH)
    assert answer.share == pytest.approx(20, abs=1)
    assert 480 <= answer.held <= 600
    assert (answer.attempt, answer.step, answer.silent) == (1, 1, 0.0)


async def test_a_bad_candidate_fails(told: ToldPrometheus) -> None:
    story(told, START + 600, bad=0.3)
    answer = await ticks(Measurer(lambda _: told), question(), START + INTERVAL, START + 600)
    assert answer.verdict is Verdict.FAIL
    assert not answer.hold_only


async def test_a_measurer_that_lost_its_memory_reads_the_past_and_says_the_same(told: ToldPrometheus) -> None:
    story(told, START + 4800, bad=0.002, scrape=30.0)
    old = Measurer(lambda _: told)
    live = await ticks(old, question(), START + INTERVAL, START + 4800)
    replayed = (await Measurer(lambda _: told).measure([question()], START + 4800 + 0.05))[question().key]
    assert replayed == live


async def test_noise_that_is_measured_on_the_way_is_the_same_when_the_past_is_read_again(told: ToldPrometheus) -> None:
    """Two pods of stable have four pod-hours after two hours; then less than three times stable is harm, too."""
    story(told, START + 8400, bad=0.002, scrape=60.0)
    asked, old, at = question(interval=60.0), Measurer(lambda _: told), START
    while at < START + 8400:
        at += 60.0
        live = (await old.measure([asked], at + 2.0))[asked.key]
    (known,) = old._trials.values()
    assert known.state.gathering is None
    assert "Noise measured over 4." in known.state.noise.sentence
    replayed = (await Measurer(lambda _: told).measure([asked], at + 2.0))[asked.key]
    assert replayed == live


async def test_while_pods_come_up_the_traffic_of_stable_tells_how_long_the_steps_take(told: ToldPrometheus) -> None:
    story(told, START + 90)
    steps = tuple(Stage(step=n, weight=w, pods1=1, pods0=2, hold=60.0) for n, w in ((1, 20), (2, 50)))
    waiting = question(step=0, weight=0, shifts=(), began=START - 30, stages=steps)
    measurer = Measurer(lambda _: told)
    answer = (await measurer.measure([waiting], START - 15.0))[waiting.key]
    assert (answer.step, answer.verdict, answer.findings) == (0, Verdict.NO_DATA, ())
    assert [one.step for one in answer.foreseen] == [1, 2]
    assert answer.foreseen[0].rate == pytest.approx(80, rel=0.1)
    assert all(one.assumed and 60 <= one.seconds < 3600 for one in answer.foreseen)
    asked = measurer.queries
    assert (await measurer.measure([waiting], START))[waiting.key] == answer
    assert measurer.queries == asked, "the past is read once"
    begun = replace(waiting, step=1, weight=20, shifts=question().shifts, stages=())
    await measurer.measure([begun], START + 60.05)
    assert measurer.queries - asked == 3, "with traffic its samples are read, and not the past again"
    assert (await ticks(measurer, begun, START + 75, START + 90)).foreseen == ()


async def test_a_step_passes_after_about_the_time_that_was_said_before_its_traffic(told: ToldPrometheus) -> None:
    story(told, START + 3600, scrape=15.0)
    stage = Stage(step=1, weight=20, pods1=2, pods0=2, hold=60.0, idle=60.0)
    waiting = question(step=0, weight=0, shifts=(), began=START, stages=(stage,))
    measurer = Measurer(lambda _: told)
    said = (await measurer.measure([waiting], START))[waiting.key].foreseen[0]
    at, begun = START, replace(waiting, step=1, weight=20, shifts=question().shifts, stages=())
    while (await measurer.measure([begun], at + 2.0))[begun.key].verdict is not Verdict.PASS:
        at += INTERVAL
        assert at < START + 3600
    assert at - START == pytest.approx(said.seconds, rel=0.3), said


async def test_a_stable_that_nobody_counted_lets_nothing_be_foreseen(told: ToldPrometheus) -> None:
    waiting = question(step=0, weight=0, shifts=(), began=START, stages=(Stage(step=1, weight=20, pods1=1, pods0=2),))
    assert (await Measurer(lambda _: told).measure([waiting], START))[waiting.key].foreseen == ()


async def test_without_a_past_it_is_foreseen_from_the_first_looks_of_the_step(told: ToldPrometheus) -> None:
    story(told, START + 600, since=START - 30)
    asked = question(began=START, stages=(Stage(step=1, weight=20, pods1=2, pods0=2),))
    answer = await ticks(Measurer(lambda _: told), asked, START + INTERVAL, START + 150)
    assert answer.foreseen[0].rate == pytest.approx(100, rel=0.1)


async def test_a_tick_costs_the_same_number_of_queries_for_many_rollouts_as_for_one(told: ToldPrometheus) -> None:
    names = [f"m{n}" for n in range(40)]
    for name in names:
        story(told, START + 90, name=name, since=START - 30)
    counted = []
    for number in (1, 40):
        measurer = Measurer(lambda _: told)
        asked = [question(name) for name in names[:number]]
        await measurer.measure(asked, START + 60.05)
        before = measurer.queries
        await measurer.measure(asked, START + 75.05)
        await measurer.measure(asked, START + 90.05)
        counted.append(measurer.queries - before)
    assert counted == [6, 6]


async def test_a_rollout_that_waits_for_a_late_pod_costs_no_queries_of_its_own(told: ToldPrometheus) -> None:
    story(told, START + 90, name="prompt", since=START - 30)
    story(told, START + 30, name="late", since=START - 30)
    measurer, asked = Measurer(lambda _: told), [question("prompt"), question("late")]
    for at in (60.05, 75.05):
        await measurer.measure(asked, START + at)
    before = measurer.queries
    await measurer.measure(asked, START + 90.05)
    assert measurer.queries == before + 3


async def test_history_before_the_trial_is_read_once_an_attempt_and_of_stable_only(told: ToldPrometheus) -> None:
    story(told, START + 60)
    measurer = Measurer(lambda _: told)
    await ticks(measurer, question(), START + INTERVAL, START + 60)
    history = [(query, at) for query, at in told.asked if f"[{HISTORY_SECONDS}s:60s]" in query]
    assert len(history) == 3
    assert all(at == START and "chat-aaa" in query and "chat-bbb" not in query for query, at in history)
    await measurer.measure([question(key=("uid-chat", 2, "bbb", "rules"), attempt=2)], START + 75)
    assert len([query for query, _ in told.asked if f"[{HISTORY_SECONDS}s:60s]" in query]) == 6


async def test_without_history_answered_nothing_is_judged(told: ToldPrometheus) -> None:
    story(told, START + 300, bad=0.5)
    told.failing = ProviderUnavailable("Prometheus cannot be reached.")
    measurer = Measurer(lambda _: told)
    answer = await ticks(measurer, question(), START + INTERVAL, START + 300)
    assert (answer.verdict, answer.findings) == (Verdict.PROVIDER_DOWN, ())
    assert "cannot be reached" in answer.sentence
    told.failing = None
    assert (await measurer.measure([question()], START + 300.05))[question().key].verdict is Verdict.FAIL


@pytest.mark.parametrize("fault", ["down", "partial"])
async def test_a_provider_that_fails_in_the_middle_keeps_the_findings_and_loses_nothing(
    told: ToldPrometheus, fault: str
) -> None:
    story(told, START + 600)
    measurer = Measurer(lambda _: told)
    before = await ticks(measurer, question(), START + INTERVAL, START + 300)
    if fault == "down":
        told.failing = ProviderUnavailable("Prometheus answered 503.")
    else:
        told.warnings = ["a store is away"]
    during = await ticks(measurer, question(), START + 315, START + 405)
    assert during.verdict is Verdict.PROVIDER_DOWN
    assert during.findings == before.findings
    assert during.held == before.held
    told.failing, told.warnings = None, []
    after = await ticks(measurer, question(), START + 420, START + 600)
    undisturbed = await ticks(Measurer(lambda _: told), question(), START + INTERVAL, START + 600)
    assert after == undisturbed


async def test_a_fail_that_was_found_stays_while_the_provider_is_down(told: ToldPrometheus) -> None:
    story(told, START + 600, bad=0.3)
    measurer = Measurer(lambda _: told)
    await ticks(measurer, question(), START + INTERVAL, START + 600)
    told.failing = ProviderUnavailable("Prometheus answered 503.")
    assert (await ticks(measurer, question(), START + 615, START + 615)).verdict is Verdict.FAIL


async def test_a_query_that_is_refused_is_no_data_with_the_reason_and_no_outage(told: ToldPrometheus) -> None:
    told.failing = BadQuery("Prometheus does not accept the query.")
    answer = await ticks(Measurer(lambda _: told), question(), START + INTERVAL, START + INTERVAL)
    assert (answer.verdict, answer.sentence) == (Verdict.NO_DATA, "Prometheus does not accept the query.")


async def test_a_metric_that_cannot_be_written_spoils_nobody_elses_measuring(told: ToldPrometheus) -> None:
    story(told, START + 300, name="good")
    broken = replace(ERRORS, source=RatioSource(total=Series(metric="sum(x)"), bad=Series(metric="y")))
    wrong = question("wrong", measurements=(broken, LATENCY))
    measurer = Measurer(lambda _: told)
    answers = await measurer.measure([wrong, question("good")], START + 300.05)
    assert answers[wrong.key].verdict is Verdict.NO_DATA
    assert "sum(x)" in answers[wrong.key].sentence
    assert answers[question("good").key].findings[0].requests_candidate > 0


async def test_a_connection_that_is_not_set_up_is_said_in_its_own_words() -> None:
    def connect(name: str) -> ToldPrometheus:
        raise SettingsError(f"There is no Prometheus connection {name!r}.")

    asked = question(connection="thanos")
    answer = (await Measurer(connect).measure([asked], START + 60))[asked.key]
    assert (answer.verdict, answer.sentence) == (Verdict.NO_DATA, "There is no Prometheus connection 'thanos'.")


async def test_each_connection_is_asked_for_its_own_rollouts() -> None:
    stores = {"one": ToldPrometheus(), "two": ToldPrometheus()}
    for name, store in stores.items():
        story(store, START + 300, name=name)
    stores["two"].failing = ProviderUnavailable("Prometheus answered 503.")
    asked = [question(name, connection=name) for name in stores]
    answers = await Measurer(lambda name: stores[name]).measure(asked, START + 300.05)
    assert answers[asked[0].key].findings[0].requests_candidate > 0
    assert answers[asked[1].key].verdict is Verdict.PROVIDER_DOWN
    assert not any("two-" in query for query, _ in stores["one"].asked)


async def test_a_bucket_that_the_objective_needs_and_nobody_has_is_named_with_its_neighbours(
    told: ToldPrometheus,
) -> None:
    story(told, START + 300)
    slis = (SLIS[0], replace(SLIS[1], edge=0.75))
    answer = await ticks(Measurer(lambda _: told), question(slis=slis), START + INTERVAL, START + 300)
    assert answer.verdict is Verdict.NO_DATA
    assert "0.75" in answer.sentence
    assert "0.5s, 1s" in answer.sentence


async def test_time_without_traffic_is_neither_read_nor_counted(told: ToldPrometheus) -> None:
    story(told, START + 7 * 3600, scrape=15.0)
    shifts = (
        Shift(at=START, weight=20, step=1),
        Shift(at=START + 300, weight=0, step=1),
        Shift(at=START + 6.5 * 3600, weight=20, step=1),
    )
    asked = question(shifts=shifts)
    measurer = Measurer(lambda _: told)
    answer = (await measurer.measure([asked], START + 7 * 3600 + 0.05))[asked.key]
    assert 1800 <= answer.held <= 2100
    assert measurer.queries == 9


async def test_a_long_past_is_read_over_several_ticks_and_nothing_passes_meanwhile(told: ToldPrometheus) -> None:
    end = START + (ROUNDS + 2) * 3600
    story(told, end + 60, scrape=60.0)
    measurer = Measurer(lambda _: told)
    first = (await measurer.measure([question()], end))[question().key]
    assert first.verdict is Verdict.NO_DATA
    assert "Reading the past" in first.sentence
    second = (await measurer.measure([question()], end + INTERVAL))[question().key]
    assert second.verdict is not Verdict.NO_DATA


async def test_a_pod_that_is_gone_is_still_counted_for_the_time_it_lived(told: ToldPrometheus) -> None:
    story(told, START + 600)
    all_there = await ticks(Measurer(lambda _: told), question(), START + INTERVAL, START + 600)
    gone = question(pods=tuple(one for one in question().pods if not one.pod.endswith("-1")))
    without = (await Measurer(lambda _: told).measure([gone], START + 600.05))[gone.key]
    assert without.findings[0].requests_candidate == pytest.approx(all_there.findings[0].requests_candidate, rel=0.02)


async def test_a_pod_counts_only_once_it_has_settled(told: ToldPrometheus) -> None:
    story(told, START + 300)
    late = tuple(replace(one, ready_since=START + 180) for one in question().pods)
    early = await ticks(Measurer(lambda _: told), question(), START + INTERVAL, START + 300)
    settled = await ticks(Measurer(lambda _: told), question(pods=late), START + INTERVAL, START + 300)
    assert 0 < settled.held < early.held - 150


async def test_a_candidate_that_answers_nothing_is_silent(told: ToldPrometheus) -> None:
    story(told, START + 300)
    told.series = {key: value for key, value in told.series.items() if "-bbb-" not in dict(key)["pod"]}
    answer = await ticks(Measurer(lambda _: told), question(), START + INTERVAL, START + 300)
    assert answer.verdict is Verdict.NO_DATA
    assert answer.silent > 1_000


async def test_what_is_counted_under_wrong_weights_is_no_evidence(told: ToldPrometheus) -> None:
    story(told, START + 600)
    measurer = Measurer(lambda _: told)
    before = await ticks(measurer, question(), START + INTERVAL, START + 300)
    drifting = question(drift_since=START + 300)
    during = await ticks(measurer, drifting, START + 315, START + 600)
    assert during.held <= before.held + 2 * INTERVAL


async def test_a_rollout_that_is_gone_is_forgotten(told: ToldPrometheus) -> None:
    story(told, START + 60)
    measurer = Measurer(lambda _: told)
    await ticks(measurer, question(), START + INTERVAL, START + 30)
    before = measurer.queries
    measurer.forget("uid-chat")
    await ticks(measurer, question(), START + 45, START + 45)
    assert measurer.queries == before + 6


async def test_time_is_counted_once_however_the_scrapes_of_the_pods_fall(told: ToldPrometheus) -> None:
    # Both candidate pods are scraped once in four looks, one of them just before and one just after a look is due.
    story(told, START + 3600, scrape=60.0)
    answer = await ticks(Measurer(lambda _: told), question(), START + INTERVAL, START + 3600)
    assert 3300 <= answer.held <= 3600


async def test_a_trial_that_nobody_asks_about_is_dropped_and_read_again_when_someone_does(told: ToldPrometheus) -> None:
    story(told, START + 3000, scrape=15.0)
    measurer = Measurer(lambda _: told)
    await ticks(measurer, question(), START + INTERVAL, START + 60)
    other = question("other")
    await measurer.measure([other], START + 1200)
    before = measurer.queries
    answer = (await measurer.measure([question()], START + 1200))[question().key]
    assert measurer.queries == before + 6
    assert answer.held > 900


async def test_a_clock_that_was_ahead_for_a_while_leaves_nothing_out(told: ToldPrometheus) -> None:
    whole = ToldPrometheus()
    story(whole, START + 600)
    story(told, START + 300)
    measurer = Measurer(lambda _: told)
    await ticks(measurer, question(), START + INTERVAL, START + 300)
    ahead = (await measurer.measure([question()], START + 3600))[question().key]
    assert ahead.held <= 300, "time that has not come was counted"
    told.series = whole.series
    answer = await ticks(measurer, question(), START + 300 + INTERVAL, START + 600)
    assert answer == await ticks(Measurer(lambda _: whole), question(), START + INTERVAL, START + 600)


async def test_one_whose_last_look_was_bad_is_answered_before_the_others(told: ToldPrometheus) -> None:
    names = ["a", "b", "c"]
    story(told, START + 600, name="a")
    story(told, START + 600, name="b", bad=0.5)
    story(told, START + 600, name="c")
    measurer, asked = Measurer(lambda _: told), [question(name) for name in names]
    at, answers = START + INTERVAL, dict.fromkeys(names, Verdict.NOT_ENOUGH)
    while answers["b"] is not Verdict.FAIL:
        order = [(key[0], said.verdict) async for key, said in measurer.each(asked, at + 0.05)]
        answers = {key.removeprefix("uid-"): verdict for key, verdict in order}
        at += INTERVAL
        assert at < START + 600
    assert order[0] == ("uid-b", Verdict.FAIL)
    assert Verdict.FAIL not in (answers["a"], answers["c"])


async def test_what_was_judged_beforehand_gives_the_same_as_what_was_not(told: ToldPrometheus) -> None:
    story(told, START + 900, bad=0.004)
    beforehand, straight = Measurer(lambda _: told), Measurer(lambda _: told)
    at = START + INTERVAL
    while at <= START + 900:
        one = (await beforehand.measure([question()], at))[question().key]
        straight._trials = {key: replace(known, ahead=None) for key, known in straight._trials.items()}
        assert (await straight.measure([question()], at))[question().key] == one
        at += INTERVAL


async def test_an_answer_that_cannot_be_judged_is_nobody_elses(told: ToldPrometheus, monkeypatch: Any) -> None:
    story(told, START + 300, name="good")
    story(told, START + 300, name="odd")
    absorb = trial.absorb

    def breaks(known: Any, asked: Question, *rest: Any) -> Any:
        if asked.name == "odd":
            raise ZeroDivisionError
        return absorb(known, asked, *rest)

    monkeypatch.setattr(trial, "absorb", breaks)
    answers = await Measurer(lambda _: told).measure([question("odd"), question("good")], START + 300.05)
    odd = answers[question("odd").key]
    assert (odd.verdict, odd.sentence, odd.findings) == (Verdict.NO_DATA, DEFECT, ())
    assert answers[question("good").key].findings


async def test_the_past_of_many_is_read_some_rollouts_at_a_time(told: ToldPrometheus) -> None:
    names = [f"m{n}" for n in range(30)]
    asked = [question(name) for name in names]
    measurer = Measurer(lambda _: told)
    await measurer.measure(asked, START + 3600)
    told.asked.clear()
    await measurer.measure([question(name, key=(f"uid-{name}", 2, "bbb", "rules")) for name in names], START + 3600)
    rollouts_asked_at_once = max(len(set(re.findall(r"m[0-9]+", query))) for query, _ in told.asked)
    assert rollouts_asked_at_once * 3600 <= BATCH_SECONDS


async def test_a_connection_that_did_not_answer_is_not_asked_for_the_rest(told: ToldPrometheus) -> None:
    told.failing = ProviderUnavailable("Prometheus did not answer within 10 s.")
    asked = [question(f"m{n}") for n in range(30)]
    answers = await Measurer(lambda _: told).measure(asked, START + 3600)
    assert {one.verdict for one in answers.values()} == {Verdict.PROVIDER_DOWN}
    assert len(told.asked) == 3, "the queries of the first few rollouts, and no more time-outs"
