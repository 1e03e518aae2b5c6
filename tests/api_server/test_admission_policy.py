"""The name beside a person's decision is true: the chart's admission policy, on a real API server."""

import json
from collections.abc import Iterator
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.api_server.conftest import ApiServer
from tests.api_server.release import OPERATOR, Release, eventually, installed

pytestmark = [pytest.mark.api_server, pytest.mark.xdist_group("chart")]

INTENT, BY = "serinus.dev/intent", "serinus.dev/intent-by"
BACKUP = "backup-tool"
PEOPLE = ("alice", "bob", BACKUP)


def rollout(**annotations: str) -> str:
    """A whole manifest; annotations by their last word (`intent`, `intent_by`)."""
    named = {f"serinus.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}
    manifest: dict[str, Any] = {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelRollout",
        "metadata": {"name": "chat", "annotations": named},
        "spec": {
            "workload": {"deployment": "chat", "replicas": 4},
            "traffic": {"httpRoute": "chat"},
            "slis": [{"preset": "vllm/success-rate", "objective": "99%"}],
        },
    }
    return json.dumps(manifest)


def annotate(release: Release, user: str, *annotations: str) -> CompletedProcess[str]:
    return release.kubectl("annotate", "--overwrite", "modelrollout", "chat", *annotations, user=user)


def refused(answer: CompletedProcess[str], *words: str) -> bool:
    return answer.returncode != 0 and all(word in answer.stderr for word in words)


def ready(release: Release) -> None:
    """People may edit rollouts by the built-in role, and the policy is in force."""
    for user in PEOPLE:
        bound = release.kubectl("create", "rolebinding", user, "--clusterrole=edit", f"--user={user}")
        assert bound.returncode == 0, bound.stderr
    eventually("alice may edit rollouts", lambda: release.may("alice", "create", "modelrollouts.serinus.dev"))
    wrong = rollout(intent="pause@0", intent_by="somebody")
    eventually(
        "the policy is in force",
        lambda: refused(release.kubectl("create", "--dry-run=server", "-f", "-", user="alice", input=wrong), BY),
    )


@pytest.fixture(scope="module")
def installation(with_crds: ApiServer) -> Iterator[Release]:
    with installed(with_crds) as release:
        ready(release)
        yield release


@pytest.fixture(scope="module")
def strict_installation(with_crds: ApiServer) -> Iterator[Release]:
    with installed(with_crds, admissionPolicy={"requireName": True, "exemptUsers": [BACKUP]}) as release:
        ready(release)
        yield release


def _with_rollout(release: Release) -> Iterator[Release]:
    created = release.kubectl("create", "-f", "-", input=rollout())
    assert created.returncode == 0, created.stderr
    yield release
    release.kubectl("patch", "modelrollout", "chat", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    release.kubectl("delete", "modelrollout", "chat")


@pytest.fixture
def release(installation: Release) -> Iterator[Release]:
    """A release with a rollout `chat` that carries no intent."""
    yield from _with_rollout(installation)


@pytest.fixture
def strict(strict_installation: Release) -> Iterator[Release]:
    yield from _with_rollout(strict_installation)


def test_another_persons_name_is_refused_and_the_message_says_what_to_write(release: Release) -> None:
    answer = annotate(release, "alice", f"{INTENT}=promote@1", f"{BY}=bob")
    assert refused(answer, "says 'bob'", "comes from 'alice'", "Write serinus.dev/intent-by: alice"), answer.stderr


def test_ones_own_name_is_accepted(release: Release) -> None:
    answer = annotate(release, "alice", f"{INTENT}=promote@1", f"{BY}=alice")
    assert answer.returncode == 0, answer.stderr


def test_a_decision_without_a_name_is_accepted(release: Release) -> None:
    answer = annotate(release, "alice", f"{INTENT}=abort@1")
    assert answer.returncode == 0, answer.stderr


def test_a_new_decision_beside_somebody_elses_name_is_refused(release: Release) -> None:
    assert annotate(release, "alice", f"{INTENT}=pause@1", f"{BY}=alice").returncode == 0
    answer = annotate(release, "bob", f"{INTENT}=promote@2")
    assert refused(answer, "says 'alice'", "Write serinus.dev/intent-by: bob"), answer.stderr


def test_a_name_cannot_be_put_to_a_decision_afterwards_by_somebody_else(release: Release) -> None:
    assert annotate(release, "alice", f"{INTENT}=pause@1").returncode == 0
    assert refused(annotate(release, "alice", f"{BY}=bob"), "says 'bob'")


def test_a_name_that_waits_without_a_decision_does_not_pass_for_the_next_one(release: Release) -> None:
    assert annotate(release, "alice", f"{BY}=bob").returncode == 0
    assert refused(annotate(release, "alice", f"{INTENT}=promote@1"), "says 'bob'")


@pytest.mark.parametrize("removed", [(f"{INTENT}-", f"{BY}-"), (f"{INTENT}-",), (f"{BY}-",)])
def test_whoever_may_edit_may_take_annotations_away(release: Release, removed: tuple[str, ...]) -> None:
    assert annotate(release, "alice", f"{INTENT}=pause@1", f"{BY}=alice").returncode == 0
    answer = annotate(release, "bob", *removed)
    assert answer.returncode == 0, answer.stderr


def test_whoever_reapplies_both_annotations_unchanged_is_let_through(release: Release) -> None:
    """A GitOps tool sends the whole object again, here with another spec and the annotations that it found."""
    assert annotate(release, "alice", f"{INTENT}=pause@1", f"{BY}=alice").returncode == 0
    manifest = json.loads(rollout(intent="pause@1", intent_by="alice"))
    manifest["spec"]["workload"]["replicas"] = 5
    for how in (["--server-side", "--force-conflicts", "--field-manager=argocd-controller"], []):
        answer = release.kubectl("apply", *how, "-f", "-", user="bob", input=json.dumps(manifest))
        assert answer.returncode == 0, answer.stderr


def test_reapplying_what_git_holds_leaves_the_decision_and_its_name(release: Release) -> None:
    assert annotate(release, "alice", f"{INTENT}=pause@1", f"{BY}=alice").returncode == 0
    how = ["--server-side", "--force-conflicts", "--field-manager=argocd-controller"]
    answer = release.kubectl("apply", *how, "-f", "-", user="bob", input=rollout())
    assert answer.returncode == 0, answer.stderr
    annotations = json.loads(release.kubectl("get", "modelrollout", "chat", "-o", "json").stdout)["metadata"][
        "annotations"
    ]
    assert (annotations[INTENT], annotations[BY]) == ("pause@1", "alice")


def test_a_rollout_that_is_created_with_somebody_elses_name_is_refused(release: Release) -> None:
    manifest = json.loads(rollout(intent="pause@1", intent_by="bob"))
    manifest["metadata"]["name"] = "other"
    answer = release.kubectl("create", "-f", "-", user="alice", input=json.dumps(manifest))
    assert refused(answer, "Write serinus.dev/intent-by: alice"), answer.stderr


def test_the_operator_writes_its_finalizer_and_status_beside_a_persons_decision(release: Release) -> None:
    assert annotate(release, "alice", f"{INTENT}=pause@1", f"{BY}=alice").returncode == 0
    finalizer = '{"metadata":{"finalizers":["serinus.dev/finalizer"]}}'
    answer = release.kubectl("patch", "modelrollout", "chat", "--type=merge", "-p", finalizer, user=OPERATOR)
    assert answer.returncode == 0, answer.stderr
    manifest = json.loads(rollout())
    status = {key: manifest[key] for key in ("apiVersion", "kind")}
    status |= {"metadata": {"name": "chat"}, "status": {"phase": "Paused"}}
    # Not `kubectl patch`: that reads the subresource first, which the operator has no need and no right to do.
    how = ["--server-side", "--subresource=status", "--field-manager=serinus"]
    answer = release.kubectl("apply", *how, "-f", "-", user=OPERATOR, input=json.dumps(status))
    assert answer.returncode == 0, answer.stderr
    found = json.loads(release.kubectl("get", "modelrollout", "chat", "-o", "json").stdout)
    assert found["status"]["phase"] == "Paused"


def test_a_name_cannot_be_written_through_the_status(release: Release) -> None:
    assert annotate(release, "alice", f"{INTENT}=pause@1", f"{BY}=alice").returncode == 0
    sneaky = json.dumps({"metadata": {"annotations": {BY: "bob"}}, "status": {"phase": "Paused"}})
    release.kubectl("patch", "modelrollout", "chat", "--subresource=status", "--type=merge", "-p", sneaky)
    found = json.loads(release.kubectl("get", "modelrollout", "chat", "-o", "json").stdout)
    assert found["metadata"]["annotations"][BY] == "alice"


def test_where_names_are_required_a_decision_without_one_is_refused_with_what_to_write(strict: Release) -> None:
    answer = annotate(strict, "alice", f"{INTENT}=abort@1")
    assert refused(answer, "no name beside it", "Write serinus.dev/intent-by: alice"), answer.stderr
    assert annotate(strict, "alice", f"{INTENT}=abort@1", f"{BY}=alice").returncode == 0


def test_an_exempt_user_restores_decisions_of_others(strict: Release) -> None:
    answer = annotate(strict, BACKUP, f"{INTENT}=pause@1", f"{BY}=alice")
    assert answer.returncode == 0, answer.stderr


def test_a_release_for_its_own_namespaces_leaves_other_namespaces_alone(release: Release, namespace: str) -> None:
    manifest = json.loads(rollout(intent="pause@1", intent_by="somebody"))
    manifest["metadata"]["namespace"] = namespace
    answer = release.api_server.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(manifest))
    # The cluster may hold a release for all namespaces too, whose policy then speaks; ours must not.
    assert f"{release.namespace}'" not in answer.stderr, answer.stderr
