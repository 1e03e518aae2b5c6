"""docs/first-rollout.md: what a stranger copies from it works, and its table has every preset."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.api.compile import compile_spec
from serinus.core.evidence import Verdict
from serinus.core.model import Spec
from serinus.core.questions import HistogramSource
from serinus.plugin import Names
from serinus.presets import PRESETS
from serinus.routers.http_route import HTTP_ROUTE
from serinus.workloads.deployment import DEPLOYMENT
from tests.core.world import healthy

PAGE = (Path(__file__).parents[1] / "docs" / "first-rollout.md").read_text()
BLOCKS = [yaml.safe_load(one) for one in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
MANIFESTS = [one for one in BLOCKS if isinstance(one, dict)]
NAMES = Names(rollout="chat", stable="chat-stable", candidate="chat-candidate")


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [one for one in MANIFESTS if one["kind"] == kind]


@pytest.mark.parametrize("manifest", of_kind("ModelRollout"), ids=lambda one: next(iter(one["spec"]["traffic"])))
def test_a_rollout_compiles_and_says_how_many_pods_because_the_deployment_will_say_0(manifest: dict[str, Any]) -> None:
    spec = compile_spec(manifest)
    assert isinstance(spec, Spec), spec
    assert spec.replicas == of_kind("Deployment")[0]["spec"]["replicas"]


def test_the_deployment_can_be_a_template_and_the_route_and_the_scrape_use_its_port() -> None:
    (deployment,), (monitor,) = of_kind("Deployment"), of_kind("PodMonitor")
    reading = DEPLOYMENT.read(deployment, namespace="models", name="chat", node_pool={})
    assert reading.source is not None, reading.problem
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {one["port"] for rule in of_kind("HTTPRoute")[0]["spec"]["rules"] for one in rule["backendRefs"]} == {
        reading.source.port
    }
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] == container["ports"][0]["name"]
    selected = monitor["spec"]["selector"]["matchLabels"].items()
    assert selected <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_the_route_carries_the_weights_and_is_what_the_status_has_to_paste() -> None:
    (route,) = of_kind("HTTPRoute")
    read = HTTP_ROUTE.read(route, namespace="models", name="chat", rollout_uid="u", names=NAMES, port=8000)
    assert read.listed
    assert (read.weights, read.problems) == ((0,), ())
    before = {**route, "spec": {**route["spec"], "rules": [{"backendRefs": [{"name": "chat", "port": 8000}]}]}}
    told = HTTP_ROUTE.read(before, namespace="models", name="chat", rollout_uid="u", names=NAMES, port=8000).paste
    assert told in PAGE.replace("\n", " ")
    assert yaml.safe_load(told)["backendRefs"] == route["spec"]["rules"][0]["backendRefs"]


def test_the_table_has_every_preset_with_the_metrics_that_it_reads() -> None:
    rows = {row.split("`")[1]: row for row in PAGE.splitlines() if re.match(r"\| `[a-z]+/[a-z0-9-]+` \|", row)}
    assert set(rows) == set(PRESETS)
    for name, preset in PRESETS.items():
        source = preset.source
        if isinstance(source, HistogramSource):
            wanted = {source.histogram.metric + "_bucket"}
        else:
            wanted = {one.metric for one in (source.total, source.bad, source.good) if one is not None}
        assert wanted <= set(re.findall(r"`([a-z0-9_:]+)`", rows[name].split("|")[2])), name


def test_the_sentences_that_it_promises_are_those_of_a_rollout_with_these_steps() -> None:
    world = healthy()
    said = {next(iter(world.run(1))).sentence}
    world.wanted, world.verdict = "v2", Verdict.PASS
    said |= {plan.sentence for plan in world.run(3000)}
    table = PAGE[PAGE.index("| phase | sentence |") : PAGE.index("## When it waits")]
    shown = [one for one in re.findall(r"`([^`]+)`", table) if " " in one]
    promised = [one.replace("wst92gxg", "v1").replace("gxvcxvpf", "v2") for one in shown]
    by_the_rules = [one.removesuffix("...") for one in promised if "vllm/" not in one]
    assert len(by_the_rules) == 5
    assert [one for one in by_the_rules if not any(told.startswith(one) for told in said)] == []
