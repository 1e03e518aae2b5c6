"""The one pod that a person should look at first."""

from math import inf

import pytest

from serinus.core import judge, outliers
from serinus.core.evidence import Histogram, Look, PodLook, Ratio, Role, Sli, Verdict
from serinus.core.judge import EvidenceState
from serinus.core.plain import from_plain, to_plain
from tests.core.traffic import errors, latency, quiet, standards


def pod(name: str, role: Role, at: float, n: float, bad: float) -> PodLook:
    slow = Histogram(edges=(1.0, 2.5, inf), counts=(n - bad, 0.0, bad))
    return PodLook(
        pod=name, role=role, start=at - 15, end=at, counts={"success-rate": Ratio(total=n, bad=bad), "latency": slow}
    )


def judged(sli: Sli, *bad: float, looks: int = 6) -> EvidenceState:
    """Three candidate pods with so many bad ones of a hundred requests in each look, beside a stable that has one."""
    state = judge.begin([sli], standards(), quiet(sli))
    for k in range(1, looks + 1):
        at = 15.0 * k
        pods = [pod(f"chat-{name}", Role.CANDIDATE, at, 100, x) for name, x in zip("abc", bad, strict=True)]
        pods += [pod(f"old-{name}", Role.STABLE, at, 300, 1) for name in "xyz"]
        state = judge.advance(state, Look(at=at, weight=25, step=1, pods=tuple(pods)))
    return state


@pytest.mark.parametrize("sli", [errors(), latency()])
def test_a_fail_names_the_pod_that_has_most_of_the_bad_requests(sli: Sli) -> None:
    said = judge.verdict(judged(sli, 24, 3, 3))
    assert said.verdict is Verdict.FAIL
    assert "; pod chat-a alone has 80 % of the bad requests and 33 % of all." in said.sentence


def test_where_all_pods_fail_alike_none_is_named() -> None:
    said = judge.verdict(judged(errors(), 10, 9, 11))
    assert said.verdict is Verdict.FAIL
    assert "alone" not in said.sentence


def test_few_bad_requests_and_a_pod_that_is_alone_name_nobody() -> None:
    assert outliers.named({"a": (100, 9), "b": (100, 0)}) == ""
    assert outliers.named({"a": (100, 90)}) == ""
    assert outliers.named({"a": (100, 10), "b": (100, 0)}) != ""


def test_a_pod_with_most_of_the_requests_may_have_most_of_the_bad_ones() -> None:
    assert outliers.named({"a": (700, 60), "b": (300, 10)}) == ""


def test_of_many_pods_those_with_most_requests_are_remembered() -> None:
    seen: outliers.Seen = {}
    for number in range(100):
        seen = outliers.plus(seen, [(f"pod-{number}", 10.0 + number, 1.0)])
    assert len(seen) == outliers.MOST_PODS
    assert "pod-99" in seen
    assert "pod-1" not in seen


def test_what_was_seen_survives_json() -> None:
    state = judged(errors(), 24, 3, 3)
    assert from_plain(EvidenceState, to_plain(state)) == state
