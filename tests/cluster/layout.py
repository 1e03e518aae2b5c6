"""Where one cluster keeps its things, and which addresses it uses.

Every path and the network namespace carry the cluster's name; the addresses do not, because a namespace isolates
them: each cluster has its own 192.0.2.1 (a range that is reserved for documentation, so it cannot hide a real host).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import parts
from tests.cluster.errors import ClusterError

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?")

NODE_IP = "192.0.2.1"
"""The address of the node; API server, etcd and Prometheus of the control-plane shape listen here."""


def states() -> Path:
    """The folder that holds one folder per cluster. Not under /run: overlayfs and gigabytes of images live here."""
    return Path(os.environ.get("SERINUS_STATE") or "/var/tmp/serinus")


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths, names and addresses of the cluster called `name`."""

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ClusterError(
                f"cluster name {self.name!r} cannot be used: take 1 to 20 small letters, digits and inner dashes"
            )

    @property
    def state(self) -> Path:
        """Everything that dies with the cluster; `down` removes this folder last."""
        return states() / self.name

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def pki(self) -> Path:
        """Certificates, keys and the token file."""
        return self.state / "pki"

    @property
    def sockets(self) -> Path:
        """Unix sockets; their paths stay below the kernel's limit of 107 bytes."""
        return self.state / "s"

    @property
    def records(self) -> Path:
        """One JSON file per started process (see process.py)."""
        return self.state / "processes"

    @property
    def kubeconfig(self) -> Path:
        """For a person, the tests and every component that acts as admin."""
        return self.state / "kubeconfig"

    @property
    def bin(self) -> Path:
        """All programs of parts.py as links, in the cache; keyed by the versions."""
        return parts.bin_folder()

    @property
    def netns(self) -> str:
        return f"serinus-{self.name}"

    @property
    def netns_path(self) -> Path:
        return Path("/run/netns") / self.netns

    @property
    def enter(self) -> list[str]:
        """What to put before a command so that it runs inside the cluster's network."""
        return ["nsenter", f"--net={self.netns_path}", "--"]

    @property
    def node_name(self) -> str:
        return "node0"

    @property
    def node_ip(self) -> str:
        return NODE_IP

    @property
    def api_url(self) -> str:
        """Inside the namespace only."""
        return f"https://{NODE_IP}:6443"

    @property
    def etcd_url(self) -> str:
        """On the loopback of the namespace, where pods cannot reach it: it asks nobody who they are."""
        return "http://127.0.0.1:2379"

    @property
    def prometheus_url(self) -> str:
        """Inside the namespace only; the Prometheus of the control-plane shape (prometheus.py)."""
        return f"http://{NODE_IP}:9090"

    @property
    def exporter_url(self) -> str:
        """Inside the namespace only; where a test feeds series (exporter.py)."""
        return f"http://{NODE_IP}:9091"

    @property
    def pod_cidr(self) -> str:
        return "10.244.0.0/16"

    @property
    def service_cidr(self) -> str:
        return "10.96.0.0/16"

    @property
    def kubernetes_service_ip(self) -> str:
        """What pods call `kubernetes.default.svc`."""
        return "10.96.0.1"

    @property
    def dns_ip(self) -> str:
        """The cluster IP that kubelet hands to pods and that the Service of CoreDNS asks for."""
        return "10.96.0.10"
