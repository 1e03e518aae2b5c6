"""What is marked as a rollout's own, and what is left alone."""

from typing import Any

from serinus.api.compile import compile_spec
from serinus.core.model import Spec
from serinus.core.ownership import OWNER
from serinus.shell.apply import unclaimed
from serinus.shell.facts import Facts
from serinus.shell.observe import read_left

MINE = {"apiVersion": "serinus.dev/v1alpha1", "kind": "ModelRollout", "name": "chat", "uid": "u-1", "controller": True}
GENERATED = {"gateway": "public", "hostnames": ["chat.example.com"]}


def rollout(traffic: dict[str, Any], left: str = "") -> dict[str, Any]:
    split = {"uid": "u-1", "seq": 3, "revision": "v2", "step": 1, "weight": 25, "cause": "step", "at": 1, "route": left}
    return {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelRollout",
        "metadata": {"name": "chat", "namespace": "models", "uid": "u-1", "generation": 1},
        "spec": {
            "workload": {"deployment": "chat"},
            "traffic": traffic,
            "slis": [{"preset": "http/success-rate", "objective": "99%"}],
        },
        "status": {"record": {"split": split}} if left else {},
    }


def made(kind: str, *, owners: tuple[dict[str, Any], ...] = (), mark: str = "", role: str = "") -> dict[str, Any]:
    labels = {"serinus.dev/rollout": "chat", "app.kubernetes.io/managed-by": "serinus"}
    metadata: dict[str, Any] = {"name": "chat-stable" if role else "chat", "resourceVersion": "1"}
    metadata["labels"] = labels | ({"serinus.dev/role": role} if role else {})
    metadata["annotations"] = {OWNER: mark} if mark else {}
    return {"kind": kind, "metadata": metadata | ({"ownerReferences": list(owners)} if owners else {}), "spec": {}}


def facts(
    manifest: dict[str, Any], *, services: tuple[Any, ...] = (), route: Any = None, left: Any = None
) -> tuple[Facts, Spec]:
    spec = compile_spec(manifest)
    assert isinstance(spec, Spec)
    found = Facts(
        rollout=manifest, source=None, route=route, left=left, route_known=True, services=services, deployments=(),
        slices=(), pods=(), autoscalers=(), selectors={}, rivals={},
    )  # fmt: skip
    return found, spec


def names(found: tuple[Facts, Spec]) -> list[str]:
    return [f"{manifest['kind']} {manifest['metadata']['name']}" for _, manifest, _ in unclaimed(*found)]


def test_a_generated_route_of_an_earlier_build_is_freed_of_its_owner() -> None:
    assert names(facts(rollout(GENERATED), route=made("HTTPRoute", owners=(MINE,)))) == ["HTTPRoute chat"]


def test_a_generated_route_that_a_rollout_of_this_name_left_is_taken_back() -> None:
    assert names(facts(rollout(GENERATED), route=made("HTTPRoute", mark="u-0"))) == ["HTTPRoute chat"]
    assert names(facts(rollout(GENERATED), route=made("HTTPRoute", mark="u-1"))) == []


def test_a_route_of_git_is_never_marked() -> None:
    assert names(facts(rollout({"httpRoute": "chat"}), route=made("HTTPRoute"))) == []
    git = {"kind": "HTTPRoute", "metadata": {"name": "chat"}, "spec": {}}
    assert names(facts(rollout(GENERATED), route=git)) == []


def test_a_service_that_another_controller_owns_is_never_marked() -> None:
    helm = {"kind": "Helm", "name": "x", "uid": "h", "controller": True}
    assert names(facts(rollout(GENERATED), services=(made("Service", owners=(helm,), role="stable"),))) == []
    assert names(facts(rollout(GENERATED), services=(made("Service", role="stable"),))) == ["Service chat-stable"]


def test_a_service_that_took_the_name_of_one_that_was_left_is_not_read_as_ours() -> None:
    left = rollout({"httpRoute": "chat"}, left="replicas/chat")
    theirs = {
        "kind": "Service",
        "metadata": {"name": "chat", "resourceVersion": "1"},
        "spec": {"selector": {"app": "x"}},
    }
    assert read_left(*facts(left, left=theirs)) is None
    ours = made("Service", mark="u-1", role="traffic")
    assert read_left(*facts(left, left={**ours, "spec": {"selector": {"serinus.dev/rollout": "chat"}}})) is not None
