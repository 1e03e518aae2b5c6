"""When a restart would help, when rollouts can be served, and that the pages say so over HTTP."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest

from serinus.shell.web import Pages


@dataclass
class Guard:
    runs: bool = True
    holds: bool = True
    silent_for: float = 0.0

    def alive(self) -> bool:
        return self.runs

    def held(self) -> bool:
        return self.holds

    def answered_within(self, seconds: float) -> bool:
        return self.silent_for < seconds


@dataclass
class Watching:
    problem: str = ""
    missing: tuple[str, ...] = ()
    synced: bool = True
    silence: dict[str, float] = field(default_factory=dict)

    def is_synced(self) -> bool:
        return self.synced

    def ages(self) -> dict[str, float]:
        return self.silence


@dataclass
class Site:
    guard: Guard
    watching: Watching
    address: str

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(self.address + path) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    guard, watching = Guard(), Watching()
    pages = Pages(guard, watching)
    port = await pages.start(0, host="127.0.0.1")
    yield Site(guard, watching, f"http://127.0.0.1:{port}")
    await pages.stop()


async def test_all_is_well(site: Site) -> None:
    status, text = await site.get("/healthz")
    assert (status, text.split(";")[0]) == (200, "ok")
    assert await site.get("/readyz") == (200, "ok\n")
    status, text = await site.get("/metrics")
    assert status == 200
    assert "serinus_build_info" in text


async def test_a_standby_without_the_lease_is_ready(site: Site) -> None:
    site.guard.holds = False
    assert (await site.get("/readyz"))[0] == 200
    assert "not held" in (await site.get("/healthz"))[1]


async def test_a_lease_guard_that_died_asks_for_a_restart(site: Site) -> None:
    site.guard.runs = False
    assert await site.get("/healthz") == (500, "The lease guard does not run.\n")


async def test_a_silent_watch_asks_for_a_restart_only_while_the_api_server_answers(site: Site) -> None:
    site.watching.silence = {"pods": 400.0, "services": 20.0}
    status, text = await site.get("/healthz")
    assert status == 500
    assert "pods for 400 s" in text
    assert "services" not in text
    site.guard.silent_for = 90.0
    assert (await site.get("/healthz"))[0] == 200


async def test_a_missing_crd_is_not_ready_with_the_sentence_and_still_well(site: Site) -> None:
    site.watching.problem = "The API server does not know modelrollouts: install it."
    site.watching.synced = False
    assert await site.get("/readyz") == (503, "The API server does not know modelrollouts: install it.\n")
    assert (await site.get("/healthz"))[0] == 200


async def test_before_the_first_list_is_in_it_is_not_ready(site: Site) -> None:
    site.watching.synced = False
    assert (await site.get("/readyz"))[0] == 503


async def test_a_kind_that_is_not_installed_is_named_and_does_not_hinder(site: Site) -> None:
    site.watching.missing = ("httproutes.gateway.networking.k8s.io/v1",)
    status, text = await site.get("/readyz")
    assert status == 200
    assert "does not know httproutes.gateway.networking.k8s.io/v1" in text


async def test_on_a_free_port_it_says_the_one_that_ipv4_reaches() -> None:
    pages = Pages(Guard(), Watching())
    site = Site(Guard(), Watching(), f"http://127.0.0.1:{await pages.start(0)}")
    assert (await site.get("/readyz"))[0] == 200
    await pages.stop()
