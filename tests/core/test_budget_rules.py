"""What an error budget holds up, and what it does not: the edges that the stories do not tell."""

from dataclasses import replace

import pytest

from serinus.core.budget import DAY, HOUR, Budget, Count, ErrorBudget, assess
from serinus.core.conditions import Condition, conditions
from serinus.core.decide import decide
from serinus.core.evidence import Finding, Verdict
from serinus.core.model import Cause, Phase
from serinus.core.plan import Plan, SetSplit
from tests.core.world import RULES_OF_THE_WORLD, World, healthy, on_trial

ASKED = ErrorBudget(sli="errors", objective=0.99, window=30 * DAY)


def known(*, bad: float = 4000, hour: float = 8, caused: float | None = None, problem: str = "") -> Budget:
    """Of a million requests in the window and 2,000 in the last hour; as many in the last minutes, in proportion."""
    counts = {
        ASKED.window: Count(total=1e6, bad=bad),
        HOUR: Count(total=2000, bad=hour),
        300.0: Count(total=200, bad=hour / 10),
    }
    return assess(ASKED, counts, caused=caused, problem=problem)


CALM, BURNS, SPENT = known(), known(hour=100), known(bad=12_000)


def decided(world: World, budget: Budget | None) -> Plan:
    seen = replace(world.observed(), budget=budget)
    asked = replace(world.spec, error_budget=ASKED)
    return decide(asked, seen, world.progress, world.measured(), world.now, rules=tuple(RULES_OF_THE_WORLD))


def said(world: World, budget: Budget | None) -> Condition | None:
    """The condition BudgetAvailable."""
    spec = replace(world.spec, error_budget=ASKED)
    seen, plan = replace(world.observed(), budget=budget), decided(world, budget)
    told = {one.type: one for one in conditions(spec, seen, world.measured(), plan)}
    return told.get("BudgetAvailable")


def waiting(revision: str = "v2") -> World:
    """v1 is stable, and the source says something newer."""
    world = healthy()
    world.wanted = revision
    return world


@pytest.mark.parametrize(
    ("budget", "reason"),
    [
        (CALM, "NewRevision"),
        (SPENT, "BudgetSpent"),
        (BURNS, "BudgetBurning"),
        (known(problem="Prometheus cannot be reached."), "BudgetUnknown"),
        (None, "BudgetUnknown"),
        (assess(ASKED, {}), "NewRevision"),
    ],
)
def test_a_trial_starts_only_with_a_budget_that_is_known_and_has_something_left(
    budget: Budget | None, reason: str
) -> None:
    plan = decided(waiting(), budget)
    assert plan.reason == reason
    assert bool(plan.actions) == (reason == "NewRevision")


def test_the_sentence_says_what_is_left_when_it_is_back_and_what_to_write() -> None:
    budget = replace(SPENT, back_in=3.2 * DAY)
    assert decided(waiting(), budget).sentence == (
        "Candidate v2 does not start: the error budget of errors (99% over 30d) is spent: 12,000 requests failed, "
        "10,000 may, -20% is left. It comes back when what failed leaves the window, in about 3 d 5 h. To start it "
        "anyway: kubectl annotate mro chat -n models --overwrite serinus.dev/intent=retry@TOKEN"
    )


def test_a_rollout_that_waits_for_its_budget_is_not_ready_and_not_stalled() -> None:
    world = waiting()
    spec, seen = replace(world.spec, error_budget=ASKED), replace(world.observed(), budget=SPENT)
    plan = decided(world, SPENT)
    told = {one.type: one.status for one in conditions(spec, seen, world.measured(), plan)}
    assert plan.progress.phase is Phase.PAUSED
    assert (told["Ready"], told["Reconciling"], told["Stalled"]) == (False, True, False)


def test_what_is_stable_needs_no_budget() -> None:
    assert decided(healthy(), SPENT).reason == "Healthy"


def test_the_first_revision_needs_no_budget() -> None:
    assert decided(World(), SPENT).reason == "FirstRevision"


@pytest.mark.parametrize("budget", [SPENT, known(problem="Prometheus cannot be reached."), None, CALM])
def test_a_trial_that_runs_is_held_by_nothing_but_a_burn(budget: Budget | None) -> None:
    world = on_trial(1)
    world.verdict = Verdict.PASS
    world.now += 100
    assert decided(world, budget).reason == "StepPassed"


def test_a_burn_holds_a_step_that_has_passed_and_says_whose_it_is() -> None:
    world = on_trial(1)
    world.verdict = Verdict.PASS
    world.now += 100
    plan = decided(world, known(hour=100, caused=0.12))
    assert (plan.reason, plan.actions, plan.progress.phase) == ("BudgetBurning", (), Phase.PAUSED)
    assert "The candidate causes 12% of that." in plan.sentence
    assert plan.progress.heading == 0, "no pods are made for a step that is not taken"


def test_a_candidate_that_fails_is_taken_back_however_the_budget_stands() -> None:
    world = on_trial(1)
    world.verdict = Verdict.FAIL
    world.now += 15
    for budget in (CALM, BURNS, SPENT, None):
        plan = decided(world, budget)
        assert [one.record.weight for one in plan.actions if isinstance(one, SetSplit)] == [0]


def test_a_rollback_says_how_fast_the_candidate_alone_burned_the_budget() -> None:
    world = on_trial(1)
    world.verdict = Verdict.FAIL
    world.now += 15
    world.last_measured = replace(
        world.measured(),
        findings=(Finding(sli="errors", verdict=Verdict.FAIL, reason="Worse", sentence="", candidate=0.3),),
    )
    assert decided(world, BURNS).sentence.endswith(
        "The candidate alone burns the error budget of errors (99% over 30d) at 30x."
    )
    other = Finding(sli="latency", verdict=Verdict.FAIL, reason="Worse", sentence="", candidate=0.3)
    world.last_measured = replace(world.last_measured, findings=(other,))
    assert "burns" not in decided(world, BURNS).sentence


def test_a_burn_never_takes_a_candidate_back_by_itself() -> None:
    world = on_trial(2)
    for verdict in (Verdict.NOT_ENOUGH, Verdict.NO_DATA, Verdict.PROVIDER_DOWN, Verdict.PASS):
        world.verdict = verdict
        world.now += 15
        assert decided(world, known(hour=2000, caused=1.0)).actions == ()


def test_a_step_that_a_person_let_it_pass_is_not_held() -> None:
    world = on_trial(1)
    world.ask("promote", "t1")
    world.tick()
    assert decided(world, BURNS).reason == "StepPassed"


def test_a_promotion_past_the_point_of_return_is_not_held() -> None:
    world = on_trial(3)
    world.verdict = Verdict.PASS
    for _ in world.run(300):
        if world.stable_selector == "v2":
            break
    assert decided(world, BURNS).reason in ("Promoting", "Promoted")


def test_a_candidate_with_all_traffic_does_not_become_stable_while_the_budget_burns() -> None:
    world = on_trial(3)
    world.verdict = Verdict.PASS
    for _ in world.run(300):
        if world.weights == (100,):
            break
    assert decided(world, BURNS).reason == "BudgetBurning"


def test_a_newer_revision_during_a_burn_takes_the_candidate_back_and_waits() -> None:
    world = on_trial(1)
    world.wanted = "v3"
    plan = decided(world, BURNS)
    assert [one.record.cause for one in plan.actions if isinstance(one, SetSplit)] == [Cause.REVERT]
    assert [one.record.cause for one in decided(world, CALM).actions if isinstance(one, SetSplit)] == [Cause.START]


def test_resume_without_a_pause_or_a_burn_is_refused() -> None:
    world = on_trial(1)
    world.ask("resume", "t1")
    assert "is not paused" in decided(world, CALM).progress.intent_answer
    assert decided(world, BURNS).progress.over_budget


def test_retry_of_a_revision_that_was_taken_back_does_not_set_the_budget_aside() -> None:
    world = on_trial(1)
    world.ask("abort", "t1")
    world.settle(60)
    world.ask("retry", "t2")
    plan = decided(world, SPENT)
    assert (plan.reason, plan.progress.over_budget) == ("Retried", False)


def test_retry_without_anything_to_start_is_refused() -> None:
    world = healthy()
    world.ask("retry", "t1")
    assert decided(world, SPENT).reason == "IntentNotFollowed"


@pytest.mark.parametrize(
    ("budget", "status", "reason", "words"),
    [
        (CALM, True, "Available", "60% of the error budget of errors (99% over 30d) is left; it burns at 0.4x."),
        (
            BURNS,
            True,
            "Burning",
            "60% of the error budget of errors (99% over 30d) is left. The error budget of errors (99% over 30d) burns "
            "at 5x over 1h and 5m, and is spent in about 3 d 14 h at this pace.",
        ),
        (SPENT, False, "Spent", "The error budget of errors (99% over 30d) is spent: 12,000 requests failed, 10,000 "
            "may, -20% is left. It comes back when what failed leaves the window."),
        (
            replace(CALM, covered=7200.0),
            True,
            "Available",
            "60% of the error budget of errors (99% over 30d) is left, by a history of 2 h; it burns at 0.4x.",
        ),
        (assess(ASKED, {}), None, "NoRequests", "No request was counted for the error budget of errors (99% over 30d): "
            "nothing is spent, as far as is known."),
        (known(problem="Prometheus cannot be reached."), None, "NotKnown", "Prometheus cannot be reached."),
        (None, None, "NotKnown", "It is not read yet."),
    ],
)  # fmt: skip
def test_the_condition_says_how_the_budget_stands(
    budget: Budget | None, status: bool | None, reason: str, words: str
) -> None:
    assert said(healthy(), budget) == Condition(type="BudgetAvailable", status=status, reason=reason, message=words)


def test_a_rollout_without_a_budget_says_nothing_of_one() -> None:
    world = healthy()
    told = conditions(world.spec, world.observed(), world.measured(), world.tick())
    assert "BudgetAvailable" not in {one.type for one in told}
