"""Which spec a rollout is followed by."""

from typing import Any

from serinus.api.compile import Problems
from serinus.core.model import Spec
from serinus.shell.tick import Memory


def rollout(uid: str = "u-1", generation: int = 1, objective: str = "99%") -> dict[str, Any]:
    return {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelRollout",
        "metadata": {"name": "chat", "namespace": "models", "uid": uid, "generation": generation},
        "spec": {
            "workload": {"deployment": "chat"},
            "traffic": {"httpRoute": "chat"},
            "slis": [{"preset": "http/success-rate", "objective": objective}],
        },
    }


def test_while_a_spec_cannot_be_followed_the_last_one_is_and_says_what_is_wrong() -> None:
    memory = Memory()
    good = memory.follow(rollout())
    followed = memory.follow(rollout(generation=2, objective="much"))
    assert isinstance(good, Spec)
    assert isinstance(followed, Spec)
    assert (followed.slis, followed.generation) == (good.slis, 2)
    assert memory.problems
    memory.follow(rollout(generation=3))
    assert memory.problems == ()


def test_a_rollout_that_was_made_again_is_not_followed_by_the_spec_of_the_one_before() -> None:
    memory = Memory()
    memory.follow(rollout())
    assert isinstance(memory.follow(rollout(uid="u-2", objective="much")), Problems)
