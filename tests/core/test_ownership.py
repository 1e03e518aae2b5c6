"""Who an object belongs to."""

from typing import Any

import jsonpatch
import pytest

from serinus.core.ownership import OWNER, claim, conflict, hand_over, owned_by, owner_mark

ROLLOUT = {"metadata": {"name": "chat", "namespace": "models", "uid": "u-1"}}


def service(*owners: dict[str, Any], mark: str = "", **annotations: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "chat-stable", "resourceVersion": "3"}
    if owners:
        metadata["ownerReferences"] = list(owners)
    if mark or annotations:
        metadata["annotations"] = annotations | ({OWNER: mark} if mark else {})
    return {"kind": "Service", "metadata": metadata}


def owner(kind: str, uid: str, controller: bool = True) -> dict[str, Any]:
    return {"kind": kind, "name": f"{kind}-1", "uid": uid, "controller": controller}


def claimed(before: dict[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = jsonpatch.apply_patch(before, claim(before, "u-1"))["metadata"]
    return metadata


def test_an_object_is_ours_by_the_uid_that_it_is_marked_with() -> None:
    assert owner_mark(ROLLOUT) == {"serinus.dev/rollout-uid": "u-1"}
    assert owned_by(service(mark="u-1"), "u-1")
    assert not owned_by(service(mark="u-2"), "u-1")
    assert not owned_by(service(), "u-1")


def test_a_mark_does_not_make_ours_what_another_controls() -> None:
    assert not owned_by(service(owner("Helm", "x"), mark="u-1"), "u-1")
    assert owned_by(service(owner("Team", "x", False), mark="u-1"), "u-1")


def test_an_object_of_an_earlier_build_is_ours_by_its_controller() -> None:
    assert owned_by(service(owner("ModelRollout", "u-1")), "u-1")


@pytest.mark.parametrize(
    ("owners", "words"),
    [
        ((), "Service chat-stable exists and was not made by this ModelRollout"),
        ((owner("Argo", "x", False),), "Service chat-stable exists and was not made by this ModelRollout"),
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
    assert conflict(service(owner("Team", "t", False), mark="u-1"), "u-1") == ""


def test_what_is_wholly_ours_needs_no_claim() -> None:
    assert claim(service(owner("Team", "t", False), mark="u-1"), "u-1") == []


def test_a_claim_marks_what_a_deleted_rollout_left() -> None:
    assert claimed(service(mark="u-0"))["annotations"] == {OWNER: "u-1"}
    assert claimed(service())["annotations"] == {OWNER: "u-1"}
    assert claimed(service(team="nlp"))["annotations"] == {OWNER: "u-1", "team": "nlp"}


def test_a_claim_takes_our_owner_reference_off_and_leaves_the_others() -> None:
    others = owner("Team", "t", False), owner("Other", "o", False)
    after = claimed(service(others[0], owner("ModelRollout", "u-1"), others[1]))
    assert after["ownerReferences"] == list(others)
    assert after["annotations"] == {OWNER: "u-1"}


def test_a_late_claim_fails() -> None:
    operations = claim(service(), "u-1")
    late = service()
    late["metadata"]["resourceVersion"] = "4"
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        jsonpatch.apply_patch(late, operations)


def test_what_is_handed_over_goes_with_its_rollout_and_keeps_its_other_owners() -> None:
    team = owner("Team", "t", False)
    before = service(team, mark="u-1")
    after = jsonpatch.apply_patch(before, hand_over(before, ROLLOUT))
    ours = {"apiVersion": "serinus.dev/v1alpha1", "kind": "ModelRollout", "name": "chat", "uid": "u-1"}
    assert after["metadata"]["ownerReferences"] == [team, ours]
    assert hand_over(after, ROLLOUT) == []
