"""Conditions in the sense of kstatus, derived from a plan and what was observed.

`Ready`, `Reconciling` and `Stalled` are what Helm's `--wait`, Flux and Argo CD read: in progress is Reconciling=True;
a rollout that was taken back is Stalled=True and Ready=False until someone changes something.
"""

from dataclasses import dataclass

from serinus.core.budget import burn_words, long_words, percent
from serinus.core.evidence import Verdict
from serinus.core.foretelling import WITHIN
from serinus.core.model import Forecast, Phase, Spec
from serinus.core.observed import Measured, Observed
from serinus.core.phases import IN_PROGRESS
from serinus.core.plan import Plan
from serinus.core.rules.budget import burning, spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition; `lastTransitionTime` is added where it is recorded, only when `status` changes."""

    type: str
    status: bool | None
    """None: Unknown."""
    reason: str
    message: str


_STUCK = frozenset(
    {"Conflict", "MaxExtraGPUsTooLow", "InvalidSpec", "RouteContested", "RouteProblem", "Adopting", "SourceMissing"}
)
"""Reasons that only a person's change ends."""


def conditions(spec: Spec, observed: Observed, measured: Measured, plan: Plan) -> tuple[Condition, ...]:
    """All conditions, in the order in which they are read."""
    phase = plan.progress.phase
    stalled = phase in (Phase.ROLLED_BACK, Phase.INVALID) or plan.reason in _STUCK
    working = phase in IN_PROGRESS and not stalled
    ready = phase is Phase.HEALTHY and observed.stable_endpoints > 0 and not stalled
    said = plan.sentence
    result = [
        Condition(type="Ready", status=ready, reason=plan.reason, message=said),
        Condition(
            type="Reconciling", status=working, reason=plan.reason, message=said if working else "Nothing moves."
        ),
        Condition(type="Stalled", status=stalled, reason=plan.reason, message=said if stalled else "Not stalled."),
        _traffic_in_sync(observed, plan),
    ]
    if plan.progress.candidate:
        result.append(_evidence(measured))
        if plan.progress.forecast is not None:
            result.append(_conclusion(plan.progress.forecast))
    if (budget := _budget(spec, observed)) is not None:
        result.append(budget)
    result.append(_capacity(observed, plan))
    result.append(_source(spec, observed))
    result.append(_isolated(observed))
    if observed.unknown_fields:
        fields = ", ".join(observed.unknown_fields)
        result.append(
            Condition(
                type="UnknownFields",
                status=True,
                reason="Ignored",
                message=f"These fields do not exist and are ignored: {fields}.",
            )
        )
    return tuple(result)


def _traffic_in_sync(observed: Observed, plan: Plan) -> Condition:
    route, split = observed.route, plan.progress.split
    kind = "TrafficInSync"
    if route is None:
        return Condition(type=kind, status=False, reason="RouteMissing", message=observed.route_problem or "No route.")
    if not route.listed:
        return Condition(
            type=kind, status=False, reason="NotListed", message=f"{route.kind} {route.name} lists not both Services."
        )
    if route.problems:
        return Condition(type=kind, status=False, reason="RouteProblem", message=" ".join(route.problems))
    wanted = split.weight if split else 0
    if route.strayed:
        return Condition(type=kind, status=False, reason="Drift", message=f"{route.strayed}; {wanted} % is wanted.")
    if any(weight != wanted for weight in route.weights):
        seen = ", ".join(str(weight) for weight in route.weights)
        return Condition(
            type=kind, status=False, reason="Drift", message=f"The route says {seen} % where {wanted} % is wanted."
        )
    if not route.accepted:
        return Condition(type=kind, status=False, reason="NotAccepted", message=route.not_accepted)
    return Condition(type=kind, status=True, reason="InSync", message=f"The candidate's weight is {wanted} %.")


def _evidence(measured: Measured) -> Condition:
    lacks = measured.verdict in (Verdict.NO_DATA, Verdict.PROVIDER_DOWN)
    return Condition(
        type="EvidenceAvailable",
        status=not lacks,
        reason=str(measured.verdict) if lacks else "Measured",
        message=measured.sentence or "Nothing measured yet.",
    )


def _budget(spec: Spec, observed: Observed) -> Condition | None:
    """Whether a trial could start as far as the error budget goes; Unknown where it is not known."""
    kind, asked, budget = "BudgetAvailable", spec.error_budget, observed.budget
    if asked is None:
        return None
    if budget is None or budget.problem:
        why = budget.problem if budget else "It is not read yet."
        return Condition(type=kind, status=None, reason="NotKnown", message=why)
    remaining, burn = budget.remaining, budget.burn
    if remaining is None:
        words = f"No request was counted for {asked.words}: nothing is spent, as far as is known."
        return Condition(type=kind, status=None, reason="NoRequests", message=words)
    if budget.spent:
        return Condition(type=kind, status=False, reason="Spent", message=_sentence(spent(budget)))
    words = f"{percent(round(remaining, 2))} of {asked.words} is left"
    if budget.covered < asked.window:
        words += f", by a history of {long_words(budget.covered)}"
    if budget.burns:
        words = f"{words}. {_sentence(burning(budget))}"
        return Condition(type=kind, status=True, reason="Burning", message=words)
    rate = f"; it burns at {burn_words(burn)}" if burn is not None else ""
    return Condition(type=kind, status=True, reason="Available", message=f"{words}{rate}.")


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _conclusion(told: Forecast) -> Condition:
    return Condition(type="CanConclude", status=told.reason == WITHIN, reason=told.reason, message=told.sentence)


def _capacity(observed: Observed, plan: Plan) -> Condition:
    short = plan.reason in ("InsufficientCapacity", "MaxExtraGPUsTooLow")
    if short:
        return Condition(type="CapacityAvailable", status=False, reason=plan.reason, message=plan.sentence)
    capacity = observed.capacity
    words = (
        f"{capacity.free_gpus} x {capacity.resource} free in {capacity.pool}." if capacity else "Nothing is missing."
    )
    return Condition(type="CapacityAvailable", status=True, reason="Enough", message=words)


def _source(spec: Spec, observed: Observed) -> Condition:
    kind, source = "SourceScaledDown", observed.source
    if source is None:
        return Condition(type=kind, status=None, reason="SourceMissing", message=observed.source_problem)
    if source.running == 0:
        return Condition(
            type=kind, status=True, reason="ScaledDown", message=f"{source.kind} {source.name} runs no pods."
        )
    holds = f" that hold {source.running_gpus} x {source.gpu_resource}" if source.running_gpus else ""
    how = "" if spec.replicas is not None else f" and workload.replicas: {source.running} in this resource"
    told = f"{source.kind} {source.name} still runs {source.running} pods{holds}"
    if observed.route is None or not observed.route.listed:
        then = f"once all its requests come by {spec.traffic.name}, write replicas: 0 in it{how}."
        return Condition(type=kind, status=False, reason="SourceServes", message=f"{told}: {then}")
    return Condition(
        type=kind,
        status=False,
        reason="SourceRuns",
        message=f"{told}, and {observed.route.kind} {observed.route.name} sends them nothing: write replicas: 0 in "
        f"it{how}.",
    )


def _isolated(observed: Observed) -> Condition:
    if observed.leaks:
        return Condition(type="TrafficIsolated", status=False, reason="OtherService", message=" ".join(observed.leaks))
    return Condition(
        type="TrafficIsolated", status=True, reason="Isolated", message="Only our Services select the pods."
    )
