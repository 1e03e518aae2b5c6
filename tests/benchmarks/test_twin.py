"""The machine-code judge has the evidence that core has, after every look, to 1e-9; and it decides the same."""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import pytest
from scipy.special import ndtr

from benchmarks.statistics import twin
from benchmarks.statistics.traffic import Floats, LatencyTraffic, Traffic
from serinus.core import history, judge
from serinus.core.evidence import Counts, Histogram, Look, PodLook, Rate, Ratio, Role, Sli, Standards, Verdict
from serinus.core.judge import EvidenceState
from serinus.core.noise import no_history

EXACT = 1e-9
EDGES = (0.05, 0.1, 0.25, 0.3, 0.5, 0.6, 0.75, 0.8, 1.0, 1.5, 2.5, 5.0, 7.5, 10.0, np.inf)
STEPS = ((5, 40), (25, 40), (50, 60))


def errors(**changes: object) -> Sli:
    given = {"name": "errors", "latency": False, "budget": 0.01, "edge": None, "allowed_ratio": 1.2, **changes}
    return Sli(**given)  # type: ignore[arg-type]


def latency(**changes: object) -> Sli:
    return errors(**{"latency": True, "edge": 2.5, "allowed_ratio": 1.1, **changes})


def standards(alpha: float) -> Standards:
    return Standards(false_rollback_rate=alpha, false_promotion_rate=0.05, steps=len(STEPS))


def weights() -> tuple[Floats, Floats]:
    """The weight and the step of each look."""
    return (
        np.concatenate([np.full(looks, float(weight)) for weight, looks in STEPS]),
        np.concatenate([np.full(looks, k + 1) for k, (_, looks) in enumerate(STEPS)]),
    )


def traffic(seed: int, worse: float, minutes: int, runs: int = 3, bad: float = 0.01) -> Traffic:
    """Bursty, drifting, with pods that differ, looks without a candidate, and looks without anybody."""
    rng = np.random.default_rng(seed)
    weight, step = weights()
    looks = len(weight)
    rate = bad * np.exp(0.7 * np.sin(np.arange(looks) / 20) + 0.3 * rng.normal(size=(runs, looks)))
    n1 = rng.poisson(3000 * weight / 100, (runs, looks)).astype(float)
    n0 = rng.poisson(3000 * (1 - weight / 100), (runs, looks)).astype(float)
    n1[rng.random((runs, looks)) < 0.05] = 0
    n0[rng.random((runs, looks)) < 0.03] = 0
    bursts = rng.gamma(2, 0.5, (2, runs, looks))
    pods = 5
    past_n = rng.poisson(300, (runs, minutes, pods)).astype(float)
    shares = np.minimum(0.9, bad * np.exp(0.2 * rng.normal(size=pods)) * rng.gamma(3, 1 / 3, past_n.shape))
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


def latencies(seed: int, worse: float, minutes: int, runs: int = 2) -> LatencyTraffic:
    """Lognormal latencies whose median drifts for both arms, in pods that are slow at times."""
    rng = np.random.default_rng(seed)
    weight, step = weights()
    looks, pods = len(weight), 5
    drift = 0.2 * np.sin(np.arange(looks) / 15)

    def drawn(n: Floats, slower: Floats) -> Floats:
        edges = np.array(EDGES[:-1])
        below = np.array(ndtr((np.log(edges / 0.4) - slower[..., None]) / 0.7))
        law = np.diff(below, prepend=0.0, append=1.0)
        return rng.multinomial(n.astype(int), law).astype(float)

    n1 = rng.poisson(400 * weight / 100, (runs, looks)).astype(float)
    n0 = rng.poisson(400 * (1 - weight / 100), (runs, looks)).astype(float)
    n1[rng.random((runs, looks)) < 0.05] = 0
    n0[rng.random((runs, looks)) < 0.03] = 0
    slow = 0.1 * rng.normal(size=(runs, minutes, pods)) + 0.05 * rng.normal(size=pods)
    return LatencyTraffic(
        edges=EDGES,
        counts1=drawn(n1, drift + np.log(worse) / 3 + 0.1 * rng.normal(size=(runs, looks))),
        counts0=drawn(n0, drift + 0.1 * rng.normal(size=(runs, looks))),
        weight=weight,
        step=step.astype(np.int64),
        pods1=2,
        pods0=18,
        past=drawn(rng.poisson(80, (runs, minutes, pods)).astype(float), slow),
    )


def spread_over(total: float, bad: float, pods: int) -> list[Ratio]:
    """Counts of an arm, given to its pods in whole requests."""
    return [
        Ratio(total=total // pods + (pod < total % pods), bad=bad // pods + (pod < bad % pods)) for pod in range(pods)
    ]


def cut(counts: Floats, pods: int) -> list[Histogram]:
    """Counts (K,) of an arm, given to its pods."""
    parts = [counts // pods] * (pods - 1)
    return [Histogram(edges=EDGES, counts=tuple(map(float, part))) for part in [*parts, counts - sum(parts)]]


def looks_of(made: Traffic | LatencyTraffic, run: int) -> Iterator[Look]:
    """What core is given: the arms as pods."""
    for t in range(len(made.weight)):
        at = made.seconds * (t + 1)
        each: list[tuple[Role, Sequence[Counts]]] = []
        if isinstance(made, Traffic):
            each.append((Role.CANDIDATE, spread_over(made.n1[run, t], made.x1[run, t], made.pods1)))
            each.append((Role.STABLE, spread_over(made.n0[run, t], made.x0[run, t], made.pods0)))
        else:
            each.append((Role.CANDIDATE, cut(made.counts1[run, t], made.pods1)))
            each.append((Role.STABLE, cut(made.counts0[run, t], made.pods0)))
        pods = tuple(
            PodLook(pod=f"{role}-{k}", role=role, start=at - made.seconds, end=at, counts={"errors": part})
            for role, parts in each
            if requests(parts) > 0
            for k, part in enumerate(parts)
        )
        yield Look(at=at, weight=int(made.weight[t]), step=int(made.step[t]), pods=pods, covered_seconds=15.0)


def requests(parts: Sequence[Counts]) -> float:
    totals = [
        sum(part.counts) if isinstance(part, Histogram) else part.total for part in parts if not isinstance(part, Rate)
    ]
    return sum(totals)


def past_of(made: Traffic | LatencyTraffic, run: int) -> list[Look]:
    """The minutes before, of each pod by itself."""

    def counted(minute: int, pod: int) -> Counts:
        if isinstance(made, Traffic):
            return Ratio(total=float(made.past_n[run, minute, pod]), bad=float(made.past_x[run, minute, pod]))
        return Histogram(edges=EDGES, counts=tuple(map(float, made.past[run, minute, pod])))

    minutes, pods = (made.past_n if isinstance(made, Traffic) else made.past).shape[1:3]
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
                    counts={"errors": counted(minute, pod)},
                )
                for pod in range(pods)
            ),
        )
        for minute in range(minutes)
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
    (seed, worse, alpha, minutes)
    for (seed, worse), alpha, minutes in product(enumerate((1.0, 1.6, 4.0)), (0.05, 0.01), (0, 20, 90, 360))
]


def compare(made: Traffic | LatencyTraffic, sli: Sli, rules: Standards) -> None:
    harm, safe = twin.evidence(made, sli, rules)
    found = twin.judge(made, sli, rules) if isinstance(made, Traffic) else twin.judge_latency(made, sli, rules)
    for run in range(len(harm)):
        told = list(states(looks_of(made, run), sli, rules, past_of(made, run)))
        assert [state.tracks[0].log_harm(1, rules) for state in told] == pytest.approx(harm[run], rel=EXACT, abs=EXACT)
        assert [state.tracks[0].log_safe for state in told] == pytest.approx(safe[run], rel=EXACT, abs=EXACT)
        failed = first([state.failure is not None for state in told])
        passed = first([judge.verdict(state).verdict is Verdict.PASS for state in told])
        assert (found.rollback[run], found.promote[run]) == (failed, passed)


@pytest.mark.parametrize(("seed", "worse", "alpha", "minutes"), CASES)
@pytest.mark.parametrize("sli", [errors(), errors(budget=None)], ids=["objective", "no objective"])
def test_the_twin_of_a_ratio_has_cores_evidence_after_every_look(
    seed: int, worse: float, alpha: float, minutes: int, sli: Sli
) -> None:
    compare(traffic(seed, worse, minutes), sli, standards(alpha))


@pytest.mark.parametrize("bad", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("minutes", [0, 90])
def test_the_twin_has_cores_evidence_where_nearly_all_requests_are_bad(bad: float, minutes: int) -> None:
    compare(traffic(11, 1.0, minutes, bad=bad), errors(budget=None), standards(0.05))


@pytest.mark.parametrize(("seed", "worse", "alpha", "minutes"), CASES)
@pytest.mark.parametrize("sli", [latency(), latency(budget=None, edge=None)], ids=["objective", "no objective"])
def test_the_twin_of_a_latency_has_cores_evidence_after_every_look(
    seed: int, worse: float, alpha: float, minutes: int, sli: Sli
) -> None:
    compare(latencies(seed, worse, minutes), sli, standards(alpha))
