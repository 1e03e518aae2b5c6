"""Someone deletes the CustomResourceDefinition, and with it every ModelRollout, in the middle of a trial."""

import json

import pytest

from tests.api_server.conftest import ROOT, ApiServer
from tests.api_server.process import Operator
from tests.api_server.stage import Stage
from tests.api_server.test_deletion import gone, serves

pytestmark = [pytest.mark.api_server, pytest.mark.alone]

CRD = "modelrollouts.serinus.dev"


@pytest.fixture(autouse=True)
def _nothing_left(with_crds: ApiServer) -> None:
    """No operator is there any more for what earlier tests left, so nobody else would take its finalizers away."""
    listed = with_crds.kubectl("get", "modelrollouts", "--all-namespaces", "-o", "json")
    for one in json.loads(listed.stdout)["items"]:
        where = ("-n", one["metadata"]["namespace"], "modelrollout", one["metadata"]["name"])
        with_crds.kubectl("patch", *where, "--type=merge", '--patch={"metadata":{"finalizers":null}}')


def test_the_model_serves_on_and_is_taken_back_when_the_definition_is_there_again(
    on_trial: Stage, with_crds: ApiServer, operator: Operator
) -> None:
    stable = on_trial.status()["stable"]["revision"]
    pods = on_trial.pods_of(stable)
    deleted = with_crds.kubectl("delete", "crd", CRD, "--wait=false")
    assert deleted.returncode == 0, deleted.stderr
    on_trial.wait_until(
        lambda: not serves(on_trial) or with_crds.kubectl("get", "crd", CRD).returncode != 0,
        60,
        lambda: f"the definition stayed: {with_crds.kubectl('get', 'crd', CRD, '-o', 'yaml').stdout}",
    )
    on_trial.stays(5, lambda: serves(on_trial), "a Service with traffic selects nothing that is ready")
    assert gone(on_trial)
    assert on_trial.weights() == (100, 0)
    assert list(on_trial.versions()) == [stable]
    applied = with_crds.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    assert applied.returncode == 0, applied.stderr
    established = with_crds.kubectl("wait", "--for=condition=Established", f"crd/{CRD}", "--timeout=30s")
    assert established.returncode == 0, established.stderr
    on_trial.source("v1")
    on_trial.rollout()
    status = on_trial.wait_for(60, phase="Healthy")
    assert status["stable"]["revision"] == stable
    assert on_trial.pods_of(stable) == pods, "pods were made again"
    assert operator.running()
