"""The CustomResourceDefinition: written from the models, bounded, described, and up to date."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, Field

from serinus.api.crd import FILE, crd, status_schema, text
from serinus.api.error_budget import window_seconds
from serinus.api.quantities import fraction, seconds
from serinus.api.sentences import fields, inner_model
from serinus.api.structural import NotStructural, structural
from serinus.api.typed import Typed
from serinus.api.v1alpha1 import Spec
from serinus.presets import FAMILIES
from tests.wrong_manifests.load import load

CRDS = Path(__file__).parents[2] / "crds"
VERSION = crd()["spec"]["versions"][0]
SPEC = VERSION["schema"]["openAPIV3Schema"]["properties"]["spec"]


def nodes(schema: dict[str, Any], at: str = "spec") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node of a schema with its place."""
    yield at, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{at}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{at}[]")
    if "additionalProperties" in schema:
        yield from nodes(schema["additionalProperties"], f"{at}{{}}")


def models(model: type[BaseModel], at: str = "spec") -> Iterator[tuple[str, type[BaseModel]]]:
    """Every model that is part of the spec, with its place."""
    yield at, model
    for name, field in fields(model).items():
        if inner := inner_model(field.annotation):
            yield from models(inner, f"{at}.{name}")


def test_the_file_is_what_the_models_say() -> None:
    assert (CRDS / FILE).read_text() == text(), "run `make crd` and commit"


def test_it_has_the_names_and_the_columns_that_people_type_and_read() -> None:
    names = crd()["spec"]["names"]
    assert (names["plural"], names["singular"], names["shortNames"], names["categories"]) == (
        "modelrollouts",
        "modelrollout",
        ["mro"],
        ["all"],
    )
    columns = VERSION["additionalPrinterColumns"]
    assert [one["name"] for one in columns if "priority" not in one] == ["Phase", "Step", "Weight", "Verdict", "Age"]
    assert [one["name"] for one in columns if one.get("priority") == 1] == ["Budget", "Message"]


def test_status_is_a_subresource_and_scale_is_none_because_an_autoscaler_would_write_weights() -> None:
    assert VERSION["subresources"] == {"status": {}}


def test_every_place_is_typed_bounded_and_has_no_default() -> None:
    for at, node in nodes(SPEC):
        assert "default" not in node, at
        if node["type"] == "string":
            assert "maxLength" in node or "enum" in node, at
        if node["type"] == "array":
            assert node["maxItems"] <= 32, at
            assert node["x-kubernetes-list-type"] == "atomic", at
        if "additionalProperties" in node:
            assert node["maxProperties"] <= 16, at
        if node["type"] in ("integer", "number"):
            assert {"minimum", "maximum"} <= set(node), at


def test_every_field_is_described_with_an_example() -> None:
    described = [(at, node) for at, node in nodes(SPEC) if not at.endswith(("[]", "{}")) and at != "spec"]
    assert len(described) > 50
    for at, node in described:
        assert "Example: `" in node["description"], at
        assert node["description"][0].isupper(), at
        assert node["description"].endswith("."), at


def spoken(text_: str) -> object:
    """The value that a default in a description stands for."""
    if text_.endswith("%"):
        return fraction(text_)
    if re.fullmatch(r"[0-9]+d", text_):
        return window_seconds(text_)
    if re.fullmatch(r"([0-9]+(h|m|s))+", text_):
        return seconds(text_)
    return yaml.safe_load(text_)


def test_a_default_in_a_description_is_the_default() -> None:
    checked = 0
    for at, model in models(Spec):
        for name, field in fields(model).items():
            said = re.search(r"Default: `([^`]*)`\.$", field.description or "")
            if said:
                assert spoken(said.group(1)) == field.default, f"{at}.{name}"
                checked += 1
            elif not field.is_required() and field.default not in (None, ""):
                assert isinstance(field.default, BaseModel | tuple | dict) or field.default_factory, f"{at}.{name}"
    assert checked >= 15


def test_every_rule_has_a_wrong_manifest() -> None:
    rules = {rule.message for _, model in models(Spec) if issubclass(model, Typed) for rule in model.rules}
    expected = [wrong.operator for wrong in load("schema")]
    missing = {message for message in rules if not any(re.search(one, message) for one in expected)}
    assert not missing


def test_the_families_of_presets_are_those_that_exist() -> None:
    described = SPEC["properties"]["slis"]["items"]["properties"]["preset"]["description"]
    named = described.split("families")[1].split(".")[0]
    assert re.findall(r"`([a-z]+)`", named) == sorted(FAMILIES)


def test_the_columns_show_what_the_status_has() -> None:
    for column in VERSION["additionalPrinterColumns"]:
        if column["jsonPath"].startswith(".status."):
            node = status_schema()
            for name in column["jsonPath"].split(".")[2:]:
                node = node["properties"][name]
            assert node["type"] == column["type"], column


def test_a_status_that_lacks_what_a_newer_serinus_adds_is_valid_so_that_the_spec_can_still_be_changed() -> None:
    required = {at: node["required"] for at, node in nodes(status_schema(), "status") if "required" in node}
    assert required == {"status.conditions[]": ["type"]}


def test_conditions_are_merged_by_type() -> None:
    assert status_schema()["properties"]["conditions"]["x-kubernetes-list-map-keys"] == ["type"]


def test_the_operators_own_notes_are_kept_whole() -> None:
    assert status_schema()["properties"]["record"]["x-kubernetes-preserve-unknown-fields"] is True


class Choice(BaseModel):
    """Something that a CustomResourceDefinition cannot say."""

    either: int | str


class Tree(BaseModel):
    """A little of everything."""

    leaf: int | None = Field(default=3, ge=1, description="A leaf. Example: `2`. Default: `3`.")
    names: dict[str, str] = Field(default_factory=dict)


def test_optional_defaults_and_titles_leave_no_trace() -> None:
    assert structural(Tree) == {
        "type": "object",
        "description": "A little of everything.",
        "properties": {
            "leaf": {"type": "integer", "minimum": 1, "description": "A leaf.\nExample: `2`.\nDefault: `3`."},
            "names": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }


def test_what_cannot_be_said_in_a_crd_is_refused_with_its_place() -> None:
    with pytest.raises(NotStructural, match=r"Choice\.either may be one of several types"):
        structural(Choice)
