"""After a trial the two role Services come to rest by themselves, without any event that wakes the operator."""

from serinus.core.evidence import Verdict
from serinus.core.plan import Plan, SelectRevision
from tests.core.world import World, on_trial


def woken_as_asked(world: World, seconds: float) -> list[Plan]:
    """The plans of an operator that looks again only when its last plan said so."""
    plans = []
    end = world.now + seconds
    while world.now < end:
        plan = world.tick()
        plans.append(plan)
        if plan.wake_at is None:
            break
        world.now = max(plan.wake_at, world.now + 0.01)
    return plans


def test_after_a_rollback_the_candidate_service_selects_stable_without_being_woken() -> None:
    world = on_trial(1, drain=1.0)
    world.verdict = Verdict.FAIL
    world.now += 15
    plans = woken_as_asked(world, 600)
    assert world.weights == (0,)
    assert world.candidate_selector == "v1"
    moved = [one for plan in plans for one in plan.actions if isinstance(one, SelectRevision)]
    assert moved == [SelectRevision(service="candidate", revision="v1")]


def test_the_candidate_service_does_not_move_before_the_gateway_has_settled() -> None:
    world = on_trial(1)
    world.verdict = Verdict.FAIL
    world.now += 15
    woken_as_asked(world, 4.9)
    assert world.weights == (0,)
    assert world.candidate_selector == "v2"
