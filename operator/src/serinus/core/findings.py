"""What one SLI's evidence says, as a verdict, a sentence and numbers; and how much more is needed."""

from dataclasses import replace
from math import exp, log

from serinus.core.checks import comparison, margins
from serinus.core.evidence import Finding, Standards, Verdict
from serinus.core.noise import safe_phi
from serinus.core.stats import merging, ratio_interval
from serinus.core.tracks import Track

SILENCES = {
    "NoCandidateRequests": "The candidate has answered no request at this step",
    "NoStableRequests": "Stable has answered no request at this step",
    "CandidateScrapesLost": "The candidate's scrapes fail more often than stable's",
}
"""Reasons of NoData, and what they mean."""


def finding_of(track: Track, standards: Standards, step: int, *, slis: int, failed: bool, silence: str) -> Finding:
    """Return the finding of one SLI. `silence` is one of SILENCES, or empty."""
    n = track.totals
    here = track.at_step
    log_harm = track.log_harm(slis, standards)
    limit = log(merging.LARGEST)
    low, high = ratio_interval.interval(track.curve, standards.false_rollback_rate)
    more = None if silence else needs(track, standards, step)
    passed = track.log_safe >= -log(standards.false_promotion_rate)
    verdict, reason = Verdict.NOT_ENOUGH, "MoreRequestsNeeded"
    if failed:
        verdict, reason = Verdict.FAIL, "Worse"
    elif silence:
        verdict, reason = Verdict.NO_DATA, silence
    elif passed:
        verdict, reason = Verdict.PASS, "WithinMargin"
    candidate = n.x1 / n.n1 if n.n1 > 0 else None
    stable = n.x0 / n.n0 if n.n0 > 0 else None
    told = Finding(
        sli=track.sli.name,
        verdict=verdict,
        reason=reason,
        sentence="",
        candidate=candidate,
        stable=stable,
        low=low,
        high=high,
        e_harm=exp(min(limit, log_harm)),
        e_safe=exp(min(limit, track.log_safe)),
        requests_candidate=here.n1,
        requests_stable=here.n0,
        needs_requests=more,
    )
    return _with_sentence(told, track, standards, step)


def needs(track: Track, standards: Standards, step: int) -> float | None:
    """Return about how many more candidate requests until Pass if the candidate equals stable; None: cannot be told."""
    if track.last is None:
        return None
    missing = -log(standards.false_promotion_rate) - track.log_safe
    if missing <= 0:
        return 0.0
    gain = gain_per_request(track, standards, step)
    return missing / gain if gain > 0 else None


def gain_per_request(track: Track, standards: Standards, step: int) -> float:
    """Return the nats that one candidate request adds to the evidence of safe on average, at the last look's load."""
    arms = track.last
    if arms is None:
        return 0.0
    level = track.level.share
    ratio, floor = margins.step_ratio(track.sli, standards, step), track.sli.floor
    gain = comparison.log_e_equal(arms.n1 * level, arms.n1, arms.n0 * level, arms.n0, 1.0, level, ratio, floor)
    return gain / safe_phi(track.calibration, arms, level, ratio * level + floor) / arms.n1


def words(requests: float | None, rate: float) -> str:
    """Say an amount of requests, and the time that it takes at `rate` a second.

    >>> words(1900, 2.25)
    'about 1,900 more requests, 14 min'
    >>> words(None, 1)
    ''
    """
    if requests is None:
        return ""
    digits = 10 ** max(0, len(str(int(requests))) - 2)
    told = f"about {round(requests / digits) * digits:,} more requests"
    return f"{told}, {duration(requests / rate)}" if rate > 0 else told


def duration(seconds: float) -> str:
    """Say a duration as people do.

    >>> [duration(value) for value in (40, 840, 7300)]
    ['40 s', '14 min', '2 h 2 min']
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _with_sentence(told: Finding, track: Track, standards: Standards, step: int) -> Finding:
    if told.verdict is Verdict.NO_DATA:
        return replace(told, sentence=f"{told.sli}: {SILENCES[told.reason]}.")
    numbers = f"candidate {told.candidate or 0:.2%} of {track.totals.n1:,.0f}, stable {told.stable or 0:.2%}"
    ratio = margins.step_ratio(track.sli, standards, step)
    limit = f"{ratio:g} times stable's plus {track.sli.floor:.2%}"
    if told.verdict is Verdict.FAIL:
        return replace(told, sentence=f"{told.sli} is worse: {numbers}.")
    if told.verdict is Verdict.PASS:
        return replace(told, sentence=f"{told.sli} is below {limit}: {numbers}.")
    more = words(told.needs_requests, 0.0) or "an unknown number of requests more"
    return replace(told, sentence=f"{told.sli} needs {more} to be shown below {limit}: {numbers}.")
