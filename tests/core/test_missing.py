"""Metrics that do not have what the spec asks for: which of them, and what to do about it."""

from dataclasses import replace
from math import inf

import pytest

from serinus.core import missing, trial
from serinus.core.evidence import Finding, Role, Verdict
from serinus.core.noise import no_history
from serinus.core.questions import Arms, HistogramSource, Matcher, Measurement, RateSource, RatioSource
from serinus.core.questions import Series as Selected
from serinus.core.samples import Buffer, Series
from tests.core.test_trial import ERRORS, LATENCY, question

LATE = 2000.0


def edges(*bounds: float) -> dict[tuple[str, str, str | float, tuple[tuple[str, str], ...]], Buffer]:
    return {("a", "latency", bound, ()): Buffer(first=0.0, times=(0.0,), values=(0.0,)) for bound in bounds}


def test_an_objective_without_a_bucket_of_its_own_is_said_with_the_nearest_on_both_sides() -> None:
    (said,) = missing.found(edges(0.5, 1.0, 2.0, 5.0, 10.0, 20.0, inf), question(), LATE)
    assert "no bucket at 2.5s" in said.sentence
    assert "1s, 2s, 5s, 10s" in said.sentence


def test_the_nearest_buckets_are_told_in_seconds_whatever_the_metrics_unit() -> None:
    source = HistogramSource(histogram=Selected(metric="time"), seconds_per_unit=0.001)
    asked = question(
        slis=(replace(LATENCY, edge=2500.0),),
        measurements=(Measurement(sli="latency", arms=Arms.CLUSTER, source=source),),
    )
    (said,) = missing.found(edges(1000.0, 5000.0, inf), asked, LATE)
    assert "no bucket at 2.5s" in said.sentence
    assert "1s, 5s" in said.sentence


def test_a_bucket_that_is_there_up_to_rounding_is_there() -> None:
    asked = question(slis=(replace(LATENCY, edge=0.1 + 0.2),))
    assert missing.found(edges(0.3, inf), asked, LATE) == ()


def test_before_any_sample_nothing_is_missing() -> None:
    assert missing.found({}, question(), 1000.0) == ()


def test_a_latency_without_an_objective_needs_no_bucket() -> None:
    asked = question(slis=(replace(LATENCY, edge=None),))
    assert missing.found(edges(0.5, inf), asked, LATE) == ()


SERVED = Measurement(
    sli="errors",
    arms=Arms.POD,
    source=RatioSource(
        total=Selected(metric="served_total", matchers=(Matcher(label="model", op="=", value="chat"),)),
        bad=Selected(metric="served_total", matchers=(Matcher(label="code", op="=~", value="5.."),)),
    ),
)
BOTH = question(slis=(LATENCY, ERRORS), measurements=(*question().measurements, SERVED))


def test_a_metric_that_nobody_has_is_named_with_its_matchers_once_there_was_time_to_see_it() -> None:
    latency = edges(2.5, inf)
    assert missing.found(latency, BOTH, 1000.0 + 30 + 39) == ()
    (said,) = missing.found(latency, BOTH, 1000.0 + 30 + 40)
    assert (said.sli, said.reason) == ("errors", "NoSeries")
    assert 'Prometheus has no series served_total{model="chat"} of any pod' in said.sentence
    (said,) = missing.found({}, question(), LATE)
    assert "no series request_seconds_bucket of any pod" in said.sentence


def test_a_counter_of_events_that_no_pod_shows_is_missing_and_not_zero() -> None:
    faults = Measurement(sli="latency", arms=Arms.POD, source=RateSource(events=Selected(metric="faults_total")))
    (said,) = missing.found({}, question(measurements=(faults,)), LATE)
    assert said.reason == "NoSeries"
    assert "Prometheus has no series faults_total of any pod" in said.sentence


@pytest.mark.parametrize(("arms", "words"), [(Arms.WORKLOAD, "destination_workload"), (Arms.CLUSTER, "gateway")])
def test_where_a_mesh_or_a_gateway_counts_it_is_said_what_to_scrape(arms: Arms, words: str) -> None:
    asked = question(measurements=(replace(question().measurements[0], arms=arms),))
    (said,) = missing.found({}, asked, LATE)
    assert words in said.sentence


def test_the_sli_that_lacks_its_numbers_is_marked_and_a_fail_stays() -> None:
    lacking = missing.found(edges(1.0, inf), BOTH, LATE)
    passed, failed = (Finding(sli=name, verdict=verdict, reason="", sentence="") for name, verdict in (
        ("latency", Verdict.PASS), ("errors", Verdict.FAIL)))  # fmt: skip
    first, second = missing.marked([passed, failed], lacking)
    assert (first.verdict, first.reason) == (Verdict.NO_DATA, "NoBucketAtObjective")
    assert second == failed


def test_a_trial_without_any_series_says_so_although_no_look_was_ever_taken() -> None:
    begun = trial.begin(question(), no_history(question().slis))
    said = trial.measured(trial.absorb(begun, question(), (), LATE), question())
    assert said.verdict is Verdict.NO_DATA
    assert said.since == 1000.0
    assert "no series request_seconds_bucket" in said.sentence
    assert said.findings[0].reason == "NoSeries"


def test_one_pod_that_shows_the_metric_is_enough() -> None:
    times = tuple((at, 10 * at) for at in (1000.0, 1010.0, 1020.0))
    shown = [(Role.STABLE, Series(pod="a", sli="latency", part=edge, points=times)) for edge in (2.5, inf)]
    begun = trial.begin(question(), no_history(question().slis))
    said = trial.measured(trial.absorb(begun, question(), shown, LATE), question())
    assert "no series" not in said.sentence
