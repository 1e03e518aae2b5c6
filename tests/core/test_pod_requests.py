"""What one pod asks of a node."""

from decimal import Decimal
from typing import Any

import pytest

from serinus.core.pod_requests import accelerator, accelerators, pod_limits, pod_requests

GPU = "nvidia.com/gpu"


def asks(requests: dict[str, Any] | None = None, limits: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": requests, "limits": limits}, **more}


def sidecar(gpus: int) -> dict[str, Any]:
    return asks({GPU: gpus}, restartPolicy="Always")


def gpus(*containers: dict[str, Any], init: list[dict[str, Any]] | None = None) -> int:
    return accelerators({"containers": list(containers), "initContainers": init}).get(GPU, 0)


def test_containers_run_together() -> None:
    assert gpus(asks({GPU: "2"}), asks({GPU: 1}), asks()) == 3


def test_a_limit_without_a_request_is_a_request_and_a_request_comes_first() -> None:
    assert gpus(asks(limits={GPU: "4"})) == 4
    assert pod_requests({"containers": [asks({"cpu": "1"}, {"cpu": "4"})]}) == {"cpu": Decimal(1)}


def test_init_containers_run_one_after_the_other_before_the_rest() -> None:
    assert gpus(asks({GPU: 2}), init=[asks({GPU: 4}), asks({GPU: 3})]) == 4
    assert gpus(asks({GPU: 2}), init=[asks({GPU: 1}), asks({GPU: 1})]) == 2


def test_a_sidecar_runs_beside_what_starts_after_it_and_not_beside_what_came_before() -> None:
    assert gpus(asks({GPU: 2}), init=[sidecar(1)]) == 3
    assert gpus(asks({GPU: 2}), init=[sidecar(1), asks({GPU: 4})]) == 5
    assert gpus(asks({GPU: 2}), init=[asks({GPU: 4}), sidecar(1)]) == 4


def test_the_pod_itself_and_its_overhead_count() -> None:
    spec = {
        "containers": [asks({"cpu": "1", "memory": "1Gi"})],
        "resources": {"requests": {"cpu": "3"}},
        "overhead": {"memory": "1Gi"},
    }
    assert pod_requests(spec) == {"cpu": Decimal(3), "memory": Decimal(2**31)}


def test_limits_are_counted_alone() -> None:
    assert pod_limits({"containers": [asks({"cpu": "1"}, {"memory": "1Gi"})]}) == {"memory": Decimal(2**30)}


def test_only_devices_are_accelerators() -> None:
    spec = {"containers": [asks({"cpu": 2, "memory": "1Gi", "ephemeral-storage": "1Gi", "amd.com/gpu": 1})]}
    assert accelerators(spec) == {"amd.com/gpu": 1}


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({}, ("", 0)),
        ({"cpu": "4"}, ("", 0)),
        ({GPU: "0"}, ("", 0)),
        ({"example.com/nic": 8, GPU: 2}, (GPU, 2)),
        ({"nvidia.com/mig-1g.5gb": 1, "example.com/nic": 8}, ("nvidia.com/mig-1g.5gb", 1)),
        ({"google.com/tpu": 4}, ("google.com/tpu", 4)),
        ({"b.example/x": 1, "a.example/x": 1}, ("a.example/x", 1)),
    ],
)
def test_the_device_to_speak_of_is_the_accelerator(asked: dict[str, Any], named: tuple[str, int]) -> None:
    assert accelerator({"containers": [asks(asked)]}) == named
