"""A Deployment of the team's own as the source of the pod template (apps/v1). It is never written."""

from typing import ClassVar

from serinus.core.observed import Manifest
from serinus.plugin import Permission, Reading, Resource, Workload
from serinus.workloads.source import read_source


class DeploymentSource(Workload):
    """The pod template of a Deployment that Git owns, and the pods that it still runs itself."""

    name: ClassVar[str] = "deployment"
    doc: ClassVar[str] = (
        "A Deployment of your own, in the same namespace. Serinus copies spec.template and never writes to it; once "
        "requests reach Serinus' pods, write replicas: 0 there, with workload.replicas in the ModelRollout."
    )
    resource: ClassVar[Resource] = Resource(group="apps", version="v1", plural="deployments", kind="Deployment")
    permissions: ClassVar[tuple[Permission, ...]] = (
        Permission(group="apps", resources=("deployments",), verbs=("get", "list", "watch")),
    )

    def read(
        self, manifest: Manifest | None, *, namespace: str, name: str, node_pool: Manifest, port: int | None = None
    ) -> Reading:
        if manifest is None:
            return Reading(
                source=None,
                problem=f"Deployment {namespace}/{name} does not exist: create it, or correct workload.deployment.",
            )
        spec = manifest.get("spec") or {}
        return read_source(
            kind="Deployment",
            name=name,
            template=spec.get("template") or {},
            node_pool=node_pool,
            port=port,
            replicas=int(spec.get("replicas", 1)),
            running=int((manifest.get("status") or {}).get("replicas") or 0),
        )


DEPLOYMENT = DeploymentSource()
