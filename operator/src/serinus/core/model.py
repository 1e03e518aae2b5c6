"""The nouns of a rollout: what is asked for, and how far it has come.

Everything here is a value: frozen, compared by content, free of Kubernetes and of any clock. Times are seconds
since the epoch (UTC); durations end in `_seconds` or stand in a field documented as a duration. Weights are whole
percent. What was *seen* of the cluster is in `observed.py`; what was *measured* is in `evidence.py`; what is to be
*done* is in `plan.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from serinus.core.budget import ErrorBudget
from serinus.core.evidence import Sli, Standards
from serinus.core.questions import Measurement, SourceRef, TrafficRef


class Phase(StrEnum):
    """Where a rollout is. The moves between phases are the table in `phases.py`."""

    INVALID = "Invalid"
    INITIALIZING = "Initializing"
    ADOPTING = "Adopting"
    HEALTHY = "Healthy"
    PREPARING = "Preparing"
    ANALYZING = "Analyzing"
    PAUSED = "Paused"
    PROMOTING = "Promoting"
    ROLLED_BACK = "RolledBack"
    TERMINATING = "Terminating"


class Cause(StrEnum):
    """Why a split was written. Recorded beside the weights, so that a crash in between loses nothing."""

    START = "start"
    STEP = "step"
    LIMIT = "limit"
    UNREADY = "unready"
    SHARE = "share"
    RESTART = "restart"
    ROLLBACK = "rollback"
    ABORT = "abort"
    REVERT = "revert"
    PAUSE = "pause"
    RESUME = "resume"
    APPROVE = "approve"
    RETRY = "retry"
    PROMOTE = "promote"
    FINISH = "finish"
    REASSERT = "reassert"
    DELETE = "delete"


class Verb(StrEnum):
    """What a person may ask for through the annotation `serinus.dev/intent: VERB@TOKEN`."""

    PAUSE = "pause"
    RESUME = "resume"
    PROMOTE = "promote"
    PROMOTE_FULL = "promote-full"
    ABORT = "abort"
    RETRY = "retry"


class OnInconclusive(StrEnum):
    """What to do when a step used up `maxHold` without an answer."""

    HOLD = "hold"
    ROLLBACK = "rollback"


class DeletionPolicy(StrEnum):
    """What a deleted rollout leaves behind."""

    ORPHAN = "Orphan"
    DELETE = "Delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One planned stage: the candidate's weight and what must hold before the next."""

    weight: int
    hold: float
    """Least covered time at this weight, in seconds."""
    min_requests: int = 0
    pause: bool = False
    """True: when everything else is satisfied, wait for a person's `promote`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long each wait may take before the candidate is given up, in seconds."""

    schedule: float = 600.0
    ready: float = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What changes, for people. Descriptive: never part of a revision's identity."""

    name: str = ""
    version: str = ""
    uri: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A ModelRollout's spec, compiled: every default filled in, every unit in seconds and percent."""

    uid: str
    namespace: str
    name: str
    generation: int
    source: SourceRef
    traffic: TrafficRef
    steps: tuple[Step, ...]
    slis: tuple[Sli, ...]
    measurements: tuple[Measurement, ...]
    """One for each of `slis`, in the same order."""
    standards: Standards
    interval: float
    """Seconds between looks; looks fall on the epoch grid of this interval."""
    prometheus: str
    """Name of a connection in the platform's settings."""
    max_hold: float
    """Longest covered or uncovered time at one step before it counts as inconclusive, in seconds."""
    on_inconclusive: OnInconclusive = OnInconclusive.HOLD
    error_budget: ErrorBudget | None = None
    dry_run: bool = False
    """True: a Fail is said but moves nothing; it never promotes either."""
    node_pool: Mapping[str, Any] = field(default_factory=dict)
    """nodeSelector, tolerations and runtimeClassName as typed, merged into the pod template."""
    replicas: int | None = None
    """Pods of a whole revision (N); None: as many as the source says."""
    port: int | None = None
    """Port of the model server in the pod; None: the only containerPort."""
    max_extra_gpus: int | None = None
    warm_up_seconds: float = 0.0
    """Seconds after a pod is ready that it gets no traffic of its step, and that are no evidence."""
    warm_up_requests: int = 0
    """The first so many requests that a process answers are not evidence."""
    deadlines: Deadlines = field(default_factory=Deadlines)
    drain: float = 30.0
    """Seconds after a weight change or pod start whose counts are not evidence (completion bias), and the
    time that a revision without traffic keeps its pods at least."""
    scale_down_delay: float = 600.0
    """Seconds that the pods of the revision without traffic stay after promotion or rollback."""
    rollback_window: int = 0
    """A return to one of this many former stable revisions whose pods still run skips the steps."""
    deletion_policy: DeletionPolicy = DeletionPolicy.ORPHAN
    model: Model = field(default_factory=Model)
    evidence_rules: str = ""
    """Digest of steps, slis, analysis and errorBudget: a change of it in mid-trial starts the evidence over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRecord:
    """The rollout's journal entry, written in the same patch as the weights that it explains.

    `seq` grows by one with every entry; every patch tests the entry that it replaces, so that two writers cannot both
    succeed. Folding an entry into `Progress` (see `journal.py`) gives the state after it: a crash between the patch
    and the status update loses nothing.
    """

    uid: str
    """uid of the ModelRollout."""
    seq: int
    revision: str
    """The candidate's revision; for `FINISH` the revision that is stable from now on."""
    step: int
    """The step (from 1) that the weight belongs to; 0 before the first, len(steps) + 1 for promotion. For `APPROVE`
    the step that the candidate may pass; for `START` the step up to which it needs no evidence (a former stable)."""
    weight: int
    cause: Cause
    at: int
    """When it was decided, whole seconds since the epoch."""
    stable: str = ""
    """The revision that gets what the candidate does not: at weight 0 everything."""
    route: str = ""
    """The route that it was written to, as ROUTER/NAME; empty in entries of builds that did not say."""
    token: str = ""
    """Token of the intent that caused it."""
    note: str = ""
    """The sentence of the decision, cut to 200 characters."""
    before: "SplitRecord | None" = None
    """The entry that this one replaced, where status had not recorded it yet: it is folded, told and recorded first.
    Only an end of the trial may be written over an unrecorded entry, so there is never more than one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A change of weight or step within this attempt: evidence is labelled and cut by these."""

    at: float
    weight: int
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A revision that is not tried again until it changes in meaning or someone says retry."""

    revision: str
    cause: Cause
    at: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """A revision that lost its traffic and whose pods stay for a while."""

    revision: str
    at: float
    former_stable: bool
    """True: it was stable, and a return to it may skip the steps. False: a candidate that was taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One entry of the decision log in status."""

    seq: int
    at: float
    cause: Cause
    revision: str
    weight: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What was said before a step of how long it takes, if the candidate is as good as stable. A mean."""

    attempt: int
    step: int
    seconds: float | None
    """Of this step, its hold included; None: no end can be told."""
    rollout: float | None
    """Of this step and all that follow."""
    soonest: float | None
    """The same where stable's noise is assumed and turns out small once it is measured."""
    sli: str
    """The SLI that takes longest at this step."""
    reason: str
    """WithinMaxHold, MaxHoldTooShort, PodsDiffer or NoTraffic: whether the step can conclude."""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a rollout has come: what must survive a crash. Stored in status; completed from the journal."""

    phase: Phase = Phase.INITIALIZING
    phase_since: float = 0.0
    stable: str = ""
    """Revision that is trusted now; empty before the first."""
    candidate: str = ""
    """Revision under trial; empty when there is none."""
    split: SplitRecord | None = None
    """The last journal entry that was recorded in status."""
    began: float = 0.0
    """When the present attempt began."""
    tried_since: float = 0.0
    """When the trial of this candidate began, its earlier attempts under other rules included; 0: as `began`."""
    attempt: int = 0
    """Counts trials of candidates; a retry is a new attempt with a fresh error budget for the judge."""
    step: int = 0
    paused: bool = False
    overruled: bool = False
    """A person let the candidate go on although an SLI with `onFail: hold`, or a dry run, says Fail."""
    over_budget: bool = False
    """A person let the candidate start, or go on, although the error budget is spent or burns."""
    gate_passed: int = 0
    """A person's `promote` lets the candidate past this step (0: none); belongs to `candidate` only."""
    heading: int = 0
    """The step whose pods are being made ready before its weight is set; 0: none."""
    drift_since: float = 0.0
    """When weights below the wanted ones, written by someone else, were first seen; 0: none."""
    selected_at: float = 0.0
    """When NAME-stable was first seen to select the candidate, during a promotion; 0: not yet."""
    shifts: tuple[Shift, ...] = ()
    evidence_rules: str = ""
    """`Spec.evidence_rules` that the present evidence was gathered under."""
    rejected: tuple[Rejection, ...] = ()
    retired: tuple[Retirement, ...] = ()
    """Youngest first."""
    last_intent: str = ""
    """Token of the last intent that was acted on or refused."""
    intent_answer: str = ""
    """What became of it, as a sentence."""
    reasserted: int = 0
    """How often the weights were corrected in this step."""
    unready: int = 0
    """How often in this attempt the weight was lowered because pods that had traffic stopped being ready."""
    forecast: Forecast | None = None
    """What was said of the present step, or of the one that is prepared."""
    decisions: tuple[Decision, ...] = ()

    @property
    def candidate_since(self) -> float:
        """When the candidate's first pods could be made."""
        return self.tried_since or self.began


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a person asked for."""

    verb: Verb
    token: str
    by: str = ""
