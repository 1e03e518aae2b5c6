"""Requests in bursts to many models behind a gateway, counted by second and version, from a process of its own.

Each host has its own arrivals: calm for some seconds, then a burst at three times that rate, as a Poisson process
whose rate changes. The rate does not wait for answers, up to `IN_FLIGHT` of them for each host. The duration is
bounded, so that a benchmark that dies leaves no load behind for long.
"""

import asyncio
import multiprocessing
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self, TextIO

import aiohttp

IN_FLIGHT = 100
TIMEOUT = 10.0
CALM_SECONDS, BURST_SECONDS, BURST = 6.0, 1.5, 3.0
"""Mean lengths of calm and of bursts, and how many times as many requests a burst has in a second."""
WRITE_EVERY = 2.0
LATE = 1.0
"""After a stall, requests of at most so many seconds are made up for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Answers of one version of the model behind a host that came within one second."""

    host: str
    second: int
    """Since the epoch."""
    version: str
    """Empty: no model answered."""
    n: int
    bad: int

    @property
    def line(self) -> str:
        return f"{self.host}\t{self.second}\t{self.version}\t{self.n}\t{self.bad}\n"

    @classmethod
    def of(cls, line: str) -> Self:
        host, second, version, n, bad = line.rstrip("\n").split("\t")
        return cls(host=host, second=int(second), version=version, n=int(n), bad=int(bad))


class BurstyLoad:
    """`rps` requests a second on average to each host, for at most `seconds`."""

    def __init__(self, folder: Path, url: str, hosts: Sequence[str], *, rps: float, seconds: float) -> None:
        self._file = folder / "counted.tsv"
        self._file.touch()
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        arguments = (theirs, str(self._file), url, tuple(hosts), rps, seconds)
        self._process = context.Process(target=_send, args=arguments, daemon=True)

    def start(self) -> None:
        self._process.start()

    def wait_for_answers(self, seconds: float) -> None:
        """Until something was counted: a process needs a while to start on a busy machine."""
        end = time.monotonic() + seconds
        while not self._file.stat().st_size:
            if time.monotonic() > end:
                raise TimeoutError(f"nothing was counted within {seconds:.0f} s")
            time.sleep(0.2)

    def stop(self) -> list[Counted]:
        """End it, and return what was counted; one version may have several entries in one second.

        Where it had ended by itself nobody can say what the trials were asked, and that is an error.
        """
        if not self._process.is_alive():
            raise RuntimeError(f"the load ended before the benchmark did (exit code {self._process.exitcode})")
        self._ours.send("end")
        self._process.join(TIMEOUT + 10)
        with self._file.open() as lines:
            return [Counted.of(line) for line in lines]


def _send(ours: Connection, file: str, url: str, hosts: Sequence[str], rps: float, seconds: float) -> None:
    asyncio.run(_sending(ours, file, url, hosts, rps, seconds))


async def _sending(ours: Connection, file: str, url: str, hosts: Sequence[str], rps: float, seconds: float) -> None:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    counts: dict[tuple[str, int, str], list[int]] = defaultdict(lambda: [0, 0])
    until = time.monotonic() + seconds
    with Path(file).open("a") as out:  # noqa: ASYNC230 - a local file that is only appended to
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
            tasks = [asyncio.create_task(_visit(session, url, host, rps, counts)) for host in hosts]
            try:
                while time.monotonic() < until and not ours.poll():
                    await asyncio.sleep(WRITE_EVERY)
                    _write(out, counts)
                    for task in tasks:
                        if task.done():
                            task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                _write(out, counts)


def _write(out: TextIO, counts: dict[tuple[str, int, str], list[int]]) -> None:
    out.writelines(
        Counted(host=host, second=second, version=version, n=n, bad=bad).line
        for (host, second, version), (n, bad) in counts.items()
    )
    out.flush()
    counts.clear()


async def _visit(
    session: aiohttp.ClientSession, url: str, host: str, rps: float, counts: dict[tuple[str, int, str], list[int]]
) -> None:
    """One host's users, until they are told to stop; what they still wait for then is not counted."""
    dice, room = random.Random(host), asyncio.Semaphore(IN_FLIGHT)
    calm = rps * (CALM_SECONDS + BURST_SECONDS) / (CALM_SECONDS + BURST * BURST_SECONDS)

    async def one() -> None:
        try:
            version, bad = await _ask(session, url, host)
            entry = counts[host, int(time.time()), version]
            entry[0] += 1
            entry[1] += bad
        finally:
            room.release()

    async with asyncio.TaskGroup() as group:
        due, bursting, changes = time.monotonic(), False, time.monotonic()
        while True:
            while due >= changes:
                bursting = not bursting
                changes += dice.expovariate(1 / (BURST_SECONDS if bursting else CALM_SECONDS))
            await room.acquire()
            group.create_task(one())
            due = max(due + dice.expovariate(calm * (BURST if bursting else 1.0)), time.monotonic() - LATE)
            await asyncio.sleep(max(0.0, due - time.monotonic()))


async def _ask(session: aiohttp.ClientSession, url: str, host: str) -> tuple[str, bool]:
    """The version that answered, empty where none did, and whether the answer was bad."""
    try:
        async with session.get(url, headers={"Host": host}) as answer:
            await answer.read()
            return answer.headers.get("x-version", ""), answer.status != 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return "", True
