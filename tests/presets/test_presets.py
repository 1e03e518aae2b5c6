"""What a file in the folder exports is in the registry, and asks a real server's metrics."""

import json
from pathlib import Path

import pytest

import serinus.presets
from serinus.core.evidence import Role
from serinus.core.questions import Arms, Measurement, RatioSource
from serinus.plugin import UnknownPlugin
from serinus.presets import FAMILIES, PRESETS, preset
from serinus.providers import prometheus
from serinus.providers.prometheus import Part

RECORDED = Path(__file__).parent / "recorded"
"""Answers of Prometheus 3.5.0 that scraped MLServer 1.7.1 and Envoy 1.40.0, the last four samples of each series.
MLServer's model raised ValueError on some requests and InferenceError on others; one Envoy cluster had no pod."""


def test_the_registry_holds_what_the_folder_holds() -> None:
    folder = Path(serinus.presets.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert set(FAMILIES) == files
    assert {one.name for family in FAMILIES.values() for one in family.presets} == set(PRESETS)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_family_has_a_success_rate_and_a_latency_and_says_how_it_was_checked(family: str) -> None:
    one = FAMILIES[family]
    assert one.release
    assert one.checked
    assert f"{family}/success-rate" in PRESETS
    assert any(entry.latency for entry in one.presets)
    assert not PRESETS[f"{family}/success-rate"].latency


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_preset_becomes_a_query(name: str) -> None:
    source = PRESETS[name].source
    if isinstance(source, RatioSource):
        assert (source.bad is None) != (source.good is None)
    measurement = Measurement(sli="x", arms=PRESETS[name].arms, source=source)
    arms = {"chat-aaa": Role.STABLE}
    want = prometheus.Want(owner=1, namespace="models", arms=arms, measurement=measurement, seconds=60)
    texts = [query.text for query in prometheus.plan([want])]
    assert len(texts) == (2 if isinstance(source, RatioSource) else 1)
    assert all("models" in text for text in texts)


def test_an_unknown_preset_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UnknownPlugin, match="vllm/e2e-latency"):
        preset("vllm/latencies")
    assert preset("vllm/e2e-latency").latency


def recorded(name: str, arms: dict[str, Role]) -> dict[Part, dict[Role, float]]:
    """Growth of the counters in a recorded answer by part and role; buckets: only those of le=+Inf."""
    one = PRESETS[name]
    measurement = Measurement(sli="x", arms=one.arms, source=one.source)
    want = prometheus.Want(owner=1, namespace="models", arms=arms, measurement=measurement, seconds=15)
    pages = json.loads((RECORDED / f"{name.replace('/', '-')}.json").read_text())
    growth: dict[Part, dict[Role, float]] = {}
    for query, page in zip(prometheus.plan([want]), pages, strict=True):
        assert query.text == page["query"]
        for series in prometheus.read(query, page["answer"])[(1, "x")]:
            if series.labels.get("le", "+Inf") == "+Inf":
                by_role = growth.setdefault(series.part, {})
                increase = series.samples[-1][1] - series.samples[0][1]
                by_role[series.role] = by_role.get(series.role, 0.0) + increase
    return growth


POD = {"chat-6f7d5b8c9d": Role.STABLE}
CLUSTERS = {"chat-stable": Role.STABLE, "chat-candidate": Role.CANDIDATE}


def test_a_running_mlserver_answers_what_its_presets_ask() -> None:
    success = recorded("mlserver/success-rate", POD)
    # Five requests a second: three good, one ValueError (500), one InferenceError (400).
    assert success[Part.TOTAL][Role.STABLE] == 5 * success[Part.BAD][Role.STABLE] > 0
    assert recorded("mlserver/latency", POD)[Part.BUCKET] == success[Part.TOTAL]


def test_a_running_envoy_counts_its_own_503_of_a_service_without_pods() -> None:
    success = recorded("envoy/success-rate", CLUSTERS)
    assert success[Part.TOTAL][Role.CANDIDATE] == success[Part.BAD][Role.CANDIDATE] > 0
    assert success[Part.TOTAL][Role.STABLE] == 5 * success[Part.BAD][Role.STABLE] > 0
    assert recorded("envoy/latency", CLUSTERS)[Part.BUCKET].keys() == {Role.STABLE}


def test_gateway_presets_read_clusters_and_server_presets_read_pods() -> None:
    arms = {name: one.arms for name, one in PRESETS.items()}
    assert arms["envoy/latency"] is Arms.CLUSTER
    assert arms["istio/latency"] is Arms.WORKLOAD
    assert {arms[name] for name in arms if name.split("/")[0] in ("http", "mlserver", "vllm")} == {Arms.POD}
