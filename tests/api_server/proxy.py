"""A proxy in front of the real API server, or of the real Prometheus: everything passes, but for the faults of a test.

    with Proxy(upstream, ca_file=…, token=…) as proxy:
        proxy.before = lambda request: Fault(status=503)          # instead of passing it on
        proxy.after = lambda request, answer: operator.kill()     # when the server has answered, before we do
        proxy.alter = lambda request, body: b"{…}"                # another body of an answer that is not a stream

The operator speaks plain HTTP to it on loopback, so that no certificates have to be made; towards the server it is TLS
with the caller's own credentials.
"""

import asyncio
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
from aiohttp import web

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "host"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of the operator."""

    method: str
    path: str
    query: str
    body: bytes

    @property
    def is_write(self) -> bool:
        return self.method in ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What the operator gets instead of the server's answer."""

    status: int = 503
    body: bytes = b'{"kind":"Status","status":"Failure","message":"as the test asked"}'
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    """Seconds of silence first."""
    cut: bool = False
    """Close the connection without an answer."""


class Proxy:
    """Runs in a thread and an event loop of its own; its hooks are called there."""

    def __init__(self, upstream: str, *, ca_file: str | None = None) -> None:
        self._upstream = upstream.rstrip("/")
        self._tls = ssl.create_default_context(cafile=ca_file) if ca_file else None
        self.before: Callable[[Request], Fault | None] = lambda request: None
        self.after: Callable[[Request, int], None] = lambda request, status: None
        self.alter: Callable[[Request, bytes], bytes] | None = None
        self.address = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        assert self._ready.wait(10), "the proxy did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._stop())
        self._loop.close()

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls if self._tls is not None else True, limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=True,
        )
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, shutdown_timeout=0.1)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"http://{host}:{port}"

    async def _stop(self) -> None:
        await self._session.close()
        await self._runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}  # streams whose other end never said goodbye
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _handle(self, incoming: web.Request) -> web.StreamResponse:
        request = Request(
            method=incoming.method,
            path=incoming.path,
            query=incoming.query_string,
            body=await incoming.read(),
        )
        fault = self.before(request)
        if fault is not None:
            return await self._answer_with(fault, incoming)
        headers = {key: value for key, value in incoming.headers.items() if key.lower() not in _HOP_BY_HOP}
        async with self._session.request(
            request.method,
            self._upstream + incoming.raw_path,
            headers=headers,
            data=request.body or None,
            allow_redirects=False,
        ) as answer:
            kept = {key: value for key, value in answer.headers.items() if key.lower() not in _HOP_BY_HOP}
            if "watch=true" in request.query or "watch=1" in request.query:
                return await self._stream(incoming, answer, kept)
            body = await answer.read()
            self.after(request, answer.status)
            if self.alter is not None:
                body = self.alter(request, body)
            return web.Response(status=answer.status, body=body, headers=kept)

    async def _answer_with(self, fault: Fault, incoming: web.Request) -> web.StreamResponse:
        await asyncio.sleep(fault.delay)
        if fault.cut and incoming.transport is not None:
            incoming.transport.abort()
        return web.Response(
            status=fault.status, body=fault.body, headers={"Content-Type": "application/json", **dict(fault.headers)}
        )

    async def _stream(
        self, incoming: web.Request, answer: aiohttp.ClientResponse, headers: dict[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(incoming)
        try:
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
        except (ConnectionResetError, aiohttp.ClientError):
            return response
        return response
