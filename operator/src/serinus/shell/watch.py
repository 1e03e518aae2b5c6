"""One run of Kopf: watch streams that call back for each event. The only file that knows Kopf.

Kopf runs in a thread and event loop of its own. When it ends (a watched kind lost its CRD, a permission is missing),
it cancels every task of its loop that it did not find there at its start, and it takes the process's signals: here
that ends this thread, and nothing else.

Only low-level events are used: nothing is written to any object, no finalizer, no annotation, no Kubernetes event.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import aiohttp
import kopf

from serinus.plugin import Resource
from serinus.shell.access import Access

RECONNECT_SECONDS = 300
"""The API server ends each watch after this time, and it is taken up again from where it was."""

Event = tuple[Resource, str | None, dict[str, Any]]
"""Kind, event type (None for an object of the first list), manifest."""


class LostKind(Exception):
    """A watched kind is gone from the API server: its CRD was deleted."""


class Watch:
    """Watches some kinds until `stop`, or until an error ends it (`error` says which)."""

    def __init__(
        self,
        access: Access,
        kinds: Sequence[Resource],
        *,
        on_event: Callable[[Event], None],
        labels: Mapping[Resource, str] | None = None,
        namespaces: Sequence[str] = (),
        reconnect_seconds: int = RECONNECT_SECONDS,
    ) -> None:
        """`on_event` is called in this thread. `labels` are label selectors by kind; no `namespaces`: all of them."""
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.error: BaseException | None = None
        self._access = access
        self._kinds = tuple(kinds)
        self._on_event = on_event
        self._labels = dict(labels or {})
        self._namespaces = tuple(namespaces)
        self._reconnect_seconds = reconnect_seconds
        self._asked_to_end = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None
        self._streams: dict[tuple[str, str], _Stream] = {}

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._thread.is_alive()

    def stop(self, seconds: float = 0.0) -> None:
        """Ask it to end, and wait for that so long."""
        self._asked_to_end = True
        if self._loop is not None and self._ending is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: it has ended already
                self._loop.call_soon_threadsafe(self._ending.set)
        if seconds > 0 and self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        try:
            asyncio.run(self._operate())
        except Exception as error:  # whatever ended it, the supervisor says so and starts another one
            self.error = self.error or error

    def watching(self) -> bool:
        """Whether every kind has been listed and its stream was opened."""
        return len(self._streams) >= len(self._kinds) * max(1, len(self._namespaces))

    def ages(self) -> dict[str, float]:
        """Seconds since anything came from the stream of each kind (by plural), bookmarks included.

        Ages are as fine as this is called often: a stream's counter is compared with that of the last call.
        """
        now = time.monotonic()
        ages: dict[str, float] = {}
        for (plural, _), stream in list(self._streams.items()):
            ages[plural] = max(ages.get(plural, 0.0), stream.age(now))
        return ages

    async def _operate(self) -> None:
        self._loop, self._ending = asyncio.get_running_loop(), asyncio.Event()
        if self._asked_to_end:
            return
        told = asyncio.create_task(self._ending.wait(), name="told to end")
        operator = asyncio.create_task(self._kopf(self._ending), name="kopf")
        await asyncio.wait({operator, told}, return_when=asyncio.FIRST_COMPLETED)
        self._ending.set()
        await asyncio.wait({operator}, timeout=2.0)
        await _cancel_the_rest()
        if operator.done() and not operator.cancelled():
            self.error = self.error or operator.exception()

    async def _kopf(self, stop_flag: asyncio.Event) -> None:
        await kopf.operator(
            registry=self._registry(),
            settings=self._settings(),
            standalone=True,
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            identity=cast(Any, "serinus"),  # Kopf's own guess asks for a user name, which a container's uid may lack
            stop_flag=stop_flag,
        )

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        @kopf.on.login(registry=registry)
        async def login(**_: Any) -> kopf.AiohttpSession:
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._access.tls()),
                middlewares=(self._sign,),
                trust_env=True,
            )
            return kopf.AiohttpSession(server=self._access.server, aiohttp_session=session)

        for kind in self._kinds:
            kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, id=f"{kind.plural}.{kind.group}")(
                self._handler(kind)
            )
        return registry

    def _handler(self, kind: Resource) -> Callable[..., Any]:
        async def seen(event: Mapping[str, Any], **_: Any) -> None:
            self._on_event((kind, event["type"], dict(event["object"])))

        return seen

    def _settings(self) -> kopf.OperatorSettings:
        settings = kopf.OperatorSettings()
        settings.scanning.disabled = True
        settings.posting.enabled = False
        settings.persistence.diffbase_storage = _NoDiffBase()
        settings.queueing.idle_timeout = 0.05  # with the default of 5 s, each of 10,000 objects keeps a task at start
        settings.queueing.exit_timeout = 0.1
        settings.watching.chunk_size = 500
        settings.watching.server_timeout = self._reconnect_seconds
        settings.watching.client_timeout = self._reconnect_seconds + 30
        settings.networking.request_timeout = 60
        settings.networking.connect_timeout = 10
        settings.networking.error_backoffs = (1, 2, 5)
        settings.process.ultimate_exiting_timeout = None
        for kind, selector in self._labels.items():
            settings.watching.label_selectors[kind.group, kind.version, kind.plural] = selector
        return settings

    async def _sign(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """Sign each request with the credentials of this moment, remember the streams, and notice a lost kind.

        Kopf would end by itself when a kind is lost, but for its other streams it may wait for ever then.
        """
        request.headers.update(self._access.headers())
        response = await handler(request)
        parts = request.url.path.split("/")
        if response.status == 404 and any(parts[-1] == kind.plural for kind in self._kinds):
            self.error = LostKind(f"the API server no longer knows {request.url.path}")
            self.stop()
        if response.status == 200 and request.url.query.get("watch") == "true":
            namespace = parts[parts.index("namespaces") + 1] if "namespaces" in parts else ""
            self._streams[parts[-1], namespace] = _Stream(response)
        return response


class _Stream:
    """An open watch, and when something last came from it."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._bytes = -1
        self._since = time.monotonic()

    def age(self, now: float) -> float:
        count = self._response.content.total_bytes
        if count != self._bytes:
            self._bytes, self._since = count, now
        return now - self._since


class _NoDiffBase(kopf.DiffBaseStorage):
    """Low-level events compare nothing: spares a deep copy of every object of every event."""

    def build(self, *, body: Any, extra_fields: Any = None) -> Any:  # noqa: ARG002  # Kopf's own signature
        return {}

    def fetch(self, *, body: Any) -> None:  # noqa: ARG002
        return None

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        """Nothing is stored."""


async def _cancel_the_rest() -> None:
    """End every other task of this loop. Some of Kopf's swallow a cancellation once, so they get several."""
    for _ in range(10):
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if not rest:
            return
        for task in rest:
            task.cancel()
        await asyncio.wait(rest, timeout=0.3)
