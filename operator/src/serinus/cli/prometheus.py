"""A Prometheus that commands read: its address, who asks, and the range of time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serinus.api.compile import Problems, compile_spec
from serinus.backtest.compiled import typed
from serinus.cli.files import Unreadable, manifest
from serinus.core.model import Spec

if TYPE_CHECKING:
    from serinus.shell.prometheus import Provider

Address = Annotated[str, typer.Option("--prometheus", help="Address of a Prometheus to read instead of files.")]
From = Annotated[str, typer.Option("--from", help="Where its range begins: 2026-11-20T14:00:00Z, or seconds.")]
To = Annotated[str, typer.Option("--to", help="Where its range ends, likewise.")]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--bearer-token-file", envvar="PROMETHEUS_BEARER_TOKEN_FILE", help="A file with the token to show Prometheus."
    ),
]
CaFile = Annotated[Path | None, typer.Option("--ca-file", help="A file with the certificates to trust.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options say of a Prometheus."""

    address: str
    start: float
    end: float
    token_file: Path | None
    ca_file: Path | None

    def connect(self) -> "Provider":
        """The operator's own client. Raises `Unreadable`."""
        # What talks to Prometheus takes longer to import than files take to be judged.
        from pydantic import ValidationError

        from serinus.shell.prometheus import Provider
        from serinus.shell.settings import Connection

        given: dict[str, Any] = {"address": self.address}
        given |= {"bearer_token_file": self.token_file} if self.token_file is not None else {}
        given |= {"ca_file": self.ca_file} if self.ca_file is not None else {}
        for file in (self.token_file, self.ca_file):
            if file is not None and not file.is_file():
                raise Unreadable(f"{file} cannot be read: there is no such file.")
        try:
            return Provider(Connection(**given, timeout=60.0))
        except ValidationError as error:
            raise Unreadable(
                f"--prometheus is {self.address!r}: write the address without /api/v1, such as http://127.0.0.1:9090."
            ) from error


def asked(address: str, start: str, end: str, token_file: Path | None, ca_file: Path | None) -> Asked | None:
    """What the options say; None without an address. Raises `Unreadable` for a range that is none."""
    if not address:
        if start or end:
            raise Unreadable("--from and --to go with --prometheus: write the address of one, too.")
        return None
    began, ended = _moment("--from", start), _moment("--to", end)
    if began >= ended:
        raise Unreadable("--from is not before --to: write the earlier time as --from.")
    return Asked(address=address, start=began, end=ended, token_file=token_file, ca_file=ca_file)


def _moment(option: str, text: str) -> float:
    """Seconds since the epoch."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            told = datetime.fromisoformat(text)
        except ValueError:
            seconds = -1.0
        else:
            seconds = (told if told.tzinfo is not None else told.replace(tzinfo=UTC)).timestamp()
    if not 0 <= seconds < 1e11:
        raise Unreadable(
            f"{option} is {text or 'missing'}: write a time such as 2026-11-20T14:00:00Z, or seconds since 1970."
        )
    return seconds


def rollout_of(file: Path) -> tuple[Mapping[str, Any], Spec]:
    """The spec as typed, and compiled under the names that the series have. Raises `Unreadable`."""
    whole = manifest(file)
    metadata = whole.get("metadata")
    if not isinstance(metadata, Mapping) or not metadata.get("name") or not metadata.get("namespace"):
        raise Unreadable(f"{file}: write metadata.name and metadata.namespace: its series are found by them.")
    found = compile_spec(typed(whole))
    if isinstance(found, Problems):
        raise Unreadable(f"{file}: {' '.join(found.sentences)}")
    return whole["spec"], found
