"""What is kept of what the watches see, for whom, and how little of it."""

from collections.abc import Callable
from typing import Any

import pytest

from serinus.plugin import Resource
from serinus.shell.cache import Cache
from serinus.shell.resources import DEPLOYMENT, POD, ROLLOUT, SERVICE
from serinus.shell.scheduler import Key

ROUTE = Resource(group="gateway.networking.k8s.io", version="v1", plural="httproutes", kind="HTTPRoute")
CHAT = Key("models", "chat")


def manifest(name: str, version: int = 1, rollout: str = "", **more: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "models", "resourceVersion": str(version)}
    if rollout:
        metadata["labels"] = {"serinus.dev/rollout": rollout}
    return {"metadata": metadata, **more}


def service(name: str, version: int = 1, rollout: str = "", **selector: str) -> dict[str, Any]:
    return manifest(name, version, rollout, spec={"selector": selector, "clusterIP": "10.0.0.1"})


def rollout(name: str, version: int, uid: str) -> dict[str, Any]:
    one = manifest(name, version)
    one["metadata"]["uid"] = uid
    return one


@pytest.fixture
def cache() -> Cache:
    return Cache()


def test_what_a_rollout_owns_is_found_by_its_label_in_order_of_names(cache: Cache) -> None:
    assert cache.store(DEPLOYMENT, manifest("chat-b", rollout="chat")) == {CHAT}
    assert cache.store(DEPLOYMENT, manifest("chat-a", rollout="chat")) == {CHAT}
    cache.store(DEPLOYMENT, manifest("other-a", rollout="other"))
    cache.store(POD, manifest("chat-a-1", rollout="chat"))
    assert [one["metadata"]["name"] for one in cache.owned(DEPLOYMENT, "models", "chat")] == ["chat-a", "chat-b"]
    assert cache.owned(DEPLOYMENT, "elsewhere", "chat") == []


def test_objects_of_nobody_are_not_kept(cache: Cache) -> None:
    assert cache.store(DEPLOYMENT, manifest("web")) == frozenset()
    assert cache.get(DEPLOYMENT, "models", "web") is None
    assert len(cache) == 0


def test_a_rollout_itself_is_kept_and_concerns_itself(cache: Cache) -> None:
    assert cache.store(ROLLOUT, manifest("chat")) == {CHAT}
    assert cache.rollouts() == [CHAT]
    assert cache.remove(ROLLOUT, "models", "chat", 2) == {CHAT}
    assert cache.rollouts() == []


def test_a_rollout_is_found_by_its_uid_as_long_as_it_lives(cache: Cache) -> None:
    cache.store(ROLLOUT, rollout("chat", 1, "u1"))
    assert cache.uids("models") == {"u1": "chat"}
    assert cache.uids("elsewhere") == {}
    cache.store(ROLLOUT, rollout("chat", 2, "u2"))
    assert cache.uids("models") == {"u2": "chat"}, "it was deleted and created again"
    cache.remove(ROLLOUT, "models", "chat", 3)
    assert cache.uids("models") == {}


def test_what_a_rollout_names_is_kept_from_then_on_and_dropped_when_it_no_longer_does(cache: Cache) -> None:
    assert cache.refer(CHAT, [(ROUTE, "chat"), (DEPLOYMENT, "chat")]) == [(DEPLOYMENT, "chat"), (ROUTE, "chat")]
    assert cache.store(ROUTE, manifest("chat")) == {CHAT}
    assert cache.refer(CHAT, [(ROUTE, "chat"), (DEPLOYMENT, "chat")]) == [(DEPLOYMENT, "chat")]
    assert cache.refer(CHAT, [(DEPLOYMENT, "chat")]) == [(DEPLOYMENT, "chat")]
    assert cache.get(ROUTE, "models", "chat") is None
    assert cache.store(ROUTE, manifest("chat", 2)) == frozenset()


def test_what_two_rollouts_name_stays_until_neither_does_and_wakes_both(cache: Cache) -> None:
    other = Key("models", "other")
    cache.refer(CHAT, [(ROUTE, "shared")])
    cache.refer(other, [(ROUTE, "shared")])
    assert cache.store(ROUTE, manifest("shared")) == {CHAT, other}
    cache.refer(CHAT, [])
    assert cache.get(ROUTE, "models", "shared") is not None
    cache.refer(other, [])
    assert cache.get(ROUTE, "models", "shared") is None


def test_an_owned_object_that_is_also_named_stays_when_it_is_no_longer_named(cache: Cache) -> None:
    cache.refer(CHAT, [(ROUTE, "chat")])
    cache.store(ROUTE, manifest("chat", rollout="chat"))
    cache.refer(CHAT, [])
    assert cache.get(ROUTE, "models", "chat") is not None


def test_an_older_state_changes_nothing_and_the_same_wakes_nobody(cache: Cache) -> None:
    cache.store(DEPLOYMENT, manifest("chat-a", 10, "chat", spec={"replicas": 2}))
    assert cache.store(DEPLOYMENT, manifest("chat-a", 9, "chat", spec={"replicas": 1})) == frozenset()
    assert cache.store(DEPLOYMENT, manifest("chat-a", 10, "chat", spec={"replicas": 2})) == frozenset()
    kept = cache.get(DEPLOYMENT, "models", "chat-a")
    assert kept is not None
    assert kept["spec"] == {"replicas": 2}


def test_a_late_deletion_does_not_remove_what_was_created_again(cache: Cache) -> None:
    cache.store(DEPLOYMENT, manifest("chat-a", 12, "chat"))
    assert cache.remove(DEPLOYMENT, "models", "chat-a", 11) == frozenset()
    assert cache.get(DEPLOYMENT, "models", "chat-a") is not None


def test_a_late_read_does_not_bring_back_what_was_deleted(cache: Cache) -> None:
    cache.refer(CHAT, [(ROUTE, "chat")])
    assert cache.remove(ROUTE, "models", "chat", 20) == {CHAT}
    assert cache.store(ROUTE, manifest("chat", 19)) == frozenset()
    assert cache.get(ROUTE, "models", "chat") is None
    assert cache.store(ROUTE, manifest("chat", 21)) == {CHAT}


def test_an_object_that_changes_its_rollout_concerns_both(cache: Cache) -> None:
    cache.store(POD, manifest("p", 1, "chat"))
    assert cache.store(POD, manifest("p", 2, "other")) == {CHAT, Key("models", "other")}
    assert cache.owned(POD, "models", "chat") == []
    assert cache.store(POD, manifest("p", 3)) == {Key("models", "other")}
    assert len(cache) == 0


def test_what_is_read_from_the_cache_can_be_changed_without_harm(cache: Cache) -> None:
    cache.store(DEPLOYMENT, manifest("chat-a", 1, "chat", spec={"replicas": 1}))
    for read in (cache.get(DEPLOYMENT, "models", "chat-a"), cache.owned(DEPLOYMENT, "models", "chat")[0]):
        assert read is not None
        read["spec"]["replicas"] = 9
    kept = cache.get(DEPLOYMENT, "models", "chat-a")
    assert kept is not None
    assert kept["spec"]["replicas"] == 1


def test_of_other_services_only_the_selector_is_kept(cache: Cache) -> None:
    cache.store(SERVICE, service("web", app="chat"))
    cache.store(SERVICE, service("headless"))
    cache.store(SERVICE, service("chat-stable", rollout="chat", app="chat"))
    assert cache.selectors("models") == {"web": {"app": "chat"}}
    assert cache.selectors("elsewhere") == {}
    assert cache.get(SERVICE, "models", "web") is None
    assert cache.get(SERVICE, "models", "chat-stable") is not None
    cache.remove(SERVICE, "models", "web", 2)
    assert cache.selectors("models") == {}


def test_a_service_of_others_wakes_the_rollouts_whose_pods_it_selects(cache: Cache) -> None:
    pod = manifest("p", 1, "chat")
    pod["metadata"]["labels"]["app"] = "chat"
    cache.store(POD, pod)
    assert cache.store(SERVICE, service("web", app="chat")) == {CHAT}
    assert cache.store(SERVICE, service("web", 2, app="chat")) == frozenset()
    assert cache.store(SERVICE, service("db", app="db")) == frozenset()


def test_of_a_pod_only_what_is_decided_on_is_kept_and_managed_fields_of_nothing(cache: Cache) -> None:
    pod = manifest("p", 1, "chat", spec={"nodeName": "n", "containers": [{"env": []}]}, status={"phase": "Running"})
    pod["metadata"]["managedFields"] = [{"manager": "kubelet"}]
    pod["status"] |= {"hostIP": "192.0.2.1", "conditions": []}
    cache.store(POD, pod)
    kept = cache.get(POD, "models", "p")
    assert kept is not None
    assert kept["spec"] == {"nodeName": "n"}
    assert kept["status"] == {"phase": "Running", "conditions": []}
    assert "managedFields" not in kept["metadata"]


def test_versions_list_everything_known_of_a_kind_selectors_included(cache: Cache) -> None:
    cache.store(SERVICE, service("web", 7, app="x"))
    cache.store(SERVICE, service("chat-stable", 8, "chat", app="x"))
    assert cache.versions(SERVICE) == {("models", "web"): 0, ("models", "chat-stable"): 8}
    assert cache.versions(POD) == {}


def test_it_is_behind_exactly_when_storing_would_change_something(cache: Cache) -> None:
    assert not cache.behind(DEPLOYMENT, manifest("web"))
    assert cache.behind(DEPLOYMENT, manifest("chat-a", 1, "chat"))
    cache.store(DEPLOYMENT, manifest("chat-a", 1, "chat"))
    assert not cache.behind(DEPLOYMENT, manifest("chat-a", 1, "chat"))
    assert cache.behind(DEPLOYMENT, manifest("chat-a", 2, "chat"))
    assert not cache.behind(SERVICE, service("headless"))
    assert cache.behind(SERVICE, service("web", app="x"))


def test_the_version_of_a_rollout_changes_with_everything_that_can_be_read_of_it(cache: Cache) -> None:
    changes: list[Callable[[], object]] = [
        lambda: cache.store(ROLLOUT, rollout("chat", 1, "u1")),
        lambda: cache.refer(CHAT, [(ROUTE, "chat")]),
        lambda: cache.store(ROUTE, manifest("chat")),
        lambda: cache.store(POD, manifest("chat-a-1", rollout="chat")),
        lambda: cache.store(POD, manifest("chat-a-1", 2, rollout="chat")),
        lambda: cache.store(SERVICE, service("stranger", app="x")),
        lambda: cache.store(SERVICE, service("stranger", 2, app="y")),
        lambda: cache.remove(SERVICE, "models", "stranger", 3),
        lambda: cache.store(ROLLOUT, rollout("rival", 1, "u9")),
        lambda: cache.remove(ROLLOUT, "models", "rival", 4),
        lambda: cache.remove(POD, "models", "chat-a-1", 5),
        lambda: cache.refer(CHAT, [(ROUTE, "other")]),
        lambda: cache.store(ROLLOUT, rollout("chat", 7, "u1")),
        lambda: cache.remove(ROLLOUT, "models", "chat", 8),
    ]
    seen = [cache.version(CHAT)]
    for change in changes:
        change()
        seen.append(cache.version(CHAT))
    assert len(set(seen)) == len(seen)


def test_the_version_of_a_rollout_stays_when_another_one_changes(cache: Cache) -> None:
    cache.store(ROLLOUT, rollout("chat", 1, "u1"))
    cache.store(ROLLOUT, rollout("other", 1, "u2"))
    before = cache.version(CHAT)
    cache.store(ROLLOUT, rollout("other", 2, "u2") | {"status": {"phase": "Healthy"}})
    cache.store(POD, manifest("other-a-1", rollout="other"))
    cache.store(POD, manifest("other-a-1", 1, rollout="other"))
    cache.refer(Key("models", "other"), [(ROUTE, "other")])
    assert cache.version(CHAT) == before
