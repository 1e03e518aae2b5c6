"""What the stories do not tell: the edges of single rules."""

from dataclasses import replace

from serinus.core.decide import decide
from serinus.core.evidence import Verdict
from serinus.core.model import Cause, DeletionPolicy, OnInconclusive, Phase, Plan, SetSplit
from tests.core.world import RULES_OF_THE_WORLD, World, healthy, on_trial, spec


def decided(world: World, **observed: object) -> Plan:
    """One decision on the world as it is, with something observed otherwise; nothing comes true."""
    seen = replace(world.observed(), **observed)  # type: ignore[arg-type]
    return decide(world.spec, seen, world.progress, world.measured(), world.now, rules=tuple(RULES_OF_THE_WORLD))


def shifts(plan: Plan) -> list[tuple[Cause, int]]:
    return [(one.record.cause, one.record.weight) for one in plan.actions if isinstance(one, SetSplit)]


def test_a_conflict_writes_nothing_and_names_the_object() -> None:
    plan = decided(on_trial(1), conflicts=("Service chat-stable belongs to another ModelRollout.",))
    assert (plan.reason, plan.actions) == ("Conflict", ())
    assert "chat-stable" in plan.sentence


def test_a_spec_that_cannot_be_followed_is_invalid_and_moves_nothing() -> None:
    plan = decided(healthy(), spec_problems=("Write workload.replicas.",))
    assert (plan.progress.phase, plan.actions) == (Phase.INVALID, ())


def test_harm_is_taken_back_even_when_the_spec_cannot_be_followed() -> None:
    world = on_trial(1)
    world.verdict = Verdict.FAIL
    world.now += 15
    assert shifts(decided(world, spec_problems=("Write workload.replicas.",))) == [(Cause.ROLLBACK, 0)]


def test_a_missing_source_moves_nothing() -> None:
    plan = decided(healthy(), source=None, source_problem="Deployment chat does not exist.", wanted="")
    assert (plan.reason, plan.actions) == ("SourceMissing", ())


def test_a_missing_route_stops_a_trial_from_moving_forward() -> None:
    world = on_trial(1)
    world.verdict = Verdict.PASS
    world.now += 100
    plan = decided(world, route=None, route_problem="HTTPRoute chat does not exist.")
    assert plan.reason == "RouteMissing"
    assert not plan.actions


def test_a_route_whose_weights_do_not_mean_what_they_say_raises_nothing_and_still_lowers() -> None:
    world = on_trial(1)
    world.verdict = Verdict.PASS
    world.now += 100
    route = world.observed().route
    assert route is not None
    third = replace(route, problems=("Rule 1 also sends requests to chat-old: remove it.",))
    assert decided(world, route=third).reason == "RouteProblem"
    world.verdict = Verdict.FAIL
    world.now += 15
    assert shifts(decided(world, route=third)) == [(Cause.ROLLBACK, 0)]


def test_a_route_that_is_not_accepted_stops_a_trial() -> None:
    world = on_trial(1)
    world.accepted = False
    world.verdict = Verdict.PASS
    world.settle(300)
    assert world.progress.step == 1


def test_an_inconclusive_step_is_taken_back_only_where_the_spec_says_so() -> None:
    hold = on_trial(1, max_hold=120.0).settle(300)
    assert (hold.weights, hold.progress.phase) == ((5,), Phase.ANALYZING)
    back = on_trial(1, max_hold=120.0, on_inconclusive=OnInconclusive.ROLLBACK).settle(300)
    assert (back.weights, back.progress.phase) == ((0,), Phase.ROLLED_BACK)


def test_missing_evidence_is_not_inconclusive_evidence() -> None:
    world = on_trial(1, max_hold=120.0, on_inconclusive=OnInconclusive.ROLLBACK)
    world.verdict = Verdict.PROVIDER_DOWN
    world.settle(300)
    assert world.weights == (5,)


def test_a_dry_run_says_fail_and_waits_for_a_person() -> None:
    world = on_trial(1, dry_run=True)
    world.verdict = Verdict.FAIL
    world.settle(60)
    assert (world.weights, world.progress.phase) == ((5,), Phase.PAUSED)


def test_an_sli_that_may_only_hold_does_not_roll_back() -> None:
    world = on_trial(1)
    world.verdict, world.hold_only = Verdict.FAIL, True
    world.settle(60)
    assert (world.weights, world.progress.phase) == ((5,), Phase.PAUSED)


def test_too_few_requests_hold_a_step_that_has_passed() -> None:
    steps = tuple(replace(step, min_requests=5000) for step in spec().steps)
    world = healthy(steps=steps)
    world.wanted, world.verdict = "v2", Verdict.PASS
    world.settle(600)
    assert world.progress.step == 1
    world.requests = 6000.0
    world.settle(30)
    assert world.progress.step == 2


def test_more_accelerators_than_allowed_are_refused_with_the_number() -> None:
    world = healthy(max_extra_gpus=3)
    world.wanted = "v2"
    plan = world.tick()
    assert (plan.reason, plan.actions) == ("MaxExtraGPUsTooLow", ())
    assert "maxExtraGPUs: 4" in plan.sentence


def test_the_stable_services_selector_says_who_is_stable_when_status_is_empty() -> None:
    world = on_trial(2)
    world.wanted = "v1"
    world.progress = type(world.progress)()
    world.record = None
    world.settle(30)
    assert (world.progress.stable, world.weights, world.progress.phase) == ("v1", (0,), Phase.HEALTHY)


def test_deletion_with_delete_lets_everything_go_at_once() -> None:
    world = healthy(deletion_policy=DeletionPolicy.DELETE)
    world.deleting_since = world.now
    world.settle(5)
    assert world.released is not None
    assert world.released.keep == ()


def test_deletion_does_not_wait_for_ever_for_a_route() -> None:
    world = on_trial(1)
    world.accepted = False
    world.deleting_since = world.now
    world.settle(100)
    assert world.released is None
    world.settle(60)
    assert world.released is not None
    assert world.released.keep == ("v1",)


def test_an_intent_that_was_followed_is_not_followed_again() -> None:
    world = on_trial(1)
    world.ask("abort", "t1")
    world.settle(10)
    attempts = world.progress.attempt
    world.ask("retry", "t2")
    world.settle(30)
    assert world.progress.attempt == attempts + 1
    world.intent = None
    world.ask("retry", "t2")
    world.settle(30)
    assert world.progress.attempt == attempts + 1


def test_a_candidate_is_warm_before_it_gets_traffic() -> None:
    world = healthy(warm_up_seconds=40.0)
    world.wanted, world.verdict = "v2", Verdict.PASS
    world.settle(50)
    assert (world.weights, world.progress.phase) == ((0,), Phase.PREPARING)
    world.settle(30)
    assert world.weights == (5,)


def test_promotion_waits_while_the_measured_share_disagrees() -> None:
    world = on_trial(3)
    world.verdict = Verdict.PASS
    while world.weights != (100,):
        world.settle(1)
    split = world.record
    assert split is not None
    world.now = split.at + 60.0
    measured = replace(
        world.measured(), attempt=world.progress.attempt, step=world.progress.step, share=60.0, last_look=world.now
    )
    plan = decide(world.spec, world.observed(), world.progress, measured, world.now, rules=tuple(RULES_OF_THE_WORLD))
    assert (plan.reason, plan.actions) == ("ShareDisagrees", ())


def test_a_promotion_past_the_selector_only_goes_forward() -> None:
    world = on_trial(3)
    world.verdict = Verdict.PASS
    while world.stable_selector != "v2":
        world.settle(1)
    world.wanted = "v1"
    world.ask("abort", "late")
    world.settle(3)
    assert "revert the change at its source" in world.progress.intent_answer
    world.settle(10)
    assert world.progress.stable == "v2"
