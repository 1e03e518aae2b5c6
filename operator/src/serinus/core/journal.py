"""The journal: one entry beside the weights for every change of the split, and the state that each entry leads to.

Rule 1: whatever changes the course of a rollout (a trial starts, moves, pauses, ends) is one entry, written to the
route in the same patch as the weights. `fold` is the only place that says what an entry does to `Progress`, and the
reconciler and the recovery after a crash both call it: so both arrive at the same state.

Rule 2: an entry holds absolute facts ("candidate 5d4f at step 2 with 25 %"), never changes ("one more step").

An entry is a no-op for a state that has recorded it already (`seq` not above the recorded one).
"""

from dataclasses import replace

from serinus.core.model import Cause, Decision, Phase, Progress, Rejection, Retirement, Shift, SplitRecord
from serinus.core.observed import Observed

DECISIONS_KEPT = 8
REJECTIONS_KEPT = 8
SHIFTS_KEPT = 40
RETIRED_KEPT = 6

ENDS_TRIAL = frozenset({Cause.ROLLBACK, Cause.ABORT, Cause.REVERT})
"""Entries that take the candidate's traffic away for good. Always allowed, whatever else is unrecorded."""


def newest(observed: Observed) -> SplitRecord | None:
    """The last entry that was written: beside the weights, or, where `traffic` was changed, on the route before."""
    records = [one.record for one in (observed.route, observed.left) if one is not None and one.record is not None]
    return max(records, key=lambda one: one.seq, default=None)


def behind(progress: Progress, entry: SplitRecord | None) -> bool:
    """True when the route holds an entry that status has not recorded: our own step before a crash."""
    return entry is not None and entry.seq > (progress.split.seq if progress.split else 0)


def fold(progress: Progress, entry: SplitRecord) -> Progress:
    """The state after `entry`, and after the unrecorded one that it replaced."""
    if not behind(progress, entry):
        return progress
    if entry.before is not None:
        progress, entry = fold(progress, entry.before), replace(entry, before=None)
    decision = Decision(
        seq=entry.seq,
        at=entry.at,
        cause=entry.cause,
        revision=entry.revision,
        weight=entry.weight,
        sentence=entry.note,
    )
    after = replace(
        _FOLDS[entry.cause](progress, entry),
        split=entry,
        drift_since=0.0,
        last_intent=entry.token or progress.last_intent,
        intent_answer=entry.note if entry.token else progress.intent_answer,
        decisions=(decision, *progress.decisions)[:DECISIONS_KEPT],
    )
    if len(after.retired) > RETIRED_KEPT:
        after = replace(after, retired=after.retired[:RETIRED_KEPT])
    if after.phase is not progress.phase:
        after = replace(after, phase_since=float(entry.at))
    if after.shifts is not progress.shifts and len(after.shifts) > SHIFTS_KEPT:
        after = replace(after, shifts=after.shifts[-SHIFTS_KEPT:])
    return after


def _start(progress: Progress, entry: SplitRecord) -> Progress:
    """A trial begins at weight 0; a candidate that it replaces keeps its pods until they are drained."""
    retired = tuple(one for one in progress.retired if one.revision != entry.revision)
    if progress.candidate and progress.candidate != entry.revision:
        retired = (Retirement(revision=progress.candidate, at=entry.at, former_stable=False), *retired)
    return replace(
        progress,
        phase=Phase.PREPARING,
        candidate=entry.revision,
        began=float(entry.at),
        tried_since=float(entry.at),
        attempt=progress.attempt + 1,
        step=0,
        heading=0,
        paused=False,
        overruled=False,
        # Whoever asks for a revision that was not taken back asks for it because the budget held it up.
        over_budget=entry.cause is Cause.RETRY and not _was_rejected(progress, entry.revision),
        gate_passed=entry.step,
        shifts=(),
        selected_at=0.0,
        reasserted=0,
        unready=0,
        forecast=None,
        evidence_rules="",
        retired=retired,
        rejected=tuple(one for one in progress.rejected if one.revision != entry.revision),
    )


def _was_rejected(progress: Progress, revision: str) -> bool:
    return any(one.revision == revision for one in progress.rejected)


def _shift(progress: Progress, entry: SplitRecord) -> tuple[Shift, ...]:
    before = (one for one in progress.shifts if one.at <= entry.at)  # later ones: the clock was set back since
    return (*before, Shift(at=entry.at, weight=entry.weight, step=entry.step))


def _step(progress: Progress, entry: SplitRecord) -> Progress:
    new = entry.step != progress.step
    return replace(
        progress,
        phase=Phase.ANALYZING,
        step=entry.step,
        heading=0,
        reasserted=0 if new else progress.reasserted,
        shifts=_shift(progress, entry),
    )


def _limit(progress: Progress, entry: SplitRecord) -> Progress:
    return replace(progress, shifts=_shift(progress, entry))


def _unready(progress: Progress, entry: SplitRecord) -> Progress:
    return replace(_limit(progress, entry), unready=progress.unready + 1)


def _restart(progress: Progress, entry: SplitRecord) -> Progress:
    """Steps, SLIs or analysis changed: the same candidate again from step 1, evidence from zero."""
    return replace(
        progress,
        phase=Phase.PREPARING if entry.step == 0 else Phase.ANALYZING,
        began=float(entry.at),
        tried_since=progress.candidate_since,
        attempt=progress.attempt + 1,
        step=entry.step,
        heading=0,
        gate_passed=0,
        overruled=False,
        reasserted=0,
        unready=0,
        forecast=None,
        evidence_rules="",
        shifts=(Shift(at=entry.at, weight=entry.weight, step=entry.step),) if entry.weight else (),
    )


def _end(progress: Progress, entry: SplitRecord) -> Progress:
    """The trial is over and stable has all traffic."""
    rejection = Rejection(revision=entry.revision, cause=entry.cause, at=entry.at, sentence=entry.note)
    others = tuple(one for one in progress.rejected if one.revision != entry.revision)
    reverted = entry.cause is Cause.REVERT
    return replace(
        progress,
        phase=Phase.HEALTHY if reverted else Phase.ROLLED_BACK,
        candidate="",
        forecast=None,
        step=0,
        heading=0,
        paused=False,
        gate_passed=0,
        shifts=(),
        selected_at=0.0,
        rejected=others if reverted else (rejection, *others)[:REJECTIONS_KEPT],
        retired=(
            Retirement(revision=entry.revision, at=entry.at, former_stable=False),
            *(one for one in progress.retired if one.revision != entry.revision),
        ),
    )


def _pause(progress: Progress, entry: SplitRecord) -> Progress:
    moved = progress.split is None or progress.split.weight != entry.weight
    return replace(
        progress,
        phase=Phase.PAUSED,
        paused=True,
        shifts=_shift(progress, entry) if moved else progress.shifts,
    )


def _resume(progress: Progress, entry: SplitRecord) -> Progress:
    return replace(
        progress,
        phase=Phase.ANALYZING if progress.step and entry.weight else Phase.PREPARING,
        overruled=progress.overruled or progress.paused,
        over_budget=progress.over_budget or (entry.cause is Cause.RESUME and not progress.paused),
        paused=False,
        reasserted=0,
    )


def _approve(progress: Progress, entry: SplitRecord) -> Progress:
    """A person lets the candidate past a step; a pause ends with it."""
    return replace(_resume(progress, entry), gate_passed=entry.step)


def _promote(progress: Progress, entry: SplitRecord) -> Progress:
    return replace(
        progress,
        phase=Phase.PROMOTING,
        step=entry.step,
        heading=0,
        paused=False,
        selected_at=0.0,
        shifts=_shift(progress, entry),
    )


def _finish(progress: Progress, entry: SplitRecord) -> Progress:
    """`entry.revision` is stable from now on; the one before keeps its pods for a while."""
    retired = tuple(one for one in progress.retired if one.revision != entry.revision)
    if progress.stable and progress.stable != entry.revision:
        retired = (Retirement(revision=progress.stable, at=entry.at, former_stable=True), *retired)
    return replace(
        progress,
        phase=Phase.HEALTHY,
        stable=entry.revision,
        candidate="",
        forecast=None,
        step=0,
        heading=0,
        paused=False,
        gate_passed=0,
        shifts=(),
        selected_at=0.0,
        reasserted=0,
        retired=retired,
    )


def _reassert(progress: Progress, entry: SplitRecord) -> Progress:
    return replace(
        progress,
        began=min(progress.began, float(entry.at)),
        tried_since=min(progress.tried_since, float(entry.at)),
        reasserted=progress.reasserted + 1,
        shifts=_shift(progress, entry) if progress.candidate and progress.step else progress.shifts,
    )


def _delete(progress: Progress, entry: SplitRecord) -> Progress:
    return replace(progress, phase=Phase.TERMINATING, shifts=_shift(progress, entry))


_FOLDS = {
    Cause.START: _start,
    Cause.RETRY: _start,
    Cause.STEP: _step,
    Cause.LIMIT: _limit,
    Cause.UNREADY: _unready,
    Cause.SHARE: _limit,
    Cause.RESTART: _restart,
    Cause.ROLLBACK: _end,
    Cause.ABORT: _end,
    Cause.REVERT: _end,
    Cause.PAUSE: _pause,
    Cause.RESUME: _resume,
    Cause.APPROVE: _approve,
    Cause.PROMOTE: _promote,
    Cause.FINISH: _finish,
    Cause.REASSERT: _reassert,
    Cause.DELETE: _delete,
}
