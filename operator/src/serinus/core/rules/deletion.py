"""What a deleted rollout does before its finalizer goes. It never waits for evidence, and it has a deadline."""

from serinus.core.model import Cause, DeletionPolicy, Phase
from serinus.core.plan import EnsureRevision, Plan, Release
from serinus.core.situation import Situation

DEADLINE_SECONDS = 120.0
"""After this the finalizer goes whatever the route says: a resource must not hang for ever."""


def deletion_lets_go(s: Situation) -> Plan | None:
    """All traffic to stable, settled; then what does not stay is deleted, and the finalizer goes."""
    since = s.observed.deleting_since
    if since is None:
        return None
    stays = s.observed.stable_selector or s.progress.stable
    keep = (stays,) if s.spec.deletion_policy is DeletionPolicy.ORPHAN and stays else ()
    in_time = not s.observed.let_go and s.now < since + DEADLINE_SECONDS
    hurry = not in_time or not s.writable or not keep
    if not hurry and s.left_behind:
        return None
    told = s.progress.split is not None and s.progress.split.cause is Cause.DELETE
    if not hurry and not told:
        weight = 100 if s.selected and s.weight == 100 and s.observed.stable_endpoints == 0 else 0
        sentence = f"Deleted: revision {stays} keeps serving without Serinus."
        return s.shift("Deleting", sentence, s.entry(Cause.DELETE, sentence=sentence, weight=weight))
    if not hurry and not s.settled:
        return s.stay(
            "Deleting",
            "Deleted: waiting until the gateway has taken the weights.",
            phase=Phase.TERMINATING,
            wake_at=s.now + 1.0,
        )
    sentence = f"Deleted: revision {stays} and the Services stay." if keep else "Deleted with everything it made."
    release = Release(keep=keep)
    stable = s.observed.revision(stays)
    counted = s.spec.replicas is not None and keep and in_time
    if counted and stable is not None and stable.replicas > s.whole > 0:
        # Nobody else would take away the fresh pods of its last trial, also where the spec asks for none by now.
        actions = (EnsureRevision(revision=stays, replicas=s.whole), release)
        return s.stay("Deleting", sentence, phase=Phase.TERMINATING, actions=actions)
    return s.stay("Deleting", sentence, phase=Phase.TERMINATING, actions=(release,))
