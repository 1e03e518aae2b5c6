"""`traffic` is changed: to another route in mid-trial, and to other host names of a route that Serinus makes."""

import pytest

from tests.api_server.process import Operator
from tests.api_server.stage import Stage

pytestmark = pytest.mark.api_server


def test_the_candidate_leaves_the_old_route_first_and_begins_again_on_the_new_one(on_trial: Stage) -> None:
    on_trial.route(name="chat-new")
    on_trial.rollout(traffic={"httpRoute": "chat-new"}, steps=[{"weight": 20, "hold": "2s"}])
    on_trial.wait_until(
        lambda: on_trial.weights("chat-new") == (80, 20) or on_trial.weights() == (100, 0), 20, on_trial.operator_words
    )
    assert on_trial.weights() == (100, 0), "the new route had a candidate while the old one still had it too"
    on_trial.carried_by = "chat-new"
    on_trial.wait_until(
        lambda: on_trial.weights("chat-new") == (80, 20), 60, lambda: f"not begun again: {on_trial.status()}"
    )
    on_trial.wait_until(
        lambda: on_trial.versions()[on_trial.status()["stable"]["revision"]] == "v2",
        120,
        lambda: f"it did not finish: {on_trial.status()}",
    )
    assert on_trial.weights() == on_trial.weights("chat-new") == (100, 0)


def test_a_route_that_is_deleted_with_the_change_leaves_no_weight_behind(on_trial: Stage) -> None:
    on_trial.wait_until(lambda: on_trial.status()["step"] == "1/2", 10, lambda: f"not told: {on_trial.status()}")
    on_trial.route(name="chat-new")
    on_trial.rollout(traffic={"httpRoute": "chat-new"}, steps=[{"weight": 20, "hold": "5m"}])
    on_trial.api.delete("HTTPRoute", on_trial.namespace, "chat")
    on_trial.carried_by = "chat-new"
    on_trial.wait_until(
        lambda: on_trial.weights("chat-new") == (80, 20), 60, lambda: f"not begun again: {on_trial.status()}"
    )
    on_trial.wait_until(
        lambda: [one["cause"] for one in on_trial.status()["decisions"]][:2] == ["step", "restart"],
        10,
        lambda: f"not told: {on_trial.status()['decisions']}",
    )


def test_a_generated_route_follows_its_host_names(stage: Stage, operator: Operator) -> None:
    def traffic(*names: str) -> dict[str, object]:
        return {"gateway": "gateway-system/gateway", "hostnames": [f"{one}.{stage.namespace}.com" for one in names]}

    stage.source("v1")
    stage.rollout(traffic=traffic("a"))
    stage.operator_words = operator.words
    stage.wait_for(phase="Healthy")
    stage.rollout(traffic=traffic("a", "b"))

    def hostnames() -> list[str]:
        route = stage.api.get("HTTPRoute", stage.namespace, "chat")
        assert route is not None
        return list(route["spec"]["hostnames"])

    stage.wait_until(lambda: len(hostnames()) == 2, 20, lambda: f"still {hostnames()}")
    stage.wait_for(20, phase="Healthy", reason="Healthy")
    assert stage.weights() == (100, 0)


SHARED = {"replicas": True, "service": "chat-live"}
HALF = [{"weight": 50, "hold": "2s"}]


def promoted(stage: Stage) -> bool:
    status = stage.status()
    return stage.versions().get(status["stable"]["revision"]) == "v2" and status["phase"] == "Healthy"


def test_from_a_route_to_shares_by_pods_the_route_is_left_with_stable_first(on_trial: Stage) -> None:
    on_trial.rollout(traffic=SHARED, steps=HALF)
    on_trial.wait_until(
        lambda: "v2" in on_trial.behind("chat-live") or on_trial.weights() == (100, 0), 20, on_trial.operator_words
    )
    assert on_trial.weights() == (100, 0), "the Service had the candidate while the route still had it too"
    on_trial.shared_by = "chat-live"
    on_trial.wait_until(
        lambda: on_trial.behind("chat-live") == {"v1": 4, "v2": 4},
        60,
        lambda: f"not begun again: {on_trial.status()}",
    )
    on_trial.wait_until(lambda: promoted(on_trial), 120, lambda: f"it did not finish: {on_trial.status()}")
    assert on_trial.behind("chat-live") == {"v2": 4}
    assert on_trial.weights() == (100, 0)


def test_from_shares_by_pods_to_a_route_the_service_is_left_with_stable_first(stage: Stage, operator: Operator) -> None:
    stage.shared_by, stage.operator_words = "chat-live", operator.words
    stage.source("v1")
    stage.rollout(traffic=SHARED, steps=[{"weight": 50, "hold": "5m"}])
    stage.wait_for(phase="Healthy")
    stage.source("v2")
    stage.wait_until(lambda: stage.behind("chat-live") == {"v1": 4, "v2": 4}, 60, lambda: f"{stage.status()}")
    stage.route()
    stage.rollout(traffic={"httpRoute": "chat"}, steps=HALF)
    stage.wait_until(
        lambda: stage.weights() == (50, 50) or stage.behind("chat-live") == {"v1": 4}, 20, stage.operator_words
    )
    assert stage.behind("chat-live") == {"v1": 4}, "the route had the candidate while the Service still had it too"
    stage.shared_by = ""
    stage.wait_until(lambda: stage.weights() == (50, 50), 60, lambda: f"not begun again: {stage.status()}")
    stage.wait_until(lambda: promoted(stage), 120, lambda: f"it did not finish: {stage.status()}")
    assert stage.weights() == (100, 0)
    stage.wait_until(lambda: stage.behind("chat-live") == {"v2": 4}, 20, lambda: "clients of the Service are alone")
    stage.stays(6, lambda: stage.behind("chat-live") == {"v2": 4}, "the Service lost its pods with the former stable")
