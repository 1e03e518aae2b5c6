"""What is asked, and when nothing needs to be."""

from dataclasses import replace
from math import inf

from serinus.core.evidence import Role
from serinus.core.model import Cause, Forecast, Progress, Shift, SplitRecord
from serinus.core.needs import needs
from serinus.core.observed import Deployed, Observed, Pod
from tests.core.world import START, spec

SHIFTS = (Shift(at=START, weight=5, step=1), Shift(at=START + 600, weight=25, step=2))


def progress(weight: int = 25, **changes: object) -> Progress:
    record = SplitRecord(
        uid="uid-chat", seq=3, revision="v2", step=2, weight=weight, cause=Cause.STEP, at=int(START) + 600
    )
    base = Progress(
        stable="v1", candidate="v2", attempt=4, step=2, split=record, shifts=SHIFTS, evidence_rules="rules-1"
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def observed(**changes: object) -> Observed:
    def deployed(revision: str, *ready: float | None) -> Deployed:
        pods = tuple(
            Pod(name=f"chat-{revision}-{number}", created_at=START - 60, ready_since=at)
            for number, at in enumerate(ready)
        )
        return Deployed(revision=revision, template={}, replicas=len(pods), ready=len(pods), pods=pods)

    base = Observed(
        source=None,
        deployed=(deployed("v0", START), deployed("v1", START - 50, START - 40), deployed("v2", START - 30, None)),
        stable_selector="v1",
        candidate_selector="v2",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_a_candidate_with_traffic_is_asked_about_with_all_that_its_evidence_depends_on() -> None:
    asked = needs(spec(warm_up_seconds=20.0, warm_up_requests=500), observed(), progress())
    assert asked is not None
    assert asked.key == ("uid-chat", 4, "v2", "rules-1")
    assert (asked.namespace, asked.name, asked.connection) == ("models", "chat", "default")
    assert (asked.stable, asked.candidate, asked.attempt, asked.step, asked.weight) == ("v1", "v2", 4, 2, 25)
    assert (asked.shifts, asked.since) == (SHIFTS, START)
    assert (asked.settle, asked.drain) == (50.0, 30.0)
    assert asked.warm_up_requests == 500
    assert [(one.pod, one.role, one.ready_since) for one in asked.pods] == [
        ("chat-v1-0", Role.STABLE, START - 50),
        ("chat-v1-1", Role.STABLE, START - 40),
        ("chat-v2-0", Role.CANDIDATE, START - 30),
        ("chat-v2-1", Role.CANDIDATE, None),
    ]
    assert asked.drift_since is None


def test_evidence_of_other_rules_belongs_to_another_key() -> None:
    asked = needs(spec(evidence_rules="rules-2"), observed(), progress())
    assert asked is not None
    assert asked.key[3] == "rules-2"


def test_nothing_is_asked_without_a_candidate_or_a_stable_beside_it() -> None:
    assert needs(spec(), observed(), progress(candidate="")) is None
    assert needs(spec(), observed(), progress(stable="")) is None


def test_while_the_candidates_pods_come_up_is_asked_how_long_the_steps_take() -> None:
    before = progress(weight=0, step=0, shifts=(), began=START - 60)
    asked = needs(spec(), observed(), before)
    assert asked is not None
    assert (asked.step, asked.weight, asked.shifts, asked.since, asked.began) == (0, 0, (), inf, START - 60)
    assert [(one.step, one.weight, one.pods1, one.pods0) for one in asked.stages] == [
        (1, 5, 1, 4),
        (2, 25, 1, 4),
        (3, 50, 2, 4),
    ]
    assert {(one.hold, one.idle) for one in asked.stages} == {(60.0, 60.0)}


def test_pods_are_made_before_anyone_asks_how_long_it_takes() -> None:
    before = progress(weight=0, step=0, shifts=(), began=START)
    assert needs(spec(), observed(), before) is not None
    assert needs(spec(), observed(deployed=observed().deployed[:2]), before) is None
    assert needs(spec(), observed(), replace(before, began=0.0)) is None, "notes of an attempt without a beginning"


def told(step: int, attempt: int = 4) -> Forecast:
    return Forecast(
        attempt=attempt, step=step, seconds=60, rollout=60, soonest=60, sli="a", reason="WithinMaxHold", sentence="x"
    )


def test_what_was_told_is_not_asked_again() -> None:
    before = progress(weight=0, step=0, shifts=(), began=START)
    assert needs(spec(), observed(), replace(before, forecast=told(1))) is None
    assert needs(spec(), observed(), replace(before, forecast=told(1, attempt=3))) is not None
    for forecast, steps in ((None, [2, 3]), (told(1), [2, 3]), (told(2), [3]), (told(3), [])):
        asked = needs(spec(), observed(), progress(forecast=forecast))
        assert asked is not None
        assert [one.step for one in asked.stages] == steps


def test_a_candidate_that_needs_no_evidence_is_not_asked_about() -> None:
    assert needs(spec(), observed(), progress(weight=0, step=0, shifts=(), began=START, gate_passed=3)) is None


def test_nothing_is_asked_once_the_candidate_lost_its_traffic() -> None:
    assert needs(spec(), observed(), progress(weight=0)) is None
    assert needs(spec(), observed(), progress(split=None)) is None
    assert needs(spec(), observed(), progress(shifts=())) is None


def test_nothing_is_asked_once_the_stable_service_selects_the_candidate() -> None:
    assert needs(spec(), observed(stable_selector="v2"), progress()) is None


def test_nothing_is_asked_of_a_rollout_that_is_deleted() -> None:
    assert needs(spec(), observed(deleting_since=START), progress()) is None


def test_wrong_weights_on_the_route_are_told() -> None:
    asked = needs(spec(), observed(), progress(drift_since=START + 700))
    assert asked is not None
    assert asked.drift_since == START + 700


def test_time_before_the_first_traffic_does_not_belong_to_the_trial() -> None:
    asked = needs(spec(), observed(), progress(shifts=(Shift(at=START - 100, weight=0, step=0), *SHIFTS)))
    assert asked is not None
    assert asked.since == START
