"""The page docs/benchmark.md: set-up, targets, tables, pictures, and what they do not say."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.statistics import holdout, latencies, noisy_tables, scenarios, tables
from benchmarks.statistics.guardrails import Family
from benchmarks.statistics.run import Results
from benchmarks.statistics.tables import markdown
from benchmarks.statistics.targets import all_targets
from benchmarks.statistics.words import ABSENT, SET_UP, WITH_PHI
from benchmarks.table import circumstances

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmark.md"
FALSE_ROLLBACKS = "benchmark-false-rollbacks.png"
DETECTION = "benchmark-detection.png"


def page(results: Results, family: Family, note: str) -> str:
    """Return the whole page; `note` says how long it took, and on how much of a machine."""
    parts = [
        SET_UP,
        f"This page: {circumstances()}. {note}",
        "## Targets",
        _targets(results, family),
        "## How often an equal candidate is rolled back",
        f"![False rollbacks over 24 hours](images/{FALSE_ROLLBACKS})",
        _section(results, "A/A 1 h", "In one hour", lambda: tables.equal(results, "A/A 1 h")),
        _section(results, "A/A 24 h", "In 24 hours", lambda: tables.equal(results, "A/A 24 h")),
        _section(
            results,
            "margin 1 h",
            "As bad as the margin allows, in one hour",
            lambda: tables.equal(results, "margin 1 h"),
        ),
        _section(
            results,
            "margin 24 h",
            "As bad as the margin allows, in 24 hours",
            lambda: tables.equal(results, "margin 24 h"),
        ),
        "## How long a regression takes to be found",
        f"![Median time against the bound](images/{DETECTION})",
        "A peer that rolls back more than 6 % of equal candidates in that cell carries that share in brackets: what\n"
        "it finds there, it finds in everything.",
        *(
            _section(
                results,
                f"cells {ratio:g}x",
                f"{ratio:g} times the errors, seconds",
                lambda ratio=ratio: tables.cells(results, ratio),  # type: ignore[misc]
            )
            for ratio in scenarios.RATIOS
        ),
        "### The same in requests",
        "Median / p90 / mean requests of both arms, in brackets median and mean in units of the bound and one scrape;\n"
        "alpha .05.",
        *(tables.requests(results, ratio) for ratio in scenarios.RATIOS),
        _section(
            results,
            "found 2x",
            "Where requests are not independent",
            lambda: (
                WITH_PHI
                + noisy_tables.clustered(
                    results,
                    "found {ratio}x",
                    (*scenarios.SHARED[:3], *scenarios.CLUSTERED, *scenarios.PODS, *scenarios.SPARSE),
                )
            ),
        ),
        _section(
            results,
            "latency",
            "Latency",
            lambda: (
                "Time of the bound by the stochastic order over the same buckets, after `of`; 10 requests a second.\n\n"
                + noisy_tables.latency(results, "latency", {name: (latencies.BASE, name) for name in latencies.SLOWER})
            ),
        ),
        _section(results, "late", "Late onset", lambda: tables.late(results)),
        "## Promotion",
        _section(
            results,
            "safe, equal",
            "Time until an equal candidate is shown safe, margin of the last step",
            lambda: tables.promotion(results),
        ),
        _section(
            results,
            "safe, at the line",
            "False promotion",
            lambda: tables.false_promotions(results),
        ),
        "## Argo Rollouts and Flagger at other thresholds",
        "The base scenario. `fl` is Argo's `failureLimit`, the number after the slash Flagger's `threshold`.\n"
        "There is a threshold that fits this base rate; at another base rate it is another.",
        tables.sweep(results),
        "## Hold-out",
        "Shock laws, arrival patterns and latency shapes that were chosen once and that nobody tunes on\n"
        "(`benchmarks/statistics/holdout.py`).",
        _section(
            results, "hold-out A/A 1 h", "Equal candidates, one hour", lambda: tables.equal(results, "hold-out A/A 1 h")
        ),
        _section(
            results,
            "hold-out A/A 24 h",
            "Equal candidates, 24 hours",
            lambda: tables.equal(results, "hold-out A/A 24 h"),
        ),
        _section(
            results,
            "hold-out 2x",
            "Regressions",
            lambda: noisy_tables.clustered(results, "hold-out {ratio}x", holdout.RATIO),
        ),
        _section(
            results, "hold-out latency", "Latency", lambda: noisy_tables.latency(results, "hold-out latency", _held())
        ),
        "## Scenarios",
        tables.told(),
        ABSENT,
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _held() -> dict[str, tuple[latencies.LatencyRollout, str]]:
    return {f"{one.name}: {name}": (one, name) for one in holdout.LATENCY for name in latencies.SLOWER}


def _targets(results: Results, family: Family) -> str:
    rows = [[one.what, one.target, one.measured, one.met] for one in all_targets(results, family)]
    return markdown(["what", "target", "measured", "met"], rows)


def _section(results: Results, section: str, title: str, table: Callable[[], str]) -> str:
    """One table with its title and the number of runs; nothing where it was not run."""
    runs = sorted({len(next(iter(mine.values())).rollback) for (part, _), mine in results.items() if part == section})
    if not runs:
        return ""
    several = f"{runs[0]:,}" if len(runs) == 1 else f"{runs[0]:,} to {runs[-1]:,}"
    asked = {
        len(mine["kayenta"].rollback) for (part, _), mine in results.items() if part == section and "kayenta" in mine
    }
    kayenta = f" (Kayenta {max(asked):,})" if asked and max(asked) < runs[-1] else ""
    return f"### {title}\n\n{several} runs of each{kayenta}.\n\n{table()}"
