"""The lease guard against a real API server: one holder at a time, a quick change, a certain end."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from serinus.shell import access
from serinus.shell.lease import Lease
from tests.api_server.conftest import ApiServer

pytestmark = [pytest.mark.api_server, pytest.mark.xdist_group("lease")]
SECONDS = 2.0


@dataclass
class Contest:
    """Guards of one lease, released at the end."""

    api_server: ApiServer
    namespace: str
    guards: list[Lease] = field(default_factory=list)

    async def enter(self, identity: str, on_loss: Callable[[], None] = lambda: None) -> Lease:
        """A new process, as far as the lease is concerned."""
        guard = Lease(
            await access.load(self.api_server.kubeconfig),
            namespace=self.namespace,
            name="serinus",
            identity=identity,
            seconds=SECONDS,
            on_loss=on_loss,
        )
        guard.start()
        self.guards.append(guard)
        return guard

    def spec(self) -> dict[str, object]:
        """The Lease as kubectl shows it."""
        answer = self.api_server.kubectl("get", "lease", "serinus", "-n", self.namespace, "-o", "json")
        assert answer.returncode == 0, answer.stderr
        spec: dict[str, object] = json.loads(answer.stdout)["spec"]
        return spec


@pytest.fixture
async def contest(api_server: ApiServer, namespace: str) -> AsyncIterator[Contest]:
    made = Contest(api_server, namespace)
    yield made
    for guard in made.guards:
        await asyncio.to_thread(guard.release)


async def held(guard: Lease, within: float) -> float:
    """Seconds until the guard holds the lease."""
    started = time.monotonic()
    await asyncio.wait_for(guard.wait_until_held(), within)
    return time.monotonic() - started


async def test_a_missing_lease_is_created_and_kept(contest: Contest) -> None:
    guard = await contest.enter("first")
    await held(guard, 2.0)
    transitions = contest.spec()["leaseTransitions"]
    renewed = contest.spec()["renewTime"]
    await asyncio.sleep(2 * SECONDS)
    assert guard.held()
    assert guard.alive()
    assert guard.answered_within(SECONDS)
    assert contest.spec()["leaseTransitions"] == transitions
    assert contest.spec()["renewTime"] != renewed
    assert str(contest.spec()["holderIdentity"]).startswith("first_")


async def test_while_one_holds_the_lease_another_waits(contest: Contest) -> None:
    first = await contest.enter("first")
    await held(first, 2.0)
    second = await contest.enter("second")
    with pytest.raises(TimeoutError):
        await held(second, 2 * SECONDS)
    assert first.held()
    assert not second.held()
    assert second.alive()


async def test_a_lease_that_is_handed_back_is_taken_at_once(contest: Contest) -> None:
    first = await contest.enter("first")
    await held(first, 2.0)
    second = await contest.enter("second")
    await asyncio.sleep(0.5)
    await asyncio.to_thread(first.release)
    assert not first.held()
    assert await held(second, SECONDS) < 1.0


async def test_a_holder_that_vanishes_is_followed_after_one_duration_and_not_before(contest: Contest) -> None:
    first = await contest.enter("first")
    await held(first, 2.0)
    first._stop.set()  # as by SIGKILL: nothing is handed back
    vanished = time.monotonic()
    second = await contest.enter("second")
    await held(second, 3 * SECONDS)
    assert SECONDS <= time.monotonic() - vanished < 2.5 * SECONDS


async def test_a_restarted_process_of_the_same_name_is_another_holder(contest: Contest) -> None:
    first = await contest.enter("same")
    await held(first, 2.0)
    second = await contest.enter("same")
    with pytest.raises(TimeoutError):
        await held(second, SECONDS)
    assert first.held()


async def test_a_holder_whose_lease_someone_took_ends(contest: Contest) -> None:
    lost = threading.Event()
    first = await contest.enter("first", on_loss=lost.set)
    await held(first, 2.0)
    patch = json.dumps({"spec": {"holderIdentity": "intruder", "leaseDurationSeconds": 60}})
    answer = contest.api_server.kubectl(
        "patch", "lease", "serinus", "-n", contest.namespace, "--type=merge", "-p", patch
    )
    assert answer.returncode == 0, answer.stderr
    assert await asyncio.to_thread(lost.wait, SECONDS)
    assert not first.held()
    assert contest.spec()["holderIdentity"] == "intruder"


async def test_a_holder_that_cannot_reach_the_api_server_ends_before_the_next_one_starts(contest: Contest) -> None:
    lost = threading.Event()
    first = await contest.enter("first", on_loss=lost.set)
    await held(first, 2.0)
    second = await contest.enter("second")
    first._access.configuration.host = "https://127.0.0.1:1"  # refuses connections
    first._disconnect()
    cut = time.monotonic()
    assert await asyncio.to_thread(lost.wait, SECONDS)
    ended = time.monotonic() - cut
    assert not first.held()
    assert not second.held()
    await held(second, 2 * SECONDS)
    assert time.monotonic() - cut > ended
