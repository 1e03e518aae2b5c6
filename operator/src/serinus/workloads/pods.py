"""Pods as a decision sees them: since when ready, how often restarted, and why not ready, in Kubernetes' own words."""

from collections.abc import Iterator
from datetime import datetime

from serinus.core.observed import Manifest, Pod
from serinus.plugin import Permission, Resource

PODS = Resource(group="", version="v1", plural="pods", kind="Pod")
PERMISSIONS = (Permission(group="", resources=("pods",), verbs=("get", "list", "watch")),)

_ON_THE_WAY = ("ContainerCreating", "PodInitializing")


def epoch_seconds(timestamp: str) -> float:
    """Seconds since the epoch of a timestamp as the API server writes it (RFC 3339)."""
    return datetime.fromisoformat(timestamp).timestamp()


def is_live(manifest: Manifest) -> bool:
    """False for pods that are over or on their way out: deleted, Succeeded or Failed (an evicted one, say)."""
    return "deletionTimestamp" not in manifest["metadata"] and _phase(manifest) not in ("Succeeded", "Failed")


def read_pod(manifest: Manifest) -> Pod:
    """One pod's manifest as a value."""
    ready = _condition(manifest, "Ready")
    is_ready = ready.get("status") == "True" and "deletionTimestamp" not in manifest["metadata"]
    reason, sentence = ("", "") if is_ready else _waiting(manifest)
    failures = [
        epoch_seconds(end["finishedAt"])
        for status in _containers(manifest)
        for end in _ends(status)
        if end.get("exitCode") and end.get("finishedAt")
    ]
    return Pod(
        name=manifest["metadata"]["name"],
        created_at=epoch_seconds(manifest["metadata"]["creationTimestamp"]),
        ready_since=epoch_seconds(ready["lastTransitionTime"]) if is_ready else None,
        unready_since=epoch_seconds(ready["lastTransitionTime"]) if ready.get("status") == "False" else None,
        restarts=sum(int(status.get("restartCount") or 0) for status in _containers(manifest)),
        failed_at=max(failures, default=None),
        waiting=sentence,
        waiting_reason=reason,
    )


def _waiting(manifest: Manifest) -> tuple[str, str]:
    """Why the pod is not ready: (reason, sentence). What cannot go on comes before what is on its way."""
    if "deletionTimestamp" in manifest["metadata"]:
        return "Terminating", "it is being deleted"
    scheduled = _condition(manifest, "PodScheduled")
    if scheduled.get("status") == "False":
        return scheduled.get("reason") or "Unschedulable", scheduled.get("message") or "no node was found for it"
    waits = [wait for status in _containers(manifest) if (wait := _container_waits(status))]
    stuck = next((wait for wait in waits if wait[0] not in _ON_THE_WAY), None)
    if stuck or waits:
        return stuck or waits[0]
    ready = _condition(manifest, "Ready")
    if ready.get("status") == "False":
        return "NotReady", ready.get("message") or "its readiness probe has not succeeded"
    return "Pending", "no node has taken it yet"


def _container_waits(status: Manifest) -> tuple[str, str] | None:
    name = status.get("name", "?")
    state = status.get("state") or {}
    if waiting := state.get("waiting"):
        reason = waiting.get("reason") or "Waiting"
        said = f": {waiting['message']}" if waiting.get("message") else ""
        last = (status.get("lastState") or {}).get("terminated")
        return reason, f"container {name} {reason}{said}{f'; it last ended with {_end(last)}' if last else ''}"
    ended = state.get("terminated")
    if ended and ended.get("exitCode"):
        return ended.get("reason") or "Error", f"container {name} ended with {_end(ended)}"
    return None


def _end(terminated: Manifest) -> str:
    reason = f" ({terminated['reason']})" if terminated.get("reason") else ""
    said = f": {terminated['message'].strip()}" if terminated.get("message") else ""
    return f"exit code {terminated.get('exitCode')}{reason}{said}"


def _ends(status: Manifest) -> Iterator[Manifest]:
    for state in (status.get("state"), status.get("lastState")):
        if state and state.get("terminated"):
            yield state["terminated"]


def _containers(manifest: Manifest) -> Iterator[Manifest]:
    status = manifest.get("status") or {}
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _condition(manifest: Manifest, kind: str) -> Manifest:
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return next((one for one in conditions if one.get("type") == kind), {})


def _phase(manifest: Manifest) -> str:
    return str((manifest.get("status") or {}).get("phase", ""))
