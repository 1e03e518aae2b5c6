"""The client against a server that misbehaves in every way a real one does; HTTP is real, the answers are told."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from serinus.shell import prometheus
from serinus.shell.prometheus import BadQuery, Prometheus, Provider, ProviderUnavailable
from serinus.shell.settings import Basic, Connection

SECRET = "a stranger's words"
EMPTY = {"status": "success", "data": {"resultType": "matrix", "result": []}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    form: dict[str, str]


@dataclass(slots=True, kw_only=True)
class Server:
    """Answers with `tell`, in its place or after it was changed, and remembers what it was asked."""

    address: str
    tell: Callable[[BaseHTTPRequestHandler], None]
    asked: list[Asked] = field(default_factory=list)

    def connection(self, **more: Any) -> Connection:
        return Connection.model_validate({"address": self.address, "timeout": 2.0, **more})


def say(code: int, body: object, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    def tell(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", str(len(raw)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(raw)

    return tell


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            form = {key: value[0] for key, value in parse_qs(body).items()}
            told.asked.append(Asked(path=self.path, headers=dict(self.headers), form=form))
            told.tell(self)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    told = Server(address=f"http://127.0.0.1:{http.server_port}", tell=say(200, EMPTY))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield told
    http.shutdown()
    http.server_close()


def test_the_query_is_in_the_body_at_a_fixed_time_and_not_in_the_url(server: Server) -> None:
    Prometheus(server.connection()).instant("up[60s]", 1700000000.25)
    (asked,) = server.asked
    assert asked.path == "/api/v1/query"
    assert asked.form == {"query": "up[60s]", "time": "1700000000.250", "timeout": "2s"}


def test_warnings_and_infos_come_back_with_the_data(server: Server) -> None:
    server.tell = say(200, {**EMPTY, "warnings": ["one store is away"], "infos": ["odd"]})
    answer = Prometheus(server.connection()).instant("up[60s]", 1.0)
    assert answer["warnings"] == ["one store is away"]
    assert answer["infos"] == ["odd"]


def test_headers_tenant_and_path_of_the_connection_are_used(server: Server) -> None:
    connection = server.connection(address=server.address + "/prometheus/", headers={"X-Scope-OrgID": "models"})
    Prometheus(connection).instant("up", 1.0)
    assert server.asked[0].path == "/prometheus/api/v1/query"
    assert server.asked[0].headers["X-Scope-OrgID"] == "models"


def test_a_rotated_token_is_used_from_the_next_query_on(server: Server, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    client = Prometheus(server.connection(bearerTokenFile=str(token)))
    client.instant("up", 1.0)
    token.write_text("second\n")
    client.instant("up", 1.0)
    assert [asked.headers["Authorization"] for asked in server.asked] == ["Bearer first", "Bearer second"]


def test_basic_authentication_reads_its_password_from_a_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open\n")
    basic = Basic(username="serinus", password_file=tmp_path / "password")
    Prometheus(server.connection(basic=basic)).instant("up", 1.0)
    expected = base64.b64encode(b"serinus:open").decode()
    assert server.asked[0].headers["Authorization"] == f"Basic {expected}"


def test_a_missing_token_is_said_and_nothing_is_sent(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ProviderUnavailable, match="credentials cannot be read"):
        Prometheus(server.connection(bearerTokenFile=str(tmp_path / "none"))).instant("up", 1.0)
    assert server.asked == []


def test_a_query_that_the_server_refuses_is_the_users_fault(server: Server) -> None:
    server.tell = say(400, {"status": "error", "errorType": "bad_data", "error": SECRET})
    with pytest.raises(BadQuery, match="metric's name") as caught:
        Prometheus(server.connection()).instant("up{", 1.0)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "body", "words"),
    [
        (400, {"status": "error", "errorType": "other", "error": SECRET}, "answered 400"),
        (401, SECRET, "credentials"),
        (403, SECRET, "credentials"),
        (404, SECRET, "no Prometheus API"),
        (413, SECRET, "too large"),
        (422, {"status": "error", "errorType": "execution", "error": SECRET}, "answered 422"),
        (429, SECRET, "answered 429"),
        (500, SECRET, "answered 500"),
        (502, b"<html>" + SECRET.encode(), "answered 502"),
        (503, SECRET, "answered 503"),
        (200, b"<html>" + SECRET.encode(), "not Prometheus"),
        (200, [SECRET], "not Prometheus"),
        (200, {"status": "error", "error": SECRET}, "not Prometheus"),
        (200, b"\xff\xfe\x00", "not Prometheus"),
    ],
)
def test_any_other_answer_means_hold_and_its_text_is_not_repeated(
    server: Server, code: int, body: object, words: str
) -> None:
    server.tell = say(code, body)
    with pytest.raises(ProviderUnavailable, match=words) as caught:
        Prometheus(server.connection()).instant("up", 1.0)
    assert SECRET not in str(caught.value)
    assert len(server.asked) == 1


def test_a_redirect_is_not_followed(server: Server) -> None:
    server.tell = say(302, b"", Location=server.address + "/elsewhere")
    with pytest.raises(ProviderUnavailable, match="redirect"):
        Prometheus(server.connection()).instant("up", 1.0)
    assert len(server.asked) == 1


def test_a_short_wait_that_the_server_asks_for_is_granted_once(server: Server) -> None:
    def busy_at_first(handler: BaseHTTPRequestHandler) -> None:
        (say(200, EMPTY) if len(server.asked) > 1 else say(429, b"", Retry_After="0.05"))(handler)

    server.tell = busy_at_first
    assert Prometheus(server.connection()).instant("up", 1.0)["status"] == "success"
    server.tell = say(503, b"", Retry_After="0")
    with pytest.raises(ProviderUnavailable, match="503"):
        Prometheus(server.connection()).instant("up", 1.0)
    assert len(server.asked) == 4


@pytest.mark.parametrize("asked_for", ["3600", "Wed, 21 Oct 2099 07:28:00 GMT", "-1", "nan"])
def test_a_long_wait_is_not_granted(server: Server, asked_for: str) -> None:
    server.tell = say(429, b"", Retry_After=asked_for)
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="429"):
        Prometheus(server.connection()).instant("up", 1.0)
    assert time.monotonic() - started < 1
    assert len(server.asked) == 1


def test_a_server_that_is_silent_costs_one_timeout(server: Server) -> None:
    server.tell = lambda _: time.sleep(1.0)
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable, match=r"within 0\.3 s"):
        Prometheus(server.connection(timeout=0.3)).instant("up", 1.0)
    assert time.monotonic() - started < 0.9


def test_a_server_that_drips_its_answer_costs_no_more_than_its_time(server: Server) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        for _ in range(30):
            handler.wfile.write(b" " * prometheus._CHUNK)
            time.sleep(0.05)

    server.tell = drip
    started = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        Prometheus(server.connection(timeout=0.3)).instant("up", 1.0)
    assert time.monotonic() - started < 1.2


def test_an_answer_is_capped_in_size(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "LARGEST_ANSWER", 1 << 20)
    server.tell = say(200, {**EMPTY, "padding": "x" * (1 << 20)})
    with pytest.raises(ProviderUnavailable, match="1 MiB"):
        Prometheus(server.connection()).instant("up", 1.0)


def test_an_answer_that_breaks_off_is_no_answer(server: Server) -> None:
    def broken(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"status": "success"')
        handler.close_connection = True

    server.tell = broken
    with pytest.raises(ProviderUnavailable, match=r"broke off|not Prometheus"):
        Prometheus(server.connection()).instant("up", 1.0)


def test_a_connection_that_was_closed_while_idle_is_opened_again(server: Server) -> None:
    def close(handler: BaseHTTPRequestHandler) -> None:
        say(200, EMPTY)(handler)
        handler.close_connection = True

    server.tell = close
    client = Prometheus(server.connection())
    for _ in range(3):
        assert client.instant("up", 1.0)["status"] == "success"


def test_an_address_where_nobody_listens_is_unavailable() -> None:
    nobody = Connection.model_validate({"address": "http://127.0.0.1:1", "timeout": 1.0})
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        Prometheus(nobody).instant("up", 1.0)


def test_a_cookie_of_the_server_is_not_kept(server: Server) -> None:
    server.tell = say(200, EMPTY, Set_Cookie="session=1")
    client = Prometheus(server.connection())
    client.instant("up", 1.0)
    client.instant("up", 1.0)
    assert "Cookie" not in server.asked[1].headers


async def test_queries_run_side_by_side_and_an_error_stands_in_its_place(server: Server) -> None:
    def slow(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.2)
        say(200, EMPTY)(handler)

    server.tell = slow
    async with Provider(server.connection()) as provider:
        started = time.monotonic()
        good = await provider.instant(["a", "b", "c"], 1.0)
        assert time.monotonic() - started < 0.5
        server.tell = say(400, {"status": "error", "errorType": "bad_data"})
        (bad,) = await provider.instant(["up{"], 1.0)
    assert good == [EMPTY, EMPTY, EMPTY]
    assert isinstance(bad, BadQuery)
