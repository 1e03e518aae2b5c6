"""All cases of all stories, several side by side, each in a process and a namespace of its own; and the table of them.

A process for each, because the proxies and stages of many stories in one would wait for one another.
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from tests.crash.case import AFTER, BEFORE, Case, Outcome, play
from tests.crash.story import STORIES

AT_ONCE = int(os.environ.get("SERINUS_CRASH_AT_ONCE", "8"))
"""Stories side by side: they mostly wait, for the settle times of a rollout and for a lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the cluster is."""

    kubeconfig: str
    exporter: str
    prometheus: str

    @staticmethod
    def of_environment() -> "Places":
        """As `python -m tests.cluster exec` sets it."""
        return Places(
            kubeconfig=os.environ["KUBECONFIG"],
            exporter=os.environ["SERINUS_EXPORTER"],
            prometheus=os.environ["SERINUS_PROMETHEUS"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """What became of every case."""

    outcomes: tuple[Outcome, ...]
    """The undisturbed runs and all others, in the order of stories and writes."""
    seconds: float

    def of(self, story: str) -> list[Outcome]:
        return [one for one in self.outcomes if one.case.story == story]


def run(places: Places, tell: Callable[[str], None], stories: Iterable[str] = STORIES) -> Matrix:
    """Play every story undisturbed, and then with a kill before and after each of its distinct writes.

    The cases of a story start as soon as its undisturbed run has ended. Narrowed down by `SERINUS_CRASH_ONLY`, words
    that a case must contain; then the matrix is not whole, and a test that asks for all of it fails.
    """
    began = time.monotonic()
    outcomes: list[Outcome] = []
    only = os.environ.get("SERINUS_CRASH_ONLY", "")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(AT_ONCE, mp_context=context) as pool:

        def submit(case: Case) -> Future[Outcome]:
            return pool.submit(play, case, places.kubeconfig, places.exporter, places.prometheus)

        running = {submit(Case(story=name)) for name in stories}
        while running:
            done = next(as_completed(running))
            running.remove(done)
            outcome = done.result()
            outcomes.append(outcome)
            tell(f"{time.monotonic() - began:5.0f} s  {line(outcome)}")
            for sentence in outcome.broken:
                tell(f"         {sentence}")
            if not outcome.case.number and not outcome.broken:
                running |= {submit(one) for one in cases(outcome) if only in str(one)}
    order = list(stories)
    outcomes.sort(key=lambda one: (order.index(one.case.story), one.case.number, one.case.when == AFTER))
    return Matrix(outcomes=tuple(outcomes), seconds=time.monotonic() - began)


def cases(undisturbed: Outcome) -> list[Case]:
    """Before and after each distinct write."""
    return [
        Case(story=undisturbed.case.story, number=number, write=write, when=when, expected=undisturbed.state)
        for number, write in enumerate(undisturbed.writes, 1)
        for when in (BEFORE, AFTER)
    ]


def line(outcome: Outcome) -> str:
    """One case in one line."""
    verdict = "BROKEN" if outcome.broken else "ok"
    return f"{verdict:6} {outcome.seconds:4.0f} s  {outcome.away:4.1f} s away  {outcome.case}"


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """The rows of a Markdown table."""
    rows = [
        "| story | write | killed | seconds until the end state | seconds without an operator | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for one in outcomes:
        case = one.case
        write = f"{case.number} {case.write}" if case.number else "(undisturbed)"
        verdict = "; ".join(one.broken) or "ok"
        away = f"{one.away:.1f}" if one.away else ""
        rows.append(f"| {case.story} | {write} | {case.when} | {one.seconds:.0f} | {away} | {verdict} |")
    return rows
