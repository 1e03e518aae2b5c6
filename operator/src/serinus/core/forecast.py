"""How long a step takes before it begins: requests and time until Pass if the candidate is exactly as good as stable.

    told = forecast(state, step=1, weight=5, requests_per_second=5.0, pods_candidate=1, pods_stable=4, interval=15.0)
    told.sentence      # "step 1 at 5 % needs about 900 requests ..., 60 min at 5 requests/s, because of success-rate"

A mean: half of all rollouts take longer. What stable's noise makes of it is in there; where the noise is assumed, the
sentence says so, and that it gets shorter once enough is measured.
"""

from math import log

from serinus.core.arms import Arms
from serinus.core.checks import comparison, margins
from serinus.core.evidence import Forecast, Standards
from serinus.core.findings import duration, outlooks, rounded
from serinus.core.history import ENOUGH_HOURS
from serinus.core.judge import EvidenceState
from serinus.core.noise import safe_phi
from serinus.core.tracks import Track


def forecast(
    state: EvidenceState,
    *,
    step: int,
    weight: int,
    requests_per_second: float,
    pods_candidate: int,
    pods_stable: int,
    interval: float,
) -> Forecast | None:
    """Return how long `step` at `weight` percent takes from zero; None without SLIs or without traffic.

    `requests_per_second`: of both arms together. `interval`: seconds between looks.
    """
    n = requests_per_second * interval
    arms = Arms(
        n1=n * weight / 100,
        n0=n * (100 - weight) / 100,
        pods1=max(1, pods_candidate),
        pods0=max(1, pods_stable),
        seconds=interval,
    )
    if not state.tracks or arms.n1 <= 0 or arms.n0 <= 0:
        return None
    needed = {track.sli.name: _requests(track, arms, state.standards, step) for track in state.tracks}
    slowest = max(needed, key=lambda name: needed[name])
    requests = needed[slowest]
    seconds = requests / (arms.n1 / interval)
    told = (
        f"Step {step} at {weight} % needs about {rounded(requests)} requests to the candidate, {duration(seconds)} at "
        f"{requests_per_second:g} requests/s, if the candidate is as good as stable; {slowest} takes longest."
    )
    if state.noise.of(next(track.sli for track in state.tracks if track.sli.name == slowest)).assumed:
        told += (
            " Stable's noise is assumed, which makes this slow; it gets shorter once"
            f" {ENOUGH_HOURS:.0f} pod-hours of stable are measured."
        )
    return Forecast(sli=slowest, requests=requests, seconds=seconds, sentence=told)


def _requests(track: Track, arms: Arms, standards: Standards, step: int) -> float:
    wanted = -log(standards.false_promotion_rate)
    gains = [gain for _, gain in outlooks(track, arms, standards, step)]
    if not gains:
        # A latency whose buckets are not known yet: as if its tail were as rare as its seed.
        level, ratio, floor = track.level.share, margins.step_ratio(track.sli, standards, step), track.sli.floor
        gain = comparison.log_e_equal(arms.n1 * level, arms.n1, arms.n0 * level, arms.n0, 1.0, level, ratio, floor)
        gains = [gain / safe_phi(track.calibration, arms, level, ratio * level + floor, tail=True) / arms.n1]
    # Looks are whole: the one in which the evidence crosses counts in full.
    return max(wanted / gain for gain in gains) + arms.n1 / 2
