"""What the evidence at a step asks for."""

from dataclasses import replace
from typing import Any

import pytest

from serinus.core.evidence import Verdict
from serinus.core.model import OnInconclusive
from serinus.core.observed import Measured
from serinus.core.outcome import Outcome, is_crashing, outcome
from tests.core import world

PASSED = Measured(verdict=Verdict.PASS, held=1e6, requests=1e6)
HARM = Measured(verdict=Verdict.FAIL)
UNSURE = Measured(verdict=Verdict.NOT_ENOUGH, held=1e9)


@pytest.mark.parametrize(
    ("measured", "number", "weight", "changes", "asked"),
    [
        (PASSED, 1, 5, {}, Outcome.CONTINUE),
        (PASSED, 3, 50, {}, Outcome.PROMOTE),
        (PASSED, 3, 50, {"dry_run": True}, Outcome.HOLD),
        (PASSED, 4, 100, {}, Outcome.CONTINUE),
        (PASSED, 3, 0, {}, Outcome.CONTINUE),
        (replace(PASSED, held=1.0), 3, 50, {}, Outcome.CONTINUE),
        (HARM, 1, 5, {}, Outcome.ROLLBACK),
        (HARM, 1, 0, {}, Outcome.ROLLBACK),
        (replace(HARM, hold_only=True), 1, 5, {}, Outcome.HOLD),
        (HARM, 1, 5, {"dry_run": True}, Outcome.HOLD),
        (UNSURE, 1, 5, {}, Outcome.HOLD),
        (UNSURE, 1, 5, {"on_inconclusive": OnInconclusive.ROLLBACK}, Outcome.ROLLBACK),
        (UNSURE, 1, 5, {"on_inconclusive": OnInconclusive.ROLLBACK, "dry_run": True}, Outcome.HOLD),
        (replace(UNSURE, verdict=Verdict.NO_DATA), 1, 5, {}, Outcome.CONTINUE),
        (Measured(silent=50.0), 1, 5, {}, Outcome.HOLD),
        (Measured(silent=49.0), 1, 5, {}, Outcome.CONTINUE),
        (Measured(silent=50.0), 4, 100, {}, Outcome.CONTINUE),
    ],
)
def test_the_evidence_asks_for(
    measured: Measured, number: int, weight: int, changes: dict[str, Any], asked: Outcome
) -> None:
    assert outcome(replace(world.spec(), **changes), measured, number, weight) is asked


def test_a_step_with_a_pause_waits_for_a_person() -> None:
    spec = world.spec()
    paused = replace(spec, steps=tuple(replace(step, pause=True) for step in spec.steps))
    assert outcome(paused, PASSED, 3, 50) is Outcome.HOLD


def test_containers_that_fail_in_both_arms_are_nobodys_fault() -> None:
    assert is_crashing(3, stable_fails=False)
    assert not is_crashing(2, stable_fails=False)
    assert not is_crashing(3, stable_fails=True)
