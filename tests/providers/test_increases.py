"""Queries over long windows: how many there are, what they say, and whose series is whose."""

from typing import Any

import pytest

from serinus.core.questions import Arms, HistogramSource, Matcher, Measurement, RatioSource, Series
from serinus.presets import PRESETS
from serinus.providers.increases import POINTS, Query, Want, plan, read
from serinus.providers.prometheus import AnswerError, Part, Partial

DAY = 86400
ERRORS = Measurement(
    sli="errors",
    arms=Arms.POD,
    source=RatioSource(
        total=Series(metric="http_requests_total"),
        bad=Series(metric="http_requests_total", matchers=(Matcher(label="code", op="=~", value="5.."),)),
    ),
)
REVISION = "bcdfghjk"


def want(name: str = "chat", **more: Any) -> Want:
    given: dict[str, Any] = {
        "owner": name,
        "namespace": "models",
        "rollout": name,
        "source": "",
        "measurement": ERRORS,
        "edge": None,
        "seconds": 30 * DAY,
        "width": 21600,
        **more,
    }
    return Want(**given)


def answer(*series: tuple[dict[str, str], list[tuple[float, str]]]) -> dict[str, Any]:
    result = [{"metric": labels, "values": [list(one) for one in values]} for labels, values in series]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


def of(query: Query, pod: str, namespace: str = "models") -> dict[Any, set[str]]:
    """Who gets a pod's series, and under which names."""
    found = read(query, answer(({"namespace": namespace, "pod": pod}, [(21600, "5")])))
    return {owner: {name for row in rows.values() for name in row} for owner, rows in found.items()}


def test_a_window_is_one_query_for_each_counter() -> None:
    total, bad = plan([want(source="chat")])
    assert total.text == (
        '(sum by (namespace, pod) (increase(http_requests_total{namespace=~"models",'
        'pod=~"((chat)-[bcdfghjklmnpqrstvwxz2456789]{8}|chat)-[a-z0-9]+(-[a-z0-9]+)?"}[21600s])))[2592000s:21600s]'
    )
    assert 'code=~"5.."' in bad.text
    assert (total.part, bad.part) == (Part.TOTAL, Part.BAD)


def test_rollouts_that_share_a_metric_share_its_queries() -> None:
    assert len(plan([want(f"m{number}") for number in range(100)])) == 2


def test_very_many_rollouts_are_cut_so_that_no_answer_becomes_too_large() -> None:
    most = POINTS * 21600 // (30 * DAY)
    assert len(plan([want(f"m{number}") for number in range(most + 1)])) == 4


def test_a_latency_is_its_count_and_the_bucket_at_the_objective() -> None:
    source = HistogramSource(histogram=Series(metric="answer_seconds"))
    total, good = plan([want(measurement=Measurement(sli="slow", arms=Arms.POD, source=source), edge=2.0)])
    assert "increase(answer_seconds_count{" in total.text
    assert 'increase(answer_seconds_bucket{le=~"2|2\\\\.0",' in good.text
    assert good.part is Part.GOOD


def test_pods_of_every_revision_and_of_the_teams_own_deployment_are_the_service() -> None:
    query = plan([want("chat", source="web")])[0]
    assert of(query, f"chat-{REVISION}-7f9c4b6d58-x2x8z") == {"chat": {f"chat-{REVISION}"}}
    assert of(query, "chat-zzzzzzzz-7f9c4b6d58-x2x8z") == {"chat": {"chat-zzzzzzzz"}}
    assert of(query, "web-7f9c4b6d58-x2x8z") == {"chat": {"web"}}


@pytest.mark.parametrize(
    "pod", ["chat-frontend-7f9c4b6d58-x2x8z", "chat-worker-7f9c4b6d58-x2x8z", f"big-chat-{REVISION}-7f9c4b6d58-x2x8z"]
)
def test_pods_of_others_are_not(pod: str) -> None:
    assert of(plan([want()])[0], pod) == {}


def test_pods_of_another_namespace_are_not() -> None:
    assert of(plan([want()])[0], f"chat-{REVISION}-7f9c4b6d58-x2x8z", "others") == {}


def test_a_deployment_that_looks_like_a_revision_of_the_team_is_not_counted_for_it() -> None:
    query = plan([want("mine", source="chat")])[0]
    assert of(query, f"chat-{REVISION}-7f9c4b6d58-x2x8z") == {}


def test_a_pods_name_that_was_cut_is_known() -> None:
    rollout = "m" * 40
    pod = f"{rollout}-{REVISION}-7f9c4b6dx2x8z"
    assert len(pod) == 63
    assert of(plan([want(rollout)])[0], pod) == {rollout: {f"{rollout}-{REVISION}"}}


def test_a_gateways_clusters_are_counted_by_role_and_istios_workloads_by_name() -> None:
    envoy, istio = (
        Measurement(sli=name, arms=PRESETS[name].arms, source=PRESETS[name].source)
        for name in ("envoy/success-rate", "istio/success-rate")
    )
    query = plan([want(measurement=envoy)])[0]
    assert 'envoy_cluster_name=~"(models_chat)-(stable|candidate)_[0-9]+"' in query.text
    series = ({"envoy_cluster_name": "models_chat-candidate_80"}, [(21600.0, "7")])
    assert read(query, answer(series)) == {"chat": {21600: {"chat-candidate": 7.0}}}
    query = plan([want(measurement=istio)])[0]
    workload = {"destination_workload_namespace": "models", "destination_workload": f"chat-{REVISION}"}
    assert read(query, answer((workload, [(21600, "7")]))) == {"chat": {21600: {f"chat-{REVISION}": 7.0}}}
    assert read(query, answer(({"destination_workload": "chat"}, [(21600, "7")]))) == {}


def test_pods_of_one_revision_add_up_and_no_number_is_nothing() -> None:
    query = plan([want()])[0]
    pods = [{"namespace": "models", "pod": f"chat-{REVISION}-7f9c4b6d58-{tail}"} for tail in ("aaaaa", "bbbbb")]
    found = read(query, answer((pods[0], [(21600, "5"), (43200, "NaN")]), (pods[1], [(21600, "2.5")])))
    assert found == {"chat": {21600: {f"chat-{REVISION}": 7.5}}}


def test_part_of_an_answer_is_no_answer() -> None:
    query = plan([want()])[0]
    with pytest.raises(Partial):
        read(query, {**answer(), "warnings": ["a store is away"]})
    with pytest.raises(AnswerError):
        read(query, {"data": {"resultType": "vector", "result": []}})
