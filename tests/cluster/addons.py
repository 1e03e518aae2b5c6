"""What a cluster of a team has beside Kubernetes: DNS, Prometheus, and a Gateway that really splits requests.

CoreDNS and Prometheus are pods. Contour and Envoy are processes in the cluster's network: that saves two images and
their start, and to pods and tests they look the same, because a Service leads to Envoy. kind.py uses what is public
here, and runs Contour and Envoy as a pod in the node's network.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from tests.cluster import images, parts, process
from tests.cluster.command import get, kubectl, run, wait_until
from tests.cluster.errors import ClusterError
from tests.cluster.layout import Layout
from tests.cluster.progress import step

GATEWAY = ("gateway-system", "gateway")
GATEWAY_IP = "192.0.2.10"
"""What a cloud's load balancer would be; kube-proxy leads it to Envoy. Reachable from pods and in the namespace."""
GATEWAY_URL = f"http://{GATEWAY_IP}"
PROMETHEUS_IP = "10.96.0.90"
PROMETHEUS_URL = f"http://{PROMETHEUS_IP}:9090"
"""The Service `prometheus` in the namespace `monitoring`; fixed, so that what runs outside of pods finds it too."""

_MANIFESTS = Path(__file__).parent / "manifests"
CONTOUR = _MANIFESTS / "contour.yaml"
"""The configuration of `contour serve`, which is no object of Kubernetes."""
_XDS = ("--xds-address", "127.0.0.1", "--xds-port", "8001")


def up(layout: Layout) -> None:
    """Install and start everything, and return when DNS answers, the Gateway is Programmed and Prometheus scrapes."""
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(_pods, layout), pool.submit(_gateway, layout)]:
            done.result()
    wait_for_scrape(layout)


def wait_for_scrape(layout: Layout) -> None:
    """Return when the Prometheus of the cluster has scraped Envoy."""
    with step("wait until Prometheus scrapes"):
        hint = "see `kubectl -n monitoring logs deploy/prometheus`"
        wait_until("a first scrape of Envoy", lambda: _scrapes(layout), 60, hint)


def query(layout: Layout, promql: str) -> list[dict[str, Any]]:
    """Ask the cluster's Prometheus, through the API server; returns the samples of the instant query."""
    path = f"/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/query?query={quote(promql)}"
    answer = json.loads(kubectl(layout, "get", "--raw", path, what=f"ask Prometheus {promql}"))
    samples: list[dict[str, Any]] = answer["data"]["result"]
    return samples


def _pods(layout: Layout) -> None:
    with step("start CoreDNS and Prometheus"):
        apply(layout, "dns.yaml")
        apply(layout, "prometheus.yaml")
        wait_for_pods(layout, "kube-system", "coredns")
        wait_for_pods(layout, "monitoring", "prometheus")


def wait_for_pods(layout: Layout, namespace: str, name: str) -> None:
    """Return when all pods of the Deployment are ready."""
    kubectl(
        layout, "-n", namespace, "rollout", "status", f"deployment/{name}", "--timeout=90s",
        what=f"start {name}; see `kubectl -n {namespace} describe pods`",
    )  # fmt: skip


def _gateway(layout: Layout) -> None:
    with step("start Contour and Envoy"):
        routes(layout)
        _start_envoy(layout)


def routes(layout: Layout) -> None:
    """Install the Gateway API and a controller that judges routes; returns when the Gateway is Programmed.

    A control plane without nodes uses it alone: the status of routes is real there too, only no request flows.
    """
    with step("start Contour"):
        apply_gateway(layout)
        _start_contour(layout)
        wait_until_programmed(layout, str(process.log(layout, "contour")))


def apply_gateway(layout: Layout) -> None:
    """Install the Gateway API, a Gateway, and the Service that leads to Envoy; nothing carries them out yet."""
    # Contour ends at its start when it does not find its own kinds as well, though nothing here uses them.
    crds = [file for part in ("gateway-api", "contour-crds") for file in sorted(parts.path(part).glob("*.yaml"))]
    files = [word for file in crds for word in ("-f", str(file))]
    kubectl(layout, "apply", "--server-side", *files, what="install the CRDs of Gateway API")
    kubectl(layout, "wait", "--for=condition=Established", "--timeout=30s", *files, what="wait for the CRDs")
    apply(layout, "gateway.yaml")
    balancer = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": GATEWAY_IP}]}}})
    patch = ("patch", "service", "envoy", "--subresource=status", "--type=merge", "-p", balancer)
    kubectl(layout, "-n", GATEWAY[0], *patch, what="give the Service of Envoy its address")


def wait_until_programmed(layout: Layout, log: str) -> None:
    """Return when Contour has taken the Gateway; `log` says where a person reads why it has not."""
    wait_until("Programmed on the Gateway", lambda: programmed(layout), 60, f"see {log}")


def programmed(layout: Layout) -> bool:
    """Whether the Gateway is Programmed."""
    gateway = get(layout, "gateway", "-n", *GATEWAY, what="read the Gateway")
    return any(
        condition["type"] == "Programmed" and condition["status"] == "True"
        for condition in gateway.get("status", {}).get("conditions", [])
    )


def _start_contour(layout: Layout) -> None:
    process.start(
        layout,
        "contour",
        [
            layout.bin / "contour", "serve", "--kubeconfig", layout.kubeconfig, "--insecure", *_XDS,
            "--ingress-status-address", GATEWAY_IP, "--disable-leader-election",
            "--envoy-service-namespace", GATEWAY[0], "--envoy-service-name", "envoy",
            "--config-path", CONTOUR,
        ],
    )  # fmt: skip


def _start_envoy(layout: Layout) -> None:
    bootstrap = layout.state / "envoy.json"
    admin = ("--admin-address", str(layout.sockets / "envoy-admin.sock"))
    run([layout.bin / "contour", "bootstrap", bootstrap, *_XDS, *admin], "write Envoy's first configuration")
    _wait_for_port(layout, 8001)  # Envoy waits longer and longer after each refused connection
    process.start(
        layout,
        "envoy",
        # Without hot restart: it would share memory with the Envoy of another cluster.
        [layout.bin / "envoy", "-c", bootstrap, "--service-cluster", "envoy", "--service-node", "envoy",
         "--concurrency", "2", "--log-level", "warning", "--disable-hot-restart"],
    )  # fmt: skip


def _wait_for_port(layout: Layout, port: int) -> None:
    listening = [*layout.enter, "ss", "-Hltn", f"sport = :{port}"]

    def open_() -> bool:
        if not process.alive(layout, "contour"):
            raise ClusterError(f"contour has ended; {process.tail(layout, 'contour')}")
        return bool(run(listening, "look for Contour's port"))

    wait_until("Contour's first answer", open_, 30, f"see {process.log(layout, 'contour')}")


def _scrapes(layout: Layout) -> bool:
    return any(sample["value"][1] == "1" for sample in query(layout, 'up{job="envoy"}'))


def apply(layout: Layout, name: str) -> None:
    """Apply a file of manifests/ with this cluster's addresses."""
    values = {
        "DNS_IP": layout.dns_ip, "NODE_IP": layout.node_ip, "PROMETHEUS_IP": PROMETHEUS_IP, "IMAGE": images.MONITORING,
        "GATEWAY_IP": GATEWAY_IP,
    }  # fmt: skip
    text = Template((_MANIFESTS / name).read_text()).safe_substitute(values)  # safe: leaves `$1` of Prometheus alone
    kubectl(layout, "apply", "-f", "-", what=f"apply {name}", text=text)
