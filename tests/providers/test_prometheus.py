"""Many rollouts, few queries; and each rollout gets back its own pods and nothing else."""

from collections.abc import Mapping
from typing import Any

import pytest

from serinus.core.evidence import Role
from serinus.core.questions import Arms, HistogramSource, Matcher, Measurement, RateSource, RatioSource, Series
from serinus.providers import prometheus
from serinus.providers.prometheus import AnswerError, Part, Partial, Want

ERRORS = Measurement(
    sli="errors",
    arms=Arms.POD,
    source=RatioSource(
        total=Series(metric="requests_total"),
        bad=Series(metric="requests_total", matchers=(Matcher(label="code", op="=~", value="5.."),)),
    ),
)
LATENCY = Measurement(
    sli="latency", arms=Arms.POD, source=HistogramSource(histogram=Series(metric="request_duration_seconds"))
)


def want(
    rollout: str = "chat",
    namespace: str = "models",
    measurement: Measurement = ERRORS,
    seconds: float = 60,
    resolution: int = 0,
) -> Want:
    return Want(
        owner=rollout,
        namespace=namespace,
        arms={f"{rollout}-aaa": Role.STABLE, f"{rollout}-bbb": Role.CANDIDATE},
        measurement=measurement,
        seconds=seconds,
        resolution=resolution,
    )


def answer(*series: tuple[Mapping[str, str], list[tuple[float, str]]], **more: Any) -> dict[str, Any]:
    result = [{"metric": labels, "values": [list(pair) for pair in values]} for labels, values in series]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}, **more}


def pod(name: str, namespace: str = "models", **labels: str) -> dict[str, str]:
    return {"namespace": namespace, "pod": name, **labels}


ONE = [(1.0, "1"), (2.0, "3")]


def test_events_are_asked_for_by_one_counter() -> None:
    faults = Measurement(sli="faults", arms=Arms.POD, source=RateSource(events=Series(metric="faults_total")))
    (query,) = prometheus.plan([want(measurement=faults)])
    assert query.text.startswith('faults_total{namespace=~"models",pod=~')
    (found,) = prometheus.read(query, answer((pod("chat-aaa-7f9-abc12"), ONE)))[("chat", "faults")]
    assert (found.part, found.samples) == (Part.EVENTS, ((1.0, 1.0), (2.0, 3.0)))


def test_buckets_of_scores_are_told_apart_from_those_of_a_latency() -> None:
    source = HistogramSource(histogram=Series(metric="answer_score"), scores=True)
    (query,) = prometheus.plan([want(measurement=Measurement(sli="quality", arms=Arms.POD, source=source))])
    assert query.text.startswith("answer_score_bucket{")
    (found,) = prometheus.read(query, answer((pod("chat-aaa-7f9-abc12", le="2"), ONE)))[("chat", "quality")]
    assert (found.part, found.labels["le"]) == (Part.SCORES, "2")


def test_an_answer_holds_raw_samples_and_never_a_rate() -> None:
    texts = [query.text for query in prometheus.plan([want()])]
    assert texts == [
        'requests_total{namespace=~"models",pod=~"(chat-aaa|chat-bbb)-[a-z0-9]+(-[a-z0-9]+)?"}[60s]',
        'requests_total{code=~"5..",namespace=~"models",pod=~"(chat-aaa|chat-bbb)-[a-z0-9]+(-[a-z0-9]+)?"}[60s]',
    ]


def test_a_histogram_is_asked_by_its_buckets() -> None:
    (query,) = prometheus.plan([want(measurement=LATENCY)])
    assert query.text.startswith("request_duration_seconds_bucket{")


@pytest.mark.parametrize("rollouts", [1, 10, 100, 250])
def test_the_number_of_queries_does_not_grow_with_the_number_of_rollouts(rollouts: int) -> None:
    wants = [want(f"m{n}", f"team-{n % 7}", m) for n in range(rollouts) for m in (ERRORS, LATENCY)]
    assert len(prometheus.plan(wants)) == 3


def test_a_query_that_would_be_too_large_is_split_and_no_rollout_is_cut_in_two() -> None:
    wants = [want(f"m{n}") for n in range(600)]
    queries = prometheus.plan(wants)
    assert len(queries) == 6
    assert all(len(query.owners) <= prometheus.NAMES and len(query.text) < 32_768 for query in queries)
    owners = [{owner for value in query.owners.values() for owner, *_ in value} for query in queries[:3]]
    assert sum(len(one) for one in owners) == 600


def test_a_long_way_back_is_asked_for_fewer_rollouts_at_a_time() -> None:
    wants = [want(f"m{n}", seconds=3600) for n in range(20)]
    assert len(prometheus.plan(wants)) == 10
    assert len(prometheus.plan([want(f"m{n}", seconds=3600, resolution=60) for n in range(20)])) == 2


def test_slightly_different_ways_back_share_a_query() -> None:
    assert len(prometheus.plan([want("a", seconds=47), want("b", seconds=59)])) == 2


def test_other_matchers_are_another_query() -> None:
    other = Measurement(sli="errors", arms=Arms.POD, source=RatioSource(total=Series(metric="other_total")))
    assert len(prometheus.plan([want("a"), want("b", measurement=other)])) == 3


def test_history_is_thinned_out_by_a_subquery() -> None:
    query = prometheus.plan([want(seconds=21_600, resolution=60)])[0]
    assert query.text.endswith("}[21600s:60s]")


def test_namespaces_and_names_are_quoted() -> None:
    strange = Want(owner=1, namespace='a.b"', arms={"c.d": Role.STABLE}, measurement=LATENCY, seconds=15)
    (query,) = prometheus.plan([strange])
    assert 'namespace=~"a\\\\.b\\""' in query.text
    assert 'pod=~"(c\\\\.d)-' in query.text


def test_series_come_back_by_rollout_sli_part_role_and_pod() -> None:
    total, bad = prometheus.plan([want()])
    got = prometheus.read(
        total, answer((pod("chat-aaa-5d9f-x1"), ONE), (pod("chat-bbb-7c8b-y2", code="200"), [(1.0, "7")]))
    )
    stable, candidate = got[("chat", "errors")]
    assert (stable.part, stable.role, stable.pod) == (Part.TOTAL, Role.STABLE, "chat-aaa-5d9f-x1")
    assert stable.samples == ((1.0, 1.0), (2.0, 3.0))
    assert (candidate.role, candidate.labels["code"]) == (Role.CANDIDATE, "200")
    assert prometheus.read(bad, answer((pod("chat-aaa-5d9f-x1"), ONE)))[("chat", "errors")][0].part is Part.BAD


@pytest.mark.parametrize(
    "labels",
    [
        pod("chat-aaa-5d9f-x1", namespace="others"),
        pod("chat-ccc-5d9f-x1"),
        pod("chat-aaa-extra-5d9f-x1"),
        pod("chat-aaa-5d9f"),
        pod("chat-aaa"),
        {"pod": "chat-aaa-5d9f-x1"},
        {"namespace": "models"},
    ],
)
def test_a_series_of_nobody_who_asked_is_left_out(labels: dict[str, str]) -> None:
    total, _ = prometheus.plan([want(), want("translate", "others")])
    assert not prometheus.read(total, answer((labels, ONE)))


def test_a_pod_whose_long_name_was_cut_is_known() -> None:
    long = "a" * 40
    deployment = f"{long}-6f7d5b8c9d"
    cut = f"{deployment}-7f9c4b" + "x2x8z"
    cut += "0" * (63 - len(cut))
    (query,) = prometheus.plan(
        [Want(owner=1, namespace="models", arms={deployment: Role.STABLE}, measurement=LATENCY, seconds=15)]
    )
    assert prometheus.read(query, answer((pod(cut), ONE)))[(1, "latency")][0].pod == cut


def test_values_that_are_no_numbers_are_dropped() -> None:
    total, _ = prometheus.plan([want()])
    values = [(1.0, "1"), (2.0, "NaN"), (3.0, "+Inf"), (4.0, "-Inf"), (5.0, "2")]
    (series,) = prometheus.read(total, answer((pod("chat-aaa-5d9f-x1"), values)))[("chat", "errors")]
    assert series.samples == ((1.0, 1.0), (5.0, 2.0))


def test_an_answer_with_warnings_is_partial_and_an_info_is_not() -> None:
    total, _ = prometheus.plan([want()])
    with pytest.raises(Partial):
        prometheus.read(total, answer((pod("chat-aaa-5d9f-x1"), ONE), warnings=["a store did not answer"]))
    assert prometheus.read(total, answer((pod("chat-aaa-5d9f-x1"), ONE), infos=["maybe not a counter"]))


@pytest.mark.parametrize(
    "data", [None, {}, {"resultType": "vector", "result": []}, {"resultType": "matrix"}, {"resultType": "scalar"}]
)
def test_an_answer_that_is_no_matrix_is_an_error(data: object) -> None:
    total, _ = prometheus.plan([want()])
    with pytest.raises(AnswerError):
        prometheus.read(total, {"status": "success", "data": data})


def test_arms_by_workload_are_told_apart_by_istios_labels() -> None:
    measurement = Measurement(sli="errors", arms=Arms.WORKLOAD, source=RatioSource(total=Series(metric="istio_total")))
    (query,) = prometheus.plan([want(measurement=measurement)])
    assert query.text == (
        'istio_total{destination_workload_namespace=~"models",destination_workload=~"chat-aaa|chat-bbb"}[60s]'
    )
    labels = {
        "destination_workload_namespace": "models",
        "destination_workload": "chat-bbb",
        "namespace": "elsewhere",
        "instance": "10.0.0.1:15020",
    }
    (series,) = prometheus.read(query, answer((labels, ONE)))[("chat", "errors")]
    assert (series.role, series.pod) == (Role.CANDIDATE, "10.0.0.1:15020")


def test_of_a_gateway_only_the_rollouts_own_clusters_are_read() -> None:
    measurement = Measurement(sli="errors", arms=Arms.CLUSTER, source=RatioSource(total=Series(metric="rq_completed")))
    services = {"chat-stable": Role.STABLE, "chat-candidate": Role.CANDIDATE}
    (query,) = prometheus.plan(
        [Want(owner="chat", namespace="models", arms=services, measurement=measurement, seconds=60)]
    )
    assert query.text == 'rq_completed{envoy_cluster_name=~"(models_chat-candidate|models_chat-stable)_[0-9]+"}[60s]'
    got = prometheus.read(
        query,
        answer(
            ({"envoy_cluster_name": "models_chat-candidate_8080", "namespace": "gateways", "pod": "envoy-1"}, ONE),
            ({"envoy_cluster_name": "models_chat-candidate_8080", "namespace": "gateways", "pod": "envoy-2"}, ONE),
            ({"envoy_cluster_name": "others_chat-stable_8080", "namespace": "gateways", "pod": "envoy-1"}, ONE),
        ),
    )
    assert [(one.role, one.pod) for one in got[("chat", "errors")]] == [
        (Role.CANDIDATE, "chat-candidate@envoy-1"),
        (Role.CANDIDATE, "chat-candidate@envoy-2"),
    ]


def test_two_slis_of_one_rollout_that_read_the_same_series_share_a_query() -> None:
    twin = Measurement(sli="twin", arms=Arms.POD, source=LATENCY.source)
    (query,) = prometheus.plan([want(measurement=LATENCY), want(measurement=twin)])
    got = prometheus.read(query, answer((pod("chat-aaa-5d9f-x1", le="1"), ONE)))
    assert {sli for _, sli in got} == {"latency", "twin"}
