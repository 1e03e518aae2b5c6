"""From manifests to what a decision may look at. Pure: all reading was done in `facts.py`."""

from collections.abc import Mapping
from dataclasses import replace

from serinus.api.unknown import unknown_fields
from serinus.core.labels import MANAGED_BY, REVISION, ROLE, TRAFFIC
from serinus.core.model import Intent, Spec, Verb
from serinus.core.observed import Capacity, Deployed, Manifest, Observed, Route, Source
from serinus.core.ownership import conflict, owned_by
from serinus.core.patches import Operation
from serinus.plugin import Names
from serinus.shell.facts import ROUTERS, WORKLOADS, Facts, left_route
from serinus.shell.resources import ROLLOUT_LABEL, SERVICE
from serinus.workloads.pods import epoch_seconds
from serinus.workloads.revision import (
    TEMPLATE,
    deployment_name,
    pod_labels,
    read_deployed,
    revision_of,
    wanted,
)
from serinus.workloads.services import CANDIDATE, STABLE, leaks, ready_pods, selected_revision, service_name

INTENT = "serinus.dev/intent"
INTENT_BY = "serinus.dev/intent-by"
LET_GO = "serinus.dev/let-go"
TOKEN_LENGTH = 64


def observe(facts: Facts, spec: Spec, capacity: Capacity | None = None) -> Observed:
    """Everything that the rules may look at, for one rollout."""
    metadata = facts.rollout["metadata"]
    name = spec.name
    reading = WORKLOADS[spec.source.workload].read(
        facts.source, namespace=spec.namespace, name=spec.source.name, node_pool=spec.node_pool, port=spec.port
    )
    ours = [one for one in facts.deployments if is_ours(one, spec.uid, name)]
    deployed = tuple(read_deployed(one, pods=facts.pods, autoscalers=facts.autoscalers) for one in ours)
    services = {str(one["metadata"]["name"]): one for one in facts.services if is_ours(one, spec.uid, name)}
    stable, candidate = (services.get(service_name(name, role)) for role in (STABLE, CANDIDATE))
    route = read_route(facts, spec, reading.source)
    intent, intent_problem = read_intent(metadata.get("annotations") or {})
    deleting = metadata.get("deletionTimestamp")
    return Observed(
        source=reading.source,
        source_problem=reading.problem,
        wanted=wanted(reading.source.template, ours) if reading.source else "",
        deployed=deployed,
        stable_selector=selected_revision(stable),
        candidate_selector=selected_revision(candidate),
        stable_endpoints=_endpoints(facts, service_name(name, STABLE), deployed, selected_revision(stable)),
        candidate_endpoints=_endpoints(facts, service_name(name, CANDIDATE), deployed, selected_revision(candidate)),
        route=route,
        route_problem=_route_problem(facts, spec, route),
        route_outdated=bool(adjustments(facts, spec)),
        left=read_left(facts, spec),
        followers=tuple((one["metadata"]["name"], selected_revision(one)) for one in _former(facts, spec)),
        capacity=capacity,
        intent=intent,
        intent_problem=intent_problem,
        deleting_since=epoch_seconds(deleting) if deleting else None,
        let_go=(metadata.get("annotations") or {}).get(LET_GO) == "true",
        conflicts=_conflicts(facts, spec),
        rival=_rival(facts, spec, route),
        leaks=_leaks(facts, spec, reading.source),
        spec_problems=_problems(spec, reading.source, deployed),
        unknown_fields=unknown_fields(facts.rollout),
    )


def is_ours(manifest: Manifest, uid: str, name: str) -> bool:
    """Ours by name and mark, or left behind by a rollout of this name that is gone (see `is_orphan`)."""
    return _named_by_us(manifest, name) and (owned_by(manifest, uid) or is_orphan(manifest, name))


def is_orphan(manifest: Manifest, name: str) -> bool:
    """Has a name and the labels that we give, and no owner: whoever made it, it was for a ModelRollout of this name."""
    recorded = TEMPLATE in (manifest["metadata"].get("annotations") or {})
    made = ROLE in (manifest["metadata"].get("labels") or {}) or recorded
    return made and _named_by_us(manifest, name) and not manifest["metadata"].get("ownerReferences")


def _named_by_us(manifest: Manifest, name: str) -> bool:
    """A Service or a revision's Deployment of this rollout, by label and name."""
    metadata = manifest["metadata"]
    labels = metadata.get("labels") or {}
    if labels.get(ROLLOUT_LABEL) != name:
        return False
    if labels.get(ROLE) in (STABLE, CANDIDATE):
        return bool(metadata["name"] == service_name(name, labels[ROLE]))
    if labels.get(ROLE) == TRAFFIC:  # its name is in the spec
        return True
    revision = labels.get(REVISION, "")
    return bool(revision and metadata["name"] == deployment_name(name, revision))


def read_intent(annotations: Mapping[str, str]) -> tuple[Intent | None, str]:
    """What a person asked for, or the sentence that says what to write instead."""
    text = annotations.get(INTENT)
    if not text:
        return None, ""
    verb, _, token = text.partition("@")
    if verb not in set(Verb) or not token or len(token) > TOKEN_LENGTH:
        verbs = ", ".join(Verb)
        return None, (
            f"Annotation {INTENT} is not understood: write VERB@TOKEN, VERB one of {verbs}, TOKEN new each time "
            f"and at most {TOKEN_LENGTH} characters."
        )
    return Intent(verb=Verb(verb), token=token, by=annotations.get(INTENT_BY, "")), ""


def read_route(facts: Facts, spec: Spec, source: Source | None) -> Route | None:
    """The route as its router reads it; None where it does not exist, or is not ours and should be."""
    if facts.route is None or _strange_service(facts, spec):
        return None
    route = ROUTERS[spec.traffic.router].read(
        facts.route,
        namespace=spec.namespace,
        name=spec.traffic.name,
        rollout_uid=spec.uid,
        names=names_of(spec),
        port=port_of(spec, source),
    )
    late = _left_behind(facts, spec.traffic.name) if spec.traffic.by_pods else ""
    return replace(route, accepted=False, not_accepted=late) if late else route


def adjustments(facts: Facts, spec: Spec) -> list[Operation]:
    """The patch for a route of our own that is not what `traffic` asks for by now."""
    if facts.route is None or not spec.traffic.generated or not owned_by(facts.route, spec.uid):
        return []
    return ROUTERS[spec.traffic.router].adjust(facts.route, traffic=spec.traffic)


def is_our_route(route: Manifest, spec: Spec) -> bool:
    """Serinus made this route for this rollout, or for one of its name that is gone."""
    labels = route["metadata"].get("labels") or {}
    made = labels.get(ROLLOUT_LABEL) == spec.name and labels.get(MANAGED_BY) == "serinus"
    orphan = made and not route["metadata"].get("ownerReferences")
    return spec.traffic.generated and (owned_by(route, spec.uid) or orphan)


def read_left(facts: Facts, spec: Spec) -> Route | None:
    """The route that the rollout left, as its router reads it; None where there is none, or it is somebody else's."""
    left = left_route(spec, facts.rollout)
    if left is None or facts.left is None:
        return None
    if left[0].resource == SERVICE and not is_ours(facts.left, spec.uid, spec.name):
        return None
    route = left[0].read(facts.left, namespace=spec.namespace, name=left[1], rollout_uid=spec.uid, names=names_of(spec))
    return None if route.foreign_uid else route


def _strange_service(facts: Facts, spec: Spec) -> str:
    """Why the Service that is to share the requests is someone else's, as a sentence; empty where it is not."""
    route, name = facts.route, spec.traffic.name
    if not spec.traffic.by_pods or route is None or is_ours(route, spec.uid, spec.name):
        return ""
    return (
        f"Service {name} exists and was not made by this ModelRollout, so it is left as it is: write a name that is "
        f"free as traffic.service, such as {name}-live, and let clients use that; or delete Service {name}."
    )


def _left_behind(facts: Facts, service: str) -> str:
    """That the endpoints still hold pods which the Service does not select any more; empty when they agree."""
    selector = ((facts.route or {}).get("spec") or {}).get("selector") or {}
    known = {str(one["metadata"]["name"]): one["metadata"].get("labels") or {} for one in facts.pods}
    late = [
        one for one in ready_pods(facts.slices, service) if one in known and not known[one].items() >= selector.items()
    ]
    return f"its endpoints still hold {len(late)} pods that it does not select any more" if late else ""


def names_of(spec: Spec) -> Names:
    """What the rollout and its role Services are called."""
    return Names(
        rollout=spec.name, stable=service_name(spec.name, STABLE), candidate=service_name(spec.name, CANDIDATE)
    )


def port_of(spec: Spec, source: Source | None) -> int | None:
    """The model server's port: what the spec says, else the only containerPort."""
    return spec.port if spec.port is not None else (source.port if source else None)


def _endpoints(facts: Facts, service: str, deployed: tuple[Deployed, ...], revision: str) -> int:
    """Ready pods behind a Service that are of the revision that it selects now: its endpoints may still be older."""
    pods = {pod.name for one in deployed if one.revision == revision for pod in one.pods}
    return len(ready_pods(facts.slices, service) & pods)


def _route_problem(facts: Facts, spec: Spec, route: Route | None) -> str:
    kind = ROUTERS[spec.traffic.router].resource.kind
    if route is None and not facts.route_known:
        return f"The cluster knows no {kind}: install the Gateway API's CRDs and a controller for them."
    if route is None and spec.traffic.generated:
        made = f"{kind} {spec.namespace}/{spec.traffic.name} does not exist yet: Serinus makes it."
        return _strange_service(facts, spec) or made
    if route is None:
        return f"{kind} {spec.namespace}/{spec.traffic.name} does not exist: create it, or correct traffic.httpRoute."
    return " ".join(route.problems)


def _conflicts(facts: Facts, spec: Spec) -> tuple[str, ...]:
    """Objects with our label *and* a name that we would give, which are someone else's."""
    names = {service_name(spec.name, role) for role in (STABLE, CANDIDATE)}
    names |= {deployment_name(spec.name, revision_of(one)) for one in facts.deployments if revision_of(one)}
    said = [
        conflict(one, spec.uid)
        for one in (*facts.services, *facts.deployments)
        if one["metadata"]["name"] in names and not is_orphan(one, spec.name)
    ]
    return tuple(one for one in (_strange_service(facts, spec), *said) if one)


def _rival(facts: Facts, spec: Spec, route: Route | None) -> str:
    rival = facts.rivals.get(route.foreign_uid) if route is not None and route.foreign_uid else None
    if rival is None:
        return ""
    return (
        f"ModelRollout {rival} sets the weights of {spec.traffic.name} already: "
        "give each ModelRollout a route of its own."
    )


def _leaks(facts: Facts, spec: Spec, source: Source | None) -> tuple[str, ...]:
    if source is None:
        return ()
    services = [{"metadata": {"name": name}, "spec": {"selector": dict(one)}} for name, one in facts.selectors.items()]
    found = leaks(services, pod_labels(source.template, spec.name, "candidate"), rollout=spec.name)
    return (*found, *map(_told, _former(facts, spec)))


def _former(facts: Facts, spec: Spec) -> list[Manifest]:
    """Services of ours that shared the requests before `traffic` was changed."""
    return [
        one
        for one in facts.services
        if one["metadata"]["labels"].get(ROLE) == TRAFFIC
        and is_ours(one, spec.uid, spec.name)
        and not (spec.traffic.by_pods and one["metadata"]["name"] == spec.traffic.name)
    ]


def _told(former: Manifest) -> str:
    return (
        f"Service {former['metadata']['name']} shared the requests before spec.traffic was changed, and follows stable "
        "from then on: let its clients use what traffic says now, then delete it."
    )


def _problems(spec: Spec, source: Source | None, deployed: tuple[Deployed, ...]) -> tuple[str, ...]:
    """What the schema cannot see."""
    if (
        source is not None
        and spec.replicas is None
        and not source.replicas
        and not any(one.replicas for one in deployed)
    ):
        return (f"{source.kind} {source.name} says 0 replicas: write workload.replicas, the pods of a whole revision.",)
    return ()
