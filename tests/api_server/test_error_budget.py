"""Error budgets on a real API server with a real Prometheus: what is spent starts nothing, what burns goes no further,
and who burns it is taken back."""

import pytest

from tests.api_server.proxy import Fault, Proxy
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


def test_a_service_that_burns_its_budget_holds_the_trial_and_takes_nothing_back(healthy: Stage) -> None:
    """An incident that both versions share: 40 % of all requests fail, from the middle of the first step on."""
    steps = [{"weight": 25, "hold": "5m"}, {"weight": 50, "hold": "3s"}]
    healthy.rollout(errorBudget={**BUDGET, "burn": 3}, steps=steps)
    wait_for_budget(healthy, "Available")
    healthy.source("v2")
    healthy.wait_until(lambda: healthy.weights() == (75, 25), 60, lambda: f"no trial: {healthy.status()}")
    healthy.behaves("v1", errors=0.4)
    healthy.behaves("v2", errors=0.4)
    status = healthy.wait_for(90, phase="Paused", reason="BudgetBurning")
    assert "Held at 25 %" in status["message"], status["message"]
    assert "over 1h and 5m" in status["message"], status["message"]
    assert status["nextAction"].startswith("a burn of 3x or less"), status["nextAction"]
    healthy.stays(30, lambda: healthy.weights() == (75, 25), "the weight was changed while the budget burnt")
    healthy.ask("resume", "t1")
    healthy.wait_until(
        lambda: "although the error budget burns" in str(healthy.status().get("intent")),
        20,
        lambda: f"resume was not followed: {healthy.status()}",
    )


def test_a_candidate_that_burns_the_budget_is_taken_back_with_its_burn(healthy: Stage) -> None:
    """Without an objective of its own the SLI is judged by the burn that the budget allows. 30 days are read in two
    widths of buckets; of all but the last minutes Prometheus has nothing."""
    healthy.rollout(slis=[{"preset": "http/success-rate"}], errorBudget={"objective": "95%"})
    said = wait_for_budget(healthy, "Available")
    assert "(95% over 30d) is left, by a history of" in str(said["message"]), said
    healthy.behaves("v2", errors=0.3)
    healthy.source("v2")
    status = healthy.wait_for(90, phase="RolledBack")
    assert "The candidate alone burns the error budget of http/success-rate (95% over 30d) at 6" in status["message"], (
        status
    )
    assert healthy.weights() == (100, 0)


def test_a_prometheus_that_is_away_starts_nothing_and_says_so(healthy: Stage, prometheus: Proxy) -> None:
    budgeted(healthy)
    wait_for_budget(healthy, "Available")
    prometheus.before = lambda request: Fault(cut=True)
    wait_for_budget(healthy, "NotKnown")
    healthy.source("v2")
    healthy.wait_for(30, phase="Paused", reason="BudgetUnknown")
    prometheus.before = lambda request: None
    healthy.wait_until(lambda: healthy.weights() == (75, 25), 90, lambda: f"no trial: {healthy.status()}")
