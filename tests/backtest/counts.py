"""Lines for a backtest, with seeds."""

from collections.abc import Iterator
from math import ceil, exp, log2
from random import Random
from typing import Any

from tests.core.traffic import EDGES, binomial, latencies, poisson

SPEC: dict[str, Any] = {
    "workload": {"deployment": "chat"},
    "traffic": {"httpRoute": "chat"},
    "steps": [{"weight": 10, "hold": "2m"}, {"weight": 50, "hold": "2m"}],
    "slis": [
        {
            "name": "answers",
            "objective": "98%",
            "ratio": {
                "total": {"metric": "answers_total"},
                "bad": {"metric": "answers_total", "matchers": [{"label": "outcome", "equals": "bad"}]},
            },
        }
    ],
    "analysis": {"assumedDispersion": 1},
    "rollback": {"drain": "30s"},
}
LATENCY = {"name": "latency", "p99": "2500ms", "histogram": {"metric": "answer_seconds", "worse": "higher"}}
BOTH = {**SPEC, "slis": [*SPEC["slis"], LATENCY]}


def spec(**changes: Any) -> dict[str, Any]:
    return {**SPEC, **changes}


def lines(
    *,
    looks: int = 20,
    bad: tuple[float, float] = (0.01, 0.01),
    weight: int = 10,
    pods: tuple[int, int] = (2, 6),
    rps: float = 200.0,
    begin: float = 0.0,
    seconds: float = 15.0,
    seed: int = 1,
    offsets: bool = False,
    slow: bool = False,
    slower: tuple[float, float] = (1.0, 1.0),
    native: bool = False,
    **fields: Any,
) -> Iterator[dict[str, Any]]:
    """Increments; pairs are (candidate, stable). `offsets`: each pod is scraped at a moment of its own.

    `slow`: with latencies, `slower` times .4 s; `native`: as native histograms.
    """
    random = Random(seed)
    for number in range(1, looks + 1):
        at = begin + seconds * number
        listed = []
        for arm, (role, share) in enumerate((("candidate", weight / 100), ("stable", 1 - weight / 100))):
            for pod in range(pods[arm]):
                n = poisson(random, rps * seconds * share / pods[arm])
                one: dict[str, Any] = {"pod": f"{role}-{pod}", "role": role}
                one["slis"] = {"answers": {"total": n, "bad": binomial(random, n, bad[arm])}}
                if slow:
                    le = [*EDGES[:-1], "+Inf"]
                    shown = {"le": le, "counts": list(latencies(random, n // 10, slower[arm]).counts)}
                    one["slis"]["latency"] = natively(random, n // 10, slower[arm]) if native else shown
                if offsets:
                    by = Random(one["pod"]).uniform(-seconds / 2, seconds / 2)
                    one |= {"from": at - seconds + by, "to": at + by}
                listed.append(one)
        yield {"t": at, "weight": weight, "pods": listed, **fields}


def natively(random: Random, n: int, slower: float) -> dict[str, Any]:
    """The latencies of tests/core/traffic.py in a native histogram of schema 3."""
    indices = [ceil(8 * log2(0.4 * slower * exp(random.gauss(0, 0.6)))) for _ in range(n)] or [0]
    first = min(indices)
    return {
        "schema": 3,
        "offset": first,
        "counts": [indices.count(k) if n else 0 for k in range(first, max(indices) + 1)],
    }


def past(minutes: int = 60, *, pods: int = 6, begin: float = -36000.0, **changes: Any) -> list[dict[str, Any]]:
    """Stable alone, minute by minute."""
    return list(lines(looks=minutes, weight=0, pods=(0, pods), seconds=60.0, begin=begin, rps=100.0, **changes))


def raw(
    *, scrapes: int = 20, bad: tuple[float, float] = (0.01, 0.01), seed: int = 1, aligned: bool = False
) -> list[dict[str, Any]]:
    """Raw samples of two candidate pods and four of stable, at 20 %, 100 requests a second."""
    random = Random(seed)
    pods = [(f"c{k}", "candidate", 0.1) for k in range(2)] + [(f"s{k}", "stable", 0.2) for k in range(4)]
    offset = {pod: 0.0 if aligned else random.uniform(0.1, 14.9) for pod, *_ in pods}
    shown = {pod: [random.randrange(1000), 0] for pod, *_ in pods}
    told: list[dict[str, Any]] = [{"t": 0.0, "weight": 10}]
    for scrape in range(scrapes):
        for pod, role, share in sorted(pods, key=lambda one: offset[one[0]]):
            n = poisson(random, 1500 * share) if scrape else 0
            x = binomial(random, n, bad[role == "stable"])
            shown[pod][0] += n - x
            shown[pod][1] += x
            counters = {f'answers_total{{outcome="{kind}"}}': shown[pod][i] for i, kind in enumerate(("good", "bad"))}
            told.append({"t": 15.0 * scrape + offset[pod], "pod": pod, "role": role, "counters": counters})
    return told
