"""One `up` or `down` of a cluster at a time, whatever its driver.

The lock's file lies in the cache and stays there, so that nothing is left of a cluster's own folder after `down`.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster import cache
from tests.cluster.layout import Layout
from tests.cluster.progress import say


@contextmanager
def held(layout: Layout) -> Iterator[None]:
    """Hold the lock; waits while another command holds it, and says so."""
    with tried(layout) as free:
        if free:
            yield
            return
    say(f"another command starts or stops cluster {layout.name}; waiting for it")
    with tried(layout, fcntl.LOCK_EX):
        yield


@contextmanager
def tried(layout: Layout, way: int = fcntl.LOCK_EX | fcntl.LOCK_NB) -> Iterator[bool]:
    """Hold the lock if nobody else does; tells whether that is so."""
    locks = cache.root() / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / f"cluster-{layout.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, way)
        except BlockingIOError:
            yield False
        else:
            yield True
