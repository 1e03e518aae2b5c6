"""The two pictures of the page."""

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.statistics import scenarios, tables
from benchmarks.statistics.cases import HOUR
from benchmarks.statistics.run import Results
from benchmarks.statistics.summary import SCRAPE, rate, times

ORANGE, BLUE, GREY = "#c44e1c", "#1c5d99", "#9a9a9a"
NAMED = 5
"""Lines of a panel that are named: the highest."""
PANELS = {"ours": "Serinus", "growthbook": "GrowthBook", "z": "z test, every look"}
STYLE = {
    "ours r=1 .05": ("o", ORANGE, "Serinus, no margin"),
    "growthbook .05": ("s", BLUE, "GrowthBook"),
    "kayenta": ("^", "#2e7d4f", "Kayenta"),
    "argo .99": ("x", "#7a4fa3", "Argo Rollouts .99"),
    "flagger 99/5": ("+", "#222222", "Flagger 99/5"),
    "oracle .05": (".", GREY, "told both rates (SPRT)"),
}


def false_rollbacks(results: Results, file: Path) -> None:
    """False rollbacks over 24 hours, a line for each scenario and a panel for each method."""
    panels = (("ours .05", 0.05), ("ours .01", 0.01), ("growthbook .05", 0.05), ("z .05", 0.05))
    figure = Figure(figsize=(13, 5.4))
    axes = figure.subplots(1, 4, sharex=True)
    hours = np.arange(1, 97) / 4
    for axis, (method, alpha) in zip(axes, panels, strict=True):
        lines = []
        for (section, name), mine in results.items():
            if section.endswith("A/A 24 h") and method in mine:
                at = [rate(mine[method], within=int(hour * HOUR)).value for hour in hours]
                lines.append((at[-1], section.replace("A/A 24 h", "") + name, at))
        lines.sort(reverse=True)
        for place, (last, name, at) in enumerate(lines):
            shown = place < NAMED and last > 0
            axis.plot(
                hours, at, lw=1.4 if shown else 0.8, color=f"C{place}" if shown else GREY, alpha=1 if shown else 0.6
            )
            if shown:
                axis.plot([], [], color=f"C{place}", label=f"{name}: {last:.3f}")
        axis.axhline(alpha, color="black", ls="--", lw=1)
        axis.text(24, alpha, f"alpha {alpha:g}", ha="right", va="bottom", fontsize=8)
        top = max([alpha * 1.4, *(last * 1.08 for last, _, _ in lines)])
        axis.set(title=PANELS[method.split()[0]] + method[-4:], ylim=(-0.01 * top, top), xlim=(0, 24), xlabel="hours")
        if any(last > 0 for last, _, _ in lines):
            axis.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(-0.1, -0.15))
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("rolled back although equal")
    runs = min((rate(mine["ours .05"]).runs for (part, _), mine in results.items() if part == "A/A 24 h"), default=0)
    figure.suptitle(
        f"An equal candidate, a look every 15 s for 24 h ({runs} runs of each scenario or more)", fontsize=11
    )
    _save(figure, file)


def detection(results: Results, file: Path) -> None:
    """Median time to find a regression against the bound, 27 cells and every method."""
    figure = Figure(figsize=(7.6, 6.2))
    axis = figure.subplots()
    for method, (marker, colour, words) in STYLE.items():
        points = list(_points(results, method))
        if points:
            x, y = zip(*points, strict=True)
            axis.scatter(x, y, marker=marker, s=34, color=colour, label=f"{words} ({len(points)} cells)", alpha=0.85)
    ends = np.array([SCRAPE, 3600.0])
    axis.plot(ends, ends, color="black", lw=1, label="the bound and one scrape")
    axis.plot(ends, 1.2 * ends, color="black", lw=1, ls="--", label="1.2 times that")
    axis.set(
        xscale="log",
        yscale="log",
        xlim=(15, 2000),
        ylim=(12, 4000),
        xlabel="bound at alpha .05 plus one scrape, seconds",
        ylabel="median time to roll back, seconds",
        title="27 stationary cells: .5, 1, 5 % of errors, 5, 10, 50 % of traffic,\n1.5, 2 and 3 times the errors",
    )
    axis.legend(fontsize=8, frameon=False, loc="upper left")
    axis.spines[["top", "right"]].set_visible(False)
    axis.text(
        0.99,
        0.02,
        "only cells in which at most 6 % of equal candidates are rolled back\n"
        "and half of the regressions are found in an hour",
        transform=axis.transAxes,
        ha="right",
        fontsize=7,
        color="#555555",
    )
    _save(figure, file)


def _points(results: Results, method: str) -> Sequence[tuple[float, float]]:
    found = []
    for ratio in scenarios.RATIOS:
        for one in scenarios.STATIONARY:
            mine, same = results.get((f"cells {ratio:g}x", one.name)), results.get(("A/A 1 h", one.name))
            if mine is None or same is None or method not in mine or rate(same[method]).value > 0.06:
                continue
            median = times(mine[method].rollback, HOUR).median
            if isfinite(median):
                found.append((tables.lowest(one, ratio, 0.05) + SCRAPE, median))
    return found


def _save(figure: Figure, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    FigureCanvasAgg(figure)
    figure.savefig(file, dpi=110, metadata={"Software": None})
