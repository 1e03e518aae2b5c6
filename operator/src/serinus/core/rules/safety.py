"""Rules that take traffic back or refuse to move. They come before anything that a person or progress asks for."""

from dataclasses import replace

from serinus.core.evidence import Verdict
from serinus.core.model import Cause, OnInconclusive, Phase
from serinus.core.outcome import is_crashing, is_inconclusive, is_only_told, is_silent
from serinus.core.plan import Plan
from serinus.core.rules.budget import blamed
from serinus.core.situation import RECHECK_SECONDS, Situation

REASSERTIONS_PER_STEP = 3
READINESS_LOSSES = 3
FUTURE_SECONDS = 30.0
"""An entry may be so much later than now: clocks of two machines differ a little."""


def spec_cannot_be_followed(s: Situation) -> Plan | None:
    """What the schema could not refuse: traffic stays where it is, and the sentence says what to write."""
    if not s.observed.spec_problems:
        return None
    return s.stay("InvalidSpec", " ".join(s.observed.spec_problems), phase=Phase.INVALID)


def failing_candidate_is_taken_back(s: Situation) -> Plan | None:
    """A Fail from the evidence. Once patched it is latched in the journal."""
    if not s.trial or s.selected or s.measured.verdict is not Verdict.FAIL:
        return None
    if is_only_told(s.spec, s.measured):
        if s.progress.paused or s.progress.overruled or s.progress.gate_passed >= s.progress.step:
            return None
        why = "this is a dry run" if s.spec.dry_run else "the SLI says onFail: hold"
        sentence = f"{s.measured.sentence} Not rolled back, because {why}; waiting for a person."
        return s.shift("FailedHold", sentence, s.entry(Cause.PAUSE, sentence=sentence, weight=s.weight))
    sentence = f"Rolled back at {s.weight} %: {s.measured.sentence}{blamed(s)}"
    return s.shift("AnalysisFailed", sentence, s.entry(Cause.ROLLBACK, sentence=sentence, weight=0))


def crashing_candidate_is_taken_back(s: Situation) -> Plan | None:
    """Three container failures of the candidate while stable has none, both since the attempt began."""
    candidate, stable, began = s.candidate, s.stable, s.progress.began
    if candidate is None or s.selected:
        return None
    failed = [pod for pod in candidate.pods if pod.failed_at is not None and pod.failed_at >= began]
    failures = sum(pod.restarts for pod in failed)
    stable_fails = stable is not None and any((pod.failed_at or 0.0) >= began for pod in stable.pods)
    if not is_crashing(failures, stable_fails=stable_fails):
        return None
    words = next((pod.waiting for pod in failed if pod.waiting), "its containers end with errors")
    who = s.progress.candidate
    sentence = f"Rolled back: candidate {who} failed {failures} times while stable had no failure: {words}"
    return s.shift("CandidateCrashes", sentence, s.entry(Cause.ROLLBACK, sentence=sentence, weight=0))


def late_candidate_is_taken_back(s: Situation) -> Plan | None:
    """A deadline passed: pods that cannot be scheduled or do not get ready. Waiting for capacity has no deadline."""
    if s.candidate is None or s.selected:
        return None
    for pod in s.candidate.pods:
        limit = s.spec.deadlines.schedule if pod.waiting_reason == "Unschedulable" else s.spec.deadlines.ready
        since = max(pod.created_at, pod.unready_since or 0.0, s.progress.began)
        if pod.ready_since is None and s.now >= since + limit:
            sentence = f"Rolled back: pod {pod.name} was not ready after {limit:.0f} s: {pod.waiting or 'not ready'}"
            return s.shift("DeadlineExceeded", sentence, s.entry(Cause.ROLLBACK, sentence=sentence, weight=0))
    return None


def overloaded_candidate_is_taken_back(s: Situation) -> Plan | None:
    """For the third time its pods stop being ready under the weight that they were given, and stable's do not.

    Pods that are deleted, and new ones that are not ready yet, are the cluster's doing and are not counted.
    """
    if not s.trial or s.selected or s.weight <= s.carried or not _stopped_being_ready(s):
        return None
    if s.stable is None or s.progress.unready + 1 < READINESS_LOSSES:
        return None
    sentence = (
        f"Rolled back at {s.weight} %: for the third time its pods stopped being ready with traffic ({s.ready} of "
        f"{s.needed} are ready), while all {s.stable.ready} pods of stable stayed ready."
    )
    return s.shift("CandidateOverloaded", sentence, s.entry(Cause.ROLLBACK, sentence=sentence, weight=0))


def weight_follows_ready_pods_down(s: Situation) -> Plan | None:
    """The candidate's weight never exceeds its ready capacity: floor(100 x ready / N)."""
    if not s.trial or s.selected or s.weight <= s.carried:
        return None
    cause = Cause.UNREADY if _stopped_being_ready(s) else Cause.LIMIT
    sentence = f"Lowered from {s.weight} % to {s.carried} %: {s.ready} of {s.needed} candidate pods are ready."
    return s.shift("CapacityLost", sentence, s.entry(cause, sentence=sentence, weight=s.carried))


def share_by_pods_is_recorded(s: Situation) -> Plan | None:
    """Where pods share evenly every pod that comes or goes changes the share: evidence is labelled by what is given.

    A pod of a third revision would get requests too, so then stable gets everything until it is gone. A selector that
    someone else wrote is another rule's: recording a share would write over it at once.
    """
    if not s.spec.traffic.by_pods or not s.trial or s.selected or s.weight in (0, 100) or s.given == s.weight:
        return None
    route = s.observed.route
    foreign = route is not None and (bool(route.strayed) or any(weight != s.weight for weight in route.weights))
    if foreign and not s.others:
        return None
    sentence = f"{s.given} % instead of {s.weight} %: {s.ready} of {s.ready + s.beside} ready pods are the candidate's."
    if s.others:
        sentence = f"Lowered from {s.weight} % to 0 %: pods of {', '.join(s.others)} are there and would get requests."
    return s.shift("ShareByPods", sentence, s.entry(Cause.SHARE, sentence=sentence, weight=s.given))


def _stopped_being_ready(s: Situation) -> bool:
    """A candidate pod that was there when the weight was set has stopped being ready since, and no pod of stable.

    A pod of stable that was made later excuses nobody while it loads, as long as the others are a whole revision.
    """
    if s.stable is None or s.stable.ready < min(s.stable.replicas, s.whole):
        return False
    since = s.progress.split.at if s.progress.split else s.now
    if any(pod.ready_since is None and pod.created_at < since for pod in s.stable.pods):
        return False
    pods = s.candidate.pods if s.candidate else ()
    return any(pod.created_at < since <= (pod.unready_since or 0.0) for pod in pods)


def silent_candidate_gets_no_traffic(s: Situation) -> Plan | None:
    """It should have had requests by its weight, and none was counted: they hang. No verdict, so no rollback."""
    if not s.trial or s.selected or s.progress.paused or not is_silent(s.measured, s.weight):
        return None
    clients = ", or clients keep their connections to other pods" if s.spec.traffic.by_pods else ""
    sentence = (
        f"Candidate silent: about {s.measured.silent:.0f} requests were due at {s.weight} % and none was counted: "
        f"they hang, or its metrics are not scraped{clients}. Weight set to 0; resume or abort."
    )
    return s.shift("CandidateSilent", sentence, s.entry(Cause.PAUSE, sentence=sentence, weight=0))


def entry_of_the_future_is_written_again(s: Situation) -> Plan | None:
    """The clock was set back since the last entry: what counts from its time on would wait for that time to come."""
    route, split = s.observed.route, s.progress.split
    if route is None or split is None or not s.writable or split.at <= s.now + FUTURE_SECONDS:
        return None
    if route.strayed or any(weight != split.weight for weight in route.weights):
        return None
    sentence = f"The clock was set back by {split.at - s.now:.0f} s since the last change of the split: dated anew."
    entry = s.entry(Cause.REASSERT, sentence=sentence, weight=split.weight, revision=split.revision, step=split.step)
    return s.shift("ClockSetBack", sentence, entry)


def foreign_weights_are_corrected(s: Situation) -> Plan | None:
    """Someone else wrote the weights. Above ours: back at once. Below: not in the tick that finds it, and after
    three corrections in one step not at all."""
    route, split = s.observed.route, s.progress.split
    if route is None or not route.listed or split is None:
        return None
    lost = route.record is None or route.record.seq < split.seq
    if not lost and not route.strayed and all(weight == split.weight for weight in route.weights):
        return None
    seen = "/".join(str(weight) for weight in sorted(set(route.weights)))
    below = max(route.weights) <= split.weight and any(weight != split.weight for weight in route.weights)
    since = s.progress.drift_since or s.now
    if below and s.progress.paused:
        return s.stay(
            "Drift",
            f"Paused, and someone else set the candidate's weight to {seen} % instead of {split.weight} %.",
            phase=Phase.PAUSED,
            next_action="a person's resume, promote or abort",
        )
    if below and s.now < since + s.spec.interval:
        return s.stay(
            "Drift",
            f"Someone else set the candidate's weight to {seen} % instead of {split.weight} %.",
            progress=replace(s.progress, drift_since=since),
            wake_at=since + s.spec.interval,
            next_action=f"set to {split.weight} % again in {since + s.spec.interval - s.now:.0f} s",
        )
    if s.trial and not s.selected and not s.progress.paused and s.progress.reasserted >= REASSERTIONS_PER_STEP:
        lowest = min(*route.weights, split.weight)
        sentence = (
            f"Paused: someone else wrote the weights {s.progress.reasserted + 1} times in this step. {route.remedy}, "
            "then resume."
        )
        return s.shift("RouteContested", sentence, s.entry(Cause.PAUSE, sentence=sentence, weight=lowest))
    sentence = f"Corrected the candidate's weight from {seen} % to {split.weight} %: someone else had written it."
    if route.strayed:
        sentence = f"Corrected to a weight of {split.weight} %: {route.strayed}, which someone else had written."
    entry = s.entry(Cause.REASSERT, sentence=sentence, weight=split.weight, revision=split.revision, step=split.step)
    return s.shift("DriftCorrected", sentence, entry)


def inconclusive_step_is_taken_back(s: Situation) -> Plan | None:
    """`onInconclusive: rollback` after `maxHold` of covered time. Missing evidence is not inconclusive evidence."""
    if s.step is None or s.progress.paused or s.spec.on_inconclusive is not OnInconclusive.ROLLBACK or s.spec.dry_run:
        return None
    if s.progress.gate_passed >= s.progress.step:
        return None
    if not is_inconclusive(s.spec, s.measured) or s.weight == 0:
        return None
    sentence = (
        f"Rolled back: no answer after {s.measured.held:.0f} s at {s.weight} %, and onInconclusive says rollback: "
        f"{s.measured.sentence}"
    )
    return s.shift("Inconclusive", sentence, s.entry(Cause.ROLLBACK, sentence=sentence, weight=0))


def rival_is_named(s: Situation) -> Plan | None:
    """Two rollouts on one route: the second writes nothing."""
    if not s.observed.rival:
        return None
    return s.stay("Conflict", s.observed.rival, wake_at=s.now + RECHECK_SECONDS)


def conflicts_are_named(s: Situation) -> Plan | None:
    """Objects with our names that belong to someone else are never touched."""
    if not s.observed.conflicts:
        return None
    return s.stay("Conflict", " ".join(s.observed.conflicts), wake_at=s.now + RECHECK_SECONDS)
