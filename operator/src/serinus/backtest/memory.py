"""What a session remembers between two lines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from serinus.backtest import budgets
from serinus.core import trial
from serinus.core.checks import comparison, latency, margins, rate, scores
from serinus.core.evidence import Look, ProviderState, Role
from serinus.core.increments import Intake
from serinus.core.judge import EvidenceState
from serinus.core.model import Shift
from serinus.core.needs import Started
from serinus.core.trial import Trial

BETS = "/".join(map(str, (*map(len, (comparison.ODDS, latency.WEIGHTS, scores.WEIGHTS, rate.TIMES)), margins.DRAWS)))
"""Of this version of Serinus."""
NEVER = Shift(at=-inf, weight=0, step=0)
"""Before the first line that says a weight."""


class Form(StrEnum):
    """What the lines are; those of one session are all of one form."""

    UNKNOWN = "unknown"
    INCREMENTS = "increments"
    RAW = "raw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Container failures since the first line."""

    candidate: Mapping[str, int] = field(default_factory=dict)
    """By pod: how often so far. The candidate's pods are as old as its trial, so all of them count."""
    stable: Mapping[str, int] = field(default_factory=dict)
    """By pod: how often before it was listed first."""
    stable_fails: bool = False

    def after(self, restarts: Mapping[str, tuple[Role, int]]) -> "Failures":
        """These and what a line says."""
        if not restarts:
            return self
        candidate, stable, fails = dict(self.candidate), dict(self.stable), self.stable_fails
        for pod, (role, count) in restarts.items():
            if role is Role.CANDIDATE:
                candidate[pod] = max(count, candidate.get(pod, 0))
            else:
                fails = fails or count > stable.setdefault(pod, count)
        return Failures(candidate=candidate, stable=stable, stable_fails=fails)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Whose counts were evidence in the look that came last."""

    listed: int = 0
    """Pods that could have been."""
    candidate: Mapping[str, int] = field(default_factory=dict)
    """By SLI: how many pods of the candidate were ..."""
    others: Mapping[str, int] = field(default_factory=dict)
    """... and of whom it is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All that a session remembers between two lines."""

    asked: str
    """Digest of what the session was opened with: a state fits no other one."""
    bets: str
    """How many alternatives are bet on, by kind of SLI, and against how many draws of pods: evidence of other bets does
    not go on."""
    lines: int = 0
    at: float | None = None
    """Time of the last line with increments, or with a weight."""
    form: Form = Form.UNKNOWN
    weight: Shift = NEVER
    """What the lines say now."""
    provider: ProviderState = ProviderState.OK
    failures: Failures = field(default_factory=Failures)
    evidence: EvidenceState | None = None
    """With increments."""
    intake: Intake | None = None
    budget: budgets.Counts | None = None
    """What the last line said that spoke of the error budget."""
    trial: Trial | None = None
    """With raw samples."""
    shifts: tuple[Shift, ...] = (NEVER,)
    drift_since: float | None = None
    ready: Mapping[str, float] = field(default_factory=dict)
    """By pod, with raw samples: since when it is ready, or was first seen."""
    running: tuple[Started, ...] | None = None
    """The pods that the operator saw, in a replay of what it read; None: those that were scraped lately."""
    counted: Counted = field(default_factory=Counted)


def counted_in(look: Look | None, listed: int, *, fresh: bool) -> Counted:
    """Whose counts this look is made of; `fresh`: a baseline alone is compared with."""
    if look is None or not trial.is_evidence(look):
        return Counted(listed=listed)
    roles = [pod.role for pod in look.pods]
    other = Role.BASELINE if fresh or Role.BASELINE in roles else Role.STABLE
    slis = look.pods[0].counts.keys()
    if all(pod.counts.keys() == slis for pod in look.pods):
        # All pods measured all SLIs, as they nearly always do.
        candidate = dict.fromkeys(slis, roles.count(Role.CANDIDATE))
        return Counted(listed=listed, candidate=candidate, others=dict.fromkeys(slis, roles.count(other)))
    found: dict[Role, dict[str, int]] = {Role.CANDIDATE: {}, other: {}}
    for pod in look.pods:
        arm = found.get(pod.role, {})
        for sli in pod.counts:
            arm[sli] = arm.get(sli, 0) + 1
    return Counted(listed=listed, candidate=found[Role.CANDIDATE], others=found[other])
