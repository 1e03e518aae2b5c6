"""What to do now, and why: the rules in their order. The first that answers wins.

What belongs here: the order, and nothing else. What a rule is lives in `rules/`, one function each, named after the
situation that it answers. A rule reads the `Situation` and returns a `Plan` or None; it does no I/O, reads no clock
and knows no Kubernetes. The last rule always answers, so that "nothing to do" is a decision with a sentence, too.

A change of the split is alone in its plan (traffic before pods): pods and Services follow in the next tick, at once.
"""

from collections.abc import Callable
from dataclasses import replace

from serinus.core import replicas
from serinus.core.foretelling import with_forecast
from serinus.core.journal import behind, fold, newest
from serinus.core.model import Progress, Spec
from serinus.core.observed import Measured, Observed
from serinus.core.plan import Plan, SetSplit
from serinus.core.rules import baseline, budget, deletion, people, route_change, safety, start, trial
from serinus.core.situation import Situation

Rule = Callable[[Situation], Plan | None]

RULES: tuple[Rule, ...] = (
    # First of all: someone wants it gone. Stable keeps everything.
    deletion.deletion_lets_go,
    # Traffic that no later rule would see: `traffic` names another route than the one that carries it.
    route_change.left_route_gets_stable_back,
    # Nothing is written to a route whose weights are somebody else's.
    safety.rival_is_named,
    # The first entry on a new route has weight 0, whatever asks for another one.
    route_change.new_route_begins_without_a_candidate,
    # Safety: traffic goes back on evidence of harm, whatever anyone asked for.
    safety.failing_candidate_is_taken_back,
    safety.crashing_candidate_is_taken_back,
    safety.late_candidate_is_taken_back,
    baseline.late_baseline_ends_the_trial,
    safety.overloaded_candidate_is_taken_back,
    safety.weight_follows_ready_pods_down,
    safety.share_by_pods_is_recorded,
    safety.silent_candidate_gets_no_traffic,
    # What belongs to someone else, or a spec that cannot be followed, moves nothing forward.
    safety.conflicts_are_named,
    safety.spec_cannot_be_followed,
    # People: what they ask for, and what they changed in Git.
    people.intent_is_followed_once,
    people.reverted_source_ends_the_trial,
    people.newer_revision_replaces_the_candidate,
    people.changed_rules_start_the_evidence_over,
    # The first revision, before there is any journal.
    start.missing_source_is_named,
    start.first_revision_becomes_stable,
    # Without a route that sends traffic by our weights nothing can be proved.
    start.route_problem_stops_progress,
    safety.entry_of_the_future_is_written_again,
    safety.foreign_weights_are_corrected,
    # Rest, or begin.
    start.rejected_revision_is_not_tried_again,
    start.nothing_new_is_healthy,
    # The service's error budget, before anything is risked.
    budget.start_waits_for_the_budget,
    start.new_revision_starts_a_trial,
    # Progress.
    people.paused_rollout_waits,
    safety.inconclusive_step_is_taken_back,
    budget.burning_service_holds_the_trial,
    trial.promotion_moves_forward,
    trial.candidate_pods_come_before_traffic,
    trial.evidence_decides_the_step,
)


def decide(
    spec: Spec,
    observed: Observed,
    progress: Progress,
    measured: Measured,
    now: float,
    *,
    rules: tuple[Rule, ...] = RULES,
) -> Plan:
    """The plan for one rollout at `now` (seconds since the epoch).

    `progress` is what status says; the journal entry on the route, where it is ahead, is folded in first: that is the
    recovery after a crash. Same input, same plan.

    Raises `LookupError` if no rule answers: with the rules above that is a defect.
    """
    entry = newest(observed)
    folded = fold(progress, entry) if entry is not None else progress
    situation = Situation(
        spec=spec,
        observed=observed,
        progress=folded,
        measured=measured.at(folded.attempt, folded.step, folded.shifts[-1].at if folded.shifts else 0.0),
        now=now,
        unrecorded=behind(progress, entry),
    )
    situation = people.with_rules_noted(situation)
    for rule in rules:
        plan = rule(situation)
        if plan is not None:
            return _completed(situation, replace(plan, rule=rule.__name__))
    raise LookupError(f"no rule answers for {spec.namespace}/{spec.name} in phase {situation.progress.phase}")


def _completed(situation: Situation, plan: Plan) -> Plan:
    """The plan with the pods and Services that follow from it, and the earliest time to look again."""
    if any(isinstance(action, SetSplit) for action in plan.actions):
        return plan
    plan = with_forecast(situation, plan)
    after = replicas.actions(situation, plan.progress)
    seen = set(plan.actions)
    looks = situation.next_look if plan.progress.candidate and situation.weight else None
    later = (replicas.next_retirement(situation, plan.progress), replicas.next_rest(situation, plan.progress))
    times = (plan.wake_at, looks, *later)
    wakes = [time for time in times if time is not None]
    sentence, progress, problem = plan.sentence, plan.progress, situation.observed.intent_problem
    if problem:
        sentence, progress = f"{sentence} {problem}", replace(progress, intent_answer=problem)
    if progress.candidate:
        # Weights that do not hold are said where people look first, and not in a condition alone.
        sentence = " ".join((sentence, *situation.observed.leaks))
    return replace(
        plan,
        sentence=sentence,
        progress=progress,
        actions=(*plan.actions, *(action for action in after if action not in seen)),
        wake_at=min(wakes, default=None),
    )
