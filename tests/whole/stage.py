"""One rollout in a namespace of its own on the whole cluster, with requests from a thread through the real Envoy."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

OPERATOR = "localhost/serinus/operator:whole"
IMAGE = "localhost/serinus/httpmodel:whole"

Manifest = dict[str, Any]
_THREADS = 4


class Stage:
    """The team's objects, its users, and what is seen of them."""

    def __init__(self, *, requests_per_second: float = 160.0) -> None:
        self.namespace = f"test-{uuid.uuid4().hex[:8]}"
        self.answered: Counter[tuple[str, int]] = Counter()
        """Answers by version and code; version `none` where Envoy itself answered."""
        self._pause = _THREADS / requests_per_second
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(_THREADS)]

    def __enter__(self) -> Stage:
        self.kubectl("create", "namespace", self.namespace)
        self._apply(self._route(), self._rollout())
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(10)
        # The rollout first, while its route is there.
        self.kubectl("delete", "modelrollout", "chat", "--timeout=60s")
        self.kubectl("delete", "namespace", self.namespace, "--wait=false")

    # What the team writes

    def source(self, version: str, *, errors: float = 0.0) -> None:
        """Write the source Deployment, as a change in Git would."""
        environment = {"VERSION": version, "ERROR_RATE": str(errors), "LATENCY": "0.002", "DRAIN": "1"}
        container = {
            "name": "model",
            "image": IMAGE,
            "imagePullPolicy": "Never",
            "env": [{"name": name, "value": value} for name, value in environment.items()],
            "ports": [{"containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1},
            "resources": {"requests": {"cpu": "50m"}, "limits": {"nvidia.com/gpu": 1}},
        }
        template = {
            "metadata": {
                "labels": {"app": "chat"},
                "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
            },
            "spec": {"containers": [container]},
        }
        spec = {"replicas": 0, "selector": {"matchLabels": {"app": "chat"}}, "template": template}
        self._apply(self._manifest("apps/v1", "Deployment", spec))

    def _route(self) -> Manifest:
        backends = [
            {"name": "chat-stable", "port": 8080, "weight": 100},
            {"name": "chat-candidate", "port": 8080, "weight": 0},
        ]
        spec = {
            "parentRefs": [{"name": "gateway", "namespace": "gateway-system"}],
            "hostnames": [self._host],
            "rules": [{"backendRefs": backends}],
        }
        return self._manifest("gateway.networking.k8s.io/v1", "HTTPRoute", spec)

    def _rollout(self) -> Manifest:
        """Compressed, and as unsure as the resource allows: without history the judge is slow for good reasons."""
        spec = {
            "workload": {"deployment": "chat", "replicas": 2},
            "traffic": {"httpRoute": "chat"},
            "steps": [{"weight": 50, "hold": "5s"}],
            "slis": [{"preset": "http/success-rate", "objective": "95%"}],
            "analysis": {"interval": "2s", "falseRollbackRate": "5%", "falsePromotionRate": "20%"},
            "rollback": {"drain": "1s", "scaleDownDelay": "2s", "window": 0},
        }
        return self._manifest("serinus.dev/v1alpha1", "ModelRollout", spec)

    def _manifest(self, version: str, kind: str, spec: Manifest) -> Manifest:
        metadata = {"name": "chat", "namespace": self.namespace}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}

    def _apply(self, *manifests: Manifest) -> None:
        document = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.kubectl("apply", "-f", "-", text=json.dumps(document))

    # What is seen

    def status(self) -> Manifest:
        found = json.loads(self.kubectl("get", "modelrollout", "chat", "-o", "json"))
        return dict(found.get("status") or {})

    def pods(self) -> dict[str, tuple[str, bool]]:
        """Revision, and whether the container never started again, by uid of pod."""
        listed = json.loads(self.kubectl("get", "pods", "-l", "serinus.dev/rollout=chat", "-o", "json"))
        return {
            one["metadata"]["uid"]: (
                one["metadata"]["labels"]["serinus.dev/revision"],
                all(container["restartCount"] == 0 for container in one["status"].get("containerStatuses", ())),
            )
            for one in listed["items"]
            if "deletionTimestamp" not in one["metadata"]
        }

    def weights(self) -> tuple[int, ...]:
        route = json.loads(self.kubectl("get", "httproute", "chat", "-o", "json"))
        return tuple(one["weight"] for one in route["spec"]["rules"][0]["backendRefs"])

    def wait_for(self, phase: str, seconds: float = 90, also: Callable[[Manifest], bool] = lambda _: True) -> Manifest:
        """Wait until the rollout is in a phase, and what else is wanted of its status."""
        end = time.monotonic() + seconds
        while True:
            seen = self.status()
            if seen.get("phase") == phase and also(seen):
                return seen
            assert time.monotonic() < end, f"{phase} was not reached in {seconds:.0f} s: {self._words(seen)}"
            time.sleep(1)

    def _words(self, seen: Manifest) -> str:
        kept = {key: value for key, value in seen.items() if key not in ("record", "conditions")}
        log = subprocess.run(
            ["kubectl", "-n", "serinus-system", "logs", "deployment/serinus", "--tail=20"],
            capture_output=True, text=True, timeout=30, check=False,
        ).stdout  # fmt: skip
        return f"{json.dumps(kept, indent=1)}\nanswers: {dict(self.answered)}\n{log}"

    def kubectl(self, *words: str, text: str | None = None) -> str:
        answer = subprocess.run(
            ["kubectl", "--namespace", self.namespace, *words],
            input=text, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    # What users do

    @property
    def _host(self) -> str:
        return f"{self.namespace}.example.com"

    def start_requests(self) -> None:
        """Begin to ask, and wait until a real pod answers through the gateway."""
        for thread in self._threads:
            thread.start()
        end = time.monotonic() + 30
        while not self.answered["v1", 200]:
            assert time.monotonic() < end, f"no answer through the gateway: {dict(self.answered)}"
            time.sleep(0.2)

    def _ask(self) -> None:
        gateway = urlsplit(os.environ["SERINUS_GATEWAY"])
        connection = http.client.HTTPConnection(str(gateway.hostname), gateway.port or 80, timeout=5)
        while not self._over.wait(self._pause):
            try:
                connection.request("POST", "/", body=b"{}", headers={"Host": self._host})
                answer = connection.getresponse()
                answer.read()
                self.answered[answer.getheader("x-version") or "none", answer.status] += 1
            except OSError as error:
                connection.close()
                self.answered[type(error).__name__, 0] += 1
