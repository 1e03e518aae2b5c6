"""Rates in a backtest: events over the seconds of a window, or over an exposure that the line says."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.backtest import InputError, Session, run
from serinus.backtest.plan import plan
from serinus.cli.plan import said
from tests.backtest.counts import SPEC, lines, past
from tests.core.traffic import poisson

FAULTS: dict[str, Any] = {"name": "faults", "rate": {"events": {"metric": "gpu_faults_total"}}, "perPodHour": 60}
WITH_FAULTS = {**SPEC, "slis": [*SPEC["slis"], FAULTS], "workload": {"deployment": "chat", "replicas": 6}}


def with_faults(several: Any, per_hour: tuple[float, float], seed: int = 1, **fields: Any) -> list[dict[str, Any]]:
    """The lines with events per pod-hour of candidate and stable."""
    from random import Random

    random, told, before = Random(seed), [], None
    for line in several:
        seconds = line["t"] - before if before is not None else 15.0
        before = line["t"]
        for pod in line["pods"]:
            rate = per_hour[pod["role"] == "stable"] * seconds / 3600
            pod["slis"]["faults"] = {"events": poisson(random, rate) if rate else 0, **fields}
        told.append(line)
    return told


PAST = with_faults(past(minutes=120), (0.0, 12.0))


def steps(per_hour: tuple[float, float], looks: int = 60, **fields: Any) -> list[dict[str, Any]]:
    both = [*lines(looks=looks), *lines(looks=looks, weight=50, begin=15.0 * looks)]
    return with_faults(both, per_hour, **fields)


def test_a_candidate_with_more_events_is_taken_back_on_them_and_an_equal_one_is_promoted() -> None:
    worse = next(one for one in run(WITH_FAULTS, steps((600.0, 12.0)), PAST) if one["action"] == "rollback")
    assert worse["blame"] == ["faults"]
    told = worse["slis"]["faults"]
    assert (told["verdict"], told["reason"], told["r_harm"]) == ("Fail", "Worse", 1.5)
    equal = list(run(WITH_FAULTS, steps((12.0, 12.0)), PAST))
    assert equal[-1]["action"] == "promote", equal[-1]
    assert not any(one["action"] == "rollback" for one in equal)


def test_without_events_in_both_it_is_promoted_too() -> None:
    assert list(run(WITH_FAULTS, steps((0.0, 0.0)), PAST))[-1]["action"] == "promote"


def test_the_exposure_of_a_line_takes_the_place_of_its_seconds() -> None:
    plain = list(run(WITH_FAULTS, steps((12.0, 12.0), looks=10), PAST))
    assert list(run(WITH_FAULTS, steps((12.0, 12.0), looks=10, exposure=15.0), PAST)) == plain
    longer = list(run(WITH_FAULTS, steps((12.0, 12.0), looks=10, exposure=150.0), PAST))
    assert longer[-1]["slis"]["faults"]["n"] == 10 * plain[-1]["slis"]["faults"]["n"]
    assert longer[-1]["slis"]["faults"]["e_safe"] > plain[-1]["slis"]["faults"]["e_safe"]


@settings(max_examples=8, deadline=None)
@given(at=st.integers(0, 12))
def test_a_session_that_is_cut_anywhere_says_the_same(at: int) -> None:
    several = steps((60.0, 12.0), looks=6)
    before, after = (Session(WITH_FAULTS, PAST) for _ in range(2))
    told = [before.look(line) for line in several[:at]]
    after.restore(json.loads(json.dumps(before.state())))
    told += [after.look(line) for line in several[at:]]
    assert told == list(run(WITH_FAULTS, several, PAST))


def raw(per_scrape: tuple[float, float], scrapes: int = 80) -> list[dict[str, Any]]:
    """Cumulative counters, scraped every 15 s."""
    told: list[dict[str, Any]] = [{"t": 0.0, "weight": 10}]
    for scrape in range(scrapes):
        for pod, role in (("c", "candidate"), ("s", "stable"), ("r", "stable")):
            counters: dict[str, float] = {'answers_total{outcome="good"}': 1000 * scrape}
            counters['gpu_faults_total{kind="xid"}'] = int(per_scrape[role == "stable"] * scrape)
            told.append({"t": 15.0 * scrape, "pod": pod, "role": role, "counters": counters})
    return told


def test_raw_counters_of_events_are_read_as_the_operator_reads_them() -> None:
    told = list(run(WITH_FAULTS, raw((2.0, 0.02))))
    assert next(one for one in told if one["action"] == "rollback")["blame"] == ["faults"]
    calm = list(run(WITH_FAULTS, raw((0.02, 0.02))))[-1]["slis"]["faults"]
    assert calm["e_harm"] < 1 < calm["e_safe"]


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"events": -1}, "pods[0].slis.faults.events is -1: write how many events there were, 0 or more."),
        (
            {"events": 1, "exposure": "long"},
            "pods[0].slis.faults.exposure is 'long': write for how many seconds the events were counted, 0 or more.",
        ),
        (
            {"events": 1, "exposure": 0},
            "pods[0].slis.faults: 1 events in no time; write the exposure in seconds, or leave it out.",
        ),
        (
            {"total": 10, "bad": 1},
            'pods[0].slis.faults has total, bad: write {"events": 1}, or {"events": 1, "exposure": 15.0}, because '
            "faults is a rate.",
        ),
        (
            7,
            'pods[0].slis.faults is 7: write {"events": 1}, or {"events": 1, "exposure": 15.0}, because faults is a '
            "rate.",
        ),
    ],
)
def test_events_that_are_wrong(told: Any, sentence: str) -> None:
    (line,) = with_faults(lines(looks=1), (0.0, 0.0))
    line["pods"][0]["slis"]["faults"] = told
    with pytest.raises(InputError) as error:
        Session(WITH_FAULTS).look(line)
    assert str(error.value) == f"line 1: {sentence}"


def test_a_plan_tells_the_time_that_events_need_and_their_rates_in_their_unit() -> None:
    told = plan(WITH_FAULTS, rps=50.0, history=PAST)
    text = "\n".join(said(told))
    (row,) = [one for one in told.rows if one.sli == "faults" and one.step == 1]
    assert 60 < row.needs < 4 * 3600
    assert plan(WITH_FAULTS, rps=5000.0, history=PAST).rows[1].needs == row.needs, "requests are none of its business"
    assert "faults: a candidate twice as bad as stable is not found: it has 23.8 per pod-hour beside 11.9" in text


def test_a_step_whose_events_need_more_than_max_hold_says_so_beforehand() -> None:
    short = {**WITH_FAULTS, "analysis": {"maxHold": "5m"}, "slis": [*SPEC["slis"], {**FAULTS, "perPodHour": 1}]}
    (first, *_) = plan(short, rps=5000.0, history=PAST).obstacles
    assert "faults counts events and needs about" in first
    assert "a larger perPodHour of faults" in first
