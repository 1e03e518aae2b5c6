"""`traffic` names another route in the middle of a trial."""

from dataclasses import replace

import pytest

from serinus.core.evidence import Verdict
from serinus.core.journal import fold
from serinus.core.model import Cause, Intent, SplitRecord, Verb
from serinus.core.observed import Route
from serinus.core.plan import Plan, SetSplit
from serinus.core.questions import TrafficRef
from tests.core.test_rules import decided
from tests.core.world import World, on_trial, spec

NEW = TrafficRef(router="httpRoute", name="chat-new")


def moved() -> tuple[World, Route]:
    """At step 1, and the spec names another route, which knows nothing yet; and the route before."""
    world = on_trial(1)
    left = world.observed().route
    assert left is not None
    world.now += 60
    world.spec = spec(traffic=NEW)
    world.weights, world.record = (0,), None
    return world, left


def entries(plan: Plan) -> list[SplitRecord]:
    return [one.record for one in plan.actions if isinstance(one, SetSplit)]


def test_the_old_route_gives_everything_back_to_stable_before_anything_else() -> None:
    world, left = moved()
    (entry,) = entries(decided(world, left=left, intent=Intent(verb=Verb.PAUSE, token="t1")))
    assert (entry.route, entry.cause, entry.weight, entry.step) == ("httpRoute/chat", Cause.RESTART, 0, 0)


def test_a_candidate_that_failed_in_the_same_moment_is_not_tried_again_on_the_new_route() -> None:
    world, left = moved()
    world.verdict = Verdict.FAIL
    (entry,) = entries(decided(world, left=left))
    assert (entry.route, entry.cause, entry.weight) == ("httpRoute/chat", Cause.ROLLBACK, 0)
    (entry,) = entries(decided(world, left=None))
    assert (entry.route, entry.cause, entry.weight) == ("httpRoute/chat-new", Cause.ROLLBACK, 0)


def test_it_does_so_even_where_the_new_route_is_missing() -> None:
    world, left = moved()
    (entry,) = entries(decided(world, left=left, route=None, route_problem="HTTPRoute chat-new does not exist."))
    assert (entry.route, entry.weight) == ("httpRoute/chat", 0)


def test_the_candidate_begins_again_on_the_new_route() -> None:
    world, left = moved()
    (entry,) = entries(decided(world, left=left))
    after = replace(left, weights=(0,), record=entry)
    world.progress = fold(world.progress, entry)
    (first,) = entries(decided(world, left=after))
    assert (first.route, first.weight, first.seq) == ("httpRoute/chat-new", 0, entry.seq + 1)
    world.progress = fold(world.progress, first)
    assert (world.progress.step, world.progress.candidate, world.progress.attempt) == (0, "v2", 2)


def test_an_end_that_was_written_to_the_old_route_just_before_a_crash_is_not_forgotten() -> None:
    world, left = moved()
    (entry,) = entries(decided(world, left=left))
    plan = decided(world, left=replace(left, weights=(0,), record=entry))
    assert plan.progress.attempt == 2, "the entry on the old route was not folded in"


def test_a_route_that_is_gone_already_leaves_no_weight_behind_on_the_new_one() -> None:
    world, _ = moved()
    (entry,) = entries(decided(world, left=None))
    assert (entry.route, entry.cause, entry.weight) == ("httpRoute/chat-new", Cause.RESTART, 0)


def test_nobody_can_write_the_old_weight_to_a_new_route_that_no_gateway_has_accepted_yet() -> None:
    world, _ = moved()
    world.accepted = False
    world.spec = replace(world.spec, evidence_rules="rules-2")
    (entry,) = entries(decided(world, left=None, intent=Intent(verb=Verb.PAUSE, token="t1")))
    assert (entry.route, entry.weight) == ("httpRoute/chat-new", 0)


def test_a_candidate_that_the_stable_service_selects_already_is_stable_with_the_change() -> None:
    world, left = moved()
    assert world.progress.split is not None
    world.progress = replace(world.progress, step=4, split=replace(world.progress.split, weight=100, step=4))
    (entry,) = entries(decided(world, left=replace(left, weights=(100,)), stable_selector="v2"))
    assert (entry.route, entry.cause, entry.revision) == ("httpRoute/chat", Cause.FINISH, "v2")


def test_a_rollout_at_rest_changes_its_route_without_a_trial() -> None:
    world, left = moved()
    assert world.progress.split is not None
    rest = replace(world.progress, candidate="", step=0, split=replace(world.progress.split, weight=0, step=0))
    world.progress, world.wanted = rest, "v1"
    (entry,) = entries(decided(world, left=replace(left, weights=(0,))))
    assert (entry.route, entry.weight) == ("httpRoute/chat-new", 0)
    assert fold(rest, entry).candidate == ""


def test_a_deletion_takes_the_candidate_off_the_old_route_too() -> None:
    world, left = moved()
    (entry,) = entries(decided(world, left=left, deleting_since=world.now))
    assert (entry.route, entry.weight) == ("httpRoute/chat", 0)
    late = decided(world, left=left, deleting_since=world.now - 121)
    assert entries(late) == [], "a deletion must not hang on a route that cannot be written"


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL])
def test_a_service_that_shared_the_requests_before_always_has_pods_and_follows_stable(verdict: Verdict) -> None:
    """Clients that still use it must not be left without an answer when the former stable loses its pods."""
    world = on_trial(1, scale_down_delay=0.0, rollback_window=0)
    world.followers = {"chat-live": "v1"}
    world.verdict = verdict
    for _ in world.run(600):
        assert world.ready(world.followers["chat-live"]) == 4, (world.followers, world.groups)
    assert world.followers == {"chat-live": "v2" if verdict is Verdict.PASS else "v1"}
    assert world.ready("v1") == (0 if verdict is Verdict.PASS else 4)


def test_a_service_that_shared_the_requests_and_selects_no_one_revision_is_given_back_to_stable() -> None:
    world = on_trial(1)
    world.followers = {"chat-live": ""}
    world.settle(1)
    assert world.followers == {"chat-live": "v1"}
