"""What the cluster benchmark of the judge makes of its trials: counted by hand here."""

from dataclasses import replace
from math import log

import pytest

from benchmarks.bursty import Counted
from benchmarks.judge import is_measured
from benchmarks.judged import ALLOWED_RATIO, ALPHA, FLOOR, Outcome, Traffic, Trial, cost, p90, share_of_stable, table
from benchmarks.statistics.bounds import information

HOST = "a.example.com"


def trial(version: str, *, factor: float = 1.0, outcome: Outcome = Outcome.PASSED, at: float = 100.0) -> Trial:
    """Ten seconds at 25 % and then ten at 50 %."""
    return Trial(
        host=HOST,
        version=version,
        factor=factor,
        history=True,
        outcome=outcome,
        weights=((at, 25), (at + 10, 50)),
        decided=at + 19.5,
        slis=({"name": "errors", "requests": "200/400"}, {"name": "http/latency", "requests": "0/0"}),
    )


def answers(version: str, *, since: int = 100, bad: int = 1) -> list[Counted]:
    """20 seconds of 40 answers, 10 of them by the candidate and then 20."""
    made = []
    for second in range(since, since + 20):
        candidate = 10 if second < since + 10 else 20
        made += [
            Counted(host=HOST, second=second, version=version, n=candidate, bad=0),
            Counted(host=HOST, second=second, version="stable", n=40 - candidate, bad=bad),
        ]
    return made


def test_a_line_of_the_load_is_read_as_it_was_written() -> None:
    one = Counted(host=HOST, second=7, version="", n=3, bad=3)
    assert Counted.of(one.line) == one


def test_stables_share_is_taken_while_a_candidate_is_on_trial_and_of_stable_alone() -> None:
    before = Counted(host=HOST, second=99, version="stable", n=1000, bad=1000)
    traffic = Traffic.of([before, *answers("v2")])
    assert share_of_stable([trial("v2")], traffic) == pytest.approx(20 / 500)


def test_requests_of_no_model_are_lost_and_belong_to_no_arm() -> None:
    traffic = Traffic.of([Counted(host=HOST, second=101, version="", n=3, bad=3), *answers("v2")])
    assert traffic.lost == 3
    assert cost(trial("v2", factor=2.0), traffic, 0.05).requests == 800


def test_the_bound_is_the_time_in_which_the_same_traffic_would_have_told_enough() -> None:
    found = cost(trial("v2", factor=2.0, outcome=Outcome.ROLLED_BACK), Traffic.of(answers("v2")), 0.05)
    told = 360 * information(0.1, 0.05, 0.25) + 440 * information(0.1, 0.05, 0.5)
    of_spec = 360 * information(0.1, 0.05, 0.25, ALLOWED_RATIO, FLOOR) + 440 * information(
        0.1, 0.05, 0.5, ALLOWED_RATIO, FLOOR
    )
    assert (found.seconds, found.requests, found.candidate) == (19.5, 800, 300)
    assert found.bound == pytest.approx(19.5 * log(1 / ALPHA) / told)
    assert found.bound_of_spec == pytest.approx(19.5 * log(1 / ALPHA) / of_spec)
    assert found.bound_of_spec > found.bound
    judged = 600 * information(0.1, 0.05, 200 / 600, ALLOWED_RATIO, FLOOR)
    assert found.judged == pytest.approx(judged / log(1 / ALPHA))


def test_a_trial_that_got_no_traffic_counts_neither_for_nor_against_the_judge() -> None:
    nothing = Trial(host=HOST, version="v3", factor=1.0, history=True, outcome=Outcome.FAILED)
    unasked = trial("v5", outcome=Outcome.UNDECIDED)
    traffic = Traffic.of([*answers("v2"), *answers("v4")])
    told = table([trial("v2"), trial("v4", outcome=Outcome.ROLLED_BACK), nothing, unasked], traffic)
    row = [cell.strip() for cell in told.splitlines()[2].split("|")[1:-1]]
    assert row == ["equal", "4", "1", "0.975", "1", "0", "2"], "it had its weight, and nobody asked it"


def test_no_trial_is_left_out_of_the_table() -> None:
    trials = [
        replace(trial(f"v{factor}-{history}"), factor=factor, history=history)
        for factor in (1.0, 2.0, 3.0)
        for history in (True, False)
    ]
    told = table(trials, Traffic.of(answers("v2"))).split("\n\n")[0].splitlines()[2:]
    assert len(told) == len(trials)
    assert len({line.split("|")[1] for line in told}) == len(trials)


def test_regressions_that_were_missed_are_told_beside_those_that_were_found() -> None:
    missed = trial("v3", factor=3.0, outcome=Outcome.UNDECIDED)
    found = trial("v2", factor=3.0, outcome=Outcome.ROLLED_BACK)
    told = table([found, missed], Traffic.of([*answers("v2"), *answers("v3")]))
    assert "| 1 of 2 |" in told.splitlines()[-1]
    assert "| 0 of 1 |" in table([missed], Traffic.of(answers("v3"))).splitlines()[-1].replace("  ", "")


def test_whether_noise_was_measured_is_what_the_operator_said() -> None:
    told = "If it is as good as stable, step 1 (25 %) takes about 4 min at 46.5 requests/s."
    assert is_measured({"forecast": {"message": told}})
    assert not is_measured({"forecast": {"message": f"{told} Stable's noise is assumed, which makes this slow."}})
    assert not is_measured({"forecast": {"message": "Stable has no requests, so no step can conclude."}})
    assert not is_measured({"forecast": {}}), "nothing was said"


def test_nine_tenths_do_not_exceed_the_p90() -> None:
    assert (p90([3.0, 1.0, 2.0]), p90([float(n) for n in range(1, 11)])) == (3.0, 9.0)
