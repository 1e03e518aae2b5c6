"""What people are told of the time that the next step takes, and the whole rollout: once for each step, before it.

plan = with_forecast(situation, plan)      # `progress.forecast` holds it, until the next step's takes its place
"""

from dataclasses import replace
from math import inf

from serinus.core.findings import duration, rounded
from serinus.core.forecast import Foreseen, Luck
from serinus.core.history import ENOUGH_HOURS
from serinus.core.model import Forecast, OnInconclusive, Progress, Spec
from serinus.core.plan import Plan
from serinus.core.situation import Situation

WITHIN = "WithinMaxHold"
TOO_SHORT = "MaxHoldTooShort"
NO_TRAFFIC = "NoTraffic"
PODS_DIFFER = "PodsDiffer"
LESS_BY_FAR = 0.8
"""Noise that is measured on the way is mentioned where it may shorten the rollout to this part of it."""


def with_forecast(s: Situation, plan: Plan) -> Plan:
    """The plan with what is to be said of the step that it prepares or has begun, where that was not said yet."""
    progress = plan.progress
    if not progress.candidate:
        return plan
    target = progress.heading or progress.step or 1
    if current(progress, target) is None:
        ahead = [one for one in s.measured.foreseen if one.step >= target]
        if not ahead or ahead[0].step != target or s.measured.attempt != progress.attempt:
            return plan
        plan = replace(plan, progress=replace(progress, forecast=_forecast(s, progress, ahead)))
    told = current(plan.progress, target)
    if told is not None and told.reason != WITHIN and progress.heading == target:
        plan = replace(plan, sentence=f"{plan.sentence} {told.sentence}")
    return plan


def current(progress: Progress, step: int) -> Forecast | None:
    """What was said of that step of the present attempt; None: nothing."""
    told = progress.forecast
    return told if told is not None and (told.attempt, told.step) == (progress.attempt, step) else None


def in_short(progress: Progress, step: int) -> str:
    """What was said of a step that begins now, as an addition to its sentence; empty where nothing was."""
    told = current(progress, step)
    if told is None:
        return ""
    if told.reason != WITHIN or told.seconds is None:
        return f" {told.sentence}"
    shortens = told.rollout is not None and told.soonest is not None and told.soonest < LESS_BY_FAR * told.rollout
    return f" {'At most about' if shortens else 'About'} {duration(told.seconds)} if it is as good as stable."


def obstacle(spec: Spec, one: Foreseen) -> str:
    """Why this step cannot conclude, and what else could be written; empty where it can."""
    reason = _reason(spec, one)
    if reason == PODS_DIFFER and one.luck is not None:
        return _pods_differ(spec, one, one.luck)
    return "" if reason == WITHIN else (_too_short if reason == TOO_SHORT else _no_traffic)(spec, one)


def _reason(spec: Spec, one: Foreseen) -> str:
    if one.luck is not None and (one.luck.never or one.evidence <= spec.max_hold):
        return PODS_DIFFER
    return WITHIN if one.evidence <= spec.max_hold else TOO_SHORT if one.rate > 0 or one.pods else NO_TRAFFIC


def _forecast(s: Situation, progress: Progress, ahead: list[Foreseen]) -> Forecast:
    one, spec = ahead[0], s.spec
    rollout, soonest = sum(each.seconds for each in ahead), sum(each.soonest for each in ahead)
    return Forecast(
        attempt=progress.attempt,
        step=one.step,
        seconds=_finite(one.seconds),
        rollout=_finite(rollout),
        soonest=_finite(soonest),
        sli=one.sli,
        reason=_reason(spec, one),
        sentence=obstacle(spec, one) or _time(spec, ahead),
    )


def _finite(seconds: float) -> float | None:
    return None if seconds == inf else round(seconds)


def _step(spec: Spec, one: Foreseen) -> str:
    return f"step {one.step} ({spec.steps[one.step - 1].weight} %)"


def _time(spec: Spec, ahead: list[Foreseen]) -> str:
    one, rollout = ahead[0], sum(each.seconds for each in ahead)
    soonest = sum(each.soonest for each in ahead)
    at = "" if one.pods else f" at {one.rate:.3g} requests/s"
    told = f"If it is as good as stable, {_step(spec, one)} takes about {duration(one.seconds)}{at} ({_why(spec, one)})"
    if len(ahead) > 1:
        stuck = next((each for each in ahead if each.evidence > spec.max_hold), None)
        lottery = next((each for each in ahead if each.luck is not None), None)
        all_of_them = f"all {len(ahead)} steps about {duration(rollout)}"
        if stuck is not None:
            all_of_them = f"{_step(spec, stuck)} cannot conclude within maxHold ({duration(spec.max_hold)})"
        elif lottery is not None:
            all_of_them += f", but {_step(spec, lottery)} may never conclude, because pods differ"
        told += f", and {all_of_them}"
    return f"{told}.{_assumed(ahead, rollout, soonest)}"


def _why(spec: Spec, one: Foreseen) -> str:
    step = spec.steps[one.step - 1]
    if one.evidence < step.hold:
        return f"its hold; the evidence about {duration(one.evidence)}, for {one.sli}"
    if one.pods:
        return f"{one.sli} takes longest: it counts events, and {_pods(one.pods)} so little time to have none in"
    return f"about {rounded(one.requests)} requests to the candidate; {one.sli} takes longest"


def _pods(pods: int) -> str:
    return "one pod has" if pods == 1 else f"{pods} pods have"


def _assumed(ahead: list[Foreseen], rollout: float, soonest: float) -> str:
    if not any(one.assumed for one in ahead):
        return ""
    told = " Stable's noise is assumed, which makes this slow"
    if soonest < LESS_BY_FAR * rollout:
        told += f"; it is measured once {ENOUGH_HOURS:.0f} pod-hours of stable are there, and then it may be"
        told += f" {duration(soonest)}"
    return f"{told}."


def _too_short(spec: Spec, one: Foreseen) -> str:
    needed = f"needs about {duration(one.evidence)}" if one.evidence < inf else "needs more than there is to learn"
    after = "waits for a person" if spec.on_inconclusive is OnInconclusive.HOLD else "is taken back"
    soon = ", with noise that is only assumed so far" if one.assumed else ""
    if one.pods:
        with_pods = "one pod" if one.pods == 1 else f"{one.pods} pods"
        return (
            f"{_step(spec, one).capitalize()} cannot conclude within maxHold ({duration(spec.max_hold)}): {one.sli}"
            f" counts events and {needed} with {with_pods} of the candidate{soon}. It then {after} (onInconclusive):"
            f" write a longer analysis.maxHold, more weight for this step, or a larger perPodHour of {one.sli}, half of"
            " which is allowed on top."
        )
    return (
        f"{_step(spec, one).capitalize()} cannot conclude within maxHold ({duration(spec.max_hold)}): {one.sli}"
        f" {needed} at {one.rate:.3g} requests/s{soon}. It then {after} (onInconclusive): write a longer"
        f" analysis.maxHold, more weight for this step, or a looser objective of {one.sli}, half of whose budget is"
        " allowed on top."
    )


def _pods_differ(spec: Spec, one: Foreseen, luck: Luck) -> str:
    of_few = "one of the candidate" if luck.pods == 1 else f"{luck.pods} of the candidate"
    after = "waits for a person" if spec.on_inconclusive is OnInconclusive.HOLD else "is taken back"
    told = f"{_step(spec, one).capitalize()} cannot conclude, however long it takes"
    if not luck.never:
        told = (
            f"{_step(spec, one).capitalize()} takes about {duration(one.seconds)} if it is as good as stable, but never"
            " concludes if its few pods happen to be worse than usual"
        )
    ratio = f" or write an allowedRatio of {luck.allowed:g} or more for {luck.sli}," if luck.allowed is not None else ""
    return (
        f"{told}: the pods of this workload differ so much that {of_few} may look {luck.times:.2g} times better than"
        f" the model is, for {luck.sli}. It then {after} (onInconclusive): give the candidate more pods (a larger"
        f" workload.replicas, or more weight for this step),{ratio} or write a looser objective of {luck.sli}."
    )


def _no_traffic(spec: Spec, one: Foreseen) -> str:
    return (
        f"{_step(spec, one).capitalize()} cannot conclude: no requests of stable were counted for {one.sli} in the last"
        " 10 min. Send it traffic, or look at the scrape of its pods."
    )
