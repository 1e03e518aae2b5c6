"""Pod templates: canonical form, meaning, names, node pool."""

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.workloads.template import (
    canonical,
    container_ports,
    merge_node_pool,
    revision_name,
    text,
)
from tests.golden import agrees
from tests.workloads.worlds import HERE, POOL, team_template


def with_container(**changes: Any) -> dict[str, Any]:
    template = team_template()
    template["spec"]["containers"][0] |= changes
    return template


def test_the_canonical_form_can_be_read_and_deployed() -> None:
    assert agrees(HERE / "golden" / "canonical.yaml", canonical(team_template()))


def test_the_argument_is_not_changed() -> None:
    template = team_template()
    before = copy.deepcopy(template)
    merge_node_pool(template, POOL)
    assert template == before


def test_a_restart_is_no_new_meaning() -> None:
    restarted = team_template()
    restarted["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "2026-11-02T00:00:00Z"
    never = team_template()
    del never["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
    assert text(team_template()) == text(restarted)
    assert text(team_template()) == text(never)


@pytest.mark.parametrize(
    "same",
    [
        team_template(securityContext=None),
        team_template(affinity={}),
        team_template(imagePullSecrets=[]),
        team_template(affinity={"nodeAffinity": {}}),
        with_container(resources={
            "limits": {"cpu": 8, "memory": "64Gi", "nvidia.com/gpu": 2},
            "requests": {"cpu": "4", "memory": "65536Mi", "nvidia.com/gpu": 2},
        }),
        with_container(securityContext={}),
        with_container(command=[], lifecycle=None),
    ],
)  # fmt: skip
def test_what_says_nothing_and_how_a_quantity_is_spelled_is_no_new_meaning(same: dict[str, Any]) -> None:
    assert text(team_template()) == text(same)
    assert revision_name(team_template()) == revision_name(same)


@pytest.mark.parametrize(
    "other",
    [
        with_container(image="registry.example.com/vllm:0.9.2"),
        with_container(args=["--model", "/models/chat", ""]),
        with_container(env=[]),
        team_template(volumes=[{"name": "shm"}]),
        team_template(volumes=[{"name": "shm", "emptyDir": {"sizeLimit": "1Gi"}}]),
        team_template(terminationGracePeriodSeconds=30),
        team_template(nodeSelector={"topology.kubernetes.io/region": ""}),
        team_template(topologySpreadConstraints=[
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
        ]),
        with_container(resources={"limits": {"nvidia.com/gpu": "4"}}),
    ],
)  # fmt: skip
def test_what_changes_the_pods_is_a_new_meaning_also_where_it_is_empty(other: dict[str, Any]) -> None:
    assert text(team_template()) != text(other)
    assert revision_name(team_template()) != revision_name(other)


def test_labels_with_an_empty_value_stay() -> None:
    template = team_template()
    template["metadata"]["labels"]["gpu"] = ""
    assert canonical(template)["metadata"]["labels"]["gpu"] == ""


def test_labels_are_text_even_where_they_look_like_quantities() -> None:
    one, other = team_template(), team_template()
    one["metadata"]["labels"]["sizeLimit"], other["metadata"]["labels"]["sizeLimit"] = "1024Mi", "1Gi"
    assert text(one) != text(other)


def test_sizes_of_volumes_are_spelled_in_one_way() -> None:
    def sized(size: str) -> dict[str, Any]:
        return team_template(volumes=[{"name": "shm", "emptyDir": {"sizeLimit": size}}])

    assert text(sized("1024Mi")) == text(sized("1Gi"))


def test_a_name_is_8_safe_characters_and_stays_the_same_in_every_version() -> None:
    assert revision_name({"spec": {"containers": [{"name": "model", "image": "m:1"}]}}) == "tbgq4ckd"


def test_a_name_that_another_template_has_already_is_not_given_again() -> None:
    first = revision_name(team_template())
    second = revision_name(team_template(), frozenset({first}))
    assert second not in (first, revision_name(team_template(), frozenset({first, second})))
    assert len(second) == 8


# The node pool


def test_the_node_pool_is_merged_into_the_template() -> None:
    assert agrees(HERE / "golden" / "merged.yaml", merge_node_pool(team_template(), POOL))


def test_the_pool_wins_over_the_template() -> None:
    merged = merge_node_pool(team_template(nodeSelector={"pool": "a100"}, runtimeClassName="runc"), POOL)
    assert merged["spec"]["nodeSelector"] == {"pool": "h100"}
    assert merged["spec"]["runtimeClassName"] == "nvidia"


def test_a_toleration_that_is_there_already_is_not_repeated() -> None:
    twice = {"tolerations": [*POOL["tolerations"], *POOL["tolerations"]]}
    merged = merge_node_pool(merge_node_pool(team_template(), twice), twice)
    assert [one["key"] for one in merged["spec"]["tolerations"]] == ["nvidia.com/gpu", "pool"]


def test_an_empty_pool_changes_nothing() -> None:
    assert merge_node_pool(team_template(), {}) == canonical(team_template())


# Ports


def test_ports_are_the_tcp_ports_that_the_containers_name_once_each_and_in_their_order() -> None:
    assert container_ports(team_template()) == (8000,)
    assert container_ports(with_container(ports=[])) == ()
    udp = {"containerPort": 9, "protocol": "UDP"}
    assert container_ports(with_container(ports=[{"containerPort": 8000}, udp, {"containerPort": 8000}])) == (8000,)
    assert container_ports(with_container(ports=[{"containerPort": 2}, {"containerPort": 1}])) == (2, 1)


# Properties

keys = st.sampled_from(("labels", "annotations", "limits", "emptyDir", "resources", "securityContext", "items", "a"))
leaves = st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(("", "1", "1000m", "1024Mi", "x"))
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)
templates = st.fixed_dictionaries({"spec": st.dictionaries(keys, trees, max_size=3)})


def shuffled(value: Any, dice: random.Random) -> Any:
    if isinstance(value, dict):
        items = list(value.items())
        dice.shuffle(items)
        return {key: shuffled(one, dice) for key, one in items}
    return [shuffled(one, dice) for one in value] if isinstance(value, list) else value


@settings(deadline=None)
@given(templates)
def test_the_canonical_form_of_the_canonical_form_is_itself(template: dict[str, Any]) -> None:
    once = canonical(template)
    assert canonical(once) == once
    assert canonical(json.loads(json.dumps(once))) == once


@settings(deadline=None)
@given(templates, st.randoms(use_true_random=False))
def test_the_order_of_members_changes_nothing(template: dict[str, Any], dice: random.Random) -> None:
    assert revision_name(shuffled(template, dice)) == revision_name(template)
