"""`serinus backtest`: a rollout judged from files, without a cluster."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from serinus.backtest import InputError, Session
from serinus.cli.codes import UNUSABLE
from serinus.cli.files import Unreadable, lines, located, rollout

_ENDS = frozenset({"promote", "rollback"})


def backtest(
    spec: Annotated[Path, typer.Option(help="A file with one ModelRollout.")],
    samples: Annotated[Path, typer.Option(help="What was counted, as JSON lines: docs/backtest.md.")],
    history: Annotated[Path | None, typer.Option(help="The same of stable before the rollout.")] = None,
    ci: Annotated[bool, typer.Option("--ci", help="Add the interval of each ratio.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End at the first Fail, rollback or promotion.")] = False,
) -> None:
    """Judge a rollout from files, without a cluster: one line of JSON for each look."""
    try:
        session = _session(spec, history, ci=ci)
        for answer in _answers(session, samples):
            sys.stdout.write(json.dumps(answer) + "\n")
            if stop and (answer["verdict"] == "Fail" or answer["action"] in _ENDS):
                break
        sys.stdout.flush()
    except Unreadable as error:
        sys.stdout.flush()
        typer.echo(" ".join(str(error).split()), err=True)
        raise typer.Exit(UNUSABLE) from error


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
