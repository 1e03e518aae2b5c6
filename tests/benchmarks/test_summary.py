"""Limits, times and targets say what the decisions say, and all examples in the benchmark's words are true."""

import doctest
from importlib import import_module
from math import inf

import numpy as np
import pytest

from benchmarks.statistics import summary, tables
from benchmarks.statistics.run import Result
from benchmarks.statistics.summary import Rate

MODULES = ("bounds", "shocks", "summary", "peers.argo", "peers.flagger", "peers.minutes")


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_true(name: str) -> None:
    tried = doctest.testmod(import_module(f"benchmarks.statistics.{name}"))
    assert tried.attempted
    assert not tried.failed


def result(*looks: int) -> Result:
    return Result(np.array(looks, dtype=np.int64), np.full(len(looks), -1, dtype=np.int64))


def test_a_rate_counts_rollbacks_within_the_time_that_is_asked_about() -> None:
    assert summary.rate(result(3, -1, 240, 239)).hits == 3
    assert summary.rate(result(3, -1, 240, 239), within=240).hits == 2


def test_the_upper_limit_is_the_rate_at_which_so_few_hits_have_one_chance_in_twenty() -> None:
    limit = Rate(hits=2, runs=300).upper
    few = sum(
        np.exp(np.log(float(np.prod(range(300 - k + 1, 301)) / np.prod(range(1, k + 1)))))
        * limit**k
        * (1 - limit) ** (300 - k)
        for k in range(3)
    )
    assert few == pytest.approx(0.05, rel=1e-6)
    assert Rate(hits=5, runs=5).upper == 1.0


def test_times_run_from_the_onset_and_leave_out_what_was_rolled_back_before_it() -> None:
    told = summary.times(np.array([119, 120, 125, -1]), looks=240, onset=1800.0)
    assert told.early == 0.25
    assert told.power == pytest.approx(2 / 3)
    assert (told.median, told.p90) == (90.0, inf)
    assert told.mean == pytest.approx((15 + 90 + 1800) / 3)


def test_a_row_is_exceeded_only_where_its_upper_limit_is_above_alpha() -> None:
    results = {
        ("A/A 1 h", "calm"): {"ours .05": result(*[-1] * 1000)},
        ("A/A 1 h", "wild"): {"ours .05": result(*[1] * 60, *[-1] * 940)},
        ("A/A 24 h", "later"): {"ours .05": result(*[1] * 1000)},
    }
    assert [name for name, *_ in tables.exceeded(results, ["A/A 1 h"], 0.05, "ours .05")] == ["wild (1 h)"]
