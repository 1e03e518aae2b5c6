"""Whole rollouts on a real API server with real controllers and a real Prometheus."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api_server.process import Operator
from tests.api_server.stage import Stage

pytestmark = pytest.mark.api_server


@pytest.fixture
def healthy(stage: Stage, operator: Operator) -> Iterator[Stage]:
    """v1 is stable."""
    stage.source("v1")
    stage.route()
    stage.rollout()
    try:
        stage.wait_for(phase="Healthy")
        yield stage
    except AssertionError as error:
        raise AssertionError(f"{error}\n{operator.words()}") from error


def test_an_equal_version_is_promoted_and_no_pod_of_it_is_made_twice(healthy: Stage, tmp_path: Path) -> None:
    healthy.source("v2")
    status = healthy.wait_for(90, phase="Healthy", attempt=1, reason="Healthy")
    assert healthy.versions()[status["stable"]["revision"]] == "v2"
    assert healthy.weights() == (100, 0)
    causes = [one["cause"] for one in reversed(status["decisions"])]
    assert causes == ["finish", "start", "step", "step", "promote", "finish"]


def test_a_bad_version_is_taken_back_with_the_numbers(healthy: Stage) -> None:
    healthy.behaves("v2", errors=0.2)
    healthy.source("v2")
    status = healthy.wait_for(90, phase="RolledBack")
    assert healthy.weights() == (100, 0)
    assert healthy.versions()[status["stable"]["revision"]] == "v1"
    assert "http/success-rate" in status["message"], status["message"]
