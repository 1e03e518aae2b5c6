"""A rollout replayed from the Prometheus that the operator judged it by: every decision comes out again."""

import json
import os
import re
import shlex
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from typer.testing import CliRunner, Result

from serinus.__main__ import app
from serinus.core.baseline import CLOCKS_DIFFER
from tests.api_server.api import Manifest
from tests.api_server.conftest import ApiServer
from tests.api_server.process import Operator
from tests.api_server.stage import Stage

pytestmark = pytest.mark.api_server

ROOT = Path(__file__).parents[2]
URL = "http://127.0.0.1:9090"
INTERVAL = 2.0
"""Two scrapes for each look: Prometheus sees all but those that fall due while the operator is busy."""
SPEC = {
    "steps": [{"weight": 25, "hold": "6s"}, {"weight": 50, "hold": "6s"}],
    "analysis": {"interval": "2s", "maxHold": "10m"},
}
RATIO = {"preset": "http/success-rate", "objective": "95%"}
LATENCY = {"preset": "http/latency", "p95": "1s"}


@pytest.fixture
def scraped(with_crds: ApiServer, namespace: str, tmp_path: Path) -> Iterator[Operator]:
    """The real operator, whose own metrics the Prometheus scrapes that it asks."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    target = Path(os.environ["SERINUS_TARGETS"]) / f"{namespace}.json"
    made = Operator(
        tmp_path,
        namespaces=[namespace],
        kubeconfig=with_crds.kubeconfig,
        prometheus=os.environ["SERINUS_PROMETHEUS"],
        port=port,
    ).start()
    target.write_text(json.dumps([{"targets": [f"127.0.0.1:{port}"]}]))
    yield made
    target.unlink()
    made.stop()


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What the command printed."""

    answers: list[dict[str, Any]]
    summary: str

    def first(self, **wanted: Any) -> float:
        """When a look first said this."""
        return next(float(one["t"]) for one in self.answers if all(one[key] == value for key, value in wanted.items()))

    def last_before(self, at: float) -> float:
        """The look that was decided on at this moment: no further one is made before that is done."""
        return max(float(one["t"]) for one in self.answers if one["t"] <= at)


def replay(stage: Stage, folder: Path, began: float, attempt: int) -> Replay:
    """`serinus backtest --prometheus`."""
    told = run(began, of_the_page("backtest.md", spec=str(rollout_file(stage, folder)), attempt=str(attempt)))
    return Replay(answers=[json.loads(line) for line in told.stdout.splitlines()], summary=told.stderr.strip())


def rollout_file(stage: Stage, folder: Path) -> Path:
    """The rollout as it is applied."""
    found: Any = stage.api.get("ModelRollout", stage.namespace, "chat")
    file = folder / "rollout.yaml"
    names = {"name": "chat", "namespace": stage.namespace}
    document = {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": names, "spec": found["spec"]}
    file.write_text(yaml.safe_dump(document))
    return file


def of_the_page(page: str, **told: str) -> list[str]:
    """The command as a page of docs/ shows it, with other values for some of its options."""
    (line,) = [
        one for one in (ROOT / "docs" / page).read_text().splitlines() if one.startswith("serinus") and URL in one
    ]
    words = shlex.split(line)[1:]
    for option, value in told.items():
        words[words.index(f"--{option}") + 1] = value
    return words


def run(began: float, words: list[str]) -> Result:
    """A command that reads the range from `began` until now."""
    for option, value in (("prometheus", os.environ["SERINUS_PROMETHEUS"]), ("from", began), ("to", time.time())):
        words[words.index(f"--{option}") + 1] = value if isinstance(value, str) else f"{value:.0f}"
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0, f"{told.stdout}\n{told.stderr}"
    return told


def said(operator: Operator, reason: str) -> list[tuple[float, str]]:
    """When the operator decided something for this reason, by its log, and its sentence."""
    lines = [json.loads(line) for line in operator.log.read_text().splitlines() if f'"reason": "{reason}"' in line]
    return [(datetime.fromisoformat(one["timestamp"]).timestamp(), one["event"]) for one in lines]


def decided(status: Manifest, cause: str) -> list[tuple[float, int]]:
    """Time (whole seconds) and weight of the journal's entries with this cause, the oldest first."""
    told = [one for one in reversed(status["decisions"]) if one["cause"] == cause]
    return [(datetime.fromisoformat(one["time"]).timestamp(), one["weight"]) for one in told]


def all_looks_are_the_same(told: Replay) -> None:
    """Each look of the operator that a scrape has caught says the same again, with the same evidence; those of which
    the scrape came too late on a busy machine are made up, so that none is left out."""
    words = f"{told.summary}\n{[one for one in told.answers if one['same'] is False][:3]}"
    match = re.fullmatch(r"(\d+) looks; .* is known of (\d+), and the same in (\d+)\.", told.summary)
    assert match, words
    looks, known, same = map(int, match.groups())
    assert looks == len(told.answers)
    assert same == known, words
    assert known >= 3 * looks / 4, words
    due = [one["t"] // INTERVAL for one in told.answers]
    assert due == sorted(set(due)), due
    assert max(b - a for a, b in pairwise(due)) == 1, "a look is left out"


def test_a_promotion_and_a_rollback_are_decided_again_look_by_look(
    stage: Stage, scraped: Operator, tmp_path: Path
) -> None:
    began = time.time()
    stage.operator_words = scraped.words
    stage.source("v1")
    stage.route()
    stage.rollout(**SPEC, slis=[RATIO])
    stage.wait_for(phase="Healthy")
    stage.source("v2")
    promoted = stage.wait_for(180, phase="Healthy", attempt=1, reason="Healthy")
    time.sleep(2)  # the last look is scraped

    first = replay(stage, tmp_path, began, 1)
    print(first.summary)
    all_looks_are_the_same(first)
    steps, passes = decided(promoted, "step"), said(scraped, "StepPassed")
    assert [weight for _, weight in steps] == [25, 50]
    assert len(passes) >= 2
    # The operator let it past each step at the very look at which the replay does, and at no other one.
    for step, (at, sentence) in zip((1, 2), passes[:2], strict=True):
        assert f"Step {step} of 2" in sentence
        assert first.last_before(at) == first.first(step=step, passed=True), (at, first.summary)
    assert first.first(action="promote") == first.first(step=2, passed=True)
    assert not [one for one in first.answers if one["action"] in ("rollback", "hold")]
    ((finished, _),) = decided(promoted, "promote")
    assert first.first(action="promote") <= finished + 1

    stage.rollout(**SPEC, slis=[RATIO, LATENCY])
    stage.behaves("v3", errors=0.2)
    stage.source("v3")
    taken_back = stage.wait_for(120, phase="RolledBack")
    time.sleep(2)
    second = replay(stage, tmp_path, began, 2)
    print(second.summary)
    all_looks_are_the_same(second)
    ((rolled_back, _),) = decided(taken_back, "rollback")
    at = second.first(action="rollback")
    assert second.answers[-1]["t"] == at, "the operator's last look is the one that took it back"
    assert rolled_back >= int(at)
    blamed = second.answers[-1]["blame"]
    assert blamed
    assert all(name in taken_back["message"] for name in blamed), taken_back["message"]


def test_a_candidate_beside_fresh_pods_is_judged_by_the_same_pods_again(
    stage: Stage, scraped: Operator, tmp_path: Path
) -> None:
    began = time.time()
    stage.operator_words = scraped.words
    stage.source("v1")
    stage.route()
    fresh = {**SPEC["analysis"], "baseline": "fresh", "assumedDispersion": 1}  # type: ignore[dict-item]
    stage.rollout(**{**SPEC, "analysis": fresh}, slis=[RATIO])
    stage.wait_for(phase="Healthy")
    time.sleep(CLOCKS_DIFFER + 2)
    stage.source("v2")
    stage.wait_for(180, phase="Healthy", attempt=1, reason="Healthy")
    time.sleep(2)
    told = replay(stage, tmp_path, began, 1)
    all_looks_are_the_same(told)
    assert told.first(step=2, passed=True)
    compared = {tuple(one["slis"]["http/success-rate"]["pods"]) for one in told.answers}
    assert (1, 1) in compared
    assert (2, 2) in compared
    assert not [one for one in compared if one[1] > 2], "old pods of stable were compared"


def test_a_plan_takes_noise_and_traffic_from_prometheus(namespace: str, tmp_path: Path) -> None:
    """Before there is a rollout: of the team's own Deployment."""
    began = time.time()
    labels = {"namespace": namespace, "pod": "chat-5d9f8c7b6d-v7t2q"}
    counters = [
        {"labels": {**labels, "code": code}, "per_second": rate} for code, rate in (("200", 39.2), ("500", 0.8))
    ]
    document: list[Any] = [{"name": "http_requests_total", "type": "counter", "samples": counters}]
    address = f"{os.environ['SERINUS_EXPORTER']}/series"
    assert requests.post(address, json=document, timeout=5).ok
    # A value a minute: the first begins, the second settles, and a look of the third is given out with the fourth.
    time.sleep(245)
    requests.delete(address, params={"namespace": namespace}, timeout=5)
    found = yaml.safe_load((ROOT / "examples" / "chat.yaml").read_text())
    found |= {"metadata": {"name": "chat", "namespace": namespace}}
    found["spec"] |= {"slis": [RATIO], "rollback": {"drain": "1s"}}
    file = tmp_path / "rollout.yaml"
    file.write_text(yaml.safe_dump(found))
    told = run(began, of_the_page("plan.md", spec=str(file)))
    rps = re.match(r"([0-9.]+) requests/s, 4 pods of stable\.", told.stdout)
    assert rps, told.stdout
    assert float(rps[1]) == pytest.approx(40, rel=0.05)
    assert "a candidate twice as bad as stable is not found: it has 4.00% beside 2.00%" in told.stdout
