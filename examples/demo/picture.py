"""Draws a run: who got the requests, their errors, their latency, with the acts, the decisions and the objectives.

python -m examples.demo.picture build-output/demo/run.json docs/images/demo.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib
import yaml

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MultipleLocator, NullLocator

from examples.demo.kube import FOLDER, seconds_of
from serinus.api.compile import compile_spec
from serinus.core.model import Spec

COLOURS = {"v1": "#8d99ae", "v2": "#2a9d5c", "v3": "#d1495b", "v4": "#e08e1b"}
_NEEDED = 5.0
"""Points of less than this many requests a second are left out: a share of three requests is no share."""
_NARROW = 8.0
"""Seconds of the picture that hold no name of an act."""

Run = dict[str, Any]


def draw(run: Run, file: Path) -> None:
    """Write the picture (PNG). `run` is what the demo saved in run.json."""
    pyplot.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})
    figure, (traffic, errors, latency) = pyplot.subplots(
        3, 1, sharex=True, figsize=(13, 8.2), height_ratios=(2.2, 1.3, 1.3), layout="constrained"
    )
    figure.suptitle(
        "One model, four new versions: what Serinus did with each", x=0.01, ha="left", size=15, weight="bold"
    )
    _traffic(traffic, run)
    _lines(errors, run, "errors", 100.0, "errors, %")
    _lines(latency, run, "p95", 1.0, "p95, ms (log scale)")
    budget, slowest = objectives()
    _limit(errors, 100 * budget, f"objective: at most {100 * budget:g} %")
    _limit(latency, 1000 * slowest, f"objective: at most {1000 * slowest:g} ms")
    latency.set_yscale("log")
    latency.set_ylim(top=1600 * slowest)
    latency.yaxis.set_major_locator(FixedLocator([2, 5, 10, 20, 50, 100, 200, 500, 1000]))
    latency.yaxis.set_minor_locator(NullLocator())
    latency.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    _acts(errors, run, named=True)
    for axes in (traffic, latency):
        _acts(axes, run)
    _does_not_fit(traffic, run)
    for axes in (traffic, errors, latency):
        _decisions(axes, run)
        axes.margins(x=0)
    latency.xaxis.set_major_locator(MultipleLocator(60))
    latency.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 60:.0f}"))
    latency.set_xlabel("minutes; shares over 6 s, the rest over 10 s, from the cluster's Prometheus")
    figure.text(0.01, -0.01, _sentences(run), ha="left", va="top", size=10, family="monospace")
    figure.savefig(file, dpi=110, bbox_inches="tight", pad_inches=0.2)
    pyplot.close(figure)


def _traffic(axes: Axes, run: Run) -> None:
    by_version = _by_version(run, "requests")
    times = sorted({at for points in by_version.values() for at in points})
    total = [sum(points.get(at, 0.0) for points in by_version.values()) or 1.0 for at in times]
    shares = [
        [100 * points.get(at, 0.0) / both for at, both in zip(times, total, strict=True)]
        for points in by_version.values()
    ]
    axes.stackplot(times, *shares, labels=list(by_version), colors=[COLOURS[one] for one in by_version], alpha=0.85)
    axes.set_ylabel("requests, %")
    axes.set_ylim(0, 100)
    axes.legend(loc="lower left", ncols=4, framealpha=0.9)


def _lines(axes: Axes, run: Run, name: str, factor: float, label: str) -> None:
    requests = _by_version(run, "requests")
    for version, points in _by_version(run, name).items():
        kept = {at: factor * value for at, value in points.items() if requests[version].get(at, 0.0) > _NEEDED}
        for piece in _pieces(sorted(kept)):
            axes.plot(piece, [kept[at] for at in piece], color=COLOURS[version], linewidth=2)
    axes.set_ylabel(label)
    if name == "errors":
        axes.set_ylim(bottom=-0.1)
    axes.grid(axis="y", alpha=0.3)


def _pieces(times: list[float]) -> list[list[float]]:
    """Times cut where a version got nothing for a while, so that no line is drawn through the gap."""
    pieces: list[list[float]] = []
    for at in times:
        if pieces and at - pieces[-1][-1] <= 6:
            pieces[-1].append(at)
        else:
            pieces.append([at])
    return pieces


def objectives() -> tuple[float, float]:
    """What the rollout allows: the share of bad answers, and the seconds of its latency objective."""
    spec = compile_spec(yaml.safe_load((FOLDER / "rollout.yaml").read_text()))
    assert isinstance(spec, Spec), spec
    answers, latency = (next(one for one in spec.slis if one.latency is wanted) for wanted in (False, True))
    assert answers.budget is not None
    assert latency.edge is not None
    return answers.budget, latency.edge


def _limit(axes: Axes, value: float, words: str) -> None:
    axes.axhline(value, color="#555555", linewidth=1, linestyle="--")
    axes.annotate(
        words, (0.004, value), xycoords=("axes fraction", "data"), xytext=(0, 2), textcoords="offset points",
        size=8, color="#555555",
    )  # fmt: skip


def _acts(axes: Axes, run: Run, *, named: bool = False) -> None:
    """The acts as stripes, every second one grey."""
    for number, act in enumerate(run["acts"]):
        start, end = _span(act, run)
        if end <= start:
            continue
        if number % 2:
            axes.axvspan(start, end, color="#000000", alpha=0.06, zorder=0, linewidth=0)
        if named and end - start > _NARROW:
            axes.annotate(
                f"act {number + 1}", (start, 0.97), xycoords=("data", "axes fraction"),
                xytext=(4, 0), textcoords="offset points", va="top", size=9, color="#555555",
            )  # fmt: skip


def _span(act: dict[str, Any], run: Run) -> tuple[float, float]:
    """From when to when an act lasted, in seconds since the run began, within the picture."""
    first = min(at for points in _by_version(run, "requests").values() for at in points)
    return max(first, act["began"] - run["began"]), act["began"] + act["seconds"] - run["began"]


def _does_not_fit(axes: Axes, run: Run) -> None:
    """The last act moves no requests, so no decision stands for it."""
    axes.annotate(
        "v5: does not fit", (sum(_span(run["acts"][-1], run)) / 2, 101), rotation=32, ha="left", va="bottom",
        annotation_clip=False, size=9,
    )  # fmt: skip


def _decisions(axes: Axes, run: Run) -> None:
    """A line for each decision that moved requests; its words stand in the first panel."""
    first = bool(axes.get_legend())
    for decision in run["decisions"]:
        at = seconds_of(decision["time"]) - run["began"]
        words = _words(decision, run)
        if at < 0 or not words:
            continue
        bad = decision["cause"] == "rollback"
        axes.axvline(
            at, color="#b00020" if bad else "#222222", linewidth=1.6 if bad else 0.8, linestyle="-" if bad else ":"
        )
        if first:
            axes.annotate(
                words, (at, 101), rotation=32, ha="left", va="bottom", annotation_clip=False,
                color="#b00020" if bad else "#222222", weight="bold" if bad else "normal", size=9,
            )  # fmt: skip


def _words(decision: dict[str, Any], run: Run) -> str:
    version = run["versions"].get(decision["revision"], "")
    return {
        "step": f"{version}: {decision['weight']} %",
        "promote": f"{version}: promoted",
        "rollback": f"{version}: rolled back",
    }.get(decision["cause"], "")


def _sentences(run: Run) -> str:
    """What Serinus said when it took a version back, or did not begin."""
    said = [one["message"] for one in run["decisions"] if one["cause"] == "rollback"]
    versions = [run["versions"].get(one["revision"], "") for one in run["decisions"] if one["cause"] == "rollback"]
    lines = [f"{version}  {sentence}" for version, sentence in zip(versions, said, strict=True)]
    return "\n".join([*lines, f"v5  {run['acts'][-1]['sentence']}"])


def _by_version(run: Run, name: str) -> dict[str, dict[float, float]]:
    """Version -> seconds since the picture's start -> value."""
    found = {
        run["versions"][revision]: {at - run["began"]: value for at, value in points}
        for revision, points in run["series"][name].items()
        if revision in run["versions"]
    }
    return dict(sorted(found.items()))


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
