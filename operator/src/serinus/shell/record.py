"""What was decided is told and recorded: events first, then status, so that a crash in between loses no event.

An event is named by the rollout's uid and the decision's number: telling it again is a 409 and not a second event.
Status is written when something changed that matters; where only numbers moved, at most every few looks.
"""

from collections.abc import Mapping
from typing import Any

from serinus.api.status import timestamp
from serinus.core.model import Cause, Decision, Phase, Progress, Spec
from serinus.core.observed import Manifest
from serinus.core.patches import put, unchanged
from serinus.shell.kube import Kube
from serinus.shell.kube_errors import AlreadyExists
from serinus.shell.resources import EVENT, ROLLOUT

LOOKS_BETWEEN_NUMBERS = 8
"""Looks after which a status is written again in which only numbers differ."""
REST_SECONDS = 1800.0
"""The same while nothing is on trial: what changes then are the numbers of its error budget."""

EVIDENCE = frozenset({"verdict", "slis", "Ready", "Reconciling", "Stalled", "EvidenceAvailable", "BudgetAvailable"})
"""What a look may change by its counts alone, with the same objects in the cluster."""

_WARNINGS = frozenset({Cause.ROLLBACK, Cause.LIMIT, Cause.UNREADY, Cause.REASSERT})
_NOTE_LENGTH = 1024


async def tell(kube: Kube, spec: Spec, *, before: Progress, after: Progress) -> None:
    """An event for each decision that status does not hold yet."""
    recorded = before.split.seq if before.split else 0
    for decision in reversed(after.decisions):
        if decision.seq > recorded:
            try:
                await kube.create(EVENT, spec.namespace, event(spec, decision))
            except AlreadyExists:
                continue


def event(spec: Spec, decision: Decision) -> dict[str, Any]:
    """The event of one decision (events.k8s.io/v1)."""
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
        "metadata": {"name": f"{spec.name}.{spec.uid[:8]}.{decision.seq}", "namespace": spec.namespace},
        "eventTime": timestamp(decision.at).replace("Z", ".000000Z"),
        "type": "Warning" if decision.cause in _WARNINGS else "Normal",
        "reason": decision.cause.capitalize(),
        "action": f"SetWeight{decision.weight}",
        "note": decision.sentence[:_NOTE_LENGTH],
        "regarding": {
            "apiVersion": ROLLOUT.api_version,
            "kind": ROLLOUT.kind,
            "namespace": spec.namespace,
            "name": spec.name,
            "uid": spec.uid,
        },
        "reportingController": "serinus.dev/operator",
        "reportingInstance": "serinus",
    }


async def write_status(kube: Kube, rollout: Manifest, status: Mapping[str, Any]) -> Manifest:
    """Replace the whole status of the object that was read. Raises `Conflict` when it has changed since."""
    metadata = rollout["metadata"]
    operations = [unchanged(rollout), put(status, "status")]
    return await kube.json_patch(ROLLOUT, metadata["namespace"], metadata["name"], operations, subresource="status")


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> frozenset[str]:
    """What changed, numbers aside: names of fields of the status, and of conditions."""
    old, new = _outline(before or {}), _outline(after)
    return frozenset(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def from_counts(changed: frozenset[str], before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
    """True when counts alone can have changed it, so that no object need be read again.

    Only during analysis do the conditions repeat the evidence. Else they tell of objects, some of which the cache does
    not know as well as a fresh read does.
    """
    judging = all(one.get("phase") == Phase.ANALYZING and one.get("verdict") for one in (before or {}, after))
    return judging and changed <= EVIDENCE


def _outline(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status without the numbers that move at every look."""
    kept = ("observedGeneration", "phase", "verdict", "step", "attempt", "decisions", "forecast", "intent", "record")
    outline = {key: status.get(key) for key in kept}
    if not status.get("verdict"):
        outline["message"] = status.get("message")
    outline["wanted"] = (status.get("weights") or {}).get("wanted")
    outline["revisions"] = [status.get("stable"), status.get("candidate")]
    outline["slis"] = [(one["name"], one["verdict"]) for one in status.get("slis", ())]
    return outline | {one["type"]: (one["status"], one["reason"]) for one in status.get("conditions", ())}
