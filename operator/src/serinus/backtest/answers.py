"""What is said after a line: verdict, action and numbers, as plain JSON values."""

from dataclasses import replace
from typing import Any

from serinus.backtest import budgets
from serinus.backtest.memory import Counted, Failures
from serinus.core import judge, tracks, trial
from serinus.core.budget import Budget
from serinus.core.checks import margins
from serinus.core.evidence import Finding, Judgement, OnFail, Verdict
from serinus.core.judge import EvidenceState
from serinus.core.model import Shift, Spec
from serinus.core.observed import Measured
from serinus.core.outcome import Outcome, is_crashing, missing, outcome
from serinus.core.tracks import Track

ATTEMPT = 1
"""A session judges one attempt."""
NEW_WEIGHT = "NothingAtThisWeight"
"""Reason of NotEnough between a change of weight and the first look that is evidence."""
RESTARTS = "restarts"
"""What is blamed for a rollback that container failures ask for."""


def answer(
    spec: Spec,
    state: EvidenceState,
    measured: Measured,
    judgement: Judgement,
    *,
    at: float,
    now: Shift,
    counted: Counted,
    crashing: Failures,
    budget: Budget | None,
    ci: bool,
) -> dict[str, Any]:
    """The answer at `at`, while `now` is in force.

    `judgement`: what `state` says; `measured`: what of it the rules of the operator hear.
    """
    said, shown = measured.findings, state
    if state.looks and measured.since != now.at:
        # The numbers of safety are still those of another weight.
        shown = judge.restart_safe(state, now.step)
        said = tuple(_unmeasured(one) for one in judge.findings(shown))
    measured = measured.at(ATTEMPT, now.step, now.at)
    action = outcome(spec, measured, now.step, now.weight, budget)
    blame = judgement.blame if judgement.verdict is Verdict.FAIL else ()
    if is_crashing(sum(crashing.candidate.values()), stable_fails=crashing.stable_fails):
        action, blame = Outcome.ROLLBACK, (*blame, RESTARTS)
    return {
        "t": at,
        "verdict": measured.verdict.value,
        "action": action.value,
        "e": judgement.e,
        "threshold": judgement.threshold,
        "blame": list(blame),
        "step": now.step,
        **({"budget": budgets.plain(budget)} if budget is not None else {}),
        "slis": {
            track.sli.name: _sli(track, one, shown, now, counted, ci)
            for track, one in zip(shown.tracks, said, strict=True)
        },
    }


def passed(spec: Spec, measured: Measured, now: Shift) -> bool:
    """Return whether the step that is in force asks for nothing more."""
    if now.weight == 0 or not 1 <= now.step <= len(spec.steps):
        return False
    return not missing(spec.steps[now.step - 1], measured.at(ATTEMPT, now.step, now.at))


def _unmeasured(said: Finding) -> Finding:
    if said.verdict is Verdict.FAIL:
        return said
    return replace(said, verdict=Verdict.NOT_ENOUGH, reason=NEW_WEIGHT)


def heard(state: EvidenceState, judgement: Judgement, said: tuple[Finding, ...], now: Shift) -> Measured:
    """What the rules hear of evidence from increments; of that from raw samples `core/trial.py` says it."""
    return Measured(
        attempt=ATTEMPT,
        step=state.step,
        since=trial.since(state, now),
        verdict=judgement.verdict,
        findings=said,
        hold_only=judgement.verdict is Verdict.FAIL and judgement.on_fail is OnFail.HOLD,
        held=judgement.covered_seconds,
        requests=judgement.requests_candidate,
        silent=judgement.silent_requests,
    )


def _sli(track: Track, said: Finding, state: EvidenceState, now: Shift, counted: Counted, ci: bool) -> dict[str, Any]:
    sli, calibration, totals = track.sli, track.calibration, track.totals
    candidate, others = counted.candidate.get(sli.name, 0), counted.others.get(sli.name, 0)
    return {
        "verdict": said.verdict.value,
        "e_harm": said.e_harm,
        "e_safe": said.e_safe,
        "r_harm": max(sli.allowed_ratio, calibration.least_ratio),
        "r_safe": margins.step_ratio(sli, state.standards, now.step),
        **({"ratio": _ratio(said)} if ci else {}),
        "n": totals.n1 + totals.n0,
        "phi": calibration.phi,
        "ceiling": tracks.ceiling(track, len(state.tracks), state.standards),
        "pods": [candidate, others],
        "excluded": max(0, counted.listed - candidate - others),
        "reason": said.reason,
    }


def _ratio(said: Finding) -> list[float | None]:
    """Low, point and high of candidate over stable; None where nothing is known."""
    point = said.candidate / said.stable if said.candidate is not None and said.stable else None
    return [said.low, point, said.high]
