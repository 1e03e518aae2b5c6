"""Files that commands read: one ModelRollout, and lines of JSON."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml

from serinus.backtest import InputError


class Unreadable(Exception):
    """A file cannot be used; the sentence says which, where and why."""


def located(file: Path, error: InputError) -> str:
    """The sentence of what is wrong, and where."""
    return f"{file}: {error.sentence}" if error.line is None else f"{file}: line {error.line}: {error.sentence}"


def rollout(file: Path) -> Any:
    """The spec of the one ModelRollout in a file."""
    return manifest(file).get("spec")


def manifest(file: Path) -> Mapping[str, Any]:
    """The one ModelRollout in a file; other objects beside it are left alone."""
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
    return found[0]


def lines(file: Path) -> Iterator[Any]:
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
