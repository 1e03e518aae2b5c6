"""JSON patches (RFC 6902) as values: built here, sent by the shell.

Every patch of ours begins with a `test` of what it was computed from, so that a write that is late, or meets a
change by someone else, fails as a whole instead of overwriting it. What was *absent* is covered by the test of
`resourceVersion`: RFC 6902 has no way to test for absence.
"""

from collections.abc import Mapping
from typing import Any

Operation = Mapping[str, Any]
"""One operation: `op`, `path`, and `value` except for `remove`."""


def pointer(*parts: str | int) -> str:
    """A JSON pointer (RFC 6901) to the given members and indices, escaped."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def expect(value: Any, *parts: str | int) -> Operation:
    """Fail the whole patch unless this value stands there."""
    return {"op": "test", "path": pointer(*parts), "value": value}


def put(value: Any, *parts: str | int) -> Operation:
    """Set a member, whether it exists or not (for a list: insert before the index)."""
    return {"op": "add", "path": pointer(*parts), "value": value}


def replace(value: Any, *parts: str | int) -> Operation:
    """Set a member. The API server creates a missing one all the same: put a `test` before it."""
    return {"op": "replace", "path": pointer(*parts), "value": value}


def remove(*parts: str | int) -> Operation:
    """Take a member out that exists; fail where it does not."""
    return {"op": "remove", "path": pointer(*parts)}


def unchanged(manifest: Mapping[str, Any]) -> Operation:
    """Fail unless the object is still exactly the one that was read."""
    return expect(manifest["metadata"]["resourceVersion"], "metadata", "resourceVersion")
