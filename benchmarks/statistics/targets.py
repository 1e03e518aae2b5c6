"""Each target, and whether it is met; if not, by how much."""

from collections.abc import Iterator
from math import inf

import numpy as np

from benchmarks.statistics import latencies, noisy_tables, tables
from benchmarks.statistics.cases import HOUR, LATE
from benchmarks.statistics.guardrails import ALPHA, Family
from benchmarks.statistics.run import Results
from benchmarks.statistics.scenarios import BASE
from benchmarks.statistics.summary import SCRAPE, Rate, digits, promoted, rate, seconds, times, times_of
from benchmarks.statistics.tables import Met

SHORT = 60.0
"""Seconds of a bound below which scrapes are what counts."""


def all_targets(results: Results, family: Family) -> list[Met]:
    """Every target of the benchmark, in the order of the page."""
    return [
        *_false_rollbacks(results),
        *_stationary(results),
        *_clustered(results),
        *_latency(results),
        *_late(results),
        *_promotion(results),
        *_family(family),
    ]


def _false_rollbacks(results: Results) -> Iterator[Met]:
    for section, what in (
        ("A/A 1 h", "false rollback, every A/A row, 1 h"),
        ("A/A 24 h", "false rollback, every A/A row, 24 h"),
        ("margin 1 h", "the same where the candidate is as bad as the defaults allow, 1 h"),
        ("margin 24 h", "the same, clustered rows, 24 h"),
        ("hold-out A/A 1 h", "false rollback, hold-out, 1 h"),
        ("hold-out A/A 24 h", "false rollback, hold-out, 24 h"),
    ):
        for alpha in (0.05, 0.01):
            method = f"ours {digits(alpha)[:3]}"
            rows = [mine[method] for (part, _), mine in results.items() if part == section and method in mine]
            if not rows:
                continue
            over = tables.exceeded(results, [section], alpha, method)
            worst = max(rate(one).upper for one in rows)
            yield Met(
                what=f"{what}, at {alpha:g}",
                target=f"upper limit <= {alpha:g}",
                measured=f"largest upper limit of {len(rows)} rows {worst:.4f}",
                met="yes" if not over else f"**no**: {_named(over, alpha)}",
            )


def _stationary(results: Results) -> Iterator[Met]:
    for method, alpha in (("ours r=1 .05", 0.05), ("ours r=1 .01", 0.01)):
        for of_mean, most in ((False, 1.20), (True, 1.35)):
            told = tables.against_bound(results, method, alpha, of_mean=of_mean)
            what = "mean" if of_mean else "median"
            yield Met(
                what=f"27 stationary cells, {what}, {method}",
                target=f"<= {most:.2f} x (bound + scrape)",
                measured=f"at most {told.worst:.2f} ({told.where}), geometric mean {told.mean:.2f}, "
                f"of the {told.cells} cells that are found in over 90 % of the runs",
                met=_at_most(told.worst, most),
            )
    slower = tables.slower_than_growthbook(results)
    yield Met(
        what="no stationary cell slower than GrowthBook",
        target="<= 1.05 x its median + scrape",
        measured=f"{len(slower)} of 54 slower",
        met="yes" if not slower else f"**no**: {'; '.join(slower)}",
    )


def _clustered(results: Results) -> Iterator[Met]:
    found = noisy_tables.phi_ratios(results)
    for bursts, most, what in ((False, 1.5, "clustered traffic"), (True, 1.6, "on/off bursts")):
        rows = [one for one in found if one[0].startswith("on/off") is bursts]
        over = [f"{name} {_times(value)} (power {digits(power)})" for name, value, power, _ in rows if value > most]
        yield Met(
            what=f"{what}, median, ours r=1 .05",
            target=f"<= {most} x bound x phi",
            measured=", ".join(f"{name} {_times(value)}" for name, value, _, _ in rows),
            met="yes" if not over else f"**no**: {', '.join(over)}",
        )


def _latency(results: Results) -> Iterator[Met]:
    told, over = [], []
    for slower in latencies.SLOWER:
        mine = results.get(("latency", slower))
        if mine is None:
            continue
        bound = noisy_tables.latency_bound(latencies.BASE, slower, 0.05)
        median = times(mine["ours r=1 .05"].rollback, HOUR).median
        allowed = 1.5 * bound if bound >= SHORT else 1.5 * bound + 3 * SCRAPE
        told.append(f"{slower} {seconds(median)} s of {bound:.0f}")
        if median > allowed:
            over.append(f"{slower} {_times(median / bound)}")
    yield Met(
        what="latency, median, ours r=1 .05",
        target="<= 1.5 x bound; below 60 s 3 scrapes more",
        measured=", ".join(told),
        met="yes" if not over else f"**no**: {', '.join(over)}",
    )


def _late(results: Results) -> Iterator[Met]:
    for ratio in (2.0, 3.0):
        bound = tables.lowest(BASE, ratio, 0.05)
        told = times(results["late", f"{ratio:g}x from minute 30"]["ours r=1 .05"].rollback, HOUR, LATE)
        most = 4 * bound + SCRAPE
        yield Met(
            what=f"onset at 30 min of {ratio:g}x, median delay, ours r=1 .05",
            target=f"<= 4 x bound + scrape = {most:.0f} s",
            measured=f"{seconds(told.median)} s",
            met="yes" if told.median <= most else f"**no**: {told.median - most:.0f} s more",
        )


def _promotion(results: Results) -> Iterator[Met]:
    told = []
    for weight in (5.0, 10.0, 25.0, 50.0):
        mine = results.get(("safe, equal", f"w {weight:g} %"))
        if mine is not None:
            value = times(mine["ours .05"].promote, HOUR)
            told.append((times_of(value.median, tables.promotion_bound(weight)), f"w {weight:g} %"))
    over = [f"{name} {_times(value)}" for value, name in told if value > 1.25]
    yield Met(
        what="promotion at r = 1.5, median, independent requests",
        target="<= 1.25 x (bound + scrape)",
        measured=", ".join(f"{name} {_times(value)}" for value, name in told),
        met="yes" if not over else f"**no**: {', '.join(over)}",
    )
    rows = [(name, promoted(mine["ours .05"])) for (part, name), mine in results.items() if part == "safe, at the line"]
    above = [f"{name} {told} (< {told.upper:.3f})" for name, told in rows if told.upper > 0.05]
    yield Met(
        what="false promotion at the line, 1 h",
        target="upper limit <= .05",
        measured=", ".join(f"{name} {told}" for name, told in rows),
        met="yes" if not above else f"**no**: {', '.join(above)}",
    )


def _family(family: Family) -> Iterator[Met]:
    wrong = Rate(hits=sum(look >= 0 for look in family.equal), runs=len(family.equal))
    yield Met(
        what=f"{6} guardrails, equal candidate, 1 h (core itself)",
        target=f"upper limit <= {ALPHA:g}",
        measured=f"{wrong} of {wrong.runs} (< {wrong.upper:.4f})",
        met="yes" if wrong.upper <= ALPHA else f"**no**: {wrong.upper - ALPHA:.4f} more",
    )
    six, alone = (times(np.array(looks), HOUR).median for looks in (family.one_of_six, family.alone))
    yield Met(
        what="one of 6 guardrails at 2x, against it alone, r=1",
        target="<= 1.6 x",
        measured=f"{seconds(six)} s against {seconds(alone)} s, {six / alone:.2f} x",
        met=_at_most(six / alone, 1.6),
    )
    share = 100 * 6 * family.microseconds / 1e6 / SCRAPE
    yield Met(
        what="cost of a look of one SLI",
        target="<= 150 us; 100 rollouts x 6 SLIs every 15 s < 1 % of a core",
        measured=f"{family.microseconds:.0f} us; {share:.2%} of a core",
        met="yes"
        if family.microseconds <= 150 and share < 0.01
        else f"**no**: {family.microseconds / 150:.2f} x the microseconds, {share / 0.01:.2f} x the share",
    )


def _named(over: list[tuple[str, float, float]], alpha: float) -> str:
    """Rows whose rate is too high, by name; and those of which too few runs were made to show that it is not."""
    high = [f"{name} {digits(value)} (< {upper:.4f})" for name, value, upper in over if value > alpha]
    unsure = [(name, value, upper) for name, value, upper in over if value <= alpha]
    told = [f"above it {len(high)}: {', '.join(high)}"] if high else []
    if unsure:
        largest = max(upper for _, _, upper in unsure)
        seen = [f"{name} {digits(value)}" for name, value, _ in unsure if value > 0]
        words = f", of which {', '.join(seen)}" if seen else ""
        told.append(f"not shown with so few runs {len(unsure)} (limits up to {largest:.4f}){words}")
    return "; ".join(told)


def _at_most(value: float, most: float) -> str:
    return "yes" if value <= most else f"**no**: {value - most:.2f} more"


def _times(value: float) -> str:
    return f"{value:.2f}" if value < inf else "not in 1 h"
