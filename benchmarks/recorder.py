"""Proxies in front of the API server and of Prometheus that write down every request, in a process of their own.

A process of its own, so that what the benchmark does meanwhile delays no request of the operator. Times are those of
`time.time()`, which all processes of the machine share.

    with Recorder(folder, api=…, ca_file=…, prometheus=…) as recorder:
        operator talks to recorder.api and recorder.prometheus
        since = time.time() … recorder.requests(since)
"""

import json
import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

from tests.api_server.proxy import Proxy, Request

API = "api"
PROMETHEUS = "prometheus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request and its answer."""

    to: str
    method: str
    path: str
    query: str
    body: str
    """Of queries and of changes of routes; else empty."""
    asked: float
    answered: float
    """When the proxy had the whole answer in its hands; 0 for a watch, and for a request without an answer."""
    status: int

    @property
    def is_watch(self) -> bool:
        return "watch=true" in self.query or "watch=1" in self.query

    @property
    def is_lease(self) -> bool:
        return "/leases" in self.path

    @property
    def is_write(self) -> bool:
        return self.method in ("POST", "PUT", "PATCH", "DELETE")


class Recorder:
    """Both proxies; `api` and `prometheus` are their addresses."""

    def __init__(self, folder: Path, *, api: str, ca_file: str, prometheus: str) -> None:
        self._file = folder / "requests.jsonl"
        self._file.touch()
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        arguments = (theirs, str(self._file), api, ca_file, prometheus)
        self._process = context.Process(target=_record, args=arguments, daemon=True)
        self.api = self.prometheus = ""

    def __enter__(self) -> Self:
        self._process.start()
        self.api, self.prometheus = self._ours.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.send("end")
        self._process.join(10)

    def requests(self, since: float = 0.0, until: float = float("inf")) -> list[Asked]:
        """All requests that were asked in [since, until), in the order of their answers."""
        return [one for one in self._all() if since <= one.asked < until]

    def _all(self) -> Iterator[Asked]:
        with self._file.open() as lines:
            for line in lines:
                if line.endswith("\n"):  # the last one may be half written
                    yield Asked(**json.loads(line))


def _record(ours: Connection, file: str, api: str, ca_file: str, prometheus: str) -> None:
    with (
        Path(file).open("a", buffering=1) as out,
        Proxy(api, ca_file=ca_file) as to_api,
        Proxy(prometheus) as to_prometheus,
    ):
        _write_down(to_api, API, out)
        _write_down(to_prometheus, PROMETHEUS, out)
        ours.send((to_api.address, to_prometheus.address))
        ours.recv()


def _write_down(proxy: Proxy, to: str, out: Any) -> None:
    began: dict[int, float] = {}

    def asked(request: Request) -> None:
        if "watch=true" in request.query or "watch=1" in request.query:
            write(request, time.time(), 0.0, 0)
        else:
            began[id(request)] = time.time()

    def answered(request: Request, status: int) -> None:
        write(request, began.pop(id(request)), time.time(), status)

    def write(request: Request, at: float, answer: float, status: int) -> None:
        body = request.body.decode(errors="replace") if to == PROMETHEUS or "/httproutes/" in request.path else ""
        record = {"to": to, "method": request.method, "path": request.path, "query": request.query, "body": body}
        out.write(json.dumps({**record, "asked": at, "answered": answer, "status": status}) + "\n")

    proxy.before = asked
    proxy.after = answered
