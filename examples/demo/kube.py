"""What the demo asks of Kubernetes, by the commands that a person would type."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

NAMESPACE = "demo"
ROLLOUT = "digits"
FOLDER = Path(__file__).parent

Manifest = dict[str, Any]


class CommandFailed(RuntimeError):
    """A command ended badly; the message holds the command and its own words."""


def command(*words: str, seconds: float = 300) -> str:
    """Run a command and return what it printed."""
    answer = subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False)
    if answer.returncode != 0:
        raise CommandFailed(f"{' '.join(words)}: {answer.stderr.strip() or answer.stdout.strip()}")
    return answer.stdout


def kubectl(*words: str, seconds: float = 300) -> str:
    """kubectl in the demo's namespace."""
    return command("kubectl", "--namespace", NAMESPACE, *words, seconds=seconds)


def apply(*files: str) -> None:
    """`kubectl apply` files of this folder."""
    kubectl("apply", *(word for file in files for word in ("-f", str(FOLDER / file))))


def status() -> Manifest:
    """The rollout's status; empty before the operator wrote one for this generation of the spec."""
    rollout: Manifest = json.loads(kubectl("get", "modelrollout", ROLLOUT, "-o", "json"))
    return dict(rollout.get("status") or {})


def condition(seen: Manifest, kind: str) -> Manifest:
    """A condition of a status; empty where it has none of that type."""
    return next((one for one in seen.get("conditions", ()) if one["type"] == kind), {})


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod of the model, and what would show that its model was loaded again."""

    name: str
    uid: str
    revision: str
    version: str
    ready: bool
    restarts: int
    started: str
    """When its container started, RFC 3339; empty before."""


def pods() -> list[Pod]:
    """All pods of the rollout that are not leaving."""
    listed = json.loads(kubectl("get", "pods", "-l", f"serinus.dev/rollout={ROLLOUT}", "-o", "json"))
    return [_pod(one) for one in listed["items"] if "deletionTimestamp" not in one["metadata"]]


def _pod(manifest: Manifest) -> Pod:
    seen = (manifest["status"].get("containerStatuses") or [{}])[0]
    environment = manifest["spec"]["containers"][0]["env"]
    return Pod(
        name=manifest["metadata"]["name"],
        uid=manifest["metadata"]["uid"],
        revision=manifest["metadata"]["labels"]["serinus.dev/revision"],
        version=next(one["value"] for one in environment if one["name"] == "MODEL"),
        ready=bool(seen.get("ready")),
        restarts=int(seen.get("restartCount", 0)),
        started=str(seen.get("state", {}).get("running", {}).get("startedAt", "")),
    )


def deployments() -> set[str]:
    """Names of the Deployments that Serinus made."""
    listed = kubectl("get", "deployments", "-l", f"serinus.dev/rollout={ROLLOUT}", "-o", "name")
    return set(listed.split())


def clear() -> bool:
    """Take away what an earlier demo left; True when there was something.

    The rollout first, while its route and its operator are there to put the traffic in order.
    """
    if not command("kubectl", "get", "namespace", NAMESPACE, "--ignore-not-found", "-o", "name").strip():
        return False
    if command("kubectl", "get", "crd", "modelrollouts.serinus.dev", "--ignore-not-found", "-o", "name").strip():
        kubectl("delete", "modelrollout", ROLLOUT, "--ignore-not-found", "--timeout=180s")
    command("kubectl", "delete", "namespace", NAMESPACE, "--timeout=120s")
    return True


def seconds_of(timestamp: str) -> float:
    """Seconds since the epoch of an RFC 3339 timestamp."""
    return datetime.fromisoformat(timestamp).timestamp()
