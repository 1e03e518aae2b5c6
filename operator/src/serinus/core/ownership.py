"""Who an object belongs to. An object with one of our names that is not ours is never touched, only named.

Ours is what carries the uid of its ModelRollout in an annotation. There are no owner references: when an owner is
deleted in the foreground, the garbage collector deletes all of its dependents at once, whether or not they block the
deletion and whatever finalizer the owner still has, and `deletionPolicy: Orphan` promises that stable keeps serving.
What must go with a rollout is deleted by name before its finalizer goes.
"""

from serinus.core.observed import Manifest
from serinus.core.patches import Operation, expect, put, remove, unchanged

GROUP = "serinus.dev"
API_VERSION = "serinus.dev/v1alpha1"
KIND = "ModelRollout"

OWNER = "serinus.dev/rollout-uid"


def owner_mark(rollout: Manifest) -> dict[str, str]:
    """The annotation that makes an object a ModelRollout's (its manifest: `metadata.uid`)."""
    return {OWNER: str(rollout["metadata"]["uid"])}


def owned_by(manifest: Manifest, uid: str) -> bool:
    """True when the object belongs to the rollout with this uid, and to no other controller."""
    controller = _controller(manifest)
    return controller["uid"] == uid if controller is not None else _marked(manifest) == uid


def conflict(manifest: Manifest, uid: str) -> str:
    """Why an object with one of our names is not ours, as a sentence; empty when it is ours."""
    if owned_by(manifest, uid):
        return ""
    what = f"{manifest.get('kind', 'The object')} {manifest['metadata']['name']}"
    controller = _controller(manifest)
    if controller is None:
        whose = "was not made by this ModelRollout"
    elif controller.get("kind") == KIND:
        whose = f"belongs to another ModelRollout (name {controller.get('name')}, uid {controller.get('uid')})"
    else:
        whose = f"belongs to {controller.get('kind')} {controller.get('name')}"
    return f"{what} exists and {whose}: rename or delete it, or give this ModelRollout another name."


def claim(manifest: Manifest, uid: str) -> list[Operation]:
    """The patch that makes an object this rollout's; empty when it is wholly so.

    It marks what a deleted rollout of the same name left behind, and takes off the owner references by which Serinus
    knew its objects before it marked them.
    """
    metadata = manifest["metadata"]
    owners = list(metadata.get("ownerReferences") or ())
    operations: list[Operation] = []
    if _marked(manifest) != uid:
        annotations = metadata.get("annotations")
        mark = put({OWNER: uid}, "metadata", "annotations")
        operations.append(put(uid, "metadata", "annotations", OWNER) if annotations else mark)
    for index in reversed(range(len(owners))):
        if owners[index].get("uid") == uid:
            operations.append(expect(uid, "metadata", "ownerReferences", index, "uid"))
            operations.append(remove("metadata", "ownerReferences", index))
    return [unchanged(manifest), *operations] if operations else []


def hand_over(manifest: Manifest, rollout: Manifest) -> list[Operation]:
    """The patch that lets the garbage collector delete an object together with its ModelRollout.

    For a kind of object that Serinus has no right to delete: only at the end, when nothing is to be kept.
    """
    metadata = rollout["metadata"]
    owner = {"apiVersion": API_VERSION, "kind": KIND, "name": metadata["name"], "uid": metadata["uid"]}
    others = manifest["metadata"].get("ownerReferences") or ()
    if any(one.get("uid") == metadata["uid"] for one in others):
        return []
    return [unchanged(manifest), put([*others, owner], "metadata", "ownerReferences")]


def _marked(manifest: Manifest) -> str:
    return str((manifest["metadata"].get("annotations") or {}).get(OWNER, ""))


def _controller(manifest: Manifest) -> Manifest | None:
    owners = manifest["metadata"].get("ownerReferences") or ()
    return next((one for one in owners if one.get("controller")), None)
