"""Fresh pods of stable, where the candidate is compared with these alone: they come before its share."""

from serinus.core import replicas
from serinus.core.model import Cause
from serinus.core.plan import Plan
from serinus.core.situation import Situation


def words(pods: int) -> str:
    """So many fresh pods, in words.

    >>> words(1), words(2)
    ('1 fresh pod of stable', '2 fresh pods of stable')
    """
    return f"{pods} fresh pod{'' if pods == 1 else 's'} of stable"


def wait(s: Situation, target: int) -> tuple[str, str] | None:
    """(reason, words) for what the fresh pods of step `target` wait for; None: enough of them are ready and warm."""
    needed, capacity = s.fresh_of(target), s.observed.capacity
    warm = sum(s.is_warm(pod) for pod in s.fresh)
    if warm >= needed:
        return None
    asked = f"{warm} of {words(needed)} {'is' if needed == 1 else 'are'} ready"
    if (old := replicas.old_pods(s, s.progress)) > s.whole:
        return "OldBaseline", f"{asked}; {old - s.whole} older than this trial go first."
    missing = replicas.missing_fresh(s, s.progress)
    if capacity is not None and replicas.wants_fresh(s) and missing > capacity.free:
        return "InsufficientCapacity", f"{asked}; {capacity.shortage(missing)}"
    waiting = next((pod for pod in s.fresh if pod.waiting), None)
    if waiting is not None:
        return waiting.waiting_reason or "BaselineNotReady", f"{asked}; {waiting.waiting}"
    return "StartingBaseline", f"{asked} and past the warm-up."


def late_baseline_ends_the_trial(s: Situation) -> Plan | None:
    """A share waits for fresh pods, and one of them cannot be scheduled or does not get ready within the deadlines.

    Once the share is given no pod of stable can end the trial: without a baseline nothing is concluded.
    """
    target = s.target
    if target is None or sum(s.is_warm(pod) for pod in s.fresh) >= s.fresh_of(target):
        return None
    for pod in s.fresh:
        limit = s.spec.deadlines.schedule if pod.waiting_reason == "Unschedulable" else s.spec.deadlines.ready
        since = max(pod.created_at, pod.unready_since or 0.0, s.progress.began)
        if pod.ready_since is None and s.now >= since + limit:
            sentence = (
                f"Taken back before step {target}, which there is nothing to compare with: fresh pod {pod.name} of "
                f"stable was not ready after {limit:.0f} s: {pod.waiting.rstrip('.') or 'not ready'}. Ask for retry "
                "once it can be, or write analysis.baseline: stable."
            )
            return s.shift("BaselineDeadlineExceeded", sentence, s.entry(Cause.ROLLBACK, sentence=sentence, weight=0))
    return None
