"""How a trial moves forward: pods before traffic, evidence before more traffic, promotion at the end."""

from dataclasses import replace

from serinus.core import replicas
from serinus.core.evidence import Verdict
from serinus.core.foretelling import in_short
from serinus.core.model import Cause, Phase
from serinus.core.observed import Deployed
from serinus.core.outcome import is_inconclusive, missing
from serinus.core.plan import Plan, SelectRevision
from serinus.core.rules import baseline
from serinus.core.situation import RECHECK_SECONDS, SETTLE_SECONDS, Situation

SHARE_TOLERANCE = 5.0
"""Percentage points by which the measured share may differ from 100 before the stable Service's selector moves."""


def promotion_moves_forward(s: Situation) -> Plan | None:
    """100 settled -> the stable Service selects the candidate -> its endpoints ready -> 100/0."""
    if not s.trial or not (s.selected or s.progress.step == s.last):
        return None
    revision = s.progress.candidate
    if not s.selected:
        return _select(s, revision) if s.weight == 100 else None
    since = s.progress.selected_at or s.now
    progress = replace(s.progress, selected_at=since)
    if s.observed.stable_endpoints < max(1, s.ready) or s.now < since + SETTLE_SECONDS:
        return s.stay(
            "Promoting",
            f"Promoting {revision}: {s.spec.name}-stable selects it, {s.observed.stable_endpoints} endpoints ready.",
            phase=Phase.PROMOTING,
            progress=progress,
            wake_at=max(s.now + 0.5, since + SETTLE_SECONDS),
        )
    sentence = f"Promoted {revision}: it is stable with {s.observed.stable_endpoints} ready endpoints."
    return s.shift("Promoted", sentence, s.entry(Cause.FINISH, sentence=sentence, weight=0, step=0))


def _select(s: Situation, revision: str) -> Plan:
    share = s.measured.share
    split = s.progress.split
    fresh = split is not None and (s.measured.last_look or 0.0) >= split.at + SETTLE_SECONDS + s.spec.interval
    if not s.settled:
        return s.stay(
            "Promoting",
            f"Promoting {revision}: waiting until the gateway sends it everything.",
            phase=Phase.PROMOTING,
            wake_at=s.now + 1.0,
        )
    # Without a router an open connection stays with its pod, which answers it until it goes: that is no disagreement.
    if fresh and share is not None and share < 100 - SHARE_TOLERANCE and not s.spec.traffic.by_pods:
        return s.stay(
            "ShareDisagrees",
            f"Promoting {revision}: the route says 100 % and {share:.0f} % of requests were measured there.",
            phase=Phase.PROMOTING,
            wake_at=s.next_look,
        )
    return s.stay(
        "Promoting",
        f"Promoting {revision}: all traffic is on it, {s.spec.name}-stable will select it.",
        phase=Phase.PROMOTING,
        actions=(SelectRevision(service="stable", revision=revision),),
        wake_at=s.now,
    )


def candidate_pods_come_before_traffic(s: Situation) -> Plan | None:
    """Ready pods for the next weight first: capacity, scheduling, image, start, warm-up, each in its own words."""
    target = s.target
    if target is None:
        return None
    revision, weight = s.progress.candidate, s.weight_of(target)
    progress = replace(s.progress, heading=target)
    needed = s.pods_of(target)
    step = f"step {target} ({weight} %)" if target < s.last else "promotion (100 %)"
    wait = _others_go(s, target, needed) or _wait(s, needed) or baseline.wait(s, target)
    if wait is not None:
        reason, words = wait
        return s.stay(
            reason,
            f"Candidate {revision}, before {step}: {words}",
            phase=Phase.PREPARING,
            progress=progress,
            next_action=f"{step} when {_pods_are(needed, reason)}",
            wake_at=_first_wake(s),
        )
    if s.observed.candidate_selector != revision:
        return _select_candidate(s, revision, step, target)
    if s.ready < needed:
        return s.stay(
            "WaitingForEndpoints",
            f"Candidate {revision}, before {step}: {s.observed.candidate_endpoints} of {needed} endpoints are ready.",
            phase=Phase.PREPARING,
            progress=progress,
            wake_at=s.now + 1.0,
        )
    if target == s.last:
        sentence = f"All steps passed: {revision} gets 100 % before it becomes stable."
        if s.progress.gate_passed >= len(s.spec.steps):
            sentence = f"{revision} gets 100 % before it becomes stable, without evidence: {_why_no_evidence(s)}"
        return s.shift("Promoting", sentence, s.entry(Cause.PROMOTE, sentence=sentence, weight=100, step=target))
    weight = s.given if s.spec.traffic.by_pods else weight
    sentence = f"Step {target} of {len(s.spec.steps)}: {revision} gets {weight} % on {s.ready} ready pods."
    if s.spec.traffic.by_pods:
        sentence = f"{sentence} {_asked(s, target)}"
    sentence += in_short(s.progress, target)
    return s.shift("StepStarted", sentence, s.entry(Cause.STEP, sentence=sentence, weight=weight, step=target))


def _pods_are(needed: int, reason: str) -> str:
    """What the next step waits for: room first, where there is none."""
    pods = "1 candidate pod" if needed == 1 else f"{needed} candidate pods"
    if reason == "InsufficientCapacity":
        return f"there is room for {pods}"
    return f"{pods} {'is' if needed == 1 else 'are'} ready"


def _asked(s: Situation, target: int) -> str:
    """What became of the weight that was asked for, where a share is a number of pods."""
    pods, before = s.pods_of(target), s.pods_of(target - 1)
    same = f", as at step {target - 1}" if pods == before else ""
    return f"{s.asked_of(target)} % is asked: {pods} of {s.whole + pods} pods come nearest to it{same}."


def _others_go(s: Situation, target: int, needed: int) -> tuple[str, str] | None:
    """Where pods share evenly the Service selects those of both revisions by what all pods of the rollout have: none of
    a third revision may be there, nor more of the candidate than its step asks for."""
    if not s.spec.traffic.by_pods or target == s.last or s.weight:
        return None
    if s.others:
        names = ", ".join(s.others)
        return "OldPods", f"the pods of {names} go first: without a router they would get requests too."
    present = len(s.candidate.pods) if s.candidate else 0
    if present > needed:
        return "TooManyPods", f"{present} pods are there and {needed} give its share; the others go first."
    return None


def _why_no_evidence(s: Situation) -> str:
    approvals = (one.sentence for one in s.progress.decisions if one.cause in (Cause.APPROVE, Cause.START))
    return next(approvals, "a person let it past all steps.")


def _first_wake(s: Situation) -> float:
    """Look again at the next look while evidence is gathered, else when something that no event tells may be over."""
    recheck = s.now + RECHECK_SECONDS
    warm = [
        pod.ready_since + s.spec.warm_up_seconds
        for pod in (*(s.candidate.pods if s.candidate else ()), *s.fresh)
        if pod.ready_since is not None and pod.ready_since + s.spec.warm_up_seconds > s.now
    ]
    looks = [s.next_look] if s.step is not None and s.weight else []
    return min([recheck, *warm, *looks])


def _wait(s: Situation, needed: int) -> tuple[str, str] | None:
    """(reason, words) for what the pods wait for; None: enough of them are ready and warm."""
    deployed = s.candidate
    present = deployed.replicas if deployed else 0
    capacity = s.observed.capacity
    missing = (s.whole if s.progress.step == 0 else needed) - present + replicas.missing_fresh(s, s.progress)
    if capacity is not None and present < needed and missing > capacity.free:
        return "InsufficientCapacity", capacity.shortage(missing)
    if deployed is None:
        return "CreatingPods", f"creating {needed} pods."
    if deployed.autoscaler:
        return "AutoscalerRefused", f"{deployed.autoscaler} scales the revision's Deployment; remove it."
    warm = [pod for pod in deployed.pods if s.is_warm(pod)]
    if len(warm) >= needed and deployed.ready >= needed:
        return None
    return _slowest(s, deployed, needed, len(warm))


def _slowest(s: Situation, deployed: Deployed, needed: int, warm: int) -> tuple[str, str]:
    waiting = next((pod for pod in deployed.pods if pod.waiting), None)
    if waiting is not None:
        return waiting.waiting_reason or "PodsNotReady", f"{deployed.ready} of {needed} pods ready; {waiting.waiting}"
    if deployed.ready >= needed:
        return "WarmingUp", f"{warm} of {needed} pods are past the warm-up of {s.spec.warm_up_seconds:.0f} s."
    return "StartingPods", f"{deployed.ready} of {needed} pods are ready."


def _select_candidate(s: Situation, revision: str, step: str, target: int) -> Plan:
    """The candidate Service may only move while it gets nothing."""
    if s.weight != 0 or not s.settled:
        return s.stay(
            "WaitingForRoute",
            f"Candidate {revision}, before {step}: waiting until the gateway sends the candidate Service nothing.",
            phase=Phase.PREPARING,
            progress=replace(s.progress, heading=target),
            wake_at=s.now + 1.0,
        )
    return s.stay(
        "SelectingCandidate",
        f"Candidate {revision}, before {step}: {s.spec.name}-candidate will select it.",
        phase=Phase.PREPARING,
        progress=replace(s.progress, heading=target),
        actions=(SelectRevision(service="candidate", revision=revision),),
        wake_at=s.now + 0.5,
    )


def evidence_decides_the_step(s: Situation) -> Plan | None:
    """Forward on Pass after the hold and enough requests, or past a gate that a person opened; else wait, and why."""
    step = s.step
    if step is None or not s.trial or s.selected:
        return None
    number, total = s.progress.step, len(s.spec.steps)
    where = f"Step {number} of {total} at {step.weight} %"
    if s.spec.traffic.by_pods:
        where = (
            f"Step {number} of {total} at {s.weight} % ({step.weight} % asked, {s.ready} of {s.ready + s.beside} pods)"
        )
    if s.spec.standards.fresh_baseline:
        where = f"{where}, beside {baseline.words(sum(pod.ready_since is not None for pod in s.fresh))}"
    measured = s.measured
    if s.progress.gate_passed >= number:
        return _ahead(s, f"{where} passed by a person.")
    waits = missing(step, measured)
    if not waits and (step.pause or s.spec.dry_run):
        return s.stay(
            "WaitingForApproval",
            f"{where} passed the analysis and waits for a person: {measured.sentence}",
            phase=Phase.PAUSED,
            next_action="a person's promote or abort",
            wake_at=s.next_look,
        )
    if not waits:
        return _ahead(s, f"{where} passed: {measured.sentence}")
    reason = {
        Verdict.NO_DATA: "NoData",
        Verdict.PROVIDER_DOWN: "ProviderDown",
        Verdict.NOT_ENOUGH: "Inconclusive" if is_inconclusive(s.spec, measured) else "NotEnough",
    }.get(measured.verdict, "Holding")
    return s.stay(
        reason,
        f"{where}: {measured.sentence}",
        phase=Phase.ANALYZING,
        next_action="; ".join(waits),
        wake_at=s.next_look,
    )


def _ahead(s: Situation, sentence: str) -> Plan:
    """The next step's pods first; its weight follows when they are ready."""
    heading = s.progress.step + 1
    return s.stay(
        "StepPassed",
        sentence,
        phase=Phase.PREPARING,
        progress=replace(s.progress, heading=heading),
        next_action=f"pods for {s.weight_of(heading)} %",
        wake_at=s.now,
    )
