"""A trial replayed from what was exported of it, and from the samples: what the live operator's reader said, again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from serinus.api.compile import Problems, compile_spec
from serinus.cli.replay import Summary, answers
from serinus.core.evidence import Role
from serinus.core.model import Shift, Spec
from serinus.core.needs import Question
from serinus.shell import recorded, replay
from serinus.shell.measure import Measurer
from serinus.shell.prometheus import ProviderUnavailable
from serinus.shell.recorded import CannotReplay, Looked, Recorded
from serinus.shell.trials import NEWEST, Trials
from tests.shell.test_measure import INTERVAL, START, pod, question, story
from tests.shell.told_prometheus import ToldPrometheus

FAILED = [{"label": "code", "matches": "5.."}]
TOTAL = {"metric": "http_requests_total"}
ROLLOUT: dict[str, Any] = {
    "workload": {"deployment": "chat"},
    "traffic": {"httpRoute": "chat"},
    "steps": [{"weight": 20, "hold": "1m"}, {"weight": 50, "hold": "1m"}],
    "slis": [
        {"name": "errors", "objective": "90%", "ratio": {"total": TOTAL, "bad": {**TOTAL, "matchers": FAILED}}},
        {"name": "latency", "p90": "1s", "histogram": {"metric": "http_seconds", "worse": "higher"}},
    ],
    "analysis": {"interval": "15s", "assumedDispersion": 1},
    "rollback": {"drain": "30s"},
}
FIRST, SECOND = Shift(at=START, weight=20, step=1), Shift(at=START + 225, weight=50, step=2)
END = START + 450


def compiled() -> Spec:
    found = compile_spec(
        {
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": "ModelRollout",
            "metadata": {"name": "chat", "namespace": "models"},
            "spec": ROLLOUT,
        }
    )
    assert not isinstance(found, Problems), found
    return found


SPEC = compiled()


def asked(at: float) -> Question:
    """What the operator asks at that moment. The second step was set in the middle of its second."""
    shifts = (FIRST, SECOND) if at > SECOND.at + 0.5 else (FIRST,)
    own = {name: getattr(SPEC, name) for name in ("slis", "measurements", "standards", "interval", "drain")}
    last = shifts[-1]
    return question(shifts=shifts, step=last.step, weight=last.weight, began=START - 60, **own)


@dataclass(kw_only=True)
class Live:
    """The operator's reader, looking on its grid, and a Prometheus that scrapes what it exports."""

    told: ToldPrometheus
    late: Callable[[int], float] = lambda _: 3.0
    """How many seconds after it was due a look is made, by its number."""
    scraped: Callable[[int], bool] = lambda _: True
    """Whether a scrape comes between this look and the next one."""
    ask: Callable[[float], Question] = asked
    now: float = 0.0
    restarts: frozenset[int] = frozenset()
    said: dict[float, str] = field(default_factory=dict)

    async def run(self, *, looks: int = 30, before: Callable[[int], None] = lambda _: None) -> None:
        measurer, trials = Measurer(lambda _: self.told), Trials(clock=lambda: self.now)
        for number in range(1, looks + 1):
            before(number)
            if number in self.restarts:
                measurer, trials = Measurer(lambda _: self.told), Trials(clock=lambda: self.now)
            self.now = START + number * INTERVAL + self.late(number)
            one = self.ask(self.now)
            if one.weight == 0:
                continue
            measured = (await measurer.measure([one], self.now))[one.key]
            trials.tell(one, measured, self.now)
            self.said[self.now] = measured.at(1, one.step, one.shifts[-1].at).verdict
            if self.scraped(number):
                self.scrape(trials, self.now + 1.0)

    def scrape(self, trials: Trials, at: float) -> None:
        for family in trials.collect():
            for one in family.samples:
                self.told.tell({**one.labels, "__name__": one.name, "instance": "10.0.0.9:8080"}, at, one.value)


async def replayed(told: ToldPrometheus, attempt: int | None = None) -> list[dict[str, Any]]:
    found = await recorded.find(told, SPEC, START - 600, END + 300, attempt)
    return [one async for one in answers(told, ROLLOUT, SPEC, found)]


@pytest.fixture
def told() -> ToldPrometheus:
    made = ToldPrometheus()
    story(made, END + 60, bad=0.002, scrape=10.0)
    return made


async def test_every_look_says_what_it_said_with_the_same_evidence(told: ToldPrometheus) -> None:
    live = Live(told=told)
    await live.run()
    found = await replayed(told)
    assert {one["t"]: one["verdict"] for one in found} == live.said
    assert [one["same"] for one in found] == [True] * 30
    assert [(one["step"], one["weight"]) for one in found] == [(1, 20)] * 14 + [(2, 50)] * 16
    # At the second step the share of requests is still that of the first, which blocks a Pass.
    passed = {one["step"] for one in found if one["passed"]}
    assert passed == {1}
    assert all(one["verdict"] == "Pass" for one in found if one["passed"])


async def test_a_look_in_the_second_of_a_change_of_weight_belongs_to_what_was_before(told: ToldPrometheus) -> None:
    """Entries tell whole seconds: this look was at 225.25 s, and the weight was set at 225.5 s."""
    live = Live(told=told, late=lambda number: 0.25 if number == 15 else 3.0)
    await live.run()
    found = await replayed(told)
    assert (found[14]["t"], found[14]["step"]) == (START + 225.25, 1)
    assert all(one["same"] for one in found)


async def test_looks_that_no_scrape_has_caught_are_made_on_the_grid_and_disturb_no_other(told: ToldPrometheus) -> None:
    live = Live(told=told, scraped=lambda number: number % 3 == 0)
    await live.run(looks=27)
    found = await replayed(told)
    assert [one["t"] for one in found] == list(live.said)
    assert [one["same"] for one in found] == [None, None, True] * 9
    assert {one["t"]: one["verdict"] for one in found} == live.said


async def test_a_look_that_is_made_up_has_no_sample_that_the_next_one_lacks(told: ToldPrometheus) -> None:
    """Prometheus was slow: what was scraped before the look that no scrape has caught was not in at the next either."""
    await Live(told=told, scraped=lambda number: number != 2).run(looks=3)
    newest = next(key for key in told.series if ("__name__", NEWEST) in key)
    told.series[newest] = [(at, value - 20.0) for at, value in told.series[newest]]
    _, made_up, last = (await recorded.find(told, SPEC, START - 600, END, None)).looks
    assert made_up.verdict is None
    assert made_up.at > last.read_to
    assert made_up.read_to == last.read_to


async def test_a_sample_that_was_not_in_yet_at_a_look_is_not_read_before_the_next(told: ToldPrometheus) -> None:
    """The scrape of 2.99 s is not in at 3 s: whether it is counted at that look decides which look it closes."""
    await Live(told=told).run(looks=12)
    early = [one["slis"]["errors"]["n"] for one in await replayed(told)]
    found = await recorded.find(told, SPEC, START - 600, END, None)
    held = replace(found, looks=tuple(replace(one, newest=one.at - 20.0) for one in found.looks))
    late = [one["slis"]["errors"]["n"] for one in [each async for each in answers(told, ROLLOUT, SPEC, held)]]
    assert late[1:] != early[1:]
    assert all(a <= b for a, b in zip(late, early, strict=True))


async def test_where_prometheus_did_not_answer_the_operator_the_replay_says_so_too(told: ToldPrometheus) -> None:
    def fail(number: int) -> None:
        told.failing = ProviderUnavailable("Prometheus answered 503.") if number in (7, 8, 9) else None

    await Live(told=told).run(looks=20, before=fail)
    found = await replayed(told)
    assert [one["verdict"] for one in found[6:9]] == ["ProviderDown"] * 3
    assert all(one["same"] for one in found)


async def test_an_operator_that_was_restarted_is_reproduced(told: ToldPrometheus) -> None:
    await Live(told=told, restarts=frozenset({5, 19})).run()
    assert all(one["same"] for one in await replayed(told))


async def test_time_with_foreign_weights_is_no_evidence_in_the_replay_either(told: ToldPrometheus) -> None:
    def drifting(at: float) -> Question:
        return replace(asked(at), drift_since=START + 100 if START + 100 < at < START + 190 else None)

    await Live(told=told, ask=drifting).run(looks=20)
    found = await replayed(told)
    assert all(one["same"] for one in found)
    assert found[11]["slis"]["errors"]["n"] == found[8]["slis"]["errors"]["n"]


async def test_while_the_candidate_has_no_traffic_no_look_is_made_up(told: ToldPrometheus) -> None:
    pause, again = Shift(at=START + 95, weight=0, step=1), Shift(at=START + 155, weight=20, step=1)

    def paused(at: float) -> Question:
        shifts = tuple(one for one in (FIRST, pause, again) if one.at <= at)
        return replace(asked(START + 1), shifts=shifts, weight=shifts[-1].weight)

    live = Live(told=told, ask=paused)
    await live.run(looks=20)
    found = await replayed(told)
    assert [one["t"] for one in found] == list(live.said)
    assert len(found) == 16
    assert all(one["same"] for one in found)


async def test_another_answer_than_the_operators_is_told(told: ToldPrometheus) -> None:
    """A Prometheus that lost a pod's samples since cannot say the same."""
    await Live(told=told).run()
    gone = pod("chat", Role.CANDIDATE, 1)
    told.series = {key: value for key, value in told.series.items() if dict(key).get("pod") != gone}
    summary = Summary()
    for one in await replayed(told):
        summary.add(one)
    assert "30 looks; the operator's own answer is known of 30, and the same in " in summary.sentence()
    assert "the first that differs is at t = " in summary.sentence()


async def test_the_past_is_read_as_the_operator_reads_it(told: ToldPrometheus) -> None:
    await Live(told=told).run(looks=3)
    live = {query for query, _ in told.asked if ":60s]" in query}
    told.asked.clear()
    await replayed(told)
    assert {query for query, _ in told.asked if ":60s]" in query} == live


def tell(told: ToldPrometheus, at: float, attempt: int, **labels: str) -> None:
    own = {"rollout": "models/chat", "attempt": str(attempt), "stable": "aaa", "candidate": "bbb", **labels}
    told.tell({**own, "__name__": "serinus_trial_began_timestamp_seconds"}, at, START)


@pytest.mark.parametrize(
    ("attempts", "wanted", "sentence"),
    [
        ((), None, "Prometheus has no series serinus_trial_began_timestamp_seconds of models/chat in this range"),
        ((3, 4), None, "There are the attempts 3, 4 in this range: write one of them as --attempt."),
        ((3,), 5, "There is no attempt 5 in this range, but 3."),
        ((3,), 3, "Prometheus has no look of attempt 3 in this range: write a wider one."),
    ],
)
async def test_what_cannot_be_replayed_is_said(attempts: tuple[int, ...], wanted: int | None, sentence: str) -> None:
    told = ToldPrometheus()
    for one in attempts:
        tell(told, START + 30, one)
    with pytest.raises(CannotReplay) as error:
        await recorded.find(told, SPEC, START, END, wanted)
    assert sentence in str(error.value)


async def test_a_rollout_that_was_made_anew_in_the_range_is_not_mixed_with_the_one_before() -> None:
    told = ToldPrometheus()
    tell(told, START + 30, 1)
    tell(told, START + 60, 1, candidate="ccc")
    with pytest.raises(CannotReplay, match="made anew in this range"):
        await recorded.find(told, SPEC, START, END, 1)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({"failing": ProviderUnavailable("Prometheus answered 503.")}, "Prometheus answered 503."),
        ({"warnings": ["a store is away"]}, "some of its stores did not answer"),
    ],
)
async def test_a_prometheus_that_does_not_answer_in_full_is_not_replayed(
    told: ToldPrometheus, broken: Mapping[str, Any], sentence: str
) -> None:
    await Live(told=told).run(looks=3)
    found = await recorded.find(told, SPEC, START - 600, END, None)
    for name, value in broken.items():
        setattr(told, name, value)
    with pytest.raises(CannotReplay, match=sentence):
        await recorded.find(told, SPEC, START - 600, END, None)
    with pytest.raises(CannotReplay, match=sentence):
        _ = [one async for one in answers(told, ROLLOUT, SPEC, found)]


async def test_stable_is_read_without_any_trial(told: ToldPrometheus) -> None:
    series = await replay.stable_of(told, SPEC, "chat-aaa", START - 450, START)
    assert {one.pod for _, one in series} == {pod("chat", Role.STABLE, n) for n in range(2)}
    assert {role for role, _ in series} == {Role.STABLE}
    times = [at for _, one in series for at, _ in one.points]
    assert START - 450 < min(times) <= START - 390
    assert max(times) <= START


def test_a_change_that_is_surely_past_counts_even_where_the_look_was_not_seen() -> None:
    told = Recorded(attempt=1, stable="a", candidate="b", began=START, shifts=(FIRST, SECOND), looks=())
    assert told.shifts_at(Looked(at=SECOND.at + 0.9)) == (FIRST,)
    assert told.shifts_at(Looked(at=SECOND.at + 1.0)) == (FIRST, SECOND)
