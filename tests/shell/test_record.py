"""What of a status may be written without reading the cluster again."""

from typing import Any

import pytest

from serinus.shell.record import changes, from_counts


def status(
    phase: str = "Analyzing", verdict: str = "NotEnough", reason: str = "NotEnough", **more: Any
) -> dict[str, Any]:
    condition = {"type": "Ready", "status": "False", "reason": reason}
    return {"phase": phase, "verdict": verdict, "conditions": [condition], "slis": [], **more}


def counts_alone(before: dict[str, Any], after: dict[str, Any]) -> bool:
    changed = changes(before, after)
    assert changed, "nothing changed, so nothing is tried here"
    return from_counts(changed, before, after)


def test_a_verdict_and_what_repeats_it_follow_from_counts_alone() -> None:
    assert counts_alone(status(), status(verdict="Pass", reason="Holding"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (status(), status(phase="Preparing")),
        (status(), status(record={"step": 2})),
        (status(), status(observedGeneration=2)),
        (status(verdict="", message="The cluster knows no HTTPRoute."), status(verdict="", message="It is missing.")),
        (
            status(phase="Preparing", reason="AutoscalerRefused"),
            status(phase="Preparing", reason="StartingPods"),
        ),
    ],
)
def test_what_tells_of_objects_is_written_from_fresh_reads(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert not counts_alone(before, after)
