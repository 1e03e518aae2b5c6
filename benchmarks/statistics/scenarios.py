"""The scenarios that every method is asked: A/A first, and the same with a true regression.

100 requests a second in all, 20 pods of which 2 are the candidate's (10 %), a look every 15 seconds, 1 % of requests
bad, 6 hours of history by the minute, unless a scenario says otherwise. Counters, scrapes and their offsets are in
counters.py, latencies in latencies.py, and what nobody tunes on in holdout.py.
"""

from dataclasses import replace

from benchmarks.statistics import levels, shocks
from benchmarks.statistics.ratios import Rollout

RATES = (0.005, 0.01, 0.05)
WEIGHTS = (5.0, 10.0, 50.0)
RATIOS = (1.5, 2.0, 3.0)
RAMP = (5.0, 10.0, 25.0, 50.0)

BASE = Rollout(name="stationary 1 %, w 10 %", told="independent requests, nothing moves")


def cell(share: float, weight: float) -> Rollout:
    """One stationary cell: this share of bad requests in both arms, this weight in percent."""
    pods1 = max(2, round(weight / 5))
    return replace(
        BASE,
        name=f"stationary {share * 100:g} %, w {weight:g} %",
        share=share,
        weights=(weight,),
        pods1=pods1,
        pods0=20 - pods1,
    )


STATIONARY = tuple(cell(share, weight) for share in RATES for weight in WEIGHTS)

SHARED = (
    replace(BASE, name="diurnal +-80 %", told="load and errors of both arms swing over the day", level=levels.diurnal),
    replace(BASE, name="shared incident 10x", told="10 times the errors, 5 min", level=levels.incident(10)),
    replace(BASE, name="shared incident 30x", told="30 times the errors, 5 min", level=levels.incident(30)),
    replace(
        BASE,
        name="ramp 5-10-25-50 %, base falls",
        told="2 % of errors at the first weight, .5 % at the last",
        weights=RAMP,
        level=levels.drift(2.0, 0.5),
    ),
    replace(
        BASE,
        name="ramp 5-10-25-50 %, base rises",
        told=".5 % of errors at the first weight, 2 % at the last",
        weights=RAMP,
        level=levels.drift(0.5, 2.0),
    ),
)

CLUSTERED = tuple(
    replace(one, clustered=True)
    for one in (
        replace(
            BASE, name="ICC .005", told="a pod's requests of one look are correlated", shock=shocks.beta(0.005, 0.01)
        ),
        replace(BASE, name="ICC .02", told="the same, more", shock=shocks.beta(0.02, 0.01)),
        replace(BASE, name="AR shocks 2 min", told="lognormal, s = .5, by pod", shock=shocks.lognormal(0.5, 120)),
        replace(BASE, name="AR shocks 5 min", told="lognormal, s = .7, by pod", shock=shocks.lognormal(0.7, 300)),
        replace(
            BASE, name="spikes", told="1 % of a pod's looks have 12 times the errors", shock=shocks.spikes(0.01, 12)
        ),
        replace(
            BASE,
            name="on/off bursts",
            told="a pod has 6 times the errors for 2 min, every 22 min",
            shock=shocks.on_off(120, 1200, 6),
        ),
        replace(BASE, name="sticky sessions", told="errors come in threes (geometric)", grouped=3.0),
    )
)

PODS = (
    replace(BASE, name="pods differ, s = .2", told="for as long as they live", spread=0.2),
    replace(BASE, name="pods differ, s = .4", told="for as long as they live", spread=0.4),
    replace(
        BASE,
        name="one candidate pod of 4",
        told="s = .2, 25 %, 20 requests a second",
        spread=0.2,
        rps=20.0,
        weights=(25.0,),
        pods1=1,
        pods0=3,
    ),
)

SPARSE = (
    replace(
        BASE,
        name="low traffic",
        told="2 requests a second, 5 % bad, w 20 %, 5 pods",
        rps=2.0,
        share=0.05,
        weights=(20.0,),
        pods1=1,
        pods0=4,
    ),
    replace(
        BASE,
        name="no history",
        told="AR shocks of 2 min, nothing known of the past",
        shock=shocks.lognormal(0.5, 120),
        past=0,
    ),
)

ALL = (*STATIONARY, *SHARED, *CLUSTERED, *PODS, *SPARSE)
