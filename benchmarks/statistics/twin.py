"""The judge of `core/` as machine code, for millions of looks: one SLI, many runs.

    decided = judge(traffic, sli, standards)              # a share of bad requests
    decided = judge_latency(traffic, sli, standards)      # a histogram

Everything that core does between a look and a decision is here: noise from the past or the priors, the evidence of
harm and of safe, late onsets, the draw of pods, caps, the objective, the restart at each step, the latch.
`tests/benchmarks/test_twin.py` holds the evidence after every look equal to core's to 1e-9.

A look in which neither arm has a request is one that nobody measured.
"""

import numpy as np

from benchmarks.statistics import bets, twin_latency, twin_ratio
from benchmarks.statistics.traffic import Decided, Floats, LatencyTraffic, Traffic
from serinus.core.evidence import Sli, Standards


def judge(traffic: Traffic, sli: Sli, standards: Standards) -> Decided:
    """Return when the judge decides in each run: the first look that rolls back, and the first that is safe before."""
    runs = range(len(traffic.n1))
    return bets.decided([twin_ratio.judged(traffic, run, sli, standards, stop=True)[0] for run in runs])


def judge_latency(traffic: LatencyTraffic, sli: Sli, standards: Standards) -> Decided:
    """Return when the judge decides in each run, as `judge` does."""
    runs = range(len(traffic.counts1))
    return bets.decided([twin_latency.judged(traffic, run, sli, standards, stop=True)[0] for run in runs])


def evidence(traffic: Traffic | LatencyTraffic, sli: Sli, standards: Standards) -> tuple[Floats, Floats]:
    """Return (R, T) log e of harm and (R, T) log e of safe after every look, as if nothing were rolled back."""
    if isinstance(traffic, Traffic):
        runs = range(len(traffic.n1))
        rows = [twin_ratio.judged(traffic, run, sli, standards, stop=False) for run in runs]
    else:
        runs = range(len(traffic.counts1))
        rows = [twin_latency.judged(traffic, run, sli, standards, stop=False) for run in runs]
    return np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
