"""The lease guard: at most one operator writes, and one that lost the lease is dead before the next one starts.

    the holder      renews every third of the duration; two thirds after the start of the last renewal that succeeded,
                    it no longer `held()`s and its process ends
    the others      take over once the lease has not changed for a whole duration, by their own monotonic clocks
    a clean end     empties holderIdentity, so that the next one starts at once

No wall clock is compared with another one. Renewal runs in a thread with a connection of its own, so that neither a
busy event loop nor a full pool of connections costs the lease; a second thread watches the deadline, so that no hung
request does either. A process that was stopped (SIGSTOP, a paused VM) finds its deadline passed when it goes on; what
it may still send then carries a precondition of its own.
"""

import asyncio
import http.client
import json
import os
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import structlog

from serinus.shell.access import Access
from serinus.shell.kube import path
from serinus.shell.resources import LEASE

log = structlog.get_logger()
LOST = 3
"""Exit code of a process that lost the lease."""


class LeaseError(Exception):
    """The lease cannot be read or written: says what the API server answered."""


class Lease:
    """Holds one `coordination.k8s.io` Lease, or waits for it."""

    def __init__(
        self,
        access: Access,
        *,
        namespace: str,
        name: str,
        identity: str,
        seconds: float = 15.0,
        on_loss: Callable[[], None] = lambda: os._exit(LOST),
    ) -> None:
        """`seconds` is how long others wait before they take over; `on_loss` is called in a thread of its own.

        `identity` is completed by a random word: a restarted container is another holder than the one before it.
        """
        self._access = access
        self._namespace, self._name = namespace, name
        self._identity = f"{identity}_{uuid.uuid4().hex[:8]}"
        self._seconds = seconds
        self._on_loss = on_loss
        self._lost = False
        self._deadline: float | None = None
        self._seen: tuple[str, float] | None = None
        self._answered: float | None = None
        self._stop = threading.Event()
        self._taken: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: http.client.HTTPConnection | None = None
        self._guard = threading.Thread(target=self._renew_forever, name="lease", daemon=True)
        self._watchdog = threading.Thread(target=self._watch_deadline, name="lease-deadline", daemon=True)

    def start(self) -> None:
        """Start to take the lease, and keep it from then on. To be called in a running event loop."""
        self._loop, self._taken = asyncio.get_running_loop(), asyncio.Event()
        self._guard.start()
        self._watchdog.start()

    def held(self) -> bool:
        """Whether this process may write at this moment."""
        deadline = self._deadline
        return not self._lost and deadline is not None and time.monotonic() < deadline

    def alive(self) -> bool:
        """Whether the guard's threads run."""
        return self._guard.is_alive() and self._watchdog.is_alive()

    def answered_within(self, seconds: float) -> bool:
        """Whether the API server answered the guard in the last so many seconds."""
        return self._answered is not None and time.monotonic() - self._answered < seconds

    async def wait_until_held(self) -> None:
        """Return once this process holds the lease."""
        if self._taken is None:
            raise LeaseError("The lease guard was not started.")
        await self._taken.wait()

    def release(self) -> None:
        """Stop renewing and, if held, hand the lease back. Blocks for one request at most; call it after all writes."""
        self._stop.set()
        if self._guard.is_alive():
            self._guard.join(timeout=self._seconds)
        if self._guard.is_alive() or not self.held():
            return
        self._deadline = None
        try:
            lease = self._request("GET", path(LEASE, self._namespace, self._name))
            if lease is not None and lease["spec"].get("holderIdentity") == self._identity:
                lease["spec"]["holderIdentity"] = ""
                self._request("PUT", path(LEASE, self._namespace, self._name), lease)
        except (LeaseError, OSError, http.client.HTTPException) as error:
            log.warning("the lease was not handed back: the next operator waits for it to run out", error=str(error))

    def _renew_forever(self) -> None:
        while not self._stop.is_set():
            renewed = False
            try:
                renewed = self._try_once()
            except (LeaseError, OSError, http.client.HTTPException, ValueError) as error:
                self._disconnect()
                log.warning("the lease was not renewed", lease=f"{self._namespace}/{self._name}", error=str(error))
            self._stop.wait(self._seconds / 3 if renewed else min(1.0, self._seconds / 10))

    def _watch_deadline(self) -> None:
        while not self._stop.wait(min(0.5, self._seconds / 40)):
            deadline = self._deadline
            if deadline is not None and time.monotonic() >= deadline:
                self._lost = True  # for good: a renewal that was under way may still be answered
                log.error("the lease is lost, this process ends", lease=f"{self._namespace}/{self._name}")
                self._on_loss()
                return

    def _try_once(self) -> bool:
        """Create, renew or take over the lease, if that is allowed now; True when this process has it."""
        started = time.monotonic()
        where = path(LEASE, self._namespace, self._name)
        lease = self._request("GET", where)
        if lease is None:
            answer = self._request("POST", path(LEASE, self._namespace), self._filled(_empty(self._name)))
        elif self._may_take(lease, started):
            answer = self._request("PUT", where, self._filled(lease))
        else:
            if self._deadline is not None:
                log.error("someone else has the lease", holder=lease["spec"].get("holderIdentity"))
                self._deadline = started
            return False
        if answer is None:
            return False  # changed since it was read: read it again
        self._keep_until(started + self._seconds * 2 / 3)
        return True

    def _keep_until(self, deadline: float) -> None:
        first, self._deadline = self._deadline is None, deadline
        if first and self._loop is not None and self._taken is not None:
            log.info("the lease is held", lease=f"{self._namespace}/{self._name}", identity=self._identity)
            self._loop.call_soon_threadsafe(self._taken.set)

    def _may_take(self, lease: dict[str, Any], now: float) -> bool:
        spec = lease.setdefault("spec", {})
        holder = spec.get("holderIdentity")
        if holder in (None, "", self._identity):
            return True
        version = lease["metadata"]["resourceVersion"]
        if self._seen is None or self._seen[0] != version:
            self._seen = (version, now)
        return now - self._seen[1] > max(self._seconds, float(spec.get("leaseDurationSeconds") or 0))

    def _filled(self, lease: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = lease["spec"]
        if spec.get("holderIdentity") != self._identity:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
        spec |= {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._seconds)),
            "renewTime": now,
        }
        return lease

    def _request(self, method: str, where: str, body: object = None) -> dict[str, Any] | None:
        """One exchange. None: the object is not there (any more), or changed since it was read."""
        connection = self._connect()
        headers = {"Content-Type": "application/json", "User-Agent": "serinus"} | self._access.headers()
        connection.request(method, where, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        self._answered = time.monotonic()
        if answer.status == 409 or (answer.status == 404 and method != "POST"):
            return None
        if answer.status >= 300:
            raise LeaseError(f"{method} {where}: HTTP status {answer.status}: {text[:300].decode(errors='replace')}")
        parsed: dict[str, Any] = json.loads(text)
        return parsed

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            url = urlsplit(self._access.server)
            timeout = self._seconds / 4
            if url.scheme == "https":
                context = self._access.tls()
                self._connection = http.client.HTTPSConnection(url.netloc, timeout=timeout, context=context)
            else:
                self._connection = http.client.HTTPConnection(url.netloc, timeout=timeout)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _empty(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name},
        "spec": {},
    }
