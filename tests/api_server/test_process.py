"""The operator as a process: it takes the lease, stands by, stops in time, and ends when it must."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api_server.conftest import ApiServer

pytestmark = [pytest.mark.api_server, pytest.mark.xdist_group("process")]


class Serinus:
    """One `serinus run` of its own log."""

    def __init__(self, api_server: ApiServer, namespace: str, log: Path, name: str) -> None:
        self.log = log
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SERINUS_")}
        environment = kept | {
            "KUBECONFIG": api_server.kubeconfig,
            "SERINUS_NAMESPACES": namespace,
            "SERINUS_LEASE_NAMESPACE": namespace,
            "SERINUS_LEASE_SECONDS": "8",
            "SERINUS_IDENTITY": name,
            "SERINUS_PORT": "0",
        }
        with log.open("wb") as file:
            self.process = subprocess.Popen([sys.executable, "-m", "serinus", "run"], env=environment, stderr=file)

    def lines(self) -> list[dict[str, Any]]:
        """What it has said, and that all of it is JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]

    def said(self, event: str) -> dict[str, Any] | None:
        return next((line for line in self.lines() if line["event"] == event), None)

    def works(self) -> bool:
        return self.said("rollouts are served from now on") is not None

    def page(self, path: str) -> tuple[int, str]:
        started = self.said("started")
        assert started is not None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{started['port']}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def stop(self) -> float:
        """SIGTERM; the seconds until it was gone."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        return time.monotonic() - started


Start = Callable[[str], Serinus]


@pytest.fixture
def start(with_crds: ApiServer, namespace: str, tmp_path: Path) -> Iterator[Start]:
    running: list[Serinus] = []

    def begin(name: str) -> Serinus:
        running.append(Serinus(with_crds, namespace, tmp_path / f"{name}.log", name))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def until(holds: Callable[[], bool], within: float, log: Path) -> float:
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < within, log.read_text()
        time.sleep(0.05)
    return time.monotonic() - started


def holder(api_server: ApiServer, namespace: str) -> str:
    answer = api_server.kubectl("get", "lease", "serinus", "-n", namespace, "-o", "jsonpath={.spec.holderIdentity}")
    return answer.stdout


def test_asked_to_stop_it_hands_the_lease_back_and_is_gone_within_a_second_or_two(
    start: Start, api_server: ApiServer, namespace: str
) -> None:
    one = start("one")
    until(one.works, 90, one.log)
    assert one.page("/readyz") == (200, "ok\n") or one.page("/readyz")[1].startswith("ok\n")
    assert one.page("/healthz")[0] == 200
    assert holder(api_server, namespace).startswith("one_")
    until(lambda: "serinus_lease_held 1.0" in one.page("/metrics")[1], 10, one.log)
    assert one.stop() < 2.5
    assert one.process.returncode == 0
    assert holder(api_server, namespace) == ""
    assert one.said("stopped") is not None


def test_a_second_one_stands_by_ready_and_takes_over_at_once(start: Start) -> None:
    one = start("one")
    until(one.works, 90, one.log)
    two = start("two")
    until(lambda: two.said("started") is not None and two.page("/readyz")[0] == 200, 90, two.log)
    assert "lease not held" in two.page("/healthz")[1]
    time.sleep(9)
    assert not two.works()
    one.stop()
    assert until(two.works, 10, two.log) < 3.0


def test_one_that_was_stalled_ends_when_it_goes_on_and_the_other_works(start: Start) -> None:
    one = start("one")
    until(one.works, 90, one.log)
    two = start("two")
    os.kill(one.process.pid, signal.SIGSTOP)
    until(two.works, 90, two.log)
    os.kill(one.process.pid, signal.SIGCONT)
    one.process.wait(10)
    assert one.process.returncode == 3
    assert two.process.poll() is None


def test_one_that_was_killed_is_followed_after_the_lease_ran_out(start: Start) -> None:
    one = start("one")
    until(one.works, 90, one.log)
    one.process.kill()
    one.process.wait()
    two = start("two")
    until(two.works, 90, two.log)
    assert two.page("/readyz")[0] == 200
