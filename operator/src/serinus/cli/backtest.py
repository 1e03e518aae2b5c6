"""`serinus backtest`: a rollout judged from files, without a cluster."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import yaml

from serinus.backtest import InputError, Session
from serinus.cli.codes import UNUSABLE

_ENDS = frozenset({"promote", "rollback"})


class Unreadable(Exception):
    """A file cannot be used; the sentence says which, where and why."""


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
        for line in _lines(samples):
            if session.take(line):
                yield session.answer()
        session.end()
    except InputError as error:
        raise Unreadable(_located(samples, error)) from error


def _located(file: Path, error: InputError) -> str:
    return f"{file}: {error.sentence}" if error.line is None else f"{file}: line {error.line}: {error.sentence}"


def _session(spec: Path, history: Path | None, *, ci: bool) -> Session:
    asked = _rollout(spec)
    try:
        return Session(asked, _lines(history) if history is not None else (), ci=ci)
    except InputError as error:
        raise Unreadable(_located(history if error.history and history else spec, error)) from error


def _rollout(file: Path) -> Any:
    """The spec of the one ModelRollout in a file; other objects beside it are left alone."""
    try:
        documents = list(yaml.safe_load_all(file.read_text()))
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror}.") from error
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise Unreadable(f"{file}: {where}this is no YAML: {error.problem}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Unreadable(f"{file} is no YAML: {error}.") from error
    found = [one for one in documents if isinstance(one, Mapping) and one.get("kind") == "ModelRollout"]
    if len(found) != 1:
        raise Unreadable(
            f"{file} holds {len(found) or 'no'} ModelRollout{'s' if len(found) > 1 else ''}: write one whole manifest, "
            "with apiVersion, kind, metadata and spec."
        )
    return found[0].get("spec")


def _lines(file: Path) -> Iterator[Any]:
    """The values of a file of JSON lines, one by one."""
    empty = True
    try:
        with file.open(encoding="utf-8") as opened:
            for number, line in enumerate(opened, 1):
                empty = False
                yield _value(file, number, line)
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Unreadable(f"{file} is no text in UTF-8: {error.reason}.") from error
    if empty:
        raise Unreadable(f"{file} is empty: write one JSON object on each line.")


def _value(file: Path, number: int, line: str) -> Any:
    def not_a_number(name: str) -> NoReturn:
        raise Unreadable(f"{file}: line {number}: {name} is no number of JSON; leave out what was not measured.")

    try:
        return json.loads(line, parse_constant=not_a_number)
    except (json.JSONDecodeError, RecursionError) as error:
        why = "it is empty" if not line.strip() else str(error).split(":")[0]
        raise Unreadable(f"{file}: line {number}: this is no JSON: {why}.") from error
