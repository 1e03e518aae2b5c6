"""One run of a story in a namespace of its own, in which the operator is killed once, or not at all."""

import os
import signal
import tempfile
import time
import traceback
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.api_server.api import Api, Manifest
from tests.api_server.process import Operator, kubeconfig_for
from tests.api_server.proxy import Fault, Proxy, Request
from tests.crash import promises, writes
from tests.crash.story import RULES, STORIES, Story, WatchedStage, comes_to_rest, is_over
from tests.crash.witness import Witness

LEASE_SECONDS = float(os.environ.get("SERINUS_CRASH_LEASE_SECONDS", "2"))
"""An operator on a machine that has no time for it loses so short a lease again and again: then ask for more."""
BEFORE = "before"
AFTER = "after"
PATIENCE = 300.0
"""Seconds that a story may take on a machine that does many other things."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Which story, and at which write the operator is killed."""

    story: str
    number: int = 0
    """Place of the write among the distinct ones of the undisturbed story, from 1; 0: nobody is killed."""
    write: str = ""
    when: str = ""
    expected: Manifest = field(default_factory=dict)
    """State at the end of the undisturbed story."""

    def __str__(self) -> str:
        return f"{self.story} {self.number} {self.when} {self.write}" if self.number else f"{self.story}, undisturbed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of it."""

    case: Case
    seconds: float
    """From the beginning of the story to its end state."""
    away: float
    """From the kill until the next write: how long nobody was at work."""
    starts: int
    broken: tuple[str, ...]
    """What was not as it should be, as sentences."""
    writes: tuple[str, ...]
    """The distinct writes in order."""
    state: Manifest
    course: tuple[tuple[str, int, int], ...] = ()
    words: str = ""
    """The end of the operator's log where something is broken."""


class Gate:
    """The hooks of the proxy: notes each write of the story, and kills the operator at one of them."""

    def __init__(self, case: Case, proxy: Proxy) -> None:
        self.operator: Operator | None = None
        self.counting = False
        self.distinct: list[str] = []
        self.killed_at = 0.0
        self.back_at = 0.0
        self._case = case
        self._versions: dict[str, str] = {}
        self._due = bool(case.write)
        proxy.before = self.before
        proxy.after = self.after

    def before(self, request: Request) -> Fault | None:
        self._versions |= writes.version_of(request)
        words = self._words(request)
        if not words:
            return None
        if self.killed_at and not self.back_at:
            self.back_at = time.monotonic()
        if words not in self.distinct:
            self.distinct.append(words)
        if self._due and self._case.when == BEFORE and words == self._case.write:
            self._kill()
            return Fault(cut=True)
        return None

    def after(self, request: Request, status: int) -> None:
        if self._due and self._case.when == AFTER and self._words(request) == self._case.write:
            assert status < 300, f"{self._case.write} was answered with {status}"
            self._kill()

    def _words(self, request: Request) -> str:
        return writes.meaning(request, self._versions) if self.counting else ""

    def _kill(self) -> None:
        assert self.operator is not None
        self._due = False
        os.kill(self.operator.pid, signal.SIGKILL)
        self.killed_at = time.monotonic()


@contextmanager
def scene(kubeconfig: str, exporter: str) -> Iterator[tuple[WatchedStage, Witness, Path]]:
    """A stage in a new namespace, its witness and a folder; all are gone afterwards."""
    api = Api(kubeconfig)
    namespace = f"crash-{uuid.uuid4().hex[:10]}"
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            witness = stack.enter_context(Witness(Api(kubeconfig), namespace))
            stage = WatchedStage(api, namespace, exporter, witness)
            stack.enter_context(stage)
            yield stage, witness, folder
    finally:
        api.delete("Namespace", "", namespace)


def play(case: Case, kubeconfig: str, exporter: str, prometheus: str) -> Outcome:
    """Run the story. Whatever goes wrong is told in the outcome, so that one case does not end all others."""
    began = time.monotonic()
    try:
        return _play(case, kubeconfig, exporter, prometheus)
    except Exception as error:
        told = "".join(traceback.format_exception(error))
        seconds = time.monotonic() - began
        return Outcome(
            case=case, seconds=seconds, away=0.0, starts=0, broken=(str(error),), writes=(), state={}, words=told
        )


def _play(case: Case, kubeconfig: str, exporter: str, prometheus: str) -> Outcome:
    story = STORIES[case.story]
    with scene(kubeconfig, exporter) as (stage, witness, folder), _proxy(stage.api) as proxy:
        gate = Gate(case, proxy)
        operator = Operator(
            folder,
            namespaces=[stage.namespace],
            kubeconfig=kubeconfig_for(proxy.address, stage.api.token, folder),
            prometheus=prometheus,
            lease_seconds=LEASE_SECONDS,
        )
        gate.operator = operator
        stage.operator_words = operator.words
        try:
            operator.start()
            return _told(case, story, stage, witness, gate, operator)
        finally:
            operator.stop()


def _told(case: Case, story: Story, stage: WatchedStage, witness: Witness, gate: Gate, operator: Operator) -> Outcome:
    story.sets_out(stage)
    gate.counting = True
    began = time.monotonic()
    story.begins(stage)
    if case.expected:
        rest = 1.0
        state = comes_to_rest(stage, lambda now: now == case.expected, PATIENCE, rest)
    else:
        rest = 4.0
        state = comes_to_rest(stage, lambda now: is_over(story, now), PATIENCE, rest)
    seconds = time.monotonic() - began - rest
    seen = witness.events()
    course = tuple(promises.course(seen))
    broken = [*promises.broken(seen, RULES), *_differences(case.expected, state)]
    if course != story.course:
        broken.append(f"The journal tells {course} instead of {story.course}.")
    if len(state["events"]) != len(story.course):
        broken.append(f"{len(story.course)} decisions were made, and the events are {state['events']}.")
    if not case.expected and not is_over(story, state):
        broken.append(f"The undisturbed story did not end: {state}.")
    if case.write and not gate.killed_at:
        broken.append("This write never came, so nobody was killed.")
    return Outcome(
        case=case,
        seconds=seconds,
        away=gate.back_at - gate.killed_at if gate.back_at else 0.0,
        starts=operator.starts,
        broken=tuple(broken),
        writes=tuple(gate.distinct),
        state=state,
        course=course,
        words=operator.words() if broken else "",
    )


def _differences(expected: Manifest, state: Manifest) -> list[str]:
    return [
        f"At the end {key} is {state.get(key)!r} instead of {value!r}."
        for key, value in expected.items()
        if state.get(key) != value
    ]


def _proxy(api: Api) -> Proxy:
    return Proxy(api.server, ca_file=api.ca_file)
