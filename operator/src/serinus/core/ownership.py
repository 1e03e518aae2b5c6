"""Who an object belongs to. An object with one of our names that is not ours is never touched, only named."""

from serinus.core.observed import Manifest
from serinus.core.patches import Operation, expect, remove, unchanged

GROUP = "serinus.dev"
API_VERSION = "serinus.dev/v1alpha1"
KIND = "ModelRollout"


def owner_reference(rollout: Manifest) -> dict[str, object]:
    """The controller reference to a ModelRollout (its manifest: `metadata.name`, `metadata.uid`).

    Without `blockOwnerDeletion`: a foreground deletion must not wait for objects that keep serving.
    """
    metadata = rollout["metadata"]
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }


def owned_by(manifest: Manifest, uid: str) -> bool:
    """True when the object's controller is the rollout with this uid."""
    return any(one.get("controller") and one.get("uid") == uid for one in _owners(manifest))


def conflict(manifest: Manifest, uid: str) -> str:
    """Why an object with one of our names is not ours, as a sentence; empty when it is ours."""
    if owned_by(manifest, uid):
        return ""
    what = f"{manifest.get('kind', 'The object')} {manifest['metadata']['name']}"
    controller = next((one for one in _owners(manifest) if one.get("controller")), None)
    if controller is None:
        whose = "is not controlled by this ModelRollout"
    elif controller.get("kind") == KIND:
        whose = f"belongs to another ModelRollout (name {controller.get('name')}, uid {controller.get('uid')})"
    else:
        whose = f"belongs to {controller.get('kind')} {controller.get('name')}"
    return f"{what} exists and {whose}: rename or delete it, or give this ModelRollout another name."


def release(manifest: Manifest, uid: str) -> list[Operation]:
    """The patch that takes our owner reference off an object that stays; empty when there is none."""
    owners = _owners(manifest)
    mine = [index for index, one in enumerate(owners) if one.get("uid") == uid]
    if not mine:
        return []
    operations = [unchanged(manifest)]
    for index in reversed(mine):
        operations.append(expect(uid, "metadata", "ownerReferences", index, "uid"))
        operations.append(remove("metadata", "ownerReferences", index))
    return operations


def _owners(manifest: Manifest) -> list[Manifest]:
    return list(manifest.get("metadata", {}).get("ownerReferences") or ())
