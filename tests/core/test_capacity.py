"""Room for further pods, forecast from nodes, pods and quotas."""

from typing import Any

import pytest

from serinus.core.capacity import capacity
from serinus.core.observed import Capacity

GPU = "nvidia.com/gpu"
H100 = {"pool": "h100"}


def node(name: str, gpus: int = 8, *, labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": H100 if labels is None else labels},
        "spec": spec,
        "status": {
            "allocatable": {GPU: str(gpus), "cpu": "64", "memory": "512Gi", "pods": "110"},
            "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}],
        },
    }


def template(gpus: int = 4, *, cpu: str = "1", memory: str = "1Gi", **spec: Any) -> dict[str, Any]:
    resources = {"limits": {GPU: str(gpus)} if gpus else {}, "requests": {"cpu": cpu, "memory": memory}}
    return {"spec": {"containers": [{"name": "model", "resources": resources}], "nodeSelector": H100, **spec}}


def pod(gpus: int, *, on: str = "", phase: str = "Running", **more: Any) -> dict[str, Any]:
    spec = template(gpus)["spec"] | ({"nodeName": on} if on else {}) | more.pop("spec", {})
    return {"metadata": {"name": "p", "namespace": "other"}, "spec": spec, "status": {"phase": phase, **more}}


def quota(hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "gpus"}, "spec": {"hard": hard, **spec}, "status": {"hard": hard, "used": used or {}}}


def room(
    wanted: dict[str, Any] | None = None,
    *,
    nodes: list[Any] | None = None,
    pods: list[Any] | None = None,
    quotas: list[Any] | None = None,
) -> Capacity:
    found = capacity(
        wanted or template(), nodes=[node("a")] if nodes is None else nodes, pods=pods or [], quotas=quotas or []
    )
    assert found is not None
    return found


# Nodes


def test_a_pool_of_8_with_6_taken_has_2_free_and_no_room_for_a_pod_of_4() -> None:
    found = room(pods=[pod(6, on="a")])
    assert (found.free, found.free_gpus, found.per_pod, found.resource, found.pool) == (0, 2, 4, GPU, "pool h100")
    assert found.shortage(1).startswith("needs 4 x nvidia.com/gpu in pool h100, 2 free")


def test_room_is_counted_in_whole_pods() -> None:
    assert room(template(3)).free == 2


def test_a_pod_of_4_does_not_fit_on_two_nodes_with_2_free_each() -> None:
    found = room(nodes=[node("a", 2), node("b", 2)])
    assert (found.free, found.free_gpus) == (0, 4)
    assert found.why == "at most 2 of them on one node, and a pod needs 4 together"


def test_nothing_is_said_where_each_free_accelerator_can_be_used() -> None:
    assert room(pods=[pod(6, on="a")]).why == ""


def test_pods_that_are_over_hold_nothing() -> None:
    over = [pod(8, on="a", phase="Succeeded"), pod(8, on="a", phase="Failed")]
    assert room(pods=over).free == 2


def test_a_pod_that_is_promised_a_node_holds_its_accelerators_there() -> None:
    nodes, promised = [node("a"), node("b", 4)], pod(4, phase="Pending", nominatedNodeName="b")
    assert room(template(8), nodes=nodes, pods=[promised]).free == 1


def test_pods_without_a_node_are_placed_first_so_that_two_rollouts_do_not_count_the_same_accelerators() -> None:
    found = room(pods=[pod(4, phase="Pending")])
    assert (found.free, found.free_gpus) == (1, 4)


def test_a_waiting_pod_that_fits_nowhere_or_belongs_elsewhere_takes_nothing() -> None:
    elsewhere = pod(4, phase="Pending", spec={"nodeSelector": {"pool": "a100"}})
    assert room(pods=[pod(16, phase="Pending"), elsewhere]).free == 2


def test_a_waiting_pod_is_placed_on_nodes_that_would_take_it_only() -> None:
    waiting = pod(4, phase="Pending")
    cordoned, tainted = node("a", unschedulable=True), node("a", taints=[taint()])
    assert room(nodes=[cordoned, node("b")], pods=[waiting]).free == 1
    assert room(nodes=[tainted, node("b")], pods=[waiting]).free == 1


def test_a_pod_on_a_node_that_is_gone_takes_nothing() -> None:
    assert room(pods=[pod(8, on="gone")]).free == 2


def test_an_overcommitted_node_has_no_room_and_nothing_below_zero() -> None:
    found = room(pods=[pod(8, on="a"), pod(8, on="a")])
    assert (found.free, found.free_gpus) == (0, 0)


def test_cpu_and_memory_bound_the_room_too_and_are_named() -> None:
    found = room(template(1, cpu="32", memory="8Gi"))
    assert (found.free, found.free_gpus) == (2, 8)
    assert found.why == "beside them cpu on the nodes is enough for 2 further pods only"
    assert "memory" in room(template(1, memory="500Gi")).why


def test_a_request_of_nothing_bounds_nothing() -> None:
    assert room(template(4, cpu="0", memory="0")).free == 2


def test_the_number_of_pods_on_a_node_bounds_the_room() -> None:
    crowded = node("a")
    crowded["status"]["allocatable"]["pods"] = "1"
    assert room(template(1), nodes=[crowded]).free == 1


def test_a_template_without_accelerators_is_left_to_the_scheduler() -> None:
    assert capacity(template(0), nodes=[], pods=[], quotas=[]) is None


def test_a_quantity_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ValueError, match="'lots' is not a quantity"):
        room(template(cpu="lots"))


# Which nodes


def test_only_nodes_with_the_labels_count() -> None:
    found = room(nodes=[node("a", labels={"pool": "a100"}), node("b", 4)])
    assert (found.free, found.free_gpus) == (1, 4)


def test_no_node_with_the_labels_is_said() -> None:
    found = room(nodes=[node("a", labels={"pool": "a100"})])
    assert found.shortage(2) == (
        "needs 8 x nvidia.com/gpu in pool h100, 0 free; no node has the labels that the pods ask for."
    )


def test_cordoned_nodes_and_nodes_that_are_not_ready_do_not_count() -> None:
    broken = node("c")
    broken["status"]["conditions"] = [
        {"type": "DiskPressure", "status": "True"}, {"type": "Ready", "status": "Unknown"}
    ]  # fmt: skip
    found = room(nodes=[node("a", 4), node("b", unschedulable=True), broken])
    assert found.free == 1
    assert found.why == "2 of 3 nodes not Ready or cordoned"


def taint(effect: str = "NoSchedule", key: str = "dedicated", value: str = "ml") -> dict[str, str]:
    return {"key": key, "value": value, "effect": effect}


def tolerating(**toleration: str) -> dict[str, Any]:
    return template(tolerations=[toleration])


@pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute"])
def test_a_taint_that_the_pods_do_not_tolerate_closes_the_node_and_is_named(effect: str) -> None:
    found = room(nodes=[node("a", taints=[taint(effect)])])
    assert found.free == 0
    assert found.why == (
        f"1 of 1 nodes tainted dedicated=ml:{effect}, which the pods do not tolerate (nodePool.tolerations)"
    )


def test_a_taint_that_only_prefers_closes_nothing() -> None:
    assert room(nodes=[node("a", taints=[taint("PreferNoSchedule")])]).free == 2


@pytest.mark.parametrize(
    ("toleration", "fits"),
    [
        ({"key": "dedicated", "value": "ml", "effect": "NoSchedule"}, 2),
        ({"key": "dedicated", "operator": "Equal", "value": "ml"}, 2),
        ({"key": "dedicated", "operator": "Exists"}, 2),
        ({"operator": "Exists"}, 2),
        ({"key": "dedicated", "value": "web"}, 0),
        ({"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}, 0),
        ({"key": "other", "operator": "Exists"}, 0),
        ({"operator": "Equal", "value": "ml"}, 0),
        ({"key": "dedicated", "operator": "Gt", "value": "ml"}, 0),
    ],
)
def test_tolerations_are_read_as_the_scheduler_reads_them(toleration: dict[str, str], fits: int) -> None:
    assert room(tolerating(**toleration), nodes=[node("a", taints=[taint()])]).free == fits


def test_a_taint_without_a_value_is_tolerated_by_a_toleration_without_one() -> None:
    bare = [{"key": "dedicated", "effect": "NoSchedule"}]
    assert room(tolerating(key="dedicated"), nodes=[node("a", taints=bare)]).free == 2
    assert room(tolerating(key="dedicated", value=""), nodes=[node("a", taints=bare)]).free == 2
    assert "tainted dedicated:NoSchedule," in room(nodes=[node("a", taints=bare)]).why


def affine(*terms: dict[str, Any]) -> dict[str, Any]:
    required = {"nodeSelectorTerms": list(terms)}
    return template(
        nodeSelector={}, affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    )


def where(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("term", "fits"),
    [
        (where("pool", "In", "a100", "h100"), True),
        (where("pool", "In", "a100"), False),
        (where("pool", "NotIn", "a100"), True),
        (where("pool", "NotIn", "h100"), False),
        (where("zone", "NotIn", "b"), True),
        (where("pool", "Exists"), True),
        (where("zone", "Exists"), False),
        (where("zone", "DoesNotExist"), True),
        (where("pool", "DoesNotExist"), False),
        (where("gpus", "Gt", "4"), True),
        (where("gpus", "Gt", "8"), False),
        (where("gpus", "Lt", "9"), True),
        (where("pool", "Gt", "4"), False),
        (where("zone", "Lt", "4"), False),
        (where("pool", "Near", "h100"), False),
        ({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}, True),
        ({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]}, False),
        ({}, False),
    ],
)
def test_required_node_affinity_is_read_as_the_scheduler_reads_it(term: dict[str, Any], fits: bool) -> None:
    nodes = [node("a", labels={"pool": "h100", "gpus": "8"})]
    assert (room(affine(term), nodes=nodes).free > 0) is fits


def test_one_term_of_the_affinity_is_enough_and_all_its_expressions_are_needed() -> None:
    both = {"matchExpressions": where("pool", "Exists")["matchExpressions"] + where("z", "Exists")["matchExpressions"]}
    assert room(affine(both)).free == 0
    assert room(affine(both, where("pool", "Exists"))).free == 2


def test_the_pool_is_named_by_its_labels() -> None:
    assert room(template(nodeSelector={})).pool == "the cluster"
    assert room(template(nodeSelector={"cloud.google.com/gke-nodepool": "h100"}), nodes=[]).pool == "pool h100"
    assert room(template(nodeSelector={"gpu": "h100"}), nodes=[]).pool == "pool gpu=h100"
    assert room(template(nodeSelector={"pool": "x", "gpu": "h100"}), nodes=[]).pool == "pool gpu=h100,pool=x"


# Quotas


def test_a_quota_that_lets_fewer_in_than_the_nodes_is_named_with_its_numbers() -> None:
    found = room(quotas=[quota({"requests.nvidia.com/gpu": "8"}, {"requests.nvidia.com/gpu": "4"})])
    assert found.free == 1
    assert found.quota == "ResourceQuota gpus has 4 of 8 requests.nvidia.com/gpu left"
    assert "ResourceQuota gpus has 4 of 8" in found.shortage(2)


def test_a_quota_that_lets_more_in_than_the_nodes_is_not_the_limit() -> None:
    found = room(quotas=[quota({"requests.nvidia.com/gpu": "80"})])
    assert (found.free, found.quota) == (2, "")


def test_the_tightest_of_several_quotas_counts() -> None:
    tight = [quota({"pods": "10", "requests.cpu": "1500m"}), quota({"pods": "5"}, {"pods": "5"})]
    found = room(quotas=tight)
    assert (found.free, found.quota) == (0, "ResourceQuota gpus has 0 of 5 pods left")
    assert room(quotas=tight[:1]).quota == "ResourceQuota gpus has 1500m of 1500m requests.cpu left"


@pytest.mark.parametrize(
    ("hard", "free"),
    [
        ({"cpu": "1"}, 1),
        ({"requests.memory": "1Gi"}, 1),
        ({"count/pods": "1"}, 1),
        ({"limits.nvidia.com/gpu": "4"}, 1),
        ({"limits.cpu": "1"}, 2),
        ({"requests.storage": "1"}, 2),
        ({"services": "0"}, 2),
        ({"nvidia.com/gpu": "0"}, 2),
    ],
)
def test_entries_that_charge_the_pod_bound_it_and_others_do_not(hard: dict[str, str], free: int) -> None:
    assert room(quotas=[quota(hard)]).free == free


def test_a_used_up_quota_never_counts_below_zero() -> None:
    assert room(quotas=[quota({"pods": "2"}, {"pods": "3"})]).free == 0


def test_a_quota_that_was_not_counted_yet_is_taken_at_its_word() -> None:
    fresh = {"metadata": {"name": "gpus"}, "spec": {"hard": {"pods": "1"}}}
    assert room(quotas=[fresh]).quota == "ResourceQuota gpus has 1 of 1 pods left"


def scoped(name: str, operator: str = "Exists", *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"scopeName": name, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("scope", "applies"),
    [
        ({"scopes": ["NotTerminating"]}, True),
        ({"scopes": ["Terminating"]}, False),
        ({"scopes": ["NotBestEffort"]}, True),
        ({"scopes": ["BestEffort"]}, False),
        ({"scopes": ["NotTerminating", "BestEffort"]}, False),
        ({"scopes": ["CrossNamespacePodAffinity"]}, False),
        ({"scopeSelector": scoped("PriorityClass", "In", "prod")}, True),
        ({"scopeSelector": scoped("PriorityClass", "In", "batch")}, False),
        ({"scopeSelector": scoped("PriorityClass", "NotIn", "prod")}, False),
        ({"scopeSelector": scoped("PriorityClass", "NotIn", "batch")}, True),
        ({"scopeSelector": scoped("PriorityClass", "Exists")}, True),
        ({"scopeSelector": scoped("PriorityClass", "DoesNotExist")}, False),
    ],
)
def test_a_quota_counts_the_pods_of_its_scopes_only(scope: dict[str, Any], applies: bool) -> None:
    wanted = template(priorityClassName="prod")
    assert (room(wanted, quotas=[quota({"pods": "0"}, **scope)]).free == 0) is applies
