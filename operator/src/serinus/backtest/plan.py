"""What a rollout can tell at a given traffic, before anything is rolled out.

told = plan(spec, rps=5.0, history=lines)
told.obstacles      # sentences: steps that cannot conclude
told.rows           # by step and SLI: what is found, what is shown, how long it takes
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from serinus.backtest import past
from serinus.backtest.compiled import compiled
from serinus.backtest.errors import InputError
from serinus.core import forecast, judge, power
from serinus.core.checks import margins
from serinus.core.evidence import Look
from serinus.core.forecast import Foreseen, Stage
from serinus.core.foretelling import obstacle
from serinus.core.history import calibrate
from serinus.core.judge import EvidenceState
from serinus.core.model import Spec
from serinus.core.needs import LOOKS_HELD, compared
from serinus.core.power import Caught, Leg
from serinus.core.tracks import Track
from serinus.core.weights import given_by, pods_for, pods_nearest

CURVE = (1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 20.0, 50.0)
"""Regressions whose chance of being found is told, as multiples of stable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One SLI at one step. Multiples are of stable's share of bad requests, or of its latency."""

    step: int
    weight: int
    hold: float
    sli: str
    found: float | None
    """Smallest regression, there from the first step on, that is found by the end of this step's hold (80 %)."""
    shown: float | None
    """Smallest ratio that an equal candidate is shown to be below within the hold, on average."""
    asked: float
    """The ratio that the step asks for ..."""
    needs: float
    """... and the seconds of evidence that it takes; infinite where it cannot be shown."""
    ceiling: float
    """Ratio up to which a difference between so few pods is never rolled back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The chance that a regression is found by the end of a step's hold, by its size (CURVE)."""

    step: int
    sli: str
    chances: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """All that is told of a rollout beforehand."""

    rps: float
    pods_stable: int
    noise: str
    steps: tuple[Foreseen, ...]
    obstacles: tuple[str, ...]
    rows: tuple[Row, ...]
    caught: Mapping[str, Caught | None]
    """By SLI: what a candidate twice as bad costs until it is found; None: it is not, even in `maxHold` at the end."""
    allowed: Mapping[str, tuple[float, float]]
    """By SLI that is a ratio: stable's share of bad requests, and up to which nothing is harm at the last step. Of a
    rate events per pod-second."""
    rates: frozenset[str]
    """The SLIs that count events over time."""
    unknown: Mapping[str, str]
    """By SLI: why its regressions cannot be told."""
    curves: tuple[Curve, ...]


def plan(
    spec: Mapping[str, Any],
    *,
    rps: float | None,
    history: Iterable[Any] | past.Scraped = (),
    pods_candidate: int | None = None,
    pods_stable: int | None = None,
    curves: bool = False,
) -> Planned:
    """Return what this spec can tell at `rps` requests a second of both arms together. Raises `InputError`.

    `rps`: None: what stable had in the last ten minutes of its history, by the SLI that counts most. `history`: lines
    of stable, as in docs/backtest.md, or its series. `pods_candidate`: at every step; None: as many as its weight
    needs. `pods_stable`: None: `workload.replicas`. `curves`: for a plot too, which takes some seconds more.
    """
    known = compiled(spec)
    whole = pods_stable or known.replicas
    if not whole:
        raise InputError("The spec says no workload.replicas: write it there, or give --pods-stable.")
    stages = tuple(_stage(known, number, whole, pods_candidate) for number in range(1, len(known.steps) + 1))
    looks = past.looks(known, history)
    rps = _recent(looks) if rps is None else rps
    noise = calibrate(looks, known.slis)
    state = judge.begin(known.slis, known.standards, noise, intervals=False, past=looks)
    counted = _counted(known, looks, rps)
    steps = forecast.forecast(state, stages, counted, interval=known.interval)
    rows: list[Row] = []
    unknown: dict[str, str] = {}
    costs: dict[str, Caught | None] = {}
    drawn: list[Curve] = []
    for track in state.tracks:
        each = _Sli(spec=known, state=state, track=track, stages=stages, rps=counted[track.sli.name])
        rows.extend(each.rows())
        if track.sli.by_buckets and not track.edges:
            unknown[track.sli.name] = "its buckets are not known without enough history"
            continue
        costs[track.sli.name] = each.cost(steps)
        drawn.extend(each.curves() if curves else ())
    return Planned(
        rps=rps,
        pods_stable=whole,
        noise=noise.sentence,
        steps=steps,
        obstacles=tuple(words for one in steps if (words := obstacle(known, one))),
        rows=tuple(sorted(rows, key=lambda row: row.step)),
        caught=costs,
        allowed={
            track.sli.name: _allowed(track, state, stages[-1]) for track in state.tracks if not track.sli.by_buckets
        },
        rates=frozenset(sli.name for sli in known.slis if sli.rate),
        unknown=unknown,
        curves=tuple(drawn),
    )


def _counted(spec: Spec, looks: Sequence[Look], rps: float) -> dict[str, float]:
    """Requests a second by SLI: all of them, but of scores as many as were judged in the past, where there is one."""
    seen = forecast.rates(looks, looks[-1].at) if looks else {}
    most = max(seen.values(), default=0.0)
    judged = {sli.name: seen.get(sli.name, 0.0) / most for sli in spec.slis if sli.scores and most > 0}
    return {sli.name: rps * judged.get(sli.name, 1.0) for sli in spec.slis}


def _recent(looks: Sequence[Look]) -> float:
    """Requests a second at the end of this past."""
    counted = forecast.rates(looks, looks[-1].at).values() if looks else ()
    if not any(counted):
        raise InputError(
            "Stable's past counts no requests at its end: write a range of five minutes or more with requests at its "
            "end, or how many there are as --rps."
        )
    return max(counted)


def _allowed(track: Track, state: EvidenceState, stage: Stage) -> tuple[float, float]:
    ratio = margins.harm_ratio(
        track.sli.allowed_ratio, track.calibration, len(state.tracks), state.standards, stage.pods1, stage.pods0
    )
    return track.level.share, ratio * track.level.share + track.sli.floor


def _stage(spec: Spec, number: int, whole: int, pods: int | None) -> Stage:
    step = spec.steps[number - 1]
    by_pods = spec.traffic.by_pods
    needed = pods or (pods_nearest if by_pods else pods_for)(step.weight, whole)
    return Stage(
        step=number,
        weight=given_by(needed, whole) if by_pods else step.weight,
        pods1=needed,
        **compared(spec, whole, needed),
        hold=step.hold,
        min_requests=step.min_requests,
        max_hold=spec.max_hold,
        idle=spec.drain + LOOKS_HELD * spec.interval,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sli:
    """One SLI of the plan."""

    spec: Spec
    state: EvidenceState
    track: Track
    stages: Sequence[Stage]
    rps: float

    def rows(self) -> list[Row]:
        track, standards = self.track, self.spec.standards
        found = self._found()
        told = []
        for leg, smallest in zip(self._legs(), found, strict=True):
            stage = leg.stage
            asked = margins.step_ratio(track.sli, standards, stage.step)
            (alone,) = forecast.forecast(
                replace(self.state, tracks=(track,)), (stage,), {track.sli.name: self.rps}, interval=self.spec.interval
            )
            told.append(
                Row(
                    step=stage.step,
                    weight=stage.weight,
                    hold=stage.hold,
                    sli=track.sli.name,
                    found=smallest,
                    shown=power.smallest_excluded(
                        track, leg, self.rps, interval=self.spec.interval, standards=standards
                    ),
                    asked=asked,
                    needs=alone.evidence,
                    ceiling=margins.harm_ratio(
                        track.sli.allowed_ratio, track.calibration, self._slis, standards, stage.pods1, stage.pods0
                    ),
                )
            )
        return told

    def cost(self, steps: Sequence[Foreseen]) -> Caught | None:
        """Steps last as long as they are foreseen to, at most `maxHold`; the last one until it is given up."""
        most = self.spec.max_hold
        legs = [
            Leg(stage=stage, lasts=min(most, max(one.evidence, stage.hold)))
            for stage, one in zip(self.stages, steps, strict=True)
        ]
        legs[-1] = replace(legs[-1], lasts=most)
        # One look at a time at the end would be a day of looks: the evidence is gathered in three grains.
        grains = [replace(legs[-1], lasts=most * part) for part in (0.01, 0.09, 0.9)]
        return power.caught(
            self.track,
            [*legs[:-1], *(replace(one, stage=replace(one.stage, idle=0.0)) for one in grains)],
            self.rps,
            interval=self.spec.interval,
            slis=self._slis,
            standards=self.spec.standards,
            needed=self._needed,
        )

    def curves(self) -> list[Curve]:
        paths = [self._path(times) for times in CURVE]
        return [
            Curve(
                step=stage.step,
                sli=self.track.sli.name,
                chances=tuple(power.power(path[at], self._needed) for path in paths),
            )
            for at, stage in enumerate(self.stages)
        ]

    def _found(self) -> list[float | None]:
        if self.track.sli.by_buckets and not self.track.edges:
            return [None] * len(self.stages)
        legs = self._legs()
        return [
            power.smallest_found(
                self.track,
                legs[:last],
                self.rps,
                interval=self.spec.interval,
                slis=self._slis,
                standards=self.spec.standards,
                needed=self._needed,
            )
            for last in range(1, len(legs) + 1)
        ]

    def _path(self, times: float) -> tuple[float, ...]:
        return power.harm(
            self.track,
            self._legs(),
            self.rps,
            times=times,
            interval=self.spec.interval,
            slis=self._slis,
            standards=self.spec.standards,
        )

    def _legs(self) -> list[Leg]:
        return [Leg(stage=stage, lasts=stage.hold) for stage in self.stages]

    @property
    def _slis(self) -> int:
        return len(self.spec.slis)

    @property
    def _needed(self) -> float:
        """The log e-value that takes back, of this SLI alone."""
        judged = sum(sli.on_fail is self.track.sli.on_fail for sli in self.spec.slis)
        return power.threshold(self.track, judged, self._slis, self.spec.standards)
