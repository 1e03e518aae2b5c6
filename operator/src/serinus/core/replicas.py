"""How many pods each revision has, and what the two role Services select while nothing special happens."""

from serinus.core.baseline import as_candidates, fresh_pods, shares_room
from serinus.core.model import Phase, Progress, Retirement, Spec
from serinus.core.observed import Measured, Observed
from serinus.core.plan import Action, DeleteRevision, EnsureRevision, EnsureRoute, FollowStable, SelectRevision
from serinus.core.situation import SETTLE_SECONDS, Situation

HISTORY_KEPT = 3
"""Deployments at 0 replicas that stay as history."""


def wanted_pods(s: Situation, progress: Progress) -> dict[str, int]:
    """Pods by revision, for all that should exist; revisions that are not named have none."""
    wanted: dict[str, int] = {}
    for one in reversed(progress.retired):
        deployed = s.observed.revision(one.revision)
        if deployed is not None and s.now < kept_until(s.spec, one, trial=bool(progress.candidate)):
            drained = s.now >= one.at + s.spec.drain
            wanted[one.revision] = min(deployed.replicas, s.whole) if drained else deployed.replicas
    candidate, fresh = _trial_pods(s, progress)
    if progress.candidate:
        wanted[progress.candidate] = candidate
    first = progress.stable or _first(s)
    if first:
        wanted[first] = s.whole + fresh
    return wanted


def kept_until(spec: Spec, one: Retirement, *, trial: bool) -> float:
    """A former stable keeps its pods for a fast return, a candidate that was taken back only until it is drained.

    Where pods share evenly, pods of a third revision would get requests: they go before the next trial gets any.
    """
    returns = one.former_stable and not (trial and spec.traffic.by_pods)
    return one.at + (spec.drain + spec.scale_down_delay if returns else spec.drain)


def _first(s: Situation) -> str:
    """The first revision, once there is room for it."""
    first = s.first
    if not s.counted or s.observed.revision(first) is not None:
        return first
    capacity = s.observed.capacity
    return first if capacity is not None and capacity.free >= s.whole else ""


def _trial_pods(s: Situation, progress: Progress) -> tuple[int, int]:
    """Pods of the candidate, and fresh ones of stable beside a whole revision; nothing new where the accelerators for
    all of it are not free."""
    fresh, there = _fresh_pods(s, progress), fresh_there(s, progress)
    if not progress.candidate:
        return 0, fresh
    deployed = s.observed.revision(progress.candidate)
    present = deployed.replicas if deployed else 0
    needed = _candidate_pods(s, progress, present)
    if not s.counted or (needed <= present and fresh <= there):
        return needed, fresh
    capacity = s.observed.capacity
    missing = (s.whole if progress.step == 0 else needed) - present + missing_fresh(s, progress)
    if capacity is None or capacity.free < missing:
        return min(needed, present), min(fresh, there)
    return needed, fresh


def _candidate_pods(s: Situation, progress: Progress, present: int) -> int:
    """Enough for the weight that it has and the one that it heads for; never fewer during a trial.

    Where pods share evenly their number is the weight: none is added in a pause, and without requests those that are
    too many go.
    """
    if progress.phase is Phase.PROMOTING:
        target = s.whole
    else:
        passed = progress.gate_passed >= len(s.spec.steps)
        heading = progress.heading or ((s.last if passed else 1) if progress.step == 0 else 0)
        target = max(s.pods_of(progress.step), s.pods_of(heading))
    needed = max(target, present)
    if s.spec.traffic.by_pods:
        weight = progress.split.weight if progress.split else 0
        needed = target if weight == 0 else present if progress.paused else needed
    return needed


def _fresh_pods(s: Situation, progress: Progress) -> int:
    """Pods of stable beyond a whole revision: as many as the candidate has at its step, where it is compared with fresh
    ones; never fewer during its trial, and none after it, once requests that they had taken on are answered.

    Where a baseline is no longer asked for they go as after a trial. Those that an earlier trial left, or a larger
    number of replicas, go first: which pods go is not ours to say, and of
    the young ones it says so first.
    """
    if s.spec.replicas is None or s.spec.traffic.by_pods:
        return 0
    there = fresh_there(s, progress)
    if not s.spec.standards.fresh_baseline or not progress.candidate or old_pods(s, progress) > s.whole:
        ended = progress.split.at + s.spec.drain if progress.split else 0.0
        return there if s.now < ended else 0
    return max(there, _fresh_asked(s, progress))


def _fresh_asked(s: Situation, progress: Progress) -> int:
    """Fresh pods of the step that it is at and of the one that it heads for; none beyond the limit of accelerators."""
    if not progress.candidate or progress.gate_passed >= len(s.spec.steps) or not s.fresh_allowed:
        return 0
    heading = progress.heading or (1 if progress.step == 0 else 0)
    return max(s.fresh_of(progress.step), s.fresh_of(heading))


def fresh_there(s: Situation, progress: Progress) -> int:
    """Pods that stable has been given beyond a whole revision."""
    stable = s.observed.revision(progress.stable)
    return max(0, stable.replicas - s.whole) if stable is not None else 0


def old_pods(s: Situation, progress: Progress) -> int:
    """Pods of stable that are older than the trial."""
    stable = s.observed.revision(progress.stable)
    return len(stable.pods) - len(fresh_pods(s.observed, progress)) if stable is not None else 0


def wants_fresh(s: Situation) -> bool:
    """True while fresh pods are to be added, so that free accelerators matter."""
    return _fresh_asked(s, s.progress) > fresh_there(s, s.progress)


def needs_room(spec: Spec, observed: Observed, progress: Progress) -> bool:
    """The same, before anything else is known."""
    return wants_fresh(Situation(spec=spec, observed=observed, progress=progress, measured=Measured(), now=0.0))


def missing_fresh(s: Situation, progress: Progress) -> int:
    """Room that fresh pods of stable still need, in pods of the candidate; before the first step that of all steps.

    Where stable's pods go to other nodes or ask for other devices they need none of the candidate's room.
    """
    source, stable = s.observed.source, s.observed.revision(progress.stable)
    if source is None or not shares_room(stable, source.template):
        return 0
    asked = _fresh_asked(s, progress)
    if asked and progress.step == 0:
        asked = s.fresh_of(len(s.spec.steps))
    missing = max(0, asked - fresh_there(s, progress))
    return as_candidates(missing, stable, source.gpus_per_pod)


def actions(s: Situation, progress: Progress) -> tuple[Action, ...]:
    """What brings pods and role Services to where `progress` wants them. Pods are added before any are removed."""
    if progress.phase is Phase.TERMINATING or s.observed.conflicts:
        return ()
    if progress.phase is Phase.INVALID:
        return _left_over(s, progress)
    wanted = wanted_pods(s, progress)
    if may_serve := _may_serve(s):
        serving = s.observed.revision(may_serve)
        wanted[may_serve] = max(wanted.get(may_serve, 0), serving.replicas if serving else 0)
    more: list[Action] = []
    fewer: list[Action] = []
    for revision, pods in wanted.items():
        deployed = s.observed.revision(revision)
        if (deployed is None and pods > 0) or (deployed is not None and deployed.replicas < pods):
            more.append(EnsureRevision(revision=revision, replicas=pods))
        elif deployed is not None and deployed.replicas > pods:
            fewer.append(EnsureRevision(revision=revision, replicas=pods))
    history = sorted(
        (one for one in s.observed.deployed if one.revision not in wanted), key=lambda one: one.created_at, reverse=True
    )
    fewer.extend(EnsureRevision(revision=one.revision, replicas=0) for one in history if one.replicas > 0)
    gone = [one for one in history if one.replicas == 0 and not one.pods][HISTORY_KEPT:]
    fewer.extend(DeleteRevision(revision=one.revision) for one in gone)
    return (*more, *_services(s, progress), *fewer)


def _left_over(s: Situation, progress: Progress) -> tuple[Action, ...]:
    """While the spec cannot be followed nothing is added, selected or forgotten. What a trial that is over has left
    goes all the same, where it is certain who is stable and with how many pods: it holds accelerators."""
    stable = progress.stable
    if progress.candidate or not stable or s.observed.stable_selector != stable or s.spec.replicas is None:
        return ()
    wanted, serving = wanted_pods(s, progress), _may_serve(s)
    ours = (stable, *(one.revision for one in progress.retired))
    return tuple(
        EnsureRevision(revision=one.revision, replicas=wanted.get(one.revision, 0))
        for one in s.observed.deployed
        if one.revision in ours and one.revision != serving and one.replicas > wanted.get(one.revision, 0)
    )


def _may_serve(s: Situation) -> str:
    """A revision behind the candidate Service that may still get requests: its pods are not taken away."""
    revision, route = s.observed.candidate_selector, s.observed.route
    if s.observed.revision(revision) is None or revision == s.observed.stable_selector:
        return ""
    quiet = route is None or not route.listed or (s.settled and not any(route.weights))
    return "" if quiet else revision


def _services(s: Situation, progress: Progress) -> tuple[Action, ...]:
    stable = progress.stable or _first(s)
    if not stable:
        return ()
    result: list[Action] = []
    if s.spec.traffic.generated and (s.observed.route is None or s.observed.route_outdated):
        result.append(EnsureRoute(stable=stable))
    if s.observed.stable_selector != stable and progress.phase is not Phase.PROMOTING:
        result.append(SelectRevision(service="stable", revision=stable))
    if not s.observed.candidate_selector or (
        not progress.candidate and s.observed.candidate_selector != stable and s.settled and s.weight == 0
    ):
        result.append(SelectRevision(service="candidate", revision=stable))
    if progress.phase is not Phase.PROMOTING and not s.left_behind:
        result += [
            FollowStable(service=name, revision=stable) for name, selected in s.observed.followers if selected != stable
        ]
    return tuple(result)


def next_retirement(s: Situation, progress: Progress) -> float | None:
    """When the next revision without traffic loses its pods."""
    times = [
        kept_until(s.spec, one, trial=bool(progress.candidate))
        for one in progress.retired
        if (deployed := s.observed.revision(one.revision)) is not None
        and deployed.replicas > 0
        and one.revision not in (progress.stable, progress.candidate)
    ]
    # Fresh pods go earlier: of the stable revision, or of the one before.
    ended = [(progress.stable, float(progress.split.at))] if progress.split is not None else []
    ended += [(one.revision, one.at) for one in progress.retired]
    more = {one.revision for one in s.observed.deployed if one.replicas > s.whole}
    times += [at + s.spec.drain for one, at in ended if one in more and at + s.spec.drain > s.now]
    return min(times, default=None)


def next_rest(s: Situation, progress: Progress) -> float | None:
    """When the gateway will have settled after a trial's end, so that the candidate Service may select stable: no event
    tells that time has passed. Past that moment only events can help, so there is nothing to wake up for."""
    split = progress.split
    if progress.candidate or split is None or s.observed.candidate_selector in ("", progress.stable):
        return None
    at = split.at + SETTLE_SECONDS
    return at if s.now < at else None
