"""What people, pods, the gateway and the API server do to a rollout in the middle."""

import time

import pytest

from tests.api_server.process import Operator
from tests.api_server.proxy import Fault, Proxy, Request
from tests.api_server.stage import Stage

pytestmark = pytest.mark.api_server


def finishes(stage: Stage) -> None:
    """Without the long hold the rollout ends with v2 as stable."""
    stage.rollout()
    stage.wait_until(
        lambda: stage.status()["phase"] == "Healthy" and stage.versions()[stage.status()["stable"]["revision"]] == "v2",
        150,
        lambda: f"it did not finish: {stage.status()}",
    )


def test_candidate_containers_that_fail_three_times_are_taken_back(on_trial: Stage) -> None:
    candidate = on_trial.status()["candidate"]["revision"]
    pod = on_trial.api.list("Pod", on_trial.namespace, f"serinus.dev/revision={candidate}")[0]
    ended = {"exitCode": 1, "finishedAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    last = {"restartCount": 3, "lastState": {"terminated": ended}}
    statuses = [{**one, **last} for one in pod["status"]["containerStatuses"]]
    on_trial.api.patch(
        "Pod", on_trial.namespace, pod["metadata"]["name"], {"status": {"containerStatuses": statuses}}, "/status"
    )
    status = on_trial.wait_for(20, phase="RolledBack", reason="RolledBack")
    assert "failed 3 times" in status["message"]
    assert on_trial.weights() == (100, 0)


def test_a_candidate_that_cannot_be_scheduled_is_explained_and_given_up(healthy: Stage) -> None:
    healthy.rollout(workload={"deployment": "chat", "replicas": 4, "deadlines": {"schedule": "8s"}})
    healthy.source("v2", nodeSelector={"pool": "nowhere"})
    healthy.wait_for(30, phase="Preparing", reason="Unschedulable")
    assert "nodes are available" in healthy.status()["message"], healthy.status()["message"]
    status = healthy.wait_for(40, phase="RolledBack")
    assert "not ready after 8 s" in status["message"]


def test_weights_above_ours_are_corrected_at_once(on_trial: Stage) -> None:
    on_trial.route(weights=(10, 90))
    on_trial.wait_until(lambda: on_trial.weights() == (75, 25), 10, lambda: f"not corrected: {on_trial.status()}")
    on_trial.wait_until(
        lambda: on_trial.status()["decisions"][0]["cause"] == "reassert", 10, lambda: f"not told: {on_trial.status()}"
    )


def test_a_reapplied_route_of_git_is_safe_and_the_weights_come_back(on_trial: Stage) -> None:
    on_trial.route()
    assert on_trial.weights() == (100, 0)
    on_trial.wait_until(lambda: on_trial.weights() == (75, 25), 20, lambda: f"not corrected: {on_trial.status()}")
    finishes(on_trial)


def test_a_deleted_route_stops_the_rollout_until_it_is_back(on_trial: Stage) -> None:
    on_trial.api.delete("HTTPRoute", on_trial.namespace, "chat")
    on_trial.wait_for(20, reason="RouteMissing")
    on_trial.route()
    finishes(on_trial)


def test_a_route_that_no_gateway_accepts_stops_the_rollout(on_trial: Stage) -> None:
    route = on_trial.api.get("HTTPRoute", on_trial.namespace, "chat")
    assert route is not None
    rules = [{**route["spec"]["rules"][0], "filters": [{"type": "ExtensionRef", "extensionRef": {
        "group": "example.com", "kind": "Nothing", "name": "nowhere"}}]}]  # fmt: skip
    on_trial.api.patch("HTTPRoute", on_trial.namespace, "chat", {"spec": {"rules": rules}})
    on_trial.wait_for(30, reason="RouteNotAccepted")
    assert on_trial.condition("TrafficInSync")["status"] == "False"


def test_the_api_server_is_away_for_a_while(on_trial: Stage, gate: Proxy, operator: Operator) -> None:
    gate.before = lambda request: Fault(cut=True)
    time.sleep(20)
    gate.before = lambda request: None
    finishes(on_trial)


@pytest.mark.parametrize("status", [409, 429, 500])
def test_every_third_write_fails(healthy: Stage, gate: Proxy, status: int) -> None:
    writes = 0

    def every_third(request: Request) -> Fault | None:
        nonlocal writes
        if not request.is_write or "leases" in request.path:
            return None
        writes += 1
        body = (
            f'{{"kind":"Status","status":"Failure","code":{status},"reason":"Conflict","message":"as asked"}}'.encode()
        )
        return Fault(status=status, body=body, headers=(("Retry-After", "1"),)) if writes % 3 == 0 else None

    gate.before = every_third
    healthy.source("v2")
    finished = healthy.wait_for(150, phase="Healthy", attempt=1, reason="Healthy")
    causes = [one["cause"] for one in reversed(finished["decisions"])]
    assert causes == ["finish", "start", "step", "step", "promote", "finish"]


def test_a_stopped_operator_goes_on_where_it_was(on_trial: Stage, operator: Operator) -> None:
    assert operator.stop() == 0
    time.sleep(10)
    assert on_trial.weights() == (75, 25)
    operator.start()
    finishes(on_trial)
    assert on_trial.status()["attempt"] <= 2, "the trial was started again"


def test_a_killed_operator_goes_on_where_it_was(on_trial: Stage, operator: Operator) -> None:
    operator.kill()
    operator.start()
    finishes(on_trial)


def test_an_object_of_someone_else_is_named_and_not_touched(stage: Stage, operator: Operator) -> None:
    ports = [{"port": 8080}]
    stage.apply("v1", "Service", "chat-stable", {"selector": {"app": "other"}, "ports": ports})
    stage.source("v1")
    stage.route()
    stage.rollout()
    stage.wait_until(lambda: bool(stage.status().get("message")), 30, operator.words)
    assert "chat-stable" in stage.status()["message"], stage.status()["message"]
    service = stage.api.get("Service", stage.namespace, "chat-stable")
    assert service is not None
    assert service["spec"]["selector"] == {"app": "other"}
