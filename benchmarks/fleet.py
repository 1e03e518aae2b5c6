"""Many rollouts in one namespace: what their teams write, and the nodes that their pods need."""

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local

import requests

from tests.api_server.api import Api, Manifest
from tests.cluster import kwok
from tests.cluster.command import kubectl
from tests.cluster.layout import Layout

NAMESPACE = "bench"
PODS_PER_NODE = 110
REPLICAS = 4
WEIGHT = 20
INTERVAL = 30
PODS_PER_ROLLOUT = REPLICAS + 1
"""In analysis at the first step; one candidate pod carries 25 % of what four stable ones do."""
_THREADS = 4
_TRIES = 4


def make_nodes(layout: Layout, rollouts: int) -> None:
    """KWOK nodes for twice the pods in steady state: a revision that goes overlaps with one that comes."""
    nodes = [_node(f"bench-{index}") for index in range(math.ceil(2 * rollouts * PODS_PER_ROLLOUT / PODS_PER_NODE))]
    kwok.add_nodes(layout, nodes)
    kwok.wait(layout)


def install_crd(layout: Layout) -> None:
    """Our CRD, established."""
    file = Path(__file__).parents[1] / "crds"
    kubectl(layout, "apply", "--server-side", "-f", file, what="install the CRD")
    name = "crd/modelrollouts.serinus.dev"
    kubectl(layout, "wait", "--for=condition=Established", name, "--timeout=30s", what="wait for the CRD")


def make_namespace(api: Api) -> None:
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})


def source(name: str, version: str) -> Manifest:
    """The team's Deployment, which runs no pods itself."""
    container = {
        "name": "model",
        "image": f"registry.example.com/model:{version}",
        "env": [{"name": "VERSION", "value": version}],
        "ports": [{"containerPort": 8080}],
    }
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return _object("apps/v1", "Deployment", name, spec)


def route(name: str) -> Manifest:
    """Git's route, at 100/0."""
    backends = [
        {"name": f"{name}-stable", "port": 8080, "weight": 100},
        {"name": f"{name}-candidate", "port": 8080, "weight": 0},
    ]
    spec = {
        "parentRefs": [{"name": "gateway", "namespace": "gateway-system"}],
        "hostnames": [f"{name}.example.com"],
        "rules": [{"backendRefs": backends}],
    }
    return _object("gateway.networking.k8s.io/v1", "HTTPRoute", name, spec)


def rollout(name: str) -> Manifest:
    """Two SLIs, a look every 30 s, and a first step that lasts longer than any benchmark."""
    spec = {
        "workload": {"deployment": name, "replicas": REPLICAS},
        "traffic": {"httpRoute": name},
        "steps": [{"weight": WEIGHT, "hold": "12h"}, {"weight": 50, "hold": "12h"}],
        "slis": [{"preset": "http/success-rate", "objective": "95%"}, {"preset": "http/latency", "p95": "500ms"}],
        "analysis": {"interval": f"{INTERVAL}s"},
    }
    return _object("serinus.dev/v1alpha1", "ModelRollout", name, spec)


def apply_all(kubeconfig: str, manifests: Iterable[Manifest]) -> None:
    """Apply them some at a time, in their order; a busy API server is asked again."""
    mine = local()

    def work(manifest: Manifest) -> None:
        if not hasattr(mine, "api"):
            mine.api = Api(kubeconfig)
        for tries_left in reversed(range(_TRIES)):
            try:
                mine.api.apply(manifest)
                return
            except requests.Timeout:
                if not tries_left:
                    raise

    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(work, manifests):
            pass


def _object(version: str, kind: str, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def _node(name: str) -> dict[str, object]:
    room = {"cpu": "64", "memory": "512Gi", "pods": str(PODS_PER_NODE)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"pool": "bench", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": kwok.KWOK},
            "annotations": {"kwok.x-k8s.io/node": "fake"},
        },
        "status": {"capacity": room, "allocatable": room},
    }
