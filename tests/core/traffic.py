"""Traffic for the judge, on a simulated clock: looks with known shares of bad requests, and raw samples.

look(random.Random(1), at=15, weight=20, rps=40, bad=(.04, 0.0))
"""

import math
from bisect import bisect_left
from random import Random

from serinus.core.evidence import Histogram, Look, OnFail, PodLook, Ratio, Role, Sli, Standards
from serinus.core.noise import Calibration, Noise

EDGES = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, math.inf)
INTERVAL = 15.0


def errors(name: str = "success-rate", **changes: object) -> Sli:
    """`objective: 99%`, with the defaults."""
    return Sli(**{"name": name, "latency": False, "budget": 0.01, "edge": None, "allowed_ratio": 1.2, **changes})  # type: ignore[arg-type]


def latency(name: str = "latency", **changes: object) -> Sli:
    """`p99: 2500ms`, with the defaults."""
    return Sli(**{"name": name, "latency": True, "budget": 0.01, "edge": 2.5, "allowed_ratio": 1.1, **changes})  # type: ignore[arg-type]


def standards(**changes: object) -> Standards:
    """The defaults, for steps 5/25/50."""
    return Standards(**{"false_rollback_rate": 0.01, "false_promotion_rate": 0.05, "steps": 3, **changes})  # type: ignore[arg-type]


def quiet(*slis: Sli, spread: float = 0.0, phi: float = 1.0) -> Noise:
    """A workload whose pods are all alike and whose requests are independent."""
    return Noise(
        calibrations={
            sli.name: Calibration(
                phi=phi, phi_tail=phi, pod_rate=0.1, share=0.005, pod_spread=spread, pod_degrees=7 if spread else None
            )
            for sli in slis
        },
        hours=6.0,
        pods=4,
        assumed=False,
    )


def binomial(random: Random, n: int, p: float) -> int:
    """How many of n happen, each with probability p (by the gaps between them; normal where many)."""
    if p <= 0 or n <= 0:
        return 0
    if p >= 1:
        return n
    if n * p > 30:
        return max(0, min(n, round(random.gauss(n * p, math.sqrt(n * p * (1 - p))))))
    happened, at = 0, 0
    while True:
        at += int(math.log(1 - random.random()) / math.log(1 - p)) + 1
        if at > n:
            return happened
        happened += 1


def poisson(random: Random, mean: float) -> int:
    """A count with that mean."""
    tries = max(1, math.ceil(mean * 50))
    return binomial(random, tries, mean / tries)


def latencies(random: Random, n: int, slower: float) -> Histogram:
    """Lognormal latencies with a median of .4 s times `slower`."""
    counts = [0.0] * len(EDGES)
    for _ in range(n):
        counts[bisect_left(EDGES, 0.4 * slower * math.exp(random.gauss(0, 0.6)))] += 1
    return Histogram(edges=EDGES, counts=tuple(counts))


def look(
    random: Random,
    *,
    at: float = INTERVAL,
    step: int = 1,
    weight: int = 20,
    rps: float = 40.0,
    bad: tuple[float, float] | None = (0.0, 0.0),
    slower: tuple[float, float] | None = None,
    pods: tuple[int, int] = (1, 4),
    seconds: float = INTERVAL,
    sli: str = "success-rate",
    lost: tuple[float, float] = (0.0, 0.0),
) -> Look:
    """One look; pairs are (candidate, stable): share of bad requests, or latency relative to .4 s, and pods."""
    seen = []
    for arm, (role, share) in enumerate(((Role.CANDIDATE, weight / 100), (Role.STABLE, 1 - weight / 100))):
        for pod in range(pods[arm]):
            n = poisson(random, rps * seconds * share / pods[arm])
            counts: dict[str, Ratio | Histogram] = {}
            if bad is not None:
                counts[sli] = Ratio(total=n, bad=binomial(random, n, bad[arm]))
            if slower is not None:
                counts["latency"] = latencies(random, n, slower[arm])
            seen.append(PodLook(pod=f"{role}-{pod}", role=role, start=at - seconds, end=at, counts=counts))
    return Look(
        at=at,
        weight=weight,
        step=step,
        pods=tuple(seen),
        covered_seconds=seconds,
        lost_candidate=lost[0],
        lost_stable=lost[1],
    )


def past(random: Random, *, hours: float, rps: float, bad: float, pods: int = 4) -> list[Look]:
    """Stable alone, minute by minute."""
    return [
        look(random, at=60.0 * minute, step=0, weight=0, rps=rps, bad=(0.0, bad), pods=(0, pods), seconds=60.0)
        for minute in range(1, round(hours * 60) + 1)
    ]


__all__ = ["EDGES", "INTERVAL", "OnFail", "errors", "latency", "look", "past", "quiet", "standards"]
