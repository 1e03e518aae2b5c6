"""Sources of pod templates: the team's own objects, read and never written."""

from typing import Any

import pytest

from serinus.core.observed import Source
from serinus.plugin import Reading
from serinus.workloads.deployment import DEPLOYMENT
from serinus.workloads.pod_template import POD_TEMPLATE
from serinus.workloads.template import merge_node_pool
from tests.workloads.worlds import POOL, source_deployment, team_template

NAMES: dict[str, Any] = {"namespace": "models", "name": "chat"}


def pod_template(**pod_spec: Any) -> dict[str, Any]:
    return {"kind": "PodTemplate", "metadata": NAMES, "template": team_template(**pod_spec)}


def read(manifest: Any, port: int | None = None) -> Reading:
    return POD_TEMPLATE.read(manifest, node_pool={}, port=port, **NAMES)


def test_a_deployment_gives_its_template_on_the_pool_and_says_what_it_still_runs() -> None:
    reading = DEPLOYMENT.read(source_deployment(), node_pool=POOL, **NAMES)
    assert reading == Reading(
        source=Source(
            kind="Deployment",
            name="chat",
            template=merge_node_pool(team_template(), POOL),
            replicas=4,
            running=4,
            running_gpus=8,
            gpus_per_pod=2,
            gpu_resource="nvidia.com/gpu",
            port=8000,
        )
    )


def test_a_deployment_at_0_replicas_runs_nothing_once_its_pods_are_gone() -> None:
    source = source_deployment()
    source["spec"]["replicas"] = 0
    del source["status"]["replicas"]
    reading = DEPLOYMENT.read(source, node_pool={}, **NAMES).source
    assert reading is not None
    assert (reading.replicas, reading.running, reading.running_gpus) == (0, 0, 0)


def test_a_pod_template_has_no_replicas_and_runs_nothing() -> None:
    source = read(pod_template()).source
    assert source is not None
    assert (source.kind, source.replicas, source.running, source.gpus_per_pod) == ("PodTemplate", None, 0, 2)
    assert source.template == merge_node_pool(team_template(), {})


def test_the_same_template_means_the_same_from_either_source() -> None:
    one, other = DEPLOYMENT.read(source_deployment(), node_pool=POOL, **NAMES), read(pod_template())
    assert one.source is not None
    assert other.source is not None
    assert one.source.template == merge_node_pool(other.source.template, POOL)


def test_a_source_that_does_not_exist_is_said_with_the_field_to_correct() -> None:
    assert DEPLOYMENT.read(None, node_pool={}, **NAMES) == Reading(
        source=None, problem="Deployment models/chat does not exist: create it, or correct workload.deployment."
    )
    assert read(None).problem == "PodTemplate models/chat does not exist: create it, or correct workload.podTemplate."


def ports(*numbers: int) -> list[dict[str, Any]]:
    return [{"name": "model", "ports": [{"containerPort": number} for number in numbers]}]


def lots() -> list[dict[str, Any]]:
    return [{"name": "m", "ports": [{"containerPort": 1}], "resources": {"limits": {"nvidia.com/gpu": "lots"}}}]


@pytest.mark.parametrize(
    ("pod_spec", "words"),
    [
        ({"containers": []}, "PodTemplate chat has no containers in its pod template: write at least one."),
        ({"restartPolicy": "Never"}, "says restartPolicy: Never; a model server must be restarted: write Always"),
        ({"activeDeadlineSeconds": 9}, "says activeDeadlineSeconds, which a Deployment's pods cannot have"),
        ({"containers": ports()}, "names no containerPort: name the model server's port there, or write traffic.port."),
        (
            {"containers": ports(8000, 9090)},
            "names more than one containerPort (8000, 9090): write traffic.port to say which takes requests.",
        ),
        ({"containers": lots()}, "asks for resources that cannot be read: 'lots' is not a quantity"),
    ],
)
def test_a_template_that_cannot_work_is_refused_with_what_to_write(pod_spec: dict[str, Any], words: str) -> None:
    reading = read(pod_template(**pod_spec))
    assert reading.source is None
    assert words in reading.problem


@pytest.mark.parametrize("numbers", [(), (8000, 9090)])
def test_a_port_in_the_rollout_answers_the_question_of_the_port(numbers: tuple[int, ...]) -> None:
    source = read(pod_template(containers=ports(*numbers)), port=8000).source
    assert source is not None
    assert source.port is None
