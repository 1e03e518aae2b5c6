"""The judge: looks in, verdicts out. Pure: the same looks give the same verdict, live and in a replay.

    noise = no_history(slis)                          # or history.calibrate(looks of the past, slis)
    state = begin(slis, standards, noise)
    for look in looks:                                # from windows.read(...)
        state = advance(state, look)                  # a look of another step restarts the evidence of safe
    judgement = verdict(state, ProviderState.OK)      # Pass, Fail, NotEnough, NoData, ProviderDown
    for finding in findings(state): ...               # one per SLI, for status

`advance` costs the same after a day as after a minute; only the look at which noise is measured that was assumed until
then costs more, once. A Fail is latched in the state: a later look does not take it
back.

What is decided here and nowhere else: how the SLIs' evidence becomes one verdict (the average of harm e-values under
one `falseRollbackRate`, with blame by closed testing; every SLI safe for a Pass), and in which order reasons are given.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import exp, isclose, log

from serinus.core import arms as arm
from serinus.core import gathering, history, tracks
from serinus.core.checks import share
from serinus.core.checks.share import Share
from serinus.core.evidence import (
    Finding,
    Judgement,
    Look,
    OnFail,
    ProviderState,
    Role,
    Sli,
    Standards,
    Verdict,
)
from serinus.core.findings import GATHERING, duration, finding_of, words
from serinus.core.gathering import Gathering
from serinus.core.noise import Noise
from serinus.core.stats import merging
from serinus.core.tracks import Track

LOST_MORE = 0.2
"""The candidate may lose this much more of its scrapes than stable (share of pods, smoothed) before nothing is said."""
SILENT_LOOKS = 3
"""Looks without a request of the candidate that scrapes at other moments, or a missed one, can explain."""
SMOOTHING = 0.1
"""Weight of one look in the smoothed shares of lost scrapes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The Fail that was found, kept as it was found."""

    at: float
    on_fail: OnFail
    blame: tuple[str, ...]
    e: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceState:
    """All evidence of one attempt. Its size does not grow with the number of looks."""

    standards: Standards
    noise: Noise
    tracks: tuple[Track, ...]
    step: int = 0
    weight: int = 0
    looks: int = 0
    last_look: float | None = None
    covered_seconds: float = 0.0
    """At this step."""
    share: Share = field(default_factory=Share)
    last_share: float | None = None
    silent_looks: int = 0
    """Looks in a row without a request of the candidate."""
    silent_requests: float = 0.0
    """Requests that were due in these, without the first few: a scrape may be late or missed."""
    lost_candidate: float = 0.0
    lost_stable: float = 0.0
    failure: Failure | None = None
    gathering: Gathering | None = None
    """What noise will be measured on that is assumed so far; None where it was measured, or is not to be."""


def begin(
    slis: Iterable[Sli],
    standards: Standards,
    noise: Noise,
    *,
    intervals: bool = True,
    past: Sequence[Look] | None = None,
) -> EvidenceState:
    """Return the evidence of a new attempt, before any look; `intervals`: of ratios too, which decide nothing.

    `past`: the looks that `noise` comes from. Where they are too few for it, those of the trial are added until they
    are enough, and from then on the noise is measured on all of them. Without `past` the noise stays as it is.
    """
    slis = tuple(slis)
    assumed = [sli for sli in slis if noise.of(sli).assumed]
    return EvidenceState(
        standards=standards,
        noise=noise,
        tracks=tuple(tracks.begin(sli, noise.of(sli), interval=intervals) for sli in slis),
        gathering=gathering.begin(past, assumed) if past is not None and assumed else None,
    )


def _measure_noise(state: EvidenceState, gathered: Gathering) -> EvidenceState:
    """Judge the looks to come by the noise that those before them showed, where it was assumed.

    Evidence that was gathered stays as it was weighed. Valid, because each look is weighed by what was known before it;
    but for that of safe where nothing was known of lucky draws of pods, which begins anew.
    """
    found = history.calibrate(gathered.looks, [track.sli for track in state.tracks if track.calibration.assumed])
    noise = replace(found, calibrations={**state.noise.calibrations, **found.calibrations})
    return replace(
        state,
        noise=noise,
        gathering=None,
        tracks=tuple(tracks.recalibrate(track, noise.of(track.sli)) for track in state.tracks),
    )


def restart_safe(state: EvidenceState, step: int) -> EvidenceState:
    """Begin a step: the evidence of safe and the step's counts start from zero, the evidence of harm is kept."""
    return replace(
        state,
        step=step,
        covered_seconds=0.0,
        share=Share(),
        silent_looks=0,
        silent_requests=0.0,
        tracks=tuple(tracks.restart_safe(track) for track in state.tracks),
    )


def advance(state: EvidenceState, look: Look) -> EvidenceState:
    """Return the evidence after one more look."""
    if state.gathering is not None and gathering.is_enough(state.gathering):
        state = _measure_noise(state, state.gathering)
    if look.step != state.step or look.weight != state.weight:
        state = restart_safe(state, look.step)
    slis = len(state.tracks)
    fresh = state.standards.fresh_baseline
    counted = [arm.of(look, track.sli, track.edges, fresh=fresh) for track in state.tracks]
    # The SLI that counts most requests speaks for the share of traffic; a rate counts none.
    requests = [
        (arms.n1, arms.n0 + arms.beside)
        for track, arms in zip(state.tracks, counted, strict=True)
        if arms is not None and not track.sli.rate
    ]
    n1, n0 = max(requests, key=sum, default=(0.0, 0.0))
    asked = n1 > 0 or all(track.sli.rate for track in state.tracks)
    after = tuple(
        track if arms is None else tracks.advance(track, arms, look.step, slis, state.standards, asked=asked)
        for track, arms in zip(state.tracks, counted, strict=True)
    )
    silent_looks = 0 if n1 > 0 else state.silent_looks + 1
    expected = n0 * look.weight / max(1, 100 - look.weight) if look.candidate_due else 0.0
    state = replace(
        state,
        tracks=after,
        weight=look.weight,
        looks=state.looks + 1,
        last_look=look.at,
        covered_seconds=state.covered_seconds + (look.covered_seconds if not fresh or _beside(look) else 0.0),
        share=state.share
        if look.lost_candidate or look.lost_stable or look.warming_up
        else share.advance(state.share, n1, n0, look.weight),
        last_share=_share(state, look, n1, n0),
        silent_looks=silent_looks,
        silent_requests=state.silent_requests + expected if silent_looks > SILENT_LOOKS else 0.0,
        lost_candidate=state.lost_candidate + SMOOTHING * (look.lost_candidate - state.lost_candidate),
        lost_stable=state.lost_stable + SMOOTHING * (look.lost_stable - state.lost_stable),
        gathering=gathering.add(state.gathering, look) if state.gathering is not None else None,
    )
    return _latch(state, look.at)


def _beside(look: Look) -> bool:
    """True when fresh pods of stable were observed, so that time with them counts."""
    return any(pod.role is Role.BASELINE for pod in look.pods)


def findings(state: EvidenceState) -> tuple[Finding, ...]:
    """Return what each SLI says after all looks so far, in the order of the spec."""
    failed = state.failure.blame if state.failure else ()
    return tuple(
        finding_of(
            track,
            state.standards,
            state.step,
            slis=len(state.tracks),
            failed=track.sli.name in failed,
            silence=_silence(state, track),
        )
        for track in state.tracks
    )


def verdict(
    state: EvidenceState, provider: ProviderState = ProviderState.OK, said: tuple[Finding, ...] | None = None
) -> Judgement:
    """Return what all SLIs say together. `provider` is how the metrics provider answered just now; `said` are the
    findings of this state, for whom they were made already.

    In this order: a Fail that was found stays; then a provider that is down; then missing data; then too little of it;
    a Pass needs every SLI.
    """
    said = findings(state) if said is None else said
    base = _all_within(state, said)
    if state.failure is not None:
        guilty = [finding for finding in said if finding.sli in state.failure.blame]
        return replace(
            base,
            verdict=Verdict.FAIL,
            reason="Worse",
            sentence=" ".join(finding.sentence for finding in guilty),
            on_fail=state.failure.on_fail,
            blame=state.failure.blame,
            e=state.failure.e,
        )
    if provider is not ProviderState.OK:
        return replace(
            base,
            verdict=Verdict.PROVIDER_DOWN,
            reason="ProviderDown" if provider is ProviderState.DOWN else "ProviderPartial",
            sentence="The metrics provider does not answer in full; nothing is concluded from that.",
        )
    for kind in (Verdict.NO_DATA, Verdict.NOT_ENOUGH):
        waiting = [finding for finding in said if finding.verdict is kind]
        if waiting:
            return replace(
                base,
                verdict=kind,
                reason=waiting[0].reason,
                sentence=" ".join(finding.sentence for finding in waiting),
                blame=tuple(finding.sli for finding in waiting),
            )
    if state.share.mismatch:
        return replace(
            base,
            verdict=Verdict.NOT_ENOUGH,
            reason="ShareMismatch",
            sentence=f"The candidate gets {_told(state.last_share)} of the requests in the last look, which is not "
            f"its weight of {state.weight} %; this step does not pass until the split is right.",
        )
    return base


def _all_within(state: EvidenceState, said: tuple[Finding, ...]) -> Judgement:
    """The verdict where no SLI says anything else, with the numbers of every verdict."""
    may_roll_back = {track.sli.name for track in state.tracks if track.sli.on_fail is OnFail.ROLLBACK}
    e = min(merging.LARGEST, merging.average([one.e_harm for one in said if one.sli in may_roll_back]))
    rates = {track.sli.name for track in state.tracks if track.sli.rate}
    waiting = [finding for finding in said if finding.verdict is not Verdict.PASS]
    needed = [finding.needs_requests for finding in waiting if finding.sli not in rates]
    more = max((value for value in needed if value is not None), default=None) if None not in needed else None
    longer = max((finding.needs_seconds or 0.0 for finding in waiting), default=0.0)
    return Judgement(
        verdict=Verdict.PASS,
        reason="AllWithinMargins",
        sentence=f"All {len(said)} SLIs are within the margins of step {state.step}.",
        e=e,
        threshold=1 / state.standards.false_rollback_rate,
        requests_candidate=_requests(state),
        covered_seconds=state.covered_seconds,
        needs_requests=more,
        outlook=_outlook(e, state, more, longer, len(may_roll_back)),
        share=state.last_share,
        silent_requests=state.silent_requests,
        last_look=state.last_look,
    )


def _harm(state: EvidenceState, on_fail: OnFail) -> dict[str, float]:
    chosen = [track for track in state.tracks if track.sli.on_fail is on_fail]
    limit = log(merging.LARGEST)
    return {track.sli.name: exp(min(limit, track.log_harm(len(state.tracks), state.standards))) for track in chosen}


def _latch(state: EvidenceState, at: float) -> EvidenceState:
    """Keep the first crossing; one that may roll back replaces one that may only hold."""
    threshold = 1 / state.standards.false_rollback_rate
    for on_fail in (OnFail.ROLLBACK, OnFail.HOLD):
        if state.failure is not None and (state.failure.on_fail is on_fail or on_fail is OnFail.HOLD):
            return state
        harm = _harm(state, on_fail)
        e = merging.average(list(harm.values()))
        if e >= threshold:
            blame = merging.blamed(harm, threshold) or (max(harm, key=lambda name: harm[name]),)
            return replace(state, failure=Failure(at=at, on_fail=on_fail, blame=blame, e=e))
    return state


def _outlook(e: float, state: EvidenceState, more: float | None, longer: float, slis: int) -> str:
    """What is waited for: while harm gathers, how far it is from a rollback; else the requests that safety needs, or
    the time, where a rate needs more of that than the requests do."""
    threshold = 1 / state.standards.false_rollback_rate
    if e >= GATHERING:
        # The average may lie far below what one of them says of itself.
        averaged = f", averaged over {slis} SLIs," if slis > 1 else ""
        return f"evidence of harm{averaged} at {e:.3g} of the {threshold:.0f} that roll back"
    rate = _rate(state)
    if longer > 0 and (not more or rate <= 0 or longer > more / rate):
        return f"about {duration(longer)} more of counting events"
    return words(more, rate)


def _share(state: EvidenceState, look: Look, n1: float, n0: float) -> float | None:
    """The candidate's part of the requests in percent. While a pod warms up the totals do not tell it, but for all
    traffic on the candidate: then they may only tell too little, which stops a promotion."""
    if look.warming_up and look.weight < 100:
        return None
    return 100 * n1 / (n1 + n0) if n1 + n0 > 0 else state.last_share


def _told(share: float | None) -> str:
    return "an unknown part" if share is None else f"{share:.1f} %"


def _silence(state: EvidenceState, track: Track) -> str:
    """Why there is nothing to say of an SLI, as a reason; empty when there is."""
    if track.at_step.n1 <= 0:
        return "CounterNotShown" if track.sli.rate else "NoCandidateRequests"
    if track.at_step.n0 <= 0 and state.standards.fresh_baseline:
        return "NoBaseline"
    if track.at_step.n0 <= 0:
        return "StableCounterNotShown" if track.sli.rate else "NoStableRequests"
    if state.lost_candidate > state.lost_stable + LOST_MORE:
        return "CandidateScrapesLost"
    if track.sli.by_buckets and track.last is not None:
        shared, wanted = track.last.edges, track.sli.edge
        if len(shared) < 2:
            return "NoCommonBuckets"
        if wanted is not None and not any(isclose(edge, wanted, rel_tol=1e-6) for edge in shared):
            return "ObjectiveNotShared"
    return ""


def _requests(state: EvidenceState) -> float:
    """Candidate requests at this step, by the SLI that counts most."""
    return max((track.at_step.n1 for track in state.tracks if not track.sli.rate), default=0.0)


def _rate(state: EvidenceState) -> float:
    """Candidate requests a second at this step."""
    return _requests(state) / state.covered_seconds if state.covered_seconds > 0 else 0.0
