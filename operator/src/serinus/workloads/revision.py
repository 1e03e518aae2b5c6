"""A revision in the cluster: the Deployment NAME-HASH that Serinus makes from a pod template, and how it is read back.

Its pods carry the template's own labels and two of ours, which alone are the selector. No label says whether a revision
is stable or candidate: a promotion must not touch a pod. The canonical template is kept as an annotation, because it is
what the revision *is*; the name only points to it.

Source and copy share labels, and nothing is adopted by it: controllers adopt orphans only, and our pods are never
orphans. Services do select by labels alone; `services.leaks` names those that select our pods too.
"""

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from serinus.core.labels import MANAGED_BY, REVISION, ROLLOUT
from serinus.core.model import Model, Spec
from serinus.core.observed import Deployed, Manifest
from serinus.core.ownership import owner_mark
from serinus.core.patches import Operation, expect, replace
from serinus.plugin import Permission, Resource
from serinus.workloads.pods import epoch_seconds, is_live, read_pod
from serinus.workloads.template import canonical, revision_name, text

DEPLOYMENTS = Resource(group="apps", version="v1", plural="deployments", kind="Deployment")
PERMISSIONS = (
    Permission(group="apps", resources=("deployments",), verbs=("get", "list", "watch", "create", "patch", "delete")),
)

TEMPLATE = "serinus.dev/template"

_INT32 = 2**31 - 1


def deployment_name(rollout: str, revision: str) -> str:
    """Name of a revision's Deployment."""
    return f"{rollout}-{revision}"


def pod_labels(template: Manifest, rollout: str, revision: str) -> dict[str, str]:
    """The labels of a revision's pods: the template's own and our two."""
    own = (template.get("metadata") or {}).get("labels") or {}
    return {**own, ROLLOUT: rollout, REVISION: revision}


def deployment_of(spec: Spec, rollout: Manifest, template: Manifest, *, revision: str, replicas: int) -> Manifest:
    """The Deployment of a revision.

    `rollout` is the ModelRollout's manifest (its name, namespace and uid), `template` the canonical template.
    Pods are never replaced by a rolling update, since a new template is a new Deployment; should someone edit this one
    by hand all the same, `maxSurge: 0` keeps it from asking for accelerators beyond the revision's own.
    """
    name = rollout["metadata"]["name"]
    ours = {ROLLOUT: name, REVISION: revision}
    metadata = {**(template.get("metadata") or {}), "labels": pod_labels(template, name, revision)}
    deadline = int(spec.deadlines.schedule + spec.deadlines.ready)
    return {
        "apiVersion": DEPLOYMENTS.api_version,
        "kind": DEPLOYMENTS.kind,
        "metadata": {
            "name": deployment_name(name, revision),
            "namespace": rollout["metadata"]["namespace"],
            "labels": {**ours, MANAGED_BY: "serinus"},
            "annotations": {**owner_mark(rollout), TEMPLATE: text(template), **_model(spec.model)},
        },
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 0,
            "progressDeadlineSeconds": min(max(deadline, 1), _INT32),
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            "selector": {"matchLabels": ours},
            "template": {**template, "metadata": metadata},
        },
    }


def scale(deployment: Manifest, replicas: int) -> list[Operation]:
    """The patch that gives a revision this many pods, if it still has as many as were seen; empty when it has them.

    Not the whole object's version is tested: its status changes with every pod.
    """
    present = _replicas(deployment)
    if present == replicas:
        return []
    return [
        expect(deployment["metadata"]["uid"], "metadata", "uid"),
        expect(present, "spec", "replicas"),
        replace(replicas, "spec", "replicas"),
    ]


def read_deployed(deployment: Manifest, *, pods: Iterable[Manifest], autoscalers: Iterable[Manifest] = ()) -> Deployed:
    """A revision as it stands. `pods` and `autoscalers` may hold those of others in the namespace: they are passed
    over, and so are pods that are over or being deleted."""
    revision = revision_of(deployment)
    selector = deployment["spec"]["selector"]["matchLabels"]
    ours = [read_pod(pod) for pod in pods if is_live(pod) and _has(pod, selector)]
    return Deployed(
        revision=revision,
        template=_recorded(deployment) or _live(deployment),
        replicas=_replicas(deployment),
        ready=sum(pod.ready_since is not None for pod in ours),
        pods=tuple(sorted(ours, key=lambda pod: (pod.created_at, pod.name))),
        created_at=epoch_seconds(deployment["metadata"]["creationTimestamp"]),
        autoscaler=_autoscaler(deployment, autoscalers),
    )


def revision_of(deployment: Manifest) -> str:
    """The revision that a Deployment of ours is; empty for others."""
    return str((deployment["metadata"].get("labels") or {}).get(REVISION, ""))


def wanted(template: Manifest, deployments: Sequence[Manifest]) -> str:
    """The revision that a source's template means: the newest existing one that means the same, else a new name.

    Same means equal to what was recorded. It also means equal to the live template of the revision where that is the
    recorded one with additions: an API server that learnt new defaults adds them to source and copy alike, and that
    is no new model.
    """
    meant = text(template)
    newest = sorted(deployments, key=lambda one: str(one["metadata"].get("creationTimestamp", "")), reverse=True)
    for deployment in newest:
        if _means(deployment, meant):
            return revision_of(deployment)
    return revision_name(template, frozenset(map(revision_of, deployments)))


def _means(deployment: Manifest, meant: str) -> bool:
    recorded = _recorded(deployment)
    if recorded is not None and text(recorded) == meant:
        return True
    live = _live(deployment)
    return text(live) == meant and (recorded is None or _adds_to(live, recorded))


def _recorded(deployment: Manifest) -> dict[str, Any] | None:
    """The template that the revision was made from; None where someone removed or broke the annotation."""
    return _parsed((deployment["metadata"].get("annotations") or {}).get(TEMPLATE, ""))


@lru_cache(maxsize=4096)
def _parsed(annotation: str) -> dict[str, Any] | None:
    """Remembered: it is read at each look and written once."""
    try:
        found = json.loads(annotation)
    except ValueError:
        return None
    return canonical(found) if isinstance(found, dict) else None


def _live(deployment: Manifest) -> dict[str, Any]:
    """The template that the Deployment has, without our labels."""
    template = deployment["spec"]["template"]
    metadata = template.get("metadata") or {}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k not in (ROLLOUT, REVISION)}
    return canonical({**template, "metadata": {**metadata, "labels": labels}})


def _adds_to(larger: Any, smaller: Any) -> bool:
    """True when everything in the smaller value stands in the larger one, which may hold more members."""
    if isinstance(larger, dict) and isinstance(smaller, dict):
        return all(key in larger and _adds_to(larger[key], value) for key, value in smaller.items())
    if isinstance(larger, list) and isinstance(smaller, list):
        return len(larger) == len(smaller) and all(map(_adds_to, larger, smaller))
    return bool(larger == smaller)


def _model(model: Model) -> dict[str, str]:
    said = {"name": model.name, "version": model.version, "uri": model.uri, "digest": model.digest}
    return {f"serinus.dev/model-{key}": value for key, value in said.items() if value}


def _replicas(deployment: Manifest) -> int:
    return int(deployment["spec"].get("replicas", 1))


def _has(pod: Manifest, selector: Manifest) -> bool:
    return (pod["metadata"].get("labels") or {}).items() >= selector.items()


def _autoscaler(deployment: Manifest, autoscalers: Iterable[Manifest]) -> str:
    """The HorizontalPodAutoscaler or KEDA ScaledObject that targets the Deployment, as kind/name."""
    for one in autoscalers:
        target = (one.get("spec") or {}).get("scaleTargetRef") or {}
        if target.get("kind", "Deployment") == "Deployment" and target.get("name") == deployment["metadata"]["name"]:
            return f"{one.get('kind', 'HorizontalPodAutoscaler')}/{one['metadata']['name']}"
    return ""
