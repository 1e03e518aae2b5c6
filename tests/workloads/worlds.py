"""Manifests for the tests of this folder, as an API server returns them."""

import copy
from pathlib import Path
from typing import Any

from serinus.core.evidence import Standards
from serinus.core.model import Deadlines, Model, Spec
from serinus.core.questions import SourceRef, TrafficRef
from serinus.workloads.deployment import DEPLOYMENT
from serinus.workloads.revision import deployment_of
from tests.golden import manifest

HERE = Path(__file__).parent
ROLLOUT = {"metadata": {"name": "chat", "namespace": "models", "uid": "rollout-1"}}
POOL: dict[str, Any] = {
    "nodeSelector": {"pool": "h100"},
    "tolerations": [{"key": "pool", "operator": "Equal", "value": "h100", "effect": "NoSchedule"}],
    "runtimeClassName": "nvidia",
}


def source_deployment() -> dict[str, Any]:
    found: dict[str, Any] = manifest(HERE / "manifests" / "deployment.yaml")
    return found


def team_template(**pod_spec: Any) -> dict[str, Any]:
    """The team's pod template, with members of its pod spec replaced."""
    template: dict[str, Any] = source_deployment()["spec"]["template"]
    template["spec"] |= pod_spec
    return template


def canonical_template() -> Any:
    reading = DEPLOYMENT.read(source_deployment(), namespace="models", name="chat", node_pool={})
    assert reading.source is not None
    return reading.source.template


def a_spec(**changes: Any) -> Spec:
    fields: dict[str, Any] = {
        "uid": "rollout-1",
        "namespace": "models",
        "name": "chat",
        "generation": 1,
        "source": SourceRef(workload="deployment", name="chat"),
        "traffic": TrafficRef(router="httpRoute", name="chat"),
        "steps": (),
        "slis": (),
        "measurements": (),
        "standards": Standards(false_rollback_rate=0.01, false_promotion_rate=0.05, steps=3),
        "interval": 30.0,
        "prometheus": "default",
        "max_hold": 3600.0,
        "deadlines": Deadlines(schedule=600.0, ready=1800.0),
        "model": Model(name="chat", version="7"),
    }
    return Spec(**fields | changes)


def deployed(
    template: Any = None, *, revision: str = "bcd45678", replicas: int = 2, created: str = "2026-11-01T10:00:00Z"
) -> dict[str, Any]:
    """A revision's Deployment after the API server took it."""
    made: dict[str, Any] = copy.deepcopy(
        dict(deployment_of(a_spec(), ROLLOUT, template or canonical_template(), revision=revision, replicas=replicas))
    )
    made["metadata"] |= {"uid": f"uid-{revision}", "resourceVersion": "99", "creationTimestamp": created}
    return made


def a_pod(name: str = "chat-bcd45678-1", revision: str = "bcd45678", **status: Any) -> dict[str, Any]:
    """A pod of a revision; by default Ready since 10:05."""
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-01T10:05:00Z"}
    return {
        "metadata": {
            "name": name,
            "creationTimestamp": "2026-11-01T10:00:00Z",
            "labels": {"app": "chat", "serinus.dev/rollout": "chat", "serinus.dev/revision": revision},
        },
        "status": {"phase": "Running", "conditions": [ready]} | status,
    }
