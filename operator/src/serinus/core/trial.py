"""The evidence of one trial as it grows: samples in, looks judged, and what they say.

    trial = begin(question, noise, past)            # what `past` gave of stable before it
    trial = absorb(trial, question, series)         # at each tick, or all at once: the same comes out
    answer = measured(trial, question)
    trial = foresee(trial)                          # afterwards, while there is time

What is kept between ticks is a cache. It is rebuilt from `since` on when it is lost.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from serinus.core import forecast, judge, missing, windows
from serinus.core.evidence import Look, OnFail, ProviderState, Role, Verdict
from serinus.core.forecast import Foreseen
from serinus.core.judge import EvidenceState
from serinus.core.model import Shift
from serinus.core.needs import Question
from serinus.core.noise import Noise
from serinus.core.observed import Measured
from serinus.core.samples import Series, counters
from serinus.core.timeline import Life, Timeline
from serinus.core.tracks import Totals
from serinus.core.windows import Reader

GATEWAY = "@"
"""In the name of a unit that is a gateway's view of a Service, SERVICE@GATEWAY, and not a pod of ours."""
NOTHING_YET = "nothing measured yet."
SHORT = 8
"""Looks whose traffic is too little to go by where that of before the trial is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is remembered of one trial."""

    reader: Reader
    state: EvidenceState
    seen: Mapping[str, "Seen"] = field(default_factory=dict)
    """Every pod that was ever in the samples, gone ones too."""
    read_to: float
    """All samples up to this time have been asked for."""
    ahead: EvidenceState | None = None
    """`state` with the look that is still held back, where `foresee` has judged it already."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """By SLI: requests a second of stable just before the trial; empty where its past is not known."""
    old: tuple[str, ...] = ()
    """Stable's pods that had samples before the trial: none of them is fresh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the samples alone tell of a pod."""

    role: Role
    first: float
    """Its first sample ..."""
    last: float
    """... and its last."""


def begin(question: Question, noise: Noise, past: Sequence[Look] = ()) -> Trial:
    """A trial of which nothing was read yet; the first samples are those of the interval before its traffic.

    `past`: the looks of stable that `noise` comes from.
    """
    return Trial(
        reader=windows.begin(question.interval),
        state=judge.begin(question.slis, question.standards, noise, past=past),
        read_to=-inf if question.since == inf else question.since - question.interval,
        rates=forecast.rates(past, before(question)),
        old=pods_of(look for look in past if look.at <= tried(question)),
    )


def pods_of(past: Iterable[Look]) -> tuple[str, ...]:
    """The pods in these looks, each once."""
    return tuple(sorted({pod.pod for look in past for pod in look.pods}))


def with_roles(trial: Trial, question: Question, series: Iterable[tuple[Role, Series]]) -> list[tuple[Role, Series]]:
    """These samples of both revisions' pods, with those of fresh pods of stable as the baseline's.

    Of a pod that runs the cluster tells when it was made. Of one that is gone its samples tell: it was fresh if it has
    none from before the trial, so that who reads the trial again comes to the same. Where nothing is known of the time
    before, it is taken for an old one, with which nothing is compared.
    """
    found = list(series)
    if not question.standards.fresh_baseline:
        return found
    running = {one.pod: one.role for one in question.pods}

    def role(told: Role, pod: str) -> Role:
        if told is not Role.STABLE or pod in running:
            return running.get(pod, told)
        return Role.BASELINE if trial.old and pod not in trial.old else told

    return [(role(told, one.pod), one) for told, one in found]


def before(question: Question) -> float:
    """Until when stable's past is read: the beginning of the attempt, before the candidate can have changed a thing."""
    return question.since if question.began is None else min(question.began, question.since)


def tried(question: Question) -> float:
    """When the candidate's first pods could be made: a pod of stable that was seen by then is an old one. Other rules
    begin a new attempt, and its past holds the fresh pods of the one before."""
    return before(question) if question.tried_since is None else min(question.tried_since, before(question))


def read_from(trial: Trial) -> float:
    """From when on samples must be read: some time again that was read before, for those that came late."""
    due = trial.reader.due
    return trial.read_to if due is None else min(trial.read_to, due - trial.reader.interval / 2)


def absorb(trial: Trial, question: Question, series: Iterable[tuple[Role, Series]], read_to: float) -> Trial:
    """The trial with the samples of a further range, up to `read_to`."""
    fresh = list(series)
    seen = see(trial.seen, fresh)
    timeline = Timeline(
        lives=lives(question, seen, stale=trial.reader.longest),
        scraped=scraped(question, seen) if any(sli.rate for sli in question.slis) else (),
        shifts=question.shifts,
        exclusions=((question.drift_since, inf),) if question.drift_since is not None else (),
        drain=question.drain,
        warm_up=question.warm_up_requests,
    )
    reader, looks = windows.read(trial.reader, (one for _, one in fresh), timeline)
    state = trial.state
    for look in looks:
        if look is trial.reader.pending and trial.ahead is not None:
            state = trial.ahead
        elif is_evidence(look):
            state = judge.advance(state, look)
    return replace(trial, reader=reader, state=state, seen=seen, read_to=max(read_to, trial.read_to), ahead=None)


def foresee(trial: Trial) -> Trial:
    """The same trial, with the look that is held back judged beforehand: the next `absorb` is spared it.

    A look is held back until the next one tells whether it is blanked, so that all of what comes out then is known an
    interval earlier. Until then nobody may act on it.
    """
    held = trial.reader.pending
    if held is None or trial.ahead is not None:
        return trial
    return replace(trial, ahead=judge.advance(trial.state, held) if is_evidence(held) else trial.state)


def is_about_to_fail(trial: Trial) -> bool:
    """True when the look that is held back makes it a Fail, unless it is blanked: whom to ask first at the next."""
    return trial.ahead is not None and trial.ahead.failure is not None


def see(seen: Mapping[str, Seen], series: Iterable[tuple[Role, Series]]) -> dict[str, Seen]:
    """What is known of the pods after these samples."""
    known = dict(seen)
    for role, one in series:
        if one.points:
            old = known.get(one.pod)
            first, last = one.points[0][0], one.points[-1][0]
            known[one.pod] = Seen(
                role=role,
                first=min(first, old.first) if old else first,
                last=max(last, old.last) if old else last,
            )
    return known


def is_evidence(look: Look) -> bool:
    """Nothing is learnt while the candidate gets no traffic, and no time is counted."""
    return look.weight > 0


def lives(question: Question, seen: Mapping[str, Seen], *, stale: float) -> tuple[Life, ...]:
    """When each pod's counts are evidence.

    A pod that runs: from when it was ready and settled. One that is gone is known by its samples alone: from its first
    to its last, settled too. So is a gateway's view of a Service, which has no start of its own to wait for; it lives
    on until it was silent for `stale` seconds.
    """
    running = {one.pod for one in question.pods}
    found = [
        Life(pod=one.pod, role=one.role, start=one.ready_since + question.settle)
        for one in question.pods
        if one.ready_since is not None
    ]
    newest = max((one.last for one in seen.values()), default=-inf)
    for pod, one in seen.items():
        if GATEWAY in pod:
            found.append(
                Life(pod=pod, role=one.role, start=one.first, end=one.last if one.last < newest - stale else inf)
            )
        elif pod not in running:
            found.append(Life(pod=pod, role=one.role, start=one.first + question.settle, end=one.last))
    return tuple(found)


def scraped(question: Question, seen: Mapping[str, Seen]) -> tuple[Life, ...]:
    """When each pod's events over time are evidence: since it was settled for the first time, ready or not.

    Readiness tells only of its last time, the samples of the first one that was read.
    """
    running = {one.pod: one.ready_since for one in question.pods}
    found = []
    for pod, one in seen.items():
        if GATEWAY in pod:
            continue
        ready = running.get(pod)
        start = one.first if ready is None else min(one.first, ready)
        end = inf if pod in running else one.last
        found.append(Life(pod=pod, role=one.role, start=start + question.settle, end=end))
    return tuple(found)


def past(series: Iterable[tuple[Role, Series]], *, step: float, settle: float, warm_up: int = 0) -> tuple[Look, ...]:
    """The looks of stable's pods before the trial, from samples every `step` seconds: what noise is measured on."""
    own = [(role, one) for role, one in series if role is Role.STABLE]
    timeline = Timeline(
        lives=tuple(
            Life(pod=pod, role=Role.STABLE, start=one.first + (0.0 if GATEWAY in pod else settle), end=one.last)
            for pod, one in see({}, own).items()
        ),
        warm_up=warm_up,
    )
    _, looks = windows.read(windows.begin(step), (one for _, one in own), timeline)
    return looks


def measured(trial: Trial, question: Question, provider: ProviderState = ProviderState.OK, why: str = "") -> Measured:
    """What the evidence says to the decision rules. `why` is the sentence of a provider that did not answer."""
    if question.stages and question.since == inf:
        return Measured(
            attempt=question.attempt, step=question.step, sentence=NOTHING_YET, foreseen=_foreseen(trial, question)
        )
    said_by_each = judge.findings(trial.state)
    judgement = judge.verdict(trial.state, provider, said_by_each)
    verdict, sentence = judgement.verdict, judgement.sentence
    if verdict is Verdict.PROVIDER_DOWN and why:
        sentence = f"{why} Nothing is concluded from that."
    lacking = missing.found(trial.reader.buffers, question, trial.read_to)
    said = Measured(
        attempt=question.attempt,
        step=trial.state.step if trial.state.looks else question.step,
        since=since(trial.state, question.shifts[-1]),
        verdict=verdict,
        sentence=sentence,
        findings=missing.marked(said_by_each, lacking),
        hold_only=verdict is Verdict.FAIL and judgement.on_fail is OnFail.HOLD,
        held=judgement.covered_seconds,
        requests=judgement.requests_candidate,
        share=judgement.share,
        silent=judgement.silent_requests,
        last_look=judgement.last_look,
        newest=max((one.last for one in trial.seen.values()), default=None),
        outlook=judgement.outlook,
        foreseen=_foreseen(trial, question, passed=verdict is Verdict.PASS),
    )
    if not lacking:
        return _warming_up(said, trial, question)
    # Said of now, even where no look was taken at this weight yet: without numbers none ever is.
    now = said if trial.state.looks else said.at(question.attempt, question.step, question.shifts[-1].at)
    return without_data(now, " ".join(one.sentence for one in lacking))


def _foreseen(trial: Trial, question: Question, *, passed: bool = False) -> tuple[Foreseen, ...]:
    """How long the steps take that begin now, or next where this one has passed; none where the traffic is not known.

    The traffic is that of the step so far, where enough of it was counted; else that of stable before the trial.
    """
    if not question.stages or (question.stages[0].step > max(1, question.step) and not passed):
        return ()
    state, seconds = trial.state, trial.state.covered_seconds
    counted = {
        track.sli.name: _requests(track.at_step, state) / seconds
        for track in state.tracks
        if seconds > 0 and not track.sli.rate
    }
    known = trial.rates if not counted or (trial.rates and seconds < SHORT * question.interval) else counted
    return forecast.forecast(state, question.stages, known, interval=question.interval) if known else ()


def _requests(counts: Totals, state: EvidenceState) -> float:
    """Requests of the whole service at this step. Fresh pods have a part of stable's alone, so that there the candidate
    speaks for all by its weight."""
    return 100 * counts.n1 / max(1, state.weight) if state.standards.fresh_baseline else counts.n1 + counts.n0


def _warming_up(said: Measured, trial: Trial, question: Question) -> Measured:
    """The same, but that it says so where nothing is counted because every pod of the candidate still warms up."""
    nothing_yet = said.verdict is Verdict.NO_DATA and said.requests == 0 and said.held == 0
    if not question.warm_up_requests or not nothing_yet:
        return said
    found = counters(trial.reader.buffers, trial.read_to, trial.reader.longest)
    pods = [one.pod for one in question.pods if one.role is Role.CANDIDATE and one.pod in found]
    served = max((found[pod].served(trial.read_to) for pod in pods), default=0.0)
    if not pods or served >= question.warm_up_requests:
        return said
    wanted, since = question.warm_up_requests, question.shifts[-1].at
    # Said of now, even where stable warms up too and no look was taken at this weight yet.
    return replace(
        said.at(question.attempt, question.step, since),
        verdict=Verdict.NOT_ENOUGH,
        sentence=f"The candidate warms up: {served:.0f} of a pod's first {wanted} requests, which are no evidence.",
        outlook=f"{wanted - served:.0f} more requests of warm-up",
    )


def since(state: EvidenceState, last: Shift) -> float:
    """When the weight that the last look was taken at was set; 0 while no look has seen `last`, the present one."""
    seen = (state.last_look or 0.0) > last.at and (state.step, state.weight) == (last.step, last.weight)
    return last.at if seen else 0.0


def without_data(said: Measured, sentence: str) -> Measured:
    """The same, but that nothing follows from it because data is missing. A Fail that was found stays."""
    if said.verdict is Verdict.FAIL:
        return said
    return replace(said, verdict=Verdict.NO_DATA, sentence=sentence)


def traffic(question: Question, start: float, end: float) -> list[tuple[float, float]]:
    """The parts of [start, end] in which the candidate had traffic: other samples need not be read.

    The interval before its first traffic belongs to it, so that the first window has a beginning.
    """
    found: list[tuple[float, float]] = []
    for at, shift in enumerate(question.shifts):
        later = question.shifts[at + 1 :]
        begins = shift.at - (question.interval if shift.at == question.since else 0.0)
        since, to = max(start, begins), min(end, later[0].at if later else inf)
        if shift.weight == 0 or since >= to:
            continue
        if found and found[-1][1] == since:
            found[-1] = (found[-1][0], to)
        else:
            found.append((since, to))
    return found
