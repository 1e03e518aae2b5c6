"""What the chart installs."""

import re
from typing import Any

import pytest
import yaml

from serinus.shell.telemetry import REGISTRY
from tests.charts import regenerate, render

ROOT = render.CHART.parents[1]
EVERYTHING = regenerate.CASES["namespaced"]
DEFINITION = "modelrollouts.serinus.dev.yaml"


@pytest.mark.parametrize("case", regenerate.CASES)
def test_the_rendered_output_is_the_golden_one(case: str) -> None:
    """After a wanted change: `python -m tests.charts.regenerate`, and read the diff."""
    assert regenerate.rendered(case) == regenerate.file(case).read_text()


def test_the_chart_has_the_definition_that_was_generated() -> None:
    generated, copied = ROOT / "crds" / DEFINITION, render.CHART / "files" / DEFINITION
    assert copied.read_text() == generated.read_text(), f"run `make crd`, which copies {generated} to {copied}"


def test_the_definition_is_installed_unchanged_and_stays_when_the_release_goes() -> None:
    generated = yaml.safe_load((ROOT / "crds" / DEFINITION).read_text())
    installed = render.only("CustomResourceDefinition")
    assert installed["spec"] == generated["spec"]
    assert installed["metadata"]["name"] == generated["metadata"]["name"]
    assert installed["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_the_definition_can_be_left_out_and_can_be_let_go() -> None:
    assert render.of_kind("CustomResourceDefinition", {"crds": {"install": False}}) == []
    gone = render.only("CustomResourceDefinition", {"crds": {"keep": False}})
    assert "helm.sh/resource-policy" not in gone["metadata"].get("annotations", {})


def test_the_example_on_artifact_hub_is_of_the_installed_kind() -> None:
    annotations = yaml.safe_load((render.CHART / "Chart.yaml").read_text())["annotations"]
    names = render.only("CustomResourceDefinition")["spec"]["names"]
    for example in yaml.safe_load(annotations["artifacthub.io/crdsExamples"]):
        assert (example["apiVersion"], example["kind"]) == ("serinus.dev/v1alpha1", names["kind"])
    for listed in yaml.safe_load(annotations["artifacthub.io/crds"]):
        assert (listed["kind"], listed["name"]) == (names["kind"], "modelrollouts.serinus.dev")


def test_the_lease_has_no_spec_so_that_an_upgrade_leaves_its_holder_alone() -> None:
    assert set(render.only("Lease")) == {"apiVersion", "kind", "metadata"}


def test_the_pod_may_run_where_pod_security_is_restricted() -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted, and a read-only root."""
    pod = render.only("Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert all("hostPath" not in volume for volume in pod["volumes"])
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]
        assert "cpu" not in container["resources"]["limits"]


def test_the_pod_runs_as_the_user_of_the_image() -> None:
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    context = render.only("Deployment")["spec"]["template"]["spec"]["securityContext"]
    assert user is not None
    assert (context["runAsUser"], context["runAsGroup"]) == (int(user[1]), int(user[2]))


def test_a_budget_exists_only_where_it_cannot_block_a_drain() -> None:
    assert render.of_kind("PodDisruptionBudget", {"replicas": 1}) == []
    assert render.only("PodDisruptionBudget", {"replicas": 2})["spec"]["maxUnavailable"] == 1


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Service", ("spec", "selector")),
        ("PodDisruptionBudget", ("spec", "selector", "matchLabels")),
        ("NetworkPolicy", ("spec", "podSelector", "matchLabels")),
        ("PodMonitor", ("spec", "selector", "matchLabels")),
        ("Deployment", ("spec", "selector", "matchLabels")),
    ],
)
def test_everything_that_selects_pods_selects_the_operators(kind: str, path: tuple[str, ...]) -> None:
    selector: Any = render.only(kind, EVERYTHING)
    for part in path:
        selector = selector[part]
    labels = render.only("Deployment", EVERYTHING)["spec"]["template"]["metadata"]["labels"]
    assert selector
    assert selector.items() <= labels.items()


def test_the_service_monitor_selects_the_service() -> None:
    monitor, service = render.only("ServiceMonitor", EVERYTHING), render.only("Service", EVERYTHING)
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] in [one["name"] for one in service["spec"]["ports"]]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_alerts_use_metrics_that_the_operator_has() -> None:
    known = {sample.name for family in REGISTRY.collect() for sample in family.samples}
    known |= {name for family in REGISTRY.collect() for name in _names(family.name, family.type)}
    rules = render.only("PrometheusRule", EVERYTHING)["spec"]["groups"][0]["rules"]
    for rule in rules:
        used = set(re.findall(r"\bserinus_\w+", rule["expr"]))
        assert used, rule["alert"]
        assert used <= known, rule["alert"]


def _names(family: str, kind: str) -> set[str]:
    """Series of a family, also where no labels have been seen yet."""
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(kind, ("",))
    return {family + suffix for suffix in suffixes}


def test_nothing_that_needs_a_foreign_definition_is_installed_by_default() -> None:
    groups = {one["apiVersion"].split("/")[0] for one in render.manifests()}
    assert groups <= {
        "v1", "apps", "rbac.authorization.k8s.io", "coordination.k8s.io", "apiextensions.k8s.io",
        "admissionregistration.k8s.io",
    }  # fmt: skip


def test_an_outgoing_connection_is_restricted_only_where_rules_are_given() -> None:
    open_policy = render.only("NetworkPolicy", {"networkPolicy": {"enabled": True}})
    assert open_policy["spec"]["policyTypes"] == ["Ingress"]
    closed = render.only("NetworkPolicy", EVERYTHING)["spec"]
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert {port["port"] for rule in closed["egress"] for port in rule["ports"]} == {53, 6443}


def test_two_releases_of_one_name_share_no_object_but_the_definition() -> None:
    def named(namespace: str) -> set[tuple[str, str, str]]:
        return {
            (one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"])
            for one in render.manifests({"namespaces": ["shared"]}, namespace=namespace)
        }

    shared = named("a-system") & named("b-system")
    assert shared == {("CustomResourceDefinition", "", "modelrollouts.serinus.dev")}


def test_the_policy_of_a_namespaced_release_binds_only_its_namespaces() -> None:
    binding = render.only("ValidatingAdmissionPolicyBinding", EVERYTHING)["spec"]
    expression = binding["matchResources"]["namespaceSelector"]["matchExpressions"][0]
    assert expression == {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["team-a", "team-b"]}
    assert "matchResources" not in render.only("ValidatingAdmissionPolicyBinding")["spec"]


def test_the_notes_say_what_is_missing() -> None:
    def notes(values: render.Values) -> str:
        return render.texts(values)["NOTES.txt"]

    connected = {"prometheus": {"connections": {"main": {"address": "http://prometheus:9090"}}}}
    assert "No Prometheus is connected" in notes({})
    assert "No Prometheus is connected" not in notes(connected)
    assert "crds.install=false" in notes({"crds": {"install": False}})
    assert "rbac.countGPUs=false" in notes({"namespaces": ["team-a"]})
    assert "may run pods there" in notes({})


def test_the_version_is_that_of_the_package() -> None:
    chart = yaml.safe_load((render.CHART / "Chart.yaml").read_text())
    package = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert package is not None
    assert chart["appVersion"] == package[1]
