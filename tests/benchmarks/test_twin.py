"""The machine-code judge has the evidence that core has, after every look, to 1e-9; and it decides the same."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from benchmarks.statistics import twin
from benchmarks.statistics.traffic import Floats, Traffic
from serinus.core import history, judge
from serinus.core.evidence import Look, PodLook, Ratio, Role, Sli, Standards, Verdict
from serinus.core.judge import EvidenceState
from serinus.core.noise import no_history

pytestmark = pytest.mark.statistics

EXACT = 1e-9
STEPS = ((5, 40), (25, 40), (50, 60))


def errors(**changes: object) -> Sli:
    given = {"name": "errors", "latency": False, "budget": 0.01, "edge": None, "allowed_ratio": 1.2, **changes}
    return Sli(**given)  # type: ignore[arg-type]


def standards(alpha: float) -> Standards:
    return Standards(false_rollback_rate=alpha, false_promotion_rate=0.05, steps=len(STEPS))


def weights() -> tuple[Floats, Floats]:
    """The weight and the step of each look."""
    return (
        np.concatenate([np.full(looks, float(weight)) for weight, looks in STEPS]),
        np.concatenate([np.full(looks, k + 1) for k, (_, looks) in enumerate(STEPS)]),
    )


def traffic(seed: int, worse: float, minutes: int, runs: int = 3) -> Traffic:
    """Bursty, drifting, with pods that differ, looks without a candidate, and looks without anybody."""
    rng = np.random.default_rng(seed)
    weight, step = weights()
    looks = len(weight)
    rate = 0.01 * np.exp(0.7 * np.sin(np.arange(looks) / 20) + 0.3 * rng.normal(size=(runs, looks)))
    n1 = rng.poisson(3000 * weight / 100, (runs, looks)).astype(float)
    n0 = rng.poisson(3000 * (1 - weight / 100), (runs, looks)).astype(float)
    n1[rng.random((runs, looks)) < 0.05] = 0
    n0[rng.random((runs, looks)) < 0.03] = 0
    bursts = rng.gamma(2, 0.5, (2, runs, looks))
    pods = 5
    past_n = rng.poisson(300, (runs, minutes, pods)).astype(float)
    shares = 0.01 * np.exp(0.2 * rng.normal(size=pods)) * rng.gamma(3, 1 / 3, past_n.shape)
    return Traffic(
        n1=n1,
        x1=rng.binomial(n1.astype(int), np.minimum(0.9, worse * rate * bursts[0])).astype(float),
        n0=n0,
        x0=rng.binomial(n0.astype(int), np.minimum(0.9, rate * bursts[1])).astype(float),
        weight=weight,
        step=step.astype(np.int64),
        pods1=2,
        pods0=18,
        past_n=past_n,
        past_x=rng.binomial(past_n.astype(int), shares).astype(float),
    )


def spread_over(total: float, bad: float, pods: int) -> list[Ratio]:
    """Counts of an arm, given to its pods in whole requests."""
    return [Ratio(total=total // pods, bad=min(bad // pods, total // pods))] * (pods - 1) + [
        Ratio(total=total - (pods - 1) * (total // pods), bad=bad - (pods - 1) * min(bad // pods, total // pods))
    ]


def looks_of(made: Traffic, run: int) -> Iterator[Look]:
    """What core is given: the arms as pods."""
    for t in range(made.n1.shape[1]):
        at = made.seconds * (t + 1)
        pods = []
        for role, count, n, x in (
            (Role.CANDIDATE, made.pods1, made.n1[run, t], made.x1[run, t]),
            (Role.STABLE, made.pods0, made.n0[run, t], made.x0[run, t]),
        ):
            if n > 0:
                pods += [
                    PodLook(pod=f"{role}-{k}", role=role, start=at - made.seconds, end=at, counts={"errors": part})
                    for k, part in enumerate(spread_over(n, x, count))
                ]
        yield Look(at=at, weight=int(made.weight[t]), step=int(made.step[t]), pods=tuple(pods), covered_seconds=15.0)


def past_of(n: Floats, x: Floats) -> list[Look]:
    return [
        Look(
            at=60.0 * minute,
            weight=0,
            step=0,
            pods=tuple(
                PodLook(
                    pod=f"stable-{pod}",
                    role=Role.STABLE,
                    start=60.0 * minute,
                    end=60.0 * minute + 60,
                    counts={"errors": Ratio(total=float(n[minute, pod]), bad=float(x[minute, pod]))},
                )
                for pod in range(n.shape[1])
            ),
        )
        for minute in range(n.shape[0])
    ]


def states(looks: Iterator[Look], sli: Sli, rules: Standards, past: list[Look]) -> Iterator[EvidenceState]:
    noise = history.calibrate(past, [sli]) if past else no_history([sli])
    state = judge.begin([sli], rules, noise, intervals=False)
    for look in looks:
        state = judge.advance(state, look)
        yield state


def first(found: list[bool]) -> int:
    return found.index(True) if True in found else -1


CASES = [
    (seed, worse, alpha, minutes, sli)
    for (seed, worse), alpha, minutes, sli in product(
        enumerate((1.0, 1.6, 4.0)), (0.05, 0.01), (0, 20, 90, 360), (errors(), errors(budget=None))
    )
]


@pytest.mark.parametrize(("seed", "worse", "alpha", "minutes", "sli"), CASES)
def test_the_twin_has_cores_evidence_after_every_look(
    seed: int, worse: float, alpha: float, minutes: int, sli: Sli
) -> None:
    made, rules = traffic(seed, worse, minutes), standards(alpha)
    harm, safe = twin.evidence(made, sli, rules)
    found = twin.judge(made, sli, rules)
    for run in range(len(harm)):
        past = past_of(made.past_n[run], made.past_x[run])
        told = list(states(looks_of(made, run), sli, rules, past))
        assert [state.tracks[0].log_harm(1, rules) for state in told] == pytest.approx(harm[run], rel=EXACT, abs=EXACT)
        assert [state.tracks[0].log_safe for state in told] == pytest.approx(safe[run], rel=EXACT, abs=EXACT)
        failed = first([state.failure is not None for state in told])
        verdicts = [judge.verdict(state).verdict is Verdict.PASS for state in told]
        assert (found.rollback[run], found.promote[run]) == (failed, first(verdicts))
