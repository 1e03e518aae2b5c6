"""What a write means: its verb, its object, and what it would change, without the numbers that differ from run to run.

    patch HTTPRoute: step, step 2 at 50 %
    patch ModelRollout status: Preparing, step 1 of decision 3, heading for 2
    create Deployment v2: 1 pods

Lease and Events are not counted: the one says who may write, the others are told again until they are there.
"""

import json
from collections.abc import Mapping
from typing import Any

from serinus.core.split_record import ANNOTATION
from tests.api_server.proxy import Request

_VERBS = {"POST": "create", "PUT": "replace", "PATCH": "patch", "DELETE": "delete"}
_NOT_COUNTED = ("leases", "events")


def meaning(request: Request, versions: Mapping[str, str]) -> str:
    """The write in words; empty for what is no write, or is not counted. `versions` are the words for revisions."""
    parts = request.path.strip("/").split("/")
    if not request.is_write or "namespaces" not in parts:
        return ""
    plural, *rest = parts[parts.index("namespaces") + 2 :]
    if plural in _NOT_COUNTED:
        return ""
    body = json.loads(request.body) if request.body else {}
    changes = _changes(body)
    words = {
        "httproutes": lambda: f"HTTPRoute: {_entry(changes)}",
        "modelrollouts": lambda: f"ModelRollout {_status(changes) if rest[1:] == ['status'] else 'finalizer'}",
        "deployments": lambda: f"Deployment {_version(rest, changes, versions)}: {_replicas(changes)} pods",
        "services": lambda: f"Service {rest[0] if rest else body['metadata']['name']}: {_selected(changes, versions)}",
    }[plural]()
    return f"{_VERBS[request.method]} {words}"


def version_of(request: Request) -> dict[str, str]:
    """Version by revision, where the write makes a revision's Deployment."""
    if request.method != "POST" or not request.path.endswith("/deployments"):
        return {}
    manifest = json.loads(request.body)
    version = manifest["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"]
    return {manifest["metadata"]["labels"]["serinus.dev/revision"]: version}


def _changes(body: Any) -> dict[str, Any]:
    """By path what a JSON patch, or the manifest of a new object, puts there."""
    if isinstance(body, list):
        return {one["path"]: one.get("value") for one in body if one["op"] in ("add", "replace")}
    spec = body.get("spec") or {}
    labels = (body.get("metadata") or {}).get("labels") or {}
    return {"/spec/selector": spec.get("selector"), "/spec/replicas": spec.get("replicas"), "/metadata/labels": labels}


def _entry(changes: Mapping[str, Any]) -> str:
    where = "/metadata/annotations/" + ANNOTATION.replace("/", "~1")
    text = changes[where] if where in changes else changes["/metadata/annotations"][ANNOTATION]
    entry = json.loads(text)
    return f"{entry['cause']}, step {entry['step']} at {entry['weight']} %"


def _status(changes: Mapping[str, Any]) -> str:
    status = changes["/status"]
    record = status["record"]
    decision = (record.get("split") or {}).get("seq", 0)
    words = [str(status["phase"]), f"step {record.get('step', 0)} of decision {decision}"]
    if record.get("heading"):
        words.append(f"heading for {record['heading']}")
    if record.get("selectedAt"):
        words.append("stable selects the candidate")
    return f"status: {', '.join(words)}"


def _version(rest: list[str], changes: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    revision = rest[0].rpartition("-")[2] if rest else changes["/metadata/labels"]["serinus.dev/revision"]
    return versions.get(revision, revision)


def _replicas(changes: Mapping[str, Any]) -> str:
    return str(changes.get("/spec/replicas", "?"))


def _selected(changes: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    revision = ((changes.get("/spec/selector") or {}).get("serinus.dev/revision")) or "?"
    return f"selects {versions.get(revision, revision)}"
