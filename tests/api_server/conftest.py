"""A real API server for the tests of this folder: `make test-api-server` starts one and runs pytest beside it."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.api_server.api import Api
from tests.api_server.process import Operator, kubeconfig_for
from tests.api_server.proxy import Proxy
from tests.api_server.stage import Stage

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class ApiServer:
    """A real API server, reached with an administrator's rights."""

    kubeconfig: str

    def kubectl(self, *args: str, input: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl; the caller looks at the exit status."""
        return subprocess.run(
            ["kubectl", "--kubeconfig", self.kubeconfig, *args],
            input=input,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def apply(self, *args: str, manifest: str) -> None:
        """`kubectl apply` a manifest, and fail with kubectl's own words."""
        answer = self.kubectl("apply", "--server-side", "--force-conflicts", *args, "-f", "-", input=manifest)
        assert answer.returncode == 0, answer.stderr


@pytest.fixture(scope="session")
def api_server() -> ApiServer:
    """The API server that $KUBECONFIG names; without one the test fails, it is never skipped."""
    kubeconfig = os.environ.get("KUBECONFIG", "")
    if not kubeconfig or not Path(kubeconfig).is_file():
        pytest.fail(
            "These tests need a real API server: run `make test-api-server`, or start a cluster "
            "(python3 -m tests.cluster up --name NAME --shape control-plane) and run pytest inside it "
            "(python3 -m tests.cluster exec --name NAME -- …).",
            pytrace=False,
        )
    server = ApiServer(kubeconfig)
    answer = server.kubectl("version", "-o", "json")
    if answer.returncode != 0:
        pytest.fail(f"The API server of {kubeconfig} does not answer: {answer.stderr}", pytrace=False)
    return server


@pytest.fixture(scope="session")
def with_crds(api_server: ApiServer) -> ApiServer:
    """The API server with our CRD established."""
    applied = api_server.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    assert applied.returncode == 0, applied.stderr
    waited = api_server.kubectl("wait", "--for=condition=Established", "crd/modelrollouts.serinus.dev", "--timeout=30s")
    assert waited.returncode == 0, waited.stderr
    return api_server


@pytest.fixture
def namespace(api_server: ApiServer) -> Iterator[str]:
    """A namespace of the test's own, gone after it."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    created = api_server.kubectl("create", "namespace", name)
    assert created.returncode == 0, created.stderr
    yield name
    api_server.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def stage(with_crds: ApiServer, namespace: str) -> Iterator[Stage]:
    """The stage of one rollout, with requests."""
    with Stage(Api(with_crds.kubeconfig), namespace, os.environ["SERINUS_EXPORTER"]) as made:
        yield made


@pytest.fixture
def prometheus() -> Iterator[Proxy]:
    """The real Prometheus behind a proxy, through which a test makes it fail."""
    with Proxy(os.environ["SERINUS_PROMETHEUS"]) as proxy:
        yield proxy


@pytest.fixture
def gate(with_crds: ApiServer) -> Iterator[Proxy]:
    """The real API server behind a proxy, through which a test makes it fail."""
    api = Api(with_crds.kubeconfig)
    with Proxy(api.server, ca_file=api.ca_file) as proxy:
        yield proxy


@pytest.fixture
def operator(
    with_crds: ApiServer, namespace: str, tmp_path: Path, prometheus: Proxy, gate: Proxy
) -> Iterator[Operator]:
    """The real operator, serving the test's namespace, behind both proxies."""
    made = Operator(
        tmp_path,
        namespaces=[namespace],
        kubeconfig=kubeconfig_for(gate.address, Api(with_crds.kubeconfig).token, tmp_path),
        prometheus=prometheus.address,
    ).start()
    yield made
    made.stop()


@pytest.fixture
def healthy(stage: Stage, operator: Operator) -> Stage:
    """v1 is stable."""
    stage.source("v1")
    stage.route()
    stage.rollout()
    stage.operator_words = operator.words
    stage.wait_for(phase="Healthy")
    return stage


@pytest.fixture
def on_trial(healthy: Stage) -> Stage:
    """v2 is on trial at the first step, and stays there until it may pass: its hold is long."""
    healthy.rollout(steps=[{"weight": 25, "hold": "5m"}, {"weight": 50, "hold": "2s"}])
    healthy.source("v2")
    healthy.wait_until(lambda: healthy.weights() == (75, 25), 60, lambda: f"no trial: {healthy.status()}")
    return healthy
