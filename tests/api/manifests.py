"""A manifest to start from, for tests that change one thing in it."""

from typing import Any

from serinus.api.compile import Problems, compile_spec
from serinus.core.model import Spec


def rollout(**spec: Any) -> dict[str, Any]:
    """The shortest manifest that says everything needed, with these fields of its spec replaced."""
    return {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelRollout",
        "metadata": {"name": "chat", "namespace": "models", "uid": "u-1", "generation": 3},
        "spec": {
            "workload": {"deployment": "chat"},
            "traffic": {"httpRoute": "chat"},
            "slis": [{"preset": "vllm/success-rate"}],
            **spec,
        },
    }


def compiled(**spec: Any) -> Spec:
    """That manifest, compiled; fails with its problems where there are any."""
    result = compile_spec(rollout(**spec))
    assert isinstance(result, Spec), result
    return result


def problems(**spec: Any) -> tuple[str, ...]:
    """What is wrong with that manifest."""
    result = compile_spec(rollout(**spec))
    assert isinstance(result, Problems), result
    return result.sentences
