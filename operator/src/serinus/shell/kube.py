"""The operator's own client of the API server: a few verbs on explicit paths, over a bounded number of connections.

    what                                what happens
    -----------------------------------------------------------------------------------------------------------
    a read meets a broken connection    tried once more, here
    anything else fails                 a typed error; the reconcile loop decides when to try again
    the caller is cancelled             a write that was sent is finished all the same (`drain` waits for it)
    the lease is not held               `NotLeader` before anything is sent

Nothing generated from the API is imported: the request layer of `kubernetes.aio` is used with paths made here.
Docs: https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio.client.rest import RESTClientObject

from serinus.core.patches import Operation
from serinus.plugin import Resource
from serinus.shell.access import Access, AccessError
from serinus.shell.kube_errors import (
    AlreadyExists,
    Conflict,
    Gone,
    KubeError,
    NotFound,
    NotLeader,
    Refused,
    Throttled,
    Unavailable,
    UnknownKind,
    from_answer,
)

__all__ = [
    "AlreadyExists",
    "Conflict",
    "Gone",
    "Kube",
    "KubeError",
    "NotFound",
    "NotLeader",
    "Refused",
    "Throttled",
    "Unavailable",
    "UnknownKind",
]

FIELD_MANAGER = "serinus"
CHUNK = 500

Manifest = dict[str, Any]
Counted = Callable[[str, str, str], None]
"""Called after each request with verb, plural and outcome ("ok", or the name of the error)."""


class Kube:
    """A client for one API server. Made inside a running event loop; `close` it in the same one."""

    def __init__(
        self,
        access: Access,
        *,
        may_write: Callable[[], bool] = lambda: True,
        counted: Counted | None = None,
        timeout: float = 10.0,
        connections: int = 8,
    ) -> None:
        """`timeout` is for one request in seconds, waiting for a free connection included."""
        self._access = access
        self._may_write = may_write
        self._counted = counted
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, 5.0))
        access.configuration.connection_pool_maxsize = connections
        self._rest = RESTClientObject(access.configuration)
        self._writes: set[asyncio.Task[Manifest]] = set()

    async def close(self) -> None:
        """Close the connections; call `drain` first to let writes finish."""
        await self._rest.close()

    async def drain(self, seconds: float) -> None:
        """Wait for writes that are under way, at most so many seconds."""
        if self._writes:
            await asyncio.wait(self._writes, timeout=seconds)

    async def get(self, resource: Resource, namespace: str, name: str) -> Manifest | None:
        """The object, or None where it does not exist. `UnknownKind` where its kind does not."""
        try:
            return await self._read("get", resource, path(resource, namespace, name))
        except UnknownKind:
            raise
        except NotFound:
            return None

    async def list(
        self, resource: Resource, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> list[Manifest]:
        """All objects of a kind, read in chunks; None: in all namespaces. `UnknownKind` where there is no such kind."""
        found: list[Manifest] = []
        async for page in self.pages(resource, namespace, labels=labels, fields=fields):
            found.extend(page)
        return found

    async def pages(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        chunk: int = CHUNK,
    ) -> AsyncIterator[Sequence[Manifest]]:
        """As `list`, one chunk at a time. Raises `Gone` when the list took longer than the server keeps versions."""
        token = ""
        while True:
            query = {"limit": str(chunk), "labelSelector": labels, "fieldSelector": fields, "continue": token}
            answer = await self._read("list", resource, path(resource, namespace), query)
            for item in answer["items"]:
                item.setdefault("kind", resource.kind)
                item.setdefault("apiVersion", resource.api_version)
            yield answer["items"]
            token = answer["metadata"].get("continue") or ""
            if not token:
                return

    async def create(self, resource: Resource, namespace: str, manifest: Mapping[str, Any]) -> Manifest:
        """Create an object. Raises `AlreadyExists` where its name is taken."""
        return await self._write("create", "POST", resource, path(resource, namespace), manifest)

    async def json_patch(
        self, resource: Resource, namespace: str, name: str, operations: Sequence[Operation], *, subresource: str = ""
    ) -> Manifest:
        """RFC 6902. Raises `Conflict` when a `test` fails, or a path that it names is not there."""
        where = path(resource, namespace, name, subresource)
        body = [dict(one) for one in operations]
        return await self._write("patch", "PATCH", resource, where, body, "application/json-patch+json")

    async def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str | None = None,
    ) -> bool:
        """Delete an object; False where it was gone already. `Conflict` when uid or version is not that of the object.

        `propagation` is Background, Foreground or Orphan; None leaves it to the kind's own default.
        """
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        body: Manifest = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if given := {key: value for key, value in preconditions.items() if value is not None}:
            body["preconditions"] = given
        if propagation is not None:
            body["propagationPolicy"] = propagation
        try:
            await self._write("delete", "DELETE", resource, path(resource, namespace, name), body)
        except UnknownKind:
            raise
        except NotFound:
            return False
        return True

    async def serves(self, resource: Resource) -> bool:
        """Whether the API server knows this kind in this version (its CRD is installed)."""
        base = f"/apis/{resource.group}" if resource.group else "/api"
        try:
            answer = await self._read("discover", resource, f"{base}/{resource.version}")
        except NotFound:
            return False
        return any(one["name"] == resource.plural for one in answer["resources"])

    async def _read(
        self, verb: str, resource: Resource, where: str, query: Mapping[str, str] | None = None
    ) -> Manifest:
        try:
            return await self._send(verb, "GET", resource, where, query=query)
        except Unavailable as error:
            if not isinstance(error.__cause__, aiohttp.ClientConnectionError):
                raise
        return await self._send(verb, "GET", resource, where, query=query)

    async def _write(
        self,
        verb: str,
        method: str,
        resource: Resource,
        where: str,
        body: object,
        content: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Manifest:
        if not self._may_write():
            raise NotLeader(f"The lease is not held: {verb} of {where} was not sent.")
        asked = dict(query or {}) | ({} if method == "DELETE" else {"fieldManager": FIELD_MANAGER})
        return await self._finish(self._send(verb, method, resource, where, query=asked, body=body, content=content))

    async def _finish(self, request: Coroutine[Any, Any, Manifest]) -> Manifest:
        """Run a write to its end even when whoever waits for it is cancelled."""
        task = asyncio.ensure_future(request)
        self._writes.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def _forget(self, task: asyncio.Task[Manifest]) -> None:
        self._writes.discard(task)
        if not task.cancelled():
            task.exception()  # read, so that a write whose caller is gone does not log "never retrieved"

    async def _send(
        self,
        verb: str,
        method: str,
        resource: Resource,
        where: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content: str = "application/json",
    ) -> Manifest:
        outcome = "ok"
        try:
            return await self._exchange(f"{verb} {where}", method, where, query or {}, body, content)
        except KubeError as error:
            outcome = type(error).__name__
            raise
        finally:
            if self._counted is not None:
                self._counted(verb, resource.plural, outcome)

    async def _exchange(
        self, what: str, method: str, where: str, query: Mapping[str, str], body: object, content: str
    ) -> Manifest:
        given = urlencode({key: value for key, value in query.items() if value})
        url = f"{self._access.server}{where}" + (f"?{given}" if given else "")
        try:
            headers = {"Accept": "application/json", "Content-Type": content, "User-Agent": FIELD_MANAGER}
            answer = await self._rest.request(
                method, url, headers=headers | self._access.headers(), body=body, _request_timeout=self._timeout
            )
            text = await answer.read()
        except TimeoutError as error:
            raise Unavailable(f"{what}: no answer within {self._timeout.total:g} s.") from error
        except (aiohttp.ClientError, OSError, AccessError) as error:
            raise Unavailable(f"{what}: {str(error) or type(error).__name__}.") from error
        if answer.status >= 300:
            raise from_answer(what, answer.status, answer.headers, text, json_patch="json-patch" in content)
        try:
            parsed: Manifest = json.loads(text)
        except ValueError as error:
            raise Unavailable(f"{what}: the answer is not JSON.") from error
        return parsed


def path(resource: Resource, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
    """The API server's path to a kind, or to one object of it."""
    parts = ["apis", resource.group] if resource.group else ["api"]
    parts.append(resource.version)
    if resource.namespaced and namespace:
        parts += ["namespaces", namespace]
    parts += [resource.plural, name, subresource]
    return "".join("/" + quote(part, safe="") for part in parts if part)
