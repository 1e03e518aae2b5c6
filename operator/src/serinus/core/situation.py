"""Everything that a rule may look at, and the two answers that it can give: shift traffic, or stay and say why."""

from dataclasses import dataclass, replace

from serinus.core.baseline import fresh_pods, gpus_of
from serinus.core.journal import ENDS_TRIAL, fold
from serinus.core.model import Cause, Phase, Progress, Spec, SplitRecord, Step
from serinus.core.observed import Deployed, Measured, Observed, Pod
from serinus.core.plan import Action, Plan, SetSplit
from serinus.core.split_record import NOTE_LENGTH
from serinus.core.weights import carried_by, given_by, pods_for, pods_nearest

SETTLE_SECONDS = 5.0
"""A weight patch that the API server took is not yet traffic that the gateway moved."""

RECHECK_SECONDS = 30.0
"""How soon to look again at a thing that no event announces, such as free capacity."""

LONGEST_SCRAPE_WAIT = 3.0
"""Seconds after a look is due at most: a window closes when every pod has a sample past its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One rollout at one moment."""

    spec: Spec
    observed: Observed
    progress: Progress
    """With the journal folded in."""
    measured: Measured
    now: float
    unrecorded: bool = False
    """True when the journal was ahead of status: nothing may raise traffic before that is recorded."""

    @property
    def whole(self) -> int:
        """N: pods of a whole revision."""
        if self.spec.replicas is not None:
            return self.spec.replicas
        source = self.observed.source
        if source is not None and source.replicas:
            return source.replicas
        return self.stable.replicas if self.stable is not None else 0

    @property
    def counted(self) -> bool:
        """The pods ask for accelerators, so none is added before those that are free were counted."""
        return self.observed.source is not None and self.observed.source.gpus_per_pod > 0

    @property
    def first(self) -> str:
        """The first revision: whom the stable Service selects, else what the source wants.

        The Service's word counts where it was stable before (an entry on the route says so) or serves; a first
        revision that never came up is replaced by what the source says now.
        """
        selected, route = self.observed.stable_selector, self.observed.route
        before = route is not None and (route.record is not None or bool(route.foreign_uid))
        trusted = before or self.observed.stable_endpoints > 0
        return selected if trusted and self.observed.revision(selected) else self.observed.wanted

    @property
    def weight(self) -> int:
        """The candidate's weight by the journal."""
        return self.progress.split.weight if self.progress.split else 0

    @property
    def trial(self) -> bool:
        """True while a candidate exists."""
        return bool(self.progress.candidate)

    @property
    def step(self) -> Step | None:
        """The present step; None before the first and during promotion."""
        number = self.progress.step
        return self.spec.steps[number - 1] if 1 <= number <= len(self.spec.steps) else None

    @property
    def last(self) -> int:
        """The number that promotion has: one more than the last step."""
        return len(self.spec.steps) + 1

    @property
    def candidate(self) -> Deployed | None:
        return self.observed.revision(self.progress.candidate)

    @property
    def stable(self) -> Deployed | None:
        return self.observed.revision(self.progress.stable)

    @property
    def fresh(self) -> tuple[Pod, ...]:
        """The pods of stable that are as young as this trial."""
        return fresh_pods(self.observed, self.progress)

    def is_warm(self, pod: Pod) -> bool:
        """True when a pod has been ready for as long as its warm-up takes."""
        return pod.ready_since is not None and self.now >= pod.ready_since + self.spec.warm_up_seconds

    @property
    def target(self) -> int | None:
        """The step whose pods and weight are to come next; None: nothing to prepare."""
        if not self.trial or self.selected:
            return None
        if self.progress.gate_passed >= len(self.spec.steps) and self.progress.step != self.last:
            return self.last
        if self.progress.step == 0:
            return 1
        if self.progress.heading:
            return self.progress.heading
        return self.progress.step if self.lacking else None

    @property
    def selected(self) -> bool:
        """The stable Service selects the candidate at weight 100: a promotion past the point of return."""
        moved = self.trial and self.observed.stable_selector == self.progress.candidate
        return moved and self.weight == 100

    @property
    def ready(self) -> int:
        """Candidate pods that can take traffic: ready, and once they get some, ready behind the candidate Service."""
        pods = self.candidate.ready if self.candidate else 0
        if self.observed.candidate_selector == self.progress.candidate:
            return min(pods, self.observed.candidate_endpoints)
        return 0 if self.weight else pods

    @property
    def carried(self) -> int:
        """Largest weight that the ready candidate pods may be given. Where pods share evenly none gets more than its
        part, as long as the candidate has as many as its step asks for."""
        if not self.spec.traffic.by_pods:
            return carried_by(self.ready, self.whole)
        return 100 if self.ready >= self.pods_of(self.progress.step) else self.given

    @property
    def beside(self) -> int:
        """Stable pods that share the requests with the candidate's, where pods share evenly."""
        return min(self.stable.ready, self.observed.stable_endpoints) if self.stable else 0

    @property
    def given(self) -> int:
        """The share in percent that the candidate's pods get where pods share evenly, while both revisions get some;
        0 while pods of a third one would get some too."""
        return 0 if self.others else given_by(self.ready, self.beside)

    @property
    def others(self) -> tuple[str, ...]:
        """Revisions beside stable and candidate that have pods."""
        two = (self.progress.stable, self.progress.candidate)
        return tuple(
            one.revision for one in self.observed.deployed if one.revision not in two and one.replicas + len(one.pods)
        )

    @property
    def lacking(self) -> bool:
        """The candidate gets less than its step says."""
        promoting = self.progress.step == self.last
        if self.spec.traffic.by_pods and not promoting:
            return self.weight == 0 or self.ready < self.pods_of(self.progress.step)
        return self.weight < self.weight_of(self.progress.step)

    @property
    def returns(self) -> bool:
        """The wanted revision was stable not long ago and its pods still run: it needs no second proof."""
        wanted = self.observed.wanted
        former = [one.revision for one in self.progress.retired if one.former_stable][: self.spec.rollback_window]
        deployed = self.observed.revision(wanted)
        return wanted in former and deployed is not None and deployed.ready >= self.whole

    @property
    def writable(self) -> bool:
        """The route exists, names both Services and is nobody else's: weights can be set."""
        return self.observed.route is not None and self.observed.route.listed and not self.observed.rival

    @property
    def left_behind(self) -> bool:
        """The candidate gets traffic by the route of the last entry, and `traffic` names another one by now."""
        return self.trial and self.observed.left is not None and any(self.observed.left.weights)

    @property
    def settled(self) -> bool:
        """The gateway has taken the last entry: accepted at this generation, and some seconds more."""
        route, split = self.observed.route, self.progress.split
        if route is None or split is None or not route.accepted:
            return False
        agrees = not route.strayed and all(weight == split.weight for weight in route.weights)
        return agrees and self.now >= split.at + SETTLE_SECONDS

    @property
    def next_look(self) -> float:
        """When to ask for the next look: soon after it is due on the epoch grid, when its last samples are in."""
        due = (self.now // self.spec.interval + 1) * self.spec.interval
        return due + min(LONGEST_SCRAPE_WAIT, self.spec.interval / 5)

    def asked_of(self, step: int) -> int:
        """Weight in percent that the spec asks for at step number `step`; 100 from `last` on, 0 before the first."""
        if step <= 0:
            return 0
        return self.spec.steps[step - 1].weight if step <= len(self.spec.steps) else 100

    def pods_of(self, step: int) -> int:
        """Pods that the candidate needs at that step."""
        enough = pods_nearest if self.spec.traffic.by_pods else pods_for
        return enough(self.asked_of(step), self.whole)

    def fresh_of(self, step: int) -> int:
        """Fresh pods of stable that a step is judged against: as many as the candidate has; none for promotion."""
        judged = self.spec.standards.fresh_baseline and 1 <= step <= len(self.spec.steps)
        return self.pods_of(step) if judged else 0

    @property
    def fresh_gpus(self) -> int:
        """Accelerators of all fresh pods of stable that the last step asks for."""
        return self.fresh_of(len(self.spec.steps)) * gpus_of(self.stable)

    @property
    def peak_gpus(self) -> int:
        """Accelerators beyond those of stable that a trial needs at its peak: a whole revision, and fresh pods."""
        source = self.observed.source
        return self.whole * (source.gpus_per_pod if source else 0) + self.fresh_gpus

    @property
    def fresh_allowed(self) -> bool:
        """The limit of accelerators has room for the fresh pods, whenever it or they were asked for."""
        limit = self.spec.max_extra_gpus
        return limit is None or self.fresh_gpus == 0 or self.peak_gpus <= limit

    @property
    def needed(self) -> int:
        """Pods of the candidate by which its readiness is counted: a whole revision, or those that give its share."""
        return self.pods_of(self.progress.step) if self.spec.traffic.by_pods else self.whole

    def weight_of(self, step: int) -> int:
        """The weight that the candidate gets at that step: what is asked, or what whole pods come nearest to it."""
        asked = self.asked_of(step)
        if not self.spec.traffic.by_pods or asked in (0, 100):
            return asked
        return given_by(self.pods_of(step), self.whole)

    @property
    def least_of_first_step(self) -> int:
        """The weight with which a trial may begin again at step 1: never up. Where a share is a number of pods, those
        beyond the first step's must go first, and nothing may be taken from pods that get requests. Without
        fresh pods of stable that it asks for, nothing is to be learnt at any weight."""
        if self.spec.traffic.by_pods:
            present = len(self.candidate.pods) if self.candidate else 0
            return self.weight if present <= self.pods_of(1) else 0
        if len(self.fresh) < self.fresh_of(1):
            return 0
        return min(self.weight, self.weight_of(1))

    def entry(
        self, cause: Cause, *, sentence: str, weight: int, step: int | None = None, revision: str = "", token: str = ""
    ) -> SplitRecord:
        """The next journal entry."""
        last = self.progress.split
        known = last.seq if last else 0
        about = revision or self.progress.candidate
        stable = self.observed.stable_selector if self.selected else self.progress.stable
        return SplitRecord(
            uid=self.spec.uid,
            seq=known + 1,
            revision=about,
            step=self.progress.step if step is None else step,
            weight=weight,
            cause=cause,
            at=int(self.now),
            stable=stable or about,
            route=self.spec.traffic.route,
            token=token,
            note=sentence[:NOTE_LENGTH],
            before=last if self.unrecorded else None,
        )

    def shift(self, reason: str, sentence: str, entry: SplitRecord, *, next_action: str = "") -> Plan:
        """Write `entry` beside its weights, at once; what follows from it is the next tick's business."""
        if entry.route == self.spec.traffic.route and not self.writable:
            return self.stay(
                "RouteNotWritable",
                f"{sentence} Waiting for the route: {self.observed.route_problem or 'it does not list both Services'}",
                wake_at=self.now + RECHECK_SECONDS,
            )
        if self.unrecorded and entry.cause not in ENDS_TRIAL:
            return self.stay("Recording", "Recording a change of weights made before a restart.", wake_at=self.now)
        return Plan(
            rule="",
            reason=reason,
            sentence=sentence,
            progress=fold(self.progress, entry),
            actions=(SetSplit(record=entry),),
            next_action=next_action,
            wake_at=self.now,
            findings=self.measured.findings,
        )

    def stay(
        self,
        reason: str,
        sentence: str,
        *,
        phase: Phase | None = None,
        progress: Progress | None = None,
        next_action: str = "",
        wake_at: float | None = None,
        actions: tuple[Action, ...] = (),
    ) -> Plan:
        """Leave the split as it is."""
        after = progress or self.progress
        if phase is not None and phase is not after.phase:
            after = replace(after, phase=phase, phase_since=self.now)
        return Plan(
            rule="",
            reason=reason,
            sentence=sentence,
            progress=after,
            actions=actions,
            next_action=next_action,
            wake_at=wake_at,
            findings=self.measured.findings,
        )
