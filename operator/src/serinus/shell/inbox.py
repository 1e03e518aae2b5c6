"""What happens in the cluster, taken into the cache, and the rollouts that it concerns woken.

Keeps one `Watch` running over the kinds that the API server knows:

    our own CRD is missing          nothing runs; `problem` says what to install; asked again every few seconds
    another kind is missing         the rest runs; `missing` names it; asked again, and taken in when it is there
    the watch ends                  `problem` says why; started again after a pause; the cache stays as it is
    an event was never told         the sweep lists everything every ten minutes, and after each new start of the
                                    watches, and takes in the difference
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import structlog

from serinus.plugin import Resource
from serinus.shell import telemetry
from serinus.shell.access import Access
from serinus.shell.cache import Cache
from serinus.shell.kube import Kube, KubeError, Manifest
from serinus.shell.resources import ENDPOINT_SLICE, POD, ROLLOUT_LABEL
from serinus.shell.scheduler import Key
from serinus.shell.watch import Event, Watch

log = structlog.get_logger()

LABELS = {POD: ROLLOUT_LABEL, ENDPOINT_SLICE: ROLLOUT_LABEL}
"""Kinds of which the API server sends only ours: EndpointSlices carry the labels of their Service."""
BEAT = 1.0
SETTLE = 2.0
SILENT_SECONDS = 150.0
"""A watch without a bookmark for so long is started anew: they come about once a minute."""
QUIET = 0.2
"""The first list is taken in when nothing came for so many seconds after all streams were opened."""


class Inbox:
    """Watches, cache and wake-ups of one process. Belongs to one event loop."""

    def __init__(
        self,
        access: Access,
        kube: Kube,
        cache: Cache,
        *,
        needed: Resource,
        kinds: Sequence[Resource],
        wake: Callable[[Key], None],
        namespaces: Sequence[str] = (),
        sweep_every: float = 600.0,
        ask_again: float = 15.0,
    ) -> None:
        """Without the kind `needed` nothing is watched; without others of `kinds` the rest is.

        `wake` is called for each rollout that an event concerns. Times in seconds.
        """
        self.problem = "The watches have not started yet."
        """Why nothing is watched, as a sentence; empty while all is well."""
        self.missing: tuple[str, ...] = ()
        """Kinds that the API server does not know, as `httproutes.gateway.networking.k8s.io/v1`."""
        self._access, self._kube, self._cache = access, kube, cache
        self._needed = needed
        self._kinds = (needed, *(kind for kind in kinds if kind != needed))
        self._wake = wake
        self._namespaces = tuple(namespaces)
        self._sweep_every, self._ask_again = sweep_every, ask_again
        self._events: deque[Event] = deque()
        self._last_event = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watch: Watch | None = None
        self._synced = asyncio.Event()
        self._sweep_soon = asyncio.Event()
        self._listed: Watch | None = None

    async def run(self) -> None:
        """Watch until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._supervise(), name="watch supervisor")
                tasks.create_task(self._sweep_forever(), name="sweep")
        finally:
            if self._watch is not None:
                self._watch.stop()

    async def synced(self) -> None:
        """Return once everything that existed at the start is in the cache."""
        await self._synced.wait()

    def is_synced(self) -> bool:
        """Whether everything that existed at the start is in the cache."""
        return self._synced.is_set()

    def ages(self) -> dict[str, float]:
        """Seconds since anything came from the watch of each kind, by plural; empty while nothing is watched."""
        return self._watch.ages() if self._watch is not None and self._watch.alive() else {}

    async def sweep(self) -> int:
        """Compare the cache with complete lists, and take in what no watch told. Returns how much that was.

        Raises `KubeError` when a list fails; what was compared until then stays.
        """
        found = 0
        for kind in self._kinds:
            if _title(kind) not in self.missing:
                found += await self._sweep_kind(kind)
        return found

    async def _supervise(self) -> None:
        pause = 1.0
        while True:
            try:
                kinds = await self._served()
            except KubeError as error:
                self._say(f"The API server does not answer: {error}")
                kinds = ()
            if kinds:
                started = time.monotonic()
                await self._follow(kinds)
                pause = 1.0 if time.monotonic() - started > 60 else min(pause * 2, 30.0)
                telemetry.WATCH_RESTARTS.inc()
            await asyncio.sleep(pause if kinds else min(5.0, self._ask_again))

    async def _served(self) -> tuple[Resource, ...]:
        """The kinds to watch now; none when our own is missing."""
        served = tuple([kind for kind in self._kinds if await self._kube.serves(kind)])
        before, self.missing = self.missing, tuple(_title(kind) for kind in self._kinds if kind not in served)
        if self._needed not in served:
            self._say(
                f"The API server does not know {_title(self._needed)}: install Serinus' CRD "
                "(kubectl apply -f crds/, or the chart with crds.install=true)."
            )
            return ()
        if self.missing and self.missing != before:
            log.warning("kinds that the API server does not know are not watched", missing=list(self.missing))
        return served

    async def _follow(self, kinds: Sequence[Resource]) -> None:
        """Run one watch until it ends, or until there is another kind to watch."""
        watch = self._watch = Watch(
            self._access,
            kinds,
            on_event=self._put,
            labels={kind: LABELS[kind] for kind in kinds if kind in LABELS},
            namespaces=self._namespaces,
        )
        watch.start()
        try:
            await self._until_over(watch, kinds)
        finally:
            watch.stop()
        await asyncio.to_thread(watch.stop, 5.0)

    async def _until_over(self, watch: Watch, kinds: Sequence[Resource]) -> None:
        asked = time.monotonic()
        while watch.alive():
            ages = watch.ages()
            self._beat(watch, ages)
            if silent := [kind for kind, age in ages.items() if age > SILENT_SECONDS]:
                self._say(f"Nothing came from the watches of {', '.join(sorted(silent))} for {SILENT_SECONDS:g} s.")
                return
            if self.missing and time.monotonic() - asked > self._ask_again:
                asked = time.monotonic()
                if await self._more_than(kinds):
                    return
            await asyncio.sleep(BEAT if self._synced.is_set() else 0.05)
        self._say(f"The watches ended: {watch.error or 'no reason given'}")

    async def _more_than(self, kinds: Sequence[Resource]) -> bool:
        try:
            return any([await self._kube.serves(kind) for kind in self._kinds if kind not in kinds])
        except KubeError:
            return False

    def _beat(self, watch: Watch, ages: Mapping[str, float]) -> None:
        for plural, age in ages.items():
            telemetry.WATCH_AGE.labels(plural).set(age)
        if watch.watching() and time.monotonic() - self._last_event > QUIET:
            self.problem = ""
            if self._synced.is_set() and watch is not self._listed:
                self._sweep_soon.set()  # what was deleted between two watches is told by neither
            self._listed = watch
            self._synced.set()

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            log.warning(problem)
        self.problem = problem

    def _put(self, event: Event) -> None:
        """Called by the watch's thread."""
        self._events.append(event)
        if len(self._events) == 1 and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take_in)

    def _take_in(self) -> None:
        """Take in what has come; a long queue in parts, so that nothing else waits for it."""
        self._last_event = time.monotonic()
        until = self._last_event + 0.02
        try:
            while self._events and time.monotonic() < until:
                kind, how, manifest = self._events.popleft()
                self._change(kind, manifest, gone=how == "DELETED")
        finally:
            if self._events and self._loop is not None:
                self._loop.call_soon(self._take_in)

    def _change(self, kind: Resource, manifest: Manifest, *, gone: bool) -> None:
        metadata = manifest["metadata"]
        if gone:
            version = int(metadata.get("resourceVersion") or 0)
            self._wake_all(self._cache.remove(kind, metadata["namespace"], metadata["name"], version))
        else:
            self._wake_all(self._cache.store(kind, manifest))

    async def _sweep_forever(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._sweep_soon.wait(), timeout=self._sweep_every)
            self._sweep_soon.clear()
            try:
                await self.sweep()
            except KubeError as error:
                log.warning("the sweep did not finish, the next one is later", error=str(error))

    async def _sweep_kind(self, kind: Resource) -> int:
        known = self._cache.versions(kind)
        alive: set[tuple[str, str]] = set()
        newer: list[Manifest] = []
        for namespace in self._namespaces or (None,):
            async for page in self._kube.pages(kind, namespace, labels=LABELS.get(kind, "")):
                alive |= {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in page}
                newer += [one for one in page if self._cache.behind(kind, one)]
        suspects = known.keys() - alive
        if newer or suspects:
            await asyncio.sleep(SETTLE)  # what is only on its way is not missed
        late = [one for one in newer if self._cache.behind(kind, one)]
        for manifest in late:
            self._wake_all(self._cache.store(kind, manifest))
        ghosts = [where for where in suspects if await self._is_ghost(kind, *where, known[where])]
        for namespace, name in ghosts:
            self._wake_all(self._cache.remove(kind, namespace, name))
        telemetry.WATCH_MISSED.labels(kind.plural).inc(len(late) + len(ghosts))
        return len(late) + len(ghosts)

    async def _is_ghost(self, kind: Resource, namespace: str, name: str, version: int) -> bool:
        return (
            self._cache.versions(kind).get((namespace, name)) == version
            and await self._kube.get(kind, namespace, name) is None
        )

    def _wake_all(self, keys: frozenset[Key]) -> None:
        for key in keys:
            self._wake(key)


def _title(kind: Resource) -> str:
    return f"{kind.plural}.{kind.group}/{kind.version}" if kind.group else f"{kind.plural}/{kind.version}"
