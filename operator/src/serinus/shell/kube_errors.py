"""What can go wrong between us and the API server, by what the caller can do about it.

KubeError
├── NotFound         the object is not there
│   └── UnknownKind  not even its kind is: a CRD is missing
├── Conflict         the object is not as we believed: read again, decide again
│   └── AlreadyExists
├── Gone             a list took too long: start it over
├── Throttled        asked to slow down: `retry_after` seconds
├── Unavailable      no usable answer (5xx, time-out, connection, expired credentials): try later
├── Refused          asked for something that is not allowed or not valid: trying again changes nothing
└── NotLeader        never sent: another operator holds the lease
"""

import json
from collections.abc import Mapping
from typing import Any


class KubeError(Exception):
    """The message is a sentence: what was asked, and what the API server answered, in its words."""


class NotFound(KubeError):
    """The object does not exist."""


class UnknownKind(NotFound):
    """The API server does not serve this kind: its CRD is not installed."""


class Conflict(KubeError):
    """The object is not as we believed: a precondition, a `test` of a patch or the ownership of a field failed."""


class AlreadyExists(Conflict):
    """An object of that name is there already."""


class Gone(KubeError):
    """The version that was asked for is no longer kept."""


class Throttled(KubeError):
    """The API server asks to slow down."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(KubeError):
    """No usable answer; whether a write took place is unknown."""


class Refused(KubeError):
    """Not allowed, or not valid."""


class NotLeader(KubeError):
    """The write was not sent, because the lease is not held."""


def from_answer(
    what: str, status: int, headers: Mapping[str, str], body: bytes, *, json_patch: bool = False
) -> KubeError:
    """The error that an answer of 300 or more means. `what` is the request in words."""
    said = _status(body)
    message = f"{what}: {said.get('message') or f'HTTP status {status}'}"
    match status:
        case 404:
            named = (said.get("details") or {}).get("name")
            return NotFound(message) if named else UnknownKind(message)
        case 409:
            return AlreadyExists(message) if said.get("reason") == "AlreadyExists" else Conflict(message)
        case 410:
            return Gone(message)
        case 422 if json_patch and not said.get("details"):
            # A patch whose `test` or path failed is answered without any detail; a result that is not valid names
            # what is wrong. (Seen on 1.34; a member that `replace` does not find is created, though.)
            return Conflict(f"{what}: the object is not as the patch expects it.")
        case 429:
            return Throttled(message, _seconds(headers.get("Retry-After")))
        case 401 | 408:
            return Unavailable(message)
        case _ if status >= 500 or status < 400:
            return Unavailable(message)
        case _:
            return Refused(message)


def _status(body: bytes) -> dict[str, Any]:
    """The answer as a `Status` object; empty where it is something else (a proxy's page)."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _seconds(value: str | None) -> float:
    try:
        return max(0.0, float(value or 1))
    except ValueError:
        return 1.0
