"""How noisy a workload is beyond chance: what the judge must allow for before it calls a difference harm.

Requests are not independent. Errors come in bursts (`phi`, the dispersion: the variance of counts over what chance
alone would give), and pods differ from each other for as long as they live (`pod_spread`). Both are measured on the
stable revision's own past; where there is none they are assumed, and said to be. `history.py` measures, this file
says what a measurement means.

Everything else is `docs/decisions/0010-noise-and-priors.md`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from serinus.core.arms import Arms
from serinus.core.evidence import ASSUMED_DISPERSION, Sli
from serinus.core.stats.components import Components

ASSUMED_RATIO = 3.0
"""Without history: a share of errors is rolled back only when it is more than this many times stable's ..."""
ASSUMED_LATENCY_RATIO = 1.5
"""... and a latency only when it is more than this many times stable's."""
ASSUMED_SPREAD = 0.3
"""Without history: the pods' own error ratios are taken to be lognormal with this standard deviation."""
ASSUMED_LATENCY_SPREAD = 0.1
ASSUMED_SCORE_ODDS = 2.0
"""Without history scores are rolled back only when the odds of a lower one are more than this many times stable's."""
FEW_PODS_SPREAD = 0.2
FEW_PODS_LATENCY_SPREAD = 0.1
"""With history of too few pods or errors to measure the spread between pods."""
BURST = 3.0
"""Without history, for promotion: bursts of three at the least ..."""
SPEED = 0.5
"""... and a relative variance of the error rate of one half ..."""
SPEED_SECONDS = 600.0
"""... that lasts this long, so that a busier pod shows larger bursts, up to ASSUMED_PHI."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What is known of the noise of one SLI."""

    phi: float
    """Dispersion of stable's counts per pod, >= 1; for a latency of the worst edge."""
    phi_tail: float
    """Dispersion of the counts that the objective speaks of: for errors the same as `phi`."""
    pod_rate: float
    """Counts per pod and second at which `phi` was measured (bad requests; by buckets all requests); 0: unknown."""
    share: float | None
    """Stable's share of bad requests in the past; None: unknown."""
    pod_spread: float
    """Standard deviation of the logarithm of the pods' own levels; for scores of their odds of a worse one."""
    pod_degrees: int | None
    """Degrees of freedom behind `pod_spread`; None: it is assumed, not measured."""
    least_ratio: float = 1.0
    """Roll back only beyond this ratio, whatever the spec allows: above 1 only where nothing was measured."""
    assumed: bool = False
    """True: no history; `phi` and `pod_spread` are priors."""
    components: Components | None = None
    """For a share of bad requests: its noise taken apart by how long it lasts; None: too little was seen for that."""
    edges: tuple[float, ...] = ()
    """For a latency, and for scores: stable's buckets in the past ..."""
    shares: tuple[float, ...] = ()
    """... and the share of requests in each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """The calibration of every SLI, and where it comes from."""

    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    hours: float = 0.0
    pods: int = 0
    assumed: bool = True
    """True when at least one SLI has no measured calibration."""
    sentence: str = ""

    def of(self, sli: Sli) -> Calibration:
        """The calibration of that SLI; the assumed one where nothing was measured."""
        return self.calibrations.get(sli.name) or assume(sli)


def assume(sli: Sli) -> Calibration:
    """Return the priors for an SLI without history."""
    least = ASSUMED_LATENCY_RATIO if sli.latency else ASSUMED_RATIO
    return Calibration(
        phi=sli.assumed_dispersion,
        phi_tail=sli.assumed_dispersion,
        pod_rate=0.0,
        share=None,
        pod_spread=ASSUMED_LATENCY_SPREAD if sli.by_buckets else ASSUMED_SPREAD,
        pod_degrees=None,
        least_ratio=ASSUMED_SCORE_ODDS if sli.scores else least,
        assumed=True,
    )


def no_history(slis: Iterable[Sli]) -> Noise:
    """Return the noise of a workload that was never observed: every value a prior, and a sentence that says so."""
    slis = tuple(slis)
    phi = max((sli.assumed_dispersion for sli in slis), default=ASSUMED_DISPERSION)
    of_scores = f"; {ASSUMED_SCORE_ODDS:g} times the odds of a lower score" if any(one.scores for one in slis) else ""
    return Noise(
        calibrations={sli.name: assume(sli) for sli in slis},
        sentence=(
            f"No history of stable yet: bursts of {phi:.0f} and a pod spread of {ASSUMED_SPREAD:g} are assumed,"
            f" only more than {ASSUMED_RATIO:.0f} times stable's errors ({ASSUMED_LATENCY_RATIO:g} times its latency"
            f"{of_scores}) is rolled back, and promotion takes longer."
        ),
    )


def harm_phi(calibration: Calibration, arms: Arms, share: float, *, tail: bool = False) -> float:
    """Return the dispersion that divides this look's harm evidence, >= 1.

    Noise of a rate is proportional to the rate, so phi - 1 grows with the expected count: at the daily peak, and in an
    incident that both arms share. `share` is stable's share of bad requests now (1 where all requests count).
    Each arm counts by the inverse of its expected count.
    """
    phi = calibration.phi_tail if tail else calibration.phi
    if phi <= 1.0 or calibration.pod_rate <= 0.0 or arms.seconds <= 0.0:
        return max(1.0, phi)
    usual = calibration.pod_rate * arms.seconds
    phi1 = 1 + (phi - 1) * max(1.0, arms.n1 / arms.pods1 * share / usual)
    phi0 = 1 + (phi - 1) * max(1.0, arms.n0 / arms.pods0 * share / usual)
    return (phi1 * arms.n0 + phi0 * arms.n1) / (arms.n0 + arms.n1)


def safe_phi(calibration: Calibration, arms: Arms, share: float, bound: float, *, tail: bool = False) -> float:
    """Return the dispersion that divides this look's evidence for promotion, >= 1.

    `bound` is the share of bad requests that a candidate must exceed to be outside the margin. Without history it is
    what a candidate at that bound would show: bursts of BURST, and slow swings of its rate which a pod with more
    requests shows more of, at most the assumed dispersion.
    """
    if not calibration.assumed:
        return harm_phi(calibration, arms, share, tail=tail)
    if arms.seconds <= 0.0:
        return calibration.phi
    expected = arms.n1 / arms.pods1 / arms.seconds * SPEED_SECONDS * bound
    return min(calibration.phi, BURST + SPEED * expected)
