"""The noise of the model server's image: what pods share, what they do not, and what it is on average."""

from statistics import mean, pstdev

import pytest
from noise import Noise


def pod(name: str, **told: str) -> Noise:
    return Noise.of_environment({"HOSTNAME": name, **told})


def test_a_pod_that_is_told_nothing_has_no_noise() -> None:
    quiet = pod("a")
    assert {quiet.error_factor(float(now)) for now in range(1000)} == {1.0}
    assert {quiet.latency_factor(float(now)) for now in range(1000)} == {1.0}
    assert quiet.pause == 0


def test_pods_differ_by_what_is_told_and_a_pod_that_starts_again_is_the_same() -> None:
    levels = [pod(f"pod-{index}", POD_ERRORS="0.2", POD_SPEED="0.1") for index in range(2000)]
    assert pstdev(one.errors for one in levels) == pytest.approx(0.2, abs=0.02)
    assert mean(one.errors for one in levels) == pytest.approx(1.0, abs=0.02)
    assert pstdev(one.latency_factor(0.0) for one in levels) == pytest.approx(0.1, abs=0.01)
    assert pod("pod-7", POD_ERRORS="0.2", POD_SPEED="0.1") == levels[7]


def test_bursts_change_when_errors_come_and_not_how_many() -> None:
    bursty = pod("a", BURST="3")
    factors = [bursty.error_factor(4.0 * slot) for slot in range(20_000)]
    assert mean(factors) == pytest.approx(1.0, abs=0.02)
    assert max(factors) / min(factors) == pytest.approx(3.0)
    other = pod("b", BURST="3")
    assert factors != [other.error_factor(4.0 * slot) for slot in range(20_000)], "pods' bursts are their own"


def test_an_incident_hits_all_pods_that_share_its_name_at_the_same_time_and_no_others() -> None:
    one, two = (pod(name, INCIDENT="2", INCIDENTS="shop") for name in ("a", "b"))
    other = pod("c", INCIDENT="2", INCIDENTS="chat")
    times = [15.0 * slot for slot in range(4000)]
    hit = [at for at in times if one.error_factor(at) == 2.0]
    assert hit == [at for at in times if two.error_factor(at) == 2.0]
    assert hit != [at for at in times if other.error_factor(at) == 2.0]
    assert len(hit) / len(times) == pytest.approx(0.05, abs=0.01)
