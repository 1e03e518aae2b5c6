"""What every method in `core/stats` must keep, whatever it is: one entry here for each file there."""

import math
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import pytest

from serinus.core import stats
from serinus.core.stats import (
    components,
    draws,
    innovations,
    merging,
    one_proportion,
    onset,
    pods,
    poisson,
    ratio_interval,
    slowing,
    stochastic_order,
    two_proportion,
    worsening,
)

Weighted = tuple[float, float]
"""Probability of an outcome under the truth, and its e-value."""


@dataclass(frozen=True)
class Method:
    """An e-value and the points of its null on which its mean is enumerated exactly."""

    name: str
    empty: Callable[[], float]
    """Its value when nothing was observed."""
    worse: Callable[[int], float]
    """Its log at ever worse outcomes."""
    outcomes: Callable[[], Iterator[list[Weighted]]]
    """For each point of the null and each alternative: all outcomes."""


def choose(n: int, x: int, p: float) -> float:
    return math.comb(n, x) * p**x * (1 - p) ** (n - x)


def one_outcomes() -> Iterator[list[Weighted]]:
    n = 12
    for bound, a in product((0.01, 0.2, 0.5), (0.02, 0.3, 0.9)):
        for p in (bound, bound * 0.7):
            if a > bound:
                yield [(choose(n, x, p), math.exp(one_proportion.log_e_value(x, n, a, bound))) for x in range(n + 1)]


def two_outcomes() -> Iterator[list[Weighted]]:
    n1, n0 = 4, 7
    for ratio, floor in product((1.0, 1.2, 3.0), (0.0, 0.005, 0.1)):
        for p0, a0, odds in product((0.0, 0.01, 0.15, 0.28), (1e-5, 0.05, 0.25), (1.5, 20.0)):
            line = ratio * a0 + floor
            a1 = one_proportion.with_odds(line, odds)
            for p1 in (ratio * p0 + floor, 0.6 * (ratio * p0 + floor)):
                yield two_all(n1, n0, p1, p0, a1, a0, ratio, floor)


def safe_outcomes() -> Iterator[list[Weighted]]:
    n1, n0 = 4, 7
    for ratio, floor in product((1.5, 2.0), (0.005, 0.1)):
        for p0, a0, like in product((0.0, 0.01, 0.15, 0.3), (1e-5, 0.05, 0.3), (0.6, 1.0)):
            line = ratio * p0 + floor
            for p1 in (line, min(1.0, 1.3 * line)):
                yield two_all(n1, n0, p1, p0, like * a0, a0, ratio, floor)


def two_all(n1: int, n0: int, p1: float, p0: float, a1: float, a0: float, ratio: float, floor: float) -> list[Weighted]:
    return [
        (
            choose(n1, x1, p1) * choose(n0, x0, p0),
            math.exp(two_proportion.log_e_value(x1, n1, x0, n0, a1, a0, ratio, floor)),
        )
        for x1, x0 in product(range(n1 + 1), range(n0 + 1))
    ]


def multinomials(n: int, law: tuple[float, ...]) -> Iterator[tuple[float, tuple[int, ...]]]:
    for counts in product(range(n + 1), repeat=len(law)):
        if sum(counts) == n:
            ways = math.factorial(n)
            for count in counts:
                ways //= math.factorial(count)
            yield ways * math.prod(p**count for p, count in zip(law, counts, strict=True)), counts


def moved(law: tuple[float, ...], rows: stochastic_order.Rows) -> tuple[float, ...]:
    """The law after each bucket went where `rows` send it."""
    return tuple(
        sum(share * part for share, row in zip(law, rows, strict=True) for to, part in row if to == j)
        for j in range(len(law))
    )


def order_outcomes() -> Iterator[list[Weighted]]:
    edges = (1.0, 2.0, math.inf)
    laws = ((0.6, 0.3, 0.1), (0.2, 0.5, 0.3), (0.1, 0.1, 0.8), (1 / 3, 1 / 3, 1 / 3))
    for factor, truth, a0, a1 in product((1.0, 1.3, 2.5), laws[:3], laws[:2], (laws[1], laws[2], (0.55, 0.2, 0.25))):
        rows = slowing.rows(edges, a0, factor)
        line = moved(truth, rows)
        slow = stochastic_order.positive(moved(a0, rows))
        bet = stochastic_order.regress(a1, slow)
        faster = (line[0] + line[1] / 2, line[1] / 2, line[2])
        for p1 in (line, faster):
            yield [
                (w1 * w0, math.exp(stochastic_order.log_e_value(x1, x0, bet, rows)))
                for (w1, x1), (w0, x0) in product(multinomials(3, p1), multinomials(3, truth))
            ]


def score_outcomes() -> Iterator[list[Weighted]]:
    """Scores from the best bucket to the worst, of a candidate as low as it may be and of one that is less so."""
    laws = ((0.6, 0.3, 0.1), (0.2, 0.5, 0.3), (1 / 3, 1 / 3, 1 / 3))
    for (odds, floor), truth, a0, tilt in product(((1.0, 0.0), (1.3, 0.01), (2.0, 0.1)), laws, laws[:2], (0.2, 1.0)):
        rows = worsening.rows(a0, odds, floor)
        line = moved(truth, rows)
        low = stochastic_order.positive(worsening.worsened(a0, odds, floor))
        bet = stochastic_order.regress(
            stochastic_order.positive([p * math.exp(tilt * at) for at, p in enumerate(low)]), low
        )
        better = (line[0] + line[1] / 2, line[1] / 2, line[2])
        for p1 in (line, better):
            yield [
                (w1 * w0, math.exp(stochastic_order.log_e_value(x1, x0, bet, rows)))
                for (w1, x1), (w0, x0) in product(multinomials(3, p1), multinomials(3, truth))
            ]


def balanced_outcomes() -> Iterator[list[Weighted]]:
    """Looks whose share of the candidate is another than the one that the factors are made for."""
    edges, truth = (1.0, 2.0, math.inf), (0.6, 0.3, 0.1)
    rows = slowing.rows(edges, truth, 1.2)
    bet = stochastic_order.regress((0.3, 0.4, 0.3), stochastic_order.positive(moved(truth, rows)))
    for n1, n0 in ((1, 4), (3, 2), (4, 3)):
        w, part1, part0 = stochastic_order.balance(n1, n0)
        of1, of0 = stochastic_order.log_factors(bet, w, rows)
        yield [
            (
                w1 * w0,
                math.exp(
                    sum(part1 * x * of for x, of in zip(x1, of1, strict=True))
                    + sum(part0 * x * of for x, of in zip(x0, of0, strict=True))
                ),
            )
            for (w1, x1), (w0, x0) in product(multinomials(n1, moved(truth, rows)), multinomials(n0, truth))
        ]


def draw_outcomes() -> Iterator[list[Weighted]]:
    """Two looks of a coin whose side is known but for one of three draws, bet on with one alternative."""
    chances, sides = (0.7, 0.2, 0.1), (0.5, 0.55, 0.7)
    told: list[Weighted] = []
    for tosses in product((0, 1), repeat=4):
        known: tuple[float, ...] = chances
        total = 0.0
        for heads in tosses:
            logs = [math.log((0.8 if heads else 0.2) / (side if heads else 1 - side)) for side in sides]
            log_e, known = draws.weigh(logs, known)
            total += log_e
        likely = sum(
            chance * math.prod(side if heads else 1 - side for heads in tosses)
            for chance, side in zip(chances, sides, strict=True)
        )
        told.append((likely, math.exp(total)))
    yield told


def few(mean: float) -> list[tuple[float, int]]:
    """All that a Poisson count of a small mean can be, but for one in 1e12."""
    return [(math.exp(-mean) * mean**x / math.factorial(x), x) for x in range(40)]


def poisson_outcomes() -> Iterator[list[Weighted]]:
    """Harm on the line and below it, and safe on the line and above it, however far the rates are from what was bet."""
    n1, n0 = 0.5, 2.0
    for ratio, floor, m0, a0 in product((1.0, 3.0), (0.0, 1.0), (0.0, 0.4, 2.0), (0.01, 1.0)):
        for times, off in ((1.25, 1.0), (3.0, 1.0), (3.0, 0.6), (0.6, 1.0), (0.9, 1.5)):
            m1 = off * (ratio * m0 + floor)
            a1 = times * (ratio * a0 + floor)
            yield [
                (w1 * w0, math.exp(poisson.log_e_value(x1, n1, x0, n0, a1, a0, ratio, floor)))
                for (w1, x1), (w0, x0) in product(few(n1 * m1), few(n0 * m0))
            ]
    for bound, times, mean in product((0.5, 3.0), (1.25, 4.0), (0.6, 1.0)):
        yield [
            (weight, math.exp(poisson.log_e_value_of_one(x, n1, times * bound, bound)))
            for weight, x in few(n1 * mean * bound)
        ]


def onset_outcomes() -> Iterator[list[Weighted]]:
    """Five looks of a fair coin, bet on with two stakes."""
    for tosses in [list(product((0, 1), repeat=5))]:
        told = []
        for heads in tosses:
            state = onset.begin(2)
            for head in heads:
                state = onset.advance(state, [math.log(1.5 if head else 0.5), math.log(1.9 if head else 0.1)])
            told.append((0.5**5, math.exp(onset.log_value(state, (0.7, 0.3)))))
        yield told


def lottery_outcomes() -> Iterator[list[Weighted]]:
    """With probability delta the evidence is without bound; else it is an e-value."""
    for delta, cap in product((0.001, 0.01), (20.0, 300.0)):
        log_cap = math.log(cap)
        yield [
            (delta, math.exp(pods.capped(1e6, log_cap, delta))),
            ((1 - delta) / 2, math.exp(pods.capped(math.log(1.9), log_cap, delta))),
            ((1 - delta) / 2, math.exp(pods.capped(math.log(0.1), log_cap, delta))),
        ]


def average_outcomes() -> Iterator[list[Weighted]]:
    """Two coins that always agree."""
    yield [(0.5, merging.average([1.8, 1.5])), (0.5, merging.average([0.2, 0.5]))]


def interval_outcomes() -> Iterator[list[Weighted]]:
    """The mean over the grid of L(r)/L(truth), one look with three bad requests, for every ratio of the grid."""
    n1, n0, m = 30.0, 70.0, 3
    for j in range(0, len(ratio_interval.RATIOS), 8):
        theta = ratio_interval.RATIOS[j] * n1 / (ratio_interval.RATIOS[j] * n1 + n0)
        told = []
        for x in range(m + 1):
            curve = ratio_interval.advance(ratio_interval.begin(), x, n1, m - x, n0)
            told.append((choose(m, x, theta), sum(math.exp(value - curve[j]) for value in curve) / len(curve)))
        yield told


LASTS = components.Components(white=0.0, slow=((300.0, 0.4), (math.inf, 0.04)), usual=0.05)
MANY = 1e12
"""Requests, so that bad ones are drawn as if with replacement."""


def innovation(x: float, m: float, ratio: float, white: float = 0.0) -> float:
    """log e of one look with `x` of `m` bad requests in the candidate's tenth."""
    noise = components.Components(white=white, slow=LASTS.slow, usual=0.05)
    seen = innovations.Seen(x1=x, n1=0.1 * MANY, x0=m - x, n0=0.9 * MANY, pods1=2, pods0=18, seconds=15.0)
    before = innovations.begin(2, noise, 2, 18)
    return innovations.advance(before, noise, seen, (1.0, ratio), 75 / MANY, (1.0,))[1][0]


def innovation_outcomes() -> Iterator[list[Weighted]]:
    """All that `m` bad requests can be, under the null's own prediction."""
    for m, ratio, white in product((1, 5, 30), (1.25, 3.0, 30.0), (0.0, 0.3)):
        slow = sum(innovations._variances(LASTS, 2, 18))
        jumps = innovations._short(
            components.Components(white=white, slow=LASTS.slow, usual=0.05),
            innovations.Seen(x1=0, n1=0.1 * MANY, x0=m, n0=0.9 * MANY, pods1=2, pods0=18, seconds=15.0),
            75 / MANY,
        )[0]
        yield [
            (
                math.comb(m, x) * math.exp(innovations.log_chance(x, m, 0.1, slow + jumps)),
                math.exp(innovation(x, m, ratio, white)),
            )
            for x in range(m + 1)
        ]


METHODS = [
    Method("innovations", lambda: innovation(0, 0, 3.0), lambda x: innovation(x, 100, 3.0), innovation_outcomes),
    Method(
        "one_proportion",
        lambda: one_proportion.log_e_value(0, 0, 0.2, 0.1),
        lambda x: one_proportion.log_e_value(x, 100, 0.2, 0.1),
        one_outcomes,
    ),
    Method(
        "two_proportion",
        lambda: two_proportion.log_e_value(0, 0, 0, 100, 0.2, 0.1),
        lambda x: two_proportion.log_e_value(x, 100, 5, 100, 0.2, 0.1),
        two_outcomes,
    ),
    Method(
        "two_proportion",
        lambda: two_proportion.log_e_value(0, 10, 0, 0, 0.1, 0.1, 2.0, 0.005),
        lambda x: two_proportion.log_e_value(100 - x, 100, 5, 100, 0.1, 0.1, 2.0),
        safe_outcomes,
    ),
    Method(
        "draws",
        lambda: draws.weigh((0.0, 0.0), (0.9, 0.1))[0],
        lambda x: draws.weigh((x / 10, x / 20), (0.9, 0.1))[0],
        draw_outcomes,
    ),
    Method(
        "poisson",
        lambda: poisson.log_e_value(0, 0, 0, 100.0, 2.0, 0.1),
        lambda x: poisson.log_e_value(x, 10.0, 5, 100.0, 2.0, 0.1, 1.5, 0.5),
        poisson_outcomes,
    ),
    Method(
        "stochastic_order",
        lambda: stochastic_order.log_e_value((0, 0), (0, 0), stochastic_order.regress((0.5, 0.5), (0.8, 0.2))),
        lambda x: stochastic_order.log_e_value(
            (100 - x, x), (70, 30), stochastic_order.regress((0.4, 0.6), (0.7, 0.3))
        ),
        balanced_outcomes,
    ),
    Method(
        "stochastic_order",
        lambda: stochastic_order.log_e_value((0, 0), (5, 5), stochastic_order.regress((0.5, 0.5), (0.8, 0.2))),
        lambda x: stochastic_order.log_e_value(
            (100 - x, x), (80, 20), stochastic_order.regress((0.5, 0.5), (0.8, 0.2))
        ),
        order_outcomes,
    ),
    Method(
        "stochastic_order",
        lambda: stochastic_order.log_e_value((0, 0), (5, 5), stochastic_order.regress((0.5, 0.5), (0.8, 0.2))),
        lambda x: stochastic_order.log_e_value(
            (100 - x, x),
            (80, 20),
            stochastic_order.regress((0.4, 0.6), worsening.worsened((0.8, 0.2), 1.1)),
            worsening.rows((0.8, 0.2), 1.1),
        ),
        score_outcomes,
    ),
    Method(
        "onset",
        lambda: onset.log_value(onset.begin(1), (1.0,)),
        lambda x: onset.log_value(onset.advance(onset.begin(1), [float(x)]), (1.0,)),
        onset_outcomes,
    ),
    Method("pods", lambda: 0.0, lambda x: pods.capped(float(x), 200.0, 1e-9), lottery_outcomes),
    Method(
        "merging",
        lambda: math.log(merging.average([])),
        lambda x: math.log(merging.average([1.0, float(x + 1)])),
        average_outcomes,
    ),
    Method(
        "ratio_interval",
        lambda: max(ratio_interval.begin()),
        lambda x: (
            ratio_interval.interval(ratio_interval.advance(ratio_interval.begin(), x + 9, 1000, 20, 1000), 0.05)[1]
            or 0.0
        ),
        interval_outcomes,
    ),
]
NOT_EVIDENCE = {"components", "dispersion", "slowing", "worsening"}
"""Methods that measure, tested in their own file."""


def test_every_method_has_its_entry() -> None:
    files = {module.name for module in pkgutil.iter_modules(stats.__path__)}
    assert files == {method.name for method in METHODS} | NOT_EVIDENCE


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_nothing_observed_is_no_evidence(method: Method) -> None:
    assert method.empty() == 0.0


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_worse_outcomes_are_more_evidence(method: Method) -> None:
    values = [method.worse(x) for x in range(0, 100, 7)]
    assert all(math.isfinite(value) for value in values)
    assert values == sorted(values)
    assert values[0] < values[-1]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_the_mean_is_at_most_one_everywhere_on_the_null(method: Method) -> None:
    means = []
    for outcomes in method.outcomes():
        assert math.isclose(sum(weight for weight, _ in outcomes), 1.0, abs_tol=1e-9)
        assert all(value >= 0 and math.isfinite(value) for _, value in outcomes)
        means.append(sum(weight * value for weight, value in outcomes))
    assert max(means) <= 1 + 1e-7
    assert max(means) > 0.7, "so loose that the test proves nothing"
