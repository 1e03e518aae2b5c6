"""The series that the synthetic exporter serves, as values: a document and a clock in, text out."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from tests.cluster.exporter import BadDocument, Handler, Series


def requests(pod: str, **numbers: float) -> list[dict[str, object]]:
    sample = {"labels": {"namespace": "ml", "pod": pod}, **numbers}
    return [{"name": "requests_total", "type": "counter", "samples": [sample]}]


def latency(**numbers: dict[str, float]) -> list[dict[str, object]]:
    sample = {"labels": {"pod": "a-1"}, **numbers}
    return [{"name": "seconds", "type": "histogram", "bounds": [0.1, 0.5], "samples": [sample]}]


def test_a_counter_grows_at_its_rate_and_counts_whole_requests() -> None:
    series = Series()
    series.feed(requests("a-1", value=10, per_second=4), now=100.0, replace=True)
    assert series.text(now=102.4) == (
        '# TYPE requests_total counter\nrequests_total{namespace="ml",pod="a-1"} 19\n'  # 10 + 4 * 2.4 = 19.6
    )


def test_a_new_rate_keeps_what_was_counted() -> None:
    series = Series()
    series.feed(requests("a-1", value=0, per_second=10), now=0.0, replace=True)
    series.feed(requests("a-1", per_second=1), now=5.0, replace=False)
    assert series.text(now=8.0).splitlines()[1].endswith(" 53")  # 5 * 10 + 3 * 1


def test_adding_a_pod_keeps_the_others_and_replacing_does_not() -> None:
    series = Series()
    series.feed(requests("a-1", value=1), now=0.0, replace=True)
    series.feed(requests("b-1", value=2), now=0.0, replace=False)
    assert series.text(0.0).count("pod=") == 2
    series.feed(requests("c-1", value=3), now=0.0, replace=True)
    assert series.text(0.0).count("pod=") == 1


def test_observations_are_put_into_their_buckets() -> None:
    series = Series()
    series.feed(latency(observations={"0.05": 90, "0.3": 8}, observations_per_second={"2": 1}), now=0.0, replace=True)
    assert series.text(now=2.0) == (
        "# TYPE seconds histogram\n"
        'seconds_bucket{pod="a-1",le="0.1"} 90\n'
        'seconds_bucket{pod="a-1",le="0.5"} 98\n'
        'seconds_bucket{pod="a-1",le="+Inf"} 100\n'
        'seconds_sum{pod="a-1"} 10.9\n'  # 90 * 0.05 + 8 * 0.3 + 2 * 2
        'seconds_count{pod="a-1"} 100\n'
    )


def test_a_pod_that_is_forgotten_has_no_series_any_more() -> None:
    series = Series()
    series.feed(requests("a-1", value=1), now=0.0, replace=True)
    series.feed(requests("b-1", value=1), now=0.0, replace=False)
    series.forget({"pod": "a-1"})
    assert "a-1" not in series.text(0.0)
    assert "b-1" in series.text(0.0)


def test_label_values_are_escaped() -> None:
    series = Series()
    document = [{"name": "g", "type": "gauge", "samples": [{"labels": {"text": 'a"b\\c\nd'}, "value": 1.5}]}]
    series.feed(document, now=0.0, replace=True)
    assert series.text(0.0).splitlines()[1] == r'g{text="a\"b\\c\nd"} 1.5'


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "must be a list"),
        ([{"type": "counter"}], "needs name, type and samples"),
        ([{"name": "x", "type": "summary", "samples": []}], "known: counter, gauge, histogram"),
        ([{"name": "x", "type": "histogram", "samples": []}], "needs bounds"),
        ([{"name": "x", "type": "counter", "samples": [{"value": "many"}]}], "cannot be read"),
    ],
)
def test_a_bad_document_is_refused_in_words_and_changes_nothing(document: object, words: str) -> None:
    series = Series()
    series.feed(requests("a-1", value=7), now=0.0, replace=True)
    before = series.text(0.0)
    with pytest.raises(BadDocument, match=words):
        series.feed(document, now=0.0, replace=True)
    assert series.text(0.0) == before


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def call(method: str, url: str, document: object = None) -> tuple[int, str]:
    body = None if document is None else json.dumps(document).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_test_drives_it_over_http(address: str) -> None:
    assert call("PUT", f"{address}/series", requests("a-1", value=5)) == (200, "ok\n")
    assert call("POST", f"{address}/series", requests("b-1", value=6)) == (200, "ok\n")
    assert call("DELETE", f"{address}/series?pod=a-1") == (200, "ok\n")
    assert call("GET", f"{address}/metrics")[1].splitlines()[1] == 'requests_total{namespace="ml",pod="b-1"} 6'
    assert call("PUT", f"{address}/fault", {"status": 503}) == (200, "ok\n")
    assert call("GET", f"{address}/metrics") == (503, "as the test asked\n")
    assert call("DELETE", f"{address}/fault") == (200, "ok\n")
    assert call("GET", f"{address}/metrics")[0] == 200
    assert call("PUT", f"{address}/serie", [])[0] == 404
    assert call("PUT", f"{address}/series", {"no": "list"}) == (
        400,
        "the document must be a list, and not {'no': 'list'}\n",
    )
    assert call("DELETE", f"{address}/series") == (200, "ok\n")
