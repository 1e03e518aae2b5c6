"""Every method under the name of its column: looks in, the look at which it rolls back (or promotes) out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.statistics import twin
from benchmarks.statistics.peers import argo, flagger, growthbook, kayenta, oracle, z_test
from benchmarks.statistics.traffic import Decided, LatencyTraffic, Traffic
from serinus.api.compile import ALLOWED_RATIO, ALLOWED_RATIO_LATENCY
from serinus.core.evidence import Sli, Standards

FALSE_PROMOTION = 0.05

DEFAULTS = Sli(name="errors", latency=False, budget=None, edge=None, allowed_ratio=ALLOWED_RATIO)
"""An SLI as a spec without an objective compiles it."""
NO_MARGIN = Sli(name="errors", latency=False, budget=None, edge=None, allowed_ratio=1.0, allowed_difference=0.0)
"""Any difference is harm: what bounds and peers without a margin are compared with."""
LATENCY = Sli(name="latency", latency=True, budget=None, edge=None, allowed_ratio=ALLOWED_RATIO_LATENCY)
LATENCY_NO_MARGIN = Sli(name="latency", latency=True, budget=None, edge=None, allowed_ratio=1.0, allowed_difference=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a method may be told beside the looks: the oracle everything, nobody else anything."""

    p1: float
    p0: float


Answer = Callable[[Traffic, Told], Decided]


def rollback_only(decide: Callable[[Traffic], np.ndarray]) -> Answer:
    """A method that cannot say that a step is safe."""

    def answer(traffic: Traffic, told: Told) -> Decided:  # noqa: ARG001
        at = decide(traffic)
        return Decided(rollback=at.astype(np.int64), promote=np.full(len(at), -1, dtype=np.int64))

    return answer


def ours(sli: Sli, alpha: float) -> Answer:
    """The judge of the operator."""

    def answer(traffic: Traffic, told: Told) -> Decided:  # noqa: ARG001
        return twin.judge(traffic, sli, standards(alpha, int(traffic.step.max())))

    return answer


def standards(alpha: float, steps: int) -> Standards:
    """How sure the judge must be."""
    return Standards(false_rollback_rate=alpha, false_promotion_rate=FALSE_PROMOTION, steps=steps)


def latency(traffic: LatencyTraffic, sli: Sli, alpha: float) -> Decided:
    """The judge of the operator, for a latency."""
    return twin.judge_latency(traffic, sli, standards(alpha, int(traffic.step.max())))


def _oracle(alpha: float) -> Answer:
    def answer(traffic: Traffic, told: Told) -> Decided:
        at = oracle.decide(traffic, alpha, told.p1, told.p0).astype(np.int64)
        return Decided(rollback=at, promote=np.full(len(at), -1, dtype=np.int64))

    return answer


METHODS: dict[str, Answer] = {
    "ours .05": ours(DEFAULTS, 0.05),
    "ours .01": ours(DEFAULTS, 0.01),
    "ours r=1 .05": ours(NO_MARGIN, 0.05),
    "ours r=1 .01": ours(NO_MARGIN, 0.01),
    "argo .95": rollback_only(lambda looks: argo.success_rate(looks, 0.95)),
    "argo .99": rollback_only(lambda looks: argo.success_rate(looks, 0.99)),
    "argo ratio": rollback_only(argo.against_stable),
    "flagger 99/5": rollback_only(flagger.success_rate),
    "kayenta": rollback_only(kayenta.decide),
    "growthbook .05": rollback_only(lambda looks: growthbook.decide(looks, 0.05)),
    "growthbook .01": rollback_only(lambda looks: growthbook.decide(looks, 0.01)),
    "z .05": rollback_only(lambda looks: z_test.decide(looks, 0.05)),
    "z .01": rollback_only(lambda looks: z_test.decide(looks, 0.01)),
    "oracle .05": _oracle(0.05),
    "oracle .01": _oracle(0.01),
}
SWEEP: dict[str, Answer] = {
    **{
        f"argo {least} fl{limit}": rollback_only(
            lambda looks, least=least, limit=limit: argo.success_rate(looks, least, limit)  # type: ignore[misc]
        )
        for least in (0.95, 0.97, 0.98, 0.985, 0.99)
        for limit in (0, 3, 10)
    },
    **{
        f"argo ratio>{ratio} fl{limit}": rollback_only(
            lambda looks, ratio=ratio, limit=limit: argo.against_stable(looks, ratio, limit)  # type: ignore[misc]
        )
        for ratio in (1.2, 1.5, 2.0, 3.0)
        for limit in (3, 10)
    },
    **{
        f"flagger {minimum:g}/{threshold}": rollback_only(
            lambda looks, minimum=minimum, threshold=threshold: flagger.success_rate(looks, minimum, threshold)  # type: ignore[misc]
        )
        for minimum in (95, 97, 98, 98.5, 99)
        for threshold in (1, 5, 10)
    },
}
"""Argo and Flagger at other thresholds than the documented ones."""

OURS = ("ours .05", "ours .01")
NO_MARGINS = ("ours r=1 .05", "ours r=1 .01")
TOLD_BOTH = ("oracle .05", "oracle .01")
SIMPLE = ("argo .95", "argo .99", "argo ratio", "flagger 99/5", "growthbook .05", "growthbook .01", "z .05", "z .01")
