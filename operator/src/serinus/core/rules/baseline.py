"""Fresh pods of stable, where the candidate is compared with these alone: they come before its share."""

from serinus.core import replicas
from serinus.core.model import Cause, Phase
from serinus.core.observed import Pod
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
    if not s.fresh_allowed:
        return "MaxExtraGPUsTooLow", (
            f"{asked}; with {words(s.fresh_of(len(s.spec.steps)))} it needs {s.peak_gpus} extra GPUs before promotion, "
            f"and workload.maxExtraGPUs allows {s.spec.max_extra_gpus}. Write maxExtraGPUs: {s.peak_gpus} or fewer "
            "replicas or baseline: stable."
        )
    missing = replicas.missing_fresh(s, s.progress)
    if capacity is not None and replicas.wants_fresh(s) and missing > capacity.free:
        return "InsufficientCapacity", f"{asked}; {capacity.shortage(missing)}"
    if (late := _late(s)) is not None:
        return "BaselineNotReady", f"{asked}; {_late_words(*late)}"
    waiting = next((pod for pod in s.fresh if pod.waiting), None)
    if waiting is not None:
        return waiting.waiting_reason or "BaselineNotReady", f"{asked}; {waiting.waiting}"
    return "StartingBaseline", f"{asked} and past the warm-up."


def late_baseline_ends_the_trial(s: Situation) -> Plan | None:
    """The first share of a candidate waits for fresh pods, and one of them cannot be scheduled or does not get ready
    within the deadlines.

    Once it was given a share no pod of stable can end the trial, however little is left of that share: what is missing
    is evidence, and nothing speaks against the candidate. It stays at its weight and waits.
    """
    target = s.target
    if target is None or s.progress.paused or s.progress.step > 0 or s.progress.began != s.progress.candidate_since:
        return None
    if sum(s.is_warm(pod) for pod in s.fresh) >= s.fresh_of(target) or (late := _late(s)) is None:
        return None
    sentence = (
        f"Taken back before step {target}: there is nothing to compare it with, because {_late_words(*late)} Ask for "
        "retry, or write baseline: stable."
    )
    return s.shift("BaselineDeadlineExceeded", sentence, s.entry(Cause.ROLLBACK, sentence=sentence, weight=0))


def _late(s: Situation) -> tuple[Pod, float] | None:
    """A fresh pod that is later than its deadline, and this in seconds; counted from when it was first waited for."""
    if s.progress.phase is not Phase.PREPARING:
        return None
    for pod in s.fresh:
        limit = s.spec.deadlines.schedule if pod.waiting_reason == "Unschedulable" else s.spec.deadlines.ready
        since = max(pod.created_at, pod.unready_since or 0.0, s.progress.began, s.progress.phase_since)
        if pod.ready_since is None and s.now >= since + limit:
            return pod, limit
    return None


def _late_words(pod: Pod, limit: float) -> str:
    why = pod.waiting.rstrip(".") or "not ready"
    return f"fresh pod {pod.name} of stable was not ready after {limit:.0f} s: {why}."
