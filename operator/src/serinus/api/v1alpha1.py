"""ModelRollout `serinus.dev/v1alpha1`: exactly what users type, one pydantic model for each object in the YAML.

Descriptions become `kubectl explain`. Defaults stand here and in the descriptions, not in the CRD: the API server adds
nothing to what Git says. A duration is parsed to seconds, a percentage to a fraction; see `quantities.py`.
"""

import itertools
import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from serinus.api.analysis import Analysis
from serinus.api.error_budget import ErrorBudget
from serinus.api.quantities import Duration, cel_is_duration
from serinus.api.slis import Sli
from serinus.api.steps import DEFAULT_STEPS, Step
from serinus.api.traffic import Traffic
from serinus.api.typed import Rule, Typed
from serinus.api.workload import Workload

GROUP = "serinus.dev"
VERSION = "v1alpha1"
KIND = "ModelRollout"

NAME = "^[a-z]([-a-z0-9]*[a-z0-9])?$"


class Model(Typed):
    """What changes, for people; it never starts a rollout by itself."""

    name: Annotated[str, StringConstraints(max_length=128)] = Field(
        default="", description="Name of the model. Example: `llama-3.3-70b`."
    )
    version: Annotated[str, StringConstraints(max_length=128)] = Field(
        default="", description="Version of the model. Example: `v42`."
    )
    uri: Annotated[str, StringConstraints(max_length=1024)] = Field(
        default="", description="Where the weights come from. Example: `s3://models/chat/42`."
    )
    digest: Annotated[str, StringConstraints(max_length=256)] = Field(
        default="", description="Digest of the weights. Example: `sha256:9f86d081884c7d65`."
    )


class Rollback(Typed):
    """How long pods without traffic stay."""

    scale_down_delay: Annotated[float, Duration("0s", "720h")] = Field(
        default=600.0,
        description=(
            "How long the former stable revision keeps its pods after a promotion, on top of `drain`. While they "
            "run, a return to it takes seconds. The pods of a candidate that was taken back go after `drain`.\n"
            "Example: `1h`. Default: `10m`."
        ),
    )
    drain: Annotated[float, Duration("0s", "1h")] = Field(
        default=30.0,
        description=(
            "Longest time that one request may take. Pods keep running this long after they lost their traffic, "
            "and what is counted this long after a change of weight is no evidence.\n"
            "Example: `2m`. Default: `30s`."
        ),
    )
    window: int = Field(
        default=1,
        ge=0,
        le=10,
        description=(
            "A return to one of this many former stable revisions whose pods still run skips the steps.\n"
            "Example: `0`. Default: `1`."
        ),
    )


_HOLD = "(has(s.hold) ? s.hold : '10m')"
_MAX_HOLD = "(has(self.analysis) && has(self.analysis.maxHold) ? self.analysis.maxHold : '24h')"
_FRESH = "has(self.analysis) && has(self.analysis.baseline) && self.analysis.baseline == 'fresh'"
_SLI_NAME = "(has(s.name) ? s.name : (has(s.preset) ? s.preset : ''))"
_BUDGETED = f"(!has(self.errorBudget.sli) || {_SLI_NAME} == self.errorBudget.sli)"
_HAS_OBJECTIVE = "has(s.objective) || has(s.p50) || has(s.p90) || has(s.p95) || has(s.p99)"


def _rising(weights: Sequence[int]) -> bool:
    return all(before < after for before, after in itertools.pairwise(weights))


class Spec(Typed):
    """What a rollout wants."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.steps) || (self.steps.map(s, s.weight).isSorted() "
            "&& self.steps.all(s, self.steps.exists_one(t, t.weight == s.weight)))",
            message="weights must rise from step to step, such as 5, 25, 50",
            holds=lambda it: _rising([step.weight for step in it.steps]),
            field="steps",
        ),
        Rule(
            cel="!has(self.traffic.replicas) || !self.traffic.replicas || !has(self.steps) "
            "|| self.steps.all(s, s.weight <= 50)",
            message=(
                "with traffic.replicas the candidate has at most as many pods as stable, which is half of all "
                "requests: write weights up to 50, such as 25, 50; after the last step it gets all of them"
            ),
            holds=lambda it: not it.traffic.replicas or all(step.weight <= 50 for step in it.steps),
            field="steps",
        ),
        Rule(
            cel=f"!({_FRESH}) || !has(self.traffic.replicas) || !self.traffic.replicas",
            message=(
                "with traffic.replicas every pod of stable changes the shares, so that none can be added beside the "
                "candidate: write analysis.baseline: stable, or a router, such as traffic: {httpRoute: chat}"
            ),
            holds=lambda it: it.analysis.baseline != "fresh" or not it.traffic.replicas,
            field="analysis",
        ),
        Rule(
            cel=f"!({_FRESH}) || has(self.workload.replicas)",
            message=(
                "with analysis.baseline: fresh stable has more pods for a while than a whole revision: say how many "
                "that one has, such as workload.replicas: 4"
            ),
            holds=lambda it: it.analysis.baseline != "fresh" or it.workload.replicas is not None,
            field="analysis",
        ),
        Rule(
            cel=f"!has(self.steps) || !{cel_is_duration(_MAX_HOLD)} || self.steps.all(s, "
            f"!{cel_is_duration(_HOLD)} || duration({_HOLD}) <= duration({_MAX_HOLD}))",
            message="a step holds longer than analysis.maxHold (or 24h, its default): raise maxHold, or hold less",
            holds=lambda it: all(step.hold <= it.analysis.max_hold for step in it.steps),
            field="steps",
        ),
        Rule(
            cel=f"self.slis.map(s, {_SLI_NAME}).all(n, n == '' || self.slis.exists_one(s, {_SLI_NAME} == n))",
            message="two SLIs have the same name: give each its own, such as {name: half, preset: vllm/e2e-latency}",
            holds=lambda it: len({sli.name or sli.preset for sli in it.slis}) == len(it.slis),
            field="slis",
        ),
        Rule(
            cel="self.slis.exists(s, !has(s.rate))",
            message=(
                "a rate does not tell whether the candidate is asked anything: write an SLI that counts requests "
                "beside it, such as {preset: vllm/success-rate}"
            ),
            holds=lambda it: any(sli.rate is None for sli in it.slis),
            field="slis",
        ),
        Rule(
            cel="!has(self.errorBudget) || has(self.errorBudget.sli) || size(self.slis) == 1",
            message="there are several SLIs: write which one the budget is counted on, such as sli: vllm/success-rate",
            holds=lambda it: it.error_budget is None or it.error_budget.sli is not None or len(it.slis) == 1,
            field="errorBudget",
        ),
        Rule(
            cel="!has(self.errorBudget) || !has(self.errorBudget.sli) "
            f"|| self.slis.exists(s, {_SLI_NAME} == self.errorBudget.sli)",
            message="sli names none of the slis: write the name of one, or its preset where it has no name",
            holds=lambda it: (
                it.error_budget is None
                or it.error_budget.sli is None
                or it.error_budget.sli in {sli.name or sli.preset for sli in it.slis}
            ),
            field="errorBudget",
        ),
        Rule(
            cel=f"!has(self.errorBudget) || has(self.errorBudget.objective) || !self.slis.exists(s, {_BUDGETED} "
            f"&& !({_HAS_OBJECTIVE}))",
            message="the SLI has no objective that the budget could follow: write errorBudget.objective, such as 99.9%",
            holds=lambda it: (
                it.error_budget is None
                or it.error_budget.objective is not None
                or all(sli.has_objective for sli in it.slis if it.error_budget.sli in (None, sli.name or sli.preset))
            ),
            field="errorBudget",
        ),
    )

    workload: Workload = Field(
        description="What runs the model. Example: `{deployment: chat, replicas: 4}`.",
    )
    model: Model = Field(
        default=Model(),
        description=(
            "What changes, for people: shown in status and metrics, never a reason to start a rollout.\n"
            "Example: `{name: llama-3.3-70b, version: v42}`. Default: empty."
        ),
    )
    traffic: Traffic = Field(
        description="What splits the requests between stable and candidate. Example: `{httpRoute: chat}`.",
    )
    steps: tuple[Step, ...] = Field(
        default=DEFAULT_STEPS,
        min_length=1,
        max_length=32,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
        description=(
            "The candidate's way to all traffic. Each step ends when its hold is over and every SLI has passed; "
            "after the last one the candidate becomes stable.\n"
            "Example: `[{weight: 5, hold: 10m}, {weight: 50, hold: 30m}]`. Default: weights 5, 25 and 50, each "
            "held `10m`."
        ),
    )
    slis: tuple[Sli, ...] = Field(
        min_length=1,
        max_length=32,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
        description=(
            "What must not get worse. The candidate is promoted only when every one of these has passed at every "
            "step, and taken back when one is surely worse than in stable. Without data nothing is promoted and "
            "nothing taken back.\n"
            "Example: `[{preset: vllm/success-rate, objective: 99%}, {preset: vllm/e2e-latency, p99: 2500ms}]`."
        ),
    )
    analysis: Analysis = Field(
        default=Analysis(),
        description=(
            "How sure the judgement must be, how often it looks, and what it does without an answer.\n"
            "Example: `{falseRollbackRate: 0.5%, maxHold: 6h}`. Default: see each field."
        ),
    )
    error_budget: ErrorBudget | None = Field(
        default=None,
        description=(
            "What the service may fail, all revisions together. While it is spent nothing starts; while it burns too "
            "fast nothing starts and no weight is raised. It promotes nothing.\n"
            "Example: `{objective: 99.9%, window: 30d, sli: vllm/success-rate}`. Default: none."
        ),
    )
    rollback: Rollback = Field(
        default=Rollback(),
        description=(
            "How long pods without traffic stay, and which return skips the steps.\n"
            "Example: `{scaleDownDelay: 1h, drain: 2m}`."
        ),
    )
    deletion_policy: Literal["Orphan", "Delete"] = Field(
        default="Orphan",
        description=(
            "What stays when this rollout is deleted: `Orphan` leaves the stable Deployment and the two Services "
            "serving all traffic, `Delete` removes everything.\n"
            "Example: `Delete`. Default: `Orphan`."
        ),
    )


class Metadata(BaseModel):
    """What the operator reads of the object's metadata; the rest is Kubernetes' business."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)

    name: str
    namespace: str = "default"
    uid: str = ""
    generation: int = 0


class ModelRollout(Typed):
    """A new version of a model, rolled out step by step: proved no worse than the one it replaces, or taken back."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel=f"size(self.metadata.name) <= 40 && self.metadata.name.matches('{NAME}')",
            message=(
                "the name becomes part of the names of Services and Deployments: write at most 40 lower-case letters, "
                "digits and '-', beginning with a letter, such as chat"
            ),
            holds=lambda it: len(it.metadata.name) <= 40 and re.fullmatch(NAME, it.metadata.name) is not None,
        ),
        Rule(
            cel="!has(self.spec.traffic.service) || !(self.spec.traffic.service in "
            "[self.metadata.name + '-stable', self.metadata.name + '-candidate'])",
            message=(
                "the Service that clients use needs a name of its own, since NAME-stable and NAME-candidate follow the "
                "roles: write another one in traffic.service, such as chat-live"
            ),
            holds=lambda it: (
                it.spec.traffic.service not in (f"{it.metadata.name}-stable", f"{it.metadata.name}-candidate")
            ),
        ),
    )

    api_version: Literal["serinus.dev/v1alpha1"] = Field()
    kind: Literal["ModelRollout"] = Field()
    metadata: Metadata
    spec: Spec
    status: dict[str, Any] = Field(default_factory=dict)
