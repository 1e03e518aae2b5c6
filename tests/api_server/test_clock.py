"""The operator's wall clock is set forward or back in the middle of a trial: nothing is concluded from that."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api_server.api import Api
from tests.api_server.conftest import ApiServer
from tests.api_server.process import Operator, kubeconfig_for
from tests.api_server.proxy import Proxy
from tests.api_server.stage import Stage

pytestmark = pytest.mark.api_server


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """By how many seconds the operator's clock is ahead."""
    file = tmp_path / "clock"
    file.write_text("0")
    return file


@pytest.fixture
def operator(
    with_crds: ApiServer, namespace: str, tmp_path: Path, clock: Path, prometheus: Proxy, gate: Proxy
) -> Iterator[Operator]:
    """The operator with a clock that can be set."""
    made = Operator(
        tmp_path,
        namespaces=[namespace],
        kubeconfig=kubeconfig_for(gate.address, Api(with_crds.kubeconfig).token, tmp_path),
        prometheus=prometheus.address,
        clock=clock,
    ).start()
    yield made
    made.stop()


@pytest.mark.parametrize("ahead", [3600, -3600])
def test_a_clock_that_is_set_moves_nothing_and_the_trial_goes_on_when_it_is_right_again(
    on_trial: Stage, clock: Path, operator: Operator, ahead: int
) -> None:
    attempt = on_trial.status()["attempt"]
    set_to(clock, ahead)
    on_trial.stays(15, lambda: on_trial.weights() == (75, 25), f"a clock {ahead} s ahead moved traffic")
    assert on_trial.status()["phase"] in ("Analyzing", "Preparing"), on_trial.status()
    set_to(clock, 0)
    on_trial.rollout()
    on_trial.wait_until(
        lambda: on_trial.status()["phase"] == "Healthy" and "v2" in on_trial.versions().values(),
        120,
        lambda: f"it did not go on: {on_trial.status()}",
    )
    status = on_trial.status()
    assert on_trial.versions()[status["stable"]["revision"]] == "v2", status
    assert status["attempt"] <= attempt + 1, "more trials than the change of the steps asked for"
    assert operator.starts == 1


def set_to(clock: Path, ahead: float) -> None:
    written = clock.with_suffix(".new")
    written.write_text(str(ahead))
    written.replace(clock)
    time.sleep(0.1)
