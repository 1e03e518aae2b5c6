"""Lines that hold what each pod counted around one due time, as increments."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isclose
from typing import Any

from serinus.backtest import budgets, fields
from serinus.backtest.errors import Refused
from serinus.core import native
from serinus.core.evidence import Counts, Histogram, PodLook, ProviderState, Rate, Ratio, Role, Sli, mirrored
from serinus.core.increments import CLOSE, Increments
from serinus.core.model import Spec
from serinus.core.questions import HistogramSource

_LINE = frozenset({"t", "weight", "wanted", "step", "provider", "pods", "budget"})
_POD = frozenset({"pod", "role", "from", "to", "readySince", "restarts", "slis"})
_RATIO = frozenset({"total", "bad"})
_HISTOGRAM = frozenset({"le", "counts"})
_RATE = (frozenset({"events"}), frozenset({"events", "exposure"}))
_NATIVE = frozenset({"schema", "offset", "counts"})
_FARTHEST = 2**20
"""An index of a native bucket that no observation has."""
WARM_UP = (
    "increments do not tell when a process began, from which workload.warmUpRequests counts: write workload.warmUp in "
    "seconds, or use raw samples."
)
"""Why increments are refused where the spec leaves out a pod's first requests."""
_NOT_YET = {
    "both": "paired (shadow) counts are not judged yet; a ratio {total, bad}, a histogram {le, counts} and a rate "
    "{events} are",
}
"""By a field that is there only in a form that the core cannot judge: why it is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line, checked."""

    increments: Increments
    provider: ProviderState
    restarts: Mapping[str, tuple[Role, int]]
    """By pod: its role, and how often its containers have ended with an error so far; absent where not said."""
    budget: budgets.Counts | None
    """None: the line says nothing of the error budget."""
    listed: int
    """Pods in the line; where the provider did not answer in full, none of them is evidence."""


class Increase:
    """Reads lines for one spec. What it remembers is a cache."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._slis = {sli.name: sli for sli in spec.slis}
        self._units = {
            one.sli: one.source.seconds_per_unit for one in spec.measurements if isinstance(one.source, HistogramSource)
        }
        self._edges: dict[tuple[str, tuple[Any, ...]], tuple[float, ...]] = {}

    def read(
        self, line: Mapping[str, Any], before: float | None, ends: Mapping[str, float], listed: Mapping[str, float]
    ) -> Line:
        """Check one line. `before`: the time of the line before; `ends`: when the windows ended that it listed, by pod;
        `listed`: when each pod's last window ended that was listed lately.

        Raises `Refused`.
        """
        _not_yet(line, "")
        fields.only(line, _LINE, "")
        at = fields.time(line)
        if before is not None and at <= before:
            raise Refused(
                f"t is {at:g}, and the line before was of {before:g}: sort the lines by time, each time once."
            )
        weight, wanted, step = fields.weights(line, self._spec)
        state = fields.provider(line)
        given = line.get("pods")
        if not isinstance(given, list):
            raise Refused(f"pods is {fields.shown(given)}: write a list of pods, [] where none was scraped.")
        start = at - self._spec.interval if before is None else before
        looks: list[PodLook] = []
        ready: dict[str, float] = {}
        restarts: dict[str, tuple[Role, int]] = {}
        seen: set[str] = set()
        for index, one in enumerate(given):
            look = self._pod(one, index, start, at, ends, listed)
            if look.pod in seen:
                raise Refused(f"pods[{index}]: {look.pod} is listed twice; add up its counts, or name the pods apart.")
            seen.add(look.pod)
            looks.append(look)
            if "readySince" in one and (since := one["readySince"]) is not None:
                ready[look.pod] = fields.number(
                    since, f"pods[{index}].readySince", "a time in seconds, or leave it out"
                )
            if "restarts" in one:
                count = fields.whole(
                    one["restarts"], f"pods[{index}].restarts", "how often so far, 0 or more", 0, 10**9
                )
                restarts[look.pod] = (look.role, count)
        increments = Increments(
            at=at,
            weight=weight,
            wanted=wanted,
            step=step,
            pods=tuple(looks) if state is ProviderState.OK else (),
            ready_since=ready,
        )
        budget = budgets.read(line, self._spec)
        return Line(increments=increments, provider=state, restarts=restarts, budget=budget, listed=len(looks))

    def _pod(
        self, one: Any, index: int, start: float, at: float, ends: Mapping[str, float], listed: Mapping[str, float]
    ) -> PodLook:
        if not isinstance(one, dict):
            raise Refused(f"pods[{index}] is {fields.shown(one)}: write a pod as {{pod, role, slis}}.")
        if not one.keys() <= _POD:
            fields.only(one, _POD, f"pods[{index}].")
        pod, named = one.get("pod"), one.get("role")
        role = fields.ROLES.get(named) if type(named) is str else None
        if type(pod) is not str or not pod or role is None:
            pod = fields.text(pod, f"pods[{index}].pod", "the pod's name")
            role = fields.role(named, f"pods[{index}].role")
        since = ends.get(pod, start)
        if "from" in one:
            since = fields.number(one["from"], f"pods[{index}].from", "when its window began, in seconds")
            if since < listed.get(pod, -inf) - CLOSE:
                raise Refused(
                    f"pods[{index}].from is {since:g}, and the last window of {pod} ended at {listed[pod]:g}: windows "
                    "of one pod may not overlap, what lies in both would count twice."
                )
        to = fields.number(one["to"], f"pods[{index}].to", "when its window ended, in seconds") if "to" in one else at
        if to <= since:
            raise Refused(f"pods[{index}]: its window ends at {to:g} and begins at {since:g}; write from before to.")
        slis = one.get("slis")
        if not isinstance(slis, dict):
            raise Refused(f"pods[{index}].slis is {fields.shown(slis)}: write counts by SLI, {{}} where none was read.")
        counts = {name: self._counts(name, told, index, to - since) for name, told in slis.items()}
        return PodLook(pod=pod, role=role, start=since, end=to, counts=counts)

    def _counts(self, name: str, told: Any, index: int, seconds: float) -> Counts:
        sli = self._slis.get(name)
        if sli is not None and not sli.by_buckets and not sli.rate and isinstance(told, dict) and told.keys() == _RATIO:
            total, bad = told["total"], told["bad"]
            # What holds for nearly every line is asked first; which of it does not is found out below.
            if type(total) in (int, float) and type(bad) in (int, float) and 0 <= bad <= total < inf:
                return Ratio(total=float(total), bad=float(bad))
        at = f"pods[{index}].slis.{name}"
        if sli is None:
            raise Refused(f"{at}: the spec has no SLI {name}; it has {', '.join(self._slis)}.")
        if not isinstance(told, dict):
            raise Refused(f"{at} is {fields.shown(told)}: write {self._form(sli)}.")
        _not_yet(told, f"{at}: ")
        if sli.latency and told.keys() == _NATIVE:
            return self._native(sli, told, at)
        if sli.rate:
            if told.keys() not in _RATE:
                raise Refused(f"{at} has {', '.join(told) or 'nothing'}: write {self._form(sli)}.")
            return _rate(told, at, seconds)
        if told.keys() != (_HISTOGRAM if sli.by_buckets else _RATIO):
            raise Refused(f"{at} has {', '.join(told) or 'nothing'}: write {self._form(sli)}.")
        return self._histogram(sli, told, at) if sli.by_buckets else _ratio(told, at)

    def _form(self, sli: Sli) -> str:
        if sli.latency:
            return f'{{"le": [0.5, 2.5, "+Inf"], "counts": [90, 9, 1]}}, because {sli.name} is a latency'
        if sli.scores:
            return f'{{"le": [1, 2, 3, 4, "+Inf"], "counts": [3, 7, 16, 38, 36]}}, because {sli.name} is scores'
        if sli.rate:
            return f'{{"events": 1}}, or {{"events": 1, "exposure": 15.0}}, because {sli.name} is a rate'
        return f'{{"total": 1500, "bad": 14}}, because {sli.name} is a ratio'

    def _histogram(self, sli: Sli, told: Mapping[str, Any], at: str) -> Histogram:
        le, counts = told["le"], told["counts"]
        if not isinstance(le, list) or not isinstance(counts, list) or len(le) != len(counts) or len(le) < 2:
            raise Refused(f"{at}: write le and counts as two lists of the same length, at least two buckets.")
        key = (sli.name, tuple(map(str, le)))
        if key not in self._edges:
            self._edges[key] = self._bounds(sli, le, at)
        edges, each = self._edges[key], _per_bucket(counts, at)
        if sli.scores:
            return mirrored(edges, each)
        # A time is never below 0, and a bound of 0 says nothing of it.
        low = sum(edge <= 0 for edge in edges)
        return Histogram(edges=edges[low:], counts=(sum(each[: low + 1]), *each[low + 1 :]))

    def _native(self, sli: Sli, told: Mapping[str, Any], at: str) -> Histogram:
        known = f"a schema of Prometheus, {native.SCHEMAS[0]} to {native.SCHEMAS[-1]}"
        schema = fields.whole(told["schema"], f"{at}.schema", known, native.SCHEMAS[0], native.SCHEMAS[-1])
        offset = fields.whole(
            told["offset"], f"{at}.offset", "the index of the first bucket in counts", -_FARTHEST, _FARTHEST
        )
        if not isinstance(told["counts"], list):
            raise Refused(
                f"{at}.counts is {fields.shown(told['counts'])}: write a list of counts, one for each bucket."
            )
        return native.histogram(schema, offset, _per_bucket(told["counts"], at), sli.edge)

    def _bounds(self, sli: Sli, le: list[Any], at: str) -> tuple[float, ...]:
        if le[-1] != "+Inf":
            raise Refused(f'{at}.le ends with {fields.shown(le[-1])}: the last bucket is "+Inf".')
        bounds = [fields.number(one, f"{at}.le[{j}]", "the upper bound of a bucket") for j, one in enumerate(le[:-1])]
        if sorted(set(bounds)) != bounds:
            raise Refused(f"{at}.le is not in ascending order.")
        if sli.edge is not None and not any(isclose(sli.edge, one, rel_tol=1e-9) for one in bounds):
            unit = self._units[sli.name]
            nearest = sorted(bounds, key=lambda bound: abs(bound - (sli.edge or 0.0)))[:3]
            known = ", ".join(f"{bound * unit:g}s" for bound in sorted(nearest))
            raise Refused(
                f"{at}.le has no bucket at {sli.edge * unit:g}s, the objective of the spec; the nearest are {known}: "
                "write one of these in the spec."
            )
        return (*bounds, inf)


def _per_bucket(counts: list[Any], at: str) -> tuple[float, ...]:
    for bucket, count in enumerate(counts):
        fields.number(
            count,
            f"{at}.counts[{bucket}]",
            "how many requests fell into this bucket alone (not those below it), 0 or more",
            least=0.0,
        )
    return tuple(map(float, counts))


def _ratio(told: Mapping[str, Any], at: str) -> Ratio:
    total = fields.number(told["total"], f"{at}.total", "how many requests there were, 0 or more", least=0.0)
    bad = fields.number(told["bad"], f"{at}.bad", "how many requests were bad, 0 or more", least=0.0)
    if bad > total:
        raise Refused(f"{at}: {bad:g} bad of {total:g} requests; bad is at most total.")
    return Ratio(total=total, bad=bad)


def _rate(told: Mapping[str, Any], at: str, seconds: float) -> Rate:
    """Events in so many seconds; the line may say others, for which they were counted."""
    events = fields.number(told["events"], f"{at}.events", "how many events there were, 0 or more", least=0.0)
    exposure = seconds
    if "exposure" in told:
        exposure = fields.number(
            told["exposure"], f"{at}.exposure", "for how many seconds the events were counted, 0 or more", least=0.0
        )
    if events > 0 and exposure <= 0:
        raise Refused(f"{at}: {events:g} events in no time; write the exposure in seconds, or leave it out.")
    return Rate(events=events, exposure=exposure)


def _not_yet(given: Mapping[str, Any], at: str) -> None:
    for name, why in _NOT_YET.items():
        if name in given:
            raise Refused(f"{at}{why}.")
