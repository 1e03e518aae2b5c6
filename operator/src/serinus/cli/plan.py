"""`serinus plan`: what a rollout can tell at a given traffic, before anything is rolled out."""

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from serinus.backtest import InputError
from serinus.backtest.past import Scraped
from serinus.backtest.plan import Planned, Row, plan
from serinus.cli import prometheus
from serinus.cli.codes import UNUSABLE
from serinus.cli.files import Unreadable, lines, located, rollout
from serinus.core.evidence import HOUR
from serinus.core.findings import duration, rounded

HEAD = ("step", "weight", "hold", "SLI", "finds", "shows", "asked", "needs", "by pods")
LARGEST_PODS = 10_000


def plan_command(
    spec: Annotated[Path, typer.Option(help="A file with one ModelRollout.")],
    rps: Annotated[
        float | None,
        typer.Option(help="Requests a second, of stable and candidate together; else what Prometheus says of stable."),
    ] = None,
    history: Annotated[
        Path | None, typer.Option(help="What stable counted before, as JSON lines: docs/backtest.md.")
    ] = None,
    address: prometheus.Address = "",
    start: prometheus.From = "",
    end: prometheus.To = "",
    deployment: Annotated[
        str, typer.Option(help="The Deployment whose pods serve in that range: NAME-REVISION, or the source itself.")
    ] = "",
    token_file: prometheus.TokenFile = None,
    ca_file: prometheus.CaFile = None,
    pods_candidate: Annotated[
        int | None, typer.Option(help="Pods of the candidate at every step; else what its weight needs.")
    ] = None,
    pods_stable: Annotated[int | None, typer.Option(help="Pods of stable; else workload.replicas.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw it, too: FILE.png or FILE.svg.")] = None,
) -> None:
    """Say what a rollout can tell, and how long it takes: by step and SLI."""
    try:
        asked = prometheus.asked(address, start, end, token_file, ca_file)
        _check(rps, pods_candidate, pods_stable, plot)
        _check_past(asked, rps, history, deployment)
        past = _past(spec, asked, history, deployment)
        try:
            told = plan(
                rollout(spec),
                rps=rps,
                history=past,
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


def _check_past(asked: prometheus.Asked | None, rps: float | None, history: Path | None, deployment: str) -> None:
    if asked is None:
        if rps is None:
            raise Unreadable("--rps is missing: write how many requests a second there are, such as 20.")
        if deployment:
            raise Unreadable("--deployment goes with --prometheus: write the address of one, too.")
        return
    if history is not None:
        raise Unreadable("--history is a file: leave it out where --prometheus is read.")
    if not deployment:
        raise Unreadable(
            "--deployment is missing: write whose pods serve in that range, such as chat-6f7d5 (kubectl get mro shows "
            "stable's revision), or the team's own Deployment before there was a rollout."
        )


def _past(spec: Path, asked: prometheus.Asked | None, history: Path | None, deployment: str) -> Iterable[Any] | Scraped:
    """Stable's past from where the options say."""
    if asked is None:
        return lines(history) if history is not None else ()
    # What talks to Prometheus takes longer to import than files take to be judged.
    from serinus.cli.replay import stable

    _, known = prometheus.rollout_of(spec)
    return asyncio.run(stable(asked, known, deployment))


def _check(rps: float | None, candidate: int | None, stable: int | None, plot: Path | None) -> None:
    if rps is not None and not 0 < rps < 1e9:
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
            if sli in told.rates:
                yield f"{sli}: a candidate with twice stable's events is found after about {duration(caught.seconds)}."
                continue
            yield (
                f"{sli}: a candidate twice as bad as stable is found after about {duration(caught.seconds)}, and {bad}"
                " of its requests are bad until then."
            )


def _why(told: Planned, sli: str) -> str:
    """Why twice stable's share is not found."""
    share, most = told.allowed.get(sli, (0.0, 0.0))
    if 2 * share <= most:
        twice, once, allowed = (_value(told, sli, value) for value in (2 * share, share, most))
        return f": it has {twice} beside {once}, and up to {allowed} is allowed or may be the pods'"
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
    return f"{row.found:.3g}x ({_value(told, row.sli, row.found * told.allowed[row.sli][0])})"


def _value(told: Planned, sli: str, share: float) -> str:
    """A share of bad requests, or the rate of events."""
    return f"{HOUR * share:.3g} per pod-hour" if sli in told.rates else f"{share:.2%}"


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
