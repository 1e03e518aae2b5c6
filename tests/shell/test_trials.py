"""What is exported of a trial, and for how long."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from serinus.core.evidence import Finding, Role, Verdict
from serinus.core.model import Shift
from serinus.core.needs import Started
from serinus.core.observed import Measured
from serinus.shell.trials import FAMILIES, KEPT_SECONDS, Trials
from tests.shell.test_measure import START, question

POD = Started(pod="chat-bbb-5d9f-0", role=Role.CANDIDATE, ready_since=START - 7.0)
FOUND = Finding(sli="errors", verdict=Verdict.PASS, reason="", sentence="", e_harm=0.25)


def exported(trials: Trials) -> set[tuple[str, frozenset[tuple[str, str]], float]]:
    registry = CollectorRegistry()
    registry.register(trials)
    text = generate_latest(registry).decode()
    families = text_string_to_metric_families(text)
    return {(one.name, frozenset(one.labels.items()), one.value) for each in families for one in each.samples}


def measured(verdict: Verdict = Verdict.PASS) -> Measured:
    return Measured(attempt=1, step=1, since=START, verdict=verdict, findings=(FOUND,), newest=START + 29.5)


def test_all_that_the_evidence_depends_on_beside_the_samples_is_exported() -> None:
    trials = Trials(clock=lambda: START + 31)
    asked = question(pods=(POD,), began=START - 60, drift_since=START + 20)
    trials.tell(asked, measured(), START + 30.25)
    own = {"rollout": "models/chat", "attempt": "1"}
    wanted = [
        ("began_timestamp_seconds", {"stable": "aaa", "candidate": "bbb"}, START - 60),
        ("shift_timestamp_seconds", {"step": "1", "weight": "20"}, START),
        ("look_timestamp_seconds", {"step": "1", "weight": "20", "verdict": "Pass"}, START + 30.25),
        ("newest_sample_timestamp_seconds", {}, START + 29.5),
        ("drift_timestamp_seconds", {}, START + 20),
        ("harm_evidence", {"sli": "errors"}, 0.25),
        ("pod_ready_timestamp_seconds", {"role": "candidate", "member": "chat-bbb-5d9f-0"}, START - 7),
    ]
    assert exported(trials) == {
        (f"serinus_trial_{name}", frozenset({**own, **labels}.items()), value) for name, labels, value in wanted
    }


def test_a_look_after_a_change_of_weight_says_what_the_rules_hear() -> None:
    """The numbers are still those of the step before, and must not be taken for a Pass of the new one."""
    trials = Trials(clock=lambda: START + 31)
    later = (Shift(at=START, weight=20, step=1), Shift(at=START + 30, weight=50, step=2))
    trials.tell(question(shifts=later, step=2, weight=50), measured(), START + 30.25)
    (look,) = [labels for name, labels, _ in exported(trials) if name.endswith("_look_timestamp_seconds")]
    assert {("step", "2"), ("weight", "50"), ("verdict", "NotEnough")} <= look


def test_without_traffic_nothing_is_exported() -> None:
    trials = Trials(clock=lambda: START)
    trials.tell(question(shifts=(), step=0, weight=0), Measured(), START)
    assert exported(trials) == set()


def test_the_last_look_stays_until_it_was_scraped_and_then_goes() -> None:
    now = START
    trials = Trials(clock=lambda: now)
    trials.tell(question(), measured(Verdict.FAIL), START)
    now = START + KEPT_SECONDS
    assert exported(trials)
    now += 1
    assert exported(trials) == set()
    assert trials._told, "the collector reads, in another thread"
    trials.tell(question("other"), measured(), now)
    assert list(trials._told) == ["models/other"], "nor is it remembered where nobody collects"


def test_the_documentation_names_every_series() -> None:
    page = (Path(__file__).parents[2] / "docs" / "backtest.md").read_text()
    assert all(f"| `{name}` |" in page for name in FAMILIES)
