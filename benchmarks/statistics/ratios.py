"""One rollout judged by its share of bad requests: many runs of it, drawn side by side.

Requests come as a Poisson process that the route splits, so that bad and good requests of an arm are independent
Poisson counts around the sums over its pods. An error that comes in a group (a session that fails until it is closed)
is drawn as its group.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from benchmarks.statistics import levels, shocks
from benchmarks.statistics.traffic import Floats, Traffic

MOST = 0.9
"""No pod answers more than this share of its requests badly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """What is wrong with the candidate: so many times stable's errors, from that second of the rollout on."""

    ratio: float = 1.0
    onset: float = 0.0
    extra: float = 0.0
    """Share of bad requests on top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """Everything but chance."""

    name: str
    told: str
    """What happens, in words."""
    share: float = 0.01
    """Stable's share of bad requests."""
    rps: float = 100.0
    weights: tuple[float, ...] = (10.0,)
    """The candidate's weight in percent, in steps of equal length."""
    pods1: int = 2
    pods0: int = 18
    shock: shocks.Shock = shocks.calm
    level: levels.Level = levels.flat
    spread: float = 0.0
    """Standard deviation of the logarithm of the pods' own error ratios, for as long as they live."""
    grouped: float = 1.0
    """Mean number of errors that come together."""
    unequal: float = 0.0
    """Standard deviation of the logarithm of the pods' loads."""
    past: int = 360
    """Minutes of history."""
    seconds: float = 15.0
    clustered: bool = False
    """Its noise is known: detection is held against the bound times phi."""

    @property
    def weight(self) -> float:
        """The first weight, as a share."""
        return self.weights[0] / 100

    @property
    def phi(self) -> float:
        """The true dispersion of one pod's bad requests over an hour."""
        return _phi(self)


@cache
def _phi(one: Rollout) -> float:
    expected = one.rps * one.weight / one.pods1 * one.seconds * one.share
    return shocks.dispersion(one.shock, expected, one.grouped, one.seconds, 240)


def draw(one: Rollout, random: np.random.Generator, runs: int, looks: int, harm: Harm) -> Traffic:
    """Return so many runs of the rollout, of so many looks."""
    horizon = looks * one.seconds
    before = one.past * 60.0
    own1 = np.exp(one.spread * random.standard_normal((runs, 1, one.pods1)))
    own0 = np.exp(one.spread * random.standard_normal((runs, 1, one.pods0)))
    load1, load0 = _loads(one, random, runs, one.pods1), _loads(one, random, runs, one.pods0)
    at = np.concatenate([np.arange(-before + 30, 0, 60.0), (np.arange(looks) + 0.5) * one.seconds])
    errors, load = one.level(random, runs, at, horizon)
    weight = np.repeat(one.weights, -(-looks // len(one.weights)))[:looks]
    step = np.repeat(np.arange(1, len(one.weights) + 1), -(-looks // len(one.weights)))[:looks]
    past_n, past_x = past_of(one, random, runs, own0, load0, errors, load)
    now, crowd = one.share * errors[:, one.past :], load[:, one.past :] * one.rps * one.seconds
    begun = (np.arange(looks) * one.seconds >= harm.onset)[None, :]
    worse, extra = np.where(begun, harm.ratio, 1.0), np.where(begun, harm.extra, 0.0)
    n1, x1 = _arm(one, random, (runs, looks, one.pods1), own1, load1, now * worse, extra, crowd * weight / 100)
    n0, x0 = _arm(one, random, (runs, looks, one.pods0), own0, load0, now, 0.0, crowd * (1 - weight / 100))
    return Traffic(
        n1=n1,
        x1=x1,
        n0=n0,
        x0=x0,
        weight=weight.astype(np.float64),
        step=step.astype(np.int64),
        pods1=one.pods1,
        pods0=one.pods0,
        past_n=past_n,
        past_x=past_x,
        seconds=one.seconds,
    )


def _loads(one: Rollout, random: np.random.Generator, runs: int, pods: int) -> Floats:
    """Each pod's share of its arm's requests, (R, 1, P)."""
    drawn = np.exp(one.unequal * random.standard_normal((runs, 1, pods)))
    return np.asarray(drawn / drawn.sum(axis=2, keepdims=True), dtype=np.float64)


def _arm(
    one: Rollout,
    random: np.random.Generator,
    shape: shocks.Shape,
    own: Floats,
    load: Floats,
    share: Floats,
    extra: Floats | float,
    crowd: Floats,
) -> tuple[Floats, Floats]:
    """Requests and bad requests of one arm, (R, T): the mean share of its pods by their loads, then chance."""
    factors = (one.shock(random, shape, one.seconds) * own * load).sum(axis=2)
    share = np.minimum(share * factors + extra, MOST)
    return chance(random, np.broadcast_to(crowd, share.shape), share, one.grouped)


def past_of(
    one: Rollout,
    random: np.random.Generator,
    runs: int,
    own: Floats,
    load: Floats | None = None,
    errors: Floats | None = None,
    crowd: Floats | None = None,
) -> tuple[Floats, Floats]:
    """History by the minute, each pod apart: the shocks of a minute's looks averaged."""
    shape = (runs, one.past, one.pods0)
    _, minutes, pods = shape
    if not minutes:
        return np.zeros(shape), np.zeros(shape)
    still = np.ones((1, minutes))
    load = np.full((1, 1, pods), 1 / pods) if load is None else load
    errors, crowd = still if errors is None else errors, still if crowd is None else crowd
    looks = max(1, round(60 / one.seconds))
    factors = one.shock(random, (runs, minutes * looks, pods), one.seconds)
    factors = factors.reshape(runs, minutes, looks, -1).mean(axis=2)
    # All traffic went to stable then: its pods now are most of its pods then.
    each = np.broadcast_to(crowd[:, :minutes, None] * one.rps * 60 * load, shape)
    each = each * one.pods0 / (one.pods0 + one.pods1)
    share = np.minimum(one.share * errors[:, :minutes, None] * factors * own, MOST)
    return chance(random, each, np.broadcast_to(share, shape), one.grouped)


def chance(random: np.random.Generator, expected: Floats, share: Floats, grouped: float) -> tuple[Floats, Floats]:
    """Draw requests and bad requests around these means; errors come in groups of this mean size."""
    bad = expected * share
    if grouped > 1:
        groups = random.poisson(bad / grouped)
        x = groups + random.negative_binomial(np.maximum(groups, 1), 1 / grouped) * (groups > 0)
    else:
        x = random.poisson(bad)
    n = x + random.poisson(expected - bad)
    return n.astype(np.float64), x.astype(np.float64)
