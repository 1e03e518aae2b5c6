"""Values: whatever the chart does not know is refused, and whatever it knows is written down."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.charts import render

SCHEMA: dict[str, Any] = json.loads((render.CHART / "values.schema.json").read_text())
DEFAULTS: dict[str, Any] = yaml.safe_load((render.CHART / "values.yaml").read_text())
CONNECTION = {"address": "http://prometheus:9090"}


def _objects(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if "properties" in schema:
        yield path, schema
        for name, below in schema["properties"].items():
            yield from _objects(below, f"{path}.{name}")
    for below in (schema.get("items"), schema.get("additionalProperties")):
        if isinstance(below, dict):
            yield from _objects(below, f"{path}[]")


def _leaves(schema: dict[str, Any], values: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        below = schema["properties"][name]
        if "properties" in below and name != "resources":
            yield from _leaves(below, value, f"{path}{name}.")
        else:
            yield path + name, value


@pytest.mark.parametrize("path", [path for path, _ in _objects(SCHEMA)])
def test_every_group_of_values_is_closed(path: str) -> None:
    assert dict(_objects(SCHEMA))[path]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"replicaCount": 2}, "replicaCount"),
        ({"image": {"name": "x"}}, "/image"),
        ({"prometheus": {"connections": {"main": {**CONNECTION, "token": "secret"}}}}, "/prometheus/connections/main"),
        ({"prometheus": {"connections": {"Main_1": CONNECTION}}}, "Main_1"),
        ({"prometheus": {"connections": {"main": {"timeout": 5}}}}, "address"),
        ({"prometheus": {"connections": {"main": {"address": "http://user:pw@host"}}}}, "address"),
        ({"prometheus": {"connections": {"main": {"address": "prometheus:9090"}}}}, "address"),
        ({"prometheus": {"connections": {"main": {**CONNECTION, "ca": {}}}}}, "/prometheus/connections/main/ca"),
        ({"extraEnv": [{"name": "SERINUS_PORT", "value": "1"}]}, "/extraEnv/0/name"),
        ({"namespaces": "team-a"}, "/namespaces"),
        ({"namespaces": ["Team A"]}, "/namespaces/0"),
        ({"lease": {"seconds": 0}}, "/lease/seconds"),
        ({"log": {"level": "verbose"}}, "/log/level"),
        ({"image": {"digest": "latest"}}, "/image/digest"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_its_path(values: render.Values, path: str) -> None:
    with pytest.raises(render.Refused, match=re.escape(path)):
        render.manifests(values)


def test_a_token_and_a_login_for_one_connection_are_refused() -> None:
    key = {"name": "s", "key": "k"}
    both = {**CONNECTION, "bearerTokenSecret": key, "basic": {"username": "u", "passwordSecret": key}}
    with pytest.raises(render.Refused, match="/prometheus/connections/main"):
        render.manifests({"prometheus": {"connections": {"main": both}}})


@pytest.mark.parametrize(
    ("prometheus", "sentence"),
    [
        ({"default": "mian", "connections": {"main": CONNECTION}}, "write one of these: main"),
        ({"default": "main"}, "write one of these: (there is none yet)"),
        ({"connections": {"a": CONNECTION, "b": CONNECTION}}, "write into prometheus.default"),
    ],
)
def test_a_wrong_default_connection_is_refused_with_what_to_write(prometheus: render.Values, sentence: str) -> None:
    with pytest.raises(render.Refused, match=re.escape(sentence)):
        render.manifests({"prometheus": prometheus})


def test_an_account_that_nobody_names_is_refused_with_what_to_write() -> None:
    with pytest.raises(render.Refused, match=r"serviceAccount\.name"):
        render.manifests({"serviceAccount": {"create": False}})


def test_the_table_in_the_readme_has_every_value_with_its_default() -> None:
    text = (render.CHART / "README.md").read_text().split("### A connection")[0]
    rows = re.findall(r"^\| `([\w.]+)` \| `(.*?)` \|", text, re.MULTILINE)
    listed = {name: json.loads(default) for name, default in rows}
    assert listed == dict(_leaves(SCHEMA, DEFAULTS))


def test_the_table_in_the_readme_has_every_field_of_a_connection() -> None:
    text = (render.CHART / "README.md").read_text().split("### A connection")[1].split("## ")[0]
    fields = SCHEMA["properties"]["prometheus"]["properties"]["connections"]["additionalProperties"]["properties"]
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(fields)


def test_every_value_of_the_schema_has_a_default() -> None:
    def names(schema: dict[str, Any], values: dict[str, Any], path: str = "") -> Iterator[str]:
        for name, below in schema["properties"].items():
            if name not in values:
                yield path + name
            elif "properties" in below and name != "resources":
                yield from names(below, values[name], f"{path}{name}.")

    assert list(names(SCHEMA, DEFAULTS)) == ["global"]
