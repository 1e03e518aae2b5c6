"""What the cluster's Prometheus says.

Of each revision: what its model servers counted, which is what Serinus judges by. Of the users: what Envoy answered
them, whatever a model server may say of itself.
"""

from __future__ import annotations

import json
import math
import os
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from examples.demo.kube import NAMESPACE, ROLLOUT

_WINDOW = "10s"
_SHORT = "6s"
"""Five and three scrapes: few requests need the longer one, and a change of weight shows sooner in the shorter."""
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _by_revision(metric: str, *matchers: str, keep: str = "", window: str = _WINDOW) -> str:
    """The rate of a metric of the model servers, summed by revision, which is a part of the pod's name."""
    matched = ",".join((f'namespace="{NAMESPACE}"', 'path=~".*/infer"', *matchers))
    named = f'label_replace(rate({metric}{{{matched}}}[{window}]), "revision", "$1", "pod", "{ROLLOUT}-([^-]+)-.*")'
    return f"sum by (revision{keep}) ({named})"


_ALL = _by_revision("rest_server_requests_total")
_BAD = _by_revision("rest_server_requests_total", 'status_code=~"5.."')
_BUCKETS = _by_revision("rest_server_request_duration_seconds_bucket", keep=",le")

REQUESTS, ERRORS, P95 = "requests", "errors", "p95"
QUERIES = {
    REQUESTS: _by_revision("rest_server_requests_total", window=_SHORT),
    ERRORS: f"(({_BAD}) or 0 * {_ALL}) / ({_ALL} > 0)",
    P95: f"1000 * histogram_quantile(0.95, {_BUCKETS})",
}
"""Requests a second, share of answers with 5xx, and 95th percentile of the duration in ms; by revision."""

Values = dict[str, dict[str, float]]
"""Query -> revision -> value; a revision that got no request is not there."""


def now() -> Values:
    """The last seconds."""
    return {
        name: {
            one["metric"].get("revision", ""): float(one["value"][1])
            for one in _ask("query", query=query)
            if not math.isnan(float(one["value"][1]))
        }
        for name, query in QUERIES.items()
    }


Series = dict[str, dict[str, list[tuple[float, float]]]]
"""Query -> revision -> pairs of seconds since the epoch and value."""


def series(start: float, end: float, step: float = 2.0) -> Series:
    """Every query over a time."""
    return {
        name: {
            one["metric"].get("revision", ""): [
                (float(at), float(value)) for at, value in one["values"] if not math.isnan(float(value))
            ]
            for one in _ask("query_range", query=query, start=start, end=end, step=step)
        }
        for name, query in QUERIES.items()
    }


@dataclass(frozen=True, slots=True)
class Answers:
    """How many requests users sent so far, how many a model failed (500), how many were lost before it (502-504)."""

    total: float = 0.0
    failed: float = 0.0
    lost: float = 0.0

    def __sub__(self, before: Answers) -> Answers:
        return Answers(self.total - before.total, self.failed - before.failed, self.lost - before.lost)


def answers(arms: str = "stable|candidate") -> Answers:
    """Envoy's counters, as last scraped; each Service of the rollout is a cluster there."""
    cluster = f'envoy_cluster_name=~"{NAMESPACE}_{ROLLOUT}-({arms})_8080"'
    return Answers(
        _sum(f"envoy_cluster_upstream_rq_completed{{{cluster}}}"),
        _sum(f'envoy_cluster_upstream_rq{{{cluster},envoy_response_code="500"}}'),
        _sum(f'envoy_cluster_upstream_rq{{{cluster},envoy_response_code=~"50[234]"}}'),
    )


def _sum(query: str) -> float:
    result = _ask("query", query=f"sum({query})")
    return float(result[0]["value"][1]) if result else 0.0


def _ask(path: str, **parameters: object) -> list[Any]:
    address = f"{os.environ['SERINUS_PROMETHEUS']}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    with _OPENER.open(address, timeout=15) as answer:
        document = json.load(answer)
    return list(document["data"]["result"])
