"""`spec.workload`: what runs the model, how many pods of it, and on which nodes."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from serinus.api.quantities import Duration
from serinus.api.text import ObjectName
from serinus.api.typed import Rule, Typed, count

LabelText = Annotated[str, StringConstraints(max_length=63)]


class Toleration(Typed):
    """A taint that the pods tolerate, as in a pod's `spec.tolerations`."""

    key: Annotated[str, StringConstraints(max_length=317)] | None = Field(
        default=None,
        description="Key of the taint. Empty, with operator `Exists`: every taint. Example: `nvidia.com/gpu`.",
    )
    operator: Literal["Exists", "Equal"] | None = Field(
        default=None,
        description="How the taint is compared: `Equal` with its value, `Exists` without. Example: `Exists`.\n"
        "Default: Equal, as in Kubernetes.",
    )
    value: LabelText | None = Field(
        default=None, description="Value of the taint, for operator `Equal`. Example: `present`."
    )
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Effect of the taint. Example: `NoSchedule`. Default: every effect."
    )
    toleration_seconds: int | None = Field(
        default=None,
        ge=0,
        le=31_536_000,
        description="How long a `NoExecute` taint is tolerated. Example: `300`. Default: for ever.",
    )


class NodePool(Typed):
    """Where the pods of every revision run."""

    node_selector: dict[str, LabelText] = Field(
        default_factory=dict,
        max_length=16,
        description=(
            "Labels that a node must have, on top of the template's own. A change of it is a new revision.\n"
            "Example: `{pool: h100}`. Default: none."
        ),
    )
    tolerations: tuple[Toleration, ...] = Field(
        default=(),
        max_length=16,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
        description=(
            "Taints that the pods tolerate, on top of the template's own.\n"
            "Example: `[{key: nvidia.com/gpu, operator: Exists}]`. Default: none."
        ),
    )
    runtime_class_name: ObjectName | None = Field(
        default=None,
        description=(
            "RuntimeClass of the pods, in place of the template's own.\nExample: `nvidia`. Default: the template's."
        ),
    )


class Deadlines(Typed):
    """How long the candidate's pods may wait before the candidate is given up."""

    schedule: Annotated[float, Duration("1s", "24h")] = Field(
        default=600.0,
        description=(
            "Longest time that a pod of the candidate may wait for a node. After it the candidate is given up; "
            "stable keeps its traffic throughout.\n"
            "Example: `15m`. Default: `10m`."
        ),
    )
    ready: Annotated[float, Duration("1s", "24h")] = Field(
        default=1800.0,
        description=(
            "Longest time from the node to Ready: image, weights and warm-up included. Allow what a large model "
            "needs on a cold node.\n"
            "Example: `45m`. Default: `30m`."
        ),
    )


class Workload(Typed):
    """What runs the model: the team's own object as the template, and how Serinus runs revisions of it."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.deployment) != has(self.podTemplate)",
            message="write exactly one source of the pod template: deployment: NAME, or podTemplate: NAME",
            holds=lambda it: count(it.deployment, it.pod_template) == 1,
        ),
        Rule(
            cel="!has(self.podTemplate) || has(self.replicas)",
            message="a PodTemplate says no number of pods; write it here, such as replicas: 4",
            holds=lambda it: it.pod_template is None or it.replicas is not None,
        ),
    )

    deployment: ObjectName | None = Field(
        default=None,
        description=(
            "Name of a Deployment in the same namespace whose pod template Serinus copies. Serinus never writes "
            "to it. Say the number of pods in `replicas`; once requests reach Serinus' pods, set `replicas: 0` on that "
            "Deployment.\n"
            "Example: `chat`. Either this or `podTemplate`."
        ),
    )
    pod_template: ObjectName | None = Field(
        default=None,
        description=(
            "Name of a PodTemplate (core/v1) in the same namespace that Serinus copies.\n"
            "Example: `chat`.\n"
            "Either this or `deployment`; with this, `replicas` is required."
        ),
    )
    replicas: int | None = Field(
        default=None,
        ge=1,
        le=5000,
        description=(
            "Pods of a whole revision. Stable always keeps this many; the candidate gets as many as its weight "
            "needs, and so do the fresh pods of `analysis.baseline`.\n"
            "Example: `4`. Default: what the Deployment says; required when it says 0, and with `podTemplate`."
        ),
    )
    node_pool: NodePool = Field(
        default=NodePool(),
        description=(
            "Nodes on which every revision runs, merged into the template. Free accelerators are looked for here "
            "before any traffic moves.\n"
            "Example: `{nodeSelector: {pool: h100}}`. Default: what the template says."
        ),
    )
    max_extra_gpus: int | None = Field(
        default=None,
        alias="maxExtraGPUs",
        ge=0,
        le=100_000,
        description=(
            "Most accelerators that a rollout may hold beyond those of stable. At its peak, just before promotion, "
            "it needs as many as a whole revision, and with `analysis.baseline: fresh` those of the fresh pods too; "
            "less than that is refused with the number.\n"
            "Example: `4`. Default: no limit."
        ),
    )
    warm_up: Annotated[float, Duration("0s", "6h")] = Field(
        default=0.0,
        description=(
            "Time after a pod became Ready in which its requests are not yet evidence, because caches are cold "
            "and kernels still compile. A pod gets no traffic of a step before.\n"
            "Example: `30s`. Default: `0s`."
        ),
    )
    warm_up_requests: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description=(
            "The first so many requests that a pod answers after its server started are not evidence, in stable and "
            "candidate alike: caches fill and kernels compile while it answers. Counted by the SLI that counts most of "
            "them; a server that starts again warms up again. With `warmUp`, both must be over.\n"
            "Example: `500`. Default: `0`."
        ),
    )
    deadlines: Deadlines = Field(
        default=Deadlines(),
        description="How long the candidate's pods may wait. Example: `{schedule: 10m, ready: 45m}`.",
    )
