"""Permissions: the chart grants what the code asks for, and nothing else."""

import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import serinus
from serinus.plugin import Permission, Plugin
from tests.charts import render

PACKAGE = Path(serinus.__path__[0])
NAMESPACED: render.Values = {"namespaces": ["team-a", "team-b"]}

Right = tuple[str, str, str]
"""API group, resource, verb."""

BY_HAND = {
    # What no constant in the code says, because it is not a plug-in's and not a workload's.
    ("serinus.dev", "modelrollouts", ("get", "list", "watch", "patch")): "watched; finalizer (shell/apply.py)",
    ("serinus.dev", "modelrollouts/status", ("patch",)): "shell/record.py",
    ("events.k8s.io", "events", ("create",)): "shell/record.py",
    ("autoscaling", "horizontalpodautoscalers", ("list",)): "shell/facts.py",
}
BY_NAME = {("coordination.k8s.io", "leases", "serinus"): {"get", "update"}}


def _asked_for() -> Iterator[Permission]:
    """Every `PERMISSIONS` of a module and every `permissions` of a plug-in in the package."""
    for file in sorted(PACKAGE.rglob("*.py")):
        if "Permission(" not in file.read_text():
            continue
        module = importlib.import_module(".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts))
        yield from getattr(module, "PERMISSIONS", ())
        for value in vars(module).values():
            if isinstance(value, Plugin):
                yield from value.permissions


def _needed() -> set[Right]:
    found = {(one.group, what, verb) for one in _asked_for() for what in one.resources for verb in one.verbs}
    return found | {(group, what, verb) for group, what, verbs in BY_HAND for verb in verbs}


def _rules(values: render.Values | None, kinds: Iterable[str] = ("ClusterRole", "Role")) -> Iterator[dict[str, Any]]:
    """Rules of the roles that are bound to the operator's account."""
    objects = render.manifests(values)
    account = render.only("ServiceAccount", values)["metadata"]
    bound = set()
    for one in objects:
        if one["kind"] in ("ClusterRoleBinding", "RoleBinding"):
            assert [(who["name"], who["namespace"]) for who in one["subjects"]] == [
                (account["name"], account["namespace"])
            ]
            bound.add((one["roleRef"]["kind"], one["metadata"].get("namespace"), one["roleRef"]["name"]))
    for one in objects:
        metadata = one["metadata"]
        if one["kind"] in kinds and (one["kind"], metadata.get("namespace"), metadata["name"]) in bound:
            yield from one["rules"]


def _rights(rules: Iterable[dict[str, Any]]) -> set[Right]:
    return {
        (group, what, verb)
        for rule in rules
        if "resourceNames" not in rule
        for group in rule["apiGroups"]
        for what in rule["resources"]
        for verb in rule["verbs"]
    }


def test_cluster_wide_rights_are_exactly_what_the_code_asks_for() -> None:
    assert _rights(_rules(None)) == _needed()


def test_rights_in_listed_namespaces_are_what_the_code_asks_for_but_for_nodes() -> None:
    assert _rights(_rules(NAMESPACED, ["Role"])) == {right for right in _needed() if right[1] != "nodes"}


def test_with_listed_namespaces_nothing_is_granted_beyond_them() -> None:
    roles = [one for one in render.of_kind("Role", NAMESPACED) if one["metadata"]["name"] == "serinus.serinus-system"]
    assert [one["metadata"]["namespace"] for one in roles] == ["team-a", "team-b"]
    assert list(_rules(NAMESPACED, ["ClusterRole"])) == []


def test_counting_gpus_with_listed_namespaces_adds_nodes_and_the_list_of_all_pods() -> None:
    values = {**NAMESPACED, "rbac": {"countGPUs": True}}
    assert _rights(_rules(values, ["ClusterRole"])) == {
        ("", "nodes", "get"),
        ("", "nodes", "list"),
        ("", "pods", "list"),
    }


@pytest.mark.parametrize("values", [None, NAMESPACED], ids=["cluster-wide", "namespaced"])
def test_the_lease_and_nothing_else_is_granted_by_name(values: render.Values | None) -> None:
    named = {
        (rule["apiGroups"][0], rule["resources"][0], name): set(rule["verbs"])
        for rule in _rules(values)
        for name in rule.get("resourceNames", ())
    }
    assert named == BY_NAME


@pytest.mark.parametrize("values", [None, NAMESPACED], ids=["cluster-wide", "namespaced"])
def test_no_rule_has_a_wildcard_and_none_touches_secrets_or_roles(values: render.Values | None) -> None:
    for one in (*render.of_kind("ClusterRole", values), *render.of_kind("Role", values)):
        for rule in one["rules"]:
            words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
            assert "*" not in words
            assert not words & {"secrets", "rbac.authorization.k8s.io", "impersonate", "escalate", "bind", "pods/exec"}


def test_people_may_view_or_edit_rollouts_but_nobody_writes_status_by_hand() -> None:
    roles = {
        frozenset(key.rpartition("-")[2] for key in one["metadata"]["labels"] if "aggregate-to" in key): one["rules"]
        for one in render.of_kind("ClusterRole")
        if any("aggregate-to" in key for key in one["metadata"]["labels"])
    }
    assert set(roles) == {frozenset({"view"}), frozenset({"edit", "admin"})}
    assert {right[2] for right in _rights(roles[frozenset({"view"})])} == {"get", "list", "watch"}
    edit = _rights(roles[frozenset({"edit", "admin"})])
    assert {right[1] for right in edit} == {"modelrollouts"}
    assert {right[2] for right in edit} >= {"create", "update", "patch", "delete"}


def test_nothing_is_bound_when_the_platform_makes_its_own_roles() -> None:
    kinds = {one["kind"] for one in render.manifests({"rbac": {"create": False}, "aggregateRoles": False})}
    assert not kinds & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
