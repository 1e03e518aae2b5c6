"""What the service's error budget holds up: a start, and a trial's way forward. It takes nothing back and promotes
nothing: a candidate that burns the budget by itself fails its SLI, and is taken back for that (`safety.py`).
"""

from dataclasses import replace

from serinus.core.budget import Budget, burn_words, long_words, percent, window_words
from serinus.core.evidence import Verdict
from serinus.core.model import Phase
from serinus.core.plan import Plan
from serinus.core.situation import RECHECK_SECONDS, Situation


def start_waits_for_the_budget(s: Situation) -> Plan | None:
    """Nothing starts while the budget is spent, burns too fast or is not known. A return to what was stable does."""
    waits = held_up(s)
    if waits is None:
        return None
    reason, why = waits
    return s.stay(
        reason,
        f"Candidate {s.observed.wanted} does not start: {why} To start it anyway: kubectl annotate mro {s.spec.name} "
        f"-n {s.spec.namespace} --overwrite serinus.dev/intent=retry@TOKEN",
        phase=Phase.PAUSED,
        next_action="the error budget, or a person's retry",
        wake_at=s.now + RECHECK_SECONDS,
    )


def burning_service_holds_the_trial(s: Situation) -> Plan | None:
    """No step forward while the service burns its budget too fast, whoever causes it. It goes on by itself."""
    asked, budget = s.spec.error_budget, s.observed.budget
    if asked is None or budget is None or not s.trial or s.selected or not budget.burns:
        return None
    # What a person let past its step, or was stable before, goes on.
    if s.progress.over_budget or s.progress.gate_passed >= max(1, min(s.progress.step, len(s.spec.steps))):
        return None
    return s.stay(
        "BudgetBurning",
        f"Held at {s.weight} %: {burning(budget)}{_caused(budget)} It goes on at {burn_words(asked.burn)} or less.",
        phase=Phase.PAUSED,
        progress=replace(s.progress, heading=0),
        next_action=f"a burn of {burn_words(asked.burn)} or less, or a person's resume, promote or abort",
        wake_at=s.next_look if s.step else s.now + RECHECK_SECONDS,
    )


def held_up(s: Situation) -> tuple[str, str] | None:
    """Why the wanted revision may not start now, as reason and sentence; None where it may, or none is to start."""
    if s.trial or not s.progress.stable or s.observed.wanted in ("", s.progress.stable) or s.returns:
        return None
    return forbids(s)


def forbids(s: Situation) -> tuple[str, str] | None:
    """Why no trial may start now, as reason and sentence."""
    asked, budget = s.spec.error_budget, s.observed.budget
    if asked is None:
        return None
    if budget is None:
        return "BudgetUnknown", f"{asked.words} is not read yet."
    if budget.problem:
        return "BudgetUnknown", f"{asked.words} is not known. {budget.problem}"
    if budget.spent:
        return "BudgetSpent", spent(budget)
    if budget.burns:
        return "BudgetBurning", burning(budget)
    return None


def spent(budget: Budget) -> str:
    """That nothing is left, what was spent, and when some is expected back, as sentences."""
    allowed = budget.asked.allowed * budget.count.total
    back = "It comes back when what failed leaves the window"
    if budget.back_in is not None:
        when = f", in about {long_words(budget.back_in)}."
    elif budget.burn is not None and budget.burn >= 1:
        when = f", and not while it burns at {burn_words(budget.burn)}."
    else:
        when = "."
    return (
        f"{budget.asked.words} is spent: {budget.count.bad:,.0f} requests failed, {allowed:,.0f} may, "
        f"{percent(round(budget.remaining or 0.0, 2))} is left. {back}{when}"
    )


def burning(budget: Budget) -> str:
    """How fast the service burns its budget, and when nothing will be left, as a sentence."""
    pace = budget.pace
    if pace is None:
        return ""
    over = f"over {window_words(pace.pair.long)} and {window_words(pace.pair.short)}"
    left = budget.spent_in
    end = f", and is spent in about {long_words(left)} at this pace." if left is not None else "."
    return f"{budget.asked.words} burns at {burn_words(pace.burn)} {over}{end}"


def blamed(s: Situation) -> str:
    """For a rollback: how fast the candidate alone burns the budget, as a sentence to add; empty where it is another
    SLI that failed."""
    asked = s.spec.error_budget
    if asked is None:
        return ""
    own = next((one for one in s.measured.findings if one.sli == asked.sli and one.verdict is Verdict.FAIL), None)
    if own is None or own.candidate is None or own.candidate <= asked.allowed:
        return ""
    return f" The candidate alone burns {asked.words} at {burn_words(own.candidate / asked.allowed)}."


def _caused(budget: Budget) -> str:
    return "" if budget.caused is None else f" The candidate causes {percent(round(budget.caused, 2))} of that."
