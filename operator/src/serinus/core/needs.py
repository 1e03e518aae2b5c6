"""What must be measured before a rollout can be decided. Pure: the shell puts many questions into few queries.

A question is asked while a candidate gets traffic, and before that while its pods come up: then it is about the time
that the steps will take. It holds everything that the evidence depends on, so that who answers it needs no memory: the
same question and the same samples give the same evidence.
"""

from dataclasses import dataclass, replace
from math import inf

from serinus.core.baseline import fresh_pods
from serinus.core.evidence import Role, Sli, Standards
from serinus.core.forecast import Stage
from serinus.core.model import Progress, Shift, Spec
from serinus.core.observed import Measured, Observed
from serinus.core.questions import Measurement
from serinus.core.situation import Situation

LOOKS_HELD = 2
"""Looks of a step without evidence for it: one is cut by its change of weight, and one is held back."""

TrialKey = tuple[str, int, str, str]
"""uid, attempt, candidate revision, digest of the rules: what evidence belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A pod that runs now."""

    pod: str
    role: Role
    ready_since: float | None
    """None: not ready, so that nothing is expected of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """All that the evidence of one trial depends on, but for the samples."""

    key: TrialKey
    namespace: str
    name: str
    """The rollout's."""
    connection: str
    """Name of the metrics connection; empty: the platform's default."""
    stable: str
    """Revision."""
    candidate: str
    """Revision."""
    slis: tuple[Sli, ...]
    measurements: tuple[Measurement, ...]
    """One for each of `slis`."""
    standards: Standards
    interval: float
    attempt: int
    step: int
    """From 1; one more than the number of steps during promotion."""
    weight: int
    shifts: tuple[Shift, ...]
    """Ascending."""
    pods: tuple[Started, ...]
    settle: float
    """Seconds after a pod's readiness before its counts are evidence: its warm-up, and what it had taken on by then."""
    drain: float
    """Seconds after a change of weight whose counts are not evidence."""
    warm_up_requests: int = 0
    """The first so many requests that a pod answers are not evidence."""
    drift_since: float | None = None
    """Since when the weights on the route are not the wanted ones: what is counted since then is not evidence."""
    began: float | None = None
    """When the attempt began, up to which stable's past is read; None: when it first got traffic."""
    tried_since: float | None = None
    """When the candidate's first pods could be made, in whatever attempt; None: when this one began."""
    stages: tuple[Stage, ...] = ()
    """The steps whose time has not been told yet, in their order; empty: nobody waits for that."""

    @property
    def since(self) -> float:
        """When the candidate first got traffic in this attempt; infinite while it has had none."""
        return next((shift.at for shift in self.shifts if shift.weight > 0), inf)


def needs(spec: Spec, observed: Observed, progress: Progress) -> Question | None:
    """The question to ask now; None: nothing to measure, because no candidate runs beside stable.

    `progress` is what status says with the journal folded in.
    """
    split = progress.split
    if not progress.candidate or not progress.stable or split is None:
        return None
    if observed.stable_selector == progress.candidate or observed.deleting_since is not None:
        return None
    stages = _stages(spec, observed, progress)
    if split.weight == 0:
        # Pods first: how long the steps take is asked while these come up, and once.
        waits = progress.began > 0 and progress.step == 0 and stages and stages[0].step == 1
        if not waits or observed.revision(progress.candidate) is None:
            return None
    elif not any(shift.weight > 0 for shift in progress.shifts):
        return None
    return Question(
        key=(spec.uid, progress.attempt, progress.candidate, spec.evidence_rules),
        namespace=spec.namespace,
        name=spec.name,
        connection=spec.prometheus,
        stable=progress.stable,
        candidate=progress.candidate,
        slis=spec.slis,
        measurements=spec.measurements,
        standards=spec.standards,
        interval=spec.interval,
        attempt=progress.attempt,
        step=progress.step,
        weight=split.weight,
        shifts=progress.shifts,
        pods=(
            *_stable(spec, observed, progress),
            *_pods(observed, progress.candidate, Role.CANDIDATE),
        ),
        settle=spec.warm_up_seconds + spec.drain,
        drain=spec.drain,
        warm_up_requests=spec.warm_up_requests,
        drift_since=progress.drift_since or None,
        began=progress.began or None,
        tried_since=progress.candidate_since or None,
        stages=stages,
    )


def _stages(spec: Spec, observed: Observed, progress: Progress) -> tuple[Stage, ...]:
    """The steps whose time has not been told in this attempt: all from the next one on, as long as one is left."""
    told = progress.forecast.step if progress.forecast and progress.forecast.attempt == progress.attempt else 0
    first = max(progress.step, told + 1)
    if progress.gate_passed >= len(spec.steps) or progress.step > len(spec.steps):
        return ()
    s = Situation(spec=spec, observed=observed, progress=progress, measured=Measured(), now=0.0)
    return tuple(
        Stage(
            step=number,
            weight=s.weight_of(number),
            pods1=s.pods_of(number),
            **compared(spec, s.whole, s.pods_of(number)),
            hold=step.hold,
            min_requests=step.min_requests,
            max_hold=spec.max_hold,
            idle=spec.drain + LOOKS_HELD * spec.interval,
        )
        for number, step in enumerate(spec.steps, 1)
        if number >= max(1, first)
    )


def compared(spec: Spec, whole: int, fresh: int) -> dict[str, int]:
    """Pods of stable that the candidate is compared with (`pods0`), and those beside them, as a stage has them."""
    return {"pods0": fresh, "beside": whole} if spec.standards.fresh_baseline else {"pods0": whole}


def _stable(spec: Spec, observed: Observed, progress: Progress) -> tuple[Started, ...]:
    """The pods of stable, of which the fresh ones are the baseline where the spec asks for one."""
    fresh = {pod.name for pod in fresh_pods(observed, progress)} if spec.standards.fresh_baseline else set()
    return tuple(
        replace(one, role=Role.BASELINE) if one.pod in fresh else one
        for one in _pods(observed, progress.stable, Role.STABLE)
    )


def _pods(observed: Observed, revision: str, role: Role) -> tuple[Started, ...]:
    deployed = observed.revision(revision)
    pods = deployed.pods if deployed is not None else ()
    return tuple(Started(pod=pod.name, role=role, ready_since=pod.ready_since) for pod in pods)
