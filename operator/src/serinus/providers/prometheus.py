"""Prometheus: few queries for many rollouts, and their answers taken apart again. Nothing here does I/O.

    wants = [Want(owner=..., namespace=..., arms={"chat-6f7d5": Role.STABLE, ...}, measurement=..., seconds=75)]
    for query in plan(wants):
        series = read(query, await ask(query.text, at=now))       # Series by owner, SLI and part

A query is a range selector at one instant, so that the answer holds the raw samples as they were scraped: never
`rate()` or `increase()`, which extrapolate, and count samples twice where windows overlap. History that need not be
exact is asked by a subquery (`resolution`), which thins it out.

Rollouts that ask for the same metric with the same matchers share a query. Namespaces are always matched exactly, and
the answer is sorted by them, so that a rollout never sees another one's pods.
"""

import math
import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from serinus.core.evidence import Role
from serinus.core.questions import Arms, HistogramSource, Matcher, Measurement, RateSource
from serinus.core.questions import Series as Selected
from serinus.providers import promql

WINDOWS = (15, 30, 60, 120, 300, 600, 1800, 3600)
"""Seconds that a query may look back: few lengths, so that many rollouts share a query."""
NAMES = 500
"""Most names of Deployments or Services in one query: keeps its text below about 32 KiB."""
NAME_SECONDS = 30_000
"""Most names times seconds in one query (times instants, for a subquery): keeps the answer to some MiB."""
LONGEST_NAME = 63
"""A pod's name is cut to this; what is cut off is the hyphen before its random part."""
_GATEWAY_CLUSTER = re.compile(r"([a-z0-9-]+)_([a-z0-9-]+)_[0-9]+")


class Part(StrEnum):
    """Which counter of an SLI a series belongs to."""

    TOTAL = "total"
    BAD = "bad"
    GOOD = "good"
    BUCKET = "bucket"
    SCORES = "scores"
    """A bucket of a histogram of which lower is worse."""
    EVENTS = "events"


class AnswerError(Exception):
    """An answer of Prometheus that says nothing: the sentence says what came instead."""


class Partial(AnswerError):
    """An answer with warnings (a store did not answer): not the whole truth, so none of it is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What one rollout needs of one SLI."""

    owner: Hashable
    """Whose answer it is; comes back with the series."""
    namespace: str
    arms: Mapping[str, Role]
    """Names of the revisions' Deployments (arms by pod or workload) or of the role Services (by cluster)."""
    measurement: Measurement
    seconds: float
    """How far back the samples must reach."""
    resolution: int = 0
    """0: every sample. Else one value every so many seconds, aligned to multiples of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawSeries:
    """One series of one pod, as scraped."""

    part: Part
    role: Role
    pod: str
    """The pod; by cluster, `SERVICE@GATEWAY-POD`, because each gateway counts for itself."""
    labels: Mapping[str, str]
    """All labels of the series, those of the scrape (job, instance) included."""
    values: Sequence[tuple[float, str]]
    """As Prometheus wrote them: the answer of a look holds the series of many, and some are wanted before others."""

    @property
    def samples(self) -> tuple[tuple[float, float], ...]:
        """(time, value) in ascending time; NaN and infinite values are dropped."""
        return tuple([(at, value) for at, text in self.values if math.isfinite(value := float(text))])


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query, and who waits for which of its series."""

    text: str
    arms: Arms
    owners: Mapping[tuple[str, str], tuple[tuple[Hashable, str, Part, Role], ...]]
    """By (namespace, name of Deployment or Service): owner, SLI, part and role."""


Answers = dict[tuple[Hashable, str], list[RawSeries]]
"""Series by owner and SLI."""


def parts(measurement: Measurement) -> tuple[tuple[Part, Selected], ...]:
    """The selectors of an SLI; a histogram is asked by its buckets."""
    source = measurement.source
    if isinstance(source, HistogramSource):
        buckets = Selected(metric=source.histogram.metric + "_bucket", matchers=source.histogram.matchers)
        return ((Part.SCORES if source.scores else Part.BUCKET, buckets),)
    if isinstance(source, RateSource):
        return ((Part.EVENTS, source.events),)
    asked = [(Part.TOTAL, source.total)]
    if source.bad is not None:
        asked.append((Part.BAD, source.bad))
    if source.good is not None:
        asked.append((Part.GOOD, source.good))
    return tuple(asked)


def window(seconds: float) -> int:
    """The shortest of WINDOWS that reaches back far enough; beyond the last, whole multiples of it.

    >>> [window(s) for s in (4, 31, 3600, 3601)]
    [15, 60, 3600, 7200]
    """
    for one in WINDOWS:
        if seconds <= one:
            return one
    return math.ceil(seconds / WINDOWS[-1]) * WINDOWS[-1]


def plan(wants: Iterable[Want]) -> tuple[Query, ...]:
    """The queries that answer all of these. Their number does not grow with that of rollouts, up to NAMES.

    Raises `promql.NotAName` for a metric or label that cannot be written.
    """
    batches: dict[tuple[Selected, Arms, int, int], list[tuple[Want, Part]]] = defaultdict(list)
    for want in wants:
        for part, selected in parts(want.measurement):
            key = (selected, want.measurement.arms, window(want.seconds), want.resolution)
            batches[key].append((want, part))
    return tuple(
        _query(selected, arms, seconds, resolution, chunk)
        for (selected, arms, seconds, resolution), batch in batches.items()
        for chunk in _chunks(batch, seconds / max(1, resolution))
    )


@lru_cache(maxsize=1024)
def check(measurement: Measurement) -> None:
    """Raises `promql.NotAName` for a metric or label that cannot be written. What was right is remembered."""
    for _, selected in parts(measurement):
        promql.selector(selected.metric, selected.matchers)


def read(query: Query, answer: Mapping[str, Any]) -> Answers:
    """The series of an answer of `/api/v1/query` (the whole JSON object), by owner and SLI.

    Series of nobody who asked are left out. Raises `Partial` for an answer with warnings, and `AnswerError` for one
    that is no matrix.
    """
    data = answer.get("data")
    if answer.get("warnings"):
        raise Partial("Prometheus answered with warnings: some of its stores did not answer.")
    if not isinstance(data, Mapping) or data.get("resultType") != "matrix" or not isinstance(data.get("result"), list):
        raise AnswerError("Prometheus answered with something else than a matrix of samples.")
    found: Answers = defaultdict(list)
    for one in data["result"]:
        labels = one.get("metric", {})
        place = _place(query, labels)
        if place is None:
            continue
        (namespace, name), pod = place
        for owner, sli, part, role in query.owners[(namespace, name)]:
            series = RawSeries(part=part, role=role, pod=pod, labels=labels, values=one.get("values", ()))
            found[(owner, sli)].append(series)
    return found


def _chunks(batch: Sequence[tuple[Want, Part]], weight: float) -> Iterable[list[tuple[Want, Part]]]:
    """Cut a batch so that neither the text nor the answer of a query becomes too large; a rollout stays whole."""
    limit = max(1, min(NAMES, int(NAME_SECONDS / weight)))
    chunk: list[tuple[Want, Part]] = []
    names: set[tuple[str, str]] = set()
    for want, part in batch:
        more = {(want.namespace, name) for name in want.arms}
        if chunk and len(names | more) > limit:
            yield chunk
            chunk, names = [], set()
        chunk.append((want, part))
        names |= more
    if chunk:
        yield chunk


def _query(selected: Selected, arms: Arms, seconds: int, resolution: int, batch: Sequence[tuple[Want, Part]]) -> Query:
    owners: dict[tuple[str, str], list[tuple[Hashable, str, Part, Role]]] = defaultdict(list)
    for want, part in batch:
        for name, role in want.arms.items():
            owners[(want.namespace, name)].append((want.owner, want.measurement.sli, part, role))
    whose = _whose(arms, sorted(owners))
    text = promql.selector(selected.metric, (*selected.matchers, *whose))
    span = f"[{seconds}s:{resolution}s]" if resolution else f"[{seconds}s]"
    return Query(text=text + span, arms=arms, owners={key: tuple(value) for key, value in owners.items()})


def _whose(arms: Arms, names: Sequence[tuple[str, str]]) -> tuple[Matcher, ...]:
    """Matchers for the pods, workloads or clusters of these (namespace, name)."""
    namespaces = promql.one_of(namespace for namespace, _ in names)
    if arms is Arms.CLUSTER:
        clusters = promql.one_of(f"{namespace}_{name}" for namespace, name in names)
        return (Matcher(label="envoy_cluster_name", op="=~", value=f"({clusters})_[0-9]+"),)
    workloads = promql.one_of(name for _, name in names)
    if arms is Arms.WORKLOAD:
        return (
            Matcher(label="destination_workload_namespace", op="=~", value=namespaces),
            Matcher(label="destination_workload", op="=~", value=workloads),
        )
    # The ReplicaSet's hash and a random part follow the Deployment's name; in a name that was cut they are one word.
    return (
        Matcher(label="namespace", op="=~", value=namespaces),
        Matcher(label="pod", op="=~", value=f"({workloads})-[a-z0-9]+(-[a-z0-9]+)?"),
    )


def _place(query: Query, labels: Mapping[str, str]) -> tuple[tuple[str, str], str] | None:
    """((namespace, Deployment or Service), unit) that a series belongs to; None: to nobody who asked."""
    pod = labels.get("pod", "")
    if query.arms is Arms.CLUSTER:
        match = _GATEWAY_CLUSTER.fullmatch(labels.get("envoy_cluster_name", ""))
        key = (match[1], match[2]) if match else ("", "")
        return (key, f"{key[1]}@{pod or labels.get('instance', '')}") if key in query.owners else None
    if query.arms is Arms.WORKLOAD:
        key = (labels.get("destination_workload_namespace", ""), labels.get("destination_workload", ""))
        return (key, pod or labels.get("instance", "")) if key in query.owners else None
    namespace = labels.get("namespace", "")
    head, _, _ = pod.rpartition("-")
    name = head.rpartition("-")[0]
    if (namespace, name) not in query.owners and len(pod) == LONGEST_NAME:
        name = head
    return ((namespace, name), pod) if (namespace, name) in query.owners else None
