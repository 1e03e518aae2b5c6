"""How much is read before something is written: few objects where a candidate failed, none for numbers."""

import time
from dataclasses import dataclass, field

import pytest

from tests.api_server.proxy import Fault, Proxy, Request
from tests.api_server.stage import Stage

pytestmark = pytest.mark.api_server


@dataclass(slots=True)
class Heard:
    """The operator's requests for objects, in their order; watches and the Lease are left out."""

    requests: list[tuple[float, Request]] = field(default_factory=list)

    def hear(self, request: Request) -> None:
        if "watch=" not in request.query and "/leases" not in request.path:
            self.requests.append((time.monotonic(), request))

    def first_write(self, path: str, words: bytes) -> int:
        """Where the first patch of such an object stands that says these words."""
        return next(
            at
            for at, (_, one) in enumerate(self.requests)
            if one.method == "PATCH" and one.path.endswith(path) and words in one.body
        )


@pytest.fixture
def heard(gate: Proxy) -> Heard:
    heard = Heard()
    gate.before = heard.hear
    return heard


def test_a_candidate_that_failed_is_taken_back_after_three_reads(healthy: Stage, heard: Heard) -> None:
    healthy.behaves("v2", errors=0.3)
    healthy.source("v2")
    healthy.wait_for(90, phase="RolledBack")
    patch = heard.first_write("/httproutes/chat", b'\\"rollback\\"')
    reads = [one.path.split("/")[-1] for _, one in heard.requests[:patch] if not one.is_write][-3:]
    assert sorted(reads) == ["chat", "chat", "services"]
    kinds = {one.path.split("/")[-2] for _, one in heard.requests[:patch] if one.path.endswith("/chat")}
    assert {"httproutes", "modelrollouts"} <= kinds


def test_what_the_counts_alone_change_is_written_without_a_read(
    on_trial: Stage, heard: Heard, prometheus: Proxy
) -> None:
    on_trial.wait_until(
        lambda: on_trial.status().get("verdict") in ("NotEnough", "Pass"),
        30,
        lambda: f"no verdict: {on_trial.status()}",
    )
    heard.requests.clear()
    prometheus.before = lambda request: Fault(status=503)
    on_trial.wait_until(
        lambda: on_trial.status().get("verdict") == "ProviderDown", 20, lambda: f"not down: {on_trial.status()}"
    )
    patch = heard.first_write("/modelrollouts/chat/status", b'"ProviderDown"')
    written = heard.requests[patch][0]
    assert not [one.path for at, one in heard.requests[:patch] if not one.is_write and at > written - 0.3]
