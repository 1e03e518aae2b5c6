"""The status of a ModelRollout: what people read, and the operator's own notes.

Numbers are quantised (three significant digits), so that a status changes when something changes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from serinus.api import forecast_status
from serinus.api.budget_status import BudgetStatus, Part, budget_status
from serinus.api.forecast_status import ForecastStatus
from serinus.core.baseline import fresh_pods
from serinus.core.conditions import Condition
from serinus.core.evidence import Finding
from serinus.core.model import Cause, Decision, Model, Phase, Progress, Spec
from serinus.core.observed import Measured, Observed
from serinus.core.plan import Plan


class RevisionStatus(Part):
    """A revision and the model that it serves."""

    revision: str = Field(description="Name of the revision; its Deployment is ROLLOUT-REVISION.")
    ready: int = Field(description="Pods that are ready.")
    model: str = Field(default="", description="What `spec.model` said when the revision was made.")


class BaselineStatus(Part):
    """Pods of stable that were made for the trial."""

    revision: str = Field(description="Name of the stable revision, of which they are pods.")
    ready: int = Field(description="Fresh pods that are ready.")


class Weights(Part):
    """The candidate's share of requests in percent."""

    wanted: int = Field(
        description="Weight that Serinus wrote to the route; with traffic.replicas the one that the step asks for."
    )
    given: int | None = Field(
        default=None,
        description="Only with traffic.replicas: the share that the number of ready pods gives the candidate.",
    )
    measured: float | None = Field(default=None, description="Share that was measured in the last window.")


class SliStatus(Part):
    """What is known of one SLI."""

    name: str = Field(description="Name of the SLI.")
    verdict: str = Field(description="Pass, Fail, NotEnough, NoData or ProviderDown.")
    candidate: str = Field(
        default="",
        description="The candidate's value: share of bad requests or of low scores, or events per pod-hour.",
    )
    stable: str = Field(
        default="", description="The stable revision's value; with analysis.baseline: fresh that of its fresh pods."
    )
    ratio: str = Field(default="", description="Interval of candidate/stable, valid at every look.")
    e_harm: str = Field(default="", description="Evidence that the candidate is worse than its margin (e-value).")
    e_safe: str = Field(default="", description="Evidence that the candidate is no worse than the step's margin.")
    requests: str = Field(default="", description="Requests judged: candidate/stable.")
    message: str = Field(default="", description="One sentence with the numbers.")


class DecisionStatus(Part):
    """One entry of the decision log, the youngest first."""

    number: int = Field(description="Number of the decision, as in the route's annotation serinus.dev/split.")
    time: str = Field(description="When it was taken.")
    cause: str = Field(description="Why the split was written: start, step, rollback, promote, finish and so on.")
    revision: str = Field(description="The revision that it is about.")
    weight: int = Field(description="The candidate's weight from then on, in percent.")
    message: str = Field(description="The reason as a sentence with numbers.")


class IntentStatus(Part):
    """What became of the last intent."""

    token: str = Field(description="Token of the annotation serinus.dev/intent that was answered last.")
    message: str = Field(default="", description="What was done, or why not.")


class ConditionStatus(Part):
    """A condition as Kubernetes knows it."""

    type: str = Field(description="Ready, Reconciling, Stalled, TrafficInSync, EvidenceAvailable and so on.")
    status: str = Field(description="True, False or Unknown.")
    reason: str = Field(description="CamelCase word for the message.")
    message: str = Field(description="A sentence for people.")
    last_transition_time: str = Field(description="When `status` last changed.")
    observed_generation: int = Field(description="Generation of the spec that it speaks of.")


class Status(Part):
    """What Serinus says of a rollout."""

    observed_generation: int = Field(description="Generation of the spec that this status speaks of.")
    phase: str = Field(description="Where the rollout is: " + ", ".join(Phase) + ".")
    message: str = Field(description="One sentence: what happened, on which numbers.")
    next_action: str = Field(default="", description="What would change the situation: a time, or evidence.")
    verdict: str = Field(default="", description="What all evidence says together, while a candidate is on trial.")
    step: str = Field(default="", description="The present step of all steps, such as 2/3.")
    weights: Weights | None = Field(default=None, description="The candidate's share, wanted and measured.")
    stable: RevisionStatus | None = Field(default=None, description="The revision that is trusted now.")
    candidate: RevisionStatus | None = Field(default=None, description="The revision under trial.")
    baseline: BaselineStatus | None = Field(
        default=None, description="Only with analysis.baseline: fresh: the pods of stable that began with the trial."
    )
    attempt: int = Field(default=0, description="How many trials this resource has seen.")
    slis: list[SliStatus] = Field(default=[], description="What is known of each SLI.", max_length=32)
    budget: BudgetStatus | None = Field(default=None, description="What is known of `spec.errorBudget`.")
    forecast: ForecastStatus | None = Field(
        default=None, description="What was said before the step of how long it takes, and the whole rollout."
    )
    decisions: list[DecisionStatus] = Field(default=[], description="The last decisions.", max_length=8)
    intent: IntentStatus | None = Field(default=None, description="What became of the last intent.")
    conditions: list[ConditionStatus] = Field(default=[], description="Conditions in the sense of kstatus.")
    record: dict[str, Any] = Field(
        default={},
        description="The operator's own notes, from which it goes on after a restart. Not an API.",
        json_schema_extra={"x-kubernetes-preserve-unknown-fields": True},
    )


_PROGRESS = TypeAdapter(Progress)


def progress_of(status: Mapping[str, Any] | None) -> Progress:
    """How far the rollout has come, as the status of a manifest says; the beginning where there is none.

    Notes that cannot be read (another build's, or edited by hand) are the beginning, too: who is stable stands in
    the Service's selector, and what was last done beside the weights of the route.
    """
    record = (status or {}).get("record")
    if not record:
        return Progress()
    try:
        progress = _PROGRESS.validate_python(_keys(record, _snake))
        return replace(
            progress,
            decisions=tuple(_decision(one) for one in (status or {}).get("decisions", ())),
            forecast=forecast_status.read(status or {}),
        )
    except (ValidationError, KeyError, TypeError, ValueError, AttributeError):
        return Progress()


def _decision(told: Mapping[str, Any]) -> Decision:
    return Decision(
        seq=int(told["number"]),
        at=datetime.fromisoformat(told["time"]).timestamp(),
        cause=Cause(told["cause"]),
        revision=str(told["revision"]),
        weight=int(told["weight"]),
        sentence=str(told["message"]),
    )


def status_of(
    *,
    spec: Spec,
    observed: Observed,
    measured: Measured,
    plan: Plan,
    conditions: Iterable[Condition],
    before: Mapping[str, Any] | None,
    now: float,
) -> dict[str, Any]:
    """The whole status as JSON. `before` is the present one: transition times that stay come from it."""
    progress = plan.progress
    trial = bool(progress.candidate)
    status = Status(
        observed_generation=spec.generation,
        phase=progress.phase,
        message=plan.sentence[:1024],
        next_action=plan.next_action[:512],
        verdict=str(measured.verdict) if trial and progress.step else "",
        step=f"{min(progress.step, len(spec.steps))}/{len(spec.steps)}" if trial else "",
        weights=_weights(spec, progress, measured),
        stable=_revision(progress.stable, spec.model, observed, current=observed.wanted),
        candidate=_revision(progress.candidate, spec.model, observed, current=observed.wanted),
        baseline=_baseline(spec, progress, observed),
        attempt=progress.attempt,
        slis=[_sli(one) for one in plan.findings] if trial or plan.findings else _kept(before),
        budget=budget_status(observed.budget, lambda seconds: _expected(seconds, now)),
        decisions=[
            DecisionStatus(
                number=one.seq,
                time=timestamp(one.at),
                cause=one.cause,
                revision=one.revision,
                weight=one.weight,
                message=one.sentence,
            )
            for one in progress.decisions
        ],
        forecast=forecast_status.told(progress.forecast),
        intent=IntentStatus(token=progress.last_intent, message=progress.intent_answer)
        if progress.last_intent or progress.intent_answer
        else None,
        conditions=_conditions(conditions, before, spec.generation, now),
        record=_keys(_PROGRESS.dump_python(progress, mode="json", exclude={"decisions", "forecast"}), _camel),
    )
    return status.model_dump(by_alias=True, mode="json", exclude_none=True, exclude_defaults=False)


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC, whole seconds, as Kubernetes writes it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _weights(spec: Spec, progress: Progress, measured: Measured) -> Weights | None:
    if progress.split is None:
        return None
    share = measured.share if progress.candidate and progress.step else None
    wanted = given = progress.split.weight
    if given not in (0, 100) and 1 <= progress.step <= len(spec.steps):
        wanted = spec.steps[progress.step - 1].weight if spec.traffic.by_pods else given
    return Weights(
        wanted=wanted,
        given=given if spec.traffic.by_pods else None,
        measured=None if share is None else round(share, 1),
    )


def _revision(name: str, model: Model, observed: Observed, *, current: str) -> RevisionStatus | None:
    if not name:
        return None
    deployed = observed.revision(name)
    words = " ".join(word for word in (model.name, model.version) if word) if name == current else ""
    return RevisionStatus(revision=name, ready=deployed.ready if deployed else 0, model=words)


def _baseline(spec: Spec, progress: Progress, observed: Observed) -> BaselineStatus | None:
    if not spec.standards.fresh_baseline or not progress.candidate:
        return None
    ready = sum(pod.ready_since is not None for pod in fresh_pods(observed, progress))
    return BaselineStatus(revision=progress.stable, ready=ready)


def _kept(before: Mapping[str, Any] | None) -> list[SliStatus]:
    """The table of the last trial stays readable after it ended."""
    names = {to_camel(name) for name in SliStatus.model_fields}
    kept = [{key: value for key, value in one.items() if key in names} for one in (before or {}).get("slis", [])]
    return [SliStatus.model_validate(one) for one in kept if one.keys() >= {"name", "verdict"}]


def _sli(finding: Finding) -> SliStatus:
    low, high = finding.low, finding.high
    return SliStatus(
        name=finding.sli,
        verdict=finding.verdict,
        candidate=_value(finding.candidate, finding),
        stable=_value(finding.stable, finding),
        ratio=f"{low:.3g} to {high:.3g}" if low is not None and high is not None else "",
        e_harm=f"{finding.e_harm:.3g}",
        e_safe=f"{finding.e_safe:.3g}",
        requests=f"{finding.requests_candidate:.0f}/{finding.requests_stable:.0f}",
        message=finding.sentence[:256],
    )


def _expected(seconds: float, now: float) -> str:
    """A time to come that is only estimated: on a grid of ten minutes, so that it rarely changes by itself."""
    return timestamp(round((now + seconds) / 600) * 600)


def _value(value: float | None, finding: Finding) -> str:
    if value is None:
        return ""
    return f"{value:.3g}/h" if finding.per_pod_hour else f"{100 * value:.3g}%"


def _conditions(
    conditions: Iterable[Condition], before: Mapping[str, Any] | None, generation: int, now: float
) -> list[ConditionStatus]:
    known = {one["type"]: one for one in (before or {}).get("conditions", [])}
    result = []
    for one in conditions:
        status = "Unknown" if one.status is None else str(one.status)
        old = known.get(one.type)
        since = old["lastTransitionTime"] if old and old["status"] == status else timestamp(now)
        result.append(
            ConditionStatus(
                type=one.type,
                status=status,
                reason=one.reason,
                message=one.message[:1024],
                last_transition_time=since,
                observed_generation=generation,
            )
        )
    return result


@lru_cache(maxsize=512)
def _snake(key: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", lambda match: "_" + match.group(1).lower(), key)


@lru_cache(maxsize=512)
def _camel(key: str) -> str:
    return to_camel(key)


def _keys(value: Any, rename: Any) -> Any:
    """The same JSON with every key renamed; the notes hold no key that people chose."""
    if isinstance(value, dict):
        return {rename(key): _keys(one, rename) for key, one in value.items()}
    if isinstance(value, list):
        return [_keys(one, rename) for one in value]
    return value
