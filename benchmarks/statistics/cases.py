"""What is run: every scenario, with what is wrong with its candidate, for how long, how often, and who is asked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from benchmarks.statistics import holdout, latencies, methods, ratios, scenarios, scrapes, settling
from benchmarks.statistics.latencies import LatencyRollout
from benchmarks.statistics.methods import DEFAULTS, NO_MARGINS, OURS, SIMPLE, TOLD_BOTH, Told
from benchmarks.statistics.ratios import Harm, Rollout
from benchmarks.statistics.scrapes import Scraping
from benchmarks.statistics.traffic import LatencyTraffic, Traffic

HOUR, DAY = 240, 5760
"""Looks of 15 seconds."""
Make = Callable[[np.random.Generator, int], Traffic | LatencyTraffic]
HARMLESS = Harm()
AT_THE_MARGIN = Harm(ratio=DEFAULTS.allowed_ratio, extra=DEFAULTS.floor)
"""As bad as the defaults allow: the worst candidate that must not be rolled back."""
LATE = 1800.0
PROMOTED = 1.5
"""The ratio that the last step excludes by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One cell of a table before its methods."""

    section: str
    name: str
    make: Make
    looks: int
    runs: int
    chunk: int
    """Runs that are held in memory at once."""
    asked: tuple[str, ...]
    told: Told
    kayenta: int = 0
    """Runs in which Kayenta is asked, too."""
    latency: bool = False
    onset: float = 0.0
    """Seconds from which on the candidate is worse."""

    @property
    def key(self) -> tuple[str, str]:
        """What its results are found by."""
        return self.section, self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many runs."""

    hour: int
    day: int
    power: int
    kayenta: int
    latency: int
    latency_day: int

    def times(self, part: float) -> "Sizes":
        """Return this part of every size."""
        return Sizes(**{one.name: round(getattr(self, one.name) * part) for one in fields(self)})


FULL = Sizes(hour=4000, day=1200, power=2000, kayenta=500, latency=4000, latency_day=1200)
QUICK = Sizes(hour=400, day=25, power=150, kayenta=50, latency=150, latency_day=0)


def all_cases(sizes: Sizes) -> list[Case]:
    """Return everything that is run."""
    found = [
        *_equal(sizes),
        *_counters(sizes),
        *_latencies(sizes),
        *_cells(sizes),
        *_clustered(sizes),
        *_late(sizes),
        *_promotion(sizes),
        *_sweep(sizes),
        *_held_out(sizes),
    ]
    # What takes longest comes last: until then there is something to look at.
    return sorted((case for case in found if case.runs), key=lambda case: case.looks)


def of_ratio(
    section: str, one: Rollout, looks: int, runs: int, asked: tuple[str, ...], harm: Harm = HARMLESS, kayenta: int = 0
) -> Case:
    """A case of a share of bad requests without scrapes."""
    truth = _truth(one, harm)
    return Case(
        section=section,
        name=one.name,
        make=lambda random, many: ratios.draw(one, random, many, looks, harm),
        looks=looks,
        runs=runs,
        chunk=50 if looks > HOUR else 250,
        asked=asked,
        told=truth,
        kayenta=kayenta,
        onset=harm.onset,
    )


def _truth(one: Rollout, harm: Harm) -> Told:
    # Who is to find nothing is told the alternative that it looks for.
    return Told(p1=min(0.9, one.share * (harm.ratio if harm.ratio > 1 else 2.0) + harm.extra), p0=one.share)


def _equal(sizes: Sizes) -> Iterator[Case]:
    for one in scenarios.ALL:
        more = (*NO_MARGINS, *TOLD_BOTH) if one in scenarios.STATIONARY else ()
        yield of_ratio("A/A 1 h", one, HOUR, sizes.hour, (*OURS, *SIMPLE, *more), kayenta=sizes.kayenta)
        yield of_ratio("margin 1 h", one, HOUR, sizes.hour // 2, OURS, AT_THE_MARGIN)
        if one not in scenarios.STATIONARY or one.share == 0.01 or one.weights == (10.0,):
            yield of_ratio("A/A 24 h", one, DAY, sizes.day, (*OURS, *SIMPLE))
        if one.clustered:
            yield of_ratio("margin 24 h", one, DAY, sizes.day // 2, OURS, AT_THE_MARGIN)


def scraped() -> Iterator[tuple[str, str, Rollout, Scraping]]:
    """Scenarios that begin with counters: name, words, rollout, scraping."""
    for rps in (10.0, 50.0, 200.0, 1000.0):
        for factor in (10.0, 30.0):
            one = replace(scenarios.BASE, rps=rps)
            name = f"incident {factor:g}x, scrape offsets, {rps:g} rps"
            yield name, "each pod scraped at its own moment", one, Scraping(incident=factor)
    yield "missed scrapes 10 %", "each scrape fails with that probability", scenarios.BASE, Scraping(missed=0.1)


SETTLING: tuple[tuple[str, str, Rollout, Callable[..., Traffic], tuple[float, ...]], ...] = (
    (
        "completion bias, drain 30 s",
        "failures at once, successes after 10 s on average; rollback.drain at its default",
        replace(scenarios.BASE, weights=scenarios.RAMP),
        settling.completions,
        (10.0, 30.0),
    ),
    (
        "completion bias, drain 2 min",
        "successes after 30 s on average; rollback.drain: 2m",
        replace(scenarios.BASE, weights=scenarios.RAMP),
        settling.completions,
        (30.0, 120.0),
    ),
    (
        "warm-up 2 min",
        "a cold pod has 5 times the errors, less by a factor e every 30 s; workload.warmUp: 2m",
        scenarios.BASE,
        settling.cold,
        (5.0, 30.0, 150.0),
    ),
)


def _counters(sizes: Sizes) -> Iterator[Case]:
    for section, looks, runs in (("A/A 1 h", HOUR, sizes.hour), ("A/A 24 h", DAY, sizes.day)):
        for name, _, one, scraping in scraped():
            if looks > HOUR and one.rps not in (50.0, 100.0):
                continue
            case = of_ratio(section, replace(one, name=name), looks, runs, (*OURS, *SIMPLE))
            yield replace(case, make=_reads(one, scraping, looks), chunk=25 if looks > HOUR else case.chunk)
        for name, _, one, draw, arguments in SETTLING:
            case = of_ratio(section, replace(one, name=name), looks, runs, (*OURS, *SIMPLE))
            yield replace(case, make=_settles(one, draw, arguments, looks))


def _reads(one: Rollout, scraping: Scraping, looks: int) -> Make:
    return lambda random, many: scrapes.read(scrapes.draw(one, scraping, random, many, looks, HARMLESS))


def _settles(one: Rollout, draw: Callable[..., Traffic], arguments: tuple[float, ...], looks: int) -> Make:
    return lambda random, many: draw(one, *arguments, random, many, looks, HARMLESS)


def _latencies(sizes: Sizes) -> Iterator[Case]:
    for one in (latencies.BASE, *latencies.CLUSTERED):
        yield of_latency("A/A 1 h", one, HOUR, sizes.latency, None, OURS)
        yield of_latency("A/A 24 h", one, DAY, sizes.latency_day, None, OURS)
    for name in latencies.SLOWER:
        yield of_latency("latency", latencies.BASE, HOUR, sizes.power // 2, name, (*OURS, *NO_MARGINS))


def of_latency(
    section: str, one: LatencyRollout, looks: int, runs: int, slower: str | None, asked: tuple[str, ...]
) -> Case:
    """A case of a latency; `slower`: what is wrong with the candidate."""
    worse = None if slower is None else latencies.SLOWER[slower]
    return Case(
        section=section,
        name=one.name if slower is None else slower,
        make=lambda random, many: latencies.draw(one, random, many, looks, worse),
        looks=looks,
        runs=runs,
        chunk=25 if looks > HOUR else 100,
        asked=asked,
        told=Told(p1=0.0, p0=0.0),
        latency=True,
    )


def _cells(sizes: Sizes) -> Iterator[Case]:
    for one in scenarios.STATIONARY:
        for ratio in scenarios.RATIOS:
            asked = (*OURS, *NO_MARGINS, *SIMPLE, *TOLD_BOTH)
            yield of_ratio(f"cells {ratio:g}x", one, HOUR, sizes.power, asked, Harm(ratio=ratio), sizes.kayenta // 2)


def _clustered(sizes: Sizes) -> Iterator[Case]:
    found = (*scenarios.SHARED[:3], *scenarios.CLUSTERED, *scenarios.PODS, *scenarios.SPARSE)
    for one in found:
        for ratio in (2.0, 3.0):
            asked = (*OURS, *NO_MARGINS)
            yield of_ratio(
                f"found {ratio:g}x", one, HOUR, sizes.power // 2, asked, Harm(ratio=ratio), sizes.kayenta // 4
            )


def _late(sizes: Sizes) -> Iterator[Case]:
    for ratio in (2.0, 3.0):
        harm = Harm(ratio=ratio, onset=LATE)
        asked = (*OURS, *NO_MARGINS, "growthbook .05")
        name = f"{ratio:g}x from minute 30"
        yield replace(of_ratio("late", scenarios.BASE, HOUR, sizes.power, asked, harm, sizes.kayenta // 2), name=name)
        harm = Harm(ratio=ratio, onset=12 * 3600.0)
        name = f"{ratio:g}x from hour 12"
        few = sizes.power // 4
        yield replace(of_ratio("late", scenarios.BASE, DAY, few, (*OURS, *NO_MARGINS), harm), name=name)


def _promotion(sizes: Sizes) -> Iterator[Case]:
    for weight in (5.0, 10.0, 25.0, 50.0):
        one = replace(scenarios.cell(0.01, weight), name=f"w {weight:g} %")
        yield of_ratio("safe, equal", one, HOUR, sizes.power, ("ours .05",))
    spread = replace(scenarios.BASE, name="pods differ, s = .2", spread=0.2)
    shocked = next(one for one in scenarios.CLUSTERED if one.name == "AR shocks 2 min")
    for one in (replace(scenarios.cell(0.01, 50.0), name="independent, w 50 %"), scenarios.BASE, shocked, spread):
        harm = Harm(ratio=PROMOTED, extra=DEFAULTS.floor)
        yield of_ratio("safe, at the line", one, HOUR, sizes.hour, ("ours .05",), harm)


def _sweep(sizes: Sizes) -> Iterator[Case]:
    for ratio in (1.0, 2.0, 3.0):
        harm = Harm(ratio=ratio)
        asked = tuple(methods.SWEEP)
        yield replace(of_ratio("sweep", scenarios.BASE, HOUR, sizes.power, asked, harm), name=f"{ratio:g}x")


def _held_out(sizes: Sizes) -> Iterator[Case]:
    for one in holdout.RATIO:
        yield of_ratio("hold-out A/A 1 h", one, HOUR, sizes.hour, (*OURS, *SIMPLE), kayenta=sizes.kayenta)
        yield of_ratio("hold-out A/A 24 h", one, DAY, sizes.day, (*OURS, *SIMPLE))
        for ratio in (2.0, 3.0):
            harm = Harm(ratio=ratio)
            yield of_ratio(f"hold-out {ratio:g}x", one, HOUR, sizes.power // 2, (*OURS, *NO_MARGINS), harm)
    for slow in holdout.LATENCY:
        yield of_latency("hold-out A/A 1 h", slow, HOUR, sizes.latency // 2, None, OURS)
        for name in ("all x 1.2", "+50 ms", "2 % x 8"):
            case = of_latency("hold-out latency", slow, HOUR, sizes.power // 4, name, (*OURS, *NO_MARGINS))
            yield replace(case, name=f"{slow.name}: {name}")
