"""Scores in a backtest: as increments by bucket, and as raw counters, as the operator reads them."""

import json
from itertools import accumulate
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.backtest import InputError, Session, run
from serinus.backtest.plan import plan
from serinus.cli.plan import said
from tests.backtest.counts import SPEC, lines, past
from tests.core.test_scores import LOWER, USUAL, drawn

QUALITY: dict[str, Any] = {"name": "quality", "histogram": {"metric": "answer_score", "worse": "lower"}}
WITH_SCORES = {**SPEC, "slis": [*SPEC["slis"], QUALITY], "workload": {"deployment": "chat", "replicas": 6}}
LE = [1, 2, 3, 4, "+Inf"]


def with_scores(several: Any, candidate: tuple[float, ...] = USUAL, part: float = 0.05) -> list[dict[str, Any]]:
    """The lines, in which such a part of all answers was judged."""
    random, told = Random(1), []
    for line in several:
        for pod in line["pods"]:
            n = round(part * pod["slis"]["answers"]["total"])
            law = candidate if pod["role"] == "candidate" else USUAL
            pod["slis"]["quality"] = {"le": LE, "counts": list(drawn(random, n, law))}
        told.append(line)
    return told


PAST = with_scores(past(minutes=60))


def steps(candidate: tuple[float, ...] = USUAL, looks: int = 60, part: float = 0.05) -> list[dict[str, Any]]:
    both = [*lines(looks=looks), *lines(looks=looks, weight=50, begin=15.0 * looks)]
    return with_scores(both, candidate, part)


def test_a_candidate_with_lower_scores_is_taken_back_on_them_and_an_equal_one_is_promoted() -> None:
    worse = next(one for one in run(WITH_SCORES, steps(LOWER), PAST) if one["action"] == "rollback")
    assert worse["blame"] == ["quality"]
    told = worse["slis"]["quality"]
    assert (told["verdict"], told["reason"]) == ("Fail", "Worse")
    equal = list(run(WITH_SCORES, steps(), PAST))
    assert equal[-1]["action"] == "promote", equal[-1]
    assert not any(one["action"] == "rollback" for one in equal)


@settings(max_examples=8, deadline=None)
@given(at=st.integers(0, 12))
def test_a_session_that_is_cut_anywhere_says_the_same(at: int) -> None:
    several = steps(LOWER, looks=6)
    before, after = (Session(WITH_SCORES, PAST) for _ in range(2))
    told = [before.look(line) for line in several[:at]]
    after.restore(json.loads(json.dumps(before.state())))
    told += [after.look(line) for line in several[at:]]
    assert told == list(run(WITH_SCORES, several, PAST))


def raw(candidate: tuple[float, ...], scrapes: int = 60) -> list[dict[str, Any]]:
    """Cumulative buckets, scraped every 15 s."""
    random = Random(2)
    told: list[dict[str, Any]] = [{"t": 0.0, "weight": 33}]
    shown = {pod: [0.0] * 5 for pod in ("c", "s", "r")}
    for scrape in range(scrapes):
        for pod, role in (("c", "candidate"), ("s", "stable"), ("r", "stable")):
            more = drawn(random, 60, candidate if pod == "c" else USUAL)
            shown[pod] = [old + new for old, new in zip(shown[pod], more, strict=True)]
            counters: dict[str, float] = {'answers_total{outcome="good"}': 1000 * scrape}
            for le, height in zip(LE, accumulate(shown[pod]), strict=True):
                counters[f'answer_score_bucket{{le="{le}"}}'] = height
            told.append({"t": 15.0 * scrape, "pod": pod, "role": role, "counters": counters})
    return told


def test_raw_buckets_are_read_as_the_operator_reads_them() -> None:
    told = list(run(WITH_SCORES, raw(LOWER)))
    low = next(one for one in told if one["action"] == "rollback")
    assert low["blame"] == ["quality"]
    calm = list(run(WITH_SCORES, raw(USUAL)))[-1]["slis"]["quality"]
    assert calm["e_harm"] < 1 < calm["e_safe"]
    higher = list(run(WITH_SCORES, raw((0.36, 0.38, 0.16, 0.07, 0.03))))
    assert any(one["blame"] == ["quality"] for one in higher), "low buckets are the bad ones"


FORM = '{"le": [1, 2, 3, 4, "+Inf"], "counts": [3, 7, 16, 38, 36]}, because quality is scores'


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"total": 10, "bad": 1}, f"pods[0].slis.quality has total, bad: write {FORM}."),
        (7, f"pods[0].slis.quality is 7: write {FORM}."),
        ({"schema": 3, "offset": 0, "counts": [1]}, f"pods[0].slis.quality has schema, offset, counts: write {FORM}."),
        (
            {"le": [1, "+Inf"], "counts": [-1, 2]},
            "pods[0].slis.quality.counts[0] is -1: write how many requests fell into this bucket alone (not those below"
            " it), 0 or more.",
        ),
        ({"le": [2, 1, "+Inf"], "counts": [1, 2, 3]}, "pods[0].slis.quality.le is not in ascending order."),
    ],
)
def test_scores_that_are_wrong(told: Any, sentence: str) -> None:
    (line,) = with_scores(lines(looks=1))
    line["pods"][0]["slis"]["quality"] = told
    with pytest.raises(InputError) as error:
        Session(WITH_SCORES).look(line)
    assert str(error.value) == f"line 1: {sentence}"


def test_raw_buckets_that_shrink_are_refused_by_the_bounds_that_they_were_scraped_with() -> None:
    weight, first = raw(USUAL, scrapes=1)[:2]
    first["counters"] = {f'answer_score_bucket{{le="{le}"}}': n for le, n in zip(LE, (5, 4, 4, 4, 9), strict=True)}
    session = Session(WITH_SCORES)
    session.look(weight)
    with pytest.raises(InputError) as error:
        session.look(first)
    assert "line 2: counters: the histogram of quality shrinks: 5 up to 1, and 4 up to 2;" in str(error.value)


def test_a_plan_counts_as_many_scores_as_were_judged_in_the_past() -> None:
    told = plan(WITH_SCORES, rps=50.0, history=PAST)
    (row,) = [one for one in told.rows if one.sli == "quality" and one.step == 1]
    twentieth = plan({**WITH_SCORES, "slis": [QUALITY]}, rps=2.5, history=[only_scores(line) for line in PAST])
    assert row.needs == pytest.approx(twentieth.rows[0].needs, rel=0.1)
    assert row.found is None or row.found > 1.1
    assert any("quality" in line for line in said(told))


def only_scores(line: dict[str, Any]) -> dict[str, Any]:
    pods = [{**pod, "slis": {"quality": pod["slis"]["quality"]}} for pod in line["pods"]]
    return {**line, "pods": pods}
