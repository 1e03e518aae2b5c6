"""What the recorded requests of the operator say. Pure: values in, values out."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import parse_qs

from benchmarks.recorder import API, PROMETHEUS, Asked

_SAME_LOOK = 5.0
"""Seconds within which the queries of one look are sent."""
_ROLLOUT = re.compile(r"((?:busy|idle)-\d+)-")


@dataclass(slots=True)
class Calls:
    """Requests to the API server, counted apart by what they are."""

    writes: Counter[str] = field(default_factory=Counter)
    reads: Counter[str] = field(default_factory=Counter)
    watches: int = 0
    lease: int = 0


def calls(requests: Iterable[Asked]) -> Calls:
    """Count them, writes and reads by what they speak of."""
    found = Calls()
    for one in requests:
        if one.to != API:
            continue
        if one.is_lease:
            found.lease += 1
        elif one.is_watch:
            found.watches += 1
        elif one.is_write:
            found.writes[f"{one.method} {_kind(one.path)}"] += 1
        else:
            found.reads[f"{one.method} {_kind(one.path)}"] += 1
    return found


def spoken_of(requests: Iterable[Asked], names: Iterable[str]) -> list[Asked]:
    """Those requests to the API server that name one of these rollouts in path or query; watches left out."""
    pattern = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names) or r"(?!)")
    return [one for one in requests if one.to == API and not one.is_watch and pattern.search(f"{one.path}?{one.query}")]


def queries(requests: Iterable[Asked]) -> list[Asked]:
    return [one for one in requests if one.to == PROMETHEUS]


def intervals(requests: Iterable[Asked]) -> dict[str, list[float]]:
    """Seconds between the looks at each rollout: those at which its counters were asked for."""
    looks: dict[str, list[float]] = {}
    for one in sorted(queries(requests), key=lambda one: one.asked):
        text = promql(one)
        if text.startswith("http_requests_total") and not _is_history(text):
            for rollout in set(_ROLLOUT.findall(text)):
                times = looks.setdefault(rollout, [])
                if not times or one.asked > times[-1] + _SAME_LOOK:
                    times.append(one.asked)
    return {rollout: [after - before for before, after in pairwise(times)] for rollout, times in looks.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """How fast a bad answer led to weight 0 (seconds)."""

    from_answer: float
    """From the answer that carried the errors to the accepted patch."""
    from_last_answer: float
    """From the last answer of the same look."""


def taken_back(requests: Sequence[Asked], rollout: str, since: float) -> TakenBack | None:
    """For a rollout whose candidate turned bad at `since`; None where no patch was accepted yet."""
    patches = [
        one
        for one in requests
        if one.to == API
        and one.method == "PATCH"
        and one.path.endswith(f"/httproutes/{rollout}")
        and one.status == 200
        and one.asked > since
    ]
    if not patches:
        return None
    first = min(patches, key=lambda one: one.answered)
    look = [one for one in queries(requests) if first.asked - _SAME_LOOK < one.answered < first.asked]
    errors = [one for one in look if 'code=~"5.."' in promql(one) and rollout in _ROLLOUT.findall(promql(one))]
    if not errors:
        return None
    return TakenBack(
        from_answer=first.answered - max(one.answered for one in errors),
        from_last_answer=first.answered - max(one.answered for one in look),
    )


def promql(one: Asked) -> str:
    """The text of a query that was sent as a form."""
    return parse_qs(one.body).get("query", [""])[0]


def listed(counted: Mapping[str, int]) -> str:
    """Counts in words, the largest first."""
    ordered = sorted(counted.items(), key=lambda item: -item[1])
    return ", ".join(f"{count} {what}" for what, count in ordered) or "none"


def _is_history(text: str) -> bool:
    return re.search(r"\[\d+s:\d+s\]$", text) is not None


def _kind(path: str) -> str:
    """The plural of an API path, with its subresource."""
    words = path.strip("/").split("/")
    if "namespaces" in words:
        rest = words[words.index("namespaces") + 2 :]
        return "/".join((rest[0], *rest[2:])) if rest else "namespaces"
    return words[-1]
