"""What must be true at every moment of a rollout, read from what the witness saw. Each broken promise is a sentence."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from serinus.core import split_record
from serinus.core.model import Cause, SplitRecord
from serinus.core.weights import carried_by
from tests.api_server.api import Manifest
from tests.api_server.stage import is_ready
from tests.crash.witness import Seen

RAISES = (Cause.STEP, Cause.PROMOTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of the route: weights of the two Services, and the entry beside them."""

    stable: int
    candidate: int
    entry: SplitRecord | None
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the story asked for."""

    replicas: int
    holds: Sequence[float]
    """Seconds, by step from 1 on."""
    drain: float


def changes(events: Iterable[Seen]) -> list[Change]:
    """The route's changes in order, without writes that changed neither weights nor entry (its status)."""
    found: list[Change] = []
    for one in events:
        if one.kind != "HTTPRoute" or one.gone:
            continue
        change = _change(one.manifest, one.at)
        if not found or replace(change, at=found[-1].at) != found[-1]:
            found.append(change)
    return found


def course(events: Iterable[Seen]) -> list[tuple[str, int, int]]:
    """(cause, step, weight) of all entries in order."""
    return [(str(one.entry.cause), one.entry.step, one.entry.weight) for one in changes(events) if one.entry]


def broken(events: Sequence[Seen], rules: Rules) -> list[str]:
    """Sentences; empty when every promise was kept."""
    return [
        *_weights(changes(events)),
        *_journal([one.entry for one in changes(events) if one.entry]),
        *_holds(changes(events), rules),
        *_capacity(events, rules),
        *_pods(events, rules),
    ]


def _change(route: Manifest, at: float) -> Change:
    weights = {one["name"]: one.get("weight", 1) for one in route["spec"]["rules"][0]["backendRefs"]}
    text = (route["metadata"].get("annotations") or {}).get(split_record.ANNOTATION)
    return Change(
        stable=weights["chat-stable"],
        candidate=weights["chat-candidate"],
        entry=split_record.read(text) if text else None,
        at=at,
    )


def _weights(seen: Sequence[Change]) -> list[str]:
    sentences = [
        f"The weights are {one.stable}/{one.candidate}, together not 100."
        for one in seen
        if one.stable + one.candidate != 100
    ]
    sentences += [
        f"The entry {one.entry.seq} says {one.entry.weight} % and the route {one.candidate} %."
        for one in seen
        if one.entry is not None and one.entry.weight != one.candidate
    ]
    return sentences


def _journal(entries: Sequence[SplitRecord]) -> list[str]:
    numbers = [one.seq for one in entries]
    if numbers != list(range(1, len(numbers) + 1)):
        return [f"The journal's numbers are {numbers}, and each should be one more than the one before."]
    return []


def _holds(seen: Sequence[Change], rules: Rules) -> list[str]:
    """A raise comes after the hold of the step before it, and that is counted from the end of the drain after that
    step's own entry: so it rests on nothing that was measured before."""
    sentences = []
    entered = [(one.at, one.entry) for one in seen if one.entry is not None]
    for (_, before), (at, entry) in pairwise(entered):
        if entry.cause not in RAISES or before.cause is not Cause.STEP:
            continue
        least = rules.holds[before.step - 1] + rules.drain
        if entry.at - before.at < least or at - before.at < least:
            sentences.append(
                f"Entry {entry.seq} ({entry.cause}, {entry.weight} %) was decided {entry.at - before.at} s after step "
                f"{before.step}, whose hold and drain are {least:.0f} s."
            )
    return sentences


def _capacity(events: Sequence[Seen], rules: Rules) -> list[str]:
    """Neither Service is ever given a larger share than the ready pods that it selects can carry."""
    sentences = []
    route: Change | None = None
    selected: dict[str, str] = {}
    ready: dict[str, str] = {}
    for one in events:
        labels = one.manifest["metadata"].get("labels") or {}
        if one.kind == "HTTPRoute" and not one.gone:
            route = _change(one.manifest, one.at)
        elif one.kind == "Service":
            selected[one.name] = (one.manifest["spec"].get("selector") or {}).get("serinus.dev/revision", "")
        elif one.kind == "Pod":
            ready.pop(one.name, None)
            if not one.gone and is_ready(one.manifest):
                ready[one.name] = labels.get("serinus.dev/revision", "")
        if route is None or route.entry is None:
            continue
        for service, weight in (("chat-stable", route.stable), ("chat-candidate", route.candidate)):
            pods = sum(1 for revision in ready.values() if revision == selected.get(service))
            if weight > carried_by(pods, rules.replicas):
                sentences.append(
                    f"{service} had {weight} % on {pods} ready pods of {rules.replicas} after {one.kind} {one.name} "
                    f"changed (entry {route.entry.seq}, {route.entry.cause})."
                )
    return list(dict.fromkeys(sentences))


def _pods(events: Sequence[Seen], rules: Rules) -> list[str]:
    """No pod is made again: a model is loaded once."""
    made: dict[str, set[str]] = {}
    for one in events:
        if one.kind == "Pod":
            metadata = one.manifest["metadata"]
            made.setdefault((metadata.get("labels") or {}).get("serinus.dev/revision", ""), set()).add(metadata["uid"])
    return [
        f"{len(pods)} pods of revision {revision} were made, and {rules.replicas} were asked for."
        for revision, pods in made.items()
        if len(pods) > rules.replicas
    ]


def entry_of(route: Manifest) -> Manifest:
    """The entry as JSON."""
    return dict(json.loads(route["metadata"]["annotations"][split_record.ANNOTATION]))
