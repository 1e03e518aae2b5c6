"""A build takes over a rollout in flight from the one before it."""

from pathlib import Path

import pytest

from tests.api_server.capture import restore
from tests.api_server.process import Operator
from tests.api_server.stage import Stage, is_ready

pytestmark = pytest.mark.api_server

OWNER_REFERENCES = Path(__file__).with_name("in_flight") / "owner_references.yaml"
"""Left by the last build that owned its objects by owner references: 25 % on v2, evidence under way."""


@pytest.fixture
def in_flight(stage: Stage) -> Stage:
    """The old build is gone, its pods run, and requests come."""
    restore(OWNER_REFERENCES, stage.api, stage.namespace)

    def running() -> bool:
        pods = stage.api.list("Pod", stage.namespace, "serinus.dev/rollout=chat")
        return len(pods) == 5 and all(map(is_ready, pods))

    stage.wait_until(running, 30, lambda: "the pods of the old build do not run")
    return stage


def test_the_trial_goes_on_at_its_step_and_no_pod_is_made_again(
    in_flight: Stage, request: pytest.FixtureRequest
) -> None:
    before = in_flight.status()
    pods = {revision: in_flight.pods_of(revision) for revision in in_flight.versions()}
    operator: Operator = request.getfixturevalue("operator")
    in_flight.operator_words = operator.words
    in_flight.stays(10, lambda: in_flight.weights() == (75, 25), "the new build moved traffic")
    status = in_flight.status()
    assert (status["attempt"], status["step"]) == (before["attempt"], before["step"])
    assert status["decisions"] == before["decisions"]
    assert {revision: in_flight.pods_of(revision) for revision in in_flight.versions()} == pods
    in_flight.rollout()
    in_flight.wait_until(
        lambda: in_flight.versions()[in_flight.status()["stable"]["revision"]] == "v2",
        120,
        lambda: f"it did not finish: {in_flight.status()}",
    )


def test_what_the_old_build_owned_is_safe_from_the_garbage_collector_from_then_on(
    in_flight: Stage, request: pytest.FixtureRequest
) -> None:
    operator: Operator = request.getfixturevalue("operator")
    in_flight.operator_words = operator.words

    def owned() -> list[str]:
        kinds = ("Service", "Deployment")
        ours = [
            one for kind in kinds for one in in_flight.api.list(kind, in_flight.namespace, "serinus.dev/rollout=chat")
        ]
        assert len(ours) == 4
        return [one["metadata"]["name"] for one in ours if "ownerReferences" in one["metadata"]]

    assert owned()
    in_flight.wait_until(lambda: not owned(), 20, lambda: f"still owned: {owned()}")
