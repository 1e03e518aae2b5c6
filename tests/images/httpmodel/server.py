"""An HTTP server that behaves as a model server does, as well or as badly as its environment says.

    VERSION          in every answer and in the label `version` of `httpmodel_info`   (default "v1")
    ERROR_RATE       share of requests that are answered with 500                     (0)
    LATENCY          median seconds of an answer                                      (0.005)
    LATENCY_SIGMA    spread of the latency: standard deviation of its logarithm       (0.3)
    STARTUP          seconds until it is ready, as for a model that is being loaded   (0)
    DRAIN            seconds between SIGTERM and the last new connection              (2)
    SEED             makes failures and latencies repeatable                          (unset)
    PORT             where it listens                                                 (8080)

and what makes pods differ, and one minute from the next, as `noise.py` tells.

`/readyz` tells readiness, `/healthz` life, `/metrics` is for Prometheus; every other path is a request to the model.
On SIGTERM it is unready at once but goes on answering, because endpoints take a moment to forget it. It uses the
standard library only, so the image is the base image plus two files.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from bisect import bisect_left
from dataclasses import dataclass, field

from noise import Noise

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
REASONS = {200: "OK", 400: "Bad Request", 500: "Internal Server Error", 503: "Service Unavailable"}
LARGEST_BODY = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What the environment says."""

    version: str
    error_rate: float
    latency: float
    latency_sigma: float
    startup: float
    drain: float
    port: int

    @classmethod
    def of_environment(cls) -> Behaviour:
        def number(name: str, default: float) -> float:
            return float(os.environ.get(name) or default)

        return cls(
            version=os.environ.get("VERSION", "v1"),
            error_rate=number("ERROR_RATE", 0),
            latency=number("LATENCY", 0.005),
            latency_sigma=number("LATENCY_SIGMA", 0.3),
            startup=number("STARTUP", 0),
            drain=number("DRAIN", 2),
            port=int(number("PORT", 8080)),
        )


@dataclass(slots=True)
class Metrics:
    """Counts of answers by code, and a histogram of their durations."""

    version: str
    codes: dict[int, int] = field(default_factory=lambda: {200: 0, 500: 0})  # at 0 from the start, so that rates exist
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0

    def count(self, code: int, seconds: float) -> None:
        self.codes[code] = self.codes.get(code, 0) + 1
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds

    def text(self) -> str:
        lines = ["# TYPE httpmodel_info gauge", f'httpmodel_info{{version="{self.version}"}} 1']
        lines.append("# TYPE http_requests_total counter")
        lines += [f'http_requests_total{{code="{code}"}} {count}' for code, count in sorted(self.codes.items())]
        lines.append("# TYPE http_request_duration_seconds histogram")
        total = 0
        for bound, count in zip((*BUCKETS, "+Inf"), self.buckets, strict=True):
            total += count
            lines.append(f'http_request_duration_seconds_bucket{{le="{bound}"}} {total}')
        lines.append(f"http_request_duration_seconds_sum {self.seconds}")
        lines.append(f"http_request_duration_seconds_count {total}")
        return "\n".join(lines) + "\n"


class Server:
    """One listening server; `run` returns after SIGTERM when the last request is answered."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.noise = Noise.of_environment(os.environ)
        self.metrics = Metrics(behaviour.version)
        self.dice = random.Random(os.environ.get("SEED"))
        self.ready_at = time.monotonic() + behaviour.startup
        self.ending = asyncio.Event()
        self.open: set[asyncio.Task[None]] = set()
        self.busy = 0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.ending.set)
        server = await asyncio.start_server(self.connected, "0.0.0.0", self.behaviour.port, backlog=1024)
        pauses = asyncio.create_task(self.stand_still())
        await self.ending.wait()
        pauses.cancel()
        await asyncio.sleep(self.behaviour.drain)
        server.close()
        while self.busy:
            await asyncio.sleep(0.01)
        for connection in self.open:  # idle ones, which a proxy would keep for its next request
            connection.cancel()
        await asyncio.gather(*self.open, return_exceptions=True)

    async def stand_still(self) -> None:
        """Stop the whole process now and then, as a garbage collection does: requests, probes and scrapes wait."""
        while self.noise.pause > 0:
            await asyncio.sleep(self.dice.expovariate(1 / self.noise.pause_every))
            time.sleep(self.dice.expovariate(1 / self.noise.pause))

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.open.add(task)
        try:
            while await self.answer_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the other side went away, or does not speak HTTP
        except asyncio.CancelledError:
            pass  # idle at the end of the server
        finally:
            self.open.discard(task)
            writer.close()

    async def answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request of a connection; False when the connection is to be closed."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.busy += 1
        try:
            headers = {
                key.strip().lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:])
            }
            length = int(headers.get("content-length") or 0)
            keep = "http/1.1" in head[0].lower() and headers.get("connection", "").lower() != "close"
            keep = keep and not self.ending.is_set()
            if "transfer-encoding" in headers or length > LARGEST_BODY:
                self.write(
                    writer, 400, "text/plain", "send a body with a content-length of at most 4 MiB\n", keep=False
                )
                return False
            await reader.readexactly(length)
            code, kind, body = await self.answer(head[0].split(" ")[1].partition("?")[0])
            self.write(writer, code, kind, body, keep=keep)
            await writer.drain()
            return keep
        finally:
            self.busy -= 1

    async def answer(self, path: str) -> tuple[int, str, str]:
        if path == "/metrics":
            return 200, "text/plain; version=0.0.4", self.metrics.text()
        if path == "/healthz":
            return 200, "text/plain", "ok\n"
        ready = time.monotonic() >= self.ready_at and not self.ending.is_set()
        if path == "/readyz":
            return (200, "text/plain", "ok\n") if ready else (503, "text/plain", "not ready\n")
        began = time.monotonic()
        now = time.time()
        latency = self.behaviour.latency * self.noise.latency_factor(now)
        await asyncio.sleep(latency * self.dice.lognormvariate(0, self.behaviour.latency_sigma))
        code = 500 if self.dice.random() < self.behaviour.error_rate * self.noise.error_factor(now) else 200
        self.metrics.count(code, time.monotonic() - began)
        return code, "application/json", json.dumps({"version": self.behaviour.version, "code": code}) + "\n"

    def write(self, writer: asyncio.StreamWriter, code: int, kind: str, body: str, *, keep: bool) -> None:
        content = body.encode()
        writer.write(
            f"HTTP/1.1 {code} {REASONS[code]}\r\ncontent-type: {kind}\r\ncontent-length: {len(content)}\r\n"
            f"x-version: {self.behaviour.version}\r\nconnection: {'keep-alive' if keep else 'close'}\r\n\r\n".encode()
            + content
        )


if __name__ == "__main__":
    asyncio.run(Server(Behaviour.of_environment()).run())
