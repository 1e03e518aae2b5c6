"""Progress for a person who waits: one line when something starts, one when it ends, with seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_began = time.monotonic()
_lock = threading.Lock()


def say(line: str) -> None:
    """Print one whole line to standard error, also when several threads speak at the same time."""
    with _lock:
        print(f"[{time.monotonic() - _began:6.1f}s] {line}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Announce a step, and say how long it took or that it failed."""
    began = time.monotonic()
    say(f"{what} …")
    try:
        yield
    except BaseException:
        say(f"{what}: failed after {time.monotonic() - began:.1f} s")
        raise
    say(f"{what}: done in {time.monotonic() - began:.1f} s")
