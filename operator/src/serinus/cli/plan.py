"""`serinus plan`: what a rollout can tell at a given traffic, before anything is rolled out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from serinus.backtest import InputError
from serinus.backtest.plan import Planned, Row, plan
from serinus.cli.codes import UNUSABLE
from serinus.cli.files import Unreadable, lines, located, rollout
from serinus.core.findings import duration, rounded

HEAD = ("step", "weight", "hold", "SLI", "finds", "shows", "asked", "needs", "by pods")
LARGEST_PODS = 10_000


def plan_command(
    spec: Annotated[Path, typer.Option(help="A file with one ModelRollout.")],
    rps: Annotated[float, typer.Option(help="Requests a second, of stable and candidate together.")],
    history: Annotated[
        Path | None, typer.Option(help="What stable counted before, as JSON lines: docs/backtest.md.")
    ] = None,
    pods_candidate: Annotated[
        int | None, typer.Option(help="Pods of the candidate at every step; else what its weight needs.")
    ] = None,
    pods_stable: Annotated[int | None, typer.Option(help="Pods of stable; else workload.replicas.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw it, too: FILE.png or FILE.svg.")] = None,
) -> None:
    """Say what a rollout can tell, and how long it takes: by step and SLI."""
    try:
        _check(rps, pods_candidate, pods_stable, plot)
        asked = rollout(spec)
        try:
            told = plan(
                asked,
                rps=rps,
                history=lines(history) if history is not None else (),
                pods_candidate=pods_candidate,
                pods_stable=pods_stable,
                curves=plot is not None,
            )
        except InputError as error:
            raise Unreadable(located(history if error.history and history else spec, error)) from error
        for line in said(told):
            typer.echo(line)
        if plot is not None:
            _draw(told, plot)
    except Unreadable as error:
        typer.echo(" ".join(str(error).split()), err=True)
        raise typer.Exit(UNUSABLE) from error


def _check(rps: float, candidate: int | None, stable: int | None, plot: Path | None) -> None:
    if not 0 < rps < 1e9:
        raise Unreadable(f"--rps is {rps:g}: write how many requests a second there are, such as 20.")
    for name, pods in (("--pods-candidate", candidate), ("--pods-stable", stable)):
        if pods is not None and not 1 <= pods <= LARGEST_PODS:
            raise Unreadable(f"{name} is {pods}: write a number of pods, 1 or more.")
    if plot is not None and plot.suffix not in (".png", ".svg"):
        raise Unreadable(f"--plot is {plot}: write a file that ends in .png or .svg.")


def said(told: Planned) -> Iterator[str]:
    """The whole answer: what is in the way first."""
    yield from told.obstacles
    if told.obstacles:
        yield ""
    total, soonest = sum(one.seconds for one in told.steps), sum(one.soonest for one in told.steps)
    yield f"{told.rps:g} requests/s, {told.pods_stable} pods of stable. {told.noise}"
    if total < float("inf"):
        sooner = f", {duration(soonest)} if its noise turns out small once measured" if soonest < 0.95 * total else ""
        yield f"A candidate as good as stable is promoted after about {duration(total)}{sooner}."
    yield ""
    yield from _table([HEAD, *(_cells(row, told) for row in told.rows)])
    yield ""
    for sli, why in told.unknown.items():
        yield f"{sli}: what is found cannot be told, because {why}: give --history."
    for sli, caught in told.caught.items():
        if caught is None:
            yield f"{sli}: a candidate twice as bad as stable is not found{_why(told, sli)}."
        else:
            bad = f"about {rounded(caught.bad)}" if caught.bad >= 1 else "less than one"
            yield (
                f"{sli}: a candidate twice as bad as stable is found after about {duration(caught.seconds)}, and {bad}"
                " of its requests are bad until then."
            )


def _why(told: Planned, sli: str) -> str:
    """Why twice stable's share is not found."""
    share, most = told.allowed.get(sli, (0.0, 0.0))
    if 2 * share <= most:
        return f": it has {2 * share:.2%} beside {share:.2%}, and up to {most:.2%} is allowed or may be the pods'"
    return " within maxHold"


def _cells(row: Row, told: Planned) -> tuple[str, ...]:
    return (
        str(row.step),
        f"{row.weight} %",
        duration(row.hold),
        row.sli,
        _found(row, told),
        _times(row.shown),
        _times(row.asked),
        duration(row.needs) if row.needs < float("inf") else "never",
        _times(row.ceiling),
    )


def _found(row: Row, told: Planned) -> str:
    """The regression, and the share of bad requests that it comes to."""
    if row.sli in told.unknown:
        return "unknown"
    if row.found is None or row.sli not in told.allowed:
        return _times(row.found)
    return f"{row.found:.3g}x ({row.found * told.allowed[row.sli][0]:.2%})"


def _times(ratio: float | None) -> str:
    return "nothing" if ratio is None else f"{ratio:.3g}x"


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _draw(told: Planned, file: Path) -> None:
    try:
        from serinus.cli.plan_plot import draw
    except ModuleNotFoundError as error:
        raise Unreadable("--plot needs matplotlib, which is not installed: pip install matplotlib.") from error
    try:
        draw(told, file)
    except OSError as error:
        raise Unreadable(f"{file} cannot be written: {error.strerror}.") from error
