"""What holds whatever happens: random situations, random events, every rule in its place."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.core import phases
from serinus.core.budget import DAY, HOUR, Budget, Count, ErrorBudget, assess
from serinus.core.decide import RULES, decide
from serinus.core.evidence import Standards, Verdict
from serinus.core.model import Phase
from serinus.core.plan import EnsureRevision, Plan, SetSplit
from serinus.core.weights import carried_by
from tests.core.world import World, healthy, on_trial

FRESH = Standards(false_rollback_rate=0.01, false_promotion_rate=0.05, steps=3, fresh_baseline=True)
ASKED = ErrorBudget(sli="errors", objective=0.99, window=30 * DAY)


def budget(*, bad: float = 4000, hour: float = 8, problem: str = "") -> Budget:
    """Of a million requests in the window, 2,000 in the last hour and 200 in the last minutes."""
    counts = {ASKED.window: Count(total=1e6, bad=bad), HOUR: Count(total=2000, bad=hour)}
    return assess(ASKED, {**counts, 300.0: Count(total=200, bad=hour / 10)}, problem=problem)


BUDGETS = {
    "calm": budget(),
    "burns": budget(hour=100),
    "spent": budget(bad=12_000),
    "unknown": budget(problem="Prometheus cannot be reached."),
}

EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("source"), st.sampled_from(["v1", "v2", "v3"])),
        st.tuples(st.just("evidence"), st.sampled_from(list(Verdict))),
        st.tuples(st.just("ask"), st.sampled_from(["pause", "resume", "promote", "promote-full", "abort", "retry"])),
        st.tuples(st.just("foreign"), st.sampled_from([0, 3, 60, 100])),
        st.tuples(st.just("unready"), st.sampled_from(["v1", "v2", "v3"])),
        st.tuples(st.just("accepted"), st.booleans()),
        st.tuples(st.just("listed"), st.booleans()),
        st.tuples(st.just("gpus"), st.sampled_from([4, 6, 16])),
        st.tuples(st.just("forget"), st.booleans()),
        st.tuples(st.just("budget"), st.sampled_from(list(BUDGETS))),
        st.tuples(st.just("run"), st.sampled_from([1.0, 16.0, 100.0])),
    ),
    max_size=20,
)


def budgeted(world: World) -> World:
    """The same world with an error budget that is calm."""
    world.spec, world.budget = replace(world.spec, error_budget=ASKED), BUDGETS["calm"]
    return world


def happen(world: World, number: int, what: str, value: object) -> None:
    match what:
        case "source":
            world.wanted = str(value)
        case "evidence":
            world.verdict = Verdict(str(value))
        case "ask":
            world.ask(str(value), f"t{number}")
        case "foreign" if world.listed:
            world.weights = (int(str(value)),)
        case "unready" if value in world.groups:
            made = world.groups[str(value)].made
            world.groups[str(value)].made = [world.now for _ in made]
        case "accepted":
            world.accepted = bool(value)
        case "listed":
            world.listed = bool(value)
        case "gpus":
            world.free_gpus = int(str(value))
        case "forget":
            world.lose_status = bool(value)
        case "budget":
            world.budget = BUDGETS[str(value)]
        case _:
            return


def check(world: World, before: World, plan: Plan) -> None:
    """The promises, on one tick from `before` to `world`."""
    assert plan.reason, plan
    assert plan.sentence, plan
    assert phases.allowed(before.progress.phase, plan.progress.phase) or before.lose_status, (before.progress, plan)
    for action in plan.actions:
        if isinstance(action, SetSplit):
            raised = action.record.weight > max(before.weights, default=0)
            if raised and plan.progress.candidate:
                ready = before.ready(action.record.revision)
                assert action.record.weight <= carried_by(ready, 4), (plan, ready)
            if raised and plan.progress.candidate and before.budget is BUDGETS["burns"]:
                approved = before.progress.gate_passed or plan.progress.gate_passed or plan.progress.over_budget
                assert approved or action.record.cause == "reassert", plan
            if raised and before.verdict is Verdict.FAIL and before.progress.step:
                approved = before.progress.gate_passed or plan.progress.gate_passed
                assert approved or action.record.cause in ("reassert", "step"), plan
            assert 0 <= action.record.weight <= 100
            assert len(plan.actions) == 1, "a change of the split is alone in its plan"


@settings(max_examples=60, deadline=None)
@given(EVENTS)
def test_promises_hold_whatever_happens(events: list[tuple[str, object]]) -> None:
    world = budgeted(healthy())
    world.free_gpus = 16
    for number, (what, value) in enumerate(events):
        happen(world, number, what, value)
        seconds = float(str(value)) if what == "run" else 2.0
        end = world.now + seconds
        while world.now < end:
            for before, plan in world.rest():
                check(world, before, plan)
            world.now += 1.0


@settings(max_examples=40, deadline=None)
@given(EVENTS, st.sampled_from(["abort"]))
def test_an_abort_takes_all_traffic_back_within_one_tick(events: list[tuple[str, object]], verb: str) -> None:
    world = budgeted(on_trial(2))
    world.free_gpus = 16
    for number, (what, value) in enumerate(events):
        happen(world, number, what, value)
        world.settle(3.0)
    world.listed, world.lose_status = True, False
    world.settle(1.0)
    trial = bool(world.progress.candidate) and world.stable_selector != world.progress.candidate
    world.ask(verb, "the-abort")
    world.tick()
    if trial:
        assert world.weights == (0,)


@settings(max_examples=25, deadline=None)
@given(EVENTS)
def test_the_same_situation_gives_the_same_plan(events: list[tuple[str, object]]) -> None:
    world = budgeted(on_trial(1))
    for number, (what, value) in enumerate(events):
        happen(world, number, what, value)
        world.settle(2.0)
    given_ = (world.spec, world.observed(), world.progress, world.measured(), world.now)
    assert decide(*given_) == decide(*given_)


@settings(max_examples=20, deadline=None)
@given(EVENTS)
def test_a_crash_after_every_route_patch_leads_to_the_same_end(events: list[tuple[str, object]]) -> None:
    """Losing each status update after a patch may cost a tick, and changes nothing else."""
    events = [one for one in events if one[0] not in ("forget", "run", "ask")]
    ends = []
    for lose in (False, True):
        world = budgeted(healthy())
        world.lose_status = lose
        for number, (what, value) in enumerate(events):
            happen(world, number, what, value)
            world.settle(5.0)
        world.listed = world.accepted = True
        world.free_gpus, world.budget = 16, BUDGETS["calm"]
        world.verdict, world.wanted = Verdict.PASS, "v2"
        world.settle(1500.0, step=15.0)
        ends.append((world.stable_selector, world.weights, world.progress.phase, world.progress.stable))
    assert ends[0] == ends[1]


@settings(max_examples=30, deadline=None)
@given(EVENTS)
def test_fresh_pods_come_on_top_of_all_of_stable_and_none_stays(events: list[tuple[str, object]]) -> None:
    """N is 4, and the last step asks for 2 fresh pods."""
    world = budgeted(healthy(standards=FRESH))
    world.free_gpus = 16
    for number, (what, value) in enumerate(events):
        happen(world, number, what, value)
        end = world.now + (float(str(value)) if what == "run" else 2.0)
        while world.now < end:
            for before, plan in world.rest():
                check(world, before, plan)
                for action in plan.actions:
                    if isinstance(action, EnsureRevision) and action.revision == plan.progress.stable:
                        assert 4 <= action.replicas <= 6, plan
            world.now += 1.0
    world.listed, world.accepted, world.lose_status = True, True, False
    world.free_gpus, world.budget = 32, BUDGETS["calm"]
    world.ask("abort", "the-end")
    world.verdict, world.wanted = Verdict.PASS, world.progress.stable
    world.settle(2000.0, step=15.0)
    assert {revision: len(group.made) for revision, group in world.groups.items() if group.made} == {
        world.progress.stable: 4
    }


def _verdicts() -> list[Verdict]:
    return [Verdict.NOT_ENOUGH, Verdict.NO_DATA, Verdict.PROVIDER_DOWN]


@pytest.mark.parametrize("verdict", _verdicts())
def test_missing_evidence_never_moves_traffic_in_either_direction(verdict: Verdict) -> None:
    world = on_trial(2)
    world.verdict = verdict
    world.settle(2000.0)
    assert world.weights == (25,)
    assert world.progress.phase is Phase.ANALYZING


def test_every_phase_is_in_the_table_of_transitions() -> None:
    assert set(phases.TRANSITIONS) == set(Phase)


def test_the_rules_answer_in_every_phase() -> None:
    """The last rules leave nothing unanswered: decide never raises in the stories and properties above."""

    assert len({rule.__name__ for rule in RULES}) == len(RULES)
