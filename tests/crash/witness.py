"""Everything that happens to the route, the Services and the pods of one namespace, in the API server's own order.

Three watches, one order: resource versions of all three kinds come from the one counter of etcd. So it can be said
exactly how many pods were ready when the API server took a change of weights, whatever order the watches answer in.
"""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.api_server.api import Api, Manifest

KINDS = ("HTTPRoute", "Service", "Pod")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One event of a watch."""

    version: int
    """Resource version: the place of the event among all."""
    kind: str
    gone: bool
    manifest: Manifest
    at: float
    """When it was heard of here, seconds since the epoch: never before it happened."""

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])


class Witness:
    """Watches a namespace from its first moment on. The watches end when the namespace is deleted."""

    def __init__(self, api: Api, namespace: str) -> None:
        self.changed = threading.Event()
        self.trouble = ""
        """Why a watch ended before its time; empty while none has."""
        self._api, self._namespace = api, namespace
        self._seen: list[Seen] = []
        self._lock = threading.Lock()
        self._over = False
        self._streams = [threading.Thread(target=self._watch, args=(kind,), daemon=True) for kind in KINDS]

    def __enter__(self) -> "Witness":
        for stream in self._streams:
            stream.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True

    def events(self) -> list[Seen]:
        """All that was seen until now, in order."""
        with self._lock:
            return sorted(self._seen, key=lambda one: one.version)

    def now(self, kind: str) -> dict[str, Manifest]:
        """The objects of a kind that are there now, by name."""
        objects: dict[str, Manifest] = {}
        for one in self.events():
            if one.kind == kind:
                objects.pop(one.name, None)
                if not one.gone:
                    objects[one.name] = one.manifest
        return objects

    def _watch(self, kind: str) -> None:
        try:
            with self._api.watch(kind, self._namespace) as answer:
                for event in _events(answer.iter_lines()):
                    self._note(kind, event)
                    if self._over:
                        return
            raise ConnectionError("the stream ended")
        except Exception as error:  # whatever it was, what was seen is no longer all
            if not self._over:
                self.trouble = f"The watch of {kind} in {self._namespace} ended: {error}"

    def _note(self, kind: str, event: Manifest) -> None:
        manifest = event["object"]
        if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
            raise ConnectionError(str(manifest)[:300])
        seen = Seen(
            version=int(manifest["metadata"]["resourceVersion"]),
            kind=kind,
            gone=event["type"] == "DELETED",
            manifest=manifest,
            at=time.time(),
        )
        with self._lock:
            self._seen.append(seen)
        self.changed.set()


def _events(lines: Iterator[bytes]) -> Iterator[Manifest]:
    for line in lines:
        if line:
            yield json.loads(line)
