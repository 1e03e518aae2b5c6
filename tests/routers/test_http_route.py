"""HTTPRoute: manifests in, values and patches out."""

import copy
from pathlib import Path
from typing import Any

import jsonpatch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.core import split_record
from serinus.core.model import Cause, SplitRecord
from serinus.core.observed import Manifest, Route
from serinus.core.questions import TrafficRef
from serinus.plugin import Names, NotListed
from serinus.routers.http_route import HTTP_ROUTE
from tests.golden import agrees, manifest

HERE = Path(__file__).parent
NAMES = Names(rollout="chat", stable="chat-stable", candidate="chat-candidate")
RECORD = SplitRecord(
    uid="rollout-1", seq=5, revision="bcd45678", step=2, weight=25, cause=Cause.STEP, at=1780000600, note="Step 2 of 3."
)


def chat(**changes: Any) -> dict[str, Any]:
    """The route of the manifest file; `annotations`, `rules`, `parents` and `generation` may be replaced."""
    route: dict[str, Any] = manifest(HERE / "manifests" / "chat.yaml")
    if "annotations" in changes:
        route["metadata"]["annotations"] = changes["annotations"]
    if "generation" in changes:
        route["metadata"]["generation"] = changes["generation"]
    if "rules" in changes:
        route["spec"]["rules"] = changes["rules"]
    if "parents" in changes:
        route["status"]["parents"] = changes["parents"]
    return route


def backends(*named: tuple[str, int | None], **more: Any) -> dict[str, Any]:
    return {
        "backendRefs": [
            {"name": name, "port": 8000} | ({} if weight is None else {"weight": weight}) | more
            for name, weight in named
        ]
    }


def read(route: Manifest | None, uid: str = "rollout-1", port: int | None = 8000) -> Route:
    return HTTP_ROUTE.read(route, namespace="models", name="chat", rollout_uid=uid, port=port, names=NAMES)


def weights(*rules: dict[str, Any]) -> tuple[int, ...]:
    return read(chat(rules=list(rules))).weights


def patch(route: Manifest, record: SplitRecord = RECORD) -> list[Any]:
    return HTTP_ROUTE.patch(route, record, names=NAMES)


def applied(route: Manifest, operations: list[Any]) -> Any:
    return jsonpatch.apply_patch(route, operations)


# Reading


def test_every_rule_that_names_both_services_is_read_in_whatever_order_it_names_them() -> None:
    route = read(chat())
    assert (route.listed, route.weights, route.problems, route.paste) == (True, (5, 5), (), "")


def test_the_journal_entry_is_read_from_the_annotation() -> None:
    assert read(chat()).record == SplitRecord(
        uid="rollout-1", seq=4, revision="bcd45678", step=1, weight=5, cause=Cause.STEP, at=1780000000,
        note="Step 1 of 3: 5 %.",
    )  # fmt: skip


def test_weights_are_shares_of_the_rule_in_percent() -> None:
    assert weights(backends(("chat-stable", 3), ("chat-candidate", 1))) == (25,)
    assert weights(backends(("chat-stable", 995), ("chat-candidate", 5))) == (1,)
    assert weights(backends(("chat-stable", 885), ("chat-candidate", 115))) == (12,)


def test_a_backend_without_a_weight_counts_as_1() -> None:
    assert weights(backends(("chat-stable", None), ("chat-candidate", None))) == (50,)


def test_a_share_that_is_not_nothing_is_never_rounded_to_nothing_or_everything() -> None:
    assert weights(backends(("chat-stable", 999), ("chat-candidate", 1))) == (1,)
    assert weights(backends(("chat-stable", 1), ("chat-candidate", 999))) == (99,)
    assert weights(backends(("chat-stable", 100), ("chat-candidate", 0))) == (0,)
    assert weights(backends(("chat-stable", 0), ("chat-candidate", 7))) == (100,)


def test_a_service_named_twice_in_a_rule_counts_with_both_weights() -> None:
    rule = backends(("chat-stable", 50), ("chat-candidate", 20), ("chat-candidate", 30))
    assert weights(rule) == (50,)


@pytest.mark.parametrize("other", [{"namespace": "else"}, {"kind": "InferencePool"}, {"group": "example.com"}])
def test_a_backend_of_the_same_name_elsewhere_or_of_another_kind_is_not_our_service(other: dict[str, str]) -> None:
    rule = backends(("chat-stable", 100), ("chat-candidate", 0), **other)
    assert not read(chat(rules=[rule])).listed


def test_a_backend_that_says_our_own_namespace_is_our_service() -> None:
    assert weights(backends(("chat-stable", 90), ("chat-candidate", 10), namespace="models")) == (10,)


def test_a_route_that_does_not_list_both_says_what_to_paste_with_the_port_of_the_container() -> None:
    route = read(chat(rules=[backends(("chat", None))]))
    assert (route.listed, route.weights) == (False, ())
    assert route.paste == (
        "backendRefs: [{name: chat-stable, port: 8000, weight: 100}, {name: chat-candidate, port: 8000, weight: 0}]"
    )


def test_nothing_is_offered_to_paste_while_the_port_is_unknown() -> None:
    assert read(chat(rules=[backends(("chat", None))]), port=None).paste == ""


def test_a_missing_route_is_said_with_what_to_do() -> None:
    route = read(None)
    assert (route.listed, route.accepted) == (False, False)
    assert route.problems == ("HTTPRoute models/chat does not exist: create it, or correct traffic.httpRoute.",)


def test_a_rule_with_further_backends_is_a_problem_that_names_them() -> None:
    route = read(chat(rules=[backends(("chat-stable", 50), ("chat-candidate", 0), ("old-chat", 50))]))
    assert route.problems == (
        "Rule 1 names further backends beside our two Services (old-chat): the weights would not be percent. "
        "Move them to a rule of their own.",
    )


def test_a_rule_that_names_the_candidate_alone_is_a_problem() -> None:
    route = read(chat(rules=[backends(("chat-stable", 1), ("chat-candidate", 0)), backends(("chat-candidate", 1))]))
    assert (route.weights, len(route.problems)) == ((0,), 1)
    assert route.problems[0].startswith("Rule 2 names chat-candidate without chat-stable")


def test_a_rule_that_answers_nothing_is_a_problem() -> None:
    route = read(chat(rules=[backends(("chat-stable", 0), ("chat-candidate", 0))]))
    assert route.weights == (0,)
    assert route.problems[0].startswith("Rule 1 gives weight 0 to both")


def test_a_rule_without_the_candidate_is_nobodys_problem() -> None:
    rules = [backends(("chat-stable", 1), ("chat-candidate", 0)), backends(("chat-stable", 1)), {}]
    assert read(chat(rules=rules)).problems == ()


def test_an_entry_of_another_rollout_is_foreign_and_not_ours_to_read() -> None:
    route = read(chat(), uid="rollout-2")
    assert (route.record, route.foreign_uid) == (None, "rollout-1")


def test_an_entry_that_cannot_be_read_is_no_entry_and_a_problem() -> None:
    route = read(chat(annotations={"serinus.dev/split": '{"uid": "rollout-1"}'}))
    assert route.record is None
    assert route.problems == (
        "The annotation serinus.dev/split cannot be read: seq is missing. Only Serinus writes it; restore or "
        "remove it.",
    )  # fmt: skip


# Accepted


def parent(gateway: str, **conditions: tuple[str, int]) -> dict[str, Any]:
    return {
        "parentRef": {"name": gateway},
        "conditions": [
            {"type": kind, "status": status, "observedGeneration": seen, "reason": "R", "message": "why."}
            for kind, (status, seen) in conditions.items()
        ],
    }


def test_a_route_is_accepted_when_each_parent_says_so_for_this_generation() -> None:
    good = {"Accepted": ("True", 7), "ResolvedRefs": ("True", 7)}
    route = read(chat(parents=[parent("a", **good), parent("b", **good)]))
    assert (route.accepted, route.not_accepted) == (True, "")


@pytest.mark.parametrize(
    ("parents", "why"),
    [
        ([], "no Gateway controller has reported on it yet"),
        ([parent("a", Accepted=("True", 7))], "Gateway a says ResolvedRefs: nothing yet"),
        (
            [parent("a", Accepted=("True", 6), ResolvedRefs=("True", 7))],
            "Gateway a says Accepted: it has seen generation 6 of 7",
        ),
        (
            [parent("a", Accepted=("True", 7), ResolvedRefs=("False", 7))],
            "Gateway a says ResolvedRefs: R why.",
        ),
        (
            [
                parent("a", Accepted=("True", 7), ResolvedRefs=("True", 7)),
                parent("b", Accepted=("False", 7), ResolvedRefs=("True", 7)),
            ],
            "Gateway b says Accepted: R why.",
        ),
    ],
)
def test_a_route_is_not_accepted_while_a_controller_is_behind_or_says_no(parents: list[Any], why: str) -> None:
    route = read(chat(parents=parents))
    assert (route.accepted, route.not_accepted) == (False, why)


def test_a_route_without_status_is_not_accepted_yet() -> None:
    route = chat()
    del route["status"]
    assert not read(route).accepted


# Patching


def test_the_patch_tests_what_it_replaces_and_sets_each_rule_that_names_both() -> None:
    assert agrees(HERE / "golden" / "step-2.yaml", patch(chat()))


def test_after_the_patch_nothing_but_two_weights_a_rule_and_the_entry_has_changed() -> None:
    before = chat()
    after = applied(before, patch(before))
    expected = copy.deepcopy(before)
    expected["metadata"]["annotations"]["serinus.dev/split"] = split_record.write(RECORD)
    for rule, stable, candidate in ((1, 0, 1), (2, 1, 0)):
        expected["spec"]["rules"][rule]["backendRefs"][stable]["weight"] = 75
        expected["spec"]["rules"][rule]["backendRefs"][candidate]["weight"] = 25
    assert after == expected


def test_a_route_without_annotations_gets_them() -> None:
    before = chat(annotations=None)
    del before["metadata"]["annotations"]
    assert read(applied(before, patch(before))).record == RECORD


def test_annotations_of_others_stay() -> None:
    before = chat(annotations={"team": "nlp"})
    after = applied(before, patch(before))
    assert after["metadata"]["annotations"] == {"team": "nlp", "serinus.dev/split": split_record.write(RECORD)}


def late(change: str) -> dict[str, Any]:
    """The route after somebody else's write that the patch does not know of."""
    route = chat()
    match change:
        case "any write":
            route["metadata"]["resourceVersion"] = "4712"
        case "the candidate's weight":
            route["spec"]["rules"][1]["backendRefs"][1]["weight"] = 6
        case "stable's weight in the last rule":
            route["spec"]["rules"][2]["backendRefs"][1]["weight"] = 94
        case "the entry":
            route["metadata"]["annotations"]["serinus.dev/split"] = "{}"
    return route


@pytest.mark.parametrize(
    "change", ["any write", "the candidate's weight", "stable's weight in the last rule", "the entry"]
)
def test_a_patch_fails_as_a_whole_when_somebody_changed(change: str) -> None:
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        applied(late(change), patch(chat()))


def test_a_route_that_lists_not_both_is_not_patched() -> None:
    with pytest.raises(NotListed, match="no rule that names both chat-stable and chat-candidate"):
        patch(chat(rules=[backends(("chat-stable", 1))]))


def test_a_service_named_twice_gets_its_weight_once() -> None:
    before = chat(rules=[backends(("chat-candidate", 20), ("chat-stable", 50), ("chat-candidate", 30))])
    after = applied(before, patch(before))
    assert [one["weight"] for one in after["spec"]["rules"][0]["backendRefs"]] == [25, 75, 0]


words = st.text(max_size=200)
records = st.builds(
    SplitRecord,
    uid=st.just("rollout-1"),
    seq=st.integers(1, 10**6),
    revision=words,
    step=st.integers(0, 33),
    weight=st.integers(0, 100),
    cause=st.sampled_from(Cause),
    at=st.integers(0, 2**40),
    token=words,
    note=words,
)
a_weight = st.none() | st.integers(0, 1000)
filler = st.builds(lambda weight: backends(("health", weight)), a_weight)
split_rule = st.builds(
    lambda one, two, order: backends(*[("chat-stable", one), ("chat-candidate", two)][::order]),
    a_weight, a_weight, st.sampled_from((1, -1)),
)  # fmt: skip
notes = st.none() | st.dictionaries(st.sampled_from(("a/b", "c~d", split_record.ANNOTATION)), st.text(max_size=9))


@settings(deadline=None)
@given(record=records, rules=st.lists(filler | split_rule, max_size=4), last=split_rule, annotations=notes)
def test_patching_and_reading_gives_back_the_entry_and_the_weights(
    record: SplitRecord, rules: list[Any], last: Any, annotations: Any
) -> None:
    before = chat(rules=[*rules, last], annotations=annotations)
    route = read(applied(before, patch(before, record)))
    assert route.record == record
    assert set(route.weights) == {record.weight}


# Generating


def generate(*, gateway: str, hostnames: tuple[str, ...], port: int) -> dict[str, Any]:
    rollout = {"metadata": {"name": "chat", "namespace": "models", "uid": "rollout-1"}}
    traffic = TrafficRef(router="httpRoute", name="chat", gateway=gateway, hostnames=hostnames)
    return dict(HTTP_ROUTE.generate(rollout, traffic=traffic, names=NAMES, port=port, stable="abc12345"))


def test_a_generated_route_starts_at_100_to_0_and_belongs_to_the_rollout() -> None:
    made = generate(gateway="infra/public", hostnames=("chat.example.com",), port=8000)
    assert agrees(HERE / "golden" / "generated.yaml", made)
    route = read(made)
    assert (route.listed, route.weights, route.problems, route.accepted) == (True, (0,), (), False)


def test_a_gateway_without_a_namespace_is_in_the_rollouts_own() -> None:
    made = generate(gateway="public", hostnames=("a.example",), port=80)
    assert made["spec"]["parentRefs"] == [{"name": "public"}]


@pytest.mark.parametrize(
    ("gateway", "hostnames", "changed"),
    [
        ("infra/public", ("chat.example.com",), set()),
        ("infra/public", ("chat.example.com", "b.example.com"), {"hostnames"}),
        ("infra/inner", ("chat.example.com",), {"parentRefs"}),
        ("public", ("b.example.com",), {"parentRefs", "hostnames"}),
    ],
)
def test_a_generated_route_is_brought_to_what_traffic_asks_for_and_keeps_its_weights(
    gateway: str, hostnames: tuple[str, ...], changed: set[str]
) -> None:
    made = dict(generate(gateway="infra/public", hostnames=("chat.example.com",), port=8000))
    defaulted = [{"group": "gateway.networking.k8s.io", "kind": "Gateway", **made["spec"]["parentRefs"][0]}]
    made = {
        **made,
        "metadata": {**made["metadata"], "resourceVersion": "7"},
        "spec": {**made["spec"], "parentRefs": defaulted},
    }
    traffic = TrafficRef(router="httpRoute", name="chat", gateway=gateway, hostnames=hostnames)
    after = jsonpatch.apply_patch(made, HTTP_ROUTE.adjust(made, traffic=traffic))
    assert {key for key in made["spec"] if made["spec"][key] != after["spec"][key]} == changed
    assert HTTP_ROUTE.adjust(after, traffic=traffic) == []
