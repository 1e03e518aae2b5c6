"""A spec that cannot be compiled: traffic stays where it is, and status says what to write instead.

Even then a deletion must not hang: what carries traffic is let go, everything that is there keeps serving.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from serinus.api.status import progress_of, timestamp
from serinus.core.model import Phase
from serinus.core.observed import Manifest
from serinus.core.ownership import claim
from serinus.shell.apply import remove_finalizer
from serinus.shell.kube import Kube
from serinus.shell.kube_errors import NotFound, Refused
from serinus.shell.observe import is_ours
from serinus.shell.resources import DEPLOYMENT, ROLLOUT_LABEL, SERVICE


def status(before: Mapping[str, Any] | None, sentences: Sequence[str], generation: int, now: float) -> dict[str, Any]:
    """The status that was there, with the phase Invalid and the sentences."""
    said = " ".join(sentences)[:1024]
    known = {one["type"]: one for one in (before or {}).get("conditions", [])}
    result = dict(before or {})
    result.update(
        observedGeneration=generation,
        phase=str(Phase.INVALID),
        message=said,
        nextAction="a spec that can be followed",
        conditions=[
            *(
                _condition(known, kind, value, said, generation, now)
                for kind, value in (("Ready", "False"), ("Reconciling", "False"), ("Stalled", "True"))
            ),
            *(one for kind, one in known.items() if kind not in ("Ready", "Reconciling", "Stalled")),
        ],
    )
    return result


def _condition(
    known: Mapping[str, Any], kind: str, value: str, said: str, generation: int, now: float
) -> dict[str, Any]:
    old = known.get(kind)
    since = old["lastTransitionTime"] if old and old["status"] == value else timestamp(now)
    return {
        "type": kind,
        "status": value,
        "reason": "InvalidSpec",
        "message": said,
        "lastTransitionTime": since,
        "observedGeneration": generation,
    }


async def let_go(kube: Kube, rollout: Manifest) -> None:
    """Deletion of a resource whose spec nobody can follow: all that runs keeps running."""
    metadata = rollout["metadata"]
    namespace, name, uid = metadata["namespace"], metadata["name"], metadata["uid"]
    if progress_of(rollout.get("status")).stable:
        for resource in (SERVICE, DEPLOYMENT):
            for manifest in await kube.list(resource, namespace, labels=f"{ROLLOUT_LABEL}={name}"):
                if is_ours(manifest, uid, name) and (operations := claim(manifest, uid)):
                    with contextlib.suppress(NotFound, Refused):
                        await kube.json_patch(resource, namespace, manifest["metadata"]["name"], operations)
    await remove_finalizer(kube, rollout)
