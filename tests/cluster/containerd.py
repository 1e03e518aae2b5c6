"""containerd of one cluster: its own folders, socket and pod network, so that clusters never see each other's pods.

Two settings are not obvious. `restrict_oom_score_adj`: without CAP_SYS_RESOURCE a sandbox may not lower its score, and
every pod would fail. `netns_mounts_under_state_dir` and runc's `Root`: by default both live in folders of the machine
that all clusters would share; below the state folder `down` can tell whose they are.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster import process
from tests.cluster.command import run, wait_until
from tests.cluster.errors import ClusterError
from tests.cluster.layout import Layout

PAUSE = "localhost/serinus/pause:1"
"""The image that holds the namespaces of a pod open; images.py builds it."""

_PLUGINS = Path("/usr/lib/cni")
_POD_SUBNET = "10.244.0.0/20"
"""Of the one node with real pods. Nodes that KWOK plays may get the same range: their pods have no packets."""

_CONFIG = """\
version = 2
root = "{root}"
state = "{state}"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]
[grpc]
  address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{root}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{network}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "{state}/runc"
        SystemdCgroup = false
"""


def socket(layout: Layout) -> Path:
    """Where kubelet and ctr speak to it."""
    return layout.sockets / "containerd.sock"


def folder(layout: Layout) -> Path:
    """Images, snapshots, running containers and the address book of the pod network."""
    return layout.state / "containerd"


def tasks(layout: Layout) -> Path:
    """One folder per running container, each with the address of its shim's socket."""
    return folder(layout) / "state" / "io.containerd.runtime.v2.task" / "k8s.io"


def sandboxes(layout: Layout) -> Path:
    """One folder per pod that was not taken down, named by the id of its sandbox."""
    return folder(layout) / "root" / "io.containerd.grpc.v1.cri" / "sandboxes"


def start(layout: Layout) -> None:
    """Write its configuration, start it and wait until it answers."""
    if not (_PLUGINS / "bridge").exists():
        raise ClusterError(f"{_PLUGINS}/bridge is missing; apt-get install containernetworking-plugins")
    here = folder(layout)
    network = here / "net.d"
    for path in (network, layout.sockets):
        path.mkdir(parents=True, exist_ok=True)
    (network / "10-pods.conflist").write_text(json.dumps(_network(here / "addresses"), indent=2))
    config = here / "config.toml"
    config.write_text(
        _CONFIG.format(
            root=here / "root",
            state=here / "state",
            socket=socket(layout),
            pause=PAUSE,
            plugins=_PLUGINS,
            network=network,
        )
    )
    # Pods on one bridge answer each other past the address translation of the node, and a connection through a
    # Service would break, unless the bridge shows its packets to the firewall.
    show = "modprobe -q br_netfilter; echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables"
    run([*layout.enter, "sh", "-c", show], "show bridged packets to the firewall (module br_netfilter)")
    process.start(layout, "containerd", ["containerd", "--config", config])

    def answers() -> bool:
        return bool(run(ctr(layout, "version"), "ask containerd"))

    wait_until("containerd's first answer", answers, 20, f"see {process.log(layout, 'containerd')}")


def ctr(layout: Layout, *words: str | Path) -> list[str]:
    """A command line of containerd's own client, in the namespace that holds kubelet's containers."""
    return ["ctr", "--address", str(socket(layout)), "--namespace", "k8s.io", *map(str, words)]


def _network(addresses: Path) -> dict[str, object]:
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "pods0",
                "isGateway": True,
                "hairpinMode": True,  # a pod may reach itself through its Service
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(addresses),
                    "ranges": [[{"subnet": _POD_SUBNET}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
