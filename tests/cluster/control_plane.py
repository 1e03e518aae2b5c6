"""etcd, API server, controller manager and scheduler, as ordinary processes in the cluster's network.

All four start at once: each waits for the one it needs by itself, which is quicker than waiting here in between.
"""

from __future__ import annotations

import ssl
import urllib.request
from pathlib import Path

from tests.cluster import netns, pki, process
from tests.cluster.command import wait_until
from tests.cluster.errors import ClusterError
from tests.cluster.layout import Layout

ETCD = "etcd"
API_SERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
_UNTHROTTLED = ("--kube-api-qps=1000", "--kube-api-burst=2000")
"""With the default of 20 requests a second the controllers alone need 5 s until all of them have started."""

ALL = (ETCD, API_SERVER, CONTROLLER_MANAGER, SCHEDULER)


def up(layout: Layout, node_cidr_bits: int = 20) -> None:
    """Start the control plane and return when it answers that it is ready; `kubeconfig` is written by then.

    `node_cidr_bits` is the size of one node's share of the pod addresses: 20 bits fit 16 nodes, 24 bits 256.
    """
    start(layout, node_cidr_bits)
    wait_for_controllers(layout)


def start(layout: Layout, node_cidr_bits: int = 20) -> None:
    """The first half of `up`: return when the API server is ready; the controllers may still be starting."""
    pki.make(layout)
    process.start(layout, ETCD, _etcd(layout))
    process.start(layout, API_SERVER, _api_server(layout))
    process.start(layout, CONTROLLER_MANAGER, _controller_manager(layout, node_cidr_bits))
    process.start(layout, SCHEDULER, _scheduler(layout))
    hint = f"see {layout.logs}"
    wait_until("the API server's readiness", lambda: _all_run(layout) and ready(layout), 60, hint)


def wait_for_controllers(layout: Layout) -> None:
    """The second half: pods are refused in a namespace without a service account, so its presence tells the rest."""
    account = "/api/v1/namespaces/default/serviceaccounts/default"
    hint = f"see {process.log(layout, CONTROLLER_MANAGER)}"
    wait_until("the default service account", lambda: _all_run(layout) and ask(layout, account) == 200, 60, hint)


def kubeconfig_of(layout: Layout, user: str) -> Path:
    """How this user (for example `system:node:node0`) reaches the API server; written by `up`."""
    return pki.kubeconfig_of(layout, user)


def ready(layout: Layout) -> bool:
    """Whether the API server says so."""
    return ask(layout, "/readyz") == 200


def ask(layout: Layout, path: str, seconds: float = 2.0) -> int:
    """The status code that the admin gets for a GET; 0 when nobody answers."""
    token = (layout.pki / pki.TOKENS).read_text().partition(",")[0]
    trust = ssl.create_default_context(cafile=str(layout.pki / pki.CA))
    request = urllib.request.Request(layout.api_url + path, headers={"Authorization": f"Bearer {token}"})

    def call() -> int:
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
        )
        with opener.open(request, timeout=seconds) as answer:
            return int(answer.status)

    return netns.status(layout, call)


def _all_run(layout: Layout) -> bool:
    """Raise for a component that has ended instead of waiting in vain."""
    for name in ALL:
        if not process.alive(layout, name):
            raise ClusterError(f"{name} of cluster {layout.name} has ended; {process.tail(layout, name)}")
    return True


def _etcd(layout: Layout) -> list[str]:
    peer = "http://127.0.0.1:2380"
    return [
        str(layout.bin / ETCD),
        f"--name={layout.name}",
        f"--data-dir={layout.state / 'etcd'}",
        f"--listen-client-urls={layout.etcd_url}",
        f"--advertise-client-urls={layout.etcd_url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster={layout.name}={peer}",
        "--unsafe-no-fsync",  # the data is worth nothing after a power cut
        "--log-level=warn",
    ]


def _api_server(layout: Layout) -> list[str]:
    return [
        str(layout.bin / API_SERVER),
        f"--etcd-servers={layout.etcd_url}",
        f"--bind-address={layout.node_ip}",
        f"--advertise-address={layout.node_ip}",
        "--secure-port=6443",
        f"--cert-dir={layout.pki}",
        f"--tls-cert-file={layout.pki / pki.SERVER}",
        f"--tls-private-key-file={layout.pki / pki.SERVER_KEY}",
        f"--token-auth-file={layout.pki / pki.TOKENS}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged",
        f"--service-cluster-ip-range={layout.service_cidr}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={layout.pki / pki.SERVICE_ACCOUNT_KEY}",
        f"--service-account-signing-key-file={layout.pki / pki.SERVICE_ACCOUNT_KEY}",
        "--kubelet-preferred-address-types=InternalIP",  # logs and exec would look the node up by name
        "--shutdown-delay-duration=0",
    ]


def _controller_manager(layout: Layout, node_cidr_bits: int) -> list[str]:
    return [
        str(layout.bin / CONTROLLER_MANAGER),
        f"--kubeconfig={kubeconfig_of(layout, 'system:kube-controller-manager')}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        "--use-service-account-credentials",
        f"--service-account-private-key-file={layout.pki / pki.SERVICE_ACCOUNT_KEY}",
        f"--root-ca-file={layout.pki / pki.CA}",
        f"--cluster-signing-cert-file={layout.pki / pki.CA}",
        f"--cluster-signing-key-file={layout.pki / pki.CA_KEY}",
        "--allocate-node-cidrs",
        f"--cluster-cidr={layout.pod_cidr}",
        f"--service-cluster-ip-range={layout.service_cidr}",
        f"--node-cidr-mask-size={node_cidr_bits}",
        *_UNTHROTTLED,
    ]


def _scheduler(layout: Layout) -> list[str]:
    return [
        str(layout.bin / SCHEDULER),
        f"--kubeconfig={kubeconfig_of(layout, 'system:kube-scheduler')}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
        *_UNTHROTTLED,
    ]
