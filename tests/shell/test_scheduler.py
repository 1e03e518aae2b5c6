"""When each rollout is looked at next, told with times as arguments."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.shell.scheduler import Due, Key, Scheduler

A, B, C = Key("models", "a"), Key("models", "b"), Key("models", "c")


def test_a_key_prints_as_namespace_and_name() -> None:
    assert str(A) == "models/a"


def test_all_that_is_due_is_taken_together_and_the_rest_waits() -> None:
    due = Due()
    due.wake(A, 30.0)
    due.wake(B, 10.0)
    due.wake(C, 31.0)
    assert due.take(9.9) == []
    assert due.take(30.0) == [B, A]
    assert due.next_at() == 31.0


def test_the_earliest_wake_is_kept() -> None:
    due = Due()
    due.wake(A, 10.0)
    due.wake(A, 20.0)
    assert due.next_at() == 10.0
    due.wake(A, 5.0)
    assert due.next_at() == 5.0
    assert due.take(30.0) == [A]
    due.done(A)
    assert due.next_at() is None
    assert len(due) == 0


def test_a_key_in_work_is_not_handed_out_again_and_its_wakes_are_kept() -> None:
    due = Due()
    due.wake(A, 1.0)
    assert due.take(1.0) == [A]
    due.wake(A, 3.0)
    due.wake(A, 2.0)
    assert due.take(9.0) == []
    assert due.next_at() is None
    due.done(A)
    assert due.next_at() == 2.0
    assert due.take(9.0) == [A]


def test_a_forgotten_key_is_not_due_even_when_it_was_woken_during_the_work() -> None:
    due = Due()
    due.wake(A, 1.0)
    due.wake(B, 1.0)
    due.forget(B)
    assert due.take(5.0) == [A]
    due.wake(A, 2.0)
    due.forget(A)
    due.done(A)
    assert due.take(5.0) == []


def test_a_key_that_was_forgotten_can_come_back_later() -> None:
    due = Due()
    due.wake(A, 1.0)
    due.forget(A)
    due.wake(A, 4.0)
    assert due.take(3.0) == []
    assert due.take(4.0) == [A]


def test_a_shift_moves_what_is_planned_and_what_waits_for_the_work_to_end() -> None:
    due = Due()
    due.wake(A, 100.0)
    due.wake(B, 10.0)
    assert due.take(10.0) == [B]
    due.wake(B, 110.0)
    due.shift(-90.0)
    due.done(B)
    assert due.next_at() == 10.0
    assert due.take(20.0) == [A, B]


Wake = tuple[str, Key, float]


@given(
    st.lists(
        st.tuples(st.sampled_from(["wake", "take", "done", "forget"]), st.sampled_from([A, B, C]), st.integers(0, 20)),
        max_size=60,
    )
)
def test_whatever_happens_each_key_is_handed_out_when_its_earliest_wake_is_due(steps: list[Wake]) -> None:
    due = Due()
    planned: dict[Key, float] = {}
    working: dict[Key, float | None] = {}
    for what, key, at in steps:
        if what == "wake":
            due.wake(key, at)
            if key in working:
                kept = working[key]
                working[key] = at if kept is None else min(kept, at)
            else:
                planned[key] = min(at, planned.get(key, at))
        elif what == "forget":
            due.forget(key)
            planned.pop(key, None)
            if key in working:
                working[key] = None
        elif what == "done":
            due.done(key)
            kept = working.pop(key, None)
            if kept is not None:
                planned[key] = kept
        else:
            expected = {one for one, when in planned.items() if when <= at}
            assert set(due.take(at)) == expected
            for one in expected:
                del planned[one]
                working[one] = None
        assert due.next_at() == min(planned.values(), default=None)
        assert len(due) == len(planned)


class Clock:
    """A wall clock that a person may set, and a steady one."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_000_000.0, 50.0

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def scheduler(clock: Clock) -> Scheduler:
    return Scheduler(clock=lambda: clock.wall, steady=lambda: clock.steady)


async def nothing_due(scheduler: Scheduler) -> bool:
    try:
        await asyncio.wait_for(scheduler.due(), timeout=0.02)
    except TimeoutError:
        return True
    return False


async def test_a_wake_without_a_time_is_due_at_once_even_while_someone_waits(scheduler: Scheduler) -> None:
    waiting = asyncio.create_task(scheduler.due())
    await asyncio.sleep(0)
    scheduler.wake(A)
    assert await asyncio.wait_for(waiting, timeout=1.0) == [A]


async def test_a_clock_that_is_set_back_delays_nothing(scheduler: Scheduler, clock: Clock) -> None:
    scheduler.wake(A, clock.wall + 30.0)
    clock.wall -= 3600.0
    clock.passes(29.0)
    assert await nothing_due(scheduler)
    clock.passes(1.5)
    assert await asyncio.wait_for(scheduler.due(), timeout=1.0) == [A]


async def test_a_clock_that_is_set_forward_makes_due_what_is_passed(scheduler: Scheduler, clock: Clock) -> None:
    scheduler.wake(A, clock.wall + 30.0)
    clock.wall += 60.0
    assert await asyncio.wait_for(scheduler.due(), timeout=1.0) == [A]


async def test_the_end_of_the_work_frees_a_wake_that_came_meanwhile(scheduler: Scheduler) -> None:
    scheduler.wake(A)
    assert await scheduler.due() == [A]
    scheduler.wake(A)
    assert await nothing_due(scheduler)
    scheduler.done(A)
    assert await asyncio.wait_for(scheduler.due(), timeout=1.0) == [A]


async def test_a_look_on_the_real_clock_is_on_time() -> None:
    scheduler = Scheduler()
    at = time.time() + 0.15
    scheduler.wake(A, at)
    assert await asyncio.wait_for(scheduler.due(), timeout=2.0) == [A]
    assert 0 <= time.time() - at < 0.5
