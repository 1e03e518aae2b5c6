"""The loop: what is due is measured together in few queries, and each rollout is ticked as soon as its part is judged.

One place decides retries: a conflict means that the cache or someone else was faster, and the tick is made again at
once; anything else waits, longer each time. No error of one rollout stops another.
"""

import asyncio
import contextlib
import functools
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import replace

import structlog

from serinus.api.compile import Problems
from serinus.core.evidence import Verdict
from serinus.core.ledger import account_of
from serinus.core.needs import Question, needs
from serinus.core.observed import Measured
from serinus.shell import telemetry
from serinus.shell.budgets import Books, Budgets, due_again
from serinus.shell.cache import Cache
from serinus.shell.glance import Glance, glance, still
from serinus.shell.kube import Kube
from serinus.shell.kube_errors import Conflict, KubeError, Throttled
from serinus.shell.lease import Lease
from serinus.shell.measure import DEFECT, Measurer
from serinus.shell.prometheus import Provider
from serinus.shell.resources import ROLLOUT
from serinus.shell.room import Room
from serinus.shell.scheduler import Key, Scheduler
from serinus.shell.settings import Settings
from serinus.shell.tick import Memory, Ticker, folded_progress

SHORTEST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
PATIENCE = 1.0
"""Seconds of a look at most that the others wait while candidates that failed are taken back."""
AT_ONCE = 16
"""Rollouts whose ticks may await something at the same time."""
UNREADABLE = "The counts could not be read, which is a defect of Serinus: its log has the details."

log = structlog.get_logger("serinus")


async def run(settings: Settings, kube: Kube, cache: Cache, scheduler: Scheduler, lease: Lease) -> None:
    """Reconcile until cancelled, or until the lease is lost (then `lease` ends the process)."""
    connect = functools.cache(lambda name: Provider(settings.connection(name)))
    log.debug("reconciling", lease=lease.held())
    await Reconciler(
        kube=kube, cache=cache, scheduler=scheduler, measurer=Measurer(connect), budgets=Budgets(connect)
    ).run()


class Reconciler:
    """Ticks all rollouts. Belongs to one event loop."""

    def __init__(
        self,
        *,
        kube: Kube,
        cache: Cache,
        scheduler: Scheduler,
        measurer: Measurer,
        budgets: Budgets,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cache = cache
        self._scheduler = scheduler
        self._measurer = measurer
        self._budgets = budgets
        self._clock = clock
        self._ticker = Ticker(kube=kube, cache=cache, room=Room(kube), clock=clock)
        self._memory: dict[Key, Memory] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Tick what is due, until cancelled."""
        async with asyncio.TaskGroup() as work:
            while True:
                keys = await self._scheduler.due()
                now = self._clock()
                questions = {key: one for key in keys if (one := self._asked(key, now)) is not None}
                for key in keys:
                    if key not in questions:
                        work.create_task(self._tick(key))
                for group in _by_connection(questions):
                    work.create_task(self._look(group, now))
                for books in self._due_books(keys, now):
                    work.create_task(self._keep_books(books, now))

    async def _look(self, questions: Mapping[Key, Question], now: float) -> None:
        """Measure for all that are due in few queries, and tick each as soon as it is judged. While a candidate that
        failed is taken back the others wait, but not for long."""
        ticks: list[asyncio.Task[None]] = []
        urgent: list[asyncio.Task[None]] = []
        patience = PATIENCE
        async for key, measured in self._measured(questions, now):
            memory = self._memory[key]
            failed = measured.verdict is Verdict.FAIL and memory.measured.verdict is not Verdict.FAIL
            memory.looked = now // questions[key].interval
            memory.measured = measured
            telemetry.TRIALS.tell(questions[key], measured, now)
            telemetry.LAG_SECONDS.observe(now - memory.looked * questions[key].interval)
            if questions[key].weight:
                telemetry.VERDICTS.labels(measured.verdict).inc()
            if failed:
                urgent.append(asyncio.create_task(self._tick(key, failed=True)))
                continue
            if patience > 0 and not all(one.done() for one in urgent):
                began = time.monotonic()
                await asyncio.wait(urgent, timeout=patience)
                patience -= time.monotonic() - began
            ticks.append(asyncio.create_task(self._tick(key)))
        await asyncio.gather(*urgent, *ticks)

    async def _measured(self, questions: Mapping[Key, Question], now: float) -> AsyncIterator[tuple[Key, Measured]]:
        """The evidence of each. Where all together cannot be measured for a defect of ours, each is alone; and nothing
        that was measured before stands in for it."""
        keys = {question.key: key for key, question in questions.items()}
        try:
            async for found, measured in self._measurer.each(list(questions.values()), now):
                yield keys.pop(found), measured
        except Exception:
            log.exception("measuring together failed", rollouts=len(keys))
        for key in keys.values():
            question = questions[key]
            try:
                measured = (await self._measurer.measure([question], now))[question.key]
            except Exception:
                log.exception("measuring failed", rollout=str(key))
                measured = Measured(attempt=question.attempt, step=question.step, sentence=DEFECT)
            yield key, measured

    def _asked(self, key: Key, now: float) -> Question | None:
        """As `_question`; an error of one rollout is its tick's to tell, and does not stop the others."""
        try:
            return self._question(key, now)
        except Exception:
            log.exception("no question could be made", rollout=str(key))
            return None

    def _question(self, key: Key, now: float) -> Question | None:
        """What must be measured before this rollout is ticked; None: nothing, or it was at this look already."""
        memory = self._memory.setdefault(key, Memory())
        seen = still(self._cache, key, memory.glance) or self._seen(key, memory)
        memory.glance = seen if not memory.problems else None
        if seen is None or memory.looked == now // seen.spec.interval:
            return None
        return needs(seen.spec, seen.observed, folded_progress(seen.progress, seen.observed))

    def _seen(self, key: Key, memory: Memory) -> Glance | None:
        """The rollout by its spec, or by the last that could be followed; None where there is none."""
        version = self._cache.version(key)
        rollout = self._cache.get(ROLLOUT, key.namespace, key.name)
        if rollout is None:
            return None
        spec = memory.follow(rollout)
        return None if isinstance(spec, Problems) else glance(self._cache, key, rollout, spec, version=version)

    def _due_books(self, keys: Iterable[Key], now: float) -> list[dict[Key, Books]]:
        """The books that are to be read now, by connection. A look does not wait for them, nor they for a look."""
        groups: dict[str, dict[Key, Books]] = {}
        for key in keys:
            memory = self._memory.get(key)
            if memory is None:
                continue
            account = account_of(memory.spec) if memory.spec is not None else None
            if account is None:
                memory.books = None
                continue
            if memory.books is None or memory.books.account != account:
                memory.books, memory.books_due = Books(account=account), 0.0
            if now >= memory.books_due:
                memory.books_due = due_again(memory.books, now)
                groups.setdefault(account.connection, {})[key] = memory.books
        return list(groups.values())

    async def _keep_books(self, books: Mapping[Key, Books], now: float) -> None:
        """Read what error budgets need, for many rollouts in few queries, and look at each again."""
        try:
            read = await self._budgets.read(list(books.values()), now)
        except Exception:
            log.exception("reading error budgets failed", rollouts=len(books))
            read = {one.account: replace(one, problem=UNREADABLE) for one in books.values()}
        for key, before in books.items():
            memory = self._memory.get(key)
            if memory is not None and memory.books is not None and memory.books.account == before.account:
                memory.books = read[before.account]
                memory.books_due = due_again(memory.books, now)
                self._scheduler.wake(key)

    async def _tick(self, key: Key, *, failed: bool = False) -> None:
        """One tick, and what its failure means for the next."""
        memory = self._memory.setdefault(key, Memory())
        started = time.monotonic()
        wake_at: float | None = None
        outcome = "ok"
        try:
            # A rollback waits for nobody's turn.
            async with contextlib.nullcontext() if failed else self._turns:
                wake_at = await self._ticker.tick(key, memory, failed=failed)
            memory.failures = 0
        except Conflict as error:
            outcome = type(error).__name__
            log.debug("changed by someone else, deciding again", rollout=str(key), error=str(error))
            wake_at = self._clock() + 0.1 * _pause(memory.failures)
            memory.failures += 1
        except KubeError as error:
            outcome = type(error).__name__
            wake_at = self._later(memory, error.retry_after if isinstance(error, Throttled) else 0.0)
            log.warning("the API server did not answer as it should", rollout=str(key), error=str(error))
        except Exception as error:
            outcome = type(error).__name__
            wake_at = self._later(memory, 0.0)
            log.exception("tick failed", rollout=str(key))
        finally:
            telemetry.TICKS.labels(outcome).inc()
            telemetry.TICK_SECONDS.observe(time.monotonic() - started)
            self._scheduler.done(key)
        self._count(key, memory)
        if memory.books is not None and key in self._memory:
            wake_at = memory.books_due if wake_at is None else min(wake_at, memory.books_due)
        if wake_at is not None:
            self._scheduler.wake(key, wake_at)

    def _count(self, key: Key, memory: Memory) -> None:
        """Keep the numbers of rollouts by phase; forget a rollout that is gone."""
        version = self._cache.version(key)
        if memory.uid and version == memory.counted:
            return
        memory.counted = version
        rollout = self._cache.get(ROLLOUT, key.namespace, key.name)
        phase = ((rollout.get("status") or {}).get("phase") or "Unknown") if rollout else ""
        if phase != memory.phase:
            if memory.phase:
                telemetry.ROLLOUTS.labels(memory.phase).dec()
            if phase:
                telemetry.ROLLOUTS.labels(phase).inc()
            memory.phase = phase
        if rollout is None:
            self._memory.pop(key, None)
            self._scheduler.forget(key)
            if memory.uid:
                self._measurer.forget(memory.uid)
        else:
            memory.uid = rollout["metadata"]["uid"]

    def _later(self, memory: Memory, at_least: float) -> float:
        pause = max(at_least, _pause(memory.failures))
        memory.failures += 1
        return self._clock() + pause


def _pause(failures: int) -> float:
    """Seconds before the next try after so many failures in a row."""
    return min(LONGEST_PAUSE, SHORTEST_PAUSE * 2.0 ** min(failures, 10))


def _by_connection(questions: Mapping[Key, Question]) -> list[dict[Key, Question]]:
    """What is measured together: no connection waits for another's time-out."""
    groups: dict[str, dict[Key, Question]] = {}
    for key, question in questions.items():
        groups.setdefault(question.connection, {})[key] = question
    return list(groups.values())
