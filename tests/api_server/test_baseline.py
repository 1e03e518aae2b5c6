"""Fresh pods of stable beside the candidate, on a real API server with real controllers and a real Prometheus."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from serinus.core.baseline import CLOCKS_DIFFER
from tests.api_server.process import Operator, kubeconfig_for
from tests.api_server.proxy import Fault, Proxy, Request
from tests.api_server.stage import Behaviour, Stage, is_ready

pytestmark = pytest.mark.api_server

FRESH = {"interval": "1s", "maxHold": "10m", "assumedDispersion": 1, "baseline": "fresh"}
STEPS = [{"weight": 25, "hold": "3s"}, {"weight": 50, "hold": "3s"}]


def grown_up(stage: Stage) -> str:
    """Wait until stable's pods are older than any trial to come; its revision."""
    revision = str(stage.status()["stable"]["revision"])
    time.sleep(CLOCKS_DIFFER + 2)
    stage.warm = stage.pods_of(revision)
    assert len(stage.warm) == 4
    return revision


def replicas(stage: Stage, revision: str) -> int:
    deployment: Any = stage.api.get("Deployment", stage.namespace, f"chat-{revision}")
    return int(deployment["spec"]["replicas"])


def fresh_and_ready(stage: Stage, revision: str) -> int:
    pods = stage.api.list("Pod", stage.namespace, f"serinus.dev/revision={revision}")
    return sum(is_ready(one) and one["metadata"]["name"] not in stage.warm for one in pods)


@contextmanager
def watched(stage: Stage, revision: str) -> Iterator[list[tuple[int, int, int, int]]]:
    """What is seen all the time: the candidate's weight, and of stable the replicas, ready pods and fresh ones of
    these. The weight is read first: what it needs must be there by then."""
    seen: list[tuple[int, int, int, int]] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            weight = stage.weights()[1]
            pods = stage.api.list("Pod", stage.namespace, f"serinus.dev/revision={revision}")
            up = [one["metadata"]["name"] for one in pods if is_ready(one)]
            seen.append((weight, replicas(stage, revision), len(up), sum(name not in stage.warm for name in up)))

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join(10)


def test_fresh_pods_come_before_each_share_and_go_after_the_promotion(healthy: Stage) -> None:
    healthy.rollout(analysis=FRESH, steps=STEPS)
    old = grown_up(healthy)
    with watched(healthy, old) as seen:
        healthy.source("v2")
        told: list[Any] = []

        def promoted() -> bool:
            status = healthy.status()
            told.append(status.get("baseline"))
            return status.get("phase") == "Healthy" and healthy.versions()[status["stable"]["revision"]] == "v2"

        healthy.wait_until(promoted, 180, lambda: f"not promoted: {healthy.status()}")
        healthy.wait_until(lambda: replicas(healthy, old) == 0, 30, lambda: "v1 kept its pods")
    with_share = [one for one in seen if 0 < one[0] < 100]
    assert {one[0] for one in with_share} == {25, 50}
    # 4 and as many as the candidate has: 1 at 25 %, 2 at 50 %.
    assert min(fresh for weight, _, _, fresh in with_share if weight == 25) == 1
    assert min(fresh for weight, _, _, fresh in with_share if weight == 50) == 2
    assert max(asked for _, asked, _, _ in seen) == 6
    assert min(up for weight, _, up, _ in seen if weight) >= 4
    after = {asked for weight, asked, _, _ in seen[seen.index(with_share[-1]) :] if weight == 0} - {0}
    assert after in ({6, 4}, {4}), "the fresh pods did not go first"
    assert {"revision": old, "ready": 2} in told
    assert "baseline" not in healthy.status()


def test_the_fresh_pods_go_after_the_traffic_of_a_bad_version_and_stable_keeps_its_own(healthy: Stage) -> None:
    healthy.rollout(analysis=FRESH, steps=STEPS)
    old = grown_up(healthy)
    healthy.behaves("v2", errors=0.2)
    with watched(healthy, old) as seen:
        healthy.source("v2")
        healthy.wait_for(90, phase="RolledBack")
        healthy.wait_until(lambda: replicas(healthy, old) == 4, 30, lambda: "the fresh pods stayed")
        healthy.stays(3, lambda: replicas(healthy, old) == 4, "stable has not as many pods as before")
    assert all(asked > 4 for weight, asked, _, _ in seen if weight), "they went before the traffic"
    assert min(up for _, _, up, _ in seen) >= 4
    assert "http/success-rate is worse" in healthy.status()["message"]


def test_a_candidate_that_is_as_cold_as_fresh_pods_of_stable_is_promoted(healthy: Stage) -> None:
    """A pod that is young fails one request in ten, of whatever version it is."""
    healthy.rollout(analysis=FRESH, steps=STEPS)
    grown_up(healthy)
    healthy.cold = Behaviour(errors=0.1)
    healthy.source("v2")
    status = healthy.wait_for(180, phase="Healthy", attempt=1, reason="Healthy")
    assert healthy.versions()[status["stable"]["revision"]] == "v2"
    (told,) = status["slis"]
    assert 8 < float(told["stable"].rstrip("%")) < 12, "it was compared with old pods too"


def test_the_same_candidate_beside_old_pods_is_taken_back(healthy: Stage) -> None:
    healthy.rollout(steps=STEPS)
    grown_up(healthy)
    healthy.cold = Behaviour(errors=0.1)
    healthy.source("v2")
    healthy.wait_for(90, phase="RolledBack")


def test_accelerators_for_the_fresh_pods_are_missed_beforehand(stage: Stage, operator: Operator) -> None:
    stage.operator_words = operator.words
    stage.source("v1", gpus=1)
    stage.route()
    stage.rollout(analysis=FRESH, steps=STEPS)
    stage.wait_for(phase="Healthy")
    old = grown_up(stage)
    stage.rollout(analysis=FRESH, steps=STEPS, workload={"deployment": "chat", "replicas": 4, "maxExtraGPUs": 4})
    stage.source("v2", gpus=1)
    status = stage.wait_for(30, phase="Invalid")
    assert "needs 6 extra GPUs before promotion, 2 of them for fresh pods of stable" in status["message"]
    stage.rollout(analysis=FRESH, steps=STEPS)
    stage.source("v2", gpus=7)
    status = stage.wait_for(30, phase="Preparing", reason="InsufficientCapacity")
    # 4 pods of the candidate, and room for 2 of stable's, which ask for less than one of these.
    assert "needs 35 x nvidia.com/gpu" in status["message"], status["message"]
    assert replicas(stage, old) == 4
    assert set(stage.versions().values()) == {"v1"}
    assert stage.condition("CapacityAvailable")["status"] == "False"


def test_an_operator_that_is_killed_in_mid_trial_goes_on_beside_the_same_fresh_pods(
    healthy: Stage, operator: Operator
) -> None:
    healthy.rollout(analysis=FRESH, steps=[{"weight": 25, "hold": "20s"}, {"weight": 50, "hold": "3s"}])
    old = grown_up(healthy)
    healthy.source("v2")
    healthy.wait_until(lambda: healthy.weights() == (75, 25), 60, lambda: f"no trial: {healthy.status()}")
    time.sleep(3)
    operator.kill()
    before = healthy.pods_of(old)
    assert (len(before), fresh_and_ready(healthy, old)) == (5, 1)
    time.sleep(2)
    operator.start()
    healthy.stays(8, lambda: healthy.pods_of(old) == before, "fresh pods were made again, or taken away")
    status = healthy.wait_for(180, phase="Healthy", attempt=1, reason="Healthy")
    assert healthy.versions()[status["stable"]["revision"]] == "v2"
    causes = [one["cause"] for one in reversed(status["decisions"])]
    assert causes == ["finish", "start", "step", "step", "promote", "finish"]
    healthy.wait_until(lambda: replicas(healthy, old) == 0, 30, lambda: "v1 kept its pods")


class Killer:
    """Kills the operator at the first of each different number of pods that it writes: before the write, or after."""

    def __init__(self, gate: Proxy, when: str) -> None:
        self.operator: Operator | None = None
        self.killed: list[tuple[str, int]] = []
        if when == "before":
            gate.before = self.before
        else:
            gate.after = self.after

    def before(self, request: Request) -> Fault | None:
        return Fault(cut=True) if self._kill(request) else None

    def after(self, request: Request, status: int) -> None:
        if status < 300:
            self._kill(request)

    def _kill(self, request: Request) -> bool:
        if request.method != "PATCH" or "/deployments/chat-" not in request.path or self.operator is None:
            return False
        revision = request.path.rpartition("-")[2]
        written = [
            one["value"] for one in json.loads(request.body) if one["path"] == "/spec/replicas" and one["op"] != "test"
        ]
        words = [(revision, pods) for pods in written if (revision, pods) not in self.killed]
        if not words:
            return False
        self.killed += words
        os.kill(self.operator.pid, signal.SIGKILL)
        return True


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_operator_that_is_killed_at_each_number_of_pods_makes_none_again(
    stage: Stage, tmp_path: Path, prometheus: Proxy, gate: Proxy, when: str
) -> None:
    killer = Killer(gate, when)
    operator = Operator(
        tmp_path,
        namespaces=[stage.namespace],
        kubeconfig=kubeconfig_for(gate.address, stage.api.token, tmp_path),
        prometheus=prometheus.address,
        lease_seconds=3.0,
    ).start()
    stage.operator_words = operator.words
    try:
        stage.source("v1")
        stage.route()
        stage.rollout(analysis=FRESH, steps=STEPS)
        stage.wait_for(60, phase="Healthy")
        old = grown_up(stage)
        killer.operator = operator
        made: set[str] = set()
        stage.source("v2")

        def promoted() -> bool:
            made.update(stage.pods_of(old))
            status = stage.status()
            return (status.get("attempt"), status.get("phase")) == (1, "Healthy")

        stage.wait_until(promoted, 240, lambda: f"{stage.status()}")
        stage.wait_until(lambda: replicas(stage, old) == 0, 60, lambda: "v1 kept its pods")
    finally:
        operator.stop()
    of_old = [pods for revision, pods in killer.killed if revision == old]
    assert of_old in ([5, 6, 4, 0], [5, 6, 0]), "a former stable that loses all its pods late needs not go by 4"
    assert len(made) == 6, "fresh pods were made again"
    causes = [one["cause"] for one in reversed(stage.status()["decisions"])]
    assert causes == ["finish", "start", "step", "step", "promote", "finish"]
