"""Who an object belongs to."""

from typing import Any

import jsonpatch
import pytest

from serinus.core.ownership import conflict, owned_by, owner_reference, release

ROLLOUT = {"metadata": {"name": "chat", "namespace": "models", "uid": "u-1"}}
OURS = owner_reference(ROLLOUT)


def service(*owners: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "chat-stable", "resourceVersion": "3"} | ({"ownerReferences": list(owners)} if owners else {})
    return {"kind": "Service", "metadata": metadata}


def owner(kind: str, uid: str, controller: bool = True) -> dict[str, Any]:
    return {"kind": kind, "name": f"{kind}-1", "uid": uid, "controller": controller}


def test_the_owner_reference_blocks_no_deletion() -> None:
    assert OURS == {
        "apiVersion": "serinus.dev/v1alpha1", "kind": "ModelRollout", "name": "chat", "uid": "u-1", "controller": True,
    }  # fmt: skip


def test_an_object_is_ours_by_the_uid_of_its_controller() -> None:
    assert owned_by(service(OURS), "u-1")
    assert not owned_by(service(OURS), "u-2")
    assert not owned_by(service({**OURS, "controller": False}), "u-1")
    assert not owned_by(service(), "u-1")


@pytest.mark.parametrize(
    ("owners", "words"),
    [
        ((), "Service chat-stable exists and is not controlled by this ModelRollout"),
        ((owner("Argo", "x", False),), "Service chat-stable exists and is not controlled by this ModelRollout"),
        ((owner("Helm", "x"),), "Service chat-stable exists and belongs to Helm Helm-1"),
        (
            (owner("ModelRollout", "x"),),
            "Service chat-stable exists and belongs to another ModelRollout (name ModelRollout-1, uid x)",
        ),
    ],
)
def test_an_object_with_our_name_that_is_not_ours_is_named_with_what_to_do(owners: Any, words: str) -> None:
    ending = ": rename or delete it, or give this ModelRollout another name."
    assert conflict(service(*owners), "u-1") == words + ending


def test_our_own_object_is_no_conflict() -> None:
    assert conflict(service(owner("Team", "t", False), OURS), "u-1") == ""


def test_releasing_takes_our_reference_off_and_leaves_the_others() -> None:
    others = owner("Team", "t", False), owner("Other", "o", False)
    before = service(others[0], OURS, others[1])
    assert jsonpatch.apply_patch(before, release(before, "u-1"))["metadata"]["ownerReferences"] == list(others)


def test_releasing_what_is_not_ours_is_no_write() -> None:
    assert release(service(owner("Team", "t")), "u-1") == []


def test_a_late_release_fails() -> None:
    operations = release(service(OURS), "u-1")
    late = service(OURS)
    late["metadata"]["resourceVersion"] = "4"
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        jsonpatch.apply_patch(late, operations)
