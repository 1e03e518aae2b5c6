"""Measuring against a real Prometheus that scrapes what a test tells: what the queries really bring back."""

import asyncio
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests

from serinus.core.evidence import Role, Sli, Standards, Verdict
from serinus.core.model import Shift
from serinus.core.needs import Question, Started
from serinus.core.observed import Measured
from serinus.core.questions import Matcher, Measurement, RatioSource
from serinus.presets import preset
from serinus.shell.measure import Measurer
from serinus.shell.prometheus import Provider
from serinus.shell.settings import Connection

pytestmark = pytest.mark.api_server

PODS = {
    "chat-6f7d5b8c9d-7f9c4b6d58-x2x8z": Role.STABLE,
    "chat-6f7d5b8c9d-7f9c4b6d58-k9w4p": Role.STABLE,
    "chat-9c8b7d6f5d-5d9f8c7b6d-v7t2q": Role.CANDIDATE,
}
MEASUREMENTS = tuple(
    Measurement(sli=name, arms=preset(name).arms, source=preset(name).source)
    for name in ("http/success-rate", "http/latency")
)


@dataclass(frozen=True, kw_only=True)
class World:
    """The exporter that a test tells, and the Prometheus that scrapes it each second."""

    namespace: str
    exporter: str
    prometheus: str

    def tell(self, errors: float, *, pods: Mapping[str, Role] = PODS) -> None:
        """Let stable's pods answer 200 requests a second with 1 % errors, the candidate 50 with this share."""
        counters, histograms = [], []
        for pod, role in pods.items():
            labels = {"namespace": self.namespace, "pod": pod}
            rate, bad = (200.0, 0.01) if role is Role.STABLE else (50.0, errors)
            counters += [
                {"labels": {**labels, "code": "200"}, "per_second": rate * (1 - bad)},
                {"labels": {**labels, "code": "500"}, "per_second": rate * bad},
            ]
            histograms.append({"labels": labels, "observations_per_second": {"0.08": rate}})
        document: list[Any] = [
            {"name": "http_requests_total", "type": "counter", "samples": counters},
            {"name": "http_request_duration_seconds", "type": "histogram", "bounds": [0.1, 1.0], "samples": histograms},
        ]
        answer = requests.post(f"{self.exporter}/series", json=document, timeout=5)
        assert answer.ok, answer.text

    def question(self, **more: object) -> Question:
        now = time.time()
        base = Question(
            key=(self.namespace, 1, "9c8b7d6f5d", "rules"),
            namespace=self.namespace,
            name="chat",
            connection="",
            stable="6f7d5b8c9d",
            candidate="9c8b7d6f5d",
            slis=tuple(
                Sli(name=one.sli, latency=preset(one.sli).latency, budget=0.05, edge=None, allowed_ratio=1.2)
                for one in MEASUREMENTS
            ),
            measurements=MEASUREMENTS,
            standards=Standards(false_rollback_rate=0.01, false_promotion_rate=0.05, steps=2),
            interval=1.0,
            attempt=1,
            step=1,
            weight=11,
            shifts=(Shift(at=now, weight=11, step=1),),
            pods=tuple(Started(pod=pod, role=role, ready_since=now - 60) for pod, role in PODS.items()),
            settle=1.0,
            drain=1.0,
        )
        return replace(base, **more)  # type: ignore[arg-type]


@pytest.fixture
def world() -> Iterator[World]:
    made = World(
        namespace=f"measure-{uuid.uuid4().hex[:8]}",
        exporter=os.environ["SERINUS_EXPORTER"],
        prometheus=os.environ["SERINUS_PROMETHEUS"],
    )
    yield made
    requests.delete(f"{made.exporter}/series", params={"namespace": made.namespace}, timeout=5)


def connected(address: str) -> Measurer:
    return Measurer(lambda _: Provider(Connection.model_validate({"address": address, "timeout": 5})))


async def watch(measurer: Measurer, question: Question, seconds: float) -> Measured:
    """Look each second; the last answer."""
    answer = Measured()
    for _ in range(round(seconds)):
        await asyncio.sleep(1.0)
        answer = (await measurer.measure([question], time.time()))[question.key]
    return answer


async def test_what_was_told_to_the_exporter_is_what_is_judged(world: World) -> None:
    world.tell(0.01)
    await asyncio.sleep(3)
    measurer, question = connected(world.prometheus), world.question()
    answer = await watch(measurer, question, 12)
    errors, latency = answer.findings
    assert errors.requests_candidate == pytest.approx(50 * answer.held, rel=0.05)
    assert errors.requests_stable == pytest.approx(400 * answer.held, rel=0.05)
    assert errors.candidate == pytest.approx(0.01, rel=0.2)
    assert errors.stable == pytest.approx(0.01, rel=0.2)
    assert latency.requests_candidate == pytest.approx(errors.requests_candidate, rel=0.05)
    assert answer.share == pytest.approx(100 / 9, rel=0.1)
    assert answer.verdict in (Verdict.PASS, Verdict.NOT_ENOUGH)
    assert answer.held > 6
    # Three for the history of stable, three a look: the number of SLIs' counters, not of pods or rollouts.
    assert measurer.queries == 3 + 12 * 3


async def test_a_bad_candidate_fails_and_a_restarted_measurer_finds_the_same(world: World) -> None:
    world.tell(0.4)
    await asyncio.sleep(3)
    question = world.question()
    answer = await watch(connected(world.prometheus), question, 15)
    assert answer.verdict is Verdict.FAIL
    again = (await connected(world.prometheus).measure([question], time.time()))[question.key]
    assert again.verdict is Verdict.FAIL
    assert again.findings[0].e_harm >= answer.findings[0].e_harm


async def test_pods_of_others_are_never_counted(world: World) -> None:
    strangers = {"chat-6f7d5b8c9d-extra-7f9c4b6d58-aaaaa": Role.STABLE, "chat-9c8b7d6f5d": Role.CANDIDATE}
    world.tell(0.5, pods=strangers)
    await asyncio.sleep(3)
    answer = await watch(connected(world.prometheus), world.question(), 4)
    assert answer.verdict is Verdict.NO_DATA
    assert all(one.requests_candidate == one.requests_stable == 0 for one in answer.findings)


async def test_a_matcher_that_prometheus_does_not_accept_is_the_users_fault_and_no_outage(world: World) -> None:
    source = MEASUREMENTS[0].source
    assert isinstance(source, RatioSource)
    broken = replace(source.total, matchers=(Matcher(label="code", op="=~", value="5[0-"),))
    measurements = (replace(MEASUREMENTS[0], source=replace(source, total=broken)), MEASUREMENTS[1])
    question = world.question(measurements=measurements)
    answer = (await connected(world.prometheus).measure([question], time.time()))[question.key]
    assert answer.verdict is Verdict.NO_DATA
    assert "does not accept the query" in answer.sentence


async def test_a_prometheus_that_is_not_there_is_down(world: World) -> None:
    question = world.question()
    answer = (await connected("http://127.0.0.1:1").measure([question], time.time()))[question.key]
    assert answer.verdict is Verdict.PROVIDER_DOWN
