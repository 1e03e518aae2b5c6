"""Prometheus down, slow, empty, partial and lying: nothing is taken back and nothing is promoted on it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.api_server.proxy import Fault, Proxy, Request
from tests.api_server.stage import Stage

pytestmark = pytest.mark.api_server


def series(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Callable[[Request, bytes], bytes]:
    """Alter the series of every answer."""

    def alter(request: Request, body: bytes) -> bytes:
        answer = json.loads(body)
        if "result" in answer.get("data", {}):
            answer["data"]["result"] = change(answer["data"]["result"])
        return json.dumps(answer).encode()

    return alter


def holds(stage: Stage, verdict: str) -> None:
    """The verdict appears, and for a while nothing moves."""
    stage.wait_until(lambda: stage.status().get("verdict") == verdict, 20, lambda: f"no {verdict}: {stage.status()}")
    assert stage.condition("EvidenceAvailable")["status"] == "False"
    stage.stays(6, lambda: stage.weights() == (75, 25), "traffic moved on missing evidence")


def recovers(stage: Stage) -> None:
    """Evidence comes again, and the rollout goes on to its end."""
    stage.rollout()
    stage.wait_until(
        lambda: stage.status()["phase"] == "Healthy" and stage.versions()[stage.status()["stable"]["revision"]] == "v2",
        120,
        lambda: f"it did not recover: {stage.status()}",
    )


def test_down(on_trial: Stage, prometheus: Proxy) -> None:
    prometheus.before = lambda request: Fault(cut=True)
    holds(on_trial, "ProviderDown")
    prometheus.before = lambda request: None
    recovers(on_trial)


def test_slower_than_its_time_out(on_trial: Stage, prometheus: Proxy) -> None:
    prometheus.before = lambda request: Fault(delay=10.0)
    holds(on_trial, "ProviderDown")


def test_failing(on_trial: Stage, prometheus: Proxy) -> None:
    prometheus.before = lambda request: Fault(status=503, body=b"overloaded")
    holds(on_trial, "ProviderDown")
    assert "overloaded" not in str(on_trial.status()), "a stranger's words are shown in status"


def test_empty(on_trial: Stage, prometheus: Proxy) -> None:
    prometheus.alter = series(lambda found: [])
    holds(on_trial, "NoData")


def test_partial(on_trial: Stage, prometheus: Proxy) -> None:
    def partial(request: Request, body: bytes) -> bytes:
        return json.dumps({**json.loads(body), "warnings": ["a store did not answer"]}).encode()

    prometheus.alter = partial
    holds(on_trial, "ProviderDown")


def test_not_a_number(on_trial: Stage, prometheus: Proxy) -> None:
    prometheus.alter = series(
        lambda found: [{**one, "values": [[at, "NaN"] for at, _ in one.get("values", ())]} for one in found]
    )
    holds(on_trial, "NoData")


def test_each_series_twice_counts_once(healthy: Stage, prometheus: Proxy) -> None:
    def twice(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return found + [{**one, "metric": {**one["metric"], "instance": "other:9090"}} for one in found]

    prometheus.alter = series(twice)
    healthy.source("v2")
    status = healthy.wait_for(120, phase="Healthy", attempt=1, reason="Healthy")
    assert healthy.versions()[status["stable"]["revision"]] == "v2"
