"""The samples that the operator judged, read from Prometheus again.

    question = question_of(spec, told)              # `told`: a trial as recorded.py finds it
    past = await past_of(connection, question)
    async for look, series in looks(connection, question, told): ...

They are asked for as the operator asks for them, by range selectors at one instant: these give samples as they were
scraped, where `query_range` gives values at times of its own.
"""

from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from math import inf

from serinus.core import trial
from serinus.core.evidence import Role
from serinus.core.model import Spec
from serinus.core.needs import Question
from serinus.core.questions import Arms
from serinus.core.samples import Series
from serinus.providers import prometheus
from serinus.providers.prometheus import Want
from serinus.providers.promql import NotAName
from serinus.shell.answers import Trouble, parsed, understood, wants
from serinus.shell.measure import Asks
from serinus.shell.ranges import CHUNK_SECONDS, HISTORY_STEP, Range, history_of
from serinus.shell.recorded import CannotReplay, Looked, Recorded
from serinus.workloads.services import service_name

Read = tuple[tuple[Role, Series], ...]


def question_of(spec: Spec, told: Recorded) -> Question:
    """What the operator asked at the end of the attempt."""
    last = told.shifts[-1]
    return Question(
        key=(spec.uid, told.attempt, told.candidate, spec.evidence_rules),
        namespace=spec.namespace,
        name=spec.name,
        connection="",
        stable=told.stable,
        candidate=told.candidate,
        slis=spec.slis,
        measurements=spec.measurements,
        standards=spec.standards,
        interval=spec.interval,
        attempt=told.attempt,
        step=last.step,
        weight=last.weight,
        shifts=told.shifts,
        pods=told.looks[-1].pods,
        settle=spec.warm_up_seconds + spec.drain,
        drain=spec.drain,
        warm_up_requests=spec.warm_up_requests,
        began=told.began,
    )


async def past_of(connection: Asks, question: Question) -> Read:
    """Stable before the attempt, over as long and as coarsely as the operator reads it. Raises `CannotReplay`."""
    return await read(connection, history_of(question))


async def stable_of(connection: Asks, spec: Spec, deployment: str, start: float, end: float) -> Read:
    """The pods of a Deployment in (start, end], a value a minute: as `past_of`, without any trial.

    Of a gateway's metrics it is the Service NAME-stable, whatever the Deployment. Raises `CannotReplay`.
    """
    service = service_name(spec.name, Role.STABLE.value)
    wanted = [
        Want(
            owner=deployment,
            namespace=spec.namespace,
            arms={service if one.arms is Arms.CLUSTER else deployment: Role.STABLE},
            measurement=one,
            seconds=end - start,
            resolution=HISTORY_STEP,
        )
        for one in spec.measurements
    ]
    return _cut(await _asked(connection, wanted, end), start)[1]


async def looks(connection: Asks, question: Question, told: Recorded) -> AsyncIterator[tuple[Looked, Read]]:
    """Each look with the samples that it had and the one before had not. Raises `CannotReplay`."""
    ahead: Read = ()
    read_to = -inf
    for look in told.looks:
        if look.at > read_to:
            # The first look alone: what lies before its range comes with it, as it came to the operator.
            until = look.at if read_to == -inf else min(told.looks[-1].at, look.at + CHUNK_SECONDS)
            for start, end in trial.traffic(question, read_to, until):
                more = await read(connection, Range(question=question, start=start, end=end))
                ahead += more if read_to == -inf else _cut(_cut(more, start)[1], end)[0]
            read_to = until
        now, ahead = _cut(ahead, look.read_to)
        yield look, now


async def read(connection: Asks, one: Range) -> Read:
    """The series of a range. Raises `CannotReplay`."""
    return await _asked(connection, wants(one), one.end)


async def _asked(connection: Asks, wanted: Sequence[Want], at: float) -> Read:
    try:
        queries = prometheus.plan(wanted)
    except NotAName as error:
        raise CannotReplay(str(error)) from error
    found: list[tuple[Role, Series]] = []
    for query, answer in zip(queries, await connection.instant([one.text for one in queries], at), strict=True):
        answers, trouble = understood(query, answer)
        if trouble is not None:
            raise CannotReplay(trouble.sentence)
        for (_, sli), raw in answers.items():
            series = parsed([(sli, each) for each in raw])
            if isinstance(series, Trouble):
                raise CannotReplay(series.sentence)
            found += series
    return tuple(found)


def _cut(series: Read, end: float) -> tuple[Read, Read]:
    """The samples up to and with `end`, and those after it."""
    before, after = [], []
    for role, one in series:
        at = bisect_right(one.points, (end, inf))
        if at:
            before.append((role, replace(one, points=one.points[:at])))
        if at < len(one.points):
            after.append((role, replace(one, points=one.points[at:])))
    return tuple(before), tuple(after)
