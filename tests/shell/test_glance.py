"""What is remembered of a rollout between two looks, and that it is forgotten as soon as anything changes."""

from typing import Any

import pytest

from serinus.api.compile import compile_spec
from serinus.core.model import Spec
from serinus.shell.cache import Cache
from serinus.shell.facts import named
from serinus.shell.glance import Glance, glance, still
from serinus.shell.resources import DEPLOYMENT, ROLLOUT
from serinus.shell.scheduler import Key

KEY = Key("models", "chat")


def source(version: int, image: str) -> dict[str, Any]:
    labels = {"app": "chat"}
    container = {"name": "m", "image": image, "ports": [{"containerPort": 8080}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "chat", "namespace": "models", "resourceVersion": str(version), "uid": "d1"},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": template},
    }


def rollout(version: int = 1, **annotations: str) -> dict[str, Any]:
    metadata = {"name": "chat", "namespace": "models", "uid": "u1", "generation": 1, "annotations": annotations}
    return {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelRollout",
        "metadata": {**metadata, "resourceVersion": str(version)},
        "spec": {
            "workload": {"deployment": "chat"},
            "traffic": {"httpRoute": "chat"},
            "slis": [{"preset": "http/success-rate", "objective": "99%"}],
        },
    }


@pytest.fixture
def cache() -> Cache:
    cache = Cache()
    cache.store(ROLLOUT, rollout())
    cache.refer(KEY, named(spec(cache), rollout()))
    cache.store(DEPLOYMENT, source(1, "m:1"))
    return cache


def spec(cache: Cache) -> Spec:
    compiled = compile_spec(cache.get(ROLLOUT, *KEY) or {})
    assert isinstance(compiled, Spec)
    return compiled


def look(cache: Cache, before: Glance | None = None) -> Glance:
    version, seen = cache.version(KEY), cache.get(ROLLOUT, *KEY)
    assert seen is not None
    return still(cache, KEY, before) or glance(cache, KEY, seen, spec(cache), version=version)


def test_while_nothing_changes_nothing_is_read_again(cache: Cache) -> None:
    first = look(cache)
    assert look(cache, first) is first


def test_a_change_of_an_object_is_seen(cache: Cache) -> None:
    first = look(cache)
    cache.store(DEPLOYMENT, source(2, "m:2"))
    assert look(cache, first).observed.wanted != first.observed.wanted


def test_what_a_person_asks_for_is_seen(cache: Cache) -> None:
    first = look(cache)
    cache.store(ROLLOUT, rollout(2, **{"serinus.dev/intent": "pause@1"}))
    assert first.observed.intent is None
    assert look(cache, first).observed.intent is not None


def test_a_change_that_came_after_the_rollout_was_taken_from_the_cache_is_seen_at_the_next_look(cache: Cache) -> None:
    version, seen = cache.version(KEY), cache.get(ROLLOUT, *KEY) or {}
    cache.store(ROLLOUT, rollout(2, **{"serinus.dev/intent": "pause@1"}))
    behind = glance(cache, KEY, seen, spec(cache), version=version)
    assert behind.observed.intent is None
    assert look(cache, behind).observed.intent is not None
