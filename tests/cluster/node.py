"""The node: containerd, kubelet and kube-proxy, with eight GPUs that exist in the books only.

An extended resource that no device plug-in reports is set by a patch of the node's capacity. kubelet keeps such an
entry through its own status updates and derives what is allocatable from it, so that scheduler and kubelet count the
requests of real pods against it. Both fields are patched, because kubelet derives only at its next update.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.cluster import containerd, images, leftovers, pki, process
from tests.cluster.command import get, kubectl, wait_until
from tests.cluster.errors import ClusterError
from tests.cluster.layout import Layout
from tests.cluster.progress import step

GPUS = 8
PODS = 400
"""Most pods on the node: a benchmark runs more of them than the 110 that a kubelet allows if it is not told."""
POOL = "h100"
"""Value of the label `pool`: one pool of accelerators; KWOK nodes may play others."""


def prepare(layout: Layout) -> None:
    """What needs no API server and may run beside its start: containerd, and the images that every cluster holds."""
    with ThreadPoolExecutor(2) as pool:
        archives = [(containerd.PAUSE, pool.submit(images.pause)), (images.MONITORING, pool.submit(images.monitoring))]
        containerd.start(layout)
        for tag, archive in archives:
            images.load(layout, tag, archive.result())


def up(layout: Layout) -> None:
    """Start the node and return when it is Ready and has its GPUs."""
    prepare(layout)  # costs nothing when it was done before
    with step("start the node"):
        leftovers.make_cgroups(layout)
        _kubelet(layout)
        _kube_proxy(layout)
        _add_gpus(layout)
        wait_until(f"Ready on {layout.node_name}", lambda: ready(layout), 60, f"see {process.log(layout, 'kubelet')}")


def ready(layout: Layout) -> bool:
    """Whether the node is Ready and counts its GPUs."""
    status = get(layout, "nodes", layout.node_name, what=f"read node {layout.node_name}")["status"]
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions", [])}
    return conditions.get("Ready") == "True" and status.get("allocatable", {}).get("nvidia.com/gpu") == str(GPUS)


def down(layout: Layout) -> None:
    """End every pod of this cluster and take away all that it left, also after a run that was killed."""
    # kubelet first: it would start again what ends. Then those that would keep pods and mounts in their books.
    for name in ("kubelet", "kube-proxy", "containerd"):
        process.stop(layout, name, grace=1.0)
    leftovers.end_pods(layout)
    leftovers.remove(layout)
    still = leftovers.found(layout)
    if still:
        raise ClusterError(f"cluster {layout.name} is not fully down: {'; '.join(still)}; run `down` again")


def _kubelet(layout: Layout) -> None:
    folder = layout.state / "kubelet"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "resolv.conf").write_text("# No server: nothing outside the cluster can be reached.\n")
    config = folder / "config.json"
    config.write_text(json.dumps(_kubelet_config(layout, folder), indent=2))
    process.start(
        layout,
        "kubelet",
        [
            layout.bin / "kubelet", "--config", config, "--root-dir", folder,
            "--kubeconfig", pki.kubeconfig_of(layout, f"system:node:{layout.node_name}"),
            "--hostname-override", layout.node_name, "--node-ip", layout.node_ip,
            "--node-labels", f"pool={POOL}", "--cert-dir", layout.pki / "kubelet", "--v", "1",
        ],
    )  # fmt: skip


def _kubelet_config(layout: Layout, folder: Path) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{containerd.socket(layout)}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{leftovers.cgroup_name(layout)}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "evictionHard": {},
        "localStorageCapacityIsolation": False,
        "serializeImagePulls": False,
        "registerNode": True,
        # The API server's word is taken for who calls: logs and exec come from it, with the certificate it shows.
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "clusterDNS": [layout.dns_ip],
        "clusterDomain": "cluster.local",
        "resolvConf": str(folder / "resolv.conf"),
        "podLogsDir": str(layout.state / "pod-logs"),
        "volumePluginDir": str(folder / "plugins"),
        # A test should not wait for what a fleet must not be asked too often.
        "nodeStatusUpdateFrequency": "4s",
        "syncFrequency": "10s",
        "imageMinimumGCAge": "24h",
        "shutdownGracePeriod": "0s",
        "maxPods": PODS,
    }


def _kube_proxy(layout: Layout) -> None:
    process.start(
        layout,
        "kube-proxy",
        [
            layout.bin / "kube-proxy", "--kubeconfig", pki.kubeconfig_of(layout, "system:kube-proxy"),
            "--hostname-override", layout.node_name,
            "--proxy-mode", "nftables", "--cluster-cidr", layout.pod_cidr, "--conntrack-max-per-core", "0",
            "--nodeport-addresses", "primary", "--v", "1",
        ],
    )  # fmt: skip


def patch_gpus(layout: Layout) -> None:
    """Write the GPUs into the status of the node, which is registered already."""
    fields = ("/status/capacity", "/status/allocatable")
    patch = [{"op": "add", "path": f"{field}/nvidia.com~1gpu", "value": str(GPUS)} for field in fields]
    kubectl(
        layout, "patch", "node", layout.node_name, "--subresource=status", "--type=json", "-p", json.dumps(patch),
        what=f"give {GPUS} GPUs to {layout.node_name}",
    )  # fmt: skip


def _add_gpus(layout: Layout) -> None:
    def patched() -> bool:
        if not process.alive(layout, "kubelet"):
            raise ClusterError(f"kubelet has ended; {process.tail(layout, 'kubelet')}")
        patch_gpus(layout)
        return True

    wait_until(f"registration of {layout.node_name}", patched, 30, f"see {process.log(layout, 'kubelet')}")
