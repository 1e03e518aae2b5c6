"""A trial as the operator exported it (`trials.py`), read back from Prometheus.

told = await find(connection, spec, start, end, attempt=None)
told.looks          # when it looked, and what the evidence said to it
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median
from typing import Any

from serinus.core.evidence import Role, Verdict
from serinus.core.model import Shift, Spec
from serinus.core.needs import Started
from serinus.core.questions import Matcher
from serinus.providers import promql
from serinus.shell.measure import Asks
from serinus.shell.prometheus import PrometheusError
from serinus.shell.ranges import CHUNK_SECONDS
from serinus.shell.trials import BEGAN, DRIFT, HARM, KEPT_SECONDS, LOOK, NEWEST, POD, SHIFT


class CannotReplay(Exception):
    """Why there is nothing to replay, as one sentence that says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What the operator exported of one look; of a look that no scrape has caught only the time is known, by the
    grid."""

    at: float
    newest: float | None = None
    """Time of the newest sample that it had."""
    shift: tuple[int, int] | None = None
    """Step and weight that were in force."""
    verdict: Verdict | None = None
    harm: Mapping[str, float] = field(default_factory=dict)
    """Evidence of harm by SLI."""
    pods: tuple[Started, ...] = ()
    drift_since: float | None = None

    @property
    def read_to(self) -> float:
        """The time of the last sample that it had, as far as that is known: infinitely early where it had none."""
        if self.newest is None:
            return self.at if self.verdict is None else -math.inf
        return min(self.at, self.newest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One attempt, as the operator exported it."""

    attempt: int
    stable: str
    candidate: str
    began: float
    shifts: tuple[Shift, ...]
    """Ascending."""
    looks: tuple[Looked, ...]
    """Ascending, one for each due time."""

    def shifts_at(self, look: Looked) -> tuple[Shift, ...]:
        """The changes of weight that were made before a look. Their times are whole seconds, rounded down: of one in
        the same second the look itself says whether it was before."""
        made = tuple(one for one in self.shifts if one.at <= look.at)
        if len(made) > 1 and made[-1].at > look.at - 1:
            last, before = ((one.step, one.weight) for one in made[:-3:-1])
            if look.shift is None or (look.shift != last and look.shift == before):
                return made[:-1]
        return made


async def find(connection: Asks, spec: Spec, start: float, end: float, attempt: int | None) -> Recorded:
    """The attempt that was on trial in [start, end]; the number tells which where there was more than one.

    Raises `CannotReplay`.
    """
    mine = _selector(spec, {})
    (found,) = await _vectors(connection, [f"last_over_time({BEGAN}{mine}[{_seconds(end - start)}])"], end)
    by_number = {int(labels["attempt"]): (labels, value) for labels, value in found}
    several = {(labels["attempt"], labels["stable"], labels["candidate"]) for labels, _ in found}
    if not by_number:
        raise CannotReplay(
            f"Prometheus has no series {BEGAN} of {spec.namespace}/{spec.name} in this range: see that it scrapes the "
            "operator's /metrics, that the rollout had a candidate with traffic by then, and that it keeps so much."
        )
    if attempt is None and len(by_number) > 1:
        known = ", ".join(map(str, sorted(by_number)))
        raise CannotReplay(f"There are the attempts {known} in this range: write one of them as --attempt.")
    if attempt is not None and attempt not in by_number:
        known = ", ".join(map(str, sorted(by_number)))
        raise CannotReplay(f"There is no attempt {attempt} in this range, but {known}.")
    if len(several) > len(by_number):
        raise CannotReplay(
            "The rollout was made anew in this range, and counts its attempts from 1: write a shorter one."
        )
    number = next(iter(by_number)) if attempt is None else attempt
    labels, began = by_number[number]
    scraped = await _scraped(connection, spec, number, max(start, began - 1), end)
    told = Recorded(
        attempt=number,
        stable=labels["stable"],
        candidate=labels["candidate"],
        began=began,
        shifts=_shifts(scraped),
        looks=(),
    )
    known_looks = {one.at: one for one in map(_look, scraped.values()) if one is not None and one.at <= end}
    if not known_looks or not told.shifts:
        raise CannotReplay(f"Prometheus has no look of attempt {number} in this range: write a wider one.")
    return replace(told, looks=_completed(sorted(known_looks.values(), key=lambda one: one.at), told, spec.interval))


_Scrape = dict[str, list[tuple[Mapping[str, str], float]]]
"""Labels and value by family, of one scrape of the operator."""


async def _scraped(
    connection: Asks, spec: Spec, attempt: int, start: float, end: float
) -> dict[tuple[float, str, str], _Scrape]:
    """Everything that was exported of an attempt, by the time of the scrape and by who was scraped."""
    mine = _selector(spec, {"attempt": str(attempt)})
    (last,) = await _vectors(connection, [f"max_over_time({LOOK}{mine}[{_seconds(end - start)}])"], end)
    until = min(end, max((value for _, value in last), default=end) + KEPT_SECONDS)
    found: dict[tuple[float, str, str], _Scrape] = {}
    families = (LOOK, NEWEST, DRIFT, SHIFT, HARM, POD)
    while start < until:
        to = min(until, start + CHUNK_SECONDS)
        queries = [f"{name}{mine}[{_seconds(to - start)}]" for name in families]
        for name, answer in zip(families, await connection.instant(queries, to), strict=True):
            for one in _result(answer, "matrix"):
                labels = one["metric"]
                for at, value in one["values"]:
                    scrape = found.setdefault((at, labels.get("instance", ""), labels.get("pod", "")), {})
                    scrape.setdefault(name, []).append((labels, float(value)))
        start = to
    return found


def _shifts(scraped: Mapping[Any, _Scrape]) -> tuple[Shift, ...]:
    made = {
        Shift(at=int(at), weight=int(labels["weight"]), step=int(labels["step"]))
        for scrape in scraped.values()
        for labels, at in scrape.get(SHIFT, ())
    }
    return tuple(sorted(made, key=lambda one: (one.at, one.step)))


def _look(scrape: _Scrape) -> Looked | None:
    if LOOK not in scrape:
        return None
    labels, at = scrape[LOOK][0]
    return Looked(
        at=at,
        newest=next((value for _, value in scrape.get(NEWEST, ())), None),
        shift=(int(labels["step"]), int(labels["weight"])),
        verdict=Verdict(labels["verdict"]),
        harm={own["sli"]: value for own, value in scrape.get(HARM, ())},
        pods=tuple(
            Started(pod=own["member"], role=Role(own["role"]), ready_since=value or None)
            for own, value in scrape.get(POD, ())
        ),
        drift_since=next((value for _, value in scrape.get(DRIFT, ())), None),
    )


def _completed(known: Sequence[Looked], told: Recorded, interval: float) -> tuple[Looked, ...]:
    """The looks that were seen, and between them those that fell due and that no scrape has caught."""
    late = median(one.at % interval for one in known)
    first = next(one.at for one in told.shifts if one.weight > 0)
    begin = Looked(at=float(first), pods=known[0].pods)
    every: list[Looked] = []
    for before, after in pairwise((begin, *known)):
        for number in range(int(before.at // interval) + 1, int(after.at // interval)):
            # It cannot have had more than the next one that was seen.
            one = Looked(
                at=number * interval + late, newest=after.newest, pods=before.pods, drift_since=before.drift_since
            )
            # Without traffic on the candidate nobody looks.
            if told.shifts_at(one)[-1].weight > 0:
                every.append(one)
        every.append(after)
    return tuple(every)


def _selector(spec: Spec, labels: Mapping[str, str]) -> str:
    wanted = {"rollout": f"{spec.namespace}/{spec.name}", **labels}
    return f"{{{','.join(promql.matcher(Matcher(label=key, op='=', value=value)) for key, value in wanted.items())}}}"


def _seconds(span: float) -> str:
    return f"{max(1, math.ceil(span))}s"


async def _vectors(connection: Asks, queries: Sequence[str], at: float) -> list[list[tuple[Mapping[str, str], float]]]:
    """Labels and value of each series of the answers. Raises `CannotReplay`."""
    return [
        [(one["metric"], float(one["value"][1])) for one in _result(answer, "vector")]
        for answer in await connection.instant(queries, at)
    ]


def _result(answer: Mapping[str, Any] | PrometheusError, kind: str) -> list[Any]:
    if isinstance(answer, PrometheusError):
        raise CannotReplay(str(answer))
    data = answer.get("data")
    if answer.get("warnings"):
        raise CannotReplay("Prometheus answered with warnings: some of its stores did not answer.")
    if not isinstance(data, Mapping) or data.get("resultType") != kind or not isinstance(data.get("result"), list):
        raise CannotReplay("Prometheus answered with something else than samples.")
    return list(data["result"])
