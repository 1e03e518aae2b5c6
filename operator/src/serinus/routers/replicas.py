"""No router: one Service, and requests shared evenly by the ready pods that it selects.

    weight 0        the pods of stable          selector: rollout and stable's revision
    in between      the pods of both            selector: rollout alone; how many get what is a number of pods
    weight 100      the pods of the candidate   selector: rollout and the candidate's revision

The Service belongs to Serinus. The journal entry stands on it and names both revisions, so that the entry alone says
what the selector has to be. Pods of a third revision must be gone before both are selected: the core sees to it.
"""

from typing import Any, ClassVar

from serinus.core.labels import MANAGED_BY, REVISION, ROLE, ROLLOUT, TRAFFIC
from serinus.core.model import SplitRecord
from serinus.core.observed import Manifest, Route
from serinus.core.ownership import owner_mark
from serinus.core.patches import Operation, expect, put, unchanged
from serinus.core.questions import TrafficRef
from serinus.plugin import Names, NotListed, Permission, Resource, Router
from serinus.routers.entry import read_entry, write_entry


class Replicas(Router):
    """Shares by pods, through the selector of one Service of Serinus' own."""

    name: ClassVar[str] = "replicas"
    doc: ClassVar[str] = (
        "No router: a Service of Serinus' own selects the pods of stable, of both, or of the candidate. The share is a "
        "number of pods; status says what was asked and what is given."
    )
    resource: ClassVar[Resource] = Resource(group="", version="v1", plural="services", kind="Service")
    permissions: ClassVar[tuple[Permission, ...]] = (
        Permission(group="", resources=("services",), verbs=("get", "list", "watch", "create", "patch", "delete")),
    )

    def read(
        self,
        manifest: Manifest | None,
        *,
        namespace: str,
        name: str,
        rollout_uid: str,
        names: Names,
        port: int | None = None,
    ) -> Route:
        if manifest is None:
            missing = f"Service {namespace}/{name} does not exist: Serinus makes it."
            return Route(kind="Service", name=name, listed=False, weights=(), record=None, problems=(missing,))
        record, unreadable = read_entry(manifest)
        foreign = record.uid if record and record.uid != rollout_uid else ""
        weight, strayed = _meaning(_selector(manifest), record, names)
        return Route(
            kind="Service",
            name=name,
            listed=True,
            weights=(weight,),
            record=None if foreign else record,
            foreign_uid=foreign,
            problems=(*unreadable, *_other_port(manifest, name, port)),
            strayed=strayed,
            remedy=f"Find out who writes the selector of Service {name}",
        )

    def patch(self, manifest: Manifest, record: SplitRecord, *, names: Names) -> list[Operation]:
        if record.weight == 0 and not record.stable:
            raise NotListed(f"The entry for Service {manifest['metadata']['name']} does not say who is stable.")
        tests, entry = write_entry(manifest, record)
        present = manifest["spec"].get("selector")
        known = [expect(present, "spec", "selector")] if present is not None else []
        return [unchanged(manifest), *known, *tests, put(_wanted(record, names), "spec", "selector"), entry]

    def generate(self, rollout: Manifest, *, traffic: TrafficRef, names: Names, port: int, stable: str) -> Manifest:
        return {
            "apiVersion": self.resource.api_version,
            "kind": self.resource.kind,
            "metadata": {
                "name": traffic.name,
                "namespace": rollout["metadata"]["namespace"],
                "labels": {ROLLOUT: names.rollout, ROLE: TRAFFIC, MANAGED_BY: "serinus"},
                "annotations": owner_mark(rollout),
            },
            "spec": {
                "selector": {ROLLOUT: names.rollout, REVISION: stable},
                "ports": [{"name": "http", "port": port, "targetPort": port, "protocol": "TCP"}],
            },
        }


REPLICAS = Replicas()


def _selector(manifest: Manifest) -> dict[str, Any]:
    return dict(manifest["spec"].get("selector") or {})


def _wanted(record: SplitRecord, names: Names) -> dict[str, str]:
    """The selector that an entry means."""
    both = {ROLLOUT: names.rollout}
    if record.weight == 0:
        return both | {REVISION: record.stable}
    return both | {REVISION: record.revision} if record.weight == 100 else both


def _meaning(selector: dict[str, Any], record: SplitRecord | None, names: Names) -> tuple[int, str]:
    """The weight that the selector means, and in words what it does where it means none: then the worst is told."""
    if record is not None and selector == _wanted(record, names):
        return record.weight, ""
    one = selector.keys() == {ROLLOUT, REVISION} and selector[ROLLOUT] == names.rollout
    if one and (record is None or selector[REVISION] == record.stable):
        return 0, ""
    if one and record is not None and selector[REVISION] == record.revision:
        return 100, ""
    words = ", ".join(f"{key}={value}" for key, value in sorted(selector.items()))
    return 100, f"the Service selected {words or 'nothing'}"


def _other_port(manifest: Manifest, name: str, port: int | None) -> tuple[str, ...]:
    """One Service sends the pods of both revisions to one port."""
    ports = [one.get("targetPort", one["port"]) for one in manifest["spec"].get("ports") or ()]
    if port is None or not ports or port in ports:
        return ()
    return (
        f"Service {name} sends requests to port {ports[0]}, and the pod template listens on {port}: the pods of both "
        "revisions must listen on one port. Keep the port, or, while nothing is on trial, delete the Service: it is "
        "made again with the new one.",
    )
