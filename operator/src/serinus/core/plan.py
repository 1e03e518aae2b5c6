"""What to do now, and why: a plan is made of actions, absolute ones, that the shell carries out in their order."""

from dataclasses import dataclass

from serinus.core.evidence import Finding
from serinus.core.model import Progress, SplitRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSplit:
    """Write these weights and this journal entry to the route, if it still holds the entry before it."""

    record: SplitRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectRevision:
    """Point one of the two role Services at a revision (creates the Service where it is missing)."""

    service: str
    """"stable" or "candidate"."""
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowStable:
    """Point a Service that shared the requests before `traffic` was changed at stable: clients may still use it."""

    service: str
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsureRevision:
    """Create the Deployment of a revision if it is missing, and give it this many replicas."""

    revision: str
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRevision:
    """Remove the Deployment of a revision that is only history."""

    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsureRoute:
    """Create the route that is Serinus' own, with all traffic on stable; or bring it to what `traffic` asks for."""

    stable: str
    """Revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Deletion is done: delete what does not stay, then remove the finalizer."""

    keep: tuple[str, ...]
    """Revisions whose Deployments keep serving."""


Action = SetSplit | SelectRevision | FollowStable | EnsureRevision | DeleteRevision | EnsureRoute | Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do now, and why. Every plan has a reason and a sentence, also "nothing to do"."""

    rule: str
    """Name of the rule in `decide.py` that answered."""
    reason: str
    sentence: str
    progress: Progress
    """The state once all actions succeeded."""
    actions: tuple[Action, ...] = ()
    """In this order: traffic before pods."""
    next_action: str = ""
    """What would change the situation, for people: a time, or the evidence that is waited for."""
    wake_at: float | None = None
    """When to look again even if nothing happens; None: only on events."""
    findings: tuple[Finding, ...] = ()
