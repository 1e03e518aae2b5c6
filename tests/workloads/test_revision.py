"""A revision's Deployment: made from a template, read back, recognised by meaning."""

import copy
import json
from typing import Any

import jsonpatch
import pytest

from serinus.core.model import Deadlines, Model
from serinus.workloads.revision import deployment_of, pod_labels, read_deployed, revision_of, scale, wanted
from serinus.workloads.template import canonical, revision_name
from tests.golden import agrees
from tests.workloads.worlds import (
    HERE,
    ROLLOUT,
    a_pod,
    a_spec,
    canonical_template,
    deployed,
    source_deployment,
    team_template,
)


def changed(template: Any, image: str = "registry.example.com/vllm:0.9.2") -> dict[str, Any]:
    other = copy.deepcopy(dict(template))
    other["spec"]["containers"][0]["image"] = image
    return other


# Making


def test_a_revision_is_the_template_with_two_labels_more_under_a_selector_of_these_two() -> None:
    made = deployment_of(a_spec(), ROLLOUT, canonical_template(), revision="bcd45678", replicas=2)
    assert agrees(HERE / "golden" / "revision.yaml", made)


def test_nothing_of_the_source_but_its_template_is_copied() -> None:
    made = json.dumps(deployment_of(a_spec(), ROLLOUT, canonical_template(), revision="bcd45678", replicas=2))
    assert "last-applied" not in made
    assert "argocd" not in made
    assert "restartedAt" not in made


def test_the_selector_is_our_two_labels_and_matches_no_pod_of_the_source() -> None:
    made = deployment_of(a_spec(), ROLLOUT, canonical_template(), revision="bcd45678", replicas=2)
    selector = made["spec"]["selector"]["matchLabels"]
    source = source_deployment()["spec"]["template"]["metadata"]["labels"]
    assert set(selector) == {"serinus.dev/rollout", "serinus.dev/revision"}
    assert not selector.items() <= source.items()


def test_labels_of_ours_in_the_template_are_set_right() -> None:
    template = {"metadata": {"labels": {"serinus.dev/revision": "old", "app": "chat"}}}
    assert pod_labels(template, "chat", "new") == {
        "app": "chat",
        "serinus.dev/rollout": "chat",
        "serinus.dev/revision": "new",
    }
    assert pod_labels({}, "chat", "new") == {"serinus.dev/rollout": "chat", "serinus.dev/revision": "new"}


def test_the_model_is_described_in_annotations_and_is_no_part_of_the_identity() -> None:
    model = Model(name="chat", version="8", uri="s3://models/chat", digest="sha256:1")
    made = deployment_of(a_spec(model=model), ROLLOUT, canonical_template(), revision="bcd45678", replicas=2)
    annotations = {k: v for k, v in made["metadata"]["annotations"].items() if "model" in k}
    assert annotations == {
        "serinus.dev/model-name": "chat",
        "serinus.dev/model-version": "8",
        "serinus.dev/model-uri": "s3://models/chat",
        "serinus.dev/model-digest": "sha256:1",
    }
    assert made["spec"]["template"] == deployed()["spec"]["template"]


@pytest.mark.parametrize(("seconds", "written"), [(0.2, 1), (600.0, 1200), (3e9, 2**31 - 1)])
def test_the_progress_deadline_is_one_that_the_api_takes(seconds: float, written: int) -> None:
    spec = a_spec(deadlines=Deadlines(schedule=seconds, ready=seconds))
    made = deployment_of(spec, ROLLOUT, canonical_template(), revision="r", replicas=1)
    assert made["spec"]["progressDeadlineSeconds"] == written


# Scaling


def test_scaling_tests_the_object_and_the_number_that_was_seen() -> None:
    before = deployed(replicas=2)
    operations = scale(before, 5)
    assert jsonpatch.apply_patch(before, operations)["spec"]["replicas"] == 5
    for late in (deployed(replicas=3), deployed(revision="other")):
        with pytest.raises(jsonpatch.JsonPatchTestFailed):
            jsonpatch.apply_patch(late, operations)


def test_scaling_to_what_it_has_is_no_write() -> None:
    assert scale(deployed(replicas=2), 2) == []


# Reading


def test_a_revision_is_read_back_with_its_own_pods_oldest_first() -> None:
    young, old = a_pod("chat-bcd45678-a"), a_pod("chat-bcd45678-b")
    young["metadata"]["creationTimestamp"] = "2026-11-01T10:01:00Z"
    unready = a_pod("chat-bcd45678-c", conditions=[], phase="Pending")
    read = read_deployed(deployed(), pods=[young, a_pod("other", "zzz"), old, unready])
    assert (read.revision, read.replicas, read.ready, read.created_at) == ("bcd45678", 2, 2, 1793527200.0)
    assert [pod.name for pod in read.pods] == ["chat-bcd45678-b", "chat-bcd45678-c", "chat-bcd45678-a"]
    assert read.template == canonical_template()


def test_pods_that_are_over_or_on_their_way_out_are_not_counted() -> None:
    leaving = a_pod("leaving")
    leaving["metadata"]["deletionTimestamp"] = "2026-11-01T11:00:00Z"
    assert read_deployed(deployed(), pods=[leaving, a_pod("evicted", phase="Failed")]).pods == ()


def test_pods_of_another_rollout_are_not_counted() -> None:
    other = a_pod("other")
    other["metadata"]["labels"]["serinus.dev/rollout"] = "search"
    assert read_deployed(deployed(), pods=[other]).pods == ()


@pytest.mark.parametrize("broken", [None, "", "{", "[]"])
def test_a_revision_whose_record_was_removed_is_what_it_runs(broken: str | None) -> None:
    deployment = deployed()
    del deployment["metadata"]["annotations"]["serinus.dev/template"]
    if broken is not None:
        deployment["metadata"]["annotations"]["serinus.dev/template"] = broken
    assert read_deployed(deployment, pods=[]).template == canonical_template()
    assert wanted(canonical_template(), [deployment]) == "bcd45678"
    assert wanted(changed(canonical_template()), [deployment]) != "bcd45678"


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ({"kind": "Deployment", "name": "chat-bcd45678"}, "HorizontalPodAutoscaler/scaler"),
        ({"name": "chat-bcd45678"}, "HorizontalPodAutoscaler/scaler"),
        ({"kind": "StatefulSet", "name": "chat-bcd45678"}, ""),
        ({"kind": "Deployment", "name": "chat"}, ""),
    ],
)
def test_an_autoscaler_of_the_revision_is_named(target: dict[str, str], named: str) -> None:
    scaler = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "scaler"},
        "spec": {"scaleTargetRef": target},
    }
    assert read_deployed(deployed(), pods=[], autoscalers=[scaler]).autoscaler == named


def test_a_deployment_of_someone_else_is_no_revision() -> None:
    assert revision_of(source_deployment()) == ""


# Which revision a template means


def test_a_template_that_is_new_in_meaning_gets_a_new_name() -> None:
    template = changed(canonical_template())
    assert wanted(template, [deployed()]) == revision_name(template)
    assert wanted(canonical_template(), []) == revision_name(canonical_template())


def test_a_template_means_the_revision_that_was_made_from_an_equal_one_whatever_its_name() -> None:
    assert wanted(canonical(team_template()), [deployed(revision="oldname1")]) == "oldname1"


def test_the_newest_of_equal_revisions_is_meant() -> None:
    old, new = deployed(revision="a"), deployed(revision="b", created="2026-11-02T10:00:00Z")
    assert wanted(canonical_template(), [new, old]) == "b"


def test_a_name_that_a_revision_of_another_meaning_has_is_not_given_again() -> None:
    template = changed(canonical_template())
    squatter = deployed(revision=revision_name(template))
    assert wanted(template, [squatter]) not in ("", revision_name(template))


def test_new_defaults_of_an_upgraded_api_server_are_no_new_revision() -> None:
    deployment, source = deployed(), copy.deepcopy(dict(canonical_template()))
    for template in (deployment["spec"]["template"], source):
        template["spec"]["newDefault"] = "On"
        template["spec"]["containers"][0]["otherDefault"] = 1
    assert wanted(source, [deployment]) == "bcd45678"


def test_an_edit_of_the_source_alone_is_a_new_revision() -> None:
    source = copy.deepcopy(dict(canonical_template()))
    source["spec"]["newDefault"] = "On"
    assert wanted(source, [deployed()]) != "bcd45678"


def test_an_edit_by_hand_of_the_revision_does_not_make_it_another() -> None:
    edited = deployed()
    edited["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example.com/vllm:0.9.2"
    assert wanted(canonical_template(), [edited]) == "bcd45678"
    assert wanted(changed(canonical_template()), [edited]) != "bcd45678"
    assert read_deployed(edited, pods=[]).template == canonical_template()


@pytest.mark.parametrize("change", ["a container more", "a member less"])
def test_a_change_made_to_source_and_revision_alike_that_is_no_new_default_is_a_new_revision(change: str) -> None:
    deployment, source = deployed(), copy.deepcopy(dict(canonical_template()))
    for template in (deployment["spec"]["template"], source):
        if change == "a container more":
            template["spec"]["containers"].append({"name": "sidecar", "image": "s:1"})
        else:
            del template["spec"]["terminationGracePeriodSeconds"]
    assert wanted(source, [deployment]) not in ("", "bcd45678")


def test_a_restart_by_hand_of_the_revision_does_not_make_it_another() -> None:
    restarted = deployed()
    restarted["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "now"
    del restarted["metadata"]["annotations"]["serinus.dev/template"]
    assert wanted(canonical_template(), [restarted]) == "bcd45678"
