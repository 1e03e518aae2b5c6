"""Wrong input gets one sentence with the number of its line."""

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest

from serinus.backtest import InputError, Session, run
from tests.backtest.counts import BOTH, SPEC, lines, raw

Change = Callable[[dict[str, Any]], object]


def counts(**fields: Any) -> Change:
    return lambda line: line["pods"][1]["slis"].__setitem__("answers", fields)


def histogram(**fields: Any) -> Change:
    return lambda line: line["pods"][1]["slis"].__setitem__("latency", fields)


def pod(**fields: Any) -> Change:
    return lambda line: line["pods"][1].update(fields)


def line(**fields: Any) -> Change:
    return lambda given: given.update(fields)


def without(name: str) -> Change:
    return lambda given: given["pods"][1].pop(name)


LE = [0.5, 2.5, "+Inf"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (line(t=15.0), "t is 15, and the line before was of 15: sort the lines by time, each time once."),
        (line(t=math.nan), "t is nan: write a time in seconds, such as 15.0."),
        (line(t="15"), "t is '15': write a time in seconds, such as 15.0."),
        (line(weight=120), "weight is 120: write the candidate's share in whole percent, 0 to 100."),
        (line(weight=10.5), "weight is 10.5: write the candidate's share in whole percent, 0 to 100."),
        (line(wanted=-1), "wanted is -1: write the candidate's share in whole percent, 0 to 100."),
        (line(step=9), "step is 9: write a step of the spec, 1 to 2, 0 before the first, 3 for the promotion."),
        (line(provider="up"), "provider is 'up': write ok, down or partial."),
        (line(wieght=10), "wieght is no field here: did you mean weight?"),
        (line(pods={}), "pods is {}: write a list of pods, [] where none was scraped."),
        (line(pods=[7]), "pods[0] is 7: write a pod as {pod, role, slis}."),
        (
            line(budget={}),
            "budget: the spec has no errorBudget; write one, such as {objective: 99.9%, window: 30d}.",
        ),
        (pod(role="canary"), "pods[1].role is 'canary': write stable, candidate, baseline."),
        (without("role"), "pods[1].role is missing: write stable, candidate, baseline."),
        (pod(role=["stable"]), "pods[1].role is ['stable']: write stable, candidate, baseline."),
        (pod(pod=""), "pods[1].pod is '': write the pod's name."),
        (pod(ready=3), "pods[1].ready is no field here: did you mean readySince?"),
        (pod(pod="candidate-0"), "pods[1]: candidate-0 is listed twice; add up its counts, or name the pods apart."),
        (pod(to=15.0), "pods[1]: its window ends at 15 and begins at 15; write from before to."),
        (
            {"from": 3.0},
            "pods[1].from is 3, and the last window of candidate-1 ended at 15: windows of one pod may not overlap, "
            "what lies in both would count twice.",
        ),
        (pod(readySince="now"), "pods[1].readySince is 'now': write a time in seconds, or leave it out."),
        (pod(restarts=-1), "pods[1].restarts is -1: write how often so far, 0 or more."),
        (pod(slis=[]), "pods[1].slis is []: write counts by SLI, {} where none was read."),
        (pod(slis={"errors": {}}), "pods[1].slis.errors: the spec has no SLI errors; it has answers, latency."),
        (counts(total=-5, bad=0), "pods[1].slis.answers.total is -5: write how many requests there were, 0 or more."),
        (counts(total=5, bad=-1), "pods[1].slis.answers.bad is -1: write how many requests were bad, 0 or more."),
        (
            counts(total=math.nan, bad=0),
            "pods[1].slis.answers.total is nan: write how many requests there were, 0 or more.",
        ),
        (
            counts(total=math.inf, bad=0),
            "pods[1].slis.answers.total is inf: write how many requests there were, 0 or more.",
        ),
        (counts(total=5, bad=7), "pods[1].slis.answers: 7 bad of 5 requests; bad is at most total."),
        (
            counts(total=5),
            'pods[1].slis.answers has total: write {"total": 1500, "bad": 14}, because answers is a ratio.',
        ),
        (
            pod(slis={"answers": 7}),
            'pods[1].slis.answers is 7: write {"total": 1500, "bad": 14}, because answers is a ratio.',
        ),
        (
            counts(le=LE, counts=[1, 2, 3]),
            'pods[1].slis.answers has le, counts: write {"total": 1500, "bad": 14}, because answers is a ratio.',
        ),
        (
            counts(total=3, bad=0, exposure=9),
            'pods[1].slis.answers has total, bad, exposure: write {"total": 1500, "bad": 14}, because answers is a '
            "ratio.",
        ),
        (
            counts(both=1, candidateOnly=0, baselineOnly=2, neither=97),
            "pods[1].slis.answers: paired (shadow) counts are not judged yet; a ratio {total, bad}, a histogram "
            "{le, counts} and a rate {events} are.",
        ),
        (
            histogram(schema=9, offset=0, counts=[1]),
            "pods[1].slis.latency.schema is 9: write a schema of Prometheus, -4 to 8.",
        ),
        (
            histogram(schema=3, offset=0.5, counts=[1]),
            "pods[1].slis.latency.offset is 0.5: write the index of the first bucket in counts.",
        ),
        (
            histogram(schema=3, offset=0, counts=7),
            "pods[1].slis.latency.counts is 7: write a list of counts, one for each bucket.",
        ),
        (
            histogram(schema=3, offset=0, counts=[1, -1]),
            "pods[1].slis.latency.counts[1] is -1: write how many requests fell into this bucket alone (not those "
            "below it), 0 or more.",
        ),
        (
            histogram(le=LE, counts=[1, -2, 3]),
            "pods[1].slis.latency.counts[1] is -2: write how many requests fell into this bucket alone (not those "
            "below it), 0 or more.",
        ),
        (
            histogram(le=LE, counts=[1, 2]),
            "pods[1].slis.latency: write le and counts as two lists of the same length, at least two buckets.",
        ),
        (
            histogram(le=[0.5, 2.5, 10], counts=[1, 2, 3]),
            'pods[1].slis.latency.le ends with 10: the last bucket is "+Inf".',
        ),
        (
            histogram(le=[2.5, 0.5, "+Inf"], counts=[1, 2, 3]),
            "pods[1].slis.latency.le is not in ascending order.",
        ),
        (
            histogram(le=[0.5, 2, 3, 9, "+Inf"], counts=[1, 2, 3, 0, 0]),
            "pods[1].slis.latency.le has no bucket at 2.5s, the objective of the spec; the nearest are 0.5s, 2s, 3s: "
            "write one of these in the spec.",
        ),
    ],
)
def test_increments_that_are_wrong(change: Any, sentence: str) -> None:
    several = list(lines(looks=2))
    (pod(**change) if isinstance(change, dict) else change)(several[1])
    session = Session(BOTH)
    session.look(several[0])
    before = session.state()
    with pytest.raises(InputError) as error:
        session.look(several[1])
    assert (str(error.value), error.value.line) == (f"line 2: {sentence}", 2)
    assert session.state() == before
    with pytest.raises(InputError, match=r"history, line 2: "):
        Session(BOTH, several)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"t": 1.0, "weight": 10, "counters": {}}, "weight is no field here: there are counters, pod, readySince,"),
        ({"t": 1.0, "pod": "a", "role": "stabel", "counters": {}}, "role is 'stabel': write stable, candidate"),
        ({"t": 1.0, "pod": 7, "role": "stable", "counters": {}}, "pod is 7: write the pod's name."),
        ({"t": 1.0, "pod": "a", "role": "stable", "counters": [1]}, "counters is [1]: write values by series,"),
        ({"answers_total": -1}, "counters: answers_total is -1: write what the counter shows, 0 or more."),
        ({"answers_total": math.nan}, "counters: answers_total is nan: write what the counter shows, 0 or more."),
        ({"requests_total": 1}, "counters: the spec does not read requests_total; it reads answer_seconds_bucket, "),
        ({"answers_total{x=1}": 1}, "counters: 'answers_total{x=1}' is no series: write it as http_requests_total{"),
        ({"answers total": 1}, "counters: 'answers total' is no series: write it as "),
        ({"answer_seconds_bucket": 1}, "counters: 'answer_seconds_bucket' needs the bound of its bucket, such as le="),
        (
            {'answer_seconds_bucket{le="0.5"}': 8, 'answer_seconds_bucket{le="+Inf"}': 7},
            "counters: the histogram of latency shrinks: 8 up to 0.5, and 7 up to +Inf; buckets of raw samples are",
        ),
        ({"t": -1.0, "weight": 10}, "t is -1, and a line before was of 0: weights come in order of time."),
        ({"t": 1.0, "weight": 10, "rps": 5}, "rps is no field here: there are provider, step, t, wanted, weight."),
        ({"t": 1.0, "weight": 10, "pods": []}, "increments and raw samples do not go together; put them into files"),
        ({"t": 1.0}, "a line has pods (increments), counters (a raw sample) or only a weight; this one has t."),
        ([1, 2], 'a line is an object, such as {"t": 15.0, "weight": 10, "pods": [...]}.'),
    ],
)
def test_raw_samples_that_are_wrong(given: Any, sentence: str) -> None:
    if isinstance(given, dict) and "t" not in given:
        given = {"t": 1.0, "pod": "a", "role": "stable", "counters": given}
    session = Session(BOTH)
    session.look({"t": 0.0, "weight": 10})
    with pytest.raises(InputError) as error:
        session.look(given)
    assert str(error.value).startswith(f"line 2: {sentence}")


def test_forms_do_not_mix() -> None:
    session = Session(SPEC)
    session.look(next(lines()))
    for other in raw()[:2]:
        with pytest.raises(InputError, match="line 2: increments and raw samples do not go together"):
            session.look(other)
    with pytest.raises(InputError, match="history, line 2: a history is either"):
        Session(SPEC, [next(lines()), raw()[1]])
    with pytest.raises(InputError, match="history, line 1: a line is an object"):
        Session(SPEC, ["x"])


def test_a_weight_may_not_change_in_time_that_is_judged() -> None:
    several = raw(scrapes=6)
    with pytest.raises(InputError, match=r"line 38: t is 20, and a line before was of 75"):
        list(run(SPEC, [*several, {"t": 20.0, "weight": 50}]))


def test_labels_are_matched_as_prometheus_does() -> None:
    ratio = {
        "total": {"metric": "n_total", "matchers": [{"label": "path", "notMatches": "/health.*"}]},
        "bad": {"metric": "n_total", "matchers": [{"label": "code", "matches": "5.."}, {"label": "a", "equals": ""}]},
    }
    rollout = {**SPEC, "slis": [{"name": "answers", "ratio": ratio}], "rollback": {"drain": "0s"}}
    counters = [
        ('n_total{code="200",path="/"}', 90),
        ('n_total{code="503", path="/x\\"y,"}', 10),
        ('n_total{code="503",path="/healthz"}', 1000),
        ('n_total{code="5030",path="/"}', 50),
        ('n_total{a="b",code="500",path="/"}', 50),
    ]
    given: list[dict[str, Any]] = [{"t": 0.0, "weight": 10}]
    for scrape in range(6):
        for name, role in (("c", "candidate"), ("s", "stable")):
            shown = {series: each * scrape for series, each in counters}
            given.append({"t": 15.0 * scrape, "pod": name, "role": role, "counters": shown})
    told = list(run(rollout, given, ci=True))[-1]["slis"]["answers"]
    # 200 and 1010 requests, of which 10 and 1010 are bad, are too much: the /healthz are no part of the total.
    assert told["n"] == 4 * 2 * 200


def test_a_spec_that_is_wrong_is_told_as_the_api_tells_it() -> None:
    wrong = copy.deepcopy(SPEC)
    wrong["slis"][0]["objective"] = "199%"
    with pytest.raises(InputError, match=r"spec\.slis\[0\]\.objective") as error:
        Session(wrong)
    assert error.value.line is None
