"""What is said of the time that steps take: when, once, with which numbers, and what else could be written."""

from dataclasses import replace
from math import inf

import pytest

from serinus.core.conditions import Condition, conditions
from serinus.core.forecast import Foreseen, Luck
from serinus.core.model import OnInconclusive
from serinus.core.observed import Measured
from serinus.core.plan import Plan, SetSplit
from tests.core.world import World, healthy


def foreseen(step: int, evidence: float = 600.0, **changes: object) -> Foreseen:
    base = Foreseen(
        step=step,
        sli="errors",
        requests=evidence,
        evidence=evidence,
        seconds=max(60.0, evidence) + 60,
        soonest=max(60.0, evidence) + 60,
        rate=20.0,
        assumed=False,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


class Foreseeing(World):
    """A world in which the measurer foresees, too."""

    ahead: tuple[Foreseen, ...] = ()

    def measured(self) -> Measured:
        found = super().measured()
        progress = self.progress
        return replace(found, attempt=found.attempt or progress.attempt, foreseen=self.ahead)


def world(*ahead: Foreseen, **changes: object) -> Foreseeing:
    """A new revision, whose pods come up."""
    base = healthy(**changes)
    made = Foreseeing(**{name: getattr(base, name) for name in base.__dataclass_fields__})
    made.wanted, made.ahead = "v2", ahead or (foreseen(1), foreseen(2), foreseen(3))
    for _ in range(4):
        made.tick()
    return made


def condition(world: World, plan: Plan) -> Condition | None:
    told = conditions(world.spec, world.observed(), world.measured(), plan)
    return next((one for one in told if one.type == "CanConclude"), None)


def test_before_the_first_step_its_time_and_that_of_the_whole_rollout_are_said() -> None:
    preparing = world()
    plan = preparing.tick()
    told = plan.progress.forecast
    assert plan.progress.phase == "Preparing"
    assert told is not None
    assert (told.attempt, told.step, told.seconds, told.rollout, told.reason) == (1, 1, 660, 1980, "WithinMaxHold")
    assert told.sentence == (
        "If it is as good as stable, step 1 (5 %) takes about 11 min at 20 requests/s (about 600 requests to the"
        " candidate; errors takes longest), and all 3 steps about 33 min."
    )
    said = condition(preparing, plan)
    assert said is not None
    assert (said.status, said.reason, said.message) == (True, "WithinMaxHold", told.sentence)


def test_the_entry_of_a_step_says_its_time() -> None:
    preparing = world()
    entries = [
        action.record.note for plan in preparing.run(60) for action in plan.actions if isinstance(action, SetSplit)
    ]
    assert entries == ["Step 1 of 3: v2 gets 5 % on 1 ready pods. About 11 min if it is as good as stable."]


def test_where_measuring_the_noise_may_shorten_it_the_entry_says_at_most() -> None:
    preparing = world(*(foreseen(step, 3000.0, assumed=True, soonest=1000.0) for step in (1, 2, 3)))
    notes = [
        action.record.note for plan in preparing.run(60) for action in plan.actions if isinstance(action, SetSplit)
    ]
    assert notes[0].endswith("At most about 51 min if it is as good as stable.")


def test_it_is_said_once_for_a_step_and_again_before_the_next() -> None:
    preparing = world()
    first = preparing.tick().progress.forecast
    preparing.ahead = (foreseen(1, 9000.0), foreseen(2, 1200.0), foreseen(3))
    assert preparing.settle(60).progress.forecast == first, "numbers that move are not written again"
    preparing.verdict = preparing.verdict.PASS
    for plan in preparing.run(600):
        if plan.progress.heading == 2:
            break
    told = plan.progress.forecast
    assert told is not None
    assert (told.step, told.seconds, told.rollout) == (2, 1260, 1920)


def test_where_nothing_is_foreseen_nothing_is_said() -> None:
    preparing = world()
    preparing.ahead, preparing.progress = (), replace(preparing.progress, forecast=None)
    plan = preparing.tick()
    assert plan.progress.forecast is None
    assert condition(preparing, plan) is None
    preparing.ahead = (foreseen(2), foreseen(3))
    assert preparing.tick().progress.forecast is None, "that of another step is none of this one"


def test_once_the_trial_is_over_nothing_is_foreseen_any_more() -> None:
    preparing = world()
    preparing.settle(60)
    preparing.ask("abort", "t1")
    assert preparing.settle(60).progress.forecast is None


@pytest.mark.parametrize(
    ("changes", "after"),
    [({}, "waits for a person"), ({"on_inconclusive": OnInconclusive.ROLLBACK}, "is taken back")],
)
def test_a_step_that_cannot_conclude_says_so_before_it_starts_with_the_choices(
    changes: dict[str, object], after: str
) -> None:
    preparing = world(foreseen(1, 7200.0, assumed=True), foreseen(2), foreseen(3), **changes)
    plan = preparing.tick()
    assert plan.progress.phase == "Preparing"
    assert (
        "Step 1 (5 %) cannot conclude within maxHold (60 min): errors needs about 2 h 0 min at 20 requests/s"
        in plan.sentence
    )
    for choice in (after, "onInconclusive", "longer analysis.maxHold", "more weight", "looser objective"):
        assert choice in plan.sentence
    assert "only assumed" in plan.sentence
    said = condition(preparing, plan)
    assert said is not None
    assert (said.status, said.reason) == (False, "MaxHoldTooShort")
    entries = [one.sentence for plan in preparing.run(60) for one in plan.progress.decisions]
    assert any("gets 5 %" in one and "cannot conclude" in one for one in entries)


def test_that_a_later_step_cannot_conclude_is_said_before_the_first() -> None:
    told = world(foreseen(1), foreseen(2), foreseen(3, 7200.0)).tick().progress.forecast
    assert told is not None
    assert told.reason == "WithinMaxHold"
    assert "step 3 (50 %) cannot conclude within maxHold (60 min)" in told.sentence


def test_a_stable_without_requests_is_said_not_to_let_anything_conclude() -> None:
    silent = world(foreseen(1, inf, rate=0.0, seconds=inf, soonest=inf), foreseen(2), foreseen(3))
    plan = silent.tick()
    told = plan.progress.forecast
    assert told is not None
    assert (told.seconds, told.rollout, told.reason) == (None, None, "NoTraffic")
    assert "no requests of stable were counted for errors" in plan.sentence


def test_what_cannot_be_learnt_at_any_length_is_said_without_a_time() -> None:
    told = world(foreseen(1, inf, seconds=inf, soonest=inf), foreseen(2), foreseen(3)).tick().progress.forecast
    assert told is not None
    assert "needs more than there is to learn" in told.sentence


def test_assumed_noise_is_said_to_make_it_slow_and_how_fast_it_may_become() -> None:
    slow = [foreseen(step, 3000.0, assumed=True, soonest=1000.0) for step in (1, 2, 3)]
    told = world(*slow).tick().progress.forecast
    assert told is not None
    assert told.sentence.endswith(
        "all 3 steps about 2 h 33 min. Stable's noise is assumed, which makes this slow; it is measured once 4"
        " pod-hours of stable are there, and then it may be 50 min."
    )
    fast = [foreseen(step, 600.0, assumed=True) for step in (1, 2, 3)]
    told = world(*fast).tick().progress.forecast
    assert told is not None
    assert told.sentence.endswith("Stable's noise is assumed, which makes this slow.")
    told = world().tick().progress.forecast
    assert told is not None
    assert "assumed" not in told.sentence


def test_a_step_as_long_as_its_hold_says_so() -> None:
    told = world(*(foreseen(step, 30.0) for step in (1, 2, 3))).tick().progress.forecast
    assert told is not None
    assert "(its hold; the evidence about 30 s, for errors)" in told.sentence


def test_the_last_step_speaks_of_no_others() -> None:
    told = world(foreseen(1), steps=(world().spec.steps[0],)).tick().progress.forecast
    assert told is not None
    assert "all" not in told.sentence


def test_events_wait_for_the_time_of_pods_and_not_for_requests() -> None:
    preparing = world(foreseen(1, 1200.0, pods=1, sli="faults"), foreseen(2, 600.0, pods=2, sli="faults"))
    told = preparing.tick().progress.forecast
    assert told is not None
    assert "faults takes longest: it counts events, and one pod has so little time to have none in" in told.sentence
    assert "requests" not in told.sentence


def test_events_that_need_longer_than_max_hold_say_how_many_pods_that_is_with() -> None:
    preparing = world(foreseen(1, 1e6, pods=3, sli="faults"), foreseen(2))
    told = preparing.tick().progress.forecast
    assert told is not None
    assert told.reason == "MaxHoldTooShort"
    assert "faults counts events and needs about" in told.sentence
    assert "with 3 pods of the candidate" in told.sentence
    assert "a larger perPodHour of faults" in told.sentence


@pytest.mark.parametrize(
    ("pods", "of_few", "changes", "after"),
    [
        (1, "one of the candidate", {}, "waits for a person"),
        (2, "2 of the candidate", {"on_inconclusive": OnInconclusive.ROLLBACK}, "is taken back"),
    ],
)
def test_pods_that_differ_too_much_for_a_step_are_said_before_it_starts_with_the_choices(
    pods: int, of_few: str, changes: dict[str, object], after: str
) -> None:
    luck = Luck(sli="errors", pods=pods, times=1.86, allowed=1.5)
    first = foreseen(1, inf, seconds=inf, soonest=inf, luck=luck)
    preparing = world(first, foreseen(2), foreseen(3), **changes)
    plan = preparing.tick()
    assert "Step 1 (5 %) cannot conclude, however long it takes" in plan.sentence
    assert f"{of_few} may look 1.9 times better than the model is, for errors. It then {after}" in plan.sentence
    for choice in ("more pods", "workload.replicas", "an allowedRatio of 1.5 or more for errors", "looser objective"):
        assert choice in plan.sentence
    said = condition(preparing, plan)
    assert said is not None
    assert (said.status, said.reason) == (False, "PodsDiffer")


def test_a_step_that_only_some_draws_of_pods_let_conclude_says_so_with_its_time() -> None:
    luck = Luck(sli="slips", pods=1, times=1.4, allowed=None, never=False)
    preparing = world(foreseen(1, luck=luck), foreseen(2), foreseen(3))
    plan = preparing.tick()
    assert "takes about 11 min if it is as good as stable, but never concludes if its few pods" in plan.sentence
    assert "1.4 times better than the model is, for slips" in plan.sentence
    assert "allowedRatio" not in plan.sentence
    said = condition(preparing, plan)
    assert said is not None
    assert (said.status, said.reason) == (False, "PodsDiffer")


def test_a_step_too_long_for_max_hold_says_that_whatever_its_pods_draw() -> None:
    luck = Luck(sli="errors", pods=1, times=1.4, allowed=None, never=False)
    told = world(foreseen(1, 7200.0, luck=luck), foreseen(2), foreseen(3)).tick().progress.forecast
    assert told is not None
    assert told.reason == "MaxHoldTooShort"


def test_a_later_step_that_draws_of_pods_may_stop_is_said_before_the_first() -> None:
    luck = Luck(sli="errors", pods=1, times=1.4, allowed=None, never=False)
    told = world(foreseen(1), foreseen(2), foreseen(3, luck=luck)).tick().progress.forecast
    assert told is not None
    assert told.reason == "WithinMaxHold"
    assert "may never conclude, because pods differ" in told.sentence
