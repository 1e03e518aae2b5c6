"""Fresh pods of stable, as young as the candidate's: whom the candidate is compared with where the spec asks for that.

    fresh_pods(observed, progress)     # which pods they are, by when they were made: nothing is remembered
    as_candidates(2, stable, 4)        # how many pods of the candidate ask for as much

A candidate is young and has few pods, stable is old and has many: caches, leaks and the age of processes look like
harm, or hide it. Beside pods that began with the trial they cancel. Kayenta's baseline is the same idea.
"""

from math import ceil

from serinus.core.model import Progress
from serinus.core.observed import Deployed, Manifest, Observed, Pod
from serinus.core.pod_requests import accelerator

CLOCKS_DIFFER = 5.0
"""Seconds: the API server dates pods, and the operator dates the trial. A pod that is so much older is fresh, too."""


def fresh_pods(observed: Observed, progress: Progress) -> tuple[Pod, ...]:
    """The pods of stable that were made since the trial began, whatever for; none while nothing is on trial."""
    stable = observed.revision(progress.stable)
    if stable is None or not progress.candidate:
        return ()
    since = progress.candidate_since - CLOCKS_DIFFER
    return tuple(pod for pod in stable.pods if pod.created_at >= since)


def as_candidates(fresh: int, stable: Deployed | None, gpus_per_pod: int) -> int:
    """So many further pods of stable, as pods that ask for `gpus_per_pod` accelerators, rounded up."""
    return ceil(fresh * gpus_of(stable) / gpus_per_pod) if gpus_per_pod else fresh


def shares_room(stable: Deployed | None, template: Manifest) -> bool:
    """True when pods of stable take the room of those of `template`: the same devices on the same nodes."""
    theirs: Manifest = (stable.template.get("spec") or {}) if stable is not None else {}
    ours: Manifest = template.get("spec") or {}
    same = all(
        (theirs.get(key) or None) == (ours.get(key) or None) for key in ("nodeSelector", "tolerations", "affinity")
    )
    return same and accelerator(theirs)[0] == accelerator(ours)[0]


def gpus_of(stable: Deployed | None) -> int:
    """Accelerators that one pod of stable asks for."""
    spec: Manifest = (stable.template.get("spec") or {}) if stable is not None else {}
    return accelerator(spec)[1]
