"""What each answer of the API server means for the caller, and what a broken connection does."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kubernetes.aio.client.configuration import Configuration

from serinus.plugin import Resource
from serinus.shell.access import Access
from serinus.shell.kube import Kube, path
from serinus.shell.kube_errors import (
    AlreadyExists,
    Conflict,
    Gone,
    KubeError,
    NotFound,
    Refused,
    Throttled,
    Unavailable,
    UnknownKind,
    from_answer,
)
from serinus.shell.resources import DEPLOYMENT, POD

NODE = Resource(group="", version="v1", plural="nodes", kind="Node", namespaced=False)


def status(**said: object) -> bytes:
    return json.dumps({"kind": "Status", "message": "in its words", **said}).encode()


@pytest.mark.parametrize(
    ("code", "body", "kind"),
    [
        (404, status(details={"name": "x"}), NotFound),
        (404, status(details={}), UnknownKind),
        (404, b"404 page not found\n", UnknownKind),
        (409, status(reason="AlreadyExists"), AlreadyExists),
        (409, status(reason="Conflict"), Conflict),
        (410, status(reason="Expired"), Gone),
        (422, status(reason="Invalid", details={"name": "x", "kind": "Deployment"}), Refused),
        (422, status(reason="Invalid", details={}), Refused),
        (400, status(reason="BadRequest"), Refused),
        (403, status(reason="Forbidden"), Refused),
        (401, status(reason="Unauthorized"), Unavailable),
        (500, status(reason="InternalError"), Unavailable),
        (503, b"<html>a proxy's page</html>", Unavailable),
        (504, status(reason="Timeout"), Unavailable),
        (302, b"", Unavailable),
    ],
)
def test_an_answer_becomes_the_error_that_says_what_can_be_done(code: int, body: bytes, kind: type[KubeError]) -> None:
    error = from_answer("get x", code, {}, body)
    assert type(error) is kind
    assert str(error).startswith("get x: ")


def test_a_json_patch_whose_test_failed_is_a_conflict_but_one_with_an_invalid_result_is_not() -> None:
    failed = from_answer("patch x", 422, {}, status(reason="Invalid", details={}), json_patch=True)
    assert type(failed) is Conflict
    assert "not as the patch expects it" in str(failed)
    causes = {"causes": [{"field": "patch"}]}
    assert type(from_answer("patch x", 422, {}, status(details=causes), json_patch=True)) is Refused


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("0", 0.0), (None, 1.0), ("soon", 1.0), ("-3", 0.0)])
def test_an_api_server_that_asks_to_slow_down_says_for_how_long(header: str | None, seconds: float) -> None:
    error = from_answer("get x", 429, {} if header is None else {"Retry-After": header}, status())
    assert isinstance(error, Throttled)
    assert error.retry_after == seconds


def test_paths_are_those_of_the_api() -> None:
    assert path(POD, "models", "a b") == "/api/v1/namespaces/models/pods/a%20b"
    assert path(DEPLOYMENT) == "/apis/apps/v1/deployments"
    assert path(DEPLOYMENT, "models", "chat", "status") == "/apis/apps/v1/namespaces/models/deployments/chat/status"
    assert path(NODE, "models", "n") == "/api/v1/nodes/n"


class Peer:
    """The other end of real connections that misbehave: it counts them, and does with each what it is told."""

    def __init__(self, *does: str) -> None:
        self.connections = 0
        self._does = does
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        held = []
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            what = self._does[min(self.connections, len(self._does) - 1)]
            self.connections += 1
            connection.recv(65536)
            if what == "closes":
                connection.close()
            elif what == "hangs":
                held.append(connection)
            else:
                length = f"Content-Length: {len(what)}\r\nConnection: close"
                connection.sendall(f"HTTP/1.1 200 OK\r\n{length}\r\n\r\n{what}".encode())
                connection.close()

    def close(self) -> None:
        self._socket.close()


@contextmanager
def peer(*does: str) -> Iterator[Peer]:
    made = Peer(*does)
    try:
        yield made
    finally:
        made.close()


def client(port: int, timeout: float = 5.0) -> Kube:
    return Kube(Access(Configuration(host=f"http://127.0.0.1:{port}")), timeout=timeout)


async def test_a_read_over_a_connection_that_breaks_is_tried_once_more() -> None:
    with peer("closes", '{"kind": "Pod"}') as server:
        kube = client(server.port)
        assert await kube.get(POD, "models", "p") == {"kind": "Pod"}
        assert server.connections == 2
        await kube.close()


async def test_a_read_is_given_up_when_the_connection_breaks_again() -> None:
    with peer("closes") as server:
        kube = client(server.port)
        with pytest.raises(Unavailable):
            await kube.get(POD, "models", "p")
        await kube.close()


async def test_a_write_over_a_connection_that_breaks_is_sent_once() -> None:
    with peer("closes") as server:
        kube = client(server.port)
        with pytest.raises(Unavailable, match="create /api/v1/namespaces/models/pods"):
            await kube.create(POD, "models", {})
        assert server.connections == 1
        await kube.close()


async def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_the_time_out() -> None:
    with peer("hangs") as server:
        kube = client(server.port, timeout=0.3)
        started = time.monotonic()
        with pytest.raises(Unavailable, match=r"no answer within 0\.3 s"):
            await kube.get(POD, "models", "p")
        assert time.monotonic() - started < 2.0
        assert server.connections == 1
        await kube.close()


async def test_an_answer_that_is_no_json_is_no_answer() -> None:
    with peer("<html>") as server:
        kube = client(server.port)
        with pytest.raises(Unavailable, match="not JSON"):
            await kube.get(POD, "models", "p")
        await kube.close()


async def test_more_requests_than_connections_wait_for_their_turn() -> None:
    with peer("hangs") as server:
        kube = Kube(Access(Configuration(host=f"http://127.0.0.1:{server.port}")), timeout=1.0, connections=2)
        asked = asyncio.gather(*(kube.get(POD, "m", "p") for _ in range(6)), return_exceptions=True)
        await asyncio.sleep(0.5)
        assert server.connections == 2
        assert all(isinstance(one, Unavailable) for one in await asked)
        await kube.close()
