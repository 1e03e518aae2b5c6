"""A ModelRollout is deleted: in every phase, in the background and in the foreground, under load."""

from collections.abc import Callable

import pytest

from tests.api_server.process import Operator
from tests.api_server.stage import Stage

pytestmark = pytest.mark.api_server


def gone(stage: Stage) -> bool:
    return stage.api.get("ModelRollout", stage.namespace, "chat") is None


def let_go(stage: Stage) -> None:
    """Waits until the deleted resource is gone."""
    stage.wait_until(lambda: gone(stage), 30, lambda: "it was not let go")


def serves(stage: Stage) -> bool:
    """Every Service that has a weight selects a revision with ready pods."""
    scene = stage.scene()
    assert scene is not None
    ready = {revision for revision, _ in scene.pods.values()}
    return all(scene.selected[service] in ready for service, weight in scene.share.items() if weight)


def preparing(stage: Stage) -> None:
    stage.source("v2", nodeSelector={"pool": "nowhere"})
    stage.wait_for(30, phase="Preparing")


def analyzing(stage: Stage) -> None:
    stage.rollout(steps=[{"weight": 25, "hold": "5m"}])
    stage.source("v2")
    stage.wait_until(lambda: stage.weights() == (75, 25), 60, lambda: f"no trial: {stage.status()}")


def paused(stage: Stage) -> None:
    analyzing(stage)
    stage.ask("pause", "t1")
    stage.wait_for(20, phase="Paused")


def promoting(stage: Stage) -> None:
    stage.source("v2")
    stage.wait_for(90, phase="Promoting")


def rolled_back(stage: Stage) -> None:
    analyzing(stage)
    stage.ask("abort", "t1")
    stage.wait_for(20, phase="RolledBack")


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
@pytest.mark.parametrize("comes_to", [preparing, analyzing, paused, promoting, rolled_back])
def test_deleted_in_any_phase_the_model_serves_on(
    healthy: Stage, comes_to: Callable[[Stage], None], propagation: str
) -> None:
    comes_to(healthy)
    served = {revision: healthy.pods_of(revision) for revision in healthy.versions()}
    healthy.api.delete("ModelRollout", healthy.namespace, "chat", propagation)
    healthy.wait_until(lambda: not serves(healthy) or gone(healthy), 30, lambda: "it was not let go")
    healthy.stays(5, lambda: serves(healthy), "a Service with traffic selects nothing that is ready")
    service = healthy.api.get("Service", healthy.namespace, "chat-stable")
    assert service is not None
    stable = service["spec"]["selector"]["serinus.dev/revision"]
    healthy.wait_until(
        lambda: list(healthy.versions()) == [stable], 30, lambda: f"left: {healthy.versions()}, stable is {stable}"
    )
    assert healthy.pods_of(stable) == served[stable], "pods that serve were replaced"
    weights = healthy.weights()
    assert weights in ((100, 0), (0, 100)), weights
    candidate = healthy.api.get("Service", healthy.namespace, "chat-candidate")
    assert candidate is not None
    assert candidate["spec"]["selector"]["serinus.dev/revision"] == stable


def test_deleted_before_anything_is_stable_it_does_not_hang(stage: Stage, operator: Operator) -> None:
    stage.source("v1", nodeSelector={"pool": "nowhere"})
    stage.route()
    stage.rollout()
    stage.operator_words = operator.words
    stage.wait_for(30, phase="Initializing")
    stage.api.delete("ModelRollout", stage.namespace, "chat", "Foreground")
    let_go(stage)


def test_deleted_while_it_waits_for_the_route_its_pods_stay(stage: Stage, operator: Operator) -> None:
    stage.source("v1")
    stage.route(listed=False)
    stage.rollout()
    stage.operator_words = operator.words
    stage.wait_for(30, phase="Adopting")
    pods = {revision: stage.pods_of(revision) for revision in stage.versions()}
    stage.api.delete("ModelRollout", stage.namespace, "chat", "Foreground")
    let_go(stage)
    stage.stays(3, lambda: {one: stage.pods_of(one) for one in stage.versions()} == pods, "pods went")


@pytest.mark.parametrize(("policy", "left"), [("Orphan", True), ("Delete", False)])
def test_a_generated_route_stays_or_goes_as_the_policy_says(
    stage: Stage, operator: Operator, policy: str, left: bool
) -> None:
    stage.source("v1")
    traffic = {"gateway": "gateway-system/gateway", "hostnames": [f"{stage.namespace}.example.com"]}
    stage.rollout(traffic=traffic, deletionPolicy=policy)
    stage.operator_words = operator.words
    stage.wait_for(phase="Healthy")
    assert stage.weights() == (100, 0)
    stage.api.delete("ModelRollout", stage.namespace, "chat")
    let_go(stage)

    def there() -> bool:
        return stage.api.get("HTTPRoute", stage.namespace, "chat") is not None

    if not left:
        stage.wait_until(lambda: not there(), 20, lambda: "the route stayed")
        return
    stage.stays(3, there, "the route went, and with it the traffic")
    names = [f"again.{stage.namespace}.example.com"]
    stage.rollout(traffic={**traffic, "hostnames": names}, deletionPolicy="Delete")

    def hostnames() -> list[str]:
        return list((stage.api.get("HTTPRoute", stage.namespace, "chat") or {})["spec"]["hostnames"])

    stage.wait_until(lambda: hostnames() == names, 20, lambda: "the route that was left was not taken back")
    stage.api.delete("ModelRollout", stage.namespace, "chat")
    stage.wait_until(lambda: not there(), 30, lambda: "the route that was taken back stayed")


def test_a_service_that_someone_else_controls_is_not_deleted_with_the_rollout(stage: Stage, operator: Operator) -> None:
    stage.source("v1")
    stage.route()
    owner = stage.api.get("HTTPRoute", stage.namespace, "chat")
    assert owner is not None
    reference = {"apiVersion": owner["apiVersion"], "kind": "HTTPRoute", "name": "chat", "controller": True}
    metadata = {
        "name": "chat-stable",
        "namespace": stage.namespace,
        "labels": {"serinus.dev/rollout": "chat", "serinus.dev/role": "stable"},
        "ownerReferences": [{**reference, "uid": owner["metadata"]["uid"]}],
    }
    spec = {"selector": {"app": "other"}, "ports": [{"port": 8080}]}
    stage.api.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    stage.rollout(deletionPolicy="Delete")
    stage.operator_words = operator.words
    stage.wait_until(
        lambda: "belongs to HTTPRoute chat" in stage.status().get("message", ""), 30, lambda: f"{stage.status()}"
    )
    stage.api.delete("ModelRollout", stage.namespace, "chat")
    let_go(stage)
    service = stage.api.get("Service", stage.namespace, "chat-stable")
    assert service is not None, "it was deleted"
    assert service["spec"]["selector"] == {"app": "other"}
    assert "serinus.dev/rollout-uid" not in service["metadata"].get("annotations", {})


def test_created_again_it_takes_back_what_it_left(on_trial: Stage) -> None:
    stable = on_trial.status()["stable"]["revision"]
    pods = on_trial.pods_of(stable)
    on_trial.api.delete("ModelRollout", on_trial.namespace, "chat")
    let_go(on_trial)
    on_trial.source("v1")
    on_trial.rollout()
    status = on_trial.wait_for(30, phase="Healthy")
    assert status["stable"]["revision"] == stable
    assert on_trial.pods_of(stable) == pods, "pods were made again"


def test_deleted_with_delete_leaves_nothing(healthy: Stage) -> None:
    healthy.rollout(deletionPolicy="Delete")
    healthy.api.delete("ModelRollout", healthy.namespace, "chat")
    let_go(healthy)
    assert not healthy.versions()
    for role in ("stable", "candidate"):
        assert healthy.api.get("Service", healthy.namespace, f"chat-{role}") is None
