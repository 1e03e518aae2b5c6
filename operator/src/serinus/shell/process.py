"""The operator as one process: its parts started in order, and stopped in order.

    start   pages -> lease guard and watches, side by side -> (first list in, lease held) -> reconcile loop
    stop    reconcile loop -> writes that were sent are finished -> lease handed back -> watches, pages

A part that ends by an error ends the process: what is left in the cluster is enough to go on from (see `reconcile`).
"""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

import structlog

from serinus.plugin import Resource
from serinus.shell import access, telemetry
from serinus.shell.cache import Cache
from serinus.shell.inbox import Inbox
from serinus.shell.kube import Kube
from serinus.shell.lease import Lease
from serinus.shell.resources import DEPLOYMENT, ENDPOINT_SLICE, POD, POD_TEMPLATE, ROLLOUT, SERVICE
from serinus.shell.scheduler import Scheduler
from serinus.shell.settings import Settings, SettingsError
from serinus.shell.web import Pages

log = structlog.get_logger()

Reconcile = Callable[[Settings, Kube, Cache, Scheduler, Lease], Awaitable[None]]
OWN_KINDS = (DEPLOYMENT, POD_TEMPLATE, SERVICE, ENDPOINT_SLICE, POD)
COLLECT = (20_000, 20, 50)
"""How many new objects, and then how many smaller rounds, make a round of the collector."""
FINISH_SECONDS = 0.6
"""How long writes that were sent may take to finish when the process stops."""


async def operate(settings: Settings, reconcile: Reconcile, plugin_kinds: Sequence[Resource]) -> None:
    """Run until SIGTERM or SIGINT, or until a part fails.

    Raises `AccessError` where no API server is known, `SettingsError` where the port is taken.
    `plugin_kinds` are the routes and sources that plug-ins read: they are watched beside our own kinds.
    """
    spare_the_collector()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    reached = await access.load()
    lease = Lease(
        reached,
        namespace=settings.lease_namespace,
        name=settings.lease_name,
        identity=settings.identity,
        seconds=settings.lease_seconds,
    )
    kube = Kube(reached, may_write=lease.held, counted=telemetry.count_request)
    cache, scheduler = Cache(), Scheduler()
    kinds = tuple(dict.fromkeys((*OWN_KINDS, *plugin_kinds)))
    inbox = Inbox(
        reached, kube, cache, needed=ROLLOUT, kinds=kinds, wake=scheduler.wake, namespaces=settings.namespaces
    )
    pages = Pages(lease, inbox)
    try:
        port = await pages.start(settings.port)
    except OSError as error:
        raise SettingsError(f"SERINUS_PORT: the pages cannot be served on port {settings.port}: {error}.") from error
    lease.start()
    log.info("started", port=port, server=reached.server, namespaces=list(settings.namespaces) or "all")

    async def work() -> None:
        await inbox.synced()
        await lease.wait_until_held()
        log.info("rollouts are served from now on", rollouts=len(cache.rollouts()))
        await reconcile(settings, kube, cache, scheduler, lease)

    parts: set[asyncio.Task[Any]] = {
        asyncio.create_task(part, name=name)
        for name, part in (
            ("reconcile", work()),
            ("watches", inbox.run()),
            ("pages", pages.measure_lag()),
            ("stop", stop.wait()),
        )
    }
    refresher = asyncio.create_task(reached.keep_fresh(), name="credentials")
    try:
        done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _end({*parts, refresher}, kube, lease, pages)
    for part in done:
        if part.get_name() != "stop":
            log.error("a part of the operator ended", part=part.get_name())
            part.result()
            raise RuntimeError(f"The {part.get_name()} part ended without an error.")
    log.info("stopped")


def spare_the_collector() -> None:
    """Look for cycles seldom. A look makes hundreds of thousands of objects that reference counts free by themselves,
    and going through them over and over was a fifth of the operator's time; what is imported stays for good."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)


async def _end(parts: Collection[asyncio.Task[Any]], kube: Kube, lease: Lease, pages: Pages) -> None:
    for part in parts:
        part.cancel()
    await kube.drain(FINISH_SECONDS)
    await asyncio.to_thread(lease.release)
    await asyncio.wait(parts, timeout=1.0)
    await pages.stop()
    await kube.close()
