"""What spoils the first minutes after a change, and what the operator leaves out because of it.

Failures are counted at once, successes when they are complete: after each change of weight the candidate shows more
errors than it has, and stable fewer. A pod that has just begun answers worse than it will. The operator drops the looks
that touch such a time (`rollback.drain` after each change of weight, `workload.warmUp` and the drain after a pod became
ready); here these looks are drawn and then emptied, as its reader does.
"""

from dataclasses import replace

import numpy as np

from benchmarks.statistics.ratios import Harm, Rollout, past_of
from benchmarks.statistics.traffic import Floats, Traffic


def completions(
    one: Rollout, lasts: float, drain: float, random: np.random.Generator, runs: int, looks: int, harm: Harm
) -> Traffic:
    """Successes last an exponential time of that mean; looks up to `drain` seconds after a change of weight are empty.

    Completions of Poisson requests are Poisson again, around a rate that follows the load: r' = (load - r) / lasts.
    """
    traffic = _empty(one, random, runs, looks)
    at = np.arange(looks) * one.seconds
    changed = np.concatenate([[True], traffic.weight[1:] != traffic.weight[:-1]])
    since = at - np.maximum.accumulate(np.where(changed, at, -1.0))
    spoiled = (since < drain)[None, :]
    begun = at >= harm.onset
    arms = []
    for trial in (True, False):
        part = traffic.weight / 100 if trial else 1 - traffic.weight / 100
        share = one.share * np.where(begun, harm.ratio, 1.0) + np.where(begun, harm.extra, 0) if trial else one.share
        load = one.rps * part
        # Before the rollout everything went to stable.
        done = _followed(load, 0.0 if trial else one.rps, lasts, one.seconds)
        x = random.poisson(load * share * one.seconds, (runs, looks))
        n = x + random.poisson(done * (1 - share) * one.seconds, (runs, looks))
        arms += [np.where(spoiled, 0.0, n), np.where(spoiled, 0.0, x)]
    return replace(traffic, n1=arms[0], x1=arms[1], n0=arms[2], x0=arms[3])


def cold(
    one: Rollout,
    factor: float,
    tau: float,
    settle: float,
    random: np.random.Generator,
    runs: int,
    looks: int,
    harm: Harm,
) -> Traffic:
    """The candidate begins with `factor` times its errors, which fall to one with `tau`; `settle` seconds are empty."""
    traffic = _empty(one, random, runs, looks)
    at = np.arange(looks) * one.seconds
    warm = 1 + (factor - 1) * np.exp(-(at + one.seconds / 2) / tau)
    share = one.share * warm * np.where(at >= harm.onset, harm.ratio, 1.0) + np.where(at >= harm.onset, harm.extra, 0)
    expected1 = one.rps * one.seconds * traffic.weight / 100
    expected0 = one.rps * one.seconds - expected1
    x1, x0 = random.poisson(expected1 * share, (runs, looks)), random.poisson(expected0 * one.share, (runs, looks))
    n1 = x1 + random.poisson(expected1 * (1 - share), (runs, looks))
    n0 = x0 + random.poisson(expected0 * (1 - one.share), (runs, looks))
    early = (at < settle)[None, :]
    return replace(
        traffic, n1=np.where(early, 0.0, n1), x1=np.where(early, 0.0, x1), n0=n0.astype(float), x0=x0.astype(float)
    )


def _followed(load: Floats, before: float, lasts: float, seconds: float) -> Floats:
    """The mean rate of completions in each look of a load that is even within a look, (T,)."""
    keep = float(np.exp(-seconds / lasts))
    rate, means = before, np.empty_like(load)
    for look, now in enumerate(load):
        means[look] = now + (rate - now) * lasts / seconds * (1 - keep)
        rate = now + (rate - now) * keep
    return means


def _empty(one: Rollout, random: np.random.Generator, runs: int, looks: int) -> Traffic:
    past_n, past_x = past_of(one, random, runs, np.ones((1, 1, one.pods0)))
    each = -(-looks // len(one.weights))
    nothing = np.zeros((1, looks))
    return Traffic(
        n1=nothing,
        x1=nothing,
        n0=nothing,
        x0=nothing,
        weight=np.repeat(one.weights, each)[:looks],
        step=np.repeat(np.arange(1, len(one.weights) + 1), each)[:looks],
        pods1=one.pods1,
        pods0=one.pods0,
        past_n=past_n,
        past_x=past_x,
        seconds=one.seconds,
    )
