"""A stage for one rollout: the team's objects in a namespace, and requests told as a story.

    stage.source("v1"); stage.route(); stage.rollout(); stage.wait_for(phase="Healthy")
    stage.behaves("v2", errors=0.2)
    stage.source("v2"); stage.wait_for(phase="RolledBack")

There are no nodes behind this API server: KWOK says that pods run, and a driver thread does what a gateway and model
servers would do. It reads the route's weights, the Services' selectors and the pods that are Ready, and lets the
counters of the synthetic exporter grow accordingly. Prometheus scrapes them as it scrapes anything.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from tests.api_server.api import Api, Manifest

SERVICES = ("chat-stable", "chat-candidate")
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What a version does with its requests."""

    errors: float = 0.01
    seconds: float = 0.08
    answers: bool = True
    faults: float = 0.0
    """Events a second of each pod, whatever it answers."""
    low: float = 0.05
    """Part of its answers that a judge gives a 1; of the others half get a 4, half a 5."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Where requests go at one moment."""

    share: Mapping[str, int]
    """Weight by Service."""
    selected: Mapping[str, str]
    """Revision by Service."""
    pods: Mapping[str, tuple[str, str]]
    """Revision and version by name of each pod that is ready."""


class Stage:
    """One namespace with one rollout named `chat`."""

    def __init__(self, api: Api, namespace: str, exporter: str, *, rps: float = 400.0) -> None:
        self.api, self.namespace, self.rps = api, namespace, rps
        self._exporter = exporter
        self._behaviour: dict[str, Behaviour] = {}
        self.cold: Behaviour | None = None
        """What every pod does that is not one of `warm`, whatever its version."""
        self.warm: set[str] = set()
        self.shared_by = ""
        """Name of the Service whose endpoints share the requests evenly, where there is no route."""
        self.carried_by = "chat"
        """Name of the route by which all requests come."""
        self._over = threading.Event()
        self._driver = threading.Thread(target=self._drive, daemon=True)
        self.driver_error: BaseException | None = None
        self.operator_words: Callable[[], str] = lambda: ""
        """The end of the operator's log, for the message of a failed wait."""

    def __enter__(self) -> "Stage":
        self._driver.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._driver.join(10)
        requests.delete(f"{self._exporter}/series", params={"namespace": self.namespace}, timeout=5)

    # What the team writes

    def source(self, version: str, *, gpus: int = 0, image: str = "model", **spec: Any) -> None:
        resources = {"limits": {"nvidia.com/gpu": str(gpus)}} if gpus else {}
        container = {
            "name": "model",
            "image": image,
            "env": [{"name": "VERSION", "value": version}],
            "ports": [{"containerPort": 8080}],
            "resources": resources,
        }
        template = {"metadata": {"labels": {"app": "chat"}}, "spec": {"containers": [container], **spec}}
        self.apply(
            "apps/v1", "Deployment", "chat",
            {"replicas": 0, "selector": {"matchLabels": {"app": "chat"}}, "template": template},
        )  # fmt: skip

    def route(self, *, listed: bool = True, weights: tuple[int, int] = (100, 0), name: str = "chat") -> None:
        backends = [
            {"name": "chat-stable", "port": 8080, "weight": weights[0]},
            {"name": "chat-candidate", "port": 8080, "weight": weights[1]},
        ]
        self.apply(
            "gateway.networking.k8s.io/v1", "HTTPRoute", name,
            {
                "parentRefs": [{"name": "gateway", "namespace": "gateway-system"}],
                "hostnames": [f"{name}.{self.namespace}.example.com"],
                "rules": [{"backendRefs": backends if listed else [{"name": "chat", "port": 8080}]}],
            },
        )  # fmt: skip

    def rollout(self, **spec: Any) -> None:
        """Compressed: looks each second, holds of a few seconds."""
        base: Manifest = {
            "workload": {"deployment": "chat", "replicas": 4},
            "traffic": {"httpRoute": "chat"},
            "steps": [{"weight": 25, "hold": "3s"}, {"weight": 50, "hold": "3s"}],
            "slis": [{"preset": "http/success-rate", "objective": "95%"}],
            "analysis": {"interval": "1s", "maxHold": "10m"},
            "rollback": {"drain": "1s", "scaleDownDelay": "2s", "window": 0},
        }
        self.apply("serinus.dev/v1alpha1", "ModelRollout", "chat", {**base, **spec})

    def apply(self, version: str, kind: str, name: str, spec: Manifest) -> None:
        metadata = {"name": name, "namespace": self.namespace}
        self.api.apply({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})

    def ask(self, verb: str, token: str) -> None:
        annotations = {"serinus.dev/intent": f"{verb}@{token}", "serinus.dev/intent-by": "anna"}
        self.api.patch("ModelRollout", self.namespace, "chat", {"metadata": {"annotations": annotations}})

    def behaves(self, version: str, **behaviour: Any) -> None:
        self._behaviour[version] = Behaviour(**behaviour)

    # What is seen

    def status(self) -> Manifest:
        found = self.api.get("ModelRollout", self.namespace, "chat")
        return dict((found or {}).get("status") or {})

    def weights(self, name: str = "chat") -> tuple[int, int]:
        """Stable's and the candidate's weight in a route's first rule."""
        route = self.api.get("HTTPRoute", self.namespace, name)
        assert route is not None
        by_name = {one["name"]: one.get("weight", 1) for one in route["spec"]["rules"][0]["backendRefs"]}
        return by_name.get("chat-stable", 0), by_name.get("chat-candidate", 0)

    def wait_for(self, seconds: float = 60.0, **wanted: Any) -> Manifest:
        """Wait until status has these values (`reason` is that of the condition Ready)."""
        last: Manifest = {}

        def reached() -> bool:
            nonlocal last
            last = self.status()
            ready: Manifest = next((one for one in last.get("conditions", ()) if one["type"] == "Ready"), {})
            return all((ready if key == "reason" else last).get(key) == value for key, value in wanted.items())

        self.wait_until(reached, seconds, lambda: f"{wanted} was not reached; status: {last}")
        return last

    def wait_until(self, reached: Callable[[], bool], seconds: float, words: Callable[[], str]) -> None:
        end = time.monotonic() + seconds
        while not reached():
            if self.driver_error is not None:
                raise self.driver_error
            assert time.monotonic() < end, f"{words()}\n{self.operator_words()}"
            time.sleep(0.1)

    def stays(self, seconds: float, holds: Callable[[], bool], words: str) -> None:
        """Assert that something holds all the time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert holds(), f"{words}; status: {self.status()}\n{self.operator_words()}"
            time.sleep(0.2)

    def condition(self, kind: str) -> Manifest:
        """A condition of the rollout; empty where it is not there."""
        return next((one for one in self.status().get("conditions", ()) if one["type"] == kind), {})

    def pods_of(self, revision: str) -> set[str]:
        """Names of the pods of a revision."""
        return {
            one["metadata"]["name"] for one in self.api.list("Pod", self.namespace, f"serinus.dev/revision={revision}")
        }

    def versions(self) -> dict[str, str]:
        """Version by revision of all Deployments of ours."""
        return {
            one["metadata"]["labels"]["serinus.dev/revision"]: _version(one["spec"]["template"])
            for one in self.api.list("Deployment", self.namespace, "serinus.dev/rollout=chat")
        }

    # What requests do

    def _drive(self) -> None:
        try:
            while not self._over.wait(0.3):
                self._feed()
        except BaseException as error:
            self.driver_error = error

    def _feed(self) -> None:
        scene = self.scene()
        if scene is None:
            return
        load = self._load(scene)
        counters, histograms, faults, scores = [], [], [], []
        for name, (_, version) in scene.pods.items():
            behaviour = self._behaviour.get(version, Behaviour())
            if self.cold is not None and name not in self.warm:
                behaviour = self.cold
            rate = load[name] if behaviour.answers else 0.0
            labels = {"namespace": self.namespace, "pod": name}
            for code, part in (("200", 1 - behaviour.errors), ("500", behaviour.errors)):
                counters.append({"labels": {**labels, "code": code}, "per_second": rate * part})
            faults.append({"labels": labels, "per_second": behaviour.faults})
            observed = {str(behaviour.seconds): rate * 0.95, str(behaviour.seconds * 4): rate * 0.05}
            histograms.append({"labels": labels, "observations_per_second": observed})
            judged = {
                "1": rate * behaviour.low,
                "4": rate * (1 - behaviour.low) / 2,
                "5": rate * (1 - behaviour.low) / 2,
            }
            scores.append({"labels": labels, "observations_per_second": judged})
        document: Any = [
            {"name": "http_requests_total", "type": "counter", "samples": counters},
            {"name": "http_request_duration_seconds", "type": "histogram", "bounds": BUCKETS, "samples": histograms},
            {"name": "gpu_faults_total", "type": "counter", "samples": faults},
            {"name": "answer_score", "type": "histogram", "bounds": (1, 2, 3, 4), "samples": scores},
        ]
        answer = requests.post(f"{self._exporter}/series", json=document, timeout=5)
        assert answer.ok, answer.text

    def _load(self, scene: Scene) -> dict[str, float]:
        """Requests a second by pod."""
        load: dict[str, float] = dict.fromkeys(scene.pods, 0.0)
        if self.shared_by:
            behind = [name for name in self.endpoints(self.shared_by) if name in load]
            return load | dict.fromkeys(behind, self.rps / max(1, len(behind)))
        total = sum(scene.share.values()) or 1
        for service, weight in scene.share.items():
            mine = [name for name, (of, _) in scene.pods.items() if of == scene.selected.get(service)]
            for name in mine:
                load[name] += self.rps * weight / total / len(mine)
        return load

    def endpoints(self, service: str) -> list[str]:
        """Names of the pods that a Service sends requests to, by its endpoints."""
        slices = self.api.list("EndpointSlice", self.namespace, f"kubernetes.io/service-name={service}")
        return [
            one["targetRef"]["name"]
            for each in slices
            for one in each.get("endpoints") or ()
            if one["conditions"].get("ready")
        ]

    def behind(self, service: str) -> dict[str, int]:
        """How many pods of each version a Service sends requests to."""
        pods = {
            one["metadata"]["name"]: _version(one)
            for one in self.api.list("Pod", self.namespace, "serinus.dev/rollout=chat")
        }
        return dict(Counter(pods[name] for name in self.endpoints(service) if name in pods))

    def scene(self) -> Scene | None:
        """Whom requests reach now; None without a route. Where endpoints share them, only whose pods are ready."""
        if self.shared_by:
            pods = self.api.list("Pod", self.namespace, "serinus.dev/rollout=chat")
            return Scene(share={}, selected={}, pods=_ready(pods))
        route = self.api.get("HTTPRoute", self.namespace, self.carried_by)
        if route is None:
            return None
        services = {name: self.api.get("Service", self.namespace, name) for name in SERVICES}
        return scene_of(route, services, self.api.list("Pod", self.namespace, "serinus.dev/rollout=chat"))


def scene_of(route: Manifest, services: Mapping[str, Manifest | None], pods: Iterable[Manifest]) -> Scene:
    """The scene of a route, the Services that it names, and the rollout's pods."""
    weights = {one["name"]: one.get("weight", 1) for one in route["spec"]["rules"][0]["backendRefs"]}
    return Scene(
        share={name: weights.get(name, 0) for name in services},
        selected={
            name: ((service or {}).get("spec", {}).get("selector") or {}).get("serinus.dev/revision", "")
            for name, service in services.items()
        },
        pods=_ready(pods),
    )


def _ready(pods: Iterable[Manifest]) -> dict[str, tuple[str, str]]:
    return {
        one["metadata"]["name"]: (one["metadata"]["labels"]["serinus.dev/revision"], _version(one))
        for one in pods
        if is_ready(one)
    }


def is_ready(pod: Manifest) -> bool:
    """Whether a Service sends requests to it."""
    conditions = pod.get("status", {}).get("conditions") or ()
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def _version(pod: Manifest) -> str:
    return str(pod["spec"]["containers"][0]["env"][0]["value"])
