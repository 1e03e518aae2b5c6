"""With fixed seeds: events over time are seldom called harm where there is none, and a higher rate of them is found."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from scipy.stats import beta

from benchmarks.statistics.traffic import Floats
from serinus.core import judge
from serinus.core.evidence import HOUR, Look, PodLook, Rate, Role, Sli, Standards
from serinus.core.history import calibrate
from serinus.core.noise import no_history

RUNS = 150
PODS1, PODS0 = 2, 8
PAST, LOOKS, MINUTE = 360, 240, 60.0
USUAL = 4.0
"""Events per pod-hour."""
ALPHA = 0.05
AT_THE_LINE = Sli(
    name="faults",
    latency=False,
    budget=None,
    edge=None,
    allowed_ratio=1.0,
    allowed_difference=0.0,
    rate=True,
)
"""An equal candidate is exactly as bad as it may be."""
DEFAULT = Sli(name="faults", latency=False, budget=None, edge=None, allowed_ratio=1.5, rate=True)


def counted(kind: str, seed: int, worse: float, usual: float) -> tuple[Floats, Floats]:
    """Events by minute and pod of stable's past, and of the trial, where the first pods are the candidate's."""
    random = np.random.default_rng((7, seed))
    clump = 3 if kind == "clumps" else 1
    levels = np.exp(0.2 * random.normal(size=PODS1 + PODS0)) if kind == "pods" else np.ones(PODS1 + PODS0)
    means = levels * usual * MINUTE / HOUR
    past = clump * random.poisson(means[PODS1:] / clump, (PAST, PODS0)).astype(float)
    means[:PODS1] *= worse
    # A day of its own: what both arms share comes and goes.
    shared = 1 + 0.5 * np.sin(np.arange(LOOKS) / 40) if kind == "drift" else np.ones(LOOKS)
    return past, clump * random.poisson(means * shared[:, None] / clump).astype(float)


def looks(rows: Floats, candidates: int, first: float) -> Iterator[Look]:
    for number, row in enumerate(rows, 1):
        at = first + MINUTE * number
        yield Look(
            at=at,
            weight=20 if candidates else 0,
            step=1,
            pods=tuple(
                PodLook(
                    pod=f"p{pod}" if pod < candidates else f"s{pod - candidates}",
                    role=Role.CANDIDATE if pod < candidates else Role.STABLE,
                    start=at - MINUTE,
                    end=at,
                    counts={"faults": Rate(events=float(events), exposure=MINUTE)},
                )
                for pod, events in enumerate(row)
            ),
            covered_seconds=MINUTE,
        )


def verdicts(kind: str, seed: int, sli: Sli, worse: float, usual: float = USUAL) -> tuple[float, float]:
    """Minutes until Fail, and until Pass; infinite where there is none."""
    past, trial = counted(kind, seed, worse, usual)
    noise = no_history([sli]) if kind == "no history" else calibrate(list(looks(past, 0, 0.0)), [sli])
    standards = Standards(false_rollback_rate=ALPHA, false_promotion_rate=0.05, steps=1)
    state = judge.begin([sli], standards, noise, intervals=False)
    fail = passed = float("inf")
    for number, look in enumerate(looks(trial, PODS1, MINUTE * PAST), 1):
        state = judge.advance(state, look)
        if state.failure is not None:
            fail = float(number)
            break
        if passed > number and state.tracks[0].log_safe >= np.log(20):
            passed = float(number)
    return fail, passed


@cache
def times(kind: str, sli: Sli, worse: float, runs: int, usual: float = USUAL) -> Floats:
    return np.array([verdicts(kind, seed, sli, worse, usual) for seed in range(runs)])


@pytest.mark.statistics
@pytest.mark.parametrize("kind", ["plain", "drift", "clumps", "pods", "no history"])
def test_an_equal_candidate_at_the_line_is_rolled_back_no_more_often_than_allowed(kind: str) -> None:
    fails = np.isfinite(times(kind, AT_THE_LINE, 1.0, RUNS)[:, 0])
    upper = beta.ppf(0.95, fails.sum() + 1, RUNS - fails.sum())
    assert upper <= ALPHA, f"{fails.mean():.3f}, at most {upper:.3f}"


@pytest.mark.statistics
@pytest.mark.parametrize(("kind", "minutes"), [("plain", 16), ("clumps", 45), ("pods", 20)])
def test_ten_times_as_many_events_are_found_within_the_hour(kind: str, minutes: float) -> None:
    assert np.median(times(kind, DEFAULT, 10.0, 40)[:, 0]) <= minutes


@pytest.mark.statistics
def test_three_times_as_many_are_found_in_hours_and_ten_times_without_history() -> None:
    assert np.median(times("plain", DEFAULT, 3.0, 40)[:, 0]) <= 180
    assert np.median(times("no history", DEFAULT, 10.0, 40)[:, 0]) <= 200


@pytest.mark.statistics
def test_a_candidate_at_the_steps_margin_seldom_passes_and_one_without_events_does() -> None:
    """The step's line of 1.8 times stable and one more per pod-hour."""
    at_margin = times("plain", DEFAULT, 1.8 + 1 / USUAL, RUNS)[:, 1]
    # At the rate of 5 % that is allowed, more than 14 of 150 would be a surprise of 1 in 100.
    assert np.isfinite(at_margin).sum() <= 14
    none = times("plain", DEFAULT, 1.0, 20, 0.0)
    assert np.isfinite(none[:, 1]).all()
    assert not np.isfinite(none[:, 0]).any()
