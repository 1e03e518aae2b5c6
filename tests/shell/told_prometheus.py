"""A Prometheus that is told its samples: it answers range selectors, the last or largest value over one, subqueries of
raw series, and subqueries of a sum of increases (whole ones: it does not extrapolate), and nothing else.

It stands at the edge, in place of the network. What a real Prometheus does with these queries is shown in
tests/api_server.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serinus.shell.prometheus import PrometheusError

_QUERY = re.compile(r"([\w:]+)\{(.*)\}\[(\d+)s(?::(\d+)s)?\]")
_INCREASES = re.compile(r"\(sum by \(([\w, ]+)\) \(increase\(([\w:]+)\{(.*)\}\[(\d+)s\]\)\)\)\[(\d+)s:(\d+)s\]")
_OVER_TIME = re.compile(r"(last|max)_over_time\((.*)\)")
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"')
LOOKBACK = 300.0


@dataclass(slots=True, kw_only=True)
class ToldPrometheus:
    """Series by their labels, `__name__` included."""

    series: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = field(default_factory=dict)
    asked: list[tuple[str, float]] = field(default_factory=list)
    failing: PrometheusError | None = None
    warnings: list[str] = field(default_factory=list)

    def tell(self, labels: Mapping[str, str], at: float, value: float) -> None:
        """Add a sample."""
        self.series.setdefault(tuple(sorted(labels.items())), []).append((at, value))

    async def instant(self, queries: Sequence[str], at: float) -> list[Mapping[str, Any] | PrometheusError]:
        """The answers, as the client returns them."""
        self.asked += [(query, at) for query in queries]
        return [self.failing or self._answer(query, at) for query in queries]

    def _answer(self, query: str, at: float) -> dict[str, Any]:
        if (increases := _INCREASES.fullmatch(query)) is not None:
            return self._increases(at, *increases.groups())
        if (over := _OVER_TIME.fullmatch(query)) is not None:
            return self._over_time(over[1], over[2], at)
        match = _QUERY.fullmatch(query)
        assert match is not None, query
        metric, inside, seconds, step = match.groups()
        matchers = [(label, op, _unescaped(value)) for label, op, value in _MATCHER.findall(inside)]
        result = []
        for key, samples in self.series.items():
            labels = dict(key)
            if labels["__name__"] != metric or not all(_matches(labels, *one) for one in matchers):
                continue
            start = at - int(seconds)
            values = (
                _thinned(samples, start, at, int(step))
                if step
                else samples[_after(samples, start) : _after(samples, at)]
            )
            if values:
                result.append({"metric": labels, "values": [[t, repr(v)] for t, v in values]})
        answer: dict[str, Any] = {"status": "success", "data": {"resultType": "matrix", "result": result}}
        return {**answer, "warnings": self.warnings} if self.warnings else answer

    def _over_time(self, which: str, query: str, at: float) -> dict[str, Any]:
        answer = self._answer(query, at)
        result = []
        for one in answer["data"]["result"]:
            values = [value for _, value in one["values"]]
            labels = {name: value for name, value in one["metric"].items() if name != "__name__" or which == "last"}
            result.append({"metric": labels, "value": [at, values[-1] if which == "last" else max(values, key=float)]})
        return {**answer, "data": {"resultType": "vector", "result": result}}

    def _increases(self, at: float, by: str, metric: str, inside: str, *spans: str) -> dict[str, Any]:
        width, seconds, step = map(int, spans)
        assert width == step, "buckets lie side by side"
        matchers = [(label, op, _unescaped(value)) for label, op, value in _MATCHER.findall(inside)]
        sums: dict[tuple[tuple[str, str], ...], dict[int, float]] = {}
        for key, samples in self.series.items():
            labels = dict(key)
            if labels["__name__"] != metric or not all(_matches(labels, *one) for one in matchers):
                continue
            row = sums.setdefault(tuple((label, labels[label]) for label in by.split(", ")), {})
            end = int((at - seconds) // step + 1) * step
            while end <= at:
                if (grown := _increase(samples, end - step, end)) is not None:
                    row[end] = row.get(end, 0.0) + grown
                end += step
        result = [
            {"metric": dict(key), "values": [[t, repr(v)] for t, v in sorted(row.items())]}
            for key, row in sums.items()
            if row
        ]
        answer: dict[str, Any] = {"status": "success", "data": {"resultType": "matrix", "result": result}}
        return {**answer, "warnings": self.warnings} if self.warnings else answer


def _increase(samples: Sequence[tuple[float, float]], start: float, end: float) -> float | None:
    """What the samples in (start, end] grew by; None: fewer than two."""
    inside = samples[_after(samples, start) : _after(samples, end)]
    return inside[-1][1] - inside[0][1] if len(inside) > 1 else None


def _thinned(samples: Sequence[tuple[float, float]], start: float, end: float, step: int) -> list[tuple[float, float]]:
    """The last value before each multiple of `step`, if it is not older than LOOKBACK."""
    found = []
    at = (start // step + 1) * step
    while at <= end:
        last = _after(samples, at) - 1
        if last >= 0 and samples[last][0] > at - LOOKBACK:
            found.append((at, samples[last][1]))
        at += step
    return found


def _after(samples: Sequence[tuple[float, float]], at: float) -> int:
    """Index of the first sample later than `at`."""
    return bisect_right(samples, at, key=lambda sample: sample[0])


def _matches(labels: Mapping[str, str], label: str, op: str, value: str) -> bool:
    own = labels.get(label, "")
    equal = re.fullmatch(value, own) is not None if "~" in op else own == value
    return equal is not op.startswith("!")


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "r": "\r", "t": "\t"}.get(found[1], found[1]), value)
