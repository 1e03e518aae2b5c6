"""What the platform team may set, and the sentences for what cannot be used."""

from pathlib import Path

import pytest

from serinus.shell.settings import LogFormat, LogLevel, SettingsError, load

CONNECTIONS = """
default: main
connections:
  main: {address: "http://prometheus:9090"}
  tenant:
    address: https://mimir/prometheus
    bearerTokenFile: /secrets/token
    caFile: /secrets/ca.crt
    headers: {X-Scope-OrgID: models}
    timeout: 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "connections.yaml"
    path.write_text(CONNECTIONS)
    return path


def test_without_any_setting_all_namespaces_are_served_and_logs_are_json() -> None:
    settings = load({"PATH": "/bin"})
    assert settings.namespaces == ()
    assert (settings.lease_name, settings.lease_namespace, settings.lease_seconds) == ("serinus", "serinus-system", 15)
    assert (settings.port, settings.log_format, settings.log_level) == (8080, LogFormat.JSON, LogLevel.INFO)
    assert settings.identity


def test_namespaces_are_separated_by_commas_and_named_once() -> None:
    assert load({"SERINUS_NAMESPACES": " a, b,,a "}).namespaces == ("a", "b")


def test_an_empty_variable_means_the_default() -> None:
    assert load({"SERINUS_PORT": "", "SERINUS_LOG_LEVEL": ""}).port == 8080


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SERINUS_PORT", "80800", "SERINUS_PORT: Input should be less than or equal to 65535"),
        ("SERINUS_PORT", "http", "SERINUS_PORT: Input should be a valid integer"),
        ("SERINUS_LOG_LEVEL", "loud", "SERINUS_LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'"),
        ("SERINUS_LEASE_SECONDS", "0", "SERINUS_LEASE_SECONDS: Input should be greater than or equal to 1"),
        ("SERINUS_NAMESPACE", "a", "SERINUS_NAMESPACE is not a setting; known are .*SERINUS_NAMESPACES"),
        ("SERINUS_CONNECTIONS_FILE", "/no/such/file", "The file of connections /no/such/file cannot be read"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_what_is_expected(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load({name: value})


def test_connections_are_read_and_found_by_name(file: Path) -> None:
    settings = load({"SERINUS_CONNECTIONS_FILE": str(file)})
    tenant = settings.connection("tenant")
    assert str(tenant.address) == "https://mimir/prometheus"
    assert tenant.bearer_token_file == Path("/secrets/token")
    assert tenant.headers == {"X-Scope-OrgID": "models"}
    assert tenant.timeout == 3.0
    assert settings.connection() == settings.connection("main")


def test_a_connection_that_nobody_has_is_refused_with_the_known_names_and_no_address(file: Path) -> None:
    settings = load({"SERINUS_CONNECTIONS_FILE": str(file)})
    with pytest.raises(
        SettingsError, match="no Prometheus connection 'other'; the operator's settings have: main, ten"
    ):
        settings.connection("other")


def test_the_only_connection_is_the_default_and_two_need_one_named(file: Path) -> None:
    file.write_text("connections: {one: {address: 'http://a'}}")
    assert str(load({"SERINUS_CONNECTIONS_FILE": str(file)}).connection().address) == "http://a/"
    file.write_text("connections: {one: {address: 'http://a'}, two: {address: 'http://b'}}")
    with pytest.raises(SettingsError, match=r"No default .* analysis.prometheus: one, two"):
        load({"SERINUS_CONNECTIONS_FILE": str(file)}).connection()
    with pytest.raises(SettingsError, match="none"):
        load({}).connection()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("connections: {a: {adress: 'http://a'}}", "connections.a.address: Field required"),
        ("connections: {a: {address: nonsense}}", "connections.a.address: Input should be a valid URL"),
        ("{default: b, connections: {a: {address: 'http://a'}}}", r"default names 'b'.*\(a\)"),
        (
            "connections: {a: {address: 'http://a', bearerTokenFile: t, basic: {username: u, passwordFile: p}}}",
            "either bearerTokenFile or basic, not both",
        ),
        ("connections: {a: {address: 'http://a', keyFile: k}}", "keyFile needs certFile"),
        ("connections: [", "cannot be read"),
    ],
)
def test_a_file_of_connections_that_cannot_be_used_says_where_and_why(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(SettingsError, match=said):
        load({"SERINUS_CONNECTIONS_FILE": str(file)})
