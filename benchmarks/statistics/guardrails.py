"""Six SLIs under one rate, and what a look costs: by the operator's own core, because both are its business alone."""

import time
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.pool import Pool

import numpy as np

from benchmarks.statistics import past, ratios, scenarios
from benchmarks.statistics.cases import HOUR
from benchmarks.statistics.methods import DEFAULTS, NO_MARGIN, standards
from benchmarks.statistics.traffic import Traffic
from serinus.core import judge
from serinus.core.evidence import Look, PodLook, Ratio, Role, Sli, Verdict
from serinus.core.noise import Noise

SLIS = 6
ALPHA = 0.05
SEED = 606


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What came out; looks of rollback, -1 for never."""

    equal: list[int]
    """Six equal SLIs."""
    one_of_six: list[int]
    """One of six at twice stable's errors."""
    alone: list[int]
    """The same SLI alone."""
    microseconds: float
    """Processor time of one look of one SLI, defaults, without its interval."""


def measure(pool: Pool, runs: int) -> Family:
    """Judge so many rollouts with core."""
    seeds = range(runs)
    return Family(
        equal=pool.map(partial(_rolled_back, slis=SLIS, ratio=1.0, sli=DEFAULTS), seeds, chunksize=4),
        one_of_six=pool.map(partial(_rolled_back, slis=SLIS, ratio=2.0, sli=NO_MARGIN), seeds, chunksize=4),
        alone=pool.map(partial(_rolled_back, slis=1, ratio=2.0, sli=NO_MARGIN), seeds, chunksize=4),
        microseconds=pool.apply(_cost),
    )


def _drawn(seed: int, slis: int, ratio: float, sli: Sli) -> tuple[judge.EvidenceState, list[Look]]:
    random = np.random.default_rng([SEED, seed, slis])
    names = [f"{sli.name}-{number}" for number in range(slis)]
    many = [replace(sli, name=name) for name in names]
    drawn = [
        ratios.draw(scenarios.BASE, random, 1, HOUR, ratios.Harm(ratio=ratio if number == 0 else 1.0))
        for number in range(slis)
    ]
    noise = Noise(
        calibrations={
            one.name: past.errors(traffic.past_n[0], traffic.past_x[0], one)
            for one, traffic in zip(many, drawn, strict=True)
        },
        hours=6.0,
        pods=scenarios.BASE.pods0,
        assumed=False,
    )
    looks = [_look(number, names, drawn) for number in range(HOUR)]
    return judge.begin(many, standards(ALPHA, 1), noise, intervals=False), looks


def _look(number: int, names: list[str], drawn: list[Traffic]) -> Look:
    """The sums of an arm spread evenly over its pods: the judge adds them up again."""
    at = scenarios.BASE.seconds * (number + 1)
    pods = []
    for role, many in ((Role.CANDIDATE, scenarios.BASE.pods1), (Role.STABLE, scenarios.BASE.pods0)):
        counts = {}
        for name, traffic in zip(names, drawn, strict=True):
            n, x = (traffic.n1, traffic.x1) if role is Role.CANDIDATE else (traffic.n0, traffic.x0)
            counts[name] = Ratio(total=float(n[0, number]) / many, bad=float(x[0, number]) / many)
        pods += [
            PodLook(pod=f"{role}-{pod}", role=role, start=at - scenarios.BASE.seconds, end=at, counts=counts)
            for pod in range(many)
        ]
    return Look(at=at, weight=10, step=1, pods=tuple(pods), covered_seconds=scenarios.BASE.seconds)


def _rolled_back(seed: int, *, slis: int, ratio: float, sli: Sli) -> int:
    state, looks = _drawn(seed, slis, ratio, sli)
    for number, look in enumerate(looks):
        state = judge.advance(state, look)
        if state.failure is not None:
            assert judge.verdict(state).verdict is Verdict.FAIL
            return number
    return -1


def _cost() -> float:
    state, looks = _drawn(0, SLIS, 1.0, DEFAULTS)
    begun = time.process_time()
    for look in looks:
        state = judge.advance(state, look)
    return (time.process_time() - begun) / len(looks) / SLIS * 1e6
