"""Noise that is measured during the trial: the false-rollback rate holds on clustered traffic, too."""

from math import exp
from random import Random

import pytest

from serinus.core import judge
from serinus.core.evidence import Look, PodLook, Ratio, Role
from serinus.core.noise import no_history
from tests.core.traffic import INTERVAL, binomial, errors, poisson, standards

SHOCK, SECONDS, HOURS, RUNS = 0.5, 120.0, 3.0, 150
PODS = ((Role.CANDIDATE, 2), (Role.STABLE, 8))


def noisy(random: Random, shocks: dict[str, float], at: float, *, rps: float, bad: float) -> Look:
    """Each pod's share of errors swings by itself, within minutes: autoregressive, lognormal."""
    keep = exp(-INTERVAL / SECONDS)
    seen = []
    for role, number in PODS:
        for pod in (f"{role}-{n}" for n in range(number)):
            shocks[pod] = keep * shocks.get(pod, random.gauss(0, SHOCK)) + random.gauss(
                0, SHOCK * (1 - keep * keep) ** 0.5
            )
            n = poisson(random, rps * INTERVAL / 10)
            x = binomial(random, n, min(1.0, bad * exp(shocks[pod] - SHOCK**2 / 2)))
            seen.append(
                PodLook(pod=pod, role=role, start=at - INTERVAL, end=at, counts={"success-rate": Ratio(total=n, bad=x)})
            )
    return Look(at=at, weight=20, step=1, pods=tuple(seen), covered_seconds=INTERVAL)


@pytest.mark.statistics
def test_candidates_as_good_as_stable_are_rarely_taken_back_once_the_noise_is_measured() -> None:
    sli, taken_back, phis = errors(), 0, []
    for seed in range(RUNS):
        random = Random(seed)
        shocks: dict[str, float] = {}
        state = judge.begin([sli], standards(false_rollback_rate=0.05), no_history([sli]), intervals=False, past=())
        for k in range(1, round(HOURS * 3600 / INTERVAL) + 1):
            state = judge.advance(state, noisy(random, shocks, INTERVAL * k, rps=100.0, bad=0.01))
        taken_back += state.failure is not None
        phis.append(state.tracks[0].calibration.phi)
        assert not state.noise.assumed
    print(f"{taken_back} of {RUNS} taken back; dispersion measured {min(phis):.1f} to {max(phis):.1f}")
    assert taken_back <= 0.05 * RUNS
