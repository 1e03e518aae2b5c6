"""Error budgets on a real API server with a real Prometheus: what is spent starts nothing, what burns goes no further,
and who burns it is taken back."""

import pytest

from tests.api_server.stage import Stage

pytestmark = pytest.mark.api_server

BUDGET = {"objective": "95%", "window": "1h", "sli": "http/success-rate"}


def budgeted(stage: Stage, **budget: object) -> Stage:
    """The same rollout with an error budget of 5 % over an hour, counted in buckets of 20 s."""
    stage.rollout(errorBudget={**BUDGET, **budget})
    return stage


def wait_for_budget(stage: Stage, reason: str, seconds: float = 90.0) -> dict[str, object]:
    """Wait until the condition BudgetAvailable has this reason."""
    stage.wait_until(
        lambda: stage.condition("BudgetAvailable").get("reason") == reason,
        seconds,
        lambda: f"BudgetAvailable did not become {reason}: {stage.status()}",
    )
    return dict(stage.condition("BudgetAvailable"))


def test_a_spent_budget_starts_nothing_until_a_person_says_so(healthy: Stage) -> None:
    healthy.behaves("v1", errors=0.2)
    budgeted(healthy)
    said = wait_for_budget(healthy, "Spent")
    assert said["status"] == "False"
    healthy.source("v2")
    status = healthy.wait_for(30, phase="Paused", reason="BudgetSpent")
    assert "serinus.dev/intent=retry@TOKEN" in status["message"], status["message"]
    assert "is left" in status["message"], status["message"]
    assert status["budget"]["remaining"].startswith("-"), status["budget"]
    assert healthy.condition("Ready")["status"] == "False"
    healthy.stays(5, lambda: set(healthy.versions().values()) == {"v1"}, "a trial was started on a spent budget")
    healthy.ask("retry", "t1")
    healthy.wait_until(lambda: healthy.weights() == (75, 25), 60, lambda: f"it did not start: {healthy.status()}")
