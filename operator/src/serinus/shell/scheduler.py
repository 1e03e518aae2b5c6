"""When each rollout is looked at next: one heap of due times, one consumer.

Due times are on the wall clock, because looks fall on the epoch grid of an interval, which makes their queries batch.
The clock may be set: when it goes back, due times go back with it, so that no look is late by more than was planned.
"""

import asyncio
import heapq
import time
from collections.abc import Callable
from typing import NamedTuple


class Key(NamedTuple):
    """A rollout, by where it is."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Due:
    """Due times by key. Pure: time is an argument, in seconds since the epoch."""

    def __init__(self) -> None:
        self._at: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._working: dict[Key, float | None] = {}
        """Keys that are being worked on, with the earliest wake that came in the meantime."""

    def __len__(self) -> int:
        return len(self._at)

    def wake(self, key: Key, at: float) -> None:
        """Look at `key` at this time, or earlier if that is planned already."""
        if key in self._working:
            kept = self._working[key]
            self._working[key] = at if kept is None else min(kept, at)
        elif key not in self._at or at < self._at[key]:
            self._at[key] = at
            heapq.heappush(self._heap, (at, key))

    def forget(self, key: Key) -> None:
        """Plan no look at `key`; one that is under way is not disturbed."""
        self._at.pop(key, None)
        if key in self._working:
            self._working[key] = None

    def take(self, now: float) -> list[Key]:
        """All keys that are due; each is then being worked on until `done`, and not handed out again."""
        taken: list[Key] = []
        while (at := self.next_at()) is not None and at <= now:
            _, key = heapq.heappop(self._heap)
            del self._at[key]
            self._working[key] = None
            taken.append(key)
        return taken

    def done(self, key: Key) -> None:
        """The look at `key` is over; a wake that came in the meantime counts from now on."""
        kept = self._working.pop(key, None)
        if kept is not None:
            self.wake(key, kept)

    def next_at(self) -> float | None:
        """The earliest due time of a key that nobody works on; None when there is none."""
        while self._heap and self._at.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)  # forgotten, or planned earlier by another entry
        return self._heap[0][0] if self._heap else None

    def shift(self, seconds: float) -> None:
        """Move every due time."""
        self._at = {key: at + seconds for key, at in self._at.items()}
        self._working = {key: None if at is None else at + seconds for key, at in self._working.items()}
        self._heap = [(at, key) for key, at in self._at.items()]
        heapq.heapify(self._heap)


class Scheduler:
    """Hands out the keys that are due, to one consumer. Belongs to one event loop."""

    def __init__(self, clock: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._steady = steady
        self._offset = clock() - steady()
        self._due = Due()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due)

    def wake(self, key: Key, at: float | None = None) -> None:
        """Look at `key` at this time (None: now), or earlier if that is planned already. A past time means now."""
        self._due.wake(key, self._clock() if at is None else at)
        self._changed.set()

    def forget(self, key: Key) -> None:
        """Plan no look at `key`, for a rollout that is gone."""
        self._due.forget(key)

    def done(self, key: Key) -> None:
        """Say that the work on a key that `due` handed out is over, however it ended."""
        self._due.done(key)
        self._changed.set()

    async def due(self) -> list[Key]:
        """Wait until something is due, then return all keys that are. Call `done` for each of them."""
        while True:
            self._changed.clear()
            self._follow_the_clock()
            now = self._clock()
            if keys := self._due.take(now):
                return keys
            at = self._due.next_at()
            # At most 5 s at a time: a clock that was set forward is noticed by then.
            pause = 5.0 if at is None else min(max(at - now, 0.0), 5.0)
            try:
                await asyncio.wait_for(self._changed.wait(), timeout=pause)
            except TimeoutError:
                continue

    def _follow_the_clock(self) -> None:
        offset = self._clock() - self._steady()
        if offset < self._offset - 1.0:
            self._due.shift(offset - self._offset)
        self._offset = offset
