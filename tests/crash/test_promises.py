"""The witness's promises notice what breaks them: a crash test that could not fail would prove nothing."""

import json
from collections.abc import Sequence
from typing import Any

from serinus.core.model import Cause, SplitRecord
from serinus.core.split_record import ANNOTATION, write
from tests.api_server.proxy import Request
from tests.crash import promises, writes
from tests.crash.promises import Rules
from tests.crash.witness import Seen

RULES = Rules(replicas=4, holds=(2, 1), drain=1)


class Telling:
    """What a witness would have seen, told line by line."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        for service, revision in (("chat-stable", "one"), ("chat-candidate", "one")):
            self.service(service, revision)
        for number in range(4):
            self.pod(f"one-{number}", "one")
        self.seq = 0

    def service(self, name: str, revision: str) -> None:
        self._note("Service", {"metadata": {"name": name}, "spec": {"selector": {"serinus.dev/revision": revision}}})

    def pod(self, name: str, revision: str, *, ready: bool = True, uid: str = "", gone: bool = False) -> None:
        conditions = [{"type": "Ready", "status": str(ready)}]
        metadata = {"name": name, "uid": uid or name, "labels": {"serinus.dev/revision": revision}}
        self._note("Pod", {"metadata": metadata, "status": {"conditions": conditions}}, gone=gone)

    def route(
        self, cause: str, step: int, weight: int, at: int, *, skip: int = 0, weights: tuple[int, int] | None = None
    ) -> None:
        self.seq += 1 + skip
        stable, candidate = weights or (100 - weight, weight)
        entry = SplitRecord(
            uid="uid", seq=self.seq, revision="two", step=step, weight=weight, cause=Cause(cause), at=at
        )
        backends = [{"name": "chat-stable", "weight": stable}, {"name": "chat-candidate", "weight": candidate}]
        metadata = {"name": "chat", "annotations": {ANNOTATION: write(entry)}}
        self._note("HTTPRoute", {"metadata": metadata, "spec": {"rules": [{"backendRefs": backends}]}}, at=float(at))

    def _note(self, kind: str, manifest: dict[str, Any], *, at: float = 0.0, gone: bool = False) -> None:
        self.seen.append(Seen(version=len(self.seen), kind=kind, gone=gone, manifest=manifest, at=at))

    def broken(self) -> Sequence[str]:
        return promises.broken(self.seen, RULES)


def trial() -> Telling:
    """v2 is at step 1 with 25 % on one pod, entered at second 10."""
    told = Telling()
    told.route("finish", 0, 0, 1)
    told.route("start", 0, 0, 2)
    told.pod("two-0", "two")
    told.service("chat-candidate", "two")
    told.route("step", 1, 25, 10)
    return told


def test_a_course_that_keeps_every_promise_breaks_none() -> None:
    told = trial()
    told.pod("two-1", "two")
    told.route("step", 2, 50, 13)
    assert told.broken() == []
    assert promises.course(told.seen) == [("finish", 0, 0), ("start", 0, 0), ("step", 1, 25), ("step", 2, 50)]


def test_more_weight_than_ready_pods_carry_is_noticed() -> None:
    told = trial()
    told.pod("two-1", "two", ready=False)
    told.route("step", 2, 50, 13)
    assert told.broken() == [
        "chat-candidate had 50 % on 1 ready pods of 4 after HTTPRoute chat changed (entry 4, step)."
    ]


def test_pods_that_go_before_their_traffic_are_noticed() -> None:
    told = trial()
    told.pod("two-0", "two", gone=True)
    assert told.broken() == ["chat-candidate had 25 % on 0 ready pods of 4 after Pod two-0 changed (entry 3, step)."]


def test_a_stable_service_that_moves_to_too_few_pods_is_noticed() -> None:
    told = trial()
    told.service("chat-stable", "two")
    assert told.broken() == [
        "chat-stable had 75 % on 1 ready pods of 4 after Service chat-stable changed (entry 3, step)."
    ]


def test_a_raise_before_the_hold_and_the_drain_is_noticed() -> None:
    told = trial()
    told.pod("two-1", "two")
    told.route("step", 2, 50, 12)
    (sentence,) = told.broken()
    assert sentence.startswith("Entry 4 (step, 50 %) was decided 2 s after step 1")


def test_a_rollback_needs_no_hold() -> None:
    told = trial()
    told.route("rollback", 1, 0, 11)
    assert told.broken() == []


def test_an_entry_that_is_left_out_is_noticed() -> None:
    told = trial()
    told.route("rollback", 1, 0, 11, skip=1)
    assert any("[1, 2, 3, 5]" in sentence for sentence in told.broken())


def test_weights_that_are_not_those_of_the_entry_are_noticed() -> None:
    told = trial()
    told.route("rollback", 1, 0, 11, weights=(80, 20))
    assert told.broken() == ["The entry 4 says 0 % and the route 20 %."]


def test_weights_that_are_not_100_together_are_noticed() -> None:
    told = trial()
    told.route("rollback", 1, 0, 11, weights=(75, 0))
    assert told.broken() == ["The weights are 75/0, together not 100."]


def test_pods_that_are_made_again_are_noticed() -> None:
    told = trial()
    for number in range(4):
        told.pod(f"two-again-{number}", "two")
    assert told.broken() == ["5 pods of revision two were made, and 4 were asked for."]


def patch(path: str, *operations: tuple[str, Any]) -> Request:
    body = [{"op": "add", "path": where, "value": value} for where, value in operations]
    return Request(method="PATCH", path=path, query="", body=json.dumps(body).encode())


def test_a_write_is_told_by_what_it_means() -> None:
    spaces = "namespaces/n"
    entry = json.dumps({"cause": "step", "step": 2, "weight": 50})
    told = patch(f"/apis/g/v1/{spaces}/httproutes/chat", ("/metadata/annotations/serinus.dev~1split", entry))
    assert writes.meaning(told, {}) == "patch HTTPRoute: step, step 2 at 50 %"
    status = {"phase": "Preparing", "record": {"step": 1, "split": {"seq": 3}, "heading": 2}}
    told = patch(f"/apis/serinus.dev/v1alpha1/{spaces}/modelrollouts/chat/status", ("/status", status))
    assert writes.meaning(told, {}) == "patch ModelRollout status: Preparing, step 1 of decision 3, heading for 2"
    told = patch(f"/apis/apps/v1/{spaces}/deployments/chat-abc", ("/spec/replicas", 2))
    assert writes.meaning(told, {"abc": "v2"}) == "patch Deployment v2: 2 pods"
    told = patch(f"/api/v1/{spaces}/services/chat-stable", ("/spec/selector", {"serinus.dev/revision": "abc"}))
    assert writes.meaning(told, {"abc": "v2"}) == "patch Service chat-stable: selects v2"


def test_reads_leases_and_events_are_no_writes_of_a_story() -> None:
    for method, path in (
        ("GET", "/api/v1/namespaces/n/services/chat-stable"),
        ("PUT", "/apis/coordination.k8s.io/v1/namespaces/n/leases/serinus"),
        ("POST", "/apis/events.k8s.io/v1/namespaces/n/events"),
    ):
        assert writes.meaning(Request(method=method, path=path, query="", body=b"{}"), {}) == ""
