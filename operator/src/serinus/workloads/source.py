"""What every source has in common: a pod template that must be fit for a Deployment behind a Service."""

from serinus.core.observed import Manifest, Source
from serinus.core.pod_requests import accelerator
from serinus.plugin import Reading
from serinus.workloads.template import container_ports, merge_node_pool


def read_source(
    *,
    kind: str,
    name: str,
    template: Manifest,
    node_pool: Manifest,
    port: int | None,
    replicas: int | None,
    running: int,
) -> Reading:
    """The source, or the first thing in its template that cannot work.

    `replicas` and `running` are what the source itself asks for and runs; its own pods hold the accelerators of its
    own template, without the node pool.
    """
    problem = _problem(f"{kind} {name}", template, port)
    if problem:
        return Reading(source=None, problem=problem)
    merged = merge_node_pool(template, node_pool)
    try:
        resource, each = accelerator(merged["spec"])
    except ValueError as error:
        return Reading(source=None, problem=f"{kind} {name} asks for resources that cannot be read: {error}.")
    ports = container_ports(template)
    return Reading(
        source=Source(
            kind=kind,
            name=name,
            template=merged,
            replicas=replicas,
            running=running,
            running_gpus=running * each,
            gpus_per_pod=each,
            gpu_resource=resource,
            port=ports[0] if len(ports) == 1 else None,
        )
    )


def _problem(what: str, template: Manifest, port: int | None) -> str:
    spec = template.get("spec") or {}
    if not spec.get("containers"):
        return f"{what} has no containers in its pod template: write at least one."
    restart = spec.get("restartPolicy", "Always")
    if restart != "Always":
        return f"{what} says restartPolicy: {restart}; a model server must be restarted: write Always or leave it out."
    if "activeDeadlineSeconds" in spec:
        return f"{what} says activeDeadlineSeconds, which a Deployment's pods cannot have: leave it out."
    ports = container_ports(template)
    if port is None and not ports:
        return f"{what} names no containerPort: name the model server's port there, or write traffic.port."
    if port is None and len(ports) > 1:
        named = ", ".join(map(str, ports))
        return f"{what} names more than one containerPort ({named}): write traffic.port to say which takes requests."
    return ""
