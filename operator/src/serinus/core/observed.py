"""What was seen of the cluster for one rollout, as values. The shell gathers it; nothing here reads anything.

The awkward situations, told where they are gathered:

    the Service NAME-stable exists, status is empty    the selector says who is stable (resource re-created)
    route weights = journal entry, status is behind    our own step, not yet recorded: finish recording
    route weights != journal entry                     drift: someone else wrote the weights
    journal entry of another rollout's uid             two rollouts on one rule, or the resource was re-created
    Deployment with our name, another owner's uid      never adopted, named in a condition
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from serinus.core.budget import Budget
from serinus.core.evidence import Finding, Verdict
from serinus.core.forecast import Foreseen
from serinus.core.model import Intent, SplitRecord

Manifest = Mapping[str, Any]
"""A Kubernetes object or a part of one, as parsed JSON. Only routers, workloads, capacity and the shell look inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The team's own object that holds the pod template."""

    kind: str
    name: str
    template: Manifest
    """Pod template with the node pool merged in, canonical (see `workloads/`)."""
    replicas: int | None
    """What the source itself asks for; None where its kind has no replicas."""
    running: int = 0
    """Pods of the source's own that run beside ours."""
    running_gpus: int = 0
    gpus_per_pod: int = 0
    gpu_resource: str = ""
    port: int | None = None
    """The only containerPort, if there is exactly one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod of a revision."""

    name: str
    created_at: float
    ready_since: float | None
    unready_since: float | None = None
    """Since when a pod is not ready that Kubernetes has judged; None where it is ready or was not judged yet."""
    restarts: int = 0
    failed_at: float | None = None
    """When a container of it last ended with an error."""
    waiting: str = ""
    """Why it is not ready, in the scheduler's or kubelet's own words; empty when ready."""
    waiting_reason: str = ""
    """Short word for the wait: Unschedulable, ImagePullBackOff, CrashLoopBackOff, ContainerCreating, NotReady …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """One revision as it stands in the cluster: a Deployment of ours and its pods."""

    revision: str
    template: Manifest
    """The canonical template that it was made from: identity is by meaning of this, not by name."""
    replicas: int
    ready: int
    pods: tuple[Pod, ...] = ()
    created_at: float = 0.0
    autoscaler: str = ""
    """An HPA or ScaledObject that targets it, as kind/name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The route that splits traffic, read by a router plug-in."""

    kind: str
    name: str
    listed: bool
    """True when at least one rule names both of our Services."""
    weights: tuple[int, ...]
    """The candidate's weight in percent in each rule that names both, rounded to whole percent."""
    record: SplitRecord | None
    """The journal entry beside the weights; None when absent or not ours to read."""
    foreign_uid: str = ""
    """uid of another rollout that wrote the entry, if so."""
    accepted: bool = True
    """Accepted and its references resolved, at this generation, by the controller of each parent."""
    not_accepted: str = ""
    """Why not, in the controller's words."""
    paste: str = ""
    """What to write into the route, as YAML, where `listed` is False."""
    problems: tuple[str, ...] = ()
    """What keeps the weights from meaning what they say, each a sentence: the route is missing, a rule names further
    backends, a rule names the candidate alone, the journal entry cannot be read."""
    strayed: str = ""
    """What it does instead of what any weight means, in words: corrected at once. `weights` then tell the worst."""
    remedy: str = ""
    """What keeps others from writing the weights, as the end of a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Accelerators of the node pool: what there is and what is asked for."""

    resource: str
    pool: str
    """The node selector in words."""
    free: int
    """Largest number of further pods of this revision that fit."""
    free_gpus: int
    quota: str = ""
    """The ResourceQuota that lets fewer further pods in than the nodes do, in words; empty when none does.
    `free` counts it already."""
    per_pod: int = 0
    """Accelerators that one pod asks for."""
    why: str = ""
    """What limits `free`, in words: taints, no such node, no single node with enough, memory …"""

    def shortage(self, pods: int) -> str:
        """What is missing for this many further pods, as a sentence."""
        words = f"needs {pods * self.per_pod} x {self.resource} in {self.pool}, {self.free_gpus} free"
        return "; ".join(one for one in (words, self.quota or self.why) if one) + "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Everything that a decision may look at, for one rollout at one moment."""

    source: Source | None
    source_problem: str = ""
    """Why there is no source, as a sentence that says what to write instead."""
    wanted: str = ""
    """Revision that the source's template means: the name of an equal one that exists, else a new name."""
    deployed: tuple[Deployed, ...] = ()
    stable_selector: str = ""
    """Revision that the Service NAME-stable selects; empty when the Service is missing."""
    candidate_selector: str = ""
    stable_endpoints: int = 0
    """Ready endpoints of NAME-stable."""
    candidate_endpoints: int = 0
    route: Route | None = None
    route_problem: str = ""
    route_outdated: bool = False
    """The route is Serinus' own, and not what `traffic` asks for by now."""
    left: Route | None = None
    """The route of the last journal entry where `traffic` names another one by now; None too where it is gone."""
    capacity: Capacity | None = None
    """None where the revision asks for no accelerators, or nothing new is to be placed."""
    budget: Budget | None = None
    """The service's error budget; None where the spec has none, or it was not read yet."""
    intent: Intent | None = None
    intent_problem: str = ""
    """An intent annotation that cannot be read, as a sentence."""
    deleting_since: float | None = None
    """The resource's deletionTimestamp."""
    let_go: bool = False
    """The escape annotation is set: remove the finalizer whatever the state of the route."""
    conflicts: tuple[str, ...] = ()
    """Objects with our names that belong to someone else: each a sentence."""
    rival: str = ""
    """Another rollout sets the weights of the same route: a sentence."""
    followers: tuple[tuple[str, str], ...] = ()
    """Services of ours that shared the requests before `traffic` was changed: name, and the revision that it selects
    (empty: none, or several)."""
    leaks: tuple[str, ...] = ()
    """Other Services that also select candidate pods: traffic that bypasses the weights."""
    spec_problems: tuple[str, ...] = ()
    """What the schema could not refuse, each a sentence that says what to write instead."""
    unknown_fields: tuple[str, ...] = ()

    def revision(self, name: str) -> Deployed | None:
        """The deployed revision of that name, or None."""
        return next((one for one in self.deployed if one.revision == name), None) if name else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the evidence says at this moment, as the decision rules see it."""

    attempt: int = 0
    """The attempt that was measured: evidence of another one says nothing."""
    step: int = 0
    """The step that was measured: only harm carries over to another one."""
    since: float = 0.0
    """When the weight that was measured was set: only harm carries over a change of weight."""
    verdict: Verdict = Verdict.NO_DATA
    sentence: str = ""
    """What the judge says, with numbers."""
    findings: tuple[Finding, ...] = ()
    hold_only: bool = False
    """The verdict is Fail, and every SLI to blame says `onFail: hold`."""
    held: float = 0.0
    """Covered seconds at the present step."""
    requests: float = 0.0
    """Requests that the candidate answered at the present step, in the SLI that has most of them."""
    share: float | None = None
    """The candidate's measured share of requests in percent in the last window; None when unknown."""
    silent: float = 0.0
    """Requests that the candidate should have had by its weight since it last answered one."""
    last_look: float | None = None
    newest: float | None = None
    """Time of the newest sample that was read; None before the first."""
    outlook: str = ""
    """What the evidence waits for: "about 1,900 more requests, 14 min"; empty when unknown."""
    foreseen: tuple[Foreseen, ...] = ()
    """How long the steps take that begin now or next; empty where it was told before, or cannot be known."""

    def at(self, attempt: int, step: int, since: float) -> "Measured":
        """What this says at that step of that attempt, whose weight was set at `since`.

        Between a change of weight and the next look the numbers are those of the step before: they must not let the
        candidate pass the new one. Harm that was found stays found, and what keeps us from measuring stays told.
        """
        if self.attempt != attempt:
            return Measured(attempt=attempt, step=step, since=since, sentence="nothing measured yet.")
        if self.step == step and self.since == since:
            return self
        verdict, sentence = self.verdict, self.sentence
        if verdict in (Verdict.PASS, Verdict.NOT_ENOUGH):
            verdict, sentence = Verdict.NOT_ENOUGH, "nothing measured at this weight yet."
        return replace(
            self,
            step=step,
            since=since,
            verdict=verdict,
            sentence=sentence,
            held=0.0,
            requests=0.0,
            silent=0.0,
            share=None,
            outlook="",
        )
