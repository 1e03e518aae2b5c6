"""KWOK: nodes without machines, in two GPU pools, for tests of capacity.

Their pods are not real: KWOK says Running and Ready for them, and the real scheduler counts their GPUs.
"""

from __future__ import annotations

import json

from tests.cluster import process
from tests.cluster.command import get, kubectl, wait_until
from tests.cluster.layout import Layout

KWOK = "kwok"
POOLS = ("a", "b")
NODES_PER_POOL = 2
GPUS_PER_NODE = 8
_OURS = "kwok.x-k8s.io/node"


def up(layout: Layout) -> None:
    """Start KWOK and make its nodes; `wait` tells when they are Ready."""
    process.start(layout, KWOK, [
        layout.bin / KWOK,
        f"--kubeconfig={layout.kubeconfig}",
        "--manage-all-nodes=false",
        f"--manage-nodes-with-annotation-selector={_OURS}=fake",
        "--cidr=10.245.0.1/16",
        "--node-lease-duration-seconds=40",  # else the node controller gives the nodes up on a busy machine
        f"--node-ip={layout.node_ip}",
    ])  # fmt: skip
    add_nodes(layout, [_node(pool, index) for pool in POOLS for index in range(NODES_PER_POOL)])


def add_nodes(layout: Layout, nodes: list[dict[str, object]]) -> None:
    """Make nodes; for tests that want more than the first four."""
    document = {"apiVersion": "v1", "kind": "List", "items": nodes}
    kubectl(layout, "create", "--validate=false", "-f", "-", what="create the KWOK nodes", text=json.dumps(document))


def wait(layout: Layout) -> None:
    """Return when every node is Ready."""
    hint = process.log(layout, KWOK)
    wait_until("readiness of all KWOK nodes", lambda: all_ready(layout), 30, f"see {hint}")


def all_ready(layout: Layout) -> bool:
    nodes = get(layout, "nodes", what="list the nodes")["items"]
    ready = [
        any(
            condition["type"] == "Ready" and condition["status"] == "True" for condition in node["status"]["conditions"]
        )
        for node in nodes
        if node["status"].get("conditions")
    ]
    return len(ready) == len(nodes) > 0 and all(ready)


def _node(pool: str, index: int) -> dict[str, object]:
    name = f"pool-{pool}-{index}"
    room = {"cpu": "32", "memory": "256Gi", "pods": "110", "nvidia.com/gpu": str(GPUS_PER_NODE)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"pool": pool, "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": KWOK},
            "annotations": {_OURS: "fake"},
        },
        "status": {"capacity": room, "allocatable": room},
    }
