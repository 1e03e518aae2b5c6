"""The looks of stable from lines of its past, in either form: what the core measures its noise on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from serinus.backtest.errors import InputError, Refused
from serinus.backtest.increments import WARM_UP, Increase
from serinus.backtest.raw import Sample, Scrapes
from serinus.core import increments, trial, windows
from serinus.core.evidence import Look, Role
from serinus.core.increments import Increments
from serinus.core.model import Spec
from serinus.core.samples import Series
from serinus.core.timeline import Life, Timeline

STEP = 60.0
"""Seconds between looks at raw samples of the past."""
CHUNK = 3600.0
"""Seconds of raw samples that are read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scraped:
    """The past as the operator reads it: whole series."""

    series: tuple[tuple[Role, Series], ...]


def looks(spec: Spec, lines: Iterable[Any] | Scraped) -> tuple[Look, ...]:
    """Return the looks of about a minute each that these lines, or series, hold. Raises `InputError`."""
    settle = spec.warm_up_seconds + spec.drain
    if isinstance(lines, Scraped):
        return trial.past(lines.series, step=STEP, settle=settle, warm_up=spec.warm_up_requests)
    reading = _Reading(spec)
    own = increments.past(reading.increments(lines), settle=settle)
    return tuple(own or _looks(reading.samples, settle, spec.warm_up_requests))


class _Reading:
    """Lines in one of two forms: increments are handed on one by one, raw samples are kept."""

    def __init__(self, spec: Spec) -> None:
        self._increase, self._scrapes = Increase(spec), Scrapes(spec)
        self._warms_up = spec.warm_up_requests > 0
        self.samples: list[Sample] = []

    def increments(self, lines: Iterable[Any]) -> Iterator[Increments]:
        """The lines that hold increments; the others are kept in `samples`."""
        before: float | None = None
        ends: dict[str, float] = {}
        for number, line in enumerate(lines, 1):
            try:
                if not isinstance(line, dict):
                    raise Refused('a line is an object, such as {"t": 15.0, "weight": 0, "pods": [...]}.')
                if "counters" in line and before is None:
                    self.samples.append(self._scrapes.sample(line))
                elif ("pods" in line or "budget" in line) and not self.samples:
                    if self._warms_up:
                        raise Refused(WARM_UP)
                    read = self._increase.read(line, before, ends, ends)
                    before, ends = read.increments.at, {pod.pod: pod.end for pod in read.increments.pods}
                    yield read.increments
                elif "weight" in line and "pods" not in line and "counters" not in line and before is None:
                    # Stable's own noise is measured whatever its share was.
                    self._scrapes.weight(line)
                else:
                    raise Refused(
                        "a history is either increments (with pods) or raw samples (with counters), not both."
                    )
            except Refused as error:
                raise InputError(str(error), line=number, history=True) from error


def _looks(samples: list[Sample], settle: float, warm_up: int) -> list[Look]:
    """The looks of stable's pods, read an hour at a time: how they are cut changes nothing."""
    own = sorted((one for one in samples if one.role is Role.STABLE), key=lambda one: one.at)
    lives: dict[str, Life] = {}
    for one in own:
        born = one.at if one.ready_since is None else one.ready_since
        start = lives[one.pod].start if one.pod in lives else born + (0.0 if trial.GATEWAY in one.pod else settle)
        lives[one.pod] = Life(pod=one.pod, role=Role.STABLE, start=start, end=one.at)
    timeline = Timeline(lives=tuple(lives.values()), warm_up=warm_up)
    reader = windows.begin(STEP)
    found: list[Look] = []
    begin = 0
    while begin < len(own):
        end = begin
        while end < len(own) and own[end].at < own[begin].at + CHUNK:
            end += 1
        reader, looks = windows.read(reader, (one for sample in own[begin:end] for one in sample.series), timeline)
        found.extend(looks)
        begin = end
    return found
