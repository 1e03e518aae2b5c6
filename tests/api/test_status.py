"""What a status says survives being written and read, and one that cannot be read is the beginning."""

from dataclasses import replace

from serinus.api.status import progress_of, status_of, timestamp
from serinus.core.budget import DAY, HOUR, Count, ErrorBudget, assess
from serinus.core.conditions import conditions
from serinus.core.decide import decide
from serinus.core.model import Progress, Step
from serinus.core.questions import TrafficRef
from tests.core.world import World, healthy, on_trial


def written(world: World) -> dict[str, object]:
    observed, measured = world.observed(), world.measured()
    plan = decide(world.spec, observed, world.progress, measured, world.now)
    said = conditions(world.spec, observed, measured, plan)
    return status_of(
        spec=world.spec, observed=observed, measured=measured, plan=plan, conditions=said, before=None, now=world.now
    )


def test_progress_survives_being_written_and_read() -> None:
    world = on_trial(2)
    assert (
        progress_of(written(world))
        == decide(world.spec, world.observed(), world.progress, world.measured(), world.now).progress
    )


def test_notes_of_an_older_or_newer_build_are_read_as_far_as_they_go() -> None:
    status = written(on_trial(2))
    record = status["record"]
    assert isinstance(record, dict)
    newer = {**status, "record": {**record, "fieldOfTomorrow": 1}}
    assert progress_of(newer) == progress_of(status)
    del record["overruled"]
    assert progress_of(status).step == 2


def test_notes_that_cannot_be_read_are_the_beginning() -> None:
    status = written(on_trial(2))
    record = status["record"]
    assert isinstance(record, dict)
    record["phase"] = "Baking"
    assert progress_of(status) == Progress()
    assert progress_of({"record": "words"}) == Progress()


def test_a_status_stays_within_32_kib() -> None:
    assert len(str(written(on_trial(3)))) < 32 * 1024


def test_without_a_router_a_status_has_what_was_asked_and_what_is_given() -> None:
    by_pods = TrafficRef(router="replicas", name="chat", by_pods=True)
    assert written(on_trial(1, traffic=by_pods, steps=(Step(weight=5, hold=60),)))["weights"] == {
        "wanted": 5,
        "given": 20,
    }
    assert written(healthy(traffic=by_pods))["weights"] == {"wanted": 0, "given": 0}
    assert written(on_trial(1))["weights"] == {"wanted": 5}


def test_the_error_budget_is_told_in_whole_percent_and_times_of_ten_minutes() -> None:
    asked = ErrorBudget(sli="errors", objective=0.999, window=30 * DAY)
    counts = {asked.window: Count(total=1e6, bad=377), HOUR: Count(total=2000, bad=6), 300.0: Count(total=200, bad=1)}
    world = on_trial(1)
    world.spec = replace(world.spec, error_budget=asked)
    world.budget = assess(asked, counts, covered=2 * DAY, caused=0.337)
    assert written(world)["budget"] == {
        "sli": "errors",
        "objective": "99.9%",
        "window": "30d",
        "remaining": "62%",
        "burn": "3x",
        "over": "1h/5m",
        "caused": "34%",
        "spentAt": timestamp(round((world.now + 0.623 * 2 * DAY / 2) / 600) * 600),
        "backAt": "",
        "history": "2 d",
    }
    assert "budget" not in written(on_trial(1))


def test_what_is_not_known_of_a_budget_is_left_empty() -> None:
    asked = ErrorBudget(sli="errors", objective=0.999, window=30 * DAY)
    world = on_trial(1)
    world.spec = replace(world.spec, error_budget=asked)
    world.budget = assess(asked, {}, covered=0.0, problem="Prometheus cannot be reached.")
    told = written(world)["budget"]
    assert isinstance(told, dict)
    assert {name for name, value in told.items() if not value} == {
        "remaining", "burn", "over", "caused", "spentAt", "backAt",
    }  # fmt: skip
