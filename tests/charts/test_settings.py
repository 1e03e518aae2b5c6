"""What the chart renders is what the operator reads: environment and file of connections go through its own loader."""

from pathlib import Path

import pytest
import yaml

from serinus.shell.settings import LogLevel, Settings, load
from tests.charts import regenerate, render

POD_NAME = "serinus-6d5f-x7k2p"


def _load(values: render.Values, folder: Path) -> Settings:
    """Start as the pod would: its environment, and the ConfigMap's file where the volume mounts it."""
    pod = render.only("Deployment", values)["spec"]["template"]["spec"]
    container = pod["containers"][0]
    mount = container["volumeMounts"][0]["mountPath"]
    sources = pod["volumes"][0]["projected"]["sources"]
    rendered = render.only("ConfigMap", values)
    config = next(
        one["configMap"] for one in sources if one.get("configMap", {}).get("name") == rendered["metadata"]["name"]
    )
    for item in config["items"]:
        (folder / item["path"]).write_text(rendered["data"][item["key"]])
    environment = {one["name"]: one.get("value", POD_NAME) for one in container["env"]}
    file = environment["SERINUS_CONNECTIONS_FILE"]
    environment["SERINUS_CONNECTIONS_FILE"] = file.replace(mount, str(folder))
    return load(environment)


def test_the_defaults_start_an_operator_for_all_namespaces_without_any_prometheus(tmp_path: Path) -> None:
    settings = _load({}, tmp_path)
    assert settings.namespaces == ()
    assert settings.identity == POD_NAME
    assert (settings.lease_namespace, settings.lease_name) == ("serinus-system", "serinus")
    assert settings.prometheus.connections == {}


def test_the_lease_that_the_operator_looks_for_is_the_one_that_the_chart_makes(tmp_path: Path) -> None:
    values = {"fullnameOverride": "finch", "lease": {"seconds": 2}}
    settings, lease = _load(values, tmp_path), render.only("Lease", values)["metadata"]
    assert (settings.lease_namespace, settings.lease_name) == (lease["namespace"], lease["name"])
    assert settings.lease_seconds == 2


def test_namespaces_and_logging_reach_the_operator(tmp_path: Path) -> None:
    settings = _load({"namespaces": ["team-a", "team-b"], "log": {"level": "debug", "format": "text"}}, tmp_path)
    assert settings.namespaces == ("team-a", "team-b")
    assert (settings.log_level, settings.log_format.value) == (LogLevel.DEBUG, "text")


def test_every_setting_of_the_operator_is_set_by_the_chart() -> None:
    container = render.only("Deployment")["spec"]["template"]["spec"]["containers"][0]
    names = {one["name"] for one in container["env"]}
    assert names == {f"SERINUS_{field.upper()}" for field in Settings.model_fields if field != "prometheus"}


def test_the_port_that_is_probed_is_the_port_that_the_operator_listens_on(tmp_path: Path) -> None:
    container = render.only("Deployment")["spec"]["template"]["spec"]["containers"][0]
    port = {one["name"]: one["containerPort"] for one in container["ports"]}["http"]
    assert _load({}, tmp_path).port == port
    assert render.only("Service")["spec"]["ports"][0]["port"] == port


def test_connections_arrive_with_their_secrets_as_files_that_are_mounted(tmp_path: Path) -> None:
    values = regenerate.CASES["namespaced"]
    prometheus = _load(values, tmp_path).prometheus
    main, second = prometheus.connections["main"], prometheus.connections["second"]
    assert prometheus.default == "main"
    assert str(main.address) == "https://thanos.example.com/query"
    assert main.headers == {"X-Scope-OrgID": "models"}
    assert second.timeout == 2.5
    assert second.basic is not None
    assert second.basic.username == "serinus"
    named = {
        main.bearer_token_file: ("secret", "thanos-token", "token"),
        main.ca_file: ("configMap", "internal-ca", "bundle.pem"),
        second.basic.password_file: ("secret", "login", "password"),
        second.ca_file: ("secret", "internal-ca", "ca.crt"),
        second.cert_file: ("secret", "client", "tls.crt"),
        second.key_file: ("secret", "client", "tls.key"),
    }
    assert _mounted(values) == named


def _mounted(values: render.Values) -> dict[Path | None, tuple[str, str, str]]:
    """File in the container -> kind, name and key of what it comes from; the file of connections is left out."""
    pod = render.only("Deployment", values)["spec"]["template"]["spec"]
    folder = Path(pod["containers"][0]["volumeMounts"][0]["mountPath"])
    found: dict[Path | None, tuple[str, str, str]] = {}
    for source in pod["volumes"][0]["projected"]["sources"]:
        for kind, reference in source.items():
            for item in reference["items"]:
                found[folder / item["path"]] = (kind, reference["name"], item["key"])
    del found[folder / "connections.yaml"]
    return found


def test_one_connection_is_the_default_without_saying_so(tmp_path: Path) -> None:
    settings = _load({"prometheus": {"connections": {"only": {"address": "http://prometheus:9090"}}}}, tmp_path)
    assert settings.prometheus.default == "only"


def test_a_changed_connection_starts_new_pods() -> None:
    def checksum(address: str) -> str:
        values = {"prometheus": {"connections": {"main": {"address": address}}}}
        template = render.only("Deployment", values)["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/connections"])

    assert checksum("http://a:9090") == checksum("http://a:9090")
    assert checksum("http://a:9090") != checksum("http://b:9090")


def test_kubernetes_own_service_variables_stay_out_of_the_settings() -> None:
    """A Service `serinus` would set SERINUS_PORT=tcp://… in every pod of its namespace."""
    assert render.only("Deployment")["spec"]["template"]["spec"]["enableServiceLinks"] is False


@pytest.mark.parametrize("case", regenerate.CASES)
def test_no_secret_is_in_the_file_of_connections(case: str) -> None:
    text = render.only("ConfigMap", regenerate.CASES[case])["data"]["connections.yaml"]
    keys = {key for one in yaml.safe_load(text)["connections"].values() for key in one}
    assert keys <= {"address", "timeout", "headers", "bearerTokenFile", "basic", "caFile", "certFile", "keyFile"}
