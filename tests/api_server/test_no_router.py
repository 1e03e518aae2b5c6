"""Whole rollouts without a router: a Service of Serinus' own, and requests shared by its endpoints."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.api_server.process import Operator, kubeconfig_for
from tests.api_server.proxy import Fault, Proxy, Request
from tests.api_server.stage import Stage

pytestmark = pytest.mark.api_server

SERVICE = "chat-live"
TRAFFIC = {"replicas": True, "service": SERVICE}
STEPS = [{"weight": 5, "hold": "3s"}, {"weight": 50, "hold": "3s"}]


@pytest.fixture
def shared(stage: Stage, operator: Operator) -> Stage:
    """v1 is stable, and clients use the Service."""
    stage.shared_by = SERVICE
    stage.operator_words = operator.words
    stage.source("v1")
    stage.rollout(traffic=TRAFFIC, steps=STEPS)
    stage.wait_for(phase="Healthy")
    return stage


@contextmanager
def watched(stage: Stage) -> Iterator[list[dict[str, int]]]:
    """Every different set of endpoints that is seen meanwhile, by version."""
    seen: list[dict[str, int]] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            now = stage.behind(SERVICE)
            if not seen or seen[-1] != now:
                seen.append(now)

    looker = threading.Thread(target=look, daemon=True)
    looker.start()
    try:
        yield seen
    finally:
        over.set()
        looker.join(10)


def test_an_equal_version_is_promoted_by_pods_which_are_made_once(shared: Stage) -> None:
    with watched(shared) as seen:
        shared.source("v2")
        shared.wait_until(
            lambda: (shared.status().get("weights") or {}).get("given") == 20, 60, lambda: f"{shared.status()}"
        )
        status = shared.status()
        assert status["weights"]["wanted"] == 5
        shared.wait_until(
            lambda: "at 20 % (5 % asked, 1 of 5 pods)" in shared.status()["message"], 30, lambda: f"{shared.status()}"
        )
        status = shared.wait_for(120, phase="Healthy", attempt=1, reason="Healthy")
    revision = status["stable"]["revision"]
    assert shared.versions()[revision] == "v2"
    assert shared.behind(SERVICE) == {"v2": 4}
    causes = [one["cause"] for one in reversed(status["decisions"]) if one["cause"] != "share"]
    assert causes[-4:] == ["step", "step", "promote", "finish"]
    promoted = status["decisions"][0]["time"]
    pods = shared.api.list("Pod", shared.namespace, f"serinus.dev/revision={revision}")
    assert len(pods) == 4
    assert all(pod["metadata"]["creationTimestamp"] < promoted for pod in pods), "promotion made pods again"
    assert {"v1": 4, "v2": 1} in seen
    assert all(sum(one.values()) >= 4 for one in seen), f"fewer than a whole revision answered: {seen}"


def test_a_bad_version_is_taken_back_by_the_selector(shared: Stage) -> None:
    shared.behaves("v2", errors=0.3)
    shared.source("v2")
    status = shared.wait_for(90, phase="RolledBack")
    assert "Rolled back at 20 %" in status["message"], status["message"]
    stable = status["stable"]["revision"]
    service = shared.api.get("Service", shared.namespace, SERVICE)
    assert service is not None
    assert service["spec"]["selector"] == {"serinus.dev/rollout": "chat", "serinus.dev/revision": stable}
    entry = json.loads(service["metadata"]["annotations"]["serinus.dev/split"])
    assert (entry["cause"], entry["weight"], entry["stable"]) == ("rollback", 0, stable)
    shared.wait_until(lambda: shared.behind(SERVICE) == {"v1": 4}, 10, lambda: f"{shared.behind(SERVICE)}")


def test_three_versions_never_answer_together(shared: Stage) -> None:
    shared.rollout(traffic=TRAFFIC, steps=[{"weight": 50, "hold": "5m"}], rollback={"drain": "3s", "window": 0})
    with watched(shared) as seen:
        shared.source("v2")
        shared.wait_until(lambda: shared.behind(SERVICE) == {"v1": 4, "v2": 4}, 60, lambda: f"{shared.status()}")
        shared.source("v3")
        shared.wait_until(lambda: shared.behind(SERVICE) == {"v1": 4, "v3": 4}, 90, lambda: f"{shared.status()}")
    assert all(one.keys() in ({"v1"}, {"v1", "v2"}, {"v1", "v3"}) for one in seen), seen
    assert {"v1": 4} in seen[1:], seen


def test_a_service_of_that_name_that_is_someone_elses_is_left_alone(stage: Stage, operator: Operator) -> None:
    stage.operator_words = operator.words
    stage.apply("v1", "Service", "chat", {"selector": {"app": "chat"}, "ports": [{"port": 80, "targetPort": 8080}]})
    before = stage.api.get("Service", stage.namespace, "chat")
    stage.source("v1")
    stage.rollout(traffic={"replicas": True}, steps=STEPS)
    stage.wait_for(60, reason="Conflict")
    said = stage.status()["message"]
    assert "Service chat exists and was not made by this ModelRollout" in said, said
    assert "write a name that is free as traffic.service, such as chat-live" in said, said
    assert stage.api.get("Service", stage.namespace, "chat") == before
    stage.rollout(traffic=TRAFFIC, steps=STEPS)
    stage.wait_for(60, phase="Healthy")
    assert stage.condition("TrafficIsolated")["status"] == "False", "the team's own Service selects the pods too"


def test_a_selector_that_someone_changed_is_put_right(shared: Stage) -> None:
    patch = {"spec": {"selector": {"serinus.dev/revision": None}}}
    shared.api.patch("Service", shared.namespace, SERVICE, patch)
    shared.wait_until(
        lambda: (
            "serinus.dev/revision" in ((shared.api.get("Service", shared.namespace, SERVICE) or {})["spec"]["selector"])
        ),
        20,
        lambda: f"{shared.status()}",
    )
    shared.wait_for(20, phase="Healthy")


def test_another_name_of_the_service_is_made_and_the_old_one_is_told(shared: Stage) -> None:
    shared.rollout(traffic={**TRAFFIC, "service": "chat-new"}, steps=STEPS)
    shared.wait_until(lambda: shared.behind("chat-new") == {"v1": 4}, 30, lambda: f"{shared.status()}")
    shared.wait_for(30, phase="Healthy", reason="Healthy")
    shared.wait_until(
        lambda: (
            f"Service {SERVICE} shared the requests before" in shared.condition("TrafficIsolated").get("message", "")
        ),
        20,
        lambda: f"{shared.status()}",
    )
    shared.shared_by = "chat-new"
    shared.source("v2")
    shared.wait_until(lambda: shared.behind("chat-new") == {"v1": 4, "v2": 1}, 60, lambda: f"{shared.status()}")
    assert shared.behind(SERVICE) == {"v1": 4}
    shared.wait_until(lambda: shared.behind("chat-new") == {"v2": 4}, 120, lambda: f"{shared.status()}")
    shared.wait_until(lambda: shared.behind(SERVICE) == {"v2": 4}, 20, lambda: "clients of the old Service are alone")


def test_a_service_that_someone_deleted_is_made_again(shared: Stage) -> None:
    shared.api.delete("Service", shared.namespace, SERVICE)
    shared.wait_until(lambda: shared.behind(SERVICE) == {"v1": 4}, 30, lambda: f"{shared.status()}")
    shared.wait_for(30, phase="Healthy", reason="Healthy")


@pytest.mark.parametrize("policy", ["Orphan", "Delete"])
def test_a_deleted_rollout_leaves_its_service_with_stable_or_takes_it_along(shared: Stage, policy: str) -> None:
    shared.rollout(traffic=TRAFFIC, steps=[{"weight": 50, "hold": "5m"}], deletionPolicy=policy)
    shared.source("v2")
    shared.wait_until(lambda: shared.behind(SERVICE) == {"v1": 4, "v2": 4}, 60, lambda: f"{shared.status()}")
    shared.api.delete("ModelRollout", shared.namespace, "chat", propagation="Foreground")
    shared.wait_until(
        lambda: shared.api.get("ModelRollout", shared.namespace, "chat") is None, 60, lambda: f"{shared.status()}"
    )
    if policy == "Orphan":
        assert shared.behind(SERVICE) == {"v1": 4}
        shared.rollout(traffic=TRAFFIC, steps=STEPS)
        shared.source("v1")
        shared.wait_for(60, phase="Healthy")
        assert shared.behind(SERVICE) == {"v1": 4}
    else:
        shared.wait_until(
            lambda: shared.api.get("Service", shared.namespace, SERVICE) is None, 30, lambda: "the Service stays"
        )


class Killer:
    """Kills the operator at the first of each different change of the share: before the write, or after it."""

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
        if request.method != "PATCH" or not request.path.endswith(f"/services/{SERVICE}") or self.operator is None:
            return False
        texts = [one["value"] for one in json.loads(request.body) if one["path"].endswith("serinus.dev~1split")]
        entries = [json.loads(text) for text in texts]
        words = [(one["cause"], one["step"]) for one in entries if one["cause"] != "share"]
        if not words or words[-1] in self.killed:
            return False
        self.killed.append(words[-1])
        os.kill(self.operator.pid, signal.SIGKILL)
        return True


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_operator_that_is_killed_at_each_change_of_the_share_loses_nothing(
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
    stage.shared_by, stage.operator_words = SERVICE, operator.words
    try:
        stage.source("v1")
        stage.rollout(traffic=TRAFFIC, steps=STEPS)
        stage.wait_for(60, phase="Healthy")
        killer.operator = operator
        stage.source("v2")
        stage.wait_until(
            lambda: (stage.status().get("attempt"), stage.status().get("phase")) == (1, "Healthy"),
            200,
            lambda: f"{stage.status()}",
        )
        stage.wait_until(lambda: stage.behind(SERVICE) == {"v2": 4}, 20, lambda: f"{stage.behind(SERVICE)}")
    finally:
        operator.stop()
    assert [cause for cause, _ in killer.killed] == ["start", "step", "step", "promote", "finish"]
    decisions = list(reversed(stage.status()["decisions"]))
    numbers = [one["number"] for one in decisions]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "an entry was lost or written twice"
    causes = [one["cause"] for one in decisions if one["cause"] != "share"]
    assert causes[-4:] == ["step", "step", "promote", "finish"]
