"""`serinus backtest`: a rollout judged from files, or again from Prometheus, without a cluster."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any

import typer

from serinus.backtest import InputError, Session
from serinus.cli import prometheus
from serinus.cli.codes import UNUSABLE
from serinus.cli.files import Unreadable, lines, located, rollout

_ENDS = frozenset({"promote", "rollback"})


def backtest(
    spec: Annotated[Path, typer.Option(help="A file with one ModelRollout.")],
    samples: Annotated[Path | None, typer.Option(help="What was counted, as JSON lines: docs/backtest.md.")] = None,
    history: Annotated[Path | None, typer.Option(help="The same of stable before the rollout.")] = None,
    address: prometheus.Address = "",
    start: prometheus.From = "",
    end: prometheus.To = "",
    attempt: Annotated[int | None, typer.Option(help="Which trial of the range, where there is more than one.")] = None,
    token_file: prometheus.TokenFile = None,
    ca_file: prometheus.CaFile = None,
    ci: Annotated[bool, typer.Option("--ci", help="Add the interval of each ratio.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End at the first Fail, rollback or promotion.")] = False,
) -> None:
    """Judge a rollout from files, or replay one from Prometheus: one line of JSON for each look."""
    try:
        asked = prometheus.asked(address, start, end, token_file, ca_file)
        if asked is None:
            if samples is None:
                raise Unreadable("There is nothing to judge: write --samples FILE, or --prometheus URL --from --to.")
            if attempt is not None:
                raise Unreadable("--attempt goes with --prometheus: files hold one attempt.")
            session = _session(spec, history, ci=ci)
            for answer in _answers(session, samples):
                if _is_last(answer, stop):
                    break
        else:
            if samples is not None or history is not None:
                raise Unreadable("--samples and --history are files: leave them out where --prometheus is read.")
            asyncio.run(_replay(spec, asked, attempt, ci=ci, stop=stop))
        sys.stdout.flush()
    except Unreadable as error:
        sys.stdout.flush()
        typer.echo(" ".join(str(error).split()), err=True)
        raise typer.Exit(UNUSABLE) from error


def _is_last(answer: dict[str, Any], stop: bool) -> bool:
    """Print an answer; True when no more are wanted."""
    sys.stdout.write(json.dumps(answer) + "\n")
    return stop and (answer["verdict"] == "Fail" or answer["action"] in _ENDS)


def _answers(session: Session, samples: Path) -> Iterator[dict[str, Any]]:
    try:
        for line in lines(samples):
            if session.take(line):
                yield session.answer()
        session.end()
    except InputError as error:
        raise Unreadable(located(samples, error)) from error


def _session(spec: Path, history: Path | None, *, ci: bool) -> Session:
    asked = rollout(spec)
    try:
        return Session(asked, lines(history) if history is not None else (), ci=ci)
    except InputError as error:
        raise Unreadable(located(history if error.history and history else spec, error)) from error


async def _replay(spec: Path, asked: prometheus.Asked, attempt: int | None, *, ci: bool, stop: bool) -> None:
    # What talks to Prometheus takes longer to import than files take to be judged.
    from serinus.cli.replay import Summary, replayed

    whole, known = prometheus.rollout_of(spec)
    summary = Summary()
    async with aclosing(replayed(asked, whole, known, attempt=attempt, ci=ci)) as each:
        async for answer in each:
            summary.add(answer)
            if _is_last(answer, stop):
                break
    typer.echo(summary.sentence(), err=True)
