"""The load of the judge's benchmark, from its own process to a real server on the loopback."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from benchmarks.bursty import BurstyLoad


@pytest.fixture
def server() -> Iterator[str]:
    """Host `good` is answered by v1, host `bad` by v2 and with 500."""
    loop = asyncio.new_event_loop()
    address: list[str] = []
    up = threading.Event()

    async def answer(request: web.Request) -> web.Response:
        bad = request.headers["Host"] == "bad"
        return web.Response(status=500 if bad else 200, headers={"x-version": "v2" if bad else "v1"})

    async def serve() -> None:
        app = web.Application()
        app.router.add_get("/", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        address.append(f"http://127.0.0.1:{runner.addresses[0][1]}/")
        up.set()

    def run() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert up.wait(10)
    yield address[0]
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def wait_for_seconds(folder: Path, wanted: int) -> None:
    """Until answers of so many seconds were written down."""
    end = time.monotonic() + 60
    while len({line.split("\t")[1] for line in (folder / "counted.tsv").read_text().splitlines()}) < wanted:
        assert time.monotonic() < end, "no answers were counted within a minute"
        time.sleep(0.2)


def test_answers_are_counted_by_host_version_and_second_at_about_the_rate_that_was_asked_for(
    server: str, tmp_path: Path
) -> None:
    load = BurstyLoad(tmp_path, server, ["good", "bad"], rps=60.0, seconds=60.0)
    load.start()
    wait_for_seconds(tmp_path, 5)
    counted = load.stop()
    good, bad = ([one for one in counted if one.host == host] for host in ("good", "bad"))
    assert {one.version for one in good} == {"v1"}
    assert {one.version for one in bad} == {"v2"}
    assert sum(one.bad for one in good) == 0
    assert all(one.bad == one.n for one in bad)
    seconds = len({one.second for one in counted})
    assert 20 < sum(one.n for one in good) / seconds < 180, "bursts and calm are far from the rate that was asked for"


def test_requests_that_nobody_answers_are_counted_as_lost(tmp_path: Path) -> None:
    load = BurstyLoad(tmp_path, "http://127.0.0.1:9/", ["good"], rps=50.0, seconds=60.0)
    load.start()
    load.wait_for_answers(60.0)
    counted = load.stop()
    assert counted
    assert all(one.version == "" and one.bad == one.n for one in counted)


def test_a_load_that_ended_by_itself_is_an_error(tmp_path: Path) -> None:
    load = BurstyLoad(tmp_path, "http://127.0.0.1:9/", ["good"], rps=50.0, seconds=0.5)
    load.start()
    load.wait_for_answers(60.0)
    load._process.join(60.0)
    with pytest.raises(RuntimeError, match="the load ended before"):
        load.stop()
