"""Fields that were typed, dropped by the API server, and are still in the annotation of client-side apply."""

import json
from typing import Any

from serinus.api.unknown import LAST_APPLIED, unknown_fields
from tests.api.manifests import rollout


def applied(**spec: Any) -> dict[str, Any]:
    """A manifest whose last applied form had these fields in its spec."""
    manifest = rollout()
    manifest["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(rollout(**spec))}
    return manifest


def test_a_right_manifest_has_none() -> None:
    assert unknown_fields(applied(model={"name": "chat"}, steps=[{"weight": 5}])) == ()


def test_each_is_named_with_its_place_and_what_was_probably_meant() -> None:
    found = unknown_fields(applied(steps=[{"weight": 5}, {"wieght": 25}], analisys={}))
    assert found == (
        "spec.steps[1].wieght is no field of a ModelRollout: did you mean weight?",
        "spec.analisys is no field of a ModelRollout: did you mean analysis?",
    )


def test_where_nothing_is_close_the_fields_of_that_place_are_listed() -> None:
    (found,) = unknown_fields(applied(rollback={"colour": "blue"}))
    assert (
        found
        == "spec.rollback.colour is no field of a ModelRollout: the fields here are drain, scaleDownDelay, window."
    )


def test_it_looks_into_optional_parts_and_lists_of_lists() -> None:
    matchers = [{"label": "code", "op": "=~", "value": "5.."}]
    own = {"name": "a", "ratio": {"total": {"metric": "a"}, "bad": {"metric": "a", "matchers": matchers}}}
    found = unknown_fields(applied(slis=[own]))
    assert [one.split(" ")[0] for one in found] == [
        "spec.slis[0].ratio.bad.matchers[0].op",
        "spec.slis[0].ratio.bad.matchers[0].value",
    ]


def test_names_that_people_choose_are_no_fields() -> None:
    workload = {"deployment": "chat", "nodePool": {"nodeSelector": {"wieght": "heavy"}}}
    assert unknown_fields(applied(workload=workload)) == ()


def test_metadata_is_the_business_of_kubernetes() -> None:
    manifest = rollout()
    typed = {**rollout(), "metadata": {"name": "chat", "anotations": {}}}
    manifest["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(typed)}
    assert unknown_fields(manifest) == ()


def test_without_a_readable_annotation_nothing_is_said() -> None:
    assert unknown_fields(rollout()) == ()
    for broken in ("{", "[]", "null", '"text"'):
        manifest = rollout()
        manifest["metadata"]["annotations"] = {LAST_APPLIED: broken}
        assert unknown_fields(manifest) == ()
