"""The operator's own pages: is it well, does it see the cluster, what are its numbers.

    /healthz   500 when a restart would help: the lease guard died, or a watch is silent although the API server answers
    /readyz    503 while the CRD is missing or the first list is not in; the text says what to do
    /metrics   Prometheus' text format

A standby that waits for the lease is ready. Were it not, an update by rolling would never end: the new pod would wait
for the lease of the old one, and the old one for the new pod to be ready.
"""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog
from aiohttp import web

from serinus.shell import telemetry

log = structlog.get_logger()
SILENT_SECONDS = 300.0
"""The inbox starts a silent watch anew after half of this time; when that does not help, a restart may."""


class Guard(Protocol):
    """What is asked of the lease."""

    def alive(self) -> bool:
        """Whether the guard's threads run."""

    def held(self) -> bool:
        """Whether this process may write."""

    def answered_within(self, seconds: float) -> bool:
        """Whether the API server answered the guard in this time."""


class Watching(Protocol):
    """What is asked of the inbox."""

    problem: str
    missing: tuple[str, ...]

    def is_synced(self) -> bool:
        """Whether everything that existed at the start is in the cache."""

    def ages(self) -> Mapping[str, float]:
        """Seconds of silence by kind."""


class Pages:
    """The three pages, and the timer that measures how late the event loop is."""

    def __init__(self, lease: Guard, inbox: Watching) -> None:
        self._lease, self._inbox = lease, inbox
        self._runner: web.AppRunner | None = None
        self._writing = asyncio.Lock()
        self.lag = 0.0
        """Seconds that the last one-second timer was late."""

    async def start(self, port: int, host: str | None = None) -> int:
        """Listen; returns the port, which differs from the one given only for 0. Raises OSError when it is taken."""
        app = web.Application()
        app.add_routes(
            [web.get("/healthz", self._healthz), web.get("/readyz", self._readyz), web.get("/metrics", self._metrics)]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        # A port of 0 becomes one port for IPv4 (address and port) and another one for IPv6 (four members).
        return int(min(self._runner.addresses, key=len)[1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def measure_lag(self) -> None:
        """Measure the event loop until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(1.0)
            self.lag = max(0.0, loop.time() - before - 1.0)
            telemetry.LOOP_LAG.set(self.lag)
            telemetry.LEASE_HELD.set(self._lease.held())

    def unwell(self) -> str:
        """Why a restart would help, as a sentence; empty when all is well."""
        if not self._lease.alive():
            return "The lease guard does not run."
        silent = [f"{kind} for {age:.0f} s" for kind, age in self._inbox.ages().items() if age > SILENT_SECONDS]
        if silent and self._lease.answered_within(60.0):
            return f"Watches are silent although the API server answers: {', '.join(sorted(silent))}."
        return ""

    def unready(self) -> str:
        """What is missing before rollouts can be served, as a sentence; empty when nothing is."""
        if self._inbox.problem:
            return self._inbox.problem
        return "" if self._inbox.is_synced() else "The first list of the cluster is not in yet."

    async def _healthz(self, _: web.Request) -> web.Response:
        problem = self.unwell()
        said = problem or f"ok; lease {'held' if self._lease.held() else 'not held'}; loop lag {self.lag:.3f} s"
        return web.Response(status=500 if problem else 200, text=said + "\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        problem = self.unready()
        lines = [problem or "ok"]
        lines += [
            f"The API server does not know {kind}; rollouts that name one say so." for kind in self._inbox.missing
        ]
        return web.Response(status=503 if problem else 200, text="\n".join(lines) + "\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        # Many trials are some thousand lines: the loop goes on while they are written, once at a time.
        async with self._writing:
            body = await asyncio.to_thread(telemetry.exposition)
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
