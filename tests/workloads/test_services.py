"""The two role Services: whom they select, who answers behind them, who else selects the same pods."""

from typing import Any

import jsonpatch
import pytest

from serinus.core.patches import Operation
from serinus.workloads.services import leaks, ready_pods, select, selected_revision, service_name, service_of
from tests.golden import agrees
from tests.workloads.worlds import HERE, ROLLOUT


def stable(revision: str = "old", port: int = 8000, version: str = "7") -> dict[str, Any]:
    made = dict(service_of(ROLLOUT, role="stable", revision=revision, port=port))
    made["metadata"] = {**made["metadata"], "resourceVersion": version}
    return made


def pointed(service: dict[str, Any], revision: str = "new", port: int = 8000) -> list[Operation]:
    return select(service, rollout="chat", revision=revision, port=port)


def applied(service: dict[str, Any], operations: list[Operation]) -> Any:
    return jsonpatch.apply_patch(service, operations)


def test_a_role_service_selects_one_revision_at_the_port_of_its_container() -> None:
    assert agrees(HERE / "golden" / "service.yaml", service_of(ROLLOUT, role="candidate", revision="new", port=8000))


def test_the_selector_says_which_revision_has_the_role() -> None:
    assert selected_revision(stable("old")) == "old"
    assert selected_revision(None) == ""
    assert selected_revision({"metadata": {}, "spec": {"selector": {"app": "chat"}}}) == ""


def test_moving_the_selector_moves_it_alone() -> None:
    before = stable("old")
    after = applied(before, pointed(before))
    assert selected_revision(after) == "new"
    after["spec"]["selector"] = before["spec"]["selector"]
    assert after == before


def test_a_selector_that_points_there_already_is_no_write() -> None:
    assert pointed(stable("new")) == []


def test_a_late_move_fails() -> None:
    operations = pointed(stable("old"))
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        applied(stable("old", version="8"), operations)
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        applied(stable("other"), operations)


def test_a_selector_that_somebody_widened_or_removed_is_restored_whole() -> None:
    widened, removed = stable("new"), stable("new")
    widened["spec"]["selector"] = {"serinus.dev/rollout": "chat"}
    del removed["spec"]["selector"]
    for broken in (widened, removed):
        assert applied(broken, pointed(broken))["spec"] == stable("new")["spec"]


def test_a_revision_that_listens_elsewhere_is_reached_through_the_port_that_the_route_names() -> None:
    before = stable("old", port=8000)
    (port,) = applied(before, pointed(before, port=9000))["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (8000, 9000)


def endpoint(pod: str, *, kind: str = "Pod", **conditions: bool) -> dict[str, Any]:
    return {"targetRef": {"kind": kind, "name": pod}, "conditions": conditions}


def endpoint_slice(*endpoints: dict[str, Any], service: str = "chat-stable") -> dict[str, Any]:
    return {"metadata": {"labels": {"kubernetes.io/service-name": service}}, "endpoints": list(endpoints)}


def test_pods_that_take_requests_are_counted_once() -> None:
    slices = [
        endpoint_slice(endpoint("a", ready=True), endpoint("b", ready=True, terminating=False)),
        endpoint_slice(endpoint("a", ready=True), endpoint("c")),
    ]
    assert ready_pods(slices, "chat-stable") == {"a", "b", "c"}


@pytest.mark.parametrize(
    "other",
    [
        endpoint_slice(endpoint("a", ready=False)),
        endpoint_slice(endpoint("a", ready=True, terminating=True)),
        endpoint_slice(endpoint("a", ready=True), service="chat-candidate"),
        endpoint_slice(endpoint("a", kind="Node", ready=True)),
        endpoint_slice({"addresses": ["192.0.2.1"]}),
        {"metadata": {}, "endpoints": None},
    ],
)
def test_endpoints_that_take_no_requests_of_the_service_are_not_counted(other: dict[str, Any]) -> None:
    assert ready_pods([other], "chat-stable") == frozenset()


def service(name: str, selector: dict[str, str] | None, **spec: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"selector": selector, **spec}}


LABELS = {"app": "chat", "team": "nlp", "serinus.dev/rollout": "chat", "serinus.dev/revision": "new"}


def test_other_services_that_select_the_candidates_pods_are_named_with_what_to_do() -> None:
    found = leaks([service("web", {"team": "nlp"}), service("chat", {"app": "chat"})], LABELS, rollout="chat")
    assert found == (
        "Service chat also selects the candidate's pods, whatever the weight: let its clients use chat-stable or the "
        "gateway, then delete it or change its selector.",
        "Service web also selects the candidate's pods, whatever the weight: let its clients use chat-stable or the "
        "gateway, then delete it or change its selector.",
    )


@pytest.mark.parametrize(
    "harmless",
    [
        service("search", {"app": "search"}),
        service("chat-v1", {"app": "chat", "version": "1"}),
        service("external", {"app": "chat"}, type="ExternalName"),
        service("manual", None),
        service("empty", {}),
        service(service_name("chat", "stable"), {"serinus.dev/rollout": "chat", "serinus.dev/revision": "new"}),
        service(service_name("chat", "candidate"), {"serinus.dev/rollout": "chat", "serinus.dev/revision": "new"}),
    ],
)
def test_services_that_do_not_select_them_and_our_own_are_no_leak(harmless: dict[str, Any]) -> None:
    assert leaks([harmless], LABELS, rollout="chat") == ()
