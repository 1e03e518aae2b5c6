"""What a rollout looks like from the cache, remembered until something of it changes.

A rollout in analysis is looked at twice an interval, to ask and to decide, and most of the time nothing has changed but
the counts. Then its manifests are neither parsed nor read again.
"""

from dataclasses import dataclass

from serinus.api.status import progress_of
from serinus.core.model import Progress, Spec
from serinus.core.observed import Manifest, Observed
from serinus.shell.apply import unclaimed
from serinus.shell.cache import Cache
from serinus.shell.facts import cached
from serinus.shell.observe import observe
from serinus.shell.scheduler import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What was observed at one version of the cache, by one spec."""

    version: tuple[int, int]
    spec: Spec
    observed: Observed
    progress: Progress
    """What the status says of how far the rollout has come."""
    is_unclaimed: bool
    """Something of the rollout's own is not marked as its own yet."""


def still(cache: Cache, key: Key, before: Glance | None) -> Glance | None:
    """What was seen before, if nothing has changed since."""
    return before if before is not None and before.version == cache.version(key) else None


def glance(cache: Cache, key: Key, rollout: Manifest, spec: Spec, *, version: tuple[int, int]) -> Glance:
    """`version` is the cache's when `rollout` was taken from it: what changed since then is seen by the next one."""
    facts = cached(cache, key, rollout, spec)
    return Glance(
        version=version,
        spec=spec,
        observed=observe(facts, spec),
        progress=progress_of(rollout.get("status")),
        is_unclaimed="deletionTimestamp" not in rollout["metadata"] and bool(unclaimed(facts, spec)),
    )
