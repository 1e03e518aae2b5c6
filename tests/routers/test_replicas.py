"""A Service that shares requests by pods: manifests in, values and patches out."""

import copy
from typing import Any

import jsonpatch
import pytest

from serinus.core import split_record
from serinus.core.model import Cause, SplitRecord
from serinus.core.observed import Route
from serinus.core.questions import TrafficRef
from serinus.plugin import Names, NotListed
from serinus.routers.replicas import REPLICAS
from tests.routers.test_http_route import NAMES

RECORD = SplitRecord(
    uid="rollout-1",
    seq=5,
    revision="new",
    step=1,
    weight=20,
    cause=Cause.STEP,
    at=1780000600,
    stable="old",
    note="Step.",
)
STABLE = {"serinus.dev/rollout": "chat", "serinus.dev/revision": "old"}
BOTH = {"serinus.dev/rollout": "chat"}
CANDIDATE = {"serinus.dev/rollout": "chat", "serinus.dev/revision": "new"}


def service(selector: dict[str, str] | None = None, record: SplitRecord | None = None) -> dict[str, Any]:
    rollout = {"metadata": {"name": "chat", "namespace": "models", "uid": "rollout-1"}}
    traffic = TrafficRef(router="replicas", name="chat-live", by_pods=True)
    made: dict[str, Any] = dict(REPLICAS.generate(rollout, traffic=traffic, names=NAMES, port=8080, stable="old"))
    made["metadata"]["resourceVersion"] = "7"
    if selector is not None:
        made["spec"]["selector"] = selector
    if record is not None:
        made["metadata"]["annotations"][split_record.ANNOTATION] = split_record.write(record)
    return made


def read(manifest: dict[str, Any] | None, port: int | None = 8080, names: Names = NAMES) -> Route:
    return REPLICAS.read(
        manifest, namespace="models", name="chat-live", rollout_uid="rollout-1", names=names, port=port
    )


def weighted(weight: int, **changes: Any) -> SplitRecord:
    return SplitRecord(**{**{key: getattr(RECORD, key) for key in RECORD.__slots__}, "weight": weight, **changes})


def test_a_new_service_selects_stable_and_belongs_to_the_rollout() -> None:
    made = service()
    assert made["metadata"] == {
        "name": "chat-live",
        "namespace": "models",
        "resourceVersion": "7",
        "labels": {
            "serinus.dev/rollout": "chat",
            "serinus.dev/role": "traffic",
            "app.kubernetes.io/managed-by": "serinus",
        },
        "annotations": {"serinus.dev/rollout-uid": "rollout-1"},
    }
    assert made["spec"] == {
        "selector": STABLE,
        "ports": [{"name": "http", "port": 8080, "targetPort": 8080, "protocol": "TCP"}],
    }
    route = read(made)
    assert (route.listed, route.weights, route.problems, route.strayed, route.accepted) == (True, (0,), (), "", True)


@pytest.mark.parametrize(("weight", "selector"), [(0, STABLE), (20, BOTH), (99, BOTH), (100, CANDIDATE)])
def test_a_patch_writes_selector_and_entry_together_and_is_read_back(weight: int, selector: dict[str, str]) -> None:
    before = service(BOTH, RECORD)
    patched = jsonpatch.apply_patch(copy.deepcopy(before), REPLICAS.patch(before, weighted(weight, seq=6), names=NAMES))
    assert patched["spec"]["selector"] == selector
    route = read(patched)
    assert (route.weights, route.strayed, route.record) == ((weight,), "", weighted(weight, seq=6))


@pytest.mark.parametrize("change", ["version", "selector", "entry"])
def test_a_patch_fails_as_a_whole_when_anything_that_it_replaces_has_changed(change: str) -> None:
    before = service(BOTH, RECORD)
    operations = REPLICAS.patch(before, weighted(0, seq=6), names=NAMES)
    now = copy.deepcopy(before)
    if change == "version":
        now["metadata"]["resourceVersion"] = "8"
    elif change == "selector":
        now["spec"]["selector"] = STABLE
    else:
        now["metadata"]["annotations"][split_record.ANNOTATION] = split_record.write(weighted(0, seq=6))
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        jsonpatch.apply_patch(now, operations)


def test_after_a_promotion_the_entry_says_that_the_same_selector_is_stables() -> None:
    finish = weighted(0, cause=Cause.FINISH, revision="new", stable="new")
    assert read(service(CANDIDATE, finish)).weights == (0,)
    assert read(service(CANDIDATE, weighted(100))).weights == (100,)


def test_someone_who_puts_the_selector_on_one_revision_is_read_as_that_weight() -> None:
    assert (read(service(STABLE, RECORD)).weights, read(service(STABLE, RECORD)).strayed) == ((0,), "")
    assert (read(service(CANDIDATE, RECORD)).weights, read(service(CANDIDATE, RECORD)).strayed) == ((100,), "")


@pytest.mark.parametrize(
    ("selector", "record", "words"),
    [
        (BOTH, weighted(0), "the Service selected serinus.dev/rollout=chat"),
        (BOTH, weighted(100), "the Service selected serinus.dev/rollout=chat"),
        (BOTH, None, "the Service selected serinus.dev/rollout=chat"),
        ({"app": "chat"}, RECORD, "the Service selected app=chat"),
        ({}, RECORD, "the Service selected nothing"),
        ({**STABLE, "serinus.dev/rollout": "other"}, RECORD, "the Service selected serinus.dev/revision=old, "),
        ({**STABLE, "serinus.dev/revision": "third"}, RECORD, "the Service selected serinus.dev/revision=third, "),
    ],
)
def test_a_selector_that_means_no_weight_is_told_as_the_worst(
    selector: dict[str, str], record: SplitRecord | None, words: str
) -> None:
    route = read(service(selector, record))
    assert route.weights == (100,)
    assert route.strayed.startswith(words)


def test_a_selector_that_is_missing_is_put_there() -> None:
    before = service(None, RECORD)
    del before["spec"]["selector"]
    patched = jsonpatch.apply_patch(copy.deepcopy(before), REPLICAS.patch(before, weighted(0), names=NAMES))
    assert patched["spec"]["selector"] == STABLE


def test_an_entry_that_does_not_say_who_is_stable_selects_nobody() -> None:
    with pytest.raises(NotListed):
        REPLICAS.patch(service(BOTH, RECORD), weighted(0, stable=""), names=NAMES)


def test_the_entry_of_another_rollout_is_not_ours_to_read() -> None:
    route = read(service(STABLE, weighted(0, uid="other")))
    assert (route.record, route.foreign_uid) == (None, "other")


def test_an_entry_that_cannot_be_read_is_a_problem() -> None:
    broken = service()
    broken["metadata"]["annotations"][split_record.ANNOTATION] = "?"
    assert "cannot be read" in read(broken).problems[0]


def test_a_template_that_listens_elsewhere_is_a_problem_that_says_what_to_write() -> None:
    (said,) = read(service(), port=9090).problems
    assert "sends requests to port 8080, and the pod template listens on 9090" in said
    assert read(service(), port=None).problems == ()


def test_a_service_that_does_not_exist_is_told() -> None:
    route = read(None)
    assert (route.listed, route.problems) == (False, ("Service models/chat-live does not exist: Serinus makes it.",))
