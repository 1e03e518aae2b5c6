"""What the cluster does, as its watches tell it: one watch for each kind, each event with the time when it came."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import requests

from benchmarks.fleet import NAMESPACE
from tests.api_server.api import Api, Manifest

KINDS = ("Pod", "HTTPRoute", "Service", "Deployment", "ModelRollout")
OWNER = "serinus.dev/rollout"
REVISION = "serinus.dev/revision"


@dataclass(slots=True)
class Changes:
    """When things were first seen (seconds since the epoch)."""

    created: dict[tuple[str, str], float] = field(default_factory=dict)
    """By (kind, name)."""
    generations: dict[tuple[str, str, int], float] = field(default_factory=dict)
    """By (kind, name, generation)."""
    weights: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    """The candidate's weight on each route, and since when; ascending."""


class World:
    """A cache of the namespace's objects. `changed` is called with (kind, object, gone) in the watch's thread."""

    def __init__(self, kubeconfig: str) -> None:
        self.objects: dict[str, dict[str, Manifest]] = {kind: {} for kind in KINDS}
        self.changes = Changes()
        self.error: BaseException | None = None
        self.changed: Callable[[str, Manifest, bool], None] = lambda *_: None
        self._kubeconfig = kubeconfig
        self._over = threading.Event()

    def start(self) -> None:
        for kind in KINDS:
            threading.Thread(target=self._follow, args=(kind,), daemon=True, name=f"watch-{kind}").start()

    def stop(self) -> None:
        """Take in nothing more. The threads wait for a next event and end with the process."""
        self._over.set()

    def wait_until(self, what: str, holds: Callable[[], bool], seconds: float) -> None:
        """Wait until the cache shows something; a watch that has ended is told at once."""
        end = time.monotonic() + seconds
        while not holds():
            if self.error is not None:
                raise RuntimeError("a watch of the benchmark has ended") from self.error
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not happen within {seconds:.0f} s")
            time.sleep(0.1)

    def phase(self, name: str) -> str:
        """A rollout's phase; empty where it has no status yet."""
        found = self.objects["ModelRollout"].get(name) or {}
        return str((found.get("status") or {}).get("phase", ""))

    def weight(self, name: str) -> int:
        """The candidate's weight on the route of a rollout."""
        found = self.objects["HTTPRoute"].get(name)
        backends = found["spec"]["rules"][0]["backendRefs"] if found else ()
        return next((int(one["weight"]) for one in backends if one["name"] == f"{name}-candidate"), 0)

    def _follow(self, kind: str) -> None:
        """Until the end. A watch that the server ends, or that was silent for long, begins again with a list."""
        try:
            while not self._over.is_set():
                try:
                    for line in self._watch(kind).iter_lines(chunk_size=65536):
                        if self._over.is_set():
                            return
                        self._take_in(kind, json.loads(line), time.time())
                except requests.ConnectionError:
                    continue
        except BaseException as error:
            if not self._over.is_set():
                self.error = error

    def _watch(self, kind: str) -> requests.Response:
        """A watch that has begun: the API server needs a moment for a kind that is new."""
        api, end = Api(self._kubeconfig), time.monotonic() + 30
        while (stream := api.watch(kind, NAMESPACE)).status_code != 200 and time.monotonic() < end:
            stream.close()
            time.sleep(0.5)
        stream.raise_for_status()
        return stream

    def _take_in(self, kind: str, event: Manifest, now: float) -> None:
        one = event["object"]
        if event["type"] == "ERROR":
            raise RuntimeError(f"watch of {kind}: {one.get('message')}")
        metadata = one["metadata"]
        name, gone = metadata["name"], event["type"] == "DELETED"
        if gone:
            self.objects[kind].pop(name, None)
        else:
            self.objects[kind][name] = one
            self.changes.created.setdefault((kind, name), now)
            self.changes.generations.setdefault((kind, name, metadata.get("generation", 0)), now)
            if kind == "HTTPRoute":
                known, weight = self.changes.weights.setdefault(name, []), self.weight(name)
                if not known or known[-1][1] != weight:
                    known.append((now, weight))
        self.changed(kind, one, gone)
