"""What one SLI's evidence says, as a verdict, a sentence and numbers; and how much more is needed."""

from dataclasses import dataclass, replace
from math import exp, inf, log

from serinus.core import outliers
from serinus.core.arms import Arms
from serinus.core.checks import buckets, comparison, latency, margins, rate, scores
from serinus.core.checks.comparison import Comparison
from serinus.core.checks.latency import Latency
from serinus.core.checks.rate import Events
from serinus.core.checks.scores import Scores
from serinus.core.evidence import HOUR, Finding, Standards, Verdict
from serinus.core.noise import safe_phi
from serinus.core.stats import draws, merging, onset, ratio_interval
from serinus.core.tracks import Track, phis_safe

SILENCES = {
    "NoCandidateRequests": "The candidate has answered no request at this step",
    "NoStableRequests": "Stable has answered no request at this step",
    "NoBaseline": "No fresh pod of stable has counted anything at this step, and the candidate is compared with these "
    "alone (analysis.baseline: fresh)",
    "CounterNotShown": "No pod of the candidate shows the counter of the events; let it be there from the start, at 0 "
    "for each of its labels, and in the same scrape as the requests",
    "StableCounterNotShown": "No pod of stable shows the counter of the events, so there is nothing to compare with; "
    "let it be there from the start, at 0 for each of its labels, and in the same scrape as the requests",
    "CandidateScrapesLost": "The candidate's scrapes fail more often than stable's",
    "NoCommonBuckets": "The histograms of candidate and stable share no bucket bound, so they cannot be compared; "
    "give both the same buckets",
    "ObjectiveNotShared": "Candidate and stable do not both have a bucket bound at the objective; give both the same "
    "buckets, or write an objective at a bound that both have",
}
"""Reasons why an SLI says nothing, and what they mean."""
NOT_ENOUGH = frozenset({"NoBaseline"})
"""Of these, what is no fault of the metrics: others are NoData."""
PODS_DIFFER = "PodsDiffer"
"""Reason of a NotEnough that no more requests would end: stable's pods differ too much for so few of the candidate."""
ONE_BUCKET = "OneBucket"
"""Reason of a NotEnough that no more scores would end: nearly all of stable's are in the worst bucket."""
GATHERING = 3.0
"""Evidence of harm from which on people are told of it and not of how soon the step could pass."""


def finding_of(track: Track, standards: Standards, step: int, *, slis: int, failed: bool, silence: str) -> Finding:
    """Return the finding of one SLI. `silence` is one of SILENCES, or empty."""
    here = track.at_step
    log_harm = track.log_harm(slis, standards)
    limit = log(merging.LARGEST)
    low, high = ratio_interval.interval(track.curve, standards.false_rollback_rate) if track.curve else (None, None)
    more = None if silence else needs(track, standards, step)
    pods, requests = _pods(track), not track.sli.rate
    blind = one_bucket(track, margins.step_ratio(track.sli, standards, step))
    passed = track.log_safe >= -log(standards.false_promotion_rate) and not blind
    verdict, reason = Verdict.NOT_ENOUGH, "MoreTimeNeeded" if track.sli.rate else "MoreRequestsNeeded"
    if more is None and _luck(track, standards) > 1.0 and not _too_high(track, standards, step):
        reason = PODS_DIFFER
    if blind:
        reason = ONE_BUCKET
    if failed:
        verdict, reason = Verdict.FAIL, "Worse"
    elif silence:
        verdict, reason = Verdict.NOT_ENOUGH if silence in NOT_ENOUGH else Verdict.NO_DATA, silence
    elif passed:
        verdict, reason = Verdict.PASS, "WithinMargin"
    candidate, stable = values(track)
    told = Finding(
        sli=track.sli.name,
        verdict=verdict,
        reason=reason,
        sentence="",
        candidate=candidate,
        stable=stable,
        per_pod_hour=track.sli.rate,
        low=low,
        high=high,
        e_harm=exp(min(limit, log_harm)),
        e_safe=exp(min(limit, track.log_safe)),
        requests_candidate=here.n1 if requests else 0.0,
        requests_stable=here.n0 if requests else 0.0,
        needs_requests=more if requests else None,
        needs_seconds=None if requests or more is None else more / pods,
    )
    return _with_sentence(told, track, standards, step)


def one_bucket(track: Track, ratio: float) -> bool:
    """Whether the buckets of scores can show nothing, however many there are."""
    return isinstance(track.comparison, Scores) and scores.is_blind(track.comparison, ratio)


def values(track: Track) -> tuple[float | None, float | None]:
    """Return the values of candidate and stable: shares of bad requests or of low scores, the p99 of a latency without
    objective, events per pod-hour."""
    compared = track.comparison
    if isinstance(compared, Latency) and track.objective is None:
        if not compared.edges or not sum(compared.candidate):
            return None, None
        return buckets.quantile(compared.edges, compared.candidate, 0.99), buckets.quantile(
            compared.edges, compared.stable, 0.99
        )
    n = track.totals
    if isinstance(compared, Scores):
        return scores.beyond(compared)
    if isinstance(compared, Events):
        return HOUR * n.x1 / n.n1 if n.n1 > 0 else None, HOUR * n.x0 / n.n0 if n.n0 > 0 else None
    return n.x1 / n.n1 if n.n1 > 0 else None, n.x0 / n.n0 if n.n0 > 0 else None


def _pods(track: Track) -> float:
    """Pods of the candidate whose time counts, as of the last look."""
    last = track.last
    return last.n1 / last.seconds if last is not None and last.seconds > 0 else 1.0


def needs(track: Track, standards: Standards, step: int) -> float | None:
    """Return about how many more candidate requests (of a rate pod-seconds) until Pass if the candidate equals stable;
    None: cannot be told."""
    if track.last is None:
        return None
    ahead = outlooks(track, track.last, margins.step_ratio(track.sli, standards, step), standards)
    wanted = -log(standards.false_promotion_rate)
    more = max((one.needs(wanted) for one in ahead), default=inf)
    return more if more < inf else None


def _luck(track: Track, standards: Standards) -> float:
    """How many times better than it is the draw of pods may make the candidate look; 1 where that is not judged."""
    last = track.last
    if last is None or not isinstance(track.comparison, Comparison):
        return 1.0
    return margins.least_ratio(track.calibration, standards, last.pods1, last.pods0)


def _too_high(track: Track, standards: Standards, step: int) -> bool:
    """True where the step's line allows nearly every request to be bad: nothing is shown below it."""
    ratio = margins.step_ratio(track.sli, standards, step)
    return ratio * track.level.share + track.sli.floor > comparison.HIGHEST_LINE


def differ(track: Track, arms: Arms, ratio: float, standards: Standards) -> bool:
    """Return whether pods differ so much that a candidate equal to stable may never be shown below `ratio`: more than
    `margins.UNLUCKY` of all draws of its pods, and stable's, keep it from that. False where no draw is judged."""
    if not isinstance(track.comparison, Comparison):
        return False
    level, sure = track.level.share, margins.sure_ratio(track.calibration, standards, arms.pods1, arms.pods0)
    line = ratio * level + track.sli.floor
    return sure > 1.0 and line <= min(sure * level, comparison.HIGHEST_LINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """One thing to be shown below the step's line, and how evidence of it grows."""

    shown: float
    """Nats so far."""
    gains: tuple[float, ...]
    """Nats that one candidate request, or one pod-second of a rate, adds against each draw of pods ..."""
    draws: tuple[float, ...] = (1.0,)
    """... and how likely these are."""

    def needs(self, wanted: float) -> float:
        """Requests, or pod-seconds, until it is shown; inf: more than there are."""
        return draws.needed(self.draws, self.gains, wanted - self.shown)


def outlooks(track: Track, arms: Arms, ratio: float, standards: Standards) -> list[Outlook]:
    """Return for each thing to be shown below `ratio`: the nats shown, and what one candidate request adds.

    On average, for a candidate equal to stable, under the load of `arms`. Nothing for a latency before its buckets are
    settled.
    """
    floor, compared = track.sli.floor, track.comparison
    if isinstance(compared, Scores):
        by_edge = scores.log_e_expected(compared, arms, ratio) if compared.edges else []
        nats = [onset.log_sum(logs, comparison.EQUAL_WEIGHTS) for logs in compared.safe_by_edge]
        phis = phis_safe(track, arms, ratio)
        return [
            Outlook(shown=known, gains=(gain / phi / arms.n1,))
            for known, gain, phi in zip(nats, by_edge, phis, strict=True)
        ]
    if not isinstance(compared, Latency):
        level = track.level.share
        counts = (arms.n1 * level, arms.n1, arms.n0 * level, arms.n0)
        each = arms.n1 * safe_phi(track.calibration, arms, level, ratio * level + floor)
        if isinstance(compared, Events):
            return [
                Outlook(shown=compared.log_safe, gains=(rate.log_e_equal(*counts, 1.0, level, ratio, floor) / each,))
            ]
        lucky = margins.lucky(track.calibration, standards, arms.pods1, arms.pods0)
        gains = tuple(comparison.log_e_equal(*counts, 1.0, level, ratio, floor, draw.ratio) / each for draw in lucky)
        chances = compared.draws[0] if compared.draws else tuple(draw.chance for draw in lucky)
        return [Outlook(shown=compared.log_safe, gains=gains, draws=chances)]
    told = []
    for edge, logs, is_tail in ((compared.body, compared.safe_body, False), (compared.tail, compared.safe_tail, True)):
        if compared.edges:
            late = latency.shares_above(compared.edges, compared.law, edge, ratio)[1]
            gain = latency.log_e_expected(compared, arms, edge, ratio, floor)
            phi = safe_phi(track.calibration, arms, 1.0, late + floor, tail=is_tail)
            shown = onset.log_sum(logs, comparison.EQUAL_WEIGHTS)
            told.append(Outlook(shown=shown, gains=(gain / phi / arms.n1,)))
    return told


def words(requests: float | None, rate: float) -> str:
    """Say an amount of requests, and the time that it takes at `rate` a second.

    >>> words(1900, 2.25)
    'about 1,900 more requests, 14 min'
    >>> words(None, 1)
    ''
    """
    if requests is None:
        return ""
    told = f"about {rounded(requests)} more requests"
    return f"{told}, {duration(requests / rate)}" if rate > 0 else told


def rounded(requests: float) -> str:
    """Say an amount to two digits.

    >>> rounded(1874.2)
    '1,900'
    """
    digits = 10 ** max(0, len(str(int(requests))) - 2)
    return f"{round(requests / digits) * digits:,}"


def duration(seconds: float) -> str:
    """Say a duration as people do.

    >>> [duration(value) for value in (40, 840, 7300)]
    ['40 s', '14 min', '2 h 2 min']
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def time(seconds: float) -> str:
    """Say how long a request took, to two digits.

    >>> [time(value) for value in (0.0035, 0.0731, 0.4, 2.31, 120.0)]
    ['3.5 ms', '73 ms', '400 ms', '2.3 s', '120 s']
    """
    value, unit = (seconds, "s") if seconds >= 1 else (1000 * seconds, "ms")
    return f"{value:.0f} {unit}" if value >= 10 else f"{value:.2g} {unit}"


def _with_sentence(told: Finding, track: Track, standards: Standards, step: int) -> Finding:
    if told.reason in SILENCES:
        return replace(told, sentence=f"{told.sli}: {SILENCES[told.reason]}.")
    ratio = margins.step_ratio(track.sli, standards, step)
    numbers, limit = _numbers(told, track), f"{ratio:g} times stable's plus {track.sli.floor:.2%}"
    if track.sli.rate:
        limit = f"{ratio:g} times stable's plus {HOUR * track.sli.floor:.3g} per pod-hour"
    if isinstance(track.comparison, Latency):
        limit = f"what {ratio:g} times stable's latency would be"
    if track.sli.scores:
        limit = f"{ratio:g} times stable's odds of a worse score plus {scores.SAFE_FLOOR:.0%} of all answers"
    if told.verdict is Verdict.FAIL:
        alone = outliers.named(track.pods, *(("events", "the time") if track.sli.rate else ()))
        return replace(told, sentence=f"{told.sli} is worse: {_worse(told, track, alone) or numbers}.")
    if told.verdict is Verdict.PASS:
        return replace(told, sentence=f"{told.sli} is below {limit}: {numbers}.")
    if told.e_harm >= GATHERING:
        # Who reads this has to know which way it goes, not how much would be needed if it went the other way.
        seen = _worse(told, track) or numbers
        return replace(
            told, sentence=f"{told.sli} looks worse so far: {seen}; its evidence of harm is {told.e_harm:.3g}."
        )
    if told.reason == PODS_DIFFER:
        return replace(
            told,
            sentence=f"{told.sli} cannot be shown below {limit}: {_better(track, standards)} Now {numbers}.",
        )
    if told.reason == ONE_BUCKET and isinstance(track.comparison, Scores):
        return replace(
            told,
            sentence=f"{told.sli} cannot be shown below {limit}: {track.comparison.law[-1]:.1%} of stable's scores are"
            f" at or below {0 - track.comparison.edges[-2]:g}, the histogram's lowest bound, so that none could be told"
            f" to be worse. Give the histogram bounds that lie among the scores, or a larger score to better answers."
            f" Now {numbers}.",
        )
    more = words(told.needs_requests, 0.0) or "an unknown number of requests more"
    if track.sli.rate:
        more = "an unknown time" if told.needs_seconds is None else f"about {duration(told.needs_seconds)} more"
    sentence = f"{told.sli} needs {more} to be shown below {limit}: {numbers}."
    if track.last is not None and differ(track, track.last, ratio, standards):
        sentence += f" That may never be: {_better(track, standards)}"
    return replace(told, sentence=sentence)


def _better(track: Track, standards: Standards) -> str:
    """Why pods that differ keep a candidate from being shown, and what would help."""
    pods = track.last.pods1 if track.last is not None else 0
    return (
        f"stable's pods differ so much that {'one' if pods == 1 else pods} of the candidate may look"
        f" {_luck(track, standards):.2g} times better than the model is. More pods of the candidate would help, or a"
        " larger allowedRatio."
    )


def _worse(told: Finding, track: Track, alone: str = "") -> str:
    """By what a candidate is worse, or looks so; `alone` names a pod that is to blame for it."""
    return "; ".join(one for one in (_shares(told, track), _quantiles(track), alone) if one)


def _shares(told: Finding, track: Track) -> str:
    """The shares of both; nothing where a latency's objective is kept by both alike, since it fails by the rest."""
    alike = told.candidate is not None and told.stable is not None and f"{told.candidate:.2%}" == f"{told.stable:.2%}"
    if isinstance(track.comparison, Latency) and track.objective is not None and alike:
        return ""
    return _numbers(told, track)


def _quantiles(track: Track) -> str:
    """Where a latency has an objective: both arms' quantiles, for a candidate that keeps it and yet is slower."""
    compared, unit = track.comparison, track.sli.seconds_per_unit
    if not isinstance(compared, Latency) or track.objective is None or not sum(compared.candidate):
        return ""
    arms = (compared.candidate, compared.stable)
    pairs = [
        f"{name} {time(candidate * unit)}, stable {time(stable * unit)}"
        for name, q in (("median", 0.5), ("p99", 0.99))
        for candidate, stable in [[buckets.quantile(compared.edges, counts, q) for counts in arms]]
    ]
    return f"{'; '.join(pairs)}, over {track.totals.n1:,.0f} requests"


def _numbers(told: Finding, track: Track) -> str:
    if track.sli.rate:
        return _events(told, track)
    if isinstance(track.comparison, Scores):
        return _scores(told, track.comparison)
    seen, unit = f"of {track.totals.n1:,.0f} requests", track.sli.seconds_per_unit
    if told.candidate is None or told.stable is None:
        return f"nothing to show yet {seen}"
    if isinstance(track.comparison, Latency) and track.objective is None:
        return f"candidate p99 {time(told.candidate * unit)} {seen}, stable {time(told.stable * unit)}"
    above = f" above {time(track.sli.edge * unit)}" if track.sli.edge is not None else ""
    return f"candidate {told.candidate:.2%}{above} {seen}, stable {told.stable:.2%}"


def _scores(told: Finding, compared: Scores) -> str:
    """The share of low scores of both: of a Fail at the edge where they are furthest apart."""
    if told.candidate is None or told.stable is None:
        return "no scores to compare yet"
    n = sum(compared.candidate)
    edge, candidate, stable = compared.watched, told.candidate, told.stable
    if told.verdict is Verdict.FAIL:
        edge, candidate, stable = scores.furthest_apart(compared) or (edge, candidate, stable)
    return f"candidate {candidate:.2%} at or below {0 - edge:g} of {n:,.0f} scores, stable {stable:.2%}"


def _events(told: Finding, track: Track) -> str:
    """The numbers of a rate: events per pod-hour, and how many that were in how long."""
    if told.candidate is None or told.stable is None:
        return "no time counted yet"
    n = track.totals
    return (
        f"{told.candidate:.3g} events per pod-hour against {told.stable:.3g} of stable ({n.x1:,.3g} in"
        f" {n.n1 / HOUR:,.2g} pod-hours, {n.x0:,.3g} in {n.n0 / HOUR:,.2g})"
    )
