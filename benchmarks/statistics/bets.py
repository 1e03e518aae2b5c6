"""What both kinds of evidence share, as machine code: late onsets, mixtures, the cap, and when it is decided."""

from collections.abc import Callable
from math import exp, log
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics.compiled import compiled
from benchmarks.statistics.traffic import Decided, Floats
from serinus.core import noise
from serinus.core.checks import margins
from serinus.core.evidence import Sli, Standards
from serinus.core.noise import Calibration
from serinus.core.stats import draws, merging, onset, pods

LARGEST, LEAST = log(merging.LARGEST), draws.LEAST


class Load(NamedTuple):
    """What `noise.harm_phi` asks of a look's arms."""

    n1: float
    n0: float
    pods1: float
    pods0: float
    seconds: float


class Bursts(NamedTuple):
    """What `noise.harm_phi` asks of a calibration."""

    phi: float
    phi_tail: float
    pod_rate: float
    assumed: bool


class Lines(NamedTuple):
    """What does not change from look to look."""

    ratio: float
    """Beyond which this draw of pods is harm."""
    floor: float
    budget: float
    """NaN: no objective."""
    lost: float
    """Probability spent on a bad draw of pods."""
    log_cap: float
    threshold: float
    """log e at which it is rolled back; inf: never, to see all evidence."""
    enough: float
    """log e at which a step is safe."""


# Named tuples stand for core's dataclasses.
_core: Any = noise
harm_phi: Callable[[Bursts, Load, float, bool], float] = compiled(_core.harm_phi)
safe_phi: Callable[[Bursts, Load, float, float, bool], float] = compiled(_core.safe_phi, harm_phi=harm_phi)
add = compiled(onset.add)
unplaced = compiled(onset.unplaced)
capped = compiled(pods.capped)


def bursts(calibration: Calibration) -> Bursts:
    """Return the part of a calibration that the machine code reads."""
    return Bursts(calibration.phi, calibration.phi_tail, calibration.pod_rate, calibration.assumed)


def lines(sli: Sli, standards: Standards, calibration: Calibration, pods1: int, pods0: int, *, stop: bool) -> Lines:
    """Return the lines of one SLI under these standards; not `stop`: no rollback, so that all looks are judged."""
    objective = sli.budget is not None and (sli.edge is not None or not sli.latency)
    return Lines(
        ratio=margins.harm_ratio(sli.allowed_ratio, calibration, 1, standards, pods1, pods0),
        floor=sli.floor,
        budget=sli.budget if objective and sli.budget is not None else np.nan,
        lost=margins.lottery(calibration, 1, standards) * (margins.FAR if sli.latency and not objective else 1.0),
        log_cap=margins.log_cap(1, standards),
        threshold=-log(standards.false_rollback_rate) if stop else np.inf,
        enough=-log(standards.false_promotion_rate),
    )


def steps(step: NDArray[np.int64], weight: Floats, sli: Sli, standards: Standards) -> tuple[NDArray[np.bool_], Floats]:
    """Return (T,) whether a step begins at each look, and (T,) the ratio that a candidate must be shown below."""
    fresh = np.ones(len(step), dtype=bool)
    fresh[1:] = (step[1:] != step[:-1]) | (weight[1:] != weight[:-1])
    ratios = {int(one): margins.step_ratio(sli, standards, int(one)) for one in np.unique(step)}
    return fresh, np.array([ratios[int(one)] for one in step])


def decided(rows: list[tuple[int, int]]) -> Decided:
    """Return rows of (rollback, promote) as columns."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return Decided(rollback=table[:, 0].copy(), promote=table[:, 1].copy())


@compiled
def place(sums: Floats, logs: Floats, looks: int) -> None:
    """Place the stake of this look and multiply by its e-values, as `onset.advance` does; changes `sums`."""
    stake = log(unplaced(looks) - unplaced(looks + 1))
    for j in range(len(sums)):
        sums[j] = add(sums[j], stake) + logs[j]


@compiled
def value(sums: Floats, weights: Floats, looks: int) -> float:
    """log E of bets with late onsets, as `onset.log_value`."""
    top = max(0.0, float(sums.max()))
    total = unplaced(looks) * exp(-top)
    for j in range(len(sums)):
        total += weights[j] * exp(sums[j] - top)
    return top + log(total)


@compiled
def mixed(logs: Floats, weights: Floats) -> float:
    """log of a weighted mean of e-values, as `onset.log_sum`."""
    top = float(logs.max())
    total = 0.0
    for j in range(len(logs)):
        total += weights[j] * exp(logs[j] - top)
    return top + log(total)


@compiled
def weigh(logs: Floats, known: Floats) -> float:
    """Return log e of one look, with the draw of pods unknown, as `draws.weigh` does; changes `known`."""
    parts = known * np.exp(logs.min() - logs)
    told = float(logs.min() - log(parts.sum()))
    known[:] = np.maximum(LEAST, parts / parts.sum())
    return told


@compiled
def staked(told: float, blamed: float, share: float) -> float:
    """log of the mean of the comparison's e-value and the objective's, which has a `share` of the stake."""
    top = max(told, blamed)
    return top + log((1 - share) * exp(told - top) + share * exp(blamed - top))


@compiled
def limited(told: float, lines: Lines) -> float:
    """log e after the cap that pays for a bad draw of pods."""
    return capped(told, lines.log_cap, lines.lost) if lines.lost > 0 else told
