"""A cluster as plain values, in which plans come true: pods get ready after a while, the gateway takes weights.

It says nothing about Kubernetes; it lets the rules run through whole rollouts in microseconds. What is claimed about
Kubernetes is shown on a real one.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from serinus.core.budget import Budget
from serinus.core.decide import RULES, Rule, decide
from serinus.core.evidence import Sli, Standards, Verdict
from serinus.core.journal import fold
from serinus.core.model import Intent, Progress, Spec, SplitRecord, Step, Verb
from serinus.core.observed import Capacity, Deployed, Measured, Observed, Pod, Route, Source
from serinus.core.plan import DeleteRevision, EnsureRevision, FollowStable, Plan, Release, SelectRevision, SetSplit
from serinus.core.questions import Arms, HistogramSource, Measurement, Series, SourceRef, TrafficRef

START = 1_000_000.0

RULES_OF_THE_WORLD: list[Rule] = list(RULES)
"""All rules; `make mutants` leaves one out."""


def spec(**changes: object) -> Spec:
    """chat: 4 pods, steps 5/25/50 of 60 s, one SLI, looks each 15 s."""
    base = Spec(
        uid="uid-chat",
        namespace="models",
        name="chat",
        generation=1,
        source=SourceRef(workload="deployment", name="chat"),
        traffic=TrafficRef(router="httpRoute", name="chat"),
        steps=(Step(weight=5, hold=60), Step(weight=25, hold=60), Step(weight=50, hold=60)),
        slis=(Sli(name="errors", latency=False, budget=0.01, edge=None, allowed_ratio=1.2),),
        measurements=(
            Measurement(sli="errors", arms=Arms.POD, source=HistogramSource(histogram=Series(metric="unused"))),
        ),
        standards=Standards(false_rollback_rate=0.01, false_promotion_rate=0.05, steps=3),
        interval=15.0,
        prometheus="default",
        max_hold=3600.0,
        replicas=4,
        drain=30.0,
        scale_down_delay=120.0,
        rollback_window=1,
        evidence_rules="rules-1",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


@dataclass
class Group:
    """A Deployment of the world: pods are ready `start_seconds` after they were made."""

    made: list[float]
    start_seconds: float
    restarts: int = 0
    waiting: str = ""


@dataclass
class World:
    """What is true in the cluster at `now`."""

    spec: Spec = field(default_factory=spec)
    now: float = START
    wanted: str = "v1"
    start_seconds: float = 20.0
    gpus_per_pod: int = 1
    free_gpus: int = 8
    groups: dict[str, Group] = field(default_factory=dict)
    stable_selector: str = ""
    candidate_selector: str = ""
    followers: dict[str, str] = field(default_factory=dict)
    """Services that shared the requests before `traffic` was changed: whom they select."""
    listed: bool = True
    accepted: bool = True
    weights: tuple[int, ...] = (0,)
    strayed: str = ""
    record: SplitRecord | None = None
    progress: Progress = field(default_factory=Progress)
    budget: Budget | None = None
    intent: Intent | None = None
    deleting_since: float | None = None
    problems: tuple[str, ...] = ()
    """Why the spec cannot be followed."""
    verdict: Verdict = Verdict.NOT_ENOUGH
    sentence: str = "errors: 0.5% against 0.5%."
    requests: float = 1000.0
    silent: float = 0.0
    hold_only: bool = False
    looked: float = 0.0
    last_measured: Measured = field(default_factory=Measured)
    released: Release | None = None
    lose_status: bool = False
    """True: the process dies after the route patch and before status, each time."""

    def deployed(self) -> tuple[Deployed, ...]:
        result = []
        for revision, group in self.groups.items():
            pods = tuple(
                Pod(
                    name=f"chat-{revision}-{number}",
                    created_at=made,
                    ready_since=made + group.start_seconds if self._up(group, made) else None,
                    restarts=group.restarts if number == 0 else 0,
                    failed_at=self.now if group.restarts and number == 0 else None,
                    waiting="" if self._up(group, made) else (group.waiting or "starting."),
                    waiting_reason="" if self._up(group, made) else ("Unschedulable" if group.waiting else "NotReady"),
                )
                for number, made in enumerate(group.made)
            )
            result.append(
                Deployed(
                    revision=revision,
                    template={"revision": revision, "spec": self.pod_spec},
                    replicas=len(pods),
                    ready=sum(pod.ready_since is not None for pod in pods),
                    pods=pods,
                    created_at=min(group.made, default=0.0),
                )
            )
        return tuple(result)

    @property
    def pod_spec(self) -> Mapping[str, Any]:
        """Of any revision: what its accelerators are read from."""
        return {"containers": [{"name": "model", "resources": {"limits": {"nvidia.com/gpu": str(self.gpus_per_pod)}}}]}

    def _up(self, group: Group, made: float) -> bool:
        return not group.waiting and self.now >= made + group.start_seconds

    def ready(self, revision: str) -> int:
        return sum(one.ready for one in self.deployed() if one.revision == revision)

    def observed(self) -> Observed:
        used = sum(len(group.made) for group in self.groups.values()) * self.gpus_per_pod
        free = max(0, self.free_gpus - used)
        return Observed(
            source=Source(
                kind="Deployment",
                name="chat",
                template={"revision": self.wanted, "spec": self.pod_spec},
                replicas=0,
                gpus_per_pod=self.gpus_per_pod,
                gpu_resource="nvidia.com/gpu",
            ),
            wanted=self.wanted,
            deployed=self.deployed(),
            stable_selector=self.stable_selector,
            candidate_selector=self.candidate_selector,
            stable_endpoints=self.ready(self.stable_selector),
            candidate_endpoints=self.ready(self.candidate_selector),
            route=Route(
                kind="HTTPRoute",
                name="chat",
                listed=self.listed,
                weights=self.weights if self.listed else (),
                record=self.record,
                accepted=self.accepted,
                not_accepted="" if self.accepted else "the gateway says no",
                paste="backendRefs: [...]",
                strayed=self.strayed,
                remedy="Let Git ignore .spec.rules[].backendRefs[].weight of the route",
            ),
            capacity=Capacity(
                resource="nvidia.com/gpu",
                pool="pool h100",
                free=free // self.gpus_per_pod,
                free_gpus=free,
                per_pod=self.gpus_per_pod,
            ),
            followers=tuple(self.followers.items()),
            budget=self.budget,
            intent=self.intent,
            deleting_since=self.deleting_since,
            spec_problems=self.problems,
        )

    def measured(self) -> Measured:
        """What the last look said: taken on the grid of the interval, so it may be of the step before."""
        look = self.now // self.spec.interval
        if look != self.looked:
            self.looked, self.last_measured = look, self._measure()
        return self.last_measured

    def _measure(self) -> Measured:
        progress = fold(self.progress, self.record) if self.record else self.progress
        if not progress.candidate or not progress.step:
            return Measured()
        began = progress.shifts[-1].at if progress.shifts else self.now
        return Measured(
            attempt=progress.attempt,
            step=progress.step,
            since=progress.shifts[-1].at if progress.shifts and progress.shifts[-1].at < self.now else 0.0,
            verdict=self.verdict,
            sentence=self.sentence,
            hold_only=self.hold_only,
            held=self.now - began,
            requests=self.requests,
            silent=self.silent,
        )

    def pods_that_get_requests(self) -> dict[str, int]:
        """Ready pods by revision behind the Service that shares by pods, as its selector has it."""
        if self.record is None or self.record.weight == 0:
            who = {self.record.stable if self.record else self.stable_selector}
        else:
            who = {self.record.revision} if self.record.weight == 100 else set(self.groups)
        return {one: pods for one in who if (pods := self.ready(one))}

    def tick(self) -> Plan:
        """Decide once and let the plan come true."""
        plan = decide(
            self.spec, self.observed(), self.progress, self.measured(), self.now, rules=tuple(RULES_OF_THE_WORLD)
        )
        for action in plan.actions:
            self._apply(action)
        if any(isinstance(action, SetSplit) for action in plan.actions) and self.lose_status:
            return plan
        self.progress = plan.progress
        return plan

    def _apply(self, action: object) -> None:
        match action:
            case SetSplit(record=record):
                assert self.listed, "a route that lists not both Services was patched"
                before = self.record.seq if self.record and self.record.uid == record.uid else 0
                assert record.seq > before, f"entry {record.seq} was written over {before}"
                self.weights, self.strayed = tuple(record.weight for _ in self.weights), ""
                self.record = record
            case SelectRevision(service="stable", revision=revision):
                self.stable_selector = revision
            case SelectRevision(revision=revision):
                self.candidate_selector = revision
            case FollowStable(service=service, revision=revision):
                self.followers[service] = revision
            case EnsureRevision(revision=revision, replicas=replicas):
                group = self.groups.setdefault(revision, Group(made=[], start_seconds=self.start_seconds))
                group.made = group.made[:replicas] + [self.now] * (replicas - len(group.made))
            case DeleteRevision(revision=revision):
                del self.groups[revision]
            case Release():
                self.released = action

    def run(self, seconds: float, *, step: float = 1.0) -> Iterator[Plan]:
        """Tick through `seconds`: again at once while plans act, else each `step` seconds."""
        end = self.now + seconds
        while self.now <= end and self.released is None:
            for _ in range(20):
                plan = self.tick()
                yield plan
                if not plan.actions or self.released is not None:
                    break
            else:
                raise AssertionError(f"no rest at {self.now}: {plan}")
            self.now += step

    def rest(self) -> Iterator[tuple["World", Plan]]:
        """Tick until nothing is left to do at this moment: the world before each tick, and the plan of that tick."""
        for _ in range(20):
            before = replace(self, groups={k: replace(v, made=list(v.made)) for k, v in self.groups.items()})
            plan = self.tick()
            yield before, plan
            if not plan.actions:
                return
        raise AssertionError(f"it does not come to rest: {plan}")

    def ask(self, verb: str, token: str, by: str = "anna") -> None:
        self.intent = Intent(verb=Verb(verb), token=token, by=by)

    def settle(self, seconds: float = 60.0, *, step: float = 1.0) -> "World":
        """Run and forget the plans."""
        for _ in self.run(seconds, step=step):
            continue
        return self


_KNOWN: dict[str, World] = {}
"""Worlds that many tests begin with, by what they were made of: each gets a copy."""


def healthy(**changes: object) -> World:
    """chat v1 is stable; nothing is on trial."""
    told = spec(**changes)
    if repr(told) not in _KNOWN:
        world = World(spec=told).settle(60)
        assert world.progress.phase == "Healthy", world.progress
        _KNOWN[repr(told)] = world
    return deepcopy(_KNOWN[repr(told)])


def on_trial(step: int = 1, **changes: object) -> World:
    """v2 is the candidate and has reached `step`."""
    world = healthy(**changes)
    key = f"{step} {world.spec!r}"
    if key not in _KNOWN:
        world.wanted = "v2"
        world.verdict = Verdict.PASS
        for _ in world.run(3000):
            if world.progress.step == step and world.progress.heading == 0:
                break
        else:
            raise AssertionError(f"step {step} was not reached: {world.progress}")
        world.verdict = Verdict.NOT_ENOUGH
        _KNOWN[key] = world
    return deepcopy(_KNOWN[key])
