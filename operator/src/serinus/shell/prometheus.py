"""The client of Prometheus and of what answers like it (Thanos, Mimir, VictoriaMetrics).

`Prometheus` is prometheus-api-client with what a rollout needs put right: the query in the body and not in the URL
(where proxies log and cut it), warnings kept, time-outs for the whole answer and a cap on its size, no redirects, a
bounded wait where the server asks for one. Errors never carry the answer's text: a status that people read must not
show what a stranger's server wrote.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from prometheus_api_client import PrometheusConnect
from pydantic_core import from_json
from requests.auth import HTTPBasicAuth
from urllib3.util.retry import Retry

from serinus.shell.settings import Connection

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes, after decompression."""
LONGEST_WAIT = 5.0
"""Seconds that a server may ask us to wait (Retry-After) before this tick goes on without it."""
THREADS = 4
_CHUNK = 64 * 1024
_TRIED_AGAIN = (429, 503)


class PrometheusError(Exception):
    """A query without an answer. The message is one sentence for people, free of the server's own words."""


class BadQuery(PrometheusError):
    """The server understood and refused: asking again changes nothing; the spec must change."""


class ProviderUnavailable(PrometheusError):
    """No answer, or none that can be trusted: nothing is concluded from it, and the next tick asks again."""


class Prometheus(PrometheusConnect):  # type: ignore[misc]  # the library is untyped
    """One connection. Its methods block: call them through `Provider`."""

    def __init__(self, connection: Connection) -> None:
        session = requests.Session()
        session.trust_env = False
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if connection.ca_file is not None:
            session.verify = str(connection.ca_file)
        if connection.cert_file is not None:
            cert, key = str(connection.cert_file), connection.key_file
            session.cert = (cert, str(key)) if key is not None else cert
        super().__init__(
            url=str(connection.address).rstrip("/"),
            headers={"Accept": "application/json", **connection.headers},
            retry=Retry(total=0, redirect=0, read=False),
            session=session,
            timeout=connection.timeout,
            method="POST",
        )
        self._connection = connection

    def instant(self, query: str, at: float) -> Mapping[str, Any]:
        """The whole answer of `/api/v1/query` at a fixed time: status, data, warnings, infos.

        Raises `BadQuery` or `ProviderUnavailable`; returns within the connection's time-out, and one wait that the
        server asked for.
        """
        form = {"query": query, "time": f"{at:.3f}", "timeout": f"{self._connection.timeout:g}s"}
        answer = self._post(form)
        if answer.status_code in _TRIED_AGAIN and (wait := _asked_to_wait(answer)) is not None:
            answer.close()
            time.sleep(wait)
            answer = self._post(form)
        with answer:
            return self._understood(answer)

    def _post(self, form: Mapping[str, str]) -> requests.Response:
        address = f"{self.url}/api/v1/query"
        try:
            return self._send(address, form)
        except requests.exceptions.SSLError as error:
            raise ProviderUnavailable("The certificate of Prometheus is not trusted: check caFile.") from error
        except requests.exceptions.Timeout as error:
            raise ProviderUnavailable(self._too_slow()) from error
        except requests.exceptions.RequestException as error:
            raise ProviderUnavailable("Prometheus cannot be reached: the connection was refused or broke.") from error

    def _send(self, address: str, form: Mapping[str, str]) -> requests.Response:
        try:
            return self._once(address, form)
        except requests.exceptions.ConnectionError as error:
            if isinstance(error, requests.exceptions.SSLError | requests.exceptions.Timeout):
                raise
            # A connection that the server closed while it was idle is only noticed now. A query changes nothing,
            # so that it may be sent twice.
            return self._once(address, form)

    def _once(self, address: str, form: Mapping[str, str]) -> requests.Response:
        answer: requests.Response = self._session.post(
            address,
            data=form,
            headers=self._signed(),
            auth=self._basic(),
            timeout=self._connection.timeout,
            allow_redirects=False,
            stream=True,
        )
        return answer

    def _understood(self, answer: requests.Response) -> Mapping[str, Any]:
        code = answer.status_code
        if 300 <= code < 400:
            raise ProviderUnavailable(
                "Prometheus answered with a redirect, which is not followed: set its own address."
            )
        if code in (401, 403):
            raise ProviderUnavailable(f"Prometheus refuses the credentials of this connection ({code}).")
        if code == 404:
            raise ProviderUnavailable("There is no Prometheus API at the address of this connection (404).")
        if code == 413:
            raise ProviderUnavailable("Prometheus, or a proxy before it, refuses the query as too large (413).")
        body = self._body(answer)
        if code == 400 and body is not None and body.get("errorType") == "bad_data":
            raise BadQuery("Prometheus does not accept the query: check the metric's name and matchers of the SLI.")
        if code != 200:
            raise ProviderUnavailable(f"Prometheus answered {code}.")
        if body is None or body.get("status") != "success":
            raise ProviderUnavailable("What answers at the address of this connection is not Prometheus.")
        return body

    def _body(self, answer: requests.Response) -> dict[str, Any] | None:
        """The answer's JSON object; None when it is none."""
        deadline = time.monotonic() + self._connection.timeout
        received = bytearray()
        try:
            for chunk in answer.iter_content(_CHUNK):
                received += chunk
                if len(received) > LARGEST_ANSWER:
                    raise ProviderUnavailable(f"Prometheus answers with more than {LARGEST_ANSWER >> 20} MiB.")
                if time.monotonic() > deadline:
                    raise ProviderUnavailable(self._too_slow())
        except requests.exceptions.RequestException as error:
            raise ProviderUnavailable("The answer of Prometheus broke off.") from error
        try:
            # Not `json`: the same labels again and again take two fifths less memory here, where answers are large.
            body = from_json(received)
        except ValueError:
            return None
        return body if isinstance(body, dict) else None

    def _too_slow(self) -> str:
        return f"Prometheus did not answer within {self._connection.timeout:g} s."

    def _signed(self) -> dict[str, str]:
        headers: dict[str, str] = dict(self.headers)
        if self._connection.bearer_token_file is not None:
            headers["Authorization"] = f"Bearer {_secret(self._connection.bearer_token_file)}"
        return headers

    def _basic(self) -> HTTPBasicAuth | None:
        basic = self._connection.basic
        return HTTPBasicAuth(basic.username, _secret(basic.password_file)) if basic is not None else None


class Provider:
    """A connection whose queries run side by side in threads of their own."""

    def __init__(self, connection: Connection) -> None:
        self._client = Prometheus(connection)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="prometheus")

    async def instant(self, queries: Sequence[str], at: float) -> list[Mapping[str, Any] | PrometheusError]:
        """The answers at one and the same time, in the order of the queries; an error stands in its place."""
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(self._threads, self._one, query, at) for query in queries))

    def _one(self, query: str, at: float) -> Mapping[str, Any] | PrometheusError:
        try:
            return self._client.instant(query, at)
        except PrometheusError as error:
            return error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the threads and connections. Queries on their way end by their own time-out."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()


def _secret(path: Path) -> str:
    """Read at each query, because mounted secrets are rotated."""
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ProviderUnavailable("A file of this connection's credentials cannot be read.") from error


def _asked_to_wait(answer: requests.Response) -> float | None:
    """Seconds of Retry-After, if they are few enough to wait; dates are not waited for."""
    try:
        seconds = float(answer.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= LONGEST_WAIT else None
