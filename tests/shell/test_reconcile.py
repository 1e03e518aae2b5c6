"""The order in which rollouts that were measured together are judged and ticked."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from serinus.core.budget import DAY, ErrorBudget
from serinus.core.evidence import Verdict
from serinus.core.ledger import Account, next_read
from serinus.core.needs import Question, TrialKey
from serinus.core.observed import Measured
from serinus.shell import reconcile
from serinus.shell.budgets import AFTER_A_PROBLEM, Books, Budgets
from serinus.shell.cache import Cache
from serinus.shell.kube import Kube
from serinus.shell.measure import Asks, Measurer
from serinus.shell.reconcile import UNREADABLE, Reconciler
from serinus.shell.scheduler import Key, Scheduler
from serinus.shell.tick import Memory
from tests.core import world
from tests.shell.test_measure import question

NOW = 1_700_000_115.0


class Told(Measurer):
    """Answers with the verdicts that it was told, by the name of the rollout, in their order."""

    def __init__(self, verdicts: dict[str, Verdict], log: list[str], breaks_at: str = "") -> None:
        self._verdicts = verdicts
        self._log = log
        self._breaks_at = breaks_at

    async def each(self, questions: Sequence[Question], now: float) -> AsyncIterator[tuple[TrialKey, Measured]]:  # noqa: ARG002
        for one in questions:
            if one.name == self._breaks_at:
                raise ZeroDivisionError(one.name)
            self._log.append(f"{one.name} judged")
            yield one.key, Measured(verdict=self._verdicts[one.name])
            await asyncio.sleep(0)


class InOrder(Reconciler):
    """Writes down whose tick began and ended; a tick takes `seconds`."""

    log: list[str]
    seconds = 0.0

    async def _tick(self, key: Key, *, failed: bool = False) -> None:
        self.log.append(f"{key.name} {'taken back' if failed else 'ticked'}")
        await asyncio.sleep(self.seconds)
        self.log.append(f"{key.name} done")


def nobody(name: str) -> Asks:
    raise AssertionError(f"connection {name!r} was asked for")


def told(verdicts: dict[str, Verdict], breaks_at: str = "") -> tuple[InOrder, dict[Key, Question]]:
    log: list[str] = []
    kube = Kube.__new__(Kube)  # nothing is read or written here
    measurer = Told(verdicts, log, breaks_at)
    reconciler = InOrder(kube=kube, cache=Cache(), scheduler=Scheduler(), measurer=measurer, budgets=Budgets(nobody))
    reconciler.log = log
    questions = {Key("models", name): question(name) for name in verdicts}
    reconciler._memory.update((key, Memory()) for key in questions)
    return reconciler, questions


async def test_a_candidate_that_failed_is_taken_back_before_the_next_rollout_is_judged() -> None:
    reconciler, questions = told({"bad": Verdict.FAIL, "a": Verdict.PASS, "b": Verdict.NOT_ENOUGH})
    reconciler.seconds = 0.01
    await reconciler._look(questions, NOW)
    assert reconciler.log[:4] == ["bad judged", "bad taken back", "a judged", "bad done"]
    assert {"a ticked", "b ticked"} < set(reconciler.log)


async def test_those_that_failed_are_taken_back_side_by_side() -> None:
    reconciler, questions = told({"x": Verdict.FAIL, "y": Verdict.FAIL})
    reconciler.seconds = 0.01
    await reconciler._look(questions, NOW)
    assert reconciler.log == ["x judged", "x taken back", "y judged", "y taken back", "x done", "y done"]


async def test_the_others_do_not_wait_for_ever_for_one_that_cannot_be_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "PATIENCE", 0.02)
    reconciler, questions = told({"bad": Verdict.FAIL, "a": Verdict.PASS, "b": Verdict.PASS})
    reconciler.seconds = 0.2
    await reconciler._look(questions, NOW)
    assert reconciler.log.index("b ticked") < reconciler.log.index("bad done")


async def test_a_fail_that_was_known_before_holds_nobody_up() -> None:
    reconciler, questions = told({"bad": Verdict.FAIL, "a": Verdict.PASS})
    reconciler._memory[Key("models", "bad")].measured = Measured(verdict=Verdict.FAIL)
    await reconciler._look(questions, NOW)
    assert "bad ticked" in reconciler.log


async def test_where_measuring_together_breaks_each_is_measured_alone_and_nothing_old_stands_in() -> None:
    reconciler, questions = told({"a": Verdict.PASS, "bad": Verdict.PASS, "b": Verdict.NOT_ENOUGH}, breaks_at="bad")
    memory = reconciler._memory[Key("models", "bad")]
    memory.measured = Measured(verdict=Verdict.PASS)
    await reconciler._look(questions, NOW)
    assert [one for one in reconciler.log if one.endswith("ticked")] == ["a ticked", "bad ticked", "b ticked"]
    assert (memory.measured.verdict, memory.measured.findings) == (Verdict.NO_DATA, ())
    assert "a defect of Serinus" in memory.measured.sentence
    assert reconciler._memory[Key("models", "b")].measured.verdict is Verdict.NOT_ENOUGH


def test_rollouts_are_measured_together_with_those_of_their_connection_only() -> None:
    asked = {Key("models", name): replace(question(name), connection=name[0]) for name in ("a1", "b1", "a2")}
    groups = [[key.name for key in group] for group in reconcile._by_connection(asked)]
    assert groups == [["a1", "a2"], ["b1"]]


class Counted(Budgets):
    """Answers each account with the problem that it was told, and notes what it was asked for."""

    def __init__(self, problem: str = "") -> None:
        super().__init__(nobody)
        self.asked: list[list[str]] = []
        self.problem = problem

    async def read(self, books: Sequence[Books], now: float) -> dict[Account, Books]:
        self.asked.append([one.account.name for one in books])
        if self.problem == "a defect":
            raise ZeroDivisionError(now)
        return {one.account: replace(one, problem=self.problem) for one in books}


def budgeted(budgets: Budgets, *names: str) -> InOrder:
    """A loop that follows these rollouts, each with an error budget; a name's first letter is its connection."""
    scheduler = Scheduler(clock=lambda: NOW)
    reconciler = InOrder(
        kube=Kube.__new__(Kube), cache=Cache(), scheduler=scheduler, measurer=Measurer(nobody), budgets=budgets
    )
    for name in names:
        asked = ErrorBudget(sli="errors", objective=0.99, window=30 * DAY)
        spec = replace(world.spec(), name=name, prometheus=name[0], error_budget=asked)
        reconciler._memory[Key("models", name)] = Memory(spec=spec)
    return reconciler


async def test_error_budgets_are_read_together_and_not_again_before_a_bucket_is_closed() -> None:
    budgets = Counted()
    reconciler = budgeted(budgets, "a1", "a2", "b1")
    keys = list(reconciler._memory)
    due = reconciler._due_books(keys, NOW)
    assert [[key.name for key in group] for group in due] == [["a1", "a2"], ["b1"]]
    assert reconciler._due_books(keys, NOW + 1) == [], "they are being read"
    for group in due:
        await reconciler._keep_books(group, NOW)
    assert budgets.asked == [["a1", "a2"], ["b1"]]
    memory = reconciler._memory[keys[0]]
    assert memory.books is not None
    assert memory.books_due == next_read(memory.books.account, NOW)
    assert reconciler._scheduler._due.take(NOW) == keys, "each is looked at again"
    assert reconciler._due_books(keys, memory.books_due) != []


async def test_what_could_not_be_read_is_tried_again_soon_and_a_defect_is_told() -> None:
    for problem, told in (("Prometheus cannot be reached.", "Prometheus cannot be reached."), ("a defect", UNREADABLE)):
        reconciler = budgeted(Counted(problem), "a1")
        (key,) = reconciler._memory
        for group in reconciler._due_books([key], NOW):
            await reconciler._keep_books(group, NOW)
        memory = reconciler._memory[key]
        assert memory.books is not None
        assert memory.books.problem == told
        assert memory.books_due <= NOW + AFTER_A_PROBLEM


async def test_an_account_that_changed_while_it_was_read_is_not_overwritten() -> None:
    reconciler = budgeted(Counted(), "a1")
    (key,) = reconciler._memory
    memory = reconciler._memory[key]
    (group,) = reconciler._due_books([key], NOW)
    assert memory.spec is not None
    memory.spec = replace(memory.spec, interval=30.0, prometheus="b")
    (other,) = reconciler._due_books([key], NOW)
    await reconciler._keep_books(group, NOW)
    assert memory.books == other[key]


def test_a_rollout_that_gave_up_its_budget_has_no_books() -> None:
    reconciler = budgeted(Counted(), "a1")
    (key,) = reconciler._memory
    memory = reconciler._memory[key]
    assert len(reconciler._due_books([key], NOW)) == 1
    memory.spec = world.spec()
    assert reconciler._due_books([key, Key("models", "unknown")], NOW) == []
    assert memory.books is None, "nothing is due any more"
