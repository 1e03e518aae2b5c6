"""What the platform team sets: environment variables `SERINUS_…`, and one file of metrics connections.

Nothing here can be set from a ModelRollout: addresses and secrets stay out of the hands of whoever may write those.
"""

import os
import socket
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel


class SettingsError(Exception):
    """One sentence for each setting that cannot be used, one a line."""


class LogFormat(StrEnum):
    """`json`: one object a line, for collectors. `text`: for people at a terminal."""

    JSON = "json"
    TEXT = "text"


class LogLevel(StrEnum):
    """The least important message that is still written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=True)


class Basic(_File):
    """HTTP basic authentication; the password is in a file, so that it can be rotated."""

    username: str
    password_file: Path


class Connection(_File):
    """How one Prometheus (or Thanos, Mimir, VictoriaMetrics) is reached."""

    address: HttpUrl
    """Base URL, without /api/v1."""
    bearer_token_file: Path | None = None
    basic: Basic | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    headers: Mapping[str, str] = Field(default_factory=dict)
    """Sent with each query, such as X-Scope-OrgID."""
    timeout: float = Field(default=10.0, gt=0, le=120)
    """Seconds for one query."""

    @model_validator(mode="after")
    def _one_way_to_sign(self) -> Self:
        if self.basic and self.bearer_token_file:
            raise ValueError("write either bearerTokenFile or basic, not both")
        if self.key_file and not self.cert_file:
            raise ValueError("keyFile needs certFile beside it")
        return self


class Connections(_File):
    """The file of connections, as the chart mounts it."""

    default: str = ""
    """Name of the connection that a ModelRollout without `analysis.prometheus` uses."""
    connections: Mapping[str, Connection] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _default_exists(self) -> Self:
        if self.default and self.default not in self.connections:
            known = ", ".join(sorted(self.connections)) or "none"
            raise ValueError(f"default names {self.default!r}, which is not among the connections ({known})")
        return self


class Settings(BaseModel):
    """Every setting of the operator; `load` reads them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    namespaces: tuple[str, ...] = ()
    """Namespaces that are served, separated by commas; empty: all of them."""
    identity: str = Field(default_factory=lambda: f"{socket.gethostname()}_{os.getpid()}", min_length=1)
    """Who holds the lease: the pod's name."""
    lease_name: str = Field(default="serinus", min_length=1)
    lease_namespace: str = Field(default="serinus-system", min_length=1)
    lease_seconds: float = Field(default=15.0, ge=1, le=120)
    """How long the others wait before they take over a lease that is no longer renewed."""
    port: int = Field(default=8080, ge=0, le=65535)
    """Of /healthz, /readyz and /metrics; 0 picks a free one."""
    log_format: LogFormat = LogFormat.JSON
    log_level: LogLevel = LogLevel.INFO
    connections_file: Path | None = None
    prometheus: Connections = Field(default_factory=Connections)
    """Read from `connections_file`."""

    @field_validator("namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
        return value

    def connection(self, name: str = "") -> Connection:
        """The connection of that name, or the default for an empty one.

        Raises `SettingsError` with a sentence for the ModelRollout's status: it names connections, never addresses.
        """
        known = self.prometheus.connections
        wanted = name or self.prometheus.default or (next(iter(known)) if len(known) == 1 else "")
        if wanted in known:
            return known[wanted]
        listed = ", ".join(sorted(known)) or "none"
        if wanted:
            raise SettingsError(
                f"There is no Prometheus connection {wanted!r}; the operator's settings have: {listed}."
            )
        raise SettingsError(
            f"No default Prometheus connection is set; write one of these as analysis.prometheus: {listed}."
        )


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the environment and the file of connections. Raises `SettingsError`."""
    values = {
        key: value
        for key, value in (os.environ if environment is None else environment).items()
        if key.startswith("SERINUS_")
    }
    known = {f"SERINUS_{field.upper()}": field for field in Settings.model_fields if field != "prometheus"}
    if unknown := sorted(set(values) - set(known)):
        raise SettingsError(
            "\n".join(f"{name} is not a setting; known are {', '.join(sorted(known))}." for name in unknown)
        )
    given: dict[str, Any] = {known[name]: value for name, value in values.items() if value != ""}
    if path := given.get("connections_file"):
        given["prometheus"] = _connections(Path(path))
    try:
        return Settings(**given)
    except ValidationError as error:
        sentences = [f"SERINUS_{str(one['loc'][0]).upper()}: {one['msg']}." for one in error.errors()]
        raise SettingsError("\n".join(sentences)) from error


def _connections(path: Path) -> Connections:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"The file of connections {path} cannot be read: {error}.") from error
    try:
        return Connections.model_validate(content or {})
    except ValidationError as error:
        sentences = [f"{path}: {'.'.join(map(str, one['loc'])) or 'file'}: {one['msg']}." for one in error.errors()]
        raise SettingsError("\n".join(sentences)) from error
