"""Without a router: ready pods share the requests evenly, and a share is a number of pods."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from serinus.core import phases
from serinus.core.decide import decide
from serinus.core.evidence import Verdict
from serinus.core.model import Cause, Phase, Progress, Spec, Step
from serinus.core.observed import Measured, Observed
from serinus.core.plan import EnsureRevision, Plan, SetSplit
from serinus.core.questions import TrafficRef
from serinus.core.situation import Situation
from serinus.core.weights import given_by, pods_nearest
from tests.core import world as worlds
from tests.core.test_invariants import EVENTS, happen
from tests.core.world import World

BY_PODS = TrafficRef(router="replicas", name="chat", by_pods=True)
TWO = (Step(weight=5, hold=60), Step(weight=50, hold=60))


def healthy(**changes: Any) -> World:
    world = worlds.healthy(**{"traffic": BY_PODS, "steps": TWO, **changes})
    world.free_gpus = 100
    return world


def on_trial(step: int = 1, **changes: Any) -> World:
    return worlds.on_trial(step, **{"traffic": BY_PODS, "steps": TWO, **changes})


def causes(world: World) -> list[tuple[Cause, int]]:
    return [(one.cause, one.weight) for one in reversed(world.progress.decisions)]


def lose(world: World, revision: str, pods: int) -> None:
    """So many pods of a revision stop being ready, and are back after `start_seconds`."""
    world.groups[revision].made[:pods] = [world.now] * pods


@pytest.mark.parametrize("whole", [1, 2, 3, 4, 7, 40])
@pytest.mark.parametrize("weight", [1, 5, 20, 25, 33, 49, 50])
def test_no_other_number_of_pods_comes_nearer_to_the_weight(whole: int, weight: int) -> None:
    def off(pods: int) -> float:
        return abs(100 * pods / (whole + pods) - weight)

    chosen = pods_nearest(weight, whole)
    assert 1 <= chosen <= whole
    assert all((off(chosen), chosen) <= (off(pods), pods) for pods in range(1, whole + 1))


def test_a_step_says_what_was_asked_and_what_is_given() -> None:
    world = on_trial(1)
    assert (world.weights, world.ready("v2")) == ((20,), 1)
    said = world.progress.decisions[0].sentence
    assert said == "Step 1 of 2: v2 gets 20 % on 1 ready pods. 5 % is asked: 1 of 5 pods come nearest to it."
    plan = world.tick()
    assert plan.sentence.startswith("Step 1 of 2 at 20 % (5 % asked, 1 of 5 pods): ")


def test_a_step_that_comes_to_as_many_pods_as_the_one_before_says_so() -> None:
    world = on_trial(2, steps=(Step(weight=5, hold=60), Step(weight=25, hold=60)))
    assert (world.weights, world.ready("v2")) == ((20,), 1)
    assert "25 % is asked: 1 of 5 pods come nearest to it, as at step 1." in world.progress.decisions[0].sentence


def test_a_whole_rollout_promotes_by_pods_and_each_share_on_the_way_is_recorded() -> None:
    world = healthy()
    world.wanted, world.verdict = "v2", Verdict.PASS
    world.settle(1000)
    assert (world.progress.stable, world.stable_selector, world.weights) == ("v2", "v2", (0,))
    assert world.pods_that_get_requests() == {"v2": 4}
    assert causes(world)[-5:] == [
        (Cause.STEP, 20), (Cause.SHARE, 50), (Cause.STEP, 50), (Cause.PROMOTE, 100), (Cause.FINISH, 0)
    ]  # fmt: skip


def test_harm_takes_all_requests_from_the_candidate_in_one_tick() -> None:
    world = on_trial(2)
    assert world.pods_that_get_requests() == {"v1": 4, "v2": 4}
    world.verdict = Verdict.FAIL
    world.now += 15
    world.tick()
    assert world.pods_that_get_requests() == {"v1": 4}


def test_a_stable_pod_that_comes_or_goes_changes_the_share_that_evidence_is_labelled_with() -> None:
    world = on_trial(1)
    lose(world, "v1", 1)
    world.settle(5)
    assert world.weights == (25,)
    assert world.progress.shifts[-1].weight == 25
    assert world.progress.decisions[0].sentence == "25 % instead of 20 %: 1 of 4 ready pods are the candidate's."
    world.settle(60)
    assert (world.weights, world.progress.unready) == ((20,), 0)


def test_a_candidate_that_loses_pods_is_lowered_and_one_without_any_is_not_selected() -> None:
    world = on_trial(2)
    lose(world, "v2", 2)
    world.tick()
    assert (world.weights, world.progress.decisions[0].cause) == ((33,), Cause.LIMIT)
    lose(world, "v2", 4)
    world.tick()
    assert world.weights == (0,)
    world.settle(60)
    assert (world.weights, world.progress.step) == ((50,), 2)


def test_pods_of_a_former_stable_are_gone_before_the_next_candidate_gets_requests() -> None:
    world = healthy(scale_down_delay=3600.0)
    world.wanted, world.verdict = "v2", Verdict.PASS
    world.settle(400)
    assert world.progress.stable == "v2"
    assert len(world.groups["v1"].made) == 4, "they stay for a fast return"
    world.wanted = "v3"
    seen = []
    for plan in world.run(300):
        seen.append(plan.reason)
        if 0 < world.weights[0] < 100:
            assert not world.groups["v1"].made
    assert "OldPods" in seen or world.progress.stable == "v3"
    assert world.progress.stable == "v3"


def test_a_newer_revision_waits_until_the_old_candidates_pods_are_gone() -> None:
    world = on_trial(2)
    world.wanted = "v3"
    reasons = []
    for plan in world.run(120):
        reasons.append(plan.reason)
        if 0 < world.weights[0] < 100 and world.progress.candidate == "v3":
            assert set(world.pods_that_get_requests()) <= {"v1", "v3"}
    assert reasons[0] == "Replaced"
    assert "OldPods" in reasons
    assert (world.progress.candidate, world.weights) == ("v3", (20,))


def test_pods_of_a_third_revision_that_someone_starts_take_the_candidates_share_to_nothing() -> None:
    world = on_trial(1)
    world.groups["v0"] = worlds.Group(made=[world.now], start_seconds=0.0)
    plan = world.tick()
    assert (plan.reason, world.weights) == ("ShareByPods", (0,))
    assert plan.sentence == "Lowered from 20 % to 0 %: pods of v0 are there and would get requests."
    world.settle(60)
    assert world.weights == (20,), "they were taken away, and the step goes on"


def test_a_step_does_not_pass_while_the_candidate_lacks_pods_of_it() -> None:
    world = on_trial(2)
    world.groups["v2"].made[:2] = [world.now + 500] * 2
    world.verdict = Verdict.PASS
    reasons = {plan.reason for plan in world.run(200)}
    assert "StepPassed" not in reasons
    assert (world.weights, world.progress.step, world.progress.heading) == ((33,), 2, 2)


def test_changed_rules_begin_again_with_the_pods_of_the_first_step() -> None:
    world = on_trial(2)
    world.spec = replace(world.spec, evidence_rules="rules-2")
    world.tick()
    assert (world.weights, world.progress.step) == ((0,), 0)
    world.settle(60)
    assert (world.weights, world.progress.step, len(world.groups["v2"].made)) == ((20,), 1, 1)


def test_changed_rules_at_the_first_step_keep_its_share() -> None:
    world = on_trial(1)
    world.spec = replace(world.spec, evidence_rules="rules-2")
    world.tick()
    assert (world.weights, world.progress.step) == ((20,), 1)


def test_a_pause_adds_no_pods() -> None:
    world = on_trial(1)
    world.progress = replace(world.progress, heading=2)
    world.ask("pause", "t1")
    world.settle(100)
    assert (world.progress.phase, len(world.groups["v2"].made), world.weights) == (Phase.PAUSED, 1, (20,))


def test_a_selector_that_means_no_weight_is_put_right_at_once_whatever_the_weight() -> None:
    for weight in (0, 20):
        world = on_trial(1) if weight else healthy()
        world.strayed, world.weights = "the Service selected app=chat", (100,)
        plan = world.tick()
        assert (plan.reason, world.weights, world.strayed) == ("DriftCorrected", (weight,), "")
        assert plan.sentence.startswith(f"Corrected to a weight of {weight} %: the Service selected app=chat")


def test_a_selector_set_back_to_stable_by_hand_is_not_raised_in_the_tick_that_finds_it() -> None:
    world = on_trial(1)
    world.weights = (0,)
    assert world.tick().reason == "Drift"
    assert world.weights == (0,)
    lose(world, "v1", 1)
    assert world.tick().reason == "Drift", "a share that has changed as well does not raise it either"
    assert world.weights == (0,)
    world.groups["v0"] = worlds.Group(made=[world.now], start_seconds=0.0)
    world.tick()
    assert world.record is not None
    assert world.record.weight == 0, "with pods of a third revision both are not selected again"


def test_a_promotion_that_loses_pods_shares_with_stable_again() -> None:
    world = on_trial(2)
    world.verdict = Verdict.PASS
    for _ in world.run(300):
        if world.weights == (100,):
            break
    lose(world, "v2", 1)
    world.tick()
    assert world.weights == (given_by(3, 4),)
    assert world.pods_that_get_requests() == {"v1": 4, "v2": 3}


def promoting() -> World:
    world = on_trial(2)
    world.verdict = Verdict.PASS
    for _ in world.run(300):
        if world.weights == (100,):
            return world
    raise AssertionError("it was not promoted")


def test_a_promotion_that_lost_a_pod_for_a_moment_gets_everything_again() -> None:
    world = promoting()
    lose(world, "v2", 1)
    world.tick()
    world.settle(120)
    assert world.progress.stable == "v2"


def test_a_promotion_that_was_paused_while_it_had_lost_a_pod_goes_on_when_someone_resumes() -> None:
    world = promoting()
    lose(world, "v2", 1)
    world.tick()
    world.ask("pause", "t1")
    world.settle(60)
    world.ask("resume", "t2")
    world.settle(120)
    assert world.progress.stable == "v2"


def test_a_return_to_a_former_stable_keeps_its_pods() -> None:
    world = healthy(scale_down_delay=3600.0)
    world.wanted, world.verdict = "v2", Verdict.PASS
    world.settle(400)
    made = list(world.groups["v1"].made)
    world.wanted = "v1"
    world.settle(60)
    assert (world.progress.stable, world.groups["v1"].made) == ("v1", made)


def test_a_return_that_has_to_wait_keeps_its_pods_meanwhile() -> None:
    world = healthy(scale_down_delay=3600.0)
    world.wanted, world.verdict = "v2", Verdict.PASS
    world.settle(400)
    world.wanted, world.accepted = "v1", False
    plans = list(world.run(20))
    assert plans[-1].reason == "RouteNotAccepted"
    assert len(world.groups["v1"].made) == 4


def test_a_selector_that_means_no_weight_has_not_settled() -> None:
    world = on_trial(1)
    entry = world.progress.split
    assert entry is not None
    world.progress = replace(world.progress, split=replace(entry, weight=100))
    world.weights, world.now = (100,), world.now + 60
    given_ = (world.spec, world.observed(), world.progress, Measured(), world.now)
    assert _situation(*given_).settled
    world.strayed = "the Service selected app=chat"
    assert not _situation(world.spec, world.observed(), world.progress, Measured(), world.now).settled


def _situation(spec: Spec, observed: Observed, progress: Progress, measured: Measured, now: float) -> Situation:
    return Situation(spec=spec, observed=observed, progress=progress, measured=measured, now=now)


def check(world: World, before: World, plan: Plan) -> None:
    """The promises, on one tick from `before` to `world`."""
    assert phases.allowed(before.progress.phase, plan.progress.phase) or before.lose_status, (before.progress, plan)
    behind = world.pods_that_get_requests()
    named = {world.progress.stable, world.progress.candidate, before.progress.candidate, before.progress.stable}
    if plan.actions and not world.strayed:
        assert set(behind) <= named, (behind, plan)
    for action in plan.actions:
        if isinstance(action, SetSplit):
            assert len(plan.actions) == 1, "a change of the split is alone in its plan"
            assert action.record.stable, action
            if 0 < action.record.weight < 100:
                third = {one for one, group in before.groups.items() if group.made} - named
                assert not third, (third, plan)
        if isinstance(action, EnsureRevision) and action.revision not in named:
            assert action.replicas == 0 or world.weights[0] in (0, 100), plan


@settings(max_examples=60, deadline=None)
@given(EVENTS)
def test_no_third_revision_ever_gets_requests_whatever_happens(events: list[tuple[str, object]]) -> None:
    world = healthy()
    world.free_gpus = 30
    for number, (what, value) in enumerate(events):
        if what == "foreign":
            world.strayed, world.weights = ("", (0,)) if value == 0 else ("the Service selected app=chat", (100,))
        elif what not in ("listed", "gpus"):
            happen(world, number, what, value)
        end = world.now + (float(str(value)) if what == "run" else 2.0)
        while world.now < end:
            for before, plan in world.rest():
                check(world, before, plan)
            agree = world.record is not None and world.weights == (world.record.weight,) and not world.strayed
            if agree and world.record is not None and 0 < world.record.weight < 100 and not world.lose_status:
                ready = world.pods_that_get_requests()
                assert world.record.weight == given_by(ready.get(world.progress.candidate, 0), world.ready(
                    world.progress.stable)), (world.record, ready)  # fmt: skip
            world.now += 1.0


@settings(max_examples=20, deadline=None)
@given(EVENTS)
def test_a_crash_after_every_patch_leads_to_the_same_end(events: list[tuple[str, object]]) -> None:
    events = [one for one in events if one[0] not in ("forget", "run", "ask", "listed", "foreign")]
    ends = []
    for lose_status in (False, True):
        world = healthy()
        world.lose_status = lose_status
        for number, (what, value) in enumerate(events):
            happen(world, number, what, value)
            world.settle(5.0)
        world.accepted, world.free_gpus = True, 30
        world.verdict, world.wanted = Verdict.PASS, "v2"
        world.settle(1500.0, step=15.0)
        ends.append((world.stable_selector, world.weights, world.progress.phase, world.progress.stable))
    assert ends[0] == ends[1]


def test_open_connections_to_stable_do_not_stop_a_promotion() -> None:
    """A gateway that still sends stable requests at 100 % does; here only connections that were open before can."""
    for traffic, stable in ((BY_PODS, "v2"), (worlds.spec().traffic, "v1")):
        world = worlds.on_trial(2, traffic=traffic, steps=TWO)
        world.verdict = Verdict.PASS
        for _ in world.run(300):
            if world.weights == (100,):
                break
        for _ in range(40):
            world.now += 1
            shift = world.progress.shifts[-1] if world.progress.shifts else None
            measured = Measured(
                attempt=world.progress.attempt,
                step=world.progress.step,
                since=shift.at if shift else 0.0,
                verdict=Verdict.PASS,
                share=60.0,
                last_look=world.now + 100,
            )
            plan = decide(world.spec, world.observed(), world.progress, measured, world.now)
            for action in plan.actions:
                world._apply(action)
            world.progress = plan.progress
        assert world.stable_selector == stable


def test_a_silent_candidate_may_be_one_that_no_connection_was_opened_to() -> None:
    world = on_trial(1)
    world.silent = 60.0
    world.now += 15
    assert "or clients keep their connections to other pods" in world.tick().sentence
