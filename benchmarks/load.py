"""Requests at a steady rate, each written down, from a process of its own.

The rate does not wait for answers: a slow answer delays no other request, up to `IN_FLIGHT` of them. The number of
requests is bounded, so that a benchmark that dies leaves no load behind for long.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

import aiohttp

IN_FLIGHT = 200
TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One request: times are seconds since the epoch."""

    host: str
    sent: float
    answered: float
    status: int
    """0: no answer."""
    version: str
    """Of the model that answered; empty where none did."""
    error: str

    @property
    def line(self) -> str:
        return f"{self.host}\t{self.sent:.6f}\t{self.answered:.6f}\t{self.status}\t{self.version}\t{self.error}\n"

    @classmethod
    def of(cls, line: str) -> Self:
        host, sent, answered, status, version, error = line.rstrip("\n").split("\t")
        times = {"sent": float(sent), "answered": float(answered)}
        return cls(host=host, status=int(status), version=version, error=error, **times)


class Load:
    """`rps` requests a second to hosts behind a gateway, in turn, for at most `seconds`."""

    def __init__(self, folder: Path, url: str, hosts: Sequence[str], *, rps: float, seconds: float) -> None:
        self._file = folder / "answers.tsv"
        self._file.touch()
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        arguments = (theirs, str(self._file), url, tuple(hosts), rps, int(rps * seconds))
        self._process = context.Process(target=_send, args=arguments, daemon=True)

    def start(self) -> None:
        self._process.start()

    def stop(self) -> list[Answer]:
        """End it; requests on their way are waited for. Returns all answers in the order in which they came."""
        if self._process.is_alive():
            self._ours.send("end")
            self._process.join(TIMEOUT + 10)
        with self._file.open() as lines:
            return [Answer.of(line) for line in lines]


def _send(ours: Connection, file: str, url: str, hosts: Sequence[str], rps: float, most: int) -> None:
    asyncio.run(_sending(ours, file, url, hosts, rps, most))


async def _sending(ours: Connection, file: str, url: str, hosts: Sequence[str], rps: float, most: int) -> None:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    connector = aiohttp.TCPConnector(limit=0)
    room = asyncio.Semaphore(IN_FLIGHT)
    with Path(file).open("a") as out:  # noqa: ASYNC230 - a local file that is only appended to
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

            async def one(host: str) -> None:
                try:
                    out.write((await _ask(session, url, host)).line)
                finally:
                    room.release()

            async with asyncio.TaskGroup() as group:
                due = time.monotonic()
                for number in range(most):
                    await room.acquire()
                    group.create_task(one(hosts[number % len(hosts)]))
                    due = max(due + 1 / rps, time.monotonic() - 1.0)  # after a stall, no more than a second is made up
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                    if ours.poll():
                        break


async def _ask(session: aiohttp.ClientSession, url: str, host: str) -> Answer:
    sent, status, version, error = time.time(), 0, "", ""
    try:
        async with session.get(url, headers={"Host": host}) as answer:
            await answer.read()
            status, version = answer.status, answer.headers.get("x-version", "")
    except (aiohttp.ClientError, TimeoutError, OSError) as failure:
        error = type(failure).__name__
    return Answer(host=host, sent=sent, answered=time.time(), status=status, version=version, error=error)
