"""The benchmark end to end, small: the same seeds give the same page's numbers on any number of processes."""

from dataclasses import replace
from pathlib import Path

from benchmarks.statistics import guardrails, plots, report, run, tables
from benchmarks.statistics.cases import HOUR, QUICK, all_cases
from benchmarks.statistics.guardrails import Family
from benchmarks.statistics.methods import DEFAULTS, NO_MARGIN
from benchmarks.statistics.summary import rate, times

TINY = replace(QUICK, hour=4, day=1, power=4, kayenta=4, latency=2, latency_day=0)


def test_every_case_is_run_and_told_on_the_page(tmp_path: Path) -> None:
    cases = all_cases(TINY)
    assert len({case.key for case in cases}) == len(cases)
    # A day of one of each kind.
    hours = [case for case in cases if case.looks == HOUR]
    days = {case.section: case for case in cases if case.looks > HOUR}
    cases = [*hours, *days.values()]
    results = run.run(cases, 2, tell=lambda words: None)
    assert results.keys() == {case.key for case in cases}
    for case in cases:
        for method in case.asked:
            assert len(results[case.key][method].rollback) == case.runs, (case.key, method)
    page = report.page(results, Family(equal=[-1], one_of_six=[9], alone=[6], microseconds=40.0), "It took long.")
    for case in cases:
        assert case.name.removeprefix("stationary ") in page or case.section == "sweep", case.key
    plots.false_rollbacks(results, tmp_path / "one.png")
    plots.detection(results, tmp_path / "two.png")
    assert (tmp_path / "one.png").stat().st_size > 10_000
    assert (tmp_path / "two.png").stat().st_size > 10_000


def test_the_number_of_processes_and_what_else_is_run_change_nothing(tmp_path: Path) -> None:
    wanted = {("cells 2x", tables.BASE_NAME), ("A/A 1 h", "on/off bursts"), ("latency", "all x 1.2")}
    cases = [replace(case, chunk=4) for case in all_cases(TINY) if case.key in wanted]
    assert len(cases) == 3
    alone, together = run.run(cases[1:], 1, tell=lambda words: None), run.run(cases, 2, kept=tmp_path)
    for case in cases[1:]:
        for method in case.asked:
            assert (alone[case.key][method].rollback == together[case.key][method].rollback).all()
    # What was kept is found again, whole.
    again = run.run(cases, 1, kept=tmp_path, tell=lambda words: None)
    assert len(list(tmp_path.iterdir())) == 3
    assert all((again[key]["ours .05"].rollback == together[key]["ours .05"].rollback).all() for key in together)


def test_the_judge_keeps_its_rate_where_the_z_test_loses_it_and_finds_what_is_worse() -> None:
    wanted = {("A/A 1 h", "AR shocks 5 min"), ("cells 3x", tables.BASE_NAME)}
    cases = [case for case in all_cases(replace(TINY, hour=200, power=100)) if case.key in wanted]
    results = run.run(cases, 2, tell=lambda words: None)
    noisy = results["A/A 1 h", "AR shocks 5 min"]
    assert rate(noisy["ours .05"]).value <= 0.02
    assert rate(noisy["z .05"]).value > 0.4
    found = times(results["cells 3x", tables.BASE_NAME]["ours r=1 .05"].rollback, 240)
    assert found.power == 1
    assert found.median <= 90


def test_six_slis_of_an_equal_candidate_are_not_rolled_back_and_a_bad_one_is() -> None:
    assert guardrails._rolled_back(1, slis=6, ratio=1.0, sli=DEFAULTS) == -1
    assert 0 <= guardrails._rolled_back(1, slis=6, ratio=3.0, sli=NO_MARGIN) < 40
