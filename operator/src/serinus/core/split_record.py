"""The journal entry as it stands in an annotation: compact JSON, read strictly.

Whatever router carries the weights, the entry looks the same. An entry that cannot be read is never guessed at.
"""

import json
from dataclasses import asdict, replace

from serinus.core.model import Cause, SplitRecord

ANNOTATION = "serinus.dev/split"
NOTE_LENGTH = 200

_REQUIRED = {"uid": str, "seq": int, "revision": str, "step": int, "weight": int, "cause": str, "at": int}
_OPTIONAL = {"stable": str, "route": str, "token": str, "note": str}


class UnreadableRecord(ValueError):
    """The annotation holds something that is not a journal entry; the message says what is wrong with it."""


def write(record: SplitRecord) -> str:
    """The annotation's value. Empty optional members are left out; the note is cut to 200 characters."""
    return json.dumps(_members(record), separators=(",", ":"), ensure_ascii=False)


def _members(record: SplitRecord) -> dict[str, object]:
    members = asdict(replace(record, note=record.note[:NOTE_LENGTH], before=None))
    kept = {key: value for key, value in members.items() if key in _REQUIRED or value}
    return kept | ({"before": _members(record.before)} if record.before is not None else {})


def read(text: str) -> SplitRecord:
    """The entry that `write` wrote. Raises `UnreadableRecord` for anything else; members that it does not know are
    passed over, so that an older operator can read what a newer one wrote."""
    try:
        members = json.loads(text)
    except ValueError as error:
        raise UnreadableRecord(f"not JSON ({error})") from error
    return _record(members)


def _record(members: object) -> SplitRecord:
    if not isinstance(members, dict):
        raise UnreadableRecord("not a JSON object")
    for key, kind in (_REQUIRED | _OPTIONAL).items():
        if key not in members:
            if key in _REQUIRED:
                raise UnreadableRecord(f"{key} is missing")
        elif not isinstance(members[key], kind) or isinstance(members[key], bool):
            raise UnreadableRecord(f"{key} is {members[key]!r}")
    if not 0 <= members["weight"] <= 100:
        raise UnreadableRecord(f"weight is {members['weight']}, not 0 to 100")
    if members["cause"] not in set(Cause):
        raise UnreadableRecord(f"cause is {members['cause']!r}")
    known = {key: members[key] for key in (*_REQUIRED, *_OPTIONAL) if key in members}
    before = members.get("before")
    return SplitRecord(**known | {"cause": Cause(members["cause"])}, before=None if before is None else _record(before))
