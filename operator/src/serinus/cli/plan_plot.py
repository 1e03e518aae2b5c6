"""The picture of a plan. Imported only where one is asked for: it needs matplotlib."""

from pathlib import Path

from matplotlib.figure import Figure

from serinus.backtest.plan import CURVE, Planned
from serinus.core.power import POWER


def draw(told: Planned, file: Path) -> None:
    """Write the chance that regressions are found, and how long equal steps take. Raises `OSError`."""
    slis = list(dict.fromkeys(one.sli for one in told.curves))
    figure = Figure(figsize=(5 + 4 * max(1, len(slis)), 4), layout="constrained")
    axes = figure.subplots(1, 1 + len(slis), squeeze=False)[0]
    for axis, sli in zip(axes, slis, strict=False):
        for curve in told.curves:
            if curve.sli == sli:
                axis.plot(CURVE, curve.chances, marker=".", label=f"by the end of step {curve.step}")
        axis.axhline(POWER, color="grey", linewidth=0.8, linestyle=":")
        axis.set(xscale="log", ylim=(0, 1.02), title=sli, xlabel="times as bad as stable", ylabel="chance to be found")
        axis.set_xticks([1, 2, 3, 5, 10, 20, 50], labels=["1", "2", "3", "5", "10", "20", "50"])
        axis.legend(fontsize="small")
    times = axes[-1]
    names = [f"step {one.step}" for one in told.steps]
    holds = {row.step: row.hold for row in told.rows}
    needed = [min(one.evidence, 10 * max(holds.values())) / 60 for one in told.steps]
    times.barh(names, needed, color="tab:orange", label="evidence of an equal candidate")
    times.barh(names, [holds[one.step] / 60 for one in told.steps], height=0.3, color="tab:blue", label="hold")
    times.invert_yaxis()
    times.set(title=f"{told.rps:g} requests/s", xlabel="minutes")
    times.legend(fontsize="small")
    figure.savefig(file, dpi=110)
