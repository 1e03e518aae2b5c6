"""Every example is right, and the shortest one is short."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.api.compile import compile_spec
from serinus.core.model import Spec
from tests.api.test_crd import SPEC, nodes

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted([*EXAMPLES.glob("*.yaml"), EXAMPLES / "demo" / "rollout.yaml"])


def manifests(path: Path) -> list[dict[str, Any]]:
    """The ModelRollouts of a file."""
    return [one for one in yaml.safe_load_all(path.read_text()) if one["kind"] == "ModelRollout"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_compiles(path: Path) -> None:
    assert manifests(path)
    for manifest in manifests(path):
        assert isinstance(compile_spec(manifest), Spec), compile_spec(manifest)


def test_there_is_one_for_each_kind_of_source_of_numbers() -> None:
    assert {"chat", "vllm", "mlserver", "http", "own-metrics"} <= {path.stem for path in FILES}


def test_the_shortest_complete_one_has_at_most_23_lines_and_no_query() -> None:
    text = (EXAMPLES / "chat.yaml").read_text()
    assert len(text.splitlines()) <= 23
    assert not re.search(r"rate\(|sum|histogram_quantile|\{\{", text)


def paths(value: Any, at: str = "spec") -> set[str]:
    """Every place in a manifest's spec, such as `spec.steps[].hold`."""
    if isinstance(value, list):
        return {found for one in value for found in paths(one, at + "[]")}
    if isinstance(value, dict):
        return {at, *(found for name, one in value.items() for found in paths(one, f"{at}.{name}"))}
    return {at}


def test_together_they_use_every_field_so_that_a_real_api_server_has_taken_each() -> None:
    used = {found for path in FILES for one in manifests(path) for found in paths(one["spec"])}
    every = {at for at, node in nodes(SPEC) if node["type"] not in ("array", "object") and not at.endswith("{}")}
    matchers = re.compile(r".*matchers\[\]")  # one model in four places
    assert {matchers.sub("matchers", at) for at in every} <= {matchers.sub("matchers", at) for at in used}
