"""A synthetic exporter: serves the series that a test feeds it, for as many pods as the test likes.

Every sample carries its own labels (namespace, pod and whatever else), and Prometheus keeps them (`honor_labels`), so
one exporter looks like a whole fleet. Counters and histograms can grow by themselves at a given rate, so that a test
says "40 requests a second, 2 of them errors" once and does not have to keep feeding.

    PUT    /series   replace everything by the document
    POST   /series   add to it; a sample without `value` or `observations` keeps its count and only changes its rate
    DELETE /series   forget every sample whose labels match the query (`?pod=a-1`), without a query all
    GET    /metrics  what Prometheus scrapes
    PUT    /fault    {"status": 503, "delay": 2.0} for every scrape from now on; DELETE ends it

A document is a list of families:

    [{"name": "requests_total", "type": "counter",
      "samples": [{"labels": {"namespace": "ml", "pod": "a-1", "code": "200"}, "value": 0, "per_second": 40}]},
     {"name": "request_seconds", "type": "histogram", "bounds": [0.1, 0.5, 1],
      "samples": [{"labels": {"pod": "a-1"}, "observations": {"0.05": 900}, "observations_per_second": {"0.3": 4}}]}]

Types: counter, gauge, histogram. This file also runs alone: `python exporter.py ADDRESS PORT`.
"""

from __future__ import annotations

import json
import math
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TYPES = ("counter", "gauge", "histogram")
Labels = tuple[tuple[str, str], ...]


class BadDocument(ValueError):
    """What a test sent makes no sense; the words go back to it with status 400."""


@dataclass(slots=True)
class Sample:
    """One series (or one histogram): amounts by observed value, and how fast each grows.

    A counter or gauge has the one amount under the key 0.
    """

    amounts: dict[float, float]
    rates: dict[float, float]
    since: float

    def at(self, now: float) -> dict[float, float]:
        keys = self.amounts.keys() | self.rates.keys()
        return {key: self.amounts.get(key, 0.0) + self.rates.get(key, 0.0) * (now - self.since) for key in keys}


@dataclass(slots=True)
class Family:
    """All samples of one metric name."""

    type: str
    bounds: tuple[float, ...] = ()
    samples: dict[Labels, Sample] = field(default_factory=dict)


class Series:
    """What is served now; safe to use from several threads."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}
        self._lock = threading.Lock()

    def feed(self, document: Any, now: float, replace: bool) -> None:
        """Take in a document; a bad one changes nothing."""
        with self._lock:
            families = {} if replace else {
                name: Family(old.type, old.bounds, dict(old.samples)) for name, old in self._families.items()
            }  # fmt: skip
            for entry in _list(document, "the document"):
                _take_in(families, entry, now)
            self._families = families

    def forget(self, labels: Mapping[str, str]) -> None:
        """Drop every sample that has all these labels."""
        with self._lock:
            for family in self._families.values():
                family.samples = {
                    own: sample for own, sample in family.samples.items() if not labels.items() <= dict(own).items()
                }

    def text(self, now: float) -> str:
        """The exposition format of Prometheus."""
        with self._lock:
            return "".join(line + "\n" for name, family in self._families.items() for line in _lines(name, family, now))


def _take_in(families: dict[str, Family], entry: Any, now: float) -> None:
    try:
        name, kind = str(entry["name"]), str(entry["type"])
    except (KeyError, TypeError) as error:
        raise BadDocument(f"a family needs name, type and samples, and not {entry!r}") from error
    if kind not in TYPES:
        raise BadDocument(f"type of {name} is {kind!r}; known: {', '.join(TYPES)}")
    bounds = tuple(sorted(float(bound) for bound in entry.get("bounds", ())))
    known = families.get(name)
    if kind == "histogram" and not bounds:
        bounds = known.bounds if known else ()
        if not bounds:
            raise BadDocument(f"histogram {name} needs bounds, for example [0.1, 0.5, 1]")
    if known and known.type != kind:
        raise BadDocument(f"{name} is a {known.type} already and cannot become a {kind}")
    family = families[name] = Family(kind, bounds, known.samples if known else {})
    for given in _list(entry.get("samples"), f"samples of {name}"):
        labels = tuple(sorted((str(key), str(value)) for key, value in given.get("labels", {}).items()))
        family.samples[labels] = _sample(name, kind, given, family.samples.get(labels), now)


def _sample(name: str, kind: str, given: Mapping[str, Any], old: Sample | None, now: float) -> Sample:
    try:
        if kind == "histogram":
            first, rates = given.get("observations"), given.get("observations_per_second", {})
        else:
            first = {"0": given["value"]} if "value" in given else None
            rates = {"0": given["per_second"]} if "per_second" in given else {}
        kept = old.at(now) if old else {}
        amounts = kept if first is None else {float(key): float(value) for key, value in first.items()}
        return Sample(amounts, {float(key): float(value) for key, value in rates.items()}, now)
    except (ValueError, TypeError, AttributeError) as error:
        raise BadDocument(f"a sample of {name} cannot be read ({error}): {given!r}") from error


def _lines(name: str, family: Family, now: float) -> Iterator[str]:
    yield f"# TYPE {name} {family.type}"
    for labels, sample in family.samples.items():
        amounts = sample.at(now)
        if family.type == "gauge":
            yield f"{name}{_braces(labels)} {_number(amounts.get(0.0, 0.0))}"
        elif family.type == "counter":
            yield f"{name}{_braces(labels)} {math.floor(amounts.get(0.0, 0.0))}"  # half a request was not served yet
        else:
            whole = {value: math.floor(amount) for value, amount in amounts.items()}
            for bound in (*family.bounds, math.inf):
                below = sum(count for value, count in whole.items() if value <= bound)
                yield f"{name}_bucket{_braces((*labels, ('le', _number(bound))))} {below}"
            yield f"{name}_sum{_braces(labels)} {_number(sum(value * count for value, count in whole.items()))}"
            yield f"{name}_count{_braces(labels)} {sum(whole.values())}"


def _braces(labels: Labels) -> str:
    inside = ",".join(f'{key}="{_escape(value)}"' for key, value in labels)
    return f"{{{inside}}}" if inside else ""


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(value)


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadDocument(f"{what} must be a list, and not {value!r}")
    return value


class Handler(BaseHTTPRequestHandler):
    """The HTTP side; one Series per server."""

    series = Series()
    fault: dict[str, float] = {}  # noqa: RUF012 - shared by all requests on purpose
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/-/healthy":
            self._answer(200, "ok\n")
        elif self.path == "/metrics":
            time.sleep(self.fault.get("delay", 0.0))
            code = int(self.fault.get("status", 200))
            self._answer(code, self.series.text(time.monotonic()) if code == 200 else "as the test asked\n")
        else:
            self._unknown()

    def do_PUT(self) -> None:
        self._change(replace=True)

    def do_POST(self) -> None:
        self._change(replace=False)

    def do_DELETE(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/fault":
            self.fault.clear()
        elif path == "/series":
            self.series.forget(dict(urllib.parse.parse_qsl(query)))
        else:
            return self._unknown()
        self._answer(200, "ok\n")

    def _change(self, replace: bool) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            document = json.loads(body)
            if self.path == "/fault":
                self.fault.clear()
                self.fault.update({key: float(document[key]) for key in ("status", "delay") if key in document})
            elif self.path != "/series":
                return self._unknown()
            else:
                self.series.feed(document, time.monotonic(), replace)
        except (ValueError, TypeError, AttributeError) as error:
            self._answer(400, f"{error}\n")
        else:
            self._answer(200, "ok\n")

    def _unknown(self) -> None:
        self._answer(404, "known: /metrics /series /fault /-/healthy\n")

    def _answer(self, code: int, text: str) -> None:
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """A scrape a second would fill the log."""


if __name__ == "__main__":
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
