"""The two role Services of a rollout, NAME-stable and NAME-candidate: whom they select, and who answers behind them.

The selector of NAME-stable is the record of who is stable; it outlives every status. The Service's port is the number
of the container's port, so that a route that named the team's own Service keeps its `port:` when it names ours.
"""

from collections.abc import Iterable

from serinus.core.labels import MANAGED_BY, REVISION, ROLE, ROLLOUT
from serinus.core.observed import Manifest
from serinus.core.ownership import owner_mark
from serinus.core.patches import Operation, expect, put, replace, unchanged
from serinus.plugin import Permission, Resource

SERVICES = Resource(group="", version="v1", plural="services", kind="Service")
ENDPOINT_SLICES = Resource(group="discovery.k8s.io", version="v1", plural="endpointslices", kind="EndpointSlice")
PERMISSIONS = (
    Permission(group="", resources=("services",), verbs=("get", "list", "watch", "create", "patch", "delete")),
    Permission(group="discovery.k8s.io", resources=("endpointslices",), verbs=("get", "list", "watch")),
)

STABLE = "stable"
CANDIDATE = "candidate"


def service_name(rollout: str, role: str) -> str:
    """Name of a role's Service; `role` is "stable" or "candidate"."""
    return f"{rollout}-{role}"


def service_of(rollout: Manifest, *, role: str, revision: str, port: int) -> Manifest:
    """The Service of a role, pointing at a revision. `rollout` is the ModelRollout's manifest."""
    name = rollout["metadata"]["name"]
    return {
        "apiVersion": SERVICES.api_version,
        "kind": SERVICES.kind,
        "metadata": {
            "name": service_name(name, role),
            "namespace": rollout["metadata"]["namespace"],
            "labels": {ROLLOUT: name, ROLE: role, MANAGED_BY: "serinus"},
            "annotations": owner_mark(rollout),
        },
        "spec": {
            "selector": {ROLLOUT: name, REVISION: revision},
            "ports": [{"name": "http", "port": port, "targetPort": port, "protocol": "TCP"}],
        },
    }


def selected_revision(service: Manifest | None) -> str:
    """The revision that a role Service selects; empty when it is missing or selects by something else."""
    selector = ((service or {}).get("spec") or {}).get("selector") or {}
    return str(selector.get(REVISION, ""))


def select(service: Manifest, *, rollout: str, revision: str, port: int) -> list[Operation]:
    """The patch that points a role Service at a revision whose container listens on `port`; empty when it does.

    The selector is restored as a whole. The Service keeps the port number that the route names; only where it leads
    follows the revision, in the same write.
    """
    operations: list[Operation] = []
    present = service["spec"].get("selector")
    wanted = {ROLLOUT: rollout, REVISION: revision}
    if present != wanted:
        operations += [expect(present, "spec", "selector")] if present is not None else []
        operations.append(put(wanted, "spec", "selector"))
    for index, one in enumerate(service["spec"].get("ports") or ()):
        if one.get("targetPort", one["port"]) != port:
            operations.append(replace(port, "spec", "ports", index, "targetPort"))
    return [unchanged(service), *operations] if operations else []


def ready_pods(slices: Iterable[Manifest], service: str) -> frozenset[str]:
    """Names of the pods behind a Service that take requests: ready, and not on their way out.

    A pod that stands in several slices (one per address family) counts once.
    """
    return frozenset(
        endpoint["targetRef"]["name"]
        for one in slices
        if (one["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == service
        for endpoint in one.get("endpoints") or ()
        if (endpoint.get("targetRef") or {}).get("kind") == "Pod" and _takes_requests(endpoint.get("conditions") or {})
    )


def leaks(services: Iterable[Manifest], labels: Manifest, *, rollout: str) -> tuple[str, ...]:
    """Other Services of the namespace that would select pods with these labels: each a sentence, sorted by name.

    It needs no pod: asked with `pod_labels` of a template, it answers before the first candidate pod exists.
    """
    ours = (service_name(rollout, STABLE), service_name(rollout, CANDIDATE))
    names = sorted(
        one["metadata"]["name"]
        for one in services
        if one["metadata"]["name"] not in ours
        and (one.get("spec") or {}).get("type") != "ExternalName"
        and (selector := (one.get("spec") or {}).get("selector"))
        and selector.items() <= labels.items()
    )
    return tuple(
        f"Service {name} also selects the candidate's pods, whatever the weight: let its clients use {ours[0]} or the "
        "gateway, then delete it or change its selector."
        for name in names
    )


def _takes_requests(conditions: Manifest) -> bool:
    """The API says that an unknown `ready` is to be read as true."""
    return conditions.get("ready") is not False and not conditions.get("terminating")
