"""How many requests services had over long windows, from Prometheus: one query for many rollouts. No I/O here.

    queries = plan([Want(owner=..., rollout="chat", seconds=2592000, width=21600, ...)])
    rows = read(query, await ask(query.text, at=...))       # by owner: {end of bucket: {Deployment: {part: increase}}}

A query is a subquery of `increase` whose buckets lie side by side: each sample is read once, pods that are gone
count as long as Prometheus keeps their samples, and resets are mended. `increase` estimates what lies between two
buckets; that is good enough for a budget and is no evidence for a verdict, which comes from raw samples
(`prometheus.py`). Pods are matched by the names that revisions of a rollout have, whichever they were.
"""

import math
import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serinus.core.questions import Arms, HistogramSource, Matcher, Measurement, RateSource
from serinus.core.questions import Series as Selected
from serinus.providers import promql
from serinus.providers.prometheus import LONGEST_NAME, AnswerError, Part, Partial

NAMES = 500
"""Most rollouts in one query: keeps its text below about 32 KiB."""
POINTS = 30_000
"""Most rollouts times buckets in one query: keeps the answer to some MiB."""
REVISION = "[bcdfghjklmnpqrstvwxz2456789]{8}"
"""What follows the rollout's name in the names of its Deployments: no word, so that chat-frontend is none of them."""
_REVISION = re.compile(f"(.+)-{REVISION}")
_ROLE = re.compile(r"([a-z0-9-]+)_([a-z0-9-]+)-(stable|candidate)_[0-9]+")
_BY = {
    Arms.POD: "namespace, pod",
    Arms.WORKLOAD: "destination_workload_namespace, destination_workload",
    Arms.CLUSTER: "envoy_cluster_name",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What one rollout needs of one SLI."""

    owner: Hashable
    namespace: str
    rollout: str
    source: str
    """Name of the team's own Deployment, whose pods count too; empty: there is none."""
    measurement: Measurement
    edge: float | None
    """For a latency, in the metric's unit: requests up to it are good."""
    seconds: int
    """Buckets that end up to so long before the time of the query."""
    width: int
    """Seconds of a bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One query, and who waits for which of its series."""

    text: str
    part: Part
    arms: Arms
    owners: Mapping[tuple[str, str], tuple[Hashable, ...]]
    """By (namespace, name of the rollout)."""
    before: Mapping[tuple[str, str], tuple[Hashable, ...]]
    """By (namespace, name of the team's own Deployment)."""


Found = dict[Hashable, dict[int, dict[str, float]]]
"""By owner: increase by the bucket's end and the name of the Deployment or Service."""


def parts(measurement: Measurement, edge: float | None) -> tuple[tuple[Part, Selected], ...]:
    """The counters that tell all requests and the bad ones; of a histogram its count and the bucket at the objective.

    >>> from serinus.core.questions import HistogramSource
    >>> source = HistogramSource(histogram=Selected(metric="answer_seconds"))
    >>> [(part.value, one.metric) for part, one in parts(Measurement(sli="a", arms=Arms.POD, source=source), 0.5)]
    [('total', 'answer_seconds_count'), ('good', 'answer_seconds_bucket')]
    """
    source = measurement.source
    if isinstance(source, RateSource) or (isinstance(source, HistogramSource) and source.scores):
        return ()  # No failed requests are counted, of which a budget could be.
    if not isinstance(source, HistogramSource):
        asked = ((Part.TOTAL, source.total), (Part.BAD, source.bad), (Part.GOOD, source.good))
        return tuple((part, one) for part, one in asked if one is not None)
    name, matchers = source.histogram.metric, source.histogram.matchers
    bound = Matcher(label="le", op="=~", value=promql.one_of(_bounds(math.inf if edge is None else edge)))
    return (
        (Part.TOTAL, Selected(metric=name + "_count", matchers=matchers)),
        (Part.GOOD, Selected(metric=name + "_bucket", matchers=(*matchers, bound))),
    )


def plan(wants: Iterable[Want], most: int = NAMES) -> tuple[Query, ...]:
    """The queries that answer all of these: one for each counter and window, up to `most` rollouts in it.

    Raises `promql.NotAName` for a metric or label that cannot be written.
    """
    batches: dict[tuple[Selected, Part, Arms, int, int], list[Want]] = defaultdict(list)
    for want in wants:
        for part, selected in parts(want.measurement, want.edge):
            batches[(selected, part, want.measurement.arms, want.seconds, want.width)].append(want)
    found = []
    for (selected, part, arms, seconds, width), batch in batches.items():
        size = max(1, min(most, POINTS * width // seconds))
        found += [
            _query(selected, part, arms, (seconds, width), batch[start : start + size])
            for start in range(0, len(batch), size)
        ]
    return tuple(found)


def read(query: Query, answer: Mapping[str, Any]) -> Found:
    """The increases of an answer of `/api/v1/query` (the whole JSON object), by owner. Raises as `prometheus.read`."""
    data = answer.get("data")
    if answer.get("warnings"):
        raise Partial("Prometheus answered with warnings: some of its stores did not answer.")
    if not isinstance(data, Mapping) or data.get("resultType") != "matrix" or not isinstance(data.get("result"), list):
        raise AnswerError("Prometheus answered with something else than a matrix of samples.")
    found: Found = {}
    for one in data["result"]:
        owners, name = _whose(query, one.get("metric", {}))
        for owner in owners:
            rows = found.setdefault(owner, {})
            for at, text in one.get("values", ()):
                value = float(text)
                if math.isfinite(value):
                    row = rows.setdefault(int(at), {})
                    row[name] = row.get(name, 0.0) + value
    return found


def _bounds(edge: float) -> tuple[str, ...]:
    """How clients write the bound of a bucket: Go as 1 and 1e+06, Python and newer Prometheus as 1.0.

    >>> _bounds(1.0), _bounds(0.25), _bounds(math.inf)
    (('1', '1.0'), ('0.25',), ('+Inf',))
    """
    if math.isinf(edge):
        return ("+Inf",)
    return tuple(dict.fromkeys((f"{edge:g}" if float(f"{edge:g}") == edge else repr(edge), repr(edge))))


def _query(selected: Selected, part: Part, arms: Arms, span: tuple[int, int], batch: Sequence[Want]) -> Query:
    owners: dict[tuple[str, str], tuple[Hashable, ...]] = {}
    before: dict[tuple[str, str], tuple[Hashable, ...]] = {}
    for want in batch:
        key, old = (want.namespace, want.rollout), (want.namespace, want.source)
        owners[key] = (*owners.get(key, ()), want.owner)
        if want.source:
            before[old] = (*before.get(old, ()), want.owner)
    text = promql.selector(selected.metric, (*selected.matchers, *_who(arms, batch)))
    seconds, width = span
    return Query(
        text=f"(sum by ({_BY[arms]}) (increase({text}[{width}s])))[{seconds}s:{width}s]",
        part=part,
        arms=arms,
        owners=owners,
        before=before,
    )


def _whose(query: Query, labels: Mapping[str, str]) -> tuple[tuple[Hashable, ...], str]:
    """Who asked for a series, and the Deployment or Service that it is of; nobody where it is a stranger's."""
    if query.arms is Arms.CLUSTER:
        match = _ROLE.fullmatch(labels.get("envoy_cluster_name", ""))
        return (query.owners.get((match[1], match[2]), ()), f"{match[2]}-{match[3]}") if match else ((), "")
    if query.arms is Arms.WORKLOAD:
        return _of(query, labels.get("destination_workload_namespace", ""), labels.get("destination_workload", ""))
    namespace, pod = labels.get("namespace", ""), labels.get("pod", "")
    head, _, _ = pod.rpartition("-")
    owners, name = _of(query, namespace, head.rpartition("-")[0])
    # In a name that was cut the ReplicaSet's hash and the random part are one word.
    return _of(query, namespace, head) if not owners and len(pod) == LONGEST_NAME else (owners, name)


def _of(query: Query, namespace: str, deployment: str) -> tuple[tuple[Hashable, ...], str]:
    match = _REVISION.fullmatch(deployment)
    owners = query.owners.get((namespace, match[1]), ()) if match else ()
    return owners or query.before.get((namespace, deployment), ()), deployment


def _who(arms: Arms, batch: Sequence[Want]) -> tuple[Matcher, ...]:
    """Matchers for all revisions of these rollouts, and for the Deployments that served before them."""
    namespaces = promql.one_of(one.namespace for one in batch)
    if arms is Arms.CLUSTER:
        clusters = promql.one_of(f"{one.namespace}_{one.rollout}" for one in batch)
        return (Matcher(label="envoy_cluster_name", op="=~", value=f"({clusters})-(stable|candidate)_[0-9]+"),)
    ours = promql.one_of(one.rollout for one in batch)
    before = promql.one_of(one.source for one in batch if one.source)
    names = f"({ours})-{REVISION}" + (f"|{before}" if before else "")
    if arms is Arms.WORKLOAD:
        return (
            Matcher(label="destination_workload_namespace", op="=~", value=namespaces),
            Matcher(label="destination_workload", op="=~", value=names),
        )
    return (
        Matcher(label="namespace", op="=~", value=namespaces),
        Matcher(label="pod", op="=~", value=f"({names})-[a-z0-9]+(-[a-z0-9]+)?"),
    )
