"""How a rollout begins and rests: the first revision, adoption, a new trial, and nothing to do."""

from serinus.core.model import Cause, Phase
from serinus.core.plan import Plan
from serinus.core.situation import RECHECK_SECONDS, Situation


def missing_source_is_named(s: Situation) -> Plan | None:
    """Without a source there is nothing new to want; what runs goes on."""
    if s.observed.source is not None:
        return None
    return s.stay("SourceMissing", s.observed.source_problem, wake_at=s.now + RECHECK_SECONDS)


def first_revision_becomes_stable(s: Situation) -> Plan | None:
    """No evidence is asked for: there is no second arm. A stable Service that exists says who was stable before."""
    if s.progress.stable or s.trial:
        return None
    first = s.first
    deployed = s.observed.revision(first)
    route = s.observed.route
    if s.writable and route is not None and any(route.weights):
        sentence = f"The candidate's weight is set to 0: nothing is on trial, and {first} is to be stable."
        entry = s.entry(Cause.REASSERT, sentence=sentence, weight=0, step=0, revision=first)
        return s.shift("NothingOnTrial", sentence, entry)
    if s.observed.stable_selector != first or deployed is None or s.observed.stable_endpoints < s.whole:
        waiting = next((pod.waiting for pod in deployed.pods if pod.waiting), "") if deployed else _short_of_room(s)
        sentence = f"First revision {first}: {s.observed.stable_endpoints} of {s.whole} pods take traffic."
        return s.stay(
            "FirstRevision" if deployed or not waiting else "InsufficientCapacity",
            f"{sentence} {waiting}".strip(),
            phase=Phase.INITIALIZING,
            next_action="all pods of the first revision ready",
            wake_at=s.now + RECHECK_SECONDS,
        )
    if not s.writable:
        return _adopt(s)
    sentence = f"Revision {first} is stable: the first one, so without evidence."
    entry = s.entry(Cause.FINISH, sentence=sentence, weight=0, step=0, revision=first)
    return s.shift("FirstRevision", sentence, entry)


def _short_of_room(s: Situation) -> str:
    capacity = s.observed.capacity
    if capacity is None or capacity.free >= s.whole:
        return ""
    return capacity.shortage(s.whole)


def _adopt(s: Situation) -> Plan:
    route = s.observed.route
    if route is None:
        sentence = s.observed.route_problem
    else:
        sentence = (
            f"{route.kind} {route.name} does not send traffic to {s.spec.name}-stable and {s.spec.name}-candidate yet. "
            f"Write into its rule: {route.paste}"
        )
    return s.stay(
        "Adopting",
        sentence,
        phase=Phase.ADOPTING,
        next_action="the route to list both Services",
        wake_at=s.now + RECHECK_SECONDS,
    )


def route_problem_stops_progress(s: Situation) -> Plan | None:
    """The route is gone, does not list our Services or is not accepted: nothing can be proved through it."""
    route = s.observed.route
    if route is None:
        return s.stay("RouteMissing", s.observed.route_problem, wake_at=s.now + RECHECK_SECONDS)
    if not route.listed:
        return (
            _adopt(s)
            if not s.trial
            else s.stay(
                "RouteNotListed",
                f"{route.kind} {route.name} no longer lists both Services. Write into its rule: {route.paste}",
                wake_at=s.now + RECHECK_SECONDS,
            )
        )
    if route.problems:
        return s.stay("RouteProblem", " ".join(route.problems), next_action="the route to be corrected")
    if not route.accepted and s.trial:
        return s.stay(
            "RouteNotAccepted",
            f"{route.kind} {route.name} is not accepted: {route.not_accepted}",
            next_action="the gateway to accept the route",
            wake_at=s.now + RECHECK_SECONDS,
        )
    return None


def rejected_revision_is_not_tried_again(s: Situation) -> Plan | None:
    """Until it changes in meaning or someone says retry."""
    if s.trial:
        return None
    rejection = next((one for one in s.progress.rejected if one.revision == s.observed.wanted), None)
    if rejection is None or s.observed.wanted == s.progress.stable:
        return None
    return s.stay(
        {Cause.ABORT: "Aborted"}.get(rejection.cause, "RolledBack"),
        rejection.sentence,
        phase=Phase.ROLLED_BACK,
        next_action="a change of the source, or the intent retry",
    )


def nothing_new_is_healthy(s: Situation) -> Plan | None:
    """The source means what stable runs."""
    if s.trial or s.observed.wanted != s.progress.stable:
        return None
    ready = min(s.observed.stable_endpoints, s.whole)
    return s.stay(
        "Healthy",
        f"Revision {s.progress.stable} is stable with {ready} of {s.whole} pods ready.",
        phase=Phase.HEALTHY,
    )


def new_revision_starts_a_trial(s: Situation) -> Plan | None:
    """A former stable revision whose pods still run needs no second proof, within the rollback window."""
    wanted = s.observed.wanted
    if s.trial or not wanted:
        return None
    fresh = 0 if s.returns else s.fresh_gpus
    peak = s.peak_gpus - s.fresh_gpus + fresh
    if s.spec.max_extra_gpus is not None and peak > s.spec.max_extra_gpus:
        of_stable, or_none = f", {fresh} of them for fresh pods of stable", " or baseline: stable"
        return s.stay(
            "MaxExtraGPUsTooLow",
            f"Revision {wanted} needs {peak} extra GPUs before promotion{of_stable if fresh else ''}, and "
            f"workload.maxExtraGPUs allows {s.spec.max_extra_gpus}. Write maxExtraGPUs: {peak} or fewer replicas"
            f"{or_none if fresh else ''}.",
            phase=Phase.INVALID,
        )
    if s.returns:
        sentence = f"Return to {wanted}, which was stable before and still runs: no steps, no evidence asked for."
        steps = len(s.spec.steps)
        entry = s.entry(Cause.START, sentence=sentence, weight=0, step=steps, revision=wanted)
        return s.shift("Returned", sentence, entry)
    sentence = f"Candidate {wanted}: the source changed in meaning."
    return s.shift("NewRevision", sentence, s.entry(Cause.START, sentence=sentence, weight=0, step=0, revision=wanted))
