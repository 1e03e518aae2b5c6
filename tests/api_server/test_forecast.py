"""The time that status says before a step, and the time that it takes: on a real API server, by a real Prometheus."""

from datetime import datetime

import pytest

from tests.api_server.api import Manifest
from tests.api_server.stage import Stage

pytestmark = pytest.mark.api_server


def began(status: Manifest) -> list[float]:
    """When each weight was set, the oldest first."""
    told = [one for one in reversed(status["decisions"]) if one["cause"] in ("step", "promote")]
    return [datetime.fromisoformat(one["time"]).timestamp() for one in told]


def test_an_equal_version_passes_its_steps_after_about_the_time_that_was_said(healthy: Stage) -> None:
    """Without history, since stable has just begun: the first looks tell its traffic, and noise is assumed."""
    healthy.rps = 200.0
    healthy.source("v2")
    said: dict[int, Manifest] = {}

    def is_over() -> bool:
        status = healthy.status()
        if told := status.get("forecast"):
            assert said.setdefault(told["step"], told) == told, "what was said of a step changed while it went on"
        return status.get("phase") == "Healthy" and bool(said)

    healthy.wait_until(is_over, 240, lambda: f"{healthy.status()}")
    status = healthy.status()
    assert status["attempt"] == 1
    assert "forecast" not in status, "the trial is over"
    first, second, promoted = began(status)
    took = {1: second - first, 2: promoted - second}
    words = f"said {said}, took {took}"
    for step, seconds in took.items():
        assert 0.6 < seconds / said[step]["seconds"] < 1.7, words
    assert 0.6 < sum(took.values()) / said[1]["rollout"] < 1.7, words
    assert "noise is assumed, which makes this slow" in said[1]["message"], words
    assert "About " in status["decisions"][2]["message"], "the second step's time is said where it begins"
    print(words)


def test_a_step_that_cannot_conclude_says_so_with_the_choices(healthy: Stage) -> None:
    healthy.rps = 20.0
    healthy.rollout(analysis={"interval": "1s", "maxHold": "20s"})
    healthy.source("v2")
    healthy.wait_until(
        lambda: healthy.condition("CanConclude").get("status") == "False", 60, lambda: f"{healthy.status()}"
    )
    said = healthy.condition("CanConclude")
    assert said["reason"] == "MaxHoldTooShort"
    assert "cannot conclude within maxHold (20 s)" in said["message"]
    assert "write a longer analysis.maxHold" in said["message"]
    status = healthy.wait_for(60, reason="Inconclusive")
    assert status["step"] == "1/2"
