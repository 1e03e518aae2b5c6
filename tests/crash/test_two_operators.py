"""A leader stalls just before it raises the weight: another one takes over, a person aborts, and the raise is late.

Each operator has a proxy of its own, so that it is known who sent what.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.api_server.process import Operator, kubeconfig_for
from tests.api_server.proxy import Fault, Proxy, Request
from tests.crash import promises, writes
from tests.crash.case import LEASE_SECONDS, scene
from tests.crash.matrix import Places
from tests.crash.story import RULES, SPEC, WatchedStage
from tests.crash.witness import Witness

pytestmark = pytest.mark.crash

RAISE = "patch HTTPRoute: step, step 2 at 50 %"
COURSE = [("finish", 0, 0), ("start", 0, 0), ("step", 1, 25), ("abort", 1, 0)]


@dataclass
class Led:
    """One operator behind its own proxy, and the writes to the route that the server answered it."""

    operator: Operator
    proxy: Proxy
    answers: list[tuple[str, int]] = field(default_factory=list)

    def note(self, request: Request, status: int) -> None:
        words = writes.meaning(request, {})
        if "HTTPRoute" in words:
            self.answers.append((words, status))


@dataclass
class Two:
    """Two operators with one lease, and the rollout that they serve."""

    stage: WatchedStage
    witness: Witness
    first: Led
    second: Led


@pytest.fixture
def two(places: Places) -> Iterator[Two]:
    """The first leads and v1 is stable; the second waits for the lease."""
    with ExitStack() as stack:
        stage, witness, folder = stack.enter_context(scene(places.kubeconfig, places.exporter))
        both = [_led(stack, stage, folder / name, places) for name in ("first", "second")]
        first, second = both
        first.operator.start()
        stage.operator_words = lambda: f"{first.operator.words()}\n\n{second.operator.words()}"
        stage.source("v1")
        stage.route()
        stage.rollout(**SPEC)
        stage.wait_for(120, phase="Healthy", reason="Healthy")
        second.operator.start()
        yield Two(stage, witness, first, second)


def _led(stack: ExitStack, stage: WatchedStage, folder: Path, places: Places) -> Led:
    folder.mkdir()
    proxy = stack.enter_context(Proxy(stage.api.server, ca_file=stage.api.ca_file))
    operator = Operator(
        folder,
        namespaces=[stage.namespace],
        kubeconfig=kubeconfig_for(proxy.address, stage.api.token, folder),
        prometheus=places.prometheus,
        lease_seconds=LEASE_SECONDS,
    )
    operator.log.touch()
    stack.callback(operator.stop)
    led = Led(operator, proxy)
    proxy.after = led.note
    return led


def test_a_raise_that_was_sent_before_an_abort_and_arrives_after_it_does_not_land(two: Two) -> None:
    """The leader stops with its patch on the wire; the wire holds it back until the other operator has aborted."""
    stalled, aborted = threading.Event(), threading.Event()

    def hold(request: Request) -> Fault | None:
        if not stalled.is_set() and writes.meaning(request, {}) == RAISE:
            two.first.operator.freeze()
            stalled.set()
            assert aborted.wait(120)
        return None

    two.first.proxy.before = hold
    try:
        _abort_once(two, stalled)
    finally:
        aborted.set()  # the raise goes on its way to the server
        two.stage.wait_until(
            lambda: any(words == RAISE for words, _ in two.first.answers), 30, lambda: "the raise never arrived"
        )
        two.first.operator.thaw()
    late = [status for words, status in two.first.answers if words == RAISE]
    assert len(late) == 1
    assert late[0] in (409, 422), late
    _nothing_was_raised(two)


def test_a_leader_that_stalls_between_deciding_and_writing_writes_nothing_when_it_goes_on(two: Two) -> None:
    """Its first try at the raise meets a conflict, so it reads again and decides again: and stops over the answer."""
    refused, stalled = threading.Event(), threading.Event()

    def refuse_once(request: Request) -> Fault | None:
        if not refused.is_set() and writes.meaning(request, {}) == RAISE:
            refused.set()
            return Fault(status=409, body=b'{"kind":"Status","status":"Failure","code":409,"reason":"Conflict"}')
        return None

    def stall_over_the_route(request: Request, status: int) -> None:
        two.first.note(request, status)
        if refused.is_set() and not stalled.is_set() and request.path.endswith("/httproutes/chat"):
            two.first.operator.freeze()
            stalled.set()

    two.first.proxy.before, two.first.proxy.after = refuse_once, stall_over_the_route
    try:
        _abort_once(two, stalled)
    finally:
        starts = two.first.operator.starts
        sent = len(two.first.answers)
        two.first.operator.thaw()
    two.stage.wait_until(
        lambda: two.first.operator.starts > starts, 30, lambda: "a leader whose lease has run out did not end"
    )
    assert [one for one in two.first.answers[sent:] if one[1] < 300] == []
    _nothing_was_raised(two)


def _abort_once(two: Two, stalled: threading.Event) -> None:
    """v2 goes on trial; when the leader has stalled, a person aborts and the other operator does it."""
    two.stage.source("v2")
    two.stage.wait_until(stalled.is_set, 120, lambda: f"no raise was tried: {two.stage.status()}")
    assert two.stage.weights() == (75, 25)
    two.stage.ask("abort", "t1")
    two.stage.wait_for(90, phase="RolledBack")
    assert two.stage.weights() == (100, 0)
    assert ("patch HTTPRoute: abort, step 1 at 0 %", 200) in two.second.answers


def _nothing_was_raised(two: Two) -> None:
    two.stage.stays(8, lambda: two.stage.weights() == (100, 0), "the weight was raised after the abort")
    seen = two.witness.events()
    assert promises.course(seen) == COURSE
    assert promises.broken(seen, RULES) == []
    assert two.stage.status()["phase"] == "RolledBack"
