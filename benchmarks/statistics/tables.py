"""The tables of the page, each from the results of its cases."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, isfinite, log

from benchmarks.statistics import bounds, holdout, latencies, scenarios
from benchmarks.statistics.cases import DAY, HOUR, LATE, SETTLING, scraped
from benchmarks.statistics.methods import DEFAULTS, OURS
from benchmarks.statistics.ratios import Rollout
from benchmarks.statistics.run import Asked, Results
from benchmarks.statistics.summary import SCRAPE, digits, promoted, rate, seconds, times, times_of

EQUAL = (
    "ours .05",
    "ours .01",
    "argo .95",
    "argo .99",
    "argo ratio",
    "flagger 99/5",
    "kayenta",
    "growthbook .05",
    "growthbook .01",
    "z .05",
    "z .01",
)
FOUND = (
    "ours r=1 .05",
    "ours r=1 .01",
    "ours .05",
    "ours .01",
    "argo .95",
    "argo .99",
    "argo ratio",
    "flagger 99/5",
    "kayenta",
    "growthbook .05",
    "growthbook .01",
    "oracle .05",
    "oracle .01",
)
BASE_NAME = "stationary 1 %, w 10 %"
WIDEST = 44
"""Letters to which a column is filled up at the most."""
ENOUGH_POWER = 0.9
"""Ratios to the bound are said of cells that are found at least this often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """One target, and what came out."""

    what: str
    target: str
    measured: str
    met: str


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, its columns as wide as what is in them; a sentence in a cell widens no other."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [min(WIDEST, max(len(line[column]) for line in lines)) for column in range(len(head))]
    text = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def equal(results: Results, section: str) -> str:
    """How often a candidate that equals stable is rolled back; of ours with the upper limit."""
    names = [name for part, name in results if part == section]
    asked = [one for one in EQUAL if any(one in results[section, name] for name in names)]
    rows = []
    for name in names:
        mine, cells = results[section, name], [name]
        for method in asked:
            if method not in mine:
                cells.append("")
                continue
            told = rate(mine[method])
            limit = f" (< {told.upper:.4f})" if method in OURS else ""
            cells.append(f"{told}{limit}")
        rows.append(cells)
    return markdown(["scenario", *asked], rows)


def exceeded(results: Results, sections: Sequence[str], alpha: float, method: str) -> list[tuple[str, float, float]]:
    """The rows whose upper limit is above alpha: section and name, rate, limit."""
    found = []
    for (section, name), asked in results.items():
        if section in sections and method in asked:
            told = rate(asked[method])
            if told.upper > alpha:
                found.append((f"{name} ({section.split()[-2]} {section.split()[-1]})", told.value, told.upper))
    return found


def lowest(one: Rollout, ratio: float, alpha: float, *, margin: bool = False) -> float:
    """The bound in seconds, against no margin or against the default one."""
    r, floor = (DEFAULTS.allowed_ratio, DEFAULTS.floor) if margin else (1.0, 0.0)
    told = bounds.information(ratio * one.share, one.share, one.weight, r, floor)
    return bounds.requests(told, alpha) / one.rps


def cells(results: Results, ratio: float) -> str:
    """Median and p90 seconds of every method in the nine stationary cells, power in brackets where it is not one."""
    stationary = [one for one in scenarios.STATIONARY if (f"cells {ratio:g}x", one.name) in results]
    rows = [
        [f"*bound {digits(alpha)[:3]}*", *(f"*{lowest(one, ratio, alpha):.0f}*" for one in stationary)]
        for alpha in (0.05, 0.01)
    ]
    for method in FOUND:
        found = []
        for one in stationary:
            mine, same = results[f"cells {ratio:g}x", one.name], results["A/A 1 h", one.name]
            wrong = rate(same[method]).value
            told = str(times(mine[method].rollback, HOUR))
            found.append(told if wrong <= 0.06 else f"{told} [A/A {wrong:.2f}]")
        rows.append([method, *found])
    heads = [one.name.removeprefix("stationary ") for one in stationary]
    return markdown([f"{ratio:g} times the errors", *heads], rows)


def requests(results: Results, ratio: float) -> str:
    """Requests of both arms until it is found, and how many times the bound and one scrape that is."""
    rows = []
    for one in scenarios.STATIONARY:
        mine = results.get((f"cells {ratio:g}x", one.name))
        if mine is None:
            continue
        bound = lowest(one, ratio, 0.05)
        cells_ = [one.name.removeprefix("stationary "), f"{bound * one.rps:,.0f}"]
        for method in ("ours r=1 .05", "growthbook .05", "kayenta", "oracle .05"):
            told = times(mine[method].rollback, HOUR)
            if not isfinite(told.median):
                cells_.append("> in 1 h")
                continue
            cells_.append(
                f"{told.median * one.rps:,.0f} / {told.p90 * one.rps:,.0f} / {told.mean * one.rps:,.0f}"
                f" ({times_of(told.median, bound):.2f}, {times_of(told.mean, bound):.2f})"
                if isfinite(told.p90)
                else f"{told.median * one.rps:,.0f} / > / {told.mean * one.rps:,.0f}"
                f" ({times_of(told.median, bound):.2f}, {times_of(told.mean, bound):.2f})"
            )
        rows.append(cells_)
    head = [f"{ratio:g} times", "bound", "ours r=1 .05", "growthbook .05", "kayenta", "oracle .05"]
    return markdown(head, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratios:
    """How far from the bound a method is over the cells that it finds."""

    worst: float
    mean: float
    """Geometric."""
    cells: int
    where: str


def against_bound(results: Results, method: str, alpha: float, *, of_mean: bool) -> Ratios:
    """Over the 27 stationary cells: time in units of the bound and one scrape."""
    found = []
    for ratio in scenarios.RATIOS:
        for one in scenarios.STATIONARY:
            mine = results.get((f"cells {ratio:g}x", one.name))
            if mine is None:
                continue
            told = times(mine[method].rollback, HOUR)
            if told.power > ENOUGH_POWER:
                value = times_of(told.mean if of_mean else told.median, lowest(one, ratio, alpha))
                found.append((value, f"{ratio:g}x at {one.name.removeprefix('stationary ')}"))
    worst, where = max(found)
    return Ratios(
        worst=worst, mean=exp(sum(log(value) for value, _ in found) / len(found)), cells=len(found), where=where
    )


def slower_than_growthbook(results: Results) -> list[str]:
    """Cells in which we need more than 1.05 times GrowthBook's median and one scrape, at the same alpha."""
    found = []
    for alpha in (".05", ".01"):
        for ratio in scenarios.RATIOS:
            for one in scenarios.STATIONARY:
                mine = results.get((f"cells {ratio:g}x", one.name))
                if mine is None:
                    continue
                us = times(mine[f"ours r=1 {alpha}"].rollback, HOUR).median
                them = times(mine[f"growthbook {alpha}"].rollback, HOUR).median
                if us > 1.05 * them + SCRAPE:
                    name = one.name.removeprefix("stationary ")
                    found.append(f"{ratio:g}x at {name}, {alpha}: {seconds(us)} against {seconds(them)} s")
    return found


def late(results: Results) -> str:
    """Delay after an onset at 30 minutes or 12 hours."""
    rows = []
    for (section, name), mine in results.items():
        if section != "late":
            continue
        ratio = float(name.split("x")[0])
        looks, onset = (HOUR, LATE) if "minute" in name else (DAY, 43_200.0)
        row = [name, f"{lowest(scenarios.BASE, ratio, 0.05):.0f}"]
        for method in ("ours r=1 .05", "ours r=1 .01", "ours .05", "growthbook .05", "kayenta"):
            told = times(mine[method].rollback, looks, onset) if method in mine else None
            row.append("" if told is None else str(told))
        rows.append(row)
    head = ["onset", "bound .05", "ours r=1 .05", "ours r=1 .01", "ours .05", "growthbook .05", "kayenta"]
    return markdown(head, rows)


def sweep(results: Results) -> str:
    """Argo and Flagger at other thresholds."""
    asked: Asked = results["sweep", "1x"]
    rows = []
    for method in asked:
        found: list[str] = [method, str(rate(asked[method]))]
        found += [str(times(results["sweep", name][method].rollback, HOUR)) for name in ("2x", "3x")]
        rows.append(found)
    for method in ("ours r=1 .05", "ours .05"):
        same = results["A/A 1 h", BASE_NAME]
        row = [method, str(rate(same[method]))]
        row += [str(times(results[f"cells {k}x", BASE_NAME][method].rollback, HOUR)) for k in (2, 3)]
        rows.append(row)
    return markdown(["method", "A/A", "2 times the errors", "3 times"], rows)


def promotion(results: Results) -> str:
    """Time until an equal candidate is shown safe at r = 1.5, against the bound."""
    rows = []
    for weight in (5.0, 10.0, 25.0, 50.0):
        mine = results.get(("safe, equal", f"w {weight:g} %"))
        if mine is not None:
            told, bound = times(mine["ours .05"].promote, HOUR), promotion_bound(weight)
            rows.append([f"w {weight:g} %", seconds(bound), str(told), f"{times_of(told.median, bound):.2f}"])
    return markdown(["equal candidate, 1 %, 100 requests/s", "bound", "median/p90 s", "x (bound + scrape)"], rows)


def promotion_bound(weight: float) -> float:
    """Seconds until 1.5 times stable's errors and the floor more can be excluded."""
    told = bounds.information_safe(0.01, 0.01, weight / 100, DEFAULTS.allowed_ratio + 0.3, DEFAULTS.floor)
    return bounds.requests(told, 0.05) / 100


def false_promotions(results: Results) -> str:
    """How often a candidate exactly at the line is called safe."""
    rows = [
        [name, str(promoted(mine["ours .05"])), f"{promoted(mine['ours .05']).upper:.3f}"]
        for (section, name), mine in results.items()
        if section == "safe, at the line"
    ]
    return markdown(["candidate at 1.5 times and the floor", "called safe in 1 h", "upper limit"], rows)


def told() -> str:
    """The scenarios in words."""
    rows = [
        [one.name, one.told] for one in (*scenarios.SHARED, *scenarios.CLUSTERED, *scenarios.PODS, *scenarios.SPARSE)
    ]
    rows += [[name, words] for name, words, *_ in scraped()] + [[name, words] for name, words, *_ in SETTLING]
    rows += [[one.name, one.told] for one in (latencies.BASE, *latencies.CLUSTERED)]
    rows += [[f"hold-out: {one.name}", one.told] for one in holdout.RATIO]
    rows += [[f"hold-out: {late_one.name}", late_one.told] for late_one in holdout.LATENCY]
    return markdown(["scenario", "what happens"], rows)
