"""The chart, installed by Helm on a real API server."""

import json
from collections.abc import Iterator

import pytest

from tests.api_server.conftest import ApiServer
from tests.api_server.release import NAME, OPERATOR, Release, eventually, installed

pytestmark = [pytest.mark.api_server, pytest.mark.xdist_group("chart")]


@pytest.fixture(scope="module")
def release(with_crds: ApiServer) -> Iterator[Release]:
    with installed(with_crds, replicas=2, networkPolicy={"enabled": True}) as release:
        yield release


def test_an_upgrade_leaves_the_holder_of_the_lease_alone(release: Release) -> None:
    held = {"holderIdentity": "serinus-0", "leaseDurationSeconds": 15, "leaseTransitions": 3}
    patch = ["patch", "lease", NAME, "--type=merge", "-p", json.dumps({"spec": held})]
    assert release.kubectl(*patch).returncode == 0
    release.upgrade(replicas=3, log={"level": "debug"})
    assert json.loads(release.kubectl("get", "lease", NAME, "-o", "json").stdout)["spec"] == held


def test_the_operator_may_renew_its_lease_and_no_other(release: Release) -> None:
    for verb in ("get", "update"):
        assert release.may(OPERATOR, verb, f"leases.coordination.k8s.io/{NAME}")
        assert not release.may(OPERATOR, verb, "leases.coordination.k8s.io/another")


def test_the_operator_reads_no_secret_anywhere(release: Release) -> None:
    for verb in ("get", "list", "watch"):
        assert not release.may(OPERATOR, verb, "secrets")
        assert not release.may(OPERATOR, verb, "secrets", "--all-namespaces")


def test_an_operator_for_listed_namespaces_has_no_right_in_another_one(release: Release, namespace: str) -> None:
    assert release.may(OPERATOR, "create", "deployments.apps")
    for verb, what in (("create", "deployments.apps"), ("list", "pods"), ("patch", "modelrollouts.serinus.dev")):
        assert not release.may(OPERATOR, verb, what, f"--namespace={namespace}")


def test_built_in_roles_cover_rollouts(release: Release) -> None:
    for role in ("view", "edit", "admin"):
        bound = release.kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}-user")
        assert bound.returncode == 0, bound.stderr
    rollouts = "modelrollouts.serinus.dev"
    eventually("view may look", lambda: release.may("view-user", "list", rollouts))
    eventually("edit may write", lambda: release.may("edit-user", "patch", rollouts))
    eventually("admin may write", lambda: release.may("admin-user", "delete", rollouts))
    assert not release.may("view-user", "patch", rollouts)
    assert not release.may("edit-user", "patch", rollouts, "--subresource=status")


def test_the_pod_is_let_in_where_pod_security_is_restricted(release: Release) -> None:
    level = "pod-security.kubernetes.io/enforce=restricted"
    assert release.kubectl("label", "--overwrite", "namespace", release.namespace, level).returncode == 0
    deployment = json.loads(release.kubectl("get", "deployment", NAME, "-o", "json").stdout)
    template = deployment["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "trial"}, "spec": template["spec"]}
    answer = release.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps(pod))
    assert answer.returncode == 0, answer.stderr


def test_uninstalling_leaves_the_definition_and_the_rollouts(with_crds: ApiServer) -> None:
    manifest = {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelRollout",
        "metadata": {"name": "chat"},
        "spec": {
            "workload": {"deployment": "chat", "replicas": 1},
            "traffic": {"httpRoute": "chat"},
            "slis": [{"preset": "vllm/success-rate", "objective": "99%"}],
        },
    }
    with installed(with_crds) as release:
        created = release.kubectl("create", "-f", "-", input=json.dumps(manifest))
        assert created.returncode == 0, created.stderr
        with release.helm() as helm:
            helm.uninstall(NAME)
        assert release.kubectl("get", "modelrollout", "chat").returncode == 0
        assert release.kubectl("get", "lease", NAME).returncode != 0
