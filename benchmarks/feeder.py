"""Requests for a whole fleet: one thread that tells the synthetic exporter how fast the counters of each pod grow.

It follows the watches of `World` (weights on routes, selectors of Services, pods that are Ready) and tells only what
changed; in between, the exporter lets the counters grow by itself. So a fleet at rest costs nothing.
"""

import threading
from typing import Any

import requests

from benchmarks.fleet import NAMESPACE
from benchmarks.world import OWNER, REVISION, World
from tests.api_server.api import Manifest
from tests.api_server.stage import BUCKETS

PAUSE = 0.25
"""Seconds between two documents for the exporter at least."""
ERRORS = 0.005
SLOW = 0.01


class Feeder:
    """Drives all rollouts of the namespace, each with `rps` requests a second."""

    def __init__(self, world: World, exporter: str, *, rps: float = 40.0) -> None:
        self._world, self._exporter, self._rps = world, exporter, rps
        self._touched: set[str] = set()
        self._gone: set[str] = set()
        self._bad: dict[str, float] = {}
        self._told: dict[str, tuple[float, float]] = {}
        """Load and share of errors by pod, as the exporter knows them."""
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._session = requests.Session()
        self.error: BaseException | None = None
        world.changed = self._note

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="feeder").start()

    def stop(self) -> None:
        self._over.set()

    def turns_bad(self, rollout: str, errors: float) -> None:
        """From now on this share of the candidate's requests fails."""
        with self._lock:
            self._bad[rollout] = errors
            self._touched.add(rollout)

    def _note(self, kind: str, one: Manifest, gone: bool) -> None:
        metadata = one["metadata"]
        with self._lock:
            if kind == "HTTPRoute":
                self._touched.add(metadata["name"])
            elif kind in ("Pod", "Service") and (rollout := (metadata.get("labels") or {}).get(OWNER)):
                self._touched.add(rollout)
                if gone and kind == "Pod":
                    self._gone.add(metadata["name"])

    def _run(self) -> None:
        try:
            while not self._over.wait(PAUSE):
                with self._lock:
                    touched, self._touched = self._touched, set()
                    gone, self._gone = self._gone, set()
                if touched:
                    self._tell(touched)
                for pod in gone:
                    self._told.pop(pod, None)
                    self._session.delete(f"{self._exporter}/series", params={"pod": pod}, timeout=10)
        except BaseException as error:
            self.error = error

    def _tell(self, touched: set[str]) -> None:
        counters: list[Manifest] = []
        histograms: list[Manifest] = []
        for pod, told in self._load(touched).items():
            if self._told.get(pod) != told:
                self._told[pod] = told
                rate, errors = told
                labels = {"namespace": NAMESPACE, "pod": pod}
                for code, part in (("200", 1 - errors), ("500", errors)):
                    counters.append({"labels": {**labels, "code": code}, "per_second": rate * part})
                observed = {"0.08": rate * (1 - SLOW), "0.8": rate * SLOW}
                histograms.append({"labels": labels, "observations_per_second": observed})
        if not counters:
            return
        document: Any = [
            {"name": "http_requests_total", "type": "counter", "samples": counters},
            {"name": "http_request_duration_seconds", "type": "histogram", "bounds": BUCKETS, "samples": histograms},
        ]
        self._session.post(f"{self._exporter}/series", json=document, timeout=10).raise_for_status()

    def _load(self, touched: set[str]) -> dict[str, tuple[float, float]]:
        """Requests a second and share of errors of each Ready pod of these rollouts."""
        pods: dict[tuple[str, str], list[str]] = {}
        load: dict[str, tuple[float, float]] = {}
        for name, pod in list(self._world.objects["Pod"].items()):
            labels = pod["metadata"].get("labels") or {}
            if labels.get(OWNER) in touched and _ready(pod):
                pods.setdefault((labels[OWNER], labels[REVISION]), []).append(name)
                load[name] = (0.0, ERRORS)
        for rollout in touched:
            weight = self._world.weight(rollout)
            for role, share in (("stable", 100 - weight), ("candidate", weight)):
                service = self._world.objects["Service"].get(f"{rollout}-{role}") or {}
                revision = (service.get("spec", {}).get("selector") or {}).get(REVISION, "")
                mine = pods.get((rollout, revision), [])
                errors = self._bad.get(rollout, ERRORS) if role == "candidate" else ERRORS
                for name in mine if share else ():
                    load[name] = (load[name][0] + self._rps * share / 100 / len(mine), errors)
        return load


def _ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions", ())
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]
