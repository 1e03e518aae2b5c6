"""What the stories do not tell: the edges of single rules."""

from dataclasses import replace

from serinus.core.decide import decide
from serinus.core.evidence import Verdict
from serinus.core.model import Cause, DeletionPolicy, OnInconclusive, Phase, Shift
from serinus.core.observed import Measured
from serinus.core.plan import EnsureRoute, Plan, SetSplit
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


def test_a_rival_on_the_route_is_named_and_nothing_is_written() -> None:
    world = on_trial(1)
    world.verdict = Verdict.FAIL
    plan = decided(world, rival="ModelRollout other sets the weights of chat already.")
    assert (plan.reason, plan.actions) == ("Conflict", ())


def test_an_object_of_someone_else_does_not_keep_a_failing_candidate_in_traffic() -> None:
    world = on_trial(1)
    world.verdict = Verdict.FAIL
    world.now += 15
    plan = decided(world, conflicts=("Deployment chat-v9 belongs to Deployment other.",))
    assert shifts(plan) == [(Cause.ROLLBACK, 0)]


def test_evidence_of_a_lowered_weight_does_not_pass_the_full_one() -> None:
    world = on_trial(3)
    world.verdict = Verdict.PASS
    world.groups["v2"].made[:1] = [world.now + 380]
    world.settle(5)
    assert world.weights == (25,)
    world.settle(300)
    while world.weights != (50,):
        world.settle(1)
    began = world.now
    while world.progress.step == 3 and world.progress.heading == 0:
        world.settle(1)
    assert world.now - began >= 60, "the hold at the full weight was not kept"


def test_nothing_on_trial_gets_no_traffic_even_while_stable_is_not_whole() -> None:
    world = on_trial(3)
    world.progress, world.record = type(world.progress)(), None
    world.groups["v1"].made[:1] = [world.now + 1e6]
    world.tick()
    assert world.weights == (0,)
    assert len(world.groups["v2"].made) == 2, "pods were taken away while they had traffic"


def test_a_pod_that_was_ready_for_long_is_not_given_up_for_a_blip() -> None:
    world = on_trial(1)
    world.now += 4000
    deployed = world.observed().deployed
    blip = tuple(
        replace(
            one,
            ready=0,
            pods=tuple(
                replace(pod, ready_since=None, unready_since=world.now - 5, waiting="probe") for pod in one.pods
            ),
        )
        if one.revision == "v2"
        else one
        for one in deployed
    )
    plan = decided(world, deployed=blip, candidate_endpoints=0)
    assert shifts(plan) == [(Cause.UNREADY, 0)]


def test_failures_of_long_ago_are_not_counted_against_a_new_attempt() -> None:
    world = on_trial(1)
    old = tuple(
        replace(one, pods=tuple(replace(pod, restarts=9, failed_at=world.progress.began - 100) for pod in one.pods))
        for one in world.observed().deployed
    )
    assert not shifts(decided(world, deployed=old))


def test_a_promotion_whose_steps_were_changed_is_finished() -> None:
    world = on_trial(3)
    world.verdict = Verdict.PASS
    while world.stable_selector != "v2":
        world.settle(1)
    world.spec = spec(steps=world.spec.steps[:1], evidence_rules="rules-2")
    world.settle(20)
    assert (world.progress.stable, world.weights) == ("v2", (0,))


def test_a_stable_service_that_someone_pointed_at_the_candidate_is_put_right() -> None:
    world = on_trial(1)
    world.stable_selector = "v2"
    world.settle(2)
    assert world.stable_selector == "v1"


def test_harm_found_at_the_last_moment_stops_a_promotion() -> None:
    world = on_trial(3)
    world.verdict = Verdict.PASS
    while world.weights != (100,):
        world.settle(1)
    failed = replace(world.measured(), attempt=world.progress.attempt, verdict=Verdict.FAIL)
    plan = decide(world.spec, world.observed(), world.progress, failed, world.now, rules=tuple(RULES_OF_THE_WORLD))
    assert shifts(plan) == [(Cause.ROLLBACK, 0)]


def test_a_first_revision_that_never_came_up_is_replaced_by_what_the_source_says() -> None:
    world = World()
    world.settle(5)
    world.groups["v1"].waiting = "ImagePullBackOff"
    world.wanted = "v2"
    world.settle(60)
    assert (world.progress.stable, world.stable_selector) == ("v2", "v2")


def test_a_person_may_let_a_candidate_go_on_that_an_sli_only_holds() -> None:
    world = on_trial(1)
    world.verdict, world.hold_only = Verdict.FAIL, True
    world.settle(30)
    world.ask("promote", "t1")
    world.settle(30)
    assert world.progress.step == 2


def test_a_dry_run_never_promotes_by_itself() -> None:
    world = on_trial(1, dry_run=True)
    world.verdict = Verdict.PASS
    world.settle(300)
    assert (world.progress.phase, world.progress.step) == (Phase.PAUSED, 1)


def test_a_candidate_service_that_lost_its_selector_carries_nothing() -> None:
    world = on_trial(1)
    world.candidate_selector = "v1"
    world.settle(2)
    assert world.weights == (0,)
    world.settle(30)
    assert (world.weights, world.candidate_selector) == ((5,), "v2")


def test_retired_revisions_do_not_pile_up() -> None:
    world = healthy()
    world.free_gpus = 1000
    for number in range(12):
        world.wanted = f"w{number}"
        world.settle(2)
    assert len(world.progress.retired) <= 6


def test_while_the_candidate_has_traffic_looks_go_on_whatever_else_is_wrong() -> None:
    world = on_trial(1)
    plan = decided(world, spec_problems=("Write workload.replicas.",))
    assert plan.wake_at is not None
    assert plan.wake_at <= world.now + 2 * world.spec.interval


def test_a_provider_that_is_down_is_told_although_nothing_was_measured_at_this_weight_yet() -> None:
    world = on_trial(1)
    down = Measured(attempt=world.progress.attempt, step=1, verdict=Verdict.PROVIDER_DOWN, sentence="No answer.")
    plan = decide(world.spec, world.observed(), world.progress, down, world.now, rules=tuple(RULES_OF_THE_WORLD))
    assert (plan.reason, plan.actions) == ("ProviderDown", ())


def test_after_a_rollback_someone_wakes_when_the_gateway_has_settled() -> None:
    world = on_trial(1, drain=600.0)
    world.verdict = Verdict.FAIL
    while world.weights != (0,):
        world.tick()
        world.now += 1
    assert world.record is not None
    assert world.tick().wake_at == world.record.at + 5


def losing_readiness(world: World, losses: int, *, created_before: float = 60.0, stable_ready: int = 4) -> Plan:
    """A candidate of one pod that has stopped being ready now, after so many losses before."""
    seen = world.observed()
    candidate, stable = seen.revision("v2"), seen.revision("v1")
    assert candidate is not None
    assert stable is not None
    world.progress = replace(world.progress, unready=losses)
    pod = replace(candidate.pods[0], ready_since=None, unready_since=world.now, created_at=world.now - created_before)
    deployed = (replace(candidate, ready=0, pods=(pod,)), replace(stable, ready=stable_ready))
    return decided(world, deployed=deployed, candidate_endpoints=0)


def test_a_candidate_that_stops_being_ready_under_traffic_again_and_again_is_taken_back() -> None:
    world = on_trial(1)
    world.now += 10
    assert shifts(losing_readiness(world, 1)) == [(Cause.UNREADY, 0)]
    plan = losing_readiness(world, 2)
    assert shifts(plan) == [(Cause.ROLLBACK, 0)]
    assert "for the third time" in plan.sentence


def test_while_stable_loses_pods_too_the_candidate_is_not_blamed() -> None:
    world = on_trial(1)
    world.now += 10
    assert shifts(losing_readiness(world, 2, stable_ready=3)) == [(Cause.LIMIT, 0)]
    assert shifts(losing_readiness(world, 0, stable_ready=3)) == [(Cause.LIMIT, 0)], "counted for a later time"


def test_a_pod_that_was_made_anew_and_is_not_ready_yet_is_the_clusters_doing() -> None:
    world = on_trial(1)
    world.now += 10
    assert shifts(losing_readiness(world, 2, created_before=5.0)) == [(Cause.LIMIT, 0)]


def test_losses_of_readiness_are_counted_for_each_attempt() -> None:
    world = on_trial(1)
    world.progress = replace(world.progress, unready=2)
    world.wanted = "v3"
    world.settle(60)
    assert (world.progress.candidate, world.progress.unready) == ("v3", 0)


def test_an_end_that_overtakes_an_unrecorded_step_loses_neither_however_often_the_operator_dies() -> None:
    world = on_trial(1)
    world.verdict = Verdict.PASS
    world.lose_status = True
    before = world.record
    while world.record == before:
        world.tick()
        world.now += 1
    step = world.record
    assert step is not None
    assert step.cause is Cause.STEP
    world.verdict = Verdict.FAIL
    world.now += world.spec.interval
    world.tick()
    assert world.record is not None
    assert (world.record.cause, world.record.seq, world.record.before) == (Cause.ROLLBACK, step.seq + 1, step)
    world.lose_status = False
    told = [(one.seq, one.cause) for one in world.tick().progress.decisions]
    assert told[:2] == [(step.seq + 1, Cause.ROLLBACK), (step.seq, Cause.STEP)]


def test_a_route_of_our_own_that_is_outdated_is_brought_up_to_date_and_nothing_else_moves() -> None:
    world = healthy()
    world.spec = spec(traffic=replace(world.spec.traffic, gateway="public", hostnames=("chat.example.com",)))
    assert decided(world, route_outdated=True).actions == (EnsureRoute(stable="v1"),)
    assert decided(world).actions == ()


def set_back(world: World, seconds: float) -> None:
    """The operator's clock; what the API server and the pods say stays in the past."""
    world.now -= seconds
    for group in world.groups.values():
        group.made = [made - 2 * seconds - 60 for made in group.made]


def test_an_entry_from_before_the_clock_was_set_back_is_dated_anew_with_the_same_weights() -> None:
    world = on_trial(1)
    before = world.progress
    set_back(world, 3600)
    plan = decided(world)
    assert shifts(plan) == [(Cause.REASSERT, 5)]
    assert plan.progress.shifts == (Shift(at=int(world.now), weight=5, step=1),)
    assert plan.progress.began <= world.now
    assert (plan.progress.step, plan.progress.attempt) == (before.step, before.attempt)
    world.tick()
    assert shifts(decided(world)) == []


def test_a_clock_that_differs_by_seconds_rewrites_nothing() -> None:
    world = on_trial(1)
    set_back(world, 20)
    assert shifts(decided(world)) == []


def test_traffic_that_goes_past_the_weights_is_said_in_the_message_of_a_trial() -> None:
    leak = "Service web also selects the candidate's pods, whatever the weight."
    for world, said in ((on_trial(1), True), (healthy(), False)):
        assert (leak in decided(world, leaks=(leak,)).sentence) is said
