"""A real API server, with nothing but the CRD, refuses wrong manifests with a sentence, and takes the examples."""

import re
from pathlib import Path
from subprocess import CompletedProcess
from typing import Protocol

import pytest
import yaml

from tests.wrong_manifests.load import Wrong, load

ROOT = Path(__file__).parents[2]
CRD = ROOT / "crds" / "modelrollouts.serinus.dev.yaml"

pytestmark = pytest.mark.api_server


class ApiServer(Protocol):
    """What these tests need of the fixture `api_server`."""

    def kubectl(self, *args: str, input: str | None = None) -> CompletedProcess[str]:
        """Runs kubectl with an administrator's rights."""


@pytest.fixture(scope="module")
def with_crd(api_server: ApiServer) -> ApiServer:
    """The API server, with our CRD established."""
    applied = api_server.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRD))
    assert applied.returncode == 0, applied.stderr
    waited = api_server.kubectl("wait", "--for=condition=Established", "crd/modelrollouts.serinus.dev", "--timeout=30s")
    assert waited.returncode == 0, waited.stderr
    return api_server


@pytest.mark.parametrize("wrong", load("schema"), ids=lambda wrong: wrong.name)
def test_the_api_server_refuses_a_wrong_manifest_with_its_sentence(with_crd: ApiServer, wrong: Wrong) -> None:
    answer = with_crd.kubectl("apply", "--dry-run=server", "-f", "-", input=wrong.text)
    assert answer.returncode != 0, answer.stdout
    assert re.search(wrong.expect, answer.stderr), answer.stderr


@pytest.mark.parametrize("wrong", load("condition"), ids=lambda wrong: wrong.name)
def test_the_api_server_takes_what_only_the_operator_can_see(with_crd: ApiServer, wrong: Wrong) -> None:
    answer = with_crd.kubectl("apply", "--dry-run=server", "-f", "-", input=wrong.text)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_api_server_takes_every_example_and_adds_nothing_to_its_spec(with_crd: ApiServer, path: Path) -> None:
    rollouts = [one for one in yaml.safe_load_all(path.read_text()) if one["kind"] == "ModelRollout"]
    assert rollouts
    for rollout in rollouts:
        rollout["metadata"]["namespace"] = "default"
        answer = with_crd.kubectl("apply", "--dry-run=server", "-o", "yaml", "-f", "-", input=yaml.safe_dump(rollout))
        assert answer.returncode == 0, answer.stderr
        assert yaml.safe_load(answer.stdout)["spec"] == rollout["spec"]


def test_kubectl_explains_a_field_with_its_example_and_its_default(with_crd: ApiServer) -> None:
    explained = with_crd.kubectl("explain", "mro.spec.steps.hold").stdout
    assert "Least time at this weight" in explained
    assert "Example: `15m`." in explained
    assert "Default: `10m`." in explained
