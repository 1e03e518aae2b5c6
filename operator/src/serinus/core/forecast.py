"""How long steps take before they begin: time until Pass if the candidate is exactly as good as stable.

    foreseen = forecast(state, stages, rates, interval=15.0)     # rates: requests a second by SLI, both arms together
    foreseen[0].seconds                                          # the first of these steps, its hold included

A mean: half of all rollouts take longer. What stable's noise makes of it is in there. Where the noise is assumed, it is
measured on the way: `seconds` is for a noise that turns out as large as assumed, `soonest` for one as small as can be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, log, sqrt

from serinus.core.arms import Arms
from serinus.core.checks import comparison, margins, scores
from serinus.core.checks.comparison import Comparison
from serinus.core.checks.scores import Scores
from serinus.core.evidence import Look, Rate, Ratio, Sli, Standards
from serinus.core.findings import Outlook, differ, outlooks
from serinus.core.history import (
    BLURRED,
    ENOUGH_HOURS,
    FEWEST_PODS,
    PRIOR_DEGREES,
    PRIOR_SPREAD,
    UNSEEN_CLUMP,
    unseen,
)
from serinus.core.judge import EvidenceState
from serinus.core.noise import safe_phi
from serinus.core.tracks import Track, restart_safe

RECENT = 600.0
"""Seconds of the past whose traffic is taken to last."""
UNKNOWN_SCORES = scores.begin((-4.0, -3.0, -2.0, -1.0, inf), (0.36, 0.38, 0.16, 0.07, 0.03))
"""What stable's scores are taken to be before any were seen: on a scale of 1 to 5, 3.97 on average."""
LARGEST_ALLOWED = 5
"""A larger `allowedRatio` is not proposed: it would let through what nobody wants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """All of a step that its time depends on."""

    step: int
    """From 1."""
    weight: int
    pods1: int
    """Pods of the candidate ..."""
    pods0: int
    """... and of stable, of those that it is compared with."""
    beside: int = 0
    """Further pods of stable: they have their part of its requests, and are not compared."""
    hold: float = 0.0
    min_requests: int = 0
    idle: float = 0.0
    """Seconds at its beginning and its end that are no evidence: the drain, and the look that is held back."""
    max_hold: float = inf
    """Seconds of evidence after which the step is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Luck:
    """Why no time may be enough for a step: its few pods may look better than the model is."""

    sli: str
    pods: int
    """Of the candidate."""
    times: float
    """How many times better they may look."""
    allowed: float | None
    """An `allowedRatio` with which the step ends within `maxHold`; None: there is none."""
    never: bool = True
    """False: it may end, unless the draw of the candidate's pods is unlucky."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """How long one step takes. Infinite where no requests are counted, or where evidence cannot grow."""

    step: int
    sli: str
    """The SLI that takes longest."""
    requests: float
    """Candidate requests until Pass."""
    evidence: float
    """Seconds of evidence until Pass: what `maxHold` limits."""
    seconds: float
    """The whole step: evidence, hold and minRequests, and what is no evidence."""
    soonest: float
    """The same where the noise is assumed and turns out small once it is measured."""
    rate: float
    """Requests a second, both arms together."""
    assumed: bool
    """The noise of the SLI that takes longest is assumed."""
    pods: int = 0
    """Of the candidate, where the SLI that takes longest counts events: it waits for time, not for requests. Else 0."""
    luck: Luck | None = None
    """Where the pods of the workload differ too much for so few of the candidate, for one of the SLIs; else None."""


def forecast(
    state: EvidenceState, stages: Sequence[Stage], rates: Mapping[str, float], *, interval: float
) -> tuple[Foreseen, ...]:
    """Return how long each of these steps takes, one after the other from now; none without SLIs.

    `rates`: requests a second of both arms together, by SLI; one that is not there is not counted. `interval`: seconds
    between looks.
    """
    if not state.tracks:
        return ()
    told = []
    soon = 0.0
    """Time from now on, by which stable's noise gets measured."""
    for stage in stages:
        enough = state.gathering.missing(stage.pods0 + stage.beside) if state.gathering is not None else inf
        needed = [
            _of(track, stage, rates.get(track.sli.name, 0.0), interval, state.standards) for track in state.tracks
        ]
        slowest = max(needed, key=lambda one: one.slow)
        evidence, soonest = slowest.slow, max(one.lasts(max(0.0, enough - soon)) for one in needed)
        fastest = max(rates.values(), default=0.0) * stage.weight / 100
        counted = stage.min_requests / fastest if fastest > 0 else 0.0
        told.append(
            Foreseen(
                step=stage.step,
                sli=slowest.sli,
                requests=evidence * slowest.rate * stage.weight / 100 if evidence < inf else inf,
                pods=slowest.pods,
                evidence=evidence,
                seconds=max(evidence, stage.hold, counted) + stage.idle,
                soonest=max(soonest, stage.hold, counted) + stage.idle,
                rate=slowest.rate,
                assumed=slowest.assumed,
                luck=slowest.luck or next((one.luck for one in needed if one.luck is not None), None),
            )
        )
        soon += told[-1].soonest
    return tuple(told)


def rates(looks: Sequence[Look], until: float) -> dict[str, float]:
    """Return the requests a second by SLI in these looks of stable, over the last minutes up to `until`."""
    recent = [look for look in looks if look.at > until - RECENT]
    found: dict[str, float] = {}
    for look in recent:
        for pod in look.pods:
            for sli, counts in pod.counts.items():
                if isinstance(counts, Rate):
                    continue
                n = counts.total if isinstance(counts, Ratio) else sum(counts.counts)
                found[sli] = found.get(sli, 0.0) + n / (pod.end - pod.start) / len(recent)
    return found


def arms_of(stage: Stage, rate: float, interval: float, sli: Sli) -> Arms:
    """Return the requests of one look at that step; for a rate of events the time of its pods."""
    if sli.rate:
        pods1, pods0 = max(1, stage.pods1), max(1, stage.pods0)
        return Arms(n1=pods1 * interval, n0=pods0 * interval, pods1=pods1, pods0=pods0, seconds=interval)
    n = rate * interval
    compared = max(1, stage.pods0) / (max(1, stage.pods0) + stage.beside)
    return Arms(
        n1=n * stage.weight / 100,
        n0=n * (100 - stage.weight) / 100 * compared,
        pods1=max(1, stage.pods1),
        pods0=max(1, stage.pods0),
        seconds=interval,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Needed:
    """What one SLI needs at a step: seconds by the noise as it is held now, and as small as it can be once measured."""

    sli: str
    rate: float
    assumed: bool
    slow: float
    fast: float
    pods: int = 0
    """Of the candidate, for a rate of events: what it waits for is their time."""
    luck: Luck | None = None
    anew: bool = False
    """What is shown begins anew once the noise is measured (`tracks.recalibrate`)."""

    def lasts(self, measured_in: float) -> float:
        """Seconds of evidence where the noise is measured after so many."""
        if self.slow <= measured_in:
            return self.slow
        if self.anew and measured_in < inf:
            return measured_in + self.fast
        if self.fast >= self.slow:
            return self.slow
        # What part of the evidence is gathered by then counts as it was weighed.
        return measured_in + (1 - measured_in / self.slow) * self.fast


def _of(track: Track, stage: Stage, rate: float, interval: float, standards: Standards) -> _Needed:
    sli, assumed = track.sli.name, track.calibration.assumed
    arms = arms_of(stage, rate, interval, track.sli)
    if arms.n1 <= 0 or arms.n0 <= 0:
        return _Needed(sli=sli, rate=0.0, assumed=assumed, slow=inf, fast=inf)
    ratio = margins.step_ratio(track.sli, standards, stage.step)
    slow = seconds(track, arms, ratio, standards)
    calm = _calm(track, arms) if assumed else track
    fast = seconds(calm, arms, ratio, standards) if assumed else slow
    return _Needed(
        sli=sli,
        rate=rate,
        assumed=assumed,
        slow=slow,
        fast=min(fast, slow),
        pods=stage.pods1 if track.sli.rate else 0,
        luck=_luck(track, arms, ratio, standards, never=slow == inf, within=stage.max_hold),
        anew=isinstance(track.comparison, Comparison)
        and (margins.measured(calm.calibration) is None) != (margins.measured(track.calibration) is None),
    )


def _luck(track: Track, arms: Arms, ratio: float, standards: Standards, *, never: bool, within: float) -> Luck | None:
    """What of the draw of pods may keep a share of bad requests from being shown; None: nothing."""
    if not isinstance(track.comparison, Comparison) or not differ(track, arms, ratio, standards):
        return None

    def ends(tenths: int) -> bool:
        other = tenths / 10 + margins.LAST_MORE
        return not differ(track, arms, other, standards) and seconds(track, arms, other, standards) <= within

    # In whole tenths, as people write it; the first one that ends, between those that do not and those that do.
    low, high = int(10 * track.sli.allowed_ratio), 10 * LARGEST_ALLOWED
    while ends(high) and high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if ends(middle) else (middle, high)
    return Luck(
        sli=track.sli.name,
        pods=arms.pods1,
        times=margins.least_ratio(track.calibration, standards, arms.pods1, arms.pods0),
        allowed=high / 10 if ends(high) else None,
        never=never,
    )


def seconds(track: Track, arms: Arms, ratio: float, standards: Standards) -> float:
    """Return the seconds of evidence, at the load of `arms`, until an equal candidate is shown to be below `ratio`."""
    wanted = -log(standards.false_promotion_rate)
    if isinstance(track.comparison, Scores) and not track.edges:
        track = replace(track, comparison=UNKNOWN_SCORES)
    # A step begins with nothing shown, and with new pods.
    ahead = outlooks(restart_safe(track), arms, ratio, standards)
    if not ahead:
        # A latency whose buckets are not known yet: as if its tail were as rare as its seed.
        level, floor = track.level.share, track.sli.floor
        gain = comparison.log_e_equal(arms.n1 * level, arms.n1, arms.n0 * level, arms.n0, 1.0, level, ratio, floor)
        gain /= safe_phi(track.calibration, arms, level, ratio * level + floor, tail=True) * arms.n1
        ahead = [Outlook(shown=0.0, gains=(gain,))]
    # Looks are whole: the one in which the evidence crosses counts in full.
    return arms.seconds * (max(one.needs(wanted) for one in ahead) / arms.n1 + 0.5)


def _calm(track: Track, arms: Arms) -> Track:
    """The track with the least noise that enough of stable can show, and with pods as alike as they can be found."""
    share = 1.0 if track.sli.by_buckets else track.level.share
    rate = arms.n0 / arms.pods0 / arms.seconds
    bad = ENOUGH_HOURS * 3600 * rate * track.level.share
    phi = unseen(bad, UNSEEN_CLUMP) if track.sli.rate else unseen(bad)
    calm = replace(track.calibration, phi=phi, phi_tail=phi, pod_rate=rate * share, assumed=False)
    if isinstance(track.comparison, Comparison) and arms.pods0 >= FEWEST_PODS and phi * arms.pods0 <= BLURRED * bad:
        degrees = PRIOR_DEGREES + arms.pods0 - 1
        calm = replace(calm, pod_spread=PRIOR_SPREAD * sqrt(PRIOR_DEGREES / degrees), pod_degrees=degrees)
    return replace(track, calibration=calm)
