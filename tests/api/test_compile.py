"""From what users type to what the core works with."""

from dataclasses import replace
from typing import Any

import pytest

from serinus.api.compile import Problems, compile_spec
from serinus.core.budget import DAY, ErrorBudget
from serinus.core.evidence import OnFail, Standards
from serinus.core.model import Deadlines, DeletionPolicy, OnInconclusive, Step
from serinus.core.questions import (
    Arms,
    HistogramSource,
    Matcher,
    Measurement,
    RateSource,
    RatioSource,
    Series,
    SourceRef,
    TrafficRef,
)
from serinus.presets import PRESETS
from tests.api.manifests import compiled, problems, rollout

OWN = {
    "name": "answers",
    "ratio": {
        "total": {"metric": "answers_total"},
        "bad": {
            "metric": "answers_total",
            "matchers": [
                {"label": "code", "matches": "5.."},
                {"label": "path", "notMatches": "/(healthz|metrics)"},
                {"label": "method", "equals": "POST"},
                {"label": "client", "notEquals": ""},
            ],
        },
    },
}
LATENCY = {"name": "slow", "histogram": {"metric": "answer_seconds", "worse": "higher"}}


def test_the_object_itself_is_named_by_uid_namespace_name_and_generation() -> None:
    spec = compiled()
    assert (spec.uid, spec.namespace, spec.name, spec.generation) == ("u-1", "models", "chat", 3)


def test_what_is_not_written_gets_a_careful_default() -> None:
    spec = compiled()
    assert spec.steps == tuple(Step(weight=weight, hold=600.0) for weight in (5, 25, 50))
    assert spec.standards == Standards(false_rollback_rate=0.01, false_promotion_rate=0.05, steps=3)
    assert (spec.interval, spec.max_hold, spec.prometheus) == (15.0, 86400.0, "")
    assert (spec.on_inconclusive, spec.dry_run) == (OnInconclusive.HOLD, False)
    assert (spec.replicas, spec.port, spec.max_extra_gpus, spec.node_pool) == (None, None, None, {})
    assert spec.warm_up_requests == 0
    assert (spec.warm_up_seconds, spec.deadlines) == (0.0, Deadlines(schedule=600.0, ready=1800.0))
    assert (spec.drain, spec.scale_down_delay, spec.rollback_window) == (30.0, 600.0, 1)
    assert spec.deletion_policy is DeletionPolicy.ORPHAN


def test_every_written_field_reaches_the_core_in_seconds_and_fractions() -> None:
    spec = compiled(
        workload={
            "podTemplate": "chat",
            "replicas": 4,
            "nodePool": {
                "nodeSelector": {"pool": "h100"},
                "tolerations": [{"key": "gpu", "operator": "Exists", "tolerationSeconds": 30}],
                "runtimeClassName": "nvidia",
            },
            "maxExtraGPUs": 8,
            "warmUp": "1m30s",
            "warmUpRequests": 500,
            "deadlines": {"schedule": "5m", "ready": "1h"},
        },
        model={"name": "chat", "version": "v42", "uri": "s3://m/42", "digest": "sha256:1"},
        traffic={"gateway": "infra/public", "hostnames": ["chat.example.com", "*.example.org"], "port": 8000},
        steps=[{"weight": 10, "hold": "0s", "minRequests": 500, "pause": True}],
        analysis={
            "falseRollbackRate": "0.5%",
            "falsePromotionRate": "2%",
            "interval": "30s",
            "maxHold": "6h",
            "onInconclusive": "rollback",
            "dryRun": True,
            "prometheus": "team-a",
        },
        rollback={"scaleDownDelay": "1h", "drain": "2m", "window": 0},
        deletionPolicy="Delete",
    )
    assert spec.source == SourceRef(workload="podTemplate", name="chat")
    assert spec.node_pool == {
        "nodeSelector": {"pool": "h100"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "tolerationSeconds": 30}],
        "runtimeClassName": "nvidia",
    }
    assert (spec.replicas, spec.max_extra_gpus) == (4, 8)
    assert (spec.warm_up_seconds, spec.warm_up_requests) == (90.0, 500)
    assert spec.deadlines == Deadlines(schedule=300.0, ready=3600.0)
    assert (spec.model.name, spec.model.version, spec.model.uri, spec.model.digest) == (
        "chat",
        "v42",
        "s3://m/42",
        "sha256:1",
    )
    assert spec.traffic == TrafficRef(
        router="httpRoute", name="chat", gateway="infra/public", hostnames=("chat.example.com", "*.example.org")
    )
    assert spec.port == 8000
    assert spec.steps == (Step(weight=10, hold=0.0, min_requests=500, pause=True),)
    assert spec.standards == Standards(false_rollback_rate=0.005, false_promotion_rate=0.02, steps=1)
    assert (spec.interval, spec.max_hold, spec.prometheus) == (30.0, 21600.0, "team-a")
    assert (spec.on_inconclusive, spec.dry_run) == (OnInconclusive.ROLLBACK, True)
    assert (spec.scale_down_delay, spec.drain, spec.rollback_window) == (3600.0, 120.0, 0)
    assert spec.deletion_policy is DeletionPolicy.DELETE


def test_a_route_of_git_keeps_its_own_name() -> None:
    assert compiled(traffic={"httpRoute": "front"}).traffic == TrafficRef(router="httpRoute", name="front")


def test_without_a_router_the_route_is_a_service_of_our_own() -> None:
    by_pods = TrafficRef(router="replicas", name="chat", by_pods=True)
    assert compiled(traffic={"replicas": True}).traffic == by_pods
    assert compiled(traffic={"replicas": True, "service": "front"}).traffic == replace(by_pods, name="front")
    assert by_pods.generated
    assert compiled().source == SourceRef(workload="deployment", name="chat")


def test_a_preset_brings_its_measurement_and_its_name() -> None:
    spec = compiled(slis=[{"preset": "vllm/success-rate", "objective": "99%"}])
    assert spec.measurements[0].sli == spec.slis[0].name == "vllm/success-rate"
    assert spec.measurements[0].source == PRESETS["vllm/success-rate"].source
    assert spec.measurements[0].arms == PRESETS["vllm/success-rate"].arms
    assert compiled(slis=[{"preset": "envoy/latency"}]).measurements[0].arms is Arms.CLUSTER


def test_own_counters_keep_their_matchers_and_are_told_apart_by_pod() -> None:
    measurement = compiled(slis=[OWN]).measurements[0]
    assert measurement.sli == "answers"
    assert measurement.arms is Arms.POD
    assert measurement.source == RatioSource(
        total=Series(metric="answers_total"),
        bad=Series(
            metric="answers_total",
            matchers=(
                Matcher(label="code", op="=~", value="5.."),
                Matcher(label="path", op="!~", value="/(healthz|metrics)"),
                Matcher(label="method", op="=", value="POST"),
                Matcher(label="client", op="!=", value=""),
            ),
        ),
    )


def test_good_requests_may_be_counted_in_place_of_bad_ones() -> None:
    ratio = {"total": {"metric": "a_total"}, "good": {"metric": "b_total"}}
    source = compiled(slis=[{"name": "liked", "ratio": ratio}]).measurements[0].source
    assert source == RatioSource(total=Series(metric="a_total"), good=Series(metric="b_total"))


def test_a_ratio_may_be_a_fifth_worse_and_a_latency_a_tenth_unless_the_spec_says_otherwise() -> None:
    ratio, latency = compiled(slis=[OWN, LATENCY]).slis
    assert (ratio.latency, ratio.allowed_ratio) == (False, 1.2)
    assert (latency.latency, latency.allowed_ratio) == (True, 1.1)
    assert compiled(slis=[{**LATENCY, "allowedRatio": 1.5}]).slis[0].allowed_ratio == 1.5
    assert compiled(slis=[{**LATENCY, "allowedRatio": 1}]).slis[0].allowed_ratio == 1.0


@pytest.mark.parametrize(("objective", "budget"), [("99%", 0.01), ("99.9%", 0.001), ("99.95%", 0.0005), ("50%", 0.5)])
def test_an_objective_leaves_a_budget_of_bad_requests_free_of_rounding(objective: str, budget: float) -> None:
    sli = compiled(slis=[{**OWN, "objective": objective}]).slis[0]
    assert (sli.budget, sli.edge) == (budget, None)


@pytest.mark.parametrize(("quantile", "budget"), [("p50", 0.5), ("p90", 0.1), ("p95", 0.05), ("p99", 0.01)])
def test_a_quantile_is_a_budget_above_a_bucket_edge(quantile: str, budget: float) -> None:
    sli = compiled(slis=[{**LATENCY, quantile: "2500ms"}]).slis[0]
    assert (sli.budget, sli.edge) == (budget, 2.5)


def test_an_error_budget_has_the_objective_of_its_sli_thirty_days_and_twice_the_pace() -> None:
    spec = compiled(slis=[{**OWN, "objective": "99.9%"}], errorBudget={})
    assert spec.error_budget == ErrorBudget(sli="answers", objective=0.999, window=30 * DAY, burn=2.0)
    slow = compiled(slis=[{**LATENCY, "p99": "2500ms"}], errorBudget={"window": "36h"}).error_budget
    assert slow == ErrorBudget(sli="slow", objective=0.99, window=1.5 * DAY)
    assert compiled().error_budget is None


def test_the_sli_of_the_budget_is_found_by_its_name() -> None:
    two = [{**OWN, "objective": "99%"}, {**LATENCY, "p99": "2500ms"}]
    budget = compiled(slis=two, errorBudget={"sli": "slow", "objective": "99.5%", "burn": 6}).error_budget
    assert budget == ErrorBudget(sli="slow", objective=0.995, window=30 * DAY, burn=6.0)


@pytest.mark.parametrize(
    ("objective", "budget", "allowed", "difference"),
    [
        # The budget allows twice .1 %: stricter than the SLI's own objective, and than a tolerance of .1 points.
        ("99%", {"objective": "99.9%"}, 0.002, 0.001),
        (None, {"objective": "99.9%"}, 0.002, 0.001),
        (None, {"objective": "99.99%"}, 0.0002, 0.0001),
        # A budget that allows more than the SLI does changes nothing but the line where there was none.
        ("99.9%", {"objective": "99%"}, 0.001, 0.0005),
        ("99.9%", {}, 0.001, 0.0005),
        (None, {"objective": "99%"}, 0.02, 0.001),
    ],
)
def test_the_sli_of_the_budget_is_judged_by_the_stricter_of_its_objective_and_the_burn_that_is_allowed(
    objective: str | None, budget: dict[str, str], allowed: float, difference: float
) -> None:
    sli = compiled(slis=[OWN | ({"objective": objective} if objective else {})], errorBudget=budget).slis[0]
    assert [sli.budget, sli.floor] == pytest.approx([allowed, difference])


def test_a_latency_without_a_limit_has_no_budget() -> None:
    (said,) = problems(slis=[LATENCY], errorBudget={"objective": "99%"})
    assert said.endswith("write its objective, such as p99: 2500ms.")


@pytest.mark.parametrize(
    ("metric", "unit", "edge", "seconds"),
    [
        ("answer_seconds", None, 0.25, 1.0),
        ("answer_milliseconds", None, 250.0, 0.001),
        ("answer_ms", None, 250.0, 0.001),
        ("answer_time", "ms", 250.0, 0.001),
        ("answer_seconds", "ms", 250.0, 0.001),
    ],
)
def test_the_edge_is_in_the_metrics_own_unit(metric: str, unit: str | None, edge: float, seconds: float) -> None:
    histogram: dict[str, Any] = {"metric": metric, "worse": "higher"} | ({"unit": unit} if unit else {})
    spec = compiled(slis=[{"name": "slow", "histogram": histogram, "p99": "250ms"}])
    assert spec.slis[0].edge == edge
    assert spec.measurements[0].source == HistogramSource(histogram=Series(metric=metric), seconds_per_unit=seconds)


def test_a_preset_in_milliseconds_has_its_edge_in_milliseconds() -> None:
    assert compiled(slis=[{"preset": "envoy/latency", "p99": "2500ms"}]).slis[0].edge == 2500.0


def test_a_latency_without_an_objective_needs_no_unit() -> None:
    sli = compiled(slis=[{"name": "slow", "histogram": {"metric": "answer_time", "worse": "higher"}}]).slis[0]
    assert (sli.budget, sli.edge, sli.on_fail) == (None, None, OnFail.ROLLBACK)


def test_an_sli_may_hold_instead_of_rolling_back() -> None:
    assert compiled(slis=[{**OWN, "onFail": "hold"}]).slis[0].on_fail is OnFail.HOLD


def test_one_preset_may_be_used_twice_under_two_names() -> None:
    twice = [{"preset": "vllm/e2e-latency", "p99": "10s"}, {"name": "half", "preset": "vllm/e2e-latency", "p50": "1s"}]
    assert [sli.name for sli in compiled(slis=twice).slis] == ["vllm/e2e-latency", "half"]


def test_every_mistake_is_told_at_once() -> None:
    said = problems(workload={"deployment": "chat", "replicas": 0}, steps=[{"weight": 5, "hold": 600}])
    assert [one.split(" ")[0] for one in said] == ["spec.workload.replicas", "spec.steps[0].hold"]
    said = problems(slis=[{"preset": "vllm/nothing"}, {"preset": "http/nothing"}])
    assert [one.split(":")[0] for one in said] == ["spec.slis[0].preset", "spec.slis[1].preset"]


def test_another_kind_of_object_is_refused() -> None:
    result = compile_spec({**rollout(), "kind": "Rollout"})
    assert result == Problems(sentences=('kind is "Rollout": write ModelRollout.',))


def test_numbers_and_truth_values_are_not_read_from_texts() -> None:
    assert problems(steps=[{"weight": "5"}]) == ('spec.steps[0].weight is "5": write a whole number, such as 25.',)
    assert problems(analysis={"dryRun": "yes"}) == (
        'spec.analysis.dryRun is "yes": write true or false, such as true.',
    )
    (said,) = problems(model={"version": 42})
    assert said.startswith("spec.model.version is 42: write a text (in quotes where YAML would read a number")
    assert problems(steps={"weight": 5})[0].startswith('spec.steps is {"weight": 5}: write a list, such as [{weight: 5')
    assert problems(workload="chat")[0].startswith('spec.workload is "chat": write a mapping of fields, such as {')


def test_a_change_of_spelling_keeps_the_evidence_and_a_change_of_meaning_does_not() -> None:
    steps = [{"weight": 5, "hold": "600s"}, {"weight": 25}, {"weight": 50, "hold": "10m", "pause": False}]
    rules = compiled().evidence_rules
    assert len(rules) == 12
    assert compiled(steps=steps, analysis={"interval": "15s", "maxHold": "1440m"}).evidence_rules == rules
    assert compiled(steps=[{"weight": 5}]).evidence_rules != rules
    assert compiled(slis=[{"preset": "vllm/success-rate", "objective": "99%"}]).evidence_rules != rules
    assert compiled(analysis={"falseRollbackRate": "2%"}).evidence_rules != rules
    assert compiled(errorBudget={"objective": "99%"}).evidence_rules != rules


def test_what_is_not_about_evidence_does_not_start_it_over() -> None:
    rules = compiled().evidence_rules
    workload = {"deployment": "chat", "replicas": 9, "warmUp": "30s"}
    assert compiled(workload=workload, model={"version": "v2"}, traffic={"httpRoute": "other"}).evidence_rules == rules


def test_a_rate_is_compiled_into_events_per_pod_second() -> None:
    faults = {"name": "faults", "rate": {"events": {"metric": "faults_total"}}}
    spec = compiled(slis=[{"preset": "vllm/success-rate"}, faults, {**faults, "name": "few", "perPodHour": 7.2}])
    (_, plain, few) = spec.slis
    assert (plain.rate, plain.latency, plain.budget, plain.allowed_ratio) == (True, False, None, 1.5)
    assert plain.floor == 1 / 3600
    assert few.budget == pytest.approx(0.002)
    assert few.floor == pytest.approx(0.001)
    assert spec.measurements[1] == Measurement(
        sli="faults", arms=Arms.POD, source=RateSource(events=Series(metric="faults_total"))
    )
