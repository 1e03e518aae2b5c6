"""Lines that hold raw samples: what a pod's counters showed at one scrape, by the names that they are scraped under."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isnan
from typing import Any

from serinus.backtest import fields
from serinus.backtest.errors import Refused
from serinus.core.evidence import ProviderState, Role
from serinus.core.model import Shift, Spec
from serinus.core.needs import Started
from serinus.core.questions import HistogramSource, Matcher, RateSource, RatioSource
from serinus.core.questions import Series as Wanted
from serinus.core.samples import Labels, Part, Series

_SAMPLE = frozenset({"t", "pod", "role", "counters", "readySince"})
_WEIGHT = frozenset({"t", "weight", "wanted", "step", "provider"})
_SERIES = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One scrape of one pod."""

    at: float
    pod: str
    role: Role
    ready_since: float | None
    series: tuple[Series, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightLine:
    """A change of weight, or of how the provider answers."""

    at: float
    weight: int
    wanted: int
    step: int
    provider: ProviderState


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """All that the operator's answer at one look depended on, but for what it had read before."""

    at: float
    """When it looked."""
    shifts: tuple[Shift, ...]
    """Of the attempt, up to then: at least one."""
    pods: tuple[Started, ...]
    """That ran."""
    series: tuple[tuple[Role, Series], ...]
    """Samples that it had not read before."""
    drift_since: float | None = None
    provider: ProviderState = ProviderState.OK


class Scrapes:
    """Reads lines for one spec. What it remembers is a cache."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._meant: dict[str, tuple[tuple[str, Part, Labels], ...]] = {}
        self._scores = frozenset(sli.name for sli in spec.slis if sli.scores)
        self._metrics = sorted({metric for metric, *_ in _wanted(spec)})

    def weight(self, line: Mapping[str, Any]) -> WeightLine:
        """Check a line that says the weight. Raises `Refused`."""
        fields.only(line, _WEIGHT, "")
        at = fields.time(line)
        weight, wanted, step = fields.weights(line, self._spec)
        return WeightLine(at=at, weight=weight, wanted=wanted, step=step, provider=fields.provider(line))

    def sample(self, line: Mapping[str, Any]) -> Sample:
        """Check a line with the counters of one pod. Raises `Refused`."""
        fields.only(line, _SAMPLE, "")
        at = fields.time(line)
        pod = fields.text(line.get("pod"), "pod", "the pod's name")
        role = fields.role(line.get("role"), "role")
        since = line.get("readySince")
        counters = line["counters"]
        if not isinstance(counters, dict):
            raise Refused(
                f'counters is {fields.shown(counters)}: write values by series, {{"http_requests_total": 7}}.'
            )
        found: list[Series] = []
        for name, value in counters.items():
            meant = self._meant.get(name)
            if meant is None:
                meant = self._meant[name] = self._means(name)
            shows = fields.number(value, f"counters: {name}", "what the counter shows, 0 or more", least=0.0)
            found.extend(
                Series(pod=pod, sli=sli, part=part, labels=labels, points=((at, shows),)) for sli, part, labels in meant
            )
        _shrinks(found)
        return Sample(
            at=at,
            pod=pod,
            role=role,
            ready_since=None if since is None else fields.number(since, "readySince", "a time in seconds"),
            series=tuple(found),
        )

    def _means(self, name: str) -> tuple[tuple[str, Part, Labels], ...]:
        """Which parts of which SLIs a series is counted for; none where its labels are not those of the spec."""
        metric, labels = _parsed(name)
        if metric not in self._metrics:
            raise Refused(f"counters: the spec does not read {metric}; it reads {', '.join(self._metrics)}.")
        found: list[tuple[str, Part, Labels]] = []
        for wanted, sli, part, matchers in _wanted(self._spec):
            if wanted != metric or not all(_matches(one, labels.get(one.label, "")) for one in matchers):
                continue
            own = tuple(sorted((label, value) for label, value in labels.items() if label != "le"))
            if part is not None:
                found.append((sli, part, own))
            else:
                bound = _bound(labels, name)
                found.append((sli, -bound if sli in self._scores else bound, own))
        return tuple(found)


def _wanted(spec: Spec) -> list[tuple[str, str, str | None, tuple[Matcher, ...]]]:
    """Metric, SLI, part (None: a bucket) and matchers of everything that the spec reads."""
    found: list[tuple[str, str, str | None, tuple[Matcher, ...]]] = []
    for one in spec.measurements:
        source = one.source
        if isinstance(source, HistogramSource):
            found.append((f"{source.histogram.metric}_bucket", one.sli, None, source.histogram.matchers))
        elif isinstance(source, RateSource):
            found.append((source.events.metric, one.sli, "events", source.events.matchers))
        elif isinstance(source, RatioSource):
            parts: dict[str, Wanted | None] = {"total": source.total, "bad": source.bad, "good": source.good}
            found.extend((it.metric, one.sli, part, it.matchers) for part, it in parts.items() if it is not None)
    return found


def _parsed(name: str) -> tuple[str, dict[str, str]]:
    """Metric and labels of a series as Prometheus writes it."""
    whole = _SERIES.fullmatch(name)
    labels: dict[str, str] = {}
    rest = (whole[2] or "") if whole else ""
    while rest:
        one = _LABEL.match(rest)
        if one is None:
            whole = None
            break
        labels[one[1]] = re.sub(r"\\.", lambda found: _ESCAPES.get(found[0], found[0]), one[2])
        rest = rest[one.end() :]
    if whole is None:
        raise Refused(f'counters: {fields.shown(name)} is no series: write it as http_requests_total{{code="500"}}.')
    return whole[1], labels


def _bound(labels: Mapping[str, str], name: str) -> float:
    try:
        bound = float(labels["le"])
    except (KeyError, ValueError):
        bound = float("nan")
    if isnan(bound):
        raise Refused(f'counters: {fields.shown(name)} needs the bound of its bucket, such as le="0.5" or le="+Inf".')
    return bound


def _matches(matcher: Matcher, value: str) -> bool:
    if matcher.op in ("=", "!="):
        return (value == matcher.value) is (matcher.op == "=")
    return (re.fullmatch(matcher.value, value) is not None) is (matcher.op == "=~")


def _shrinks(series: list[Series]) -> None:
    """Refuse a histogram with fewer requests below a higher bound."""
    rows: dict[tuple[str, Labels], dict[float, float]] = {}
    for one in series:
        if isinstance(one.part, float):
            rows.setdefault((one.sli, one.labels), {})[one.part] = one.points[0][1]
    for (sli, _), heights in rows.items():
        # Of scores the bounds are negative; what is shown is as it was scraped.
        down = -1 if -inf in heights else 1
        heights = {down * bound: height for bound, height in heights.items()}
        for low, high in pairwise(sorted(heights)):
            if heights[high] < heights[low]:
                top = "+Inf" if high == inf else f"{high:g}"
                raise Refused(
                    f"counters: the histogram of {sli} shrinks: {heights[low]:g} up to {low:g}, and {heights[high]:g} "
                    f"up to {top}; buckets of raw samples are cumulative."
                )
