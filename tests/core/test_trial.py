"""The evidence of one trial: which pods count when, what is read, and what is said when something is missing."""

from dataclasses import replace
from math import inf

import pytest

from serinus.core import trial
from serinus.core.evidence import OnFail, Role, Sli, Standards, Verdict
from serinus.core.model import Shift
from serinus.core.needs import Question, Started
from serinus.core.noise import no_history
from serinus.core.observed import Measured
from serinus.core.questions import Arms, HistogramSource, Measurement
from serinus.core.questions import Series as Selected
from serinus.core.samples import Series
from serinus.core.timeline import Life
from serinus.core.trial import Seen

LATENCY = Sli(name="latency", latency=True, budget=0.01, edge=2.5, allowed_ratio=1.1)
ERRORS = Sli(name="errors", latency=False, budget=None, edge=None, allowed_ratio=1.2)


def question(*shifts: tuple[float, int], **more: object) -> Question:
    base = Question(
        key=("uid", 1, "bbb", "rules"),
        namespace="models",
        name="chat",
        connection="",
        stable="aaa",
        candidate="bbb",
        slis=(LATENCY,),
        measurements=(
            Measurement(
                sli="latency", arms=Arms.POD, source=HistogramSource(histogram=Selected(metric="request_seconds"))
            ),
        ),
        standards=Standards(false_rollback_rate=0.01, false_promotion_rate=0.05, steps=3),
        interval=10.0,
        attempt=1,
        step=1,
        weight=20,
        shifts=tuple(Shift(at=at, weight=weight, step=1) for at, weight in shifts or ((1000.0, 20),)),
        pods=(),
        settle=30.0,
        drain=30.0,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def seen(first: float, last: float, role: Role = Role.STABLE) -> Seen:
    return Seen(role=role, first=first, last=last)


def test_a_pod_that_runs_counts_from_when_it_is_ready_and_settled() -> None:
    asked = question(pods=(Started(pod="a", role=Role.CANDIDATE, ready_since=900.0),))
    assert trial.lives(asked, {"a": seen(880.0, 1200.0)}, stale=120) == (
        Life(pod="a", role=Role.CANDIDATE, start=930.0, end=inf),
    )


def test_a_pod_that_is_not_ready_does_not_count_and_is_not_waited_for() -> None:
    asked = question(pods=(Started(pod="a", role=Role.CANDIDATE, ready_since=None),))
    assert trial.lives(asked, {"a": seen(880.0, 1200.0)}, stale=120) == ()


def test_a_pod_that_is_gone_counts_from_its_first_sample_and_settled_to_its_last() -> None:
    assert trial.lives(question(), {"a": seen(500.0, 800.0)}, stale=120) == (
        Life(pod="a", role=Role.STABLE, start=530.0, end=800.0),
    )


def test_events_count_from_when_a_pod_was_first_seen_and_settled_whether_it_is_ready_since_or_not() -> None:
    pods = (
        Started(pod="again", role=Role.CANDIDATE, ready_since=1100.0),
        Started(pod="down", role=Role.CANDIDATE, ready_since=None),
        Started(pod="calm", role=Role.STABLE, ready_since=100.0),
    )
    known = {
        "again": seen(900.0, 1200.0, Role.CANDIDATE),
        "down": seen(900.0, 1190.0, Role.CANDIDATE),
        "calm": seen(990.0, 1200.0),
        "gone": seen(500.0, 800.0),
        "chat-stable@gateway": seen(500.0, 1200.0),
    }
    assert trial.scraped(question(pods=pods), known) == (
        Life(pod="again", role=Role.CANDIDATE, start=930.0),
        Life(pod="down", role=Role.CANDIDATE, start=930.0),
        Life(pod="calm", role=Role.STABLE, start=130.0),
        Life(pod="gone", role=Role.STABLE, start=530.0, end=800.0),
    )


def test_a_gateway_needs_no_settling_and_is_waited_for_until_it_is_silent() -> None:
    known = {"chat-stable@old": seen(500.0, 800.0), "chat-stable@new": seen(790.0, 1200.0)}
    assert trial.lives(question(), known, stale=120) == (
        Life(pod="chat-stable@old", role=Role.STABLE, start=500.0, end=800.0),
        Life(pod="chat-stable@new", role=Role.STABLE, start=790.0, end=inf),
    )


def test_what_is_known_of_a_pod_grows_in_both_directions() -> None:
    def series(*times: float) -> Series:
        return Series(pod="a", sli="errors", part="total", points=tuple((at, 1.0) for at in times))

    known = trial.see({}, [(Role.STABLE, series(20.0, 30.0)), (Role.STABLE, series())])
    known = trial.see(known, [(Role.STABLE, series(10.0, 25.0)), (Role.STABLE, series(40.0))])
    assert known == {"a": seen(10.0, 40.0)}


@pytest.mark.parametrize(
    ("shifts", "start", "parts"),
    [
        (((1000, 20),), 990, [(990, 2000)]),
        (((1000, 20),), 1500, [(1500, 2000)]),
        (((1000, 20), (1200, 50)), 990, [(990, 2000)]),
        (((1000, 20), (1200, 0), (1700, 20)), 990, [(990, 1200), (1700, 2000)]),
        (((1000, 20), (1200, 0), (1700, 20)), 1300, [(1700, 2000)]),
        (((900, 0), (1000, 20), (1200, 0)), 0, [(990, 1200)]),
        (((1000, 20), (1200, 0)), 1300, []),
    ],
)
def test_only_the_time_with_traffic_is_read_and_the_interval_before_it(
    shifts: tuple[tuple[float, int], ...], start: float, parts: list[tuple[float, float]]
) -> None:
    assert trial.traffic(question(*shifts), start, 2000.0) == parts


def test_a_trial_begins_to_read_one_interval_before_its_traffic() -> None:
    asked = question()
    begun = trial.begin(asked, no_history(asked.slis))
    assert trial.read_from(begun) == 990.0


def test_missing_data_stops_a_pass_and_never_takes_back_a_fail() -> None:
    passed = Measured(verdict=Verdict.PASS, sentence="good", held=60.0)
    told = trial.without_data(passed, "no bucket")
    assert (told.verdict, told.sentence, told.held) == (Verdict.NO_DATA, "no bucket", 60.0)
    failed = Measured(verdict=Verdict.FAIL, sentence="bad")
    assert trial.without_data(failed, "no bucket") == failed


def told(role: Role, *, bad: float, since: float, until: float, pod: str) -> list[tuple[Role, Series]]:
    """10 requests a second, sampled each 10 s."""
    times = [since + 10 * n for n in range(int((until - since) // 10) + 1)]
    total = tuple((at, 10 * (at - since)) for at in times)
    wrong = tuple((at, value * bad) for at, value in total)
    return [
        (role, Series(pod=pod, sli="errors", part="total", points=total)),
        (role, Series(pod=pod, sli="errors", part="bad", points=wrong)),
    ]


@pytest.mark.parametrize("on_fail", OnFail)
def test_a_fail_says_whether_it_only_holds(on_fail: OnFail) -> None:
    sli = Sli(name="errors", latency=False, budget=None, edge=None, allowed_ratio=1.2, on_fail=on_fail)
    asked = question(slis=(sli,))
    series = [
        *told(Role.STABLE, bad=0.01, since=800, until=2200, pod="chat-aaa-1-1"),
        *told(Role.CANDIDATE, bad=0.9, since=800, until=2200, pod="chat-bbb-1-1"),
    ]
    after = trial.absorb(trial.begin(asked, no_history((sli,))), asked, series, 2200.0)
    said = trial.measured(after, asked)
    assert said.verdict is Verdict.FAIL
    assert said.hold_only is (on_fail is OnFail.HOLD)
    assert after.read_to == 2200.0


def in_parts(
    asked: Question, series: list[tuple[Role, Series]], times: range, *, beforehand: bool
) -> list[trial.Trial]:
    """The trial after each of these times, from the samples until then; or from those judged beforehand."""
    known, after = trial.begin(asked, no_history(asked.slis)), []
    for until in times:
        some = [(role, replace(one, points=tuple(p for p in one.points if p[0] <= until))) for role, one in series]
        known = trial.absorb(known, asked, some, float(until))
        after.append(known)
        if beforehand:
            known = trial.foresee(known)
    return after


def test_a_look_that_was_judged_beforehand_counts_when_it_is_let_go_and_not_before() -> None:
    asked = question(slis=(ERRORS,))
    series = [
        *told(Role.STABLE, bad=0.01, since=800, until=2200, pod="chat-aaa-1-1"),
        *told(Role.CANDIDATE, bad=0.02, since=800, until=2200, pod="chat-bbb-1-1"),
    ]
    times = range(1000, 2200, 30)
    assert in_parts(asked, series, times, beforehand=True) == in_parts(asked, series, times, beforehand=False)


def test_who_is_about_to_fail_is_known_one_look_ahead_and_is_no_verdict_yet() -> None:
    asked = question(slis=(ERRORS,))
    series = [
        *told(Role.STABLE, bad=0.01, since=800, until=2200, pod="chat-aaa-1-1"),
        *told(Role.CANDIDATE, bad=0.9, since=800, until=2200, pod="chat-bbb-1-1"),
    ]
    steps = in_parts(asked, series, range(1000, 2200, 10), beforehand=False)
    first = next(at for at, one in enumerate(steps) if one.state.failure is not None)
    before = trial.foresee(steps[first - 1])
    assert trial.is_about_to_fail(before)
    assert trial.measured(before, asked).verdict is not Verdict.FAIL
    assert not trial.is_about_to_fail(trial.foresee(steps[0]))


def test_the_past_of_stable_is_told_in_looks_without_the_first_settling() -> None:
    series = [
        *told(Role.STABLE, bad=0.01, since=600, until=1800, pod="chat-aaa-1-1"),
        *told(Role.CANDIDATE, bad=0.5, since=600, until=1800, pod="chat-bbb-1-1"),
    ]
    looks = trial.past(series, step=60.0, settle=100.0)
    assert {one.pod for look in looks for one in look.pods} == {"chat-aaa-1-1"}
    assert min(one.start for look in looks for one in look.pods) >= 700
    assert sum(one.end - one.start for look in looks for one in look.pods) >= 900


ERRORS = Sli(name="errors", latency=False, budget=None, edge=None, allowed_ratio=1.2)


def warmed(requests: int, *, until: float, pace: float = 10.0) -> Measured:
    """A candidate whose one pod has run since 1000 and answers `pace` requests a second."""
    pod = Started(pod="chat-bbb-1-1", role=Role.CANDIDATE, ready_since=960.0)
    asked = question(slis=(ERRORS,), warm_up_requests=requests, pods=(pod,), settle=0.0, drain=0.0)
    times = [1000.0 + 10 * n for n in range(int((until - 1000) // 10) + 1)]
    points = tuple((at, pace * (at - 1000)) for at in times)
    candidate = (Role.CANDIDATE, Series(pod="chat-bbb-1-1", sli="errors", part="total", points=points))
    stable = told(Role.STABLE, bad=0.01, since=600, until=until, pod="chat-aaa-1-1")
    after = trial.absorb(trial.begin(asked, no_history((ERRORS,))), asked, [*stable, candidate], until)
    return trial.measured(after, asked)


def test_a_candidate_that_warms_up_is_too_few_requests_and_says_how_many_are_missing() -> None:
    said = warmed(500, until=1030)
    assert said.verdict is Verdict.NOT_ENOUGH
    assert said.sentence == "The candidate warms up: 300 of a pod's first 500 requests, which are no evidence."
    assert said.outlook == "200 more requests of warm-up"
    assert (said.held, said.requests, said.share) == (0.0, 0.0, None)
    assert said.at(1, 1, 1000.0) == said, "it is said of the present weight"


def test_where_stable_warms_up_too_the_warm_up_is_told_although_no_look_was_taken() -> None:
    said = warmed(50_000, until=1200)
    assert (said.last_look, said.verdict) == (None, Verdict.NOT_ENOUGH)
    assert said.at(1, 1, 1000.0).sentence.startswith("The candidate warms up: 2000 of a pod's first 50000 requests")


def test_after_its_warm_up_a_candidate_is_judged_by_what_came_after_it() -> None:
    said = warmed(500, until=1200)
    assert "warms up" not in said.sentence
    assert said.requests == 10 * (1200 - 1050 - 10), "the last look waits for the next"
    assert warmed(0, until=1200).requests == 10 * (1200 - 1000 - 10)


def test_a_candidate_that_hangs_in_its_warm_up_is_silent() -> None:
    assert warmed(500, until=1200, pace=0.0).silent > 50
    assert warmed(50_000, until=1200).silent == 0


def test_the_past_of_stable_leaves_out_the_first_requests_of_a_process() -> None:
    series = told(Role.STABLE, bad=0.01, since=600, until=1800, pod="chat-aaa-1-1")
    looks = trial.past(series, step=60.0, settle=0.0, warm_up=6000)
    assert min(one.start for look in looks for one in look.pods) == 1200
