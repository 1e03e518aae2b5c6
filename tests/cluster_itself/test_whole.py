"""A cluster of the whole shape runs real containers behind a real gateway, and leaves nothing of them."""

from __future__ import annotations

import json
import os
import signal
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from tests.cluster import addons, containerd, images, leftovers, lifecycle, netns, node, parts
from tests.cluster.command import get, kubectl, wait_until
from tests.cluster.layout import Layout

pytestmark = pytest.mark.cluster

HTTPMODEL = "localhost/serinus/httpmodel:test"
DOCKERFILE = Path(__file__).parents[1] / "images" / "httpmodel" / "Dockerfile"


@pytest.fixture(autouse=True, scope="module")
def _built() -> None:
    parts.build(parts.names_for(lifecycle.WHOLE))


def model(name: str) -> list[dict[str, object]]:
    """A Deployment with one GPU and its Service."""
    labels = {"app": name}
    container = {
        "name": "model",
        "image": HTTPMODEL,
        "imagePullPolicy": "Never",
        "env": [{"name": "VERSION", "value": name}, {"name": "LATENCY", "value": "0.001"}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1},
        "resources": {"limits": {"nvidia.com/gpu": 1}},
    }
    annotations = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
    template = {"metadata": {"labels": labels, "annotations": annotations}, "spec": {"containers": [container]}}
    workload = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    ports = [{"port": 80, "targetPort": 8080}]
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": workload},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": labels, "ports": ports},
        },
    ]


def route(weights: dict[str, int]) -> dict[str, object]:
    backends = [{"name": name, "port": 80, "weight": weight} for name, weight in weights.items()]
    namespace, name = addons.GATEWAY
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "models"},
        "spec": {"parentRefs": [{"name": name, "namespace": namespace}], "rules": [{"backendRefs": backends}]},
    }


def answers(layout: Layout, requests: int) -> Counter[str]:
    """Which version answered how many of so many requests through the gateway."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask() -> Counter[str]:
        found: Counter[str] = Counter()
        for _ in range(requests):
            try:
                with opener.open(addons.GATEWAY_URL, timeout=5) as answer:
                    found[json.load(answer)["version"]] += 1
            except urllib.error.URLError:
                found["none"] += 1
        return found

    return netns.call(layout, ask)


def test_requests_are_split_by_weight_between_real_pods(first: Layout) -> None:
    lifecycle.up(first, lifecycle.WHOLE)
    images.build(first, DOCKERFILE, HTTPMODEL)
    items = [*model("old"), *model("new"), route({"old": 90, "new": 10})]
    document = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    kubectl(first, "apply", "-f", "-", what="create two models", text=document)
    for name in ("old", "new"):
        kubectl(first, "rollout", "status", f"deployment/{name}", "--timeout=60s", what=f"start {name}")
    wait_until("the route in Envoy", lambda: answers(first, 20)["none"] == 0, 20, "see contour.log")

    found = answers(first, 400)
    assert found["none"] == 0
    assert 15 <= found["new"] <= 70, "40 expected; the standard deviation is 6"

    counted = 'sum by (pod) (http_requests_total{job="pods", namespace="default"})'
    wait_until("both pods in Prometheus", lambda: len(addons.query(first, counted)) == 2, 20, "see prometheus")

    lifecycle.down(first)
    assert leftovers.found(first) == []
    assert not first.state.exists()
    assert not first.netns_path.exists()


def test_the_fake_gpus_outlive_status_updates_and_bound_what_is_scheduled(first: Layout) -> None:
    lifecycle.up(first, lifecycle.WHOLE)
    resources = {"limits": {"nvidia.com/gpu": node.GPUS + 1}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "greedy"},
        "spec": {"containers": [{"name": "c", "image": containerd.PAUSE, "resources": resources}]},
    }
    kubectl(first, "create", "-f", "-", what="ask for too many GPUs", text=json.dumps(pod))

    def refused() -> bool:
        conditions = get(first, "pod", "greedy", what="read the pod")["status"].get("conditions", [])
        return any("Insufficient nvidia.com/gpu" in condition.get("message", "") for condition in conditions)

    wait_until("the scheduler's refusal", refused, 20, "see kube-scheduler.log")

    images.build(first, DOCKERFILE, HTTPMODEL)  # kubelet writes the node's status when the node has a new image

    def updated() -> bool:
        listed = get(first, "node", first.node_name, what="read the node")["status"]["images"]
        return any(HTTPMODEL in image["names"] for image in listed)

    wait_until("kubelet's next status update", updated, 60, "see kubelet.log")
    assert node.ready(first)


def test_pods_that_outlived_everything_are_cleared_away(first: Layout) -> None:
    lifecycle.up(first, lifecycle.WHOLE)
    for record in first.records.iterdir():
        os.kill(int(record.read_text().split()[0]), signal.SIGKILL)
    assert leftovers.found(first), "containers run on without kubelet and containerd"
    assert lifecycle.state_of(first) == lifecycle.BROKEN

    lifecycle.up(first, lifecycle.WHOLE)
    assert node.ready(first)
    assert addons.programmed(first)
