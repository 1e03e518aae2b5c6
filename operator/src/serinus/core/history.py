"""The stable revision's own past in, its noise out.

    looks = windows.read(windows.begin(interval=60.0), series_of_the_last_six_hours, timeline_of_stable)[1]
    noise = calibrate(looks, slis)

Looks of a minute over up to six hours. Less than four pod-hours is no history: then the priors of `noise.py` hold, and
the sentence says so.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import log, sqrt
from statistics import NormalDist

from serinus.core import arms as arm
from serinus.core.evidence import Histogram, Look, PodLook, Rate, Ratio, Role, Sli
from serinus.core.noise import (
    FEW_PODS_LATENCY_SPREAD,
    FEW_PODS_SPREAD,
    Calibration,
    Noise,
    assume,
)
from serinus.core.stats import pods
from serinus.core.stats.components import MINUTE, SCALES, Components, autocovariance, fit
from serinus.core.stats.dispersion import Block, dispersion, grouped, levels
from serinus.core.stats.worsening import slopes

ENOUGH_HOURS = 4.0
"""Pod-hours that make a history: one hour of four pods."""
MINUTES = (1, 4, 10, 30)
"""Block lengths over which the dispersion is taken."""
FEWEST_BLOCKS = 4
FEW_BAD = 30.0
FEW_REQUESTS = 1000.0
"""Requests from which on the share of bad ones and the usual latency are known, if not their noise."""
UNSEEN_BURST = 0.5
"""With few bad requests in the past their bursts were not seen: 1 + UNSEEN_BURST at none, 1 at many."""
UNSEEN_CLUMP = 1.0
"""The same for events, which are rare and come in pairs: what breaks once breaks again."""
INSTANT = 1e-9
"""Seconds: exposure is counted in so short ones that hardly any has an event, which makes of shares Poisson rates."""
FEWEST_PODS = 4
"""Pods from which on the spread between them is measured."""
BLURRED = 0.25
"""The spread is not measured where the pods' levels have a larger sampling variance than this."""
LUCK = 0.002
"""Probability of a draw of pods so bad that a normal spread stands for Student's up to there."""
PRIOR_DEGREES = 4
PRIOR_SPREAD, PRIOR_LATENCY_SPREAD = 0.1, 0.03
"""What is expected of the spread before it is measured, worth PRIOR_DEGREES pods."""


def calibrate(looks: Sequence[Look], slis: Sequence[Sli]) -> Noise:
    """Return the noise of every SLI in these looks of about a minute each, of stable's pods."""
    pods = [(look.at, pod) for look in looks for pod in look.pods if pod.role is not Role.CANDIDATE]
    calibrations = {sli.name: _calibration(pods, sli) for sli in slis}
    hours = max((_pod_hours(pods, sli) for sli in slis), default=0.0)
    names = {pod.pod for _, pod in pods}
    assumed = [name for name, one in calibrations.items() if one.assumed]
    return Noise(
        calibrations=calibrations,
        hours=hours / max(1, len(names)),
        pods=len(names),
        assumed=bool(assumed),
        sentence=_sentence(calibrations, assumed, hours, len(names)),
    )


def _calibration(pods: Sequence[tuple[float, PodLook]], sli: Sli) -> Calibration:
    seconds = _pod_hours(pods, sli) * 3600
    if seconds < ENOUGH_HOURS * 3600:
        return _known_of_few(pods, sli)
    if sli.rate:
        return _rate(pods, sli, seconds)
    return _by_buckets(pods, sli, seconds) if sli.by_buckets else _ratio(pods, sli, seconds)


def _known_of_few(pods: Sequence[tuple[float, PodLook]], sli: Sli) -> Calibration:
    """What a past that is too short for its noise tells all the same: how bad, or how slow, stable usually is."""
    if sli.by_buckets:
        edges, rows = _rows(pods, sli)
        sums = tuple(map(sum, zip(*(counts for _, _, counts in rows), strict=True)))
        if len(edges) < 2 or sum(sums) < FEW_REQUESTS:
            return assume(sli)
        return replace(assume(sli), edges=edges, shares=tuple(n / sum(sums) for n in sums))
    if sli.rate:
        # Less than what is enough for its noise is too little for a rate, too.
        return assume(sli)
    counted = [counts for _, pod in pods if isinstance(counts := pod.counts.get(sli.name), Ratio)]
    n = sum(counts.total for counts in counted)
    return replace(assume(sli), share=sum(counts.bad for counts in counted) / n if n >= FEW_REQUESTS else None)


def _ratio(pods: Sequence[tuple[float, PodLook]], sli: Sli, seconds: float) -> Calibration:
    counted = [
        (at, pod.pod, (counts.total, counts.bad))
        for at, pod in pods
        if isinstance(counts := pod.counts.get(sli.name), Ratio)
    ]
    blocks = _blocks(counted)
    n, bad = (sum(row[2][i] for row in counted) for i in (0, 1))
    phi = max(_worst(blocks), unseen(bad))
    spread, degrees = _spread(
        [(level, phi / expected) for level, expected in levels(blocks).values() if expected > 0],
        PRIOR_SPREAD,
        FEW_PODS_SPREAD,
    )
    return Calibration(
        phi=phi,
        phi_tail=phi,
        pod_rate=bad / seconds,
        share=bad / n if n > 0 else None,
        pod_spread=spread,
        pod_degrees=degrees,
        components=taken_apart(autocovariance(blocks), spread, degrees, bad, seconds),
    )


def _rate(pods: Sequence[tuple[float, PodLook]], sli: Sli, seconds: float) -> Calibration:
    counted = [
        (at, pod.pod, (counts.exposure / INSTANT, counts.events))
        for at, pod in pods
        if isinstance(counts := pod.counts.get(sli.name), Rate)
    ]
    blocks = _blocks(counted)
    exposure, events = sum(n for *_, (n, _) in counted) * INSTANT, sum(x for *_, (_, x) in counted)
    phi = max(_worst(blocks), unseen(events, UNSEEN_CLUMP))
    spread, degrees = _spread(
        [(level, phi / expected) for level, expected in levels(blocks).values() if expected > 0],
        PRIOR_SPREAD,
        FEW_PODS_SPREAD,
    )
    return Calibration(
        phi=phi,
        phi_tail=phi,
        pod_rate=events / seconds,
        share=events / exposure if exposure > 0 else None,
        pod_spread=spread,
        pod_degrees=degrees,
    )


def taken_apart(
    told: Sequence[tuple[int, float, float]], spread: float, degrees: int | None, bad: float, seconds: float
) -> Components | None:
    """Return the noise by how long it lasts, from its autocovariance; None where too few bad requests tell it.

    What lasts hours, and what lasts as long as a pod, cannot be told apart in hours: the spread between pods is the
    larger of what it was measured as and of what both make, and has tails as heavy as its degrees of freedom let
    expect.
    """
    if not told or bad < FEW_BAD:
        return None
    white, *slow, hours, ever = fit(told)
    usual = bad / seconds
    if degrees is not None:
        own = degrees - PRIOR_DEGREES
        spread = max(spread, sqrt((PRIOR_DEGREES * PRIOR_SPREAD**2 + own * (hours + ever)) / degrees))
        spread *= pods.student_quantile(degrees, LUCK) / NormalDist().inv_cdf(1 - LUCK)
    variances = (*slow, hours, spread * spread)
    return Components(
        white=max(white, (unseen(bad) - 1) / (usual * MINUTE)),
        slow=tuple((scale, v) for scale, v in zip(SCALES[1:], variances, strict=True) if v > 0),
        usual=usual,
    )


def _by_buckets(pods: Sequence[tuple[float, PodLook]], sli: Sli, seconds: float) -> Calibration:
    edges, rows = _rows(pods, sli)
    sums = tuple(map(sum, zip(*(counts for _, _, counts in rows), strict=True)))
    total = sum(sums)
    if len(edges) < 2 or total <= 0:
        return assume(sli)
    above = [sum(sums[j + 1 :]) / total for j in range(len(edges))]
    body = next(edge for edge, share in zip(edges, above, strict=True) if share <= 0.5)
    tail = (
        sli.edge
        if sli.edge is not None
        else max((e for e, s in zip(edges, above, strict=True) if s >= 0.01), default=body)
    )
    in_body, in_tail = (
        _blocks([(at, pod, (sum(counts), arm.above(edges, counts, edge))) for at, pod, counts in rows])
        for edge in (body, tail)
    )
    bad = sum(x for block in in_tail for _, x in block.values())
    phi_tail = max(_worst(in_tail), unseen(bad))
    if sli.scores:
        # Safe is shown at every edge, and at each of them counts may be as rough as nowhere else.
        told = [edge for edge, share in zip(edges[:-1], above[:-1], strict=True) if 0.01 <= share <= 0.99]
        each = [_blocks([(at, pod, (sum(n), arm.above(edges, n, edge))) for at, pod, n in rows]) for edge in told]
        phi_tail = max([_worst(one) for one in each], default=phi_tail)
        phi_tail = max(phi_tail, unseen(bad))
    says = slopes([n / total for n in sums]) if sli.scores else _middles(edges)
    speeds = _speeds(rows, says)
    phi = max(_worst(in_body), phi_tail)
    spread, degrees = _spread(
        [(speed, phi * variance) for speed, variance in speeds], PRIOR_LATENCY_SPREAD, FEW_PODS_LATENCY_SPREAD
    )
    return Calibration(
        phi=phi,
        phi_tail=phi_tail,
        pod_rate=total / seconds,
        share=bad / total,
        pod_spread=spread,
        pod_degrees=degrees,
        edges=edges,
        shares=tuple(n / total for n in sums),
    )


def _rows(
    pods: Sequence[tuple[float, PodLook]], sli: Sli
) -> tuple[tuple[float, ...], list[tuple[float, str, tuple[float, ...]]]]:
    """The buckets that all pods have, and when which pod counted what in them."""
    mine = [(at, pod) for at, pod in pods if isinstance(pod.counts.get(sli.name), Histogram)]
    edges = arm.common_edges([pod for _, pod in mine], sli.name)
    return edges, [
        (at, pod.pod, counts) for at, pod in mine if (counts := arm.buckets([pod], sli.name, edges)) is not None
    ]


def _speeds(
    rows: Sequence[tuple[float, str, tuple[float, ...]]], middles: Sequence[float]
) -> list[tuple[float, float]]:
    """By pod: its mean (of `middles`, by bucket) relative to all pods in the same minutes plus 1, and the sampling
    variance of that: of a latency its logarithm is meant, of scores that of the odds of a worse one.

    Minute by minute, because pods that lived at different hours are not to be told apart by the hour.
    """
    told = [
        (at // 60, pod, sum(counts), sum(c * m for c, m in zip(counts, middles, strict=True)), counts)
        for at, pod, counts in rows
    ]
    minutes: dict[float, tuple[float, float]] = {}
    for minute, _, n, first, _ in told:
        before = minutes.get(minute, (0.0, 0.0))
        minutes[minute] = (before[0] + n, before[1] + first)
    sums: dict[str, tuple[float, float, float, float]] = {}
    for minute, pod, n, first, counts in told:
        if n <= 0:
            continue
        usual = minutes[minute][1] / minutes[minute][0]
        n0, away, plain, squares = sums.get(pod, (0.0, 0.0, 0.0, 0.0))
        second = sum(c * m * m for c, m in zip(counts, middles, strict=True))
        sums[pod] = (n0 + n, away + first - n * usual, plain + first, squares + second)
    return [(1 + away / n, (squares / n - (plain / n) ** 2) / n) for n, away, plain, squares in sums.values()]


def _middles(edges: tuple[float, ...]) -> list[float]:
    """The logarithm of a usual latency in each bucket."""
    return [*[log(low * high) / 2 for low, high in pairwise((edges[0] / 4, *edges[:-1]))], log(edges[-2])]


def _blocks(counted: Sequence[tuple[float, str, tuple[float, float]]]) -> list[Block]:
    """Group counts by the minute of their look; a gap is as many empty minutes, at most the longest block."""
    by_minute: dict[int, dict[str, tuple[float, float]]] = {}
    for at, pod, (n, x) in counted:
        block = by_minute.setdefault(int(at // 60), {})
        n0, x0 = block.get(pod, (0.0, 0.0))
        block[pod] = (n0 + n, x0 + x)
    blocks: list[Block] = []
    last = min(by_minute, default=0)
    for minute in sorted(by_minute):
        blocks += [{}] * min(minute - last - 1, max(MINUTES))
        blocks.append(by_minute[minute])
        last = minute
    return blocks


def _worst(blocks: list[Block]) -> float:
    """The largest dispersion over the block lengths, and what the longest two let expect of longer ones still."""
    several = {size: [one for one in grouped(blocks, size) if one] for size in MINUTES}
    found = {size: dispersion(longer) for size, longer in several.items() if len(longer) >= FEWEST_BLOCKS}
    worst = max(found.values(), default=1.0)
    return max(worst, 2 * found[30] - found[10]) if 30 in found else worst


def unseen(bad: float, burst: float = UNSEEN_BURST) -> float:
    """Return the dispersion that so few bad requests, or events, cannot rule out.

    >>> unseen(0.0), unseen(270.0)
    (1.5, 1.05)
    """
    return 1 + burst * FEW_BAD / (FEW_BAD + bad)


def _spread(pods: Sequence[tuple[float, float]], prior: float, assumed: float) -> tuple[float, int | None]:
    """Return the spread between pods from their levels and sampling variances, and its degrees of freedom."""
    if len(pods) < FEWEST_PODS or sum(variance for _, variance in pods) > BLURRED * len(pods):
        return assumed, None
    own = len(pods) - 1
    seen = sum((level - 1) ** 2 for level, _ in pods) / own - sum(variance for _, variance in pods) / len(pods)
    degrees = PRIOR_DEGREES + own
    return sqrt((PRIOR_DEGREES * prior**2 + own * max(0.0, seen)) / degrees), degrees


def _pod_hours(pods: Sequence[tuple[float, PodLook]], sli: Sli) -> float:
    return sum(pod.end - pod.start for _, pod in pods if sli.name in pod.counts) / 3600


def _sentence(calibrations: dict[str, Calibration], assumed: list[str], hours: float, pods: int) -> str:
    told = [f"{name} {one.phi:.1f}" for name, one in calibrations.items() if not one.assumed]
    measured = f"Noise measured over {hours:.1f} pod-hours of {pods} pods (dispersion {', '.join(told)})."
    if not assumed:
        return measured
    missing = (
        f"Less than {ENOUGH_HOURS:.0f} pod-hours of history for {', '.join(assumed)}: noise is assumed, only large"
        " differences are rolled back, and promotion takes longer."
    )
    return f"{measured} {missing}" if told else missing
