"""Measuring: few queries for all rollouts that are due, and the evidence of each from the answers.

What is kept between ticks is a cache: a trial that is not known is read from Prometheus again, from its first traffic
on. In steady state a tick costs one query for each metric and set of matchers, whatever the number of rollouts.
What is read when stands in `ranges.py`, what is asked and answered in `answers.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from math import ceil
from typing import Any, Protocol

import structlog

from serinus.core import history, trial
from serinus.core.evidence import ProviderState, Role, Verdict
from serinus.core.needs import Question, TrialKey
from serinus.core.observed import Measured
from serinus.core.samples import Series
from serinus.core.trial import Trial
from serinus.providers import prometheus
from serinus.providers.prometheus import RawSeries, Want
from serinus.providers.promql import NotAName
from serinus.shell.answers import Trouble, parsed, understood, wants
from serinus.shell.prometheus import PrometheusError
from serinus.shell.ranges import HISTORY_STEP, Range, batches, following, history_of
from serinus.shell.settings import SettingsError
from serinus.shell.telemetry import QUERIES

ROUNDS = 8
"""Most chunks of the past in one tick: what is left waits for the next, so that no rollout holds up the others."""
IDLE_SECONDS = 900
"""A trial that nobody asked about for so long is dropped from memory; if it goes on, it is read again."""

DEFECT = "The counts could not be judged, which is a defect of Serinus: its log has the details."

log = structlog.get_logger("serinus")


class Asks(Protocol):
    """A metrics connection (see `shell/prometheus.py`)."""

    async def instant(self, queries: Sequence[str], at: float) -> list[Mapping[str, Any] | PrometheusError]: ...


_Answer = list[tuple[str, RawSeries]] | Trouble
"""The series of one question, each with its SLI; or why there are none."""
_Found = dict[Hashable, _Answer]
"""By the question's key."""


class Measurer:
    """Answers questions. Belongs to one event loop; one call at a time for the same rollout."""

    def __init__(self, connect: Callable[[str], Asks]) -> None:
        """`connect` gives the connection of a name; it may raise `SettingsError`, whose sentence is then shown."""
        self._connect = connect
        self._connections: dict[str, Asks] = {}
        self._trials: dict[TrialKey, Trial] = {}
        self._asked: dict[TrialKey, float] = {}
        self.queries = 0
        """How many queries were sent so far."""

    async def measure(self, questions: Sequence[Question], now: float) -> dict[TrialKey, Measured]:
        """What the evidence says at `now`, for each question by its key."""
        return {key: said async for key, said in self.each(questions, now)}

    async def each(self, questions: Sequence[Question], now: float) -> AsyncIterator[tuple[TrialKey, Measured]]:
        """As `measure`, one by one as soon as it is known; those first whose last look says that they will fail.

        Other tasks run between any two of them, so that what follows from one does not wait for the rest.

        Never raises for what a provider does: without an answer the findings stay as they were, and the verdict is
        ProviderDown, or NoData where the question itself cannot be asked. Nor for an answer that cannot be judged,
        which is a defect of ours: then there is no evidence.
        """
        self._drop_idle(now)
        self._drop_read_ahead(questions, now)
        self._asked.update((one.key, now) for one in questions)
        waiting = {one.key: one for one in questions}
        troubles = await self._begin([one for one in questions if one.key not in self._trials])
        for key, trouble in troubles.items():
            yield key, self._said(waiting.pop(key), trouble, now)
        for _ in range(ROUNDS):
            ranges = []
            for question in list(waiting.values()):
                if (unread := following(self._trials[question.key], question, now)) is not None:
                    ranges.append(unread)
                else:
                    yield question.key, self._said(waiting.pop(question.key), None, now)
            async for batch, found in self._asked_in_turn(ranges):
                for one in sorted(batch, key=lambda one: not trial.is_about_to_fail(self._trials[one.question.key])):
                    said = self._taken_in(one, found.pop(one.question.key), now)
                    if said is not None:
                        yield one.question.key, said
                        del waiting[one.question.key]
                    await asyncio.sleep(0)
        for question in waiting.values():
            yield question.key, self._said(question, None, now)
        await self._foresee([one.key for one in questions])

    def _taken_in(self, one: Range, answer: "_Answer", now: float) -> Measured | None:
        """What a question's samples say; None: there is more to read."""
        question = one.question
        if isinstance(answer, Trouble):
            return self._said(question, answer, now)
        fresh = parsed(answer)
        if isinstance(fresh, Trouble):
            return self._said(question, fresh, now)
        try:
            known = self._trials[question.key]
            told = trial.with_roles(known, question, fresh)
            self._trials[question.key] = trial.absorb(known, question, told, one.end)
            return (
                None
                if following(self._trials[question.key], question, now) is not None
                else self._said(question, None, now)
            )
        except Exception:
            log.exception("measuring failed", rollout=f"{question.namespace}/{question.name}")
            return Measured(attempt=question.attempt, step=question.step, sentence=DEFECT)

    async def _foresee(self, keys: Sequence[TrialKey]) -> None:
        """Judge what is held back until the next look, now that nobody waits for it."""
        for key in keys:
            if (known := self._trials.get(key)) is not None and known.ahead is None:
                try:
                    self._trials[key] = trial.foresee(known)
                except Exception:
                    log.exception("judging beforehand failed", trial=str(key))
                await asyncio.sleep(0)

    def forget(self, uid: str) -> None:
        """Drop what is cached of a rollout that is gone."""
        for key in [key for key in self._trials if key[0] == uid]:
            del self._trials[key]
            self._asked.pop(key, None)

    def _drop_idle(self, now: float) -> None:
        for key in [key for key, at in self._asked.items() if at < now - IDLE_SECONDS]:
            del self._asked[key]
            self._trials.pop(key, None)

    def _drop_read_ahead(self, questions: Sequence[Question], now: float) -> None:
        """The clock was set back: what was read of a time that has not come holds nothing, and is read again then."""
        for one in questions:
            known = self._trials.get(one.key)
            if known is not None and known.read_to > now:
                del self._trials[one.key]

    async def _begin(self, questions: Sequence[Question]) -> dict[TrialKey, Trouble]:
        """Start trials that are not known, with the noise of stable's past; earlier trials of theirs are forgotten."""
        troubles = {}
        async for batch, found in self._asked_in_turn([history_of(one) for one in questions]):
            for one in [each.question for each in batch]:
                answer = found.pop(one.key)
                past = answer if isinstance(answer, Trouble) else parsed(answer)
                if isinstance(past, Trouble):
                    troubles[one.key] = past
                    continue
                self.forget(one.key[0])
                self._trials[one.key] = _begun(one, past)
                await asyncio.sleep(0)
        return troubles

    async def _asked_in_turn(self, ranges: Sequence[Range]) -> AsyncIterator[tuple[Sequence[Range], "_Found"]]:
        """Batch by batch the series of each range, or what was in the way.

        A connection that answered nothing of one batch is not asked for the next: each would wait for a time-out.
        """
        silent: dict[str, Trouble] = {}
        for batch in batches(ranges):
            name = batch[0].question.connection
            if (trouble := silent.get(name)) is not None:
                yield batch, {one.question.key: trouble for one in batch}
                continue
            found = await self._ask(batch)
            troubles = [answer for answer in found.values() if isinstance(answer, Trouble)]
            if len(troubles) == len(found) and all(one.state is ProviderState.DOWN for one in troubles):
                silent[name] = troubles[0]
            yield batch, found

    async def _ask(self, batch: Sequence[Range]) -> "_Found":
        found: _Found = {}
        wanted: list[Want] = []
        for one in batch:
            try:
                for measurement in one.question.measurements:
                    prometheus.check(measurement)
            except NotAName as error:
                found[one.question.key] = Trouble(state=None, sentence=str(error))
                continue
            found[one.question.key] = []
            wanted.extend(wants(one))
        try:
            connection = self._connection(batch[0].question.connection)
        except SettingsError as error:
            return {one.question.key: Trouble(state=None, sentence=str(error)) for one in batch}
        queries = prometheus.plan(wanted)
        self.queries += len(queries)
        answers = await connection.instant([one.text for one in queries], batch[0].end)
        for query, answer in zip(queries, answers, strict=True):
            QUERIES.labels(type(answer).__name__ if isinstance(answer, PrometheusError) else "ok").inc()
            owners = {owner for series in query.owners.values() for owner, *_ in series}
            series, trouble = understood(query, answer)
            if trouble is not None:
                found.update(dict.fromkeys(owners, trouble))
            for (key, sli), raw in series.items():
                so_far = found[key]
                if not isinstance(so_far, Trouble):
                    so_far.extend((sli, one) for one in raw)
        return found

    def _connection(self, name: str) -> Asks:
        if name not in self._connections:
            self._connections[name] = self._connect(name)
        return self._connections[name]

    def _said(self, question: Question, trouble: Trouble | None, now: float) -> Measured:
        known = self._trials.get(question.key)
        if known is None:
            down = trouble is not None and trouble.state is not None
            return Measured(
                attempt=question.attempt,
                step=question.step,
                verdict=Verdict.PROVIDER_DOWN if down else Verdict.NO_DATA,
                sentence=trouble.sentence if trouble is not None else trial.NOTHING_YET,
            )
        if trouble is not None and trouble.state is None:
            return trial.without_data(trial.measured(known, question), trouble.sentence)
        if trouble is not None and trouble.state is not None:
            return trial.measured(known, question, trouble.state, trouble.sentence)
        said = trial.measured(known, question)
        if following(self._trials[question.key], question, now) is not None:
            hours = ceil((now - known.read_to) / 3600)
            return trial.without_data(said, f"Reading the past of this trial: about {hours} h are left.")
        return said


def _begun(question: Question, series: Sequence[tuple[Role, Series]]) -> Trial:
    past = trial.past(series, step=HISTORY_STEP, settle=question.settle, warm_up=question.warm_up_requests)
    return trial.begin(question, history.calibrate(past, question.slis), past)
