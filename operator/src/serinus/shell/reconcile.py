"""The loop: what is due is measured together in few queries, then each rollout is ticked.

One place decides retries: a conflict means that the cache or someone else was faster, and the tick is made again at
once; anything else waits, longer each time. No error of one rollout stops another.
"""

import asyncio
import time
from collections.abc import Callable, Mapping

import structlog

from serinus.api.compile import Problems, compile_spec
from serinus.api.status import progress_of
from serinus.core.evidence import Verdict
from serinus.core.needs import Question, needs
from serinus.core.observed import Measured
from serinus.shell import telemetry
from serinus.shell.cache import Cache
from serinus.shell.facts import cached
from serinus.shell.kube import Kube
from serinus.shell.kube_errors import Conflict, KubeError, Throttled
from serinus.shell.lease import Lease
from serinus.shell.measure import Measurer
from serinus.shell.observe import observe
from serinus.shell.prometheus import Provider
from serinus.shell.resources import ROLLOUT
from serinus.shell.room import Room
from serinus.shell.scheduler import Key, Scheduler
from serinus.shell.settings import Settings
from serinus.shell.tick import Memory, Ticker, folded_progress

SHORTEST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
AT_ONCE = 16
"""Rollouts whose ticks may await something at the same time."""

log = structlog.get_logger("serinus")


async def run(settings: Settings, kube: Kube, cache: Cache, scheduler: Scheduler, lease: Lease) -> None:
    """Reconcile until cancelled, or until the lease is lost (then `lease` ends the process)."""
    measurer = Measurer(lambda name: Provider(settings.connection(name)))
    log.debug("reconciling", lease=lease.held())
    await Reconciler(kube=kube, cache=cache, scheduler=scheduler, measurer=measurer).run()


class Reconciler:
    """Ticks all rollouts. Belongs to one event loop."""

    def __init__(
        self,
        *,
        kube: Kube,
        cache: Cache,
        scheduler: Scheduler,
        measurer: Measurer,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cache = cache
        self._scheduler = scheduler
        self._measurer = measurer
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
                if questions:
                    work.create_task(self._look(questions, now))

    async def _look(self, questions: Mapping[Key, Question], now: float) -> None:
        """Measure for all that are due in few queries, then tick each: those whose candidate failed before the rest."""
        answers = await self._measured(questions, now)
        for key, question in questions.items():
            memory = self._memory[key]
            memory.looked = now // question.interval
            memory.measured = answers[key]
            telemetry.LAG_SECONDS.observe(now - memory.looked * question.interval)
            telemetry.VERDICTS.labels(memory.measured.verdict).inc()
        failed = [key for key in questions if self._memory[key].measured.verdict is Verdict.FAIL]
        await asyncio.gather(*(self._tick(key) for key in failed))
        await asyncio.gather(*(self._tick(key) for key in questions if key not in failed))

    async def _measured(self, questions: Mapping[Key, Question], now: float) -> dict[Key, Measured]:
        """The evidence of each. Where one cannot be judged for a defect of ours, the others are; and nothing that was
        measured before stands in for it."""
        try:
            answers = await self._measurer.measure(list(questions.values()), now)
            return {key: answers[question.key] for key, question in questions.items()}
        except Exception:
            log.exception("measuring together failed", rollouts=len(questions))
        alone: dict[Key, Measured] = {}
        for key, question in questions.items():
            try:
                alone[key] = (await self._measurer.measure([question], now))[question.key]
            except Exception:
                log.exception("measuring failed", rollout=str(key))
                sentence = "The counts could not be judged, which is a defect of Serinus: its log has the details."
                alone[key] = Measured(attempt=question.attempt, step=question.step, sentence=sentence)
        return alone

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
        rollout = self._cache.get(ROLLOUT, key.namespace, key.name)
        if rollout is None:
            return None
        spec = compile_spec(rollout)
        if isinstance(spec, Problems):
            spec = memory.spec or spec
        if isinstance(spec, Problems) or memory.looked == now // spec.interval:
            return None
        observed = observe(cached(self._cache, key, rollout, spec), spec)
        return needs(spec, observed, folded_progress(progress_of(rollout.get("status")), observed))

    async def _tick(self, key: Key) -> None:
        """One tick, and what its failure means for the next."""
        memory = self._memory.setdefault(key, Memory())
        started = time.monotonic()
        wake_at: float | None = None
        outcome = "ok"
        try:
            async with self._turns:
                wake_at = await self._ticker.tick(key, memory)
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
        if wake_at is not None:
            self._scheduler.wake(key, wake_at)

    def _count(self, key: Key, memory: Memory) -> None:
        """Keep the numbers of rollouts by phase; forget a rollout that is gone."""
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
