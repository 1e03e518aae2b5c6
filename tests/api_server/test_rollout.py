"""Whole rollouts on a real API server with real controllers and a real Prometheus."""

import re

import pytest

from tests.api_server.stage import Stage

pytestmark = pytest.mark.api_server


def test_an_equal_version_is_promoted_and_its_pods_are_made_once(healthy: Stage) -> None:
    healthy.source("v2")
    status = healthy.wait_for(120, phase="Healthy", attempt=1, reason="Healthy")
    revision = status["stable"]["revision"]
    assert healthy.versions()[revision] == "v2"
    assert healthy.weights() == (100, 0)
    causes = [one["cause"] for one in reversed(status["decisions"])]
    assert causes == ["finish", "start", "step", "step", "promote", "finish"]
    pods = healthy.api.list("Pod", healthy.namespace, f"serinus.dev/revision={revision}")
    promoted = status["decisions"][0]["time"]
    assert len(pods) == 4
    assert all(pod["metadata"]["creationTimestamp"] < promoted for pod in pods), "promotion made pods again"
    events = {
        one["reason"] for one in healthy.api.list("Event", healthy.namespace) if "chat." in one["metadata"]["name"]
    }
    assert {"Start", "Step", "Promote", "Finish"} <= events


def test_a_bad_version_is_taken_back_with_the_numbers_and_not_tried_again(healthy: Stage) -> None:
    healthy.behaves("v2", errors=0.2)
    healthy.source("v2")
    status = healthy.wait_for(90, phase="RolledBack")
    assert healthy.weights() == (100, 0)
    assert healthy.versions()[status["stable"]["revision"]] == "v1"
    assert "http/success-rate" in status["message"], status["message"]
    (share,) = re.findall(r"candidate ([\d.]+)% of", status["message"])
    assert 18 < float(share) < 22, status["message"]
    stalled = healthy.condition("Stalled")
    assert (stalled["status"], healthy.condition("Ready")["status"]) == ("True", "False")
    healthy.stays(5, lambda: healthy.weights() == (100, 0), "a revision that was taken back was tried again")


def test_a_slow_version_is_taken_back_on_latency(healthy: Stage) -> None:
    healthy.rollout(slis=[{"preset": "http/latency", "p95": "500ms"}])
    healthy.behaves("v2", seconds=0.4)
    healthy.source("v2")
    status = healthy.wait_for(90, phase="RolledBack")
    assert "http/latency" in status["message"], status["message"]


FAULTS = [
    {"preset": "http/success-rate", "objective": "95%"},
    {"name": "faults", "rate": {"events": {"metric": "gpu_faults_total"}}, "perPodHour": 7200},
]
"""Two events a second of each pod are the objective: an hour's evidence in seconds."""


def test_a_version_that_answers_well_and_has_more_faults_is_taken_back_on_these(healthy: Stage) -> None:
    healthy.rollout(slis=FAULTS)
    healthy.behaves("v1", faults=0.1)
    healthy.behaves("v2", faults=30.0)
    healthy.source("v2")
    status = healthy.wait_for(120, phase="RolledBack")
    assert "faults is worse: " in status["message"], status["message"]
    assert "events per pod-hour against" in status["message"], status["message"]
    (told,) = [one for one in status["slis"] if one["name"] == "faults"]
    assert told["verdict"] == "Fail"
    assert told["candidate"].endswith("/h"), told
    assert healthy.weights() == (100, 0)


def test_a_version_with_as_few_faults_is_promoted(healthy: Stage) -> None:
    healthy.rollout(slis=FAULTS)
    healthy.behaves("v1", faults=0.1)
    healthy.behaves("v2", faults=0.1)
    healthy.source("v2")
    status = healthy.wait_for(180, phase="Healthy", attempt=1, reason="Healthy")
    assert healthy.versions()[status["stable"]["revision"]] == "v2"
    assert [one["name"] for one in status["slis"]] == ["http/success-rate", "faults"]
    causes = [one["cause"] for one in reversed(status["decisions"])]
    assert causes == ["finish", "start", "step", "step", "promote", "finish"]


QUALITY = [
    {"preset": "http/success-rate", "objective": "95%"},
    {"name": "quality", "histogram": {"metric": "answer_score", "worse": "lower"}},
]


def test_a_version_that_answers_well_and_is_scored_lower_is_taken_back_on_its_scores(healthy: Stage) -> None:
    healthy.rollout(slis=QUALITY)
    healthy.behaves("v2", low=0.4)
    healthy.source("v2")
    status = healthy.wait_for(120, phase="RolledBack")
    assert "quality is worse: candidate" in status["message"], status["message"]
    assert "at or below" in status["message"], status["message"]
    (told,) = [one for one in status["slis"] if one["name"] == "quality"]
    assert told["verdict"] == "Fail"
    assert healthy.weights() == (100, 0)


def test_a_version_whose_scores_are_as_high_is_promoted(healthy: Stage) -> None:
    healthy.rollout(slis=QUALITY)
    healthy.source("v2")
    status = healthy.wait_for(180, phase="Healthy", attempt=1, reason="Healthy")
    assert healthy.versions()[status["stable"]["revision"]] == "v2"
    assert [one["name"] for one in status["slis"]] == ["http/success-rate", "quality"]


def test_the_first_requests_of_a_pod_are_no_evidence_where_the_spec_says_so(healthy: Stage) -> None:
    """v2 fails everything until its caches are warm; without a warm-up that is a rollback within seconds."""
    healthy.rollout(workload={"deployment": "chat", "replicas": 4, "warmUpRequests": 2000})
    healthy.behaves("v2", errors=1.0)
    healthy.source("v2")
    healthy.wait_until(
        lambda: "The candidate warms up" in healthy.status().get("message", ""), 60, lambda: f"{healthy.status()}"
    )
    healthy.stays(8, lambda: healthy.weights() == (75, 25), "its first requests were judged")
    healthy.behaves("v2")
    status = healthy.wait_for(120, phase="Healthy", attempt=1, reason="Healthy")
    assert healthy.versions()[status["stable"]["revision"]] == "v2"


def test_more_accelerators_than_there_are_move_nothing(healthy: Stage) -> None:
    healthy.source("v2", gpus=9)
    healthy.wait_for(30, phase="Preparing", reason="InsufficientCapacity")
    status = healthy.status()
    assert "needs 36 x nvidia.com/gpu" in status["message"], status["message"]
    assert healthy.condition("CapacityAvailable")["status"] == "False"
    assert set(healthy.versions().values()) == {"v1"}
    assert healthy.weights() == (100, 0)
    healthy.source("v1")
    healthy.wait_for(30, phase="Healthy")


def test_a_revert_takes_the_candidate_back_at_once(on_trial: Stage) -> None:
    on_trial.source("v1")
    on_trial.wait_until(lambda: on_trial.weights() == (100, 0), 10, lambda: "traffic stayed on the candidate")
    on_trial.wait_for(30, phase="Healthy")


def test_a_newer_version_starts_from_weight_zero(on_trial: Stage) -> None:
    on_trial.source("v3")
    on_trial.wait_until(lambda: on_trial.weights() == (100, 0), 10, lambda: "traffic stayed on the candidate")
    on_trial.wait_until(lambda: on_trial.weights() == (75, 25), 60, lambda: f"v3 got nothing: {on_trial.status()}")
    candidate = on_trial.status()["candidate"]["revision"]
    assert on_trial.versions()[candidate] == "v3"


def test_intents_are_followed_once(on_trial: Stage) -> None:
    on_trial.ask("pause", "t1")
    on_trial.wait_for(20, phase="Paused")
    on_trial.ask("resume", "t2")
    on_trial.wait_for(20, phase="Analyzing")
    on_trial.ask("abort", "t3")
    status = on_trial.wait_for(20, phase="RolledBack")
    assert status["message"] == "Aborted at 25 % by anna."
    on_trial.ask("retry", "t4")
    on_trial.wait_until(lambda: on_trial.weights() == (75, 25), 60, lambda: f"no retry: {on_trial.status()}")
    on_trial.ask("promote-full", "t5")
    status = on_trial.wait_for(60, phase="Healthy")
    assert on_trial.versions()[status["stable"]["revision"]] == "v2"


def test_a_word_that_is_no_intent_is_answered_in_status(healthy: Stage) -> None:
    healthy.ask("destroy", "t1")
    healthy.wait_until(
        lambda: "write VERB@TOKEN" in healthy.status()["message"], 20, lambda: f"no answer: {healthy.status()}"
    )
    assert healthy.status()["phase"] == "Healthy"
