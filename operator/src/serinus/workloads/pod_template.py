"""A PodTemplate (core/v1) as the source: nothing runs from it but what Serinus makes."""

from typing import ClassVar

from serinus.core.observed import Manifest
from serinus.plugin import Permission, Reading, Resource, Workload
from serinus.workloads.source import read_source


class PodTemplateSource(Workload):
    """A pod template as an object of its own."""

    name: ClassVar[str] = "podTemplate"
    doc: ClassVar[str] = (
        "A PodTemplate (v1) in the same namespace: the same template as in a Deployment, but nothing runs from it by "
        "itself. workload.replicas says how many pods."
    )
    resource: ClassVar[Resource] = Resource(group="", version="v1", plural="podtemplates", kind="PodTemplate")
    permissions: ClassVar[tuple[Permission, ...]] = (
        Permission(group="", resources=("podtemplates",), verbs=("get", "list", "watch")),
    )

    def read(
        self, manifest: Manifest | None, *, namespace: str, name: str, node_pool: Manifest, port: int | None = None
    ) -> Reading:
        if manifest is None:
            return Reading(
                source=None,
                problem=f"PodTemplate {namespace}/{name} does not exist: create it, or correct workload.podTemplate.",
            )
        return read_source(
            kind="PodTemplate",
            name=name,
            template=manifest.get("template") or {},
            node_pool=node_pool,
            port=port,
            replicas=None,
            running=0,
        )


POD_TEMPLATE = PodTemplateSource()
