"""What the evidence at a step asks for, apart from pods, routes and people: for the rules, and for a replay.

outcome(spec, measured, number=3, weight=50)      # continue, promote, rollback or hold
"""

from enum import StrEnum

from serinus.core.budget import Budget
from serinus.core.evidence import Verdict
from serinus.core.model import OnInconclusive, Spec, Step
from serinus.core.observed import Measured

SILENT_REQUESTS = 50
"""Requests that a candidate should have had, and of which none was counted, until it gets no more."""
CONTAINER_FAILURES = 3
"""Container failures of the candidate, while stable has none, that take it back."""


class Outcome(StrEnum):
    """What becomes of the trial at this look."""

    CONTINUE = "continue"
    """Go on: gather evidence, or on to the next step where this one has passed."""
    PROMOTE = "promote"
    """The last step has passed: the candidate becomes stable."""
    ROLLBACK = "rollback"
    HOLD = "hold"
    """Wait for a person."""


def outcome(spec: Spec, measured: Measured, number: int, weight: int, budget: Budget | None = None) -> Outcome:
    """Return what the evidence asks for at step `number` (from 1) with the candidate at `weight` percent.

    A service that burns its error budget too fast goes no further, and before the first step a spent one does not
    begin; neither takes anything back.
    """
    if measured.verdict is Verdict.FAIL:
        return Outcome.HOLD if is_only_told(spec, measured) else Outcome.ROLLBACK
    if is_silent(measured, weight):
        return Outcome.HOLD
    if budget is not None and (budget.burns or (budget.spent and number < 1)):
        return Outcome.HOLD
    if weight == 0 or not 1 <= number <= len(spec.steps):
        return Outcome.CONTINUE
    if is_inconclusive(spec, measured):
        rolls_back = spec.on_inconclusive is OnInconclusive.ROLLBACK and not spec.dry_run
        return Outcome.ROLLBACK if rolls_back else Outcome.HOLD
    step = spec.steps[number - 1]
    if missing(step, measured):
        return Outcome.CONTINUE
    if step.pause or spec.dry_run:
        return Outcome.HOLD
    return Outcome.PROMOTE if number == len(spec.steps) else Outcome.CONTINUE


def is_only_told(spec: Spec, measured: Measured) -> bool:
    """True when a Fail takes nothing back: a dry run, or only SLIs with `onFail: hold` are to blame."""
    return spec.dry_run or measured.hold_only


def is_silent(measured: Measured, weight: int) -> bool:
    """True when the candidate should have had requests by its weight, and none was counted: they hang."""
    return weight not in (0, 100) and measured.silent >= SILENT_REQUESTS


def is_inconclusive(spec: Spec, measured: Measured) -> bool:
    """True when `maxHold` is used up without an answer. Missing evidence is not inconclusive evidence."""
    return measured.verdict is Verdict.NOT_ENOUGH and measured.held >= spec.max_hold


def is_crashing(candidate_failures: int, *, stable_fails: bool) -> bool:
    """True when the candidate's containers end with errors and stable's do not, both since the attempt began."""
    return candidate_failures >= CONTAINER_FAILURES and not stable_fails


def missing(step: Step, measured: Measured) -> tuple[str, ...]:
    """Return what the step still waits for, in words; empty: it has passed."""
    waits = []
    if measured.verdict is not Verdict.PASS:
        waits.append(measured.outlook or "evidence")
    if measured.held < step.hold:
        waits.append(f"{step.hold - measured.held:.0f} s more of covered time")
    if measured.requests < step.min_requests:
        waits.append(f"{step.min_requests - measured.requests:.0f} more requests (minRequests)")
    return tuple(waits)
