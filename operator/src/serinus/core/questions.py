"""What is asked of a metrics provider, in words that no provider owns.

A preset or a person's own SLI compiles to a `Measurement`; a provider turns many measurements of many rollouts into
few queries. Nobody writes a query language, and Serinus adds namespace and pods itself.
"""

from dataclasses import dataclass
from enum import StrEnum


class Arms(StrEnum):
    """How a series tells which revision it speaks of."""

    POD = "pod"
    """By the label `pod`: scraped from the model server itself."""
    WORKLOAD = "workload"
    """By `destination_workload` (Istio): the name of the revision's Deployment."""
    CLUSTER = "cluster"
    """By the gateway's cluster name (Envoy), which names one of our two Services: role, not revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matcher:
    """One label matcher; `op` is one of = != =~ !~ and `value` is unescaped."""

    label: str
    op: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A counter or histogram by name, narrowed by matchers; namespace and pods are added by the provider."""

    metric: str
    """Name as scraped; for a histogram without the suffix `_bucket`."""
    matchers: tuple[Matcher, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioSource:
    """A share of bad requests: `total` and exactly one of `bad` and `good`."""

    total: Series
    bad: Series | None = None
    good: Series | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramSource:
    """A histogram with classic buckets: a latency, or scores."""

    histogram: Series
    seconds_per_unit: float = 1.0
    """1 where the metric is in seconds, 0.001 where it is in milliseconds."""
    scores: bool = False
    """Lower is worse. False: a latency, larger is worse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSource:
    """A counter of events that happen in time and not by request: restarts, faults, out of memory."""

    events: Series


Source = RatioSource | HistogramSource | RateSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Where the numbers of one SLI come from."""

    sli: str
    arms: Arms
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRef:
    """The object that holds the pod template: `workload` is the name of a workload plug-in."""

    workload: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficRef:
    """What moves traffic: `router` is the name of a router plug-in."""

    router: str
    name: str
    """Name of Git's route; the rollout's own name where Serinus generates it."""
    gateway: str = ""
    """Generate the route on this Gateway, `name` or `namespace/name`; empty: the route is Git's."""
    hostnames: tuple[str, ...] = ()
    by_pods: bool = False
    """Ready pods share the requests evenly: a share is a number of pods; the router only says whose pods get any."""

    @property
    def route(self) -> str:
        """What the route is called in the journal: ROUTER/NAME."""
        return f"{self.router}/{self.name}"

    @property
    def generated(self) -> bool:
        """The route is Serinus' own object, not Git's."""
        return bool(self.gateway) or self.by_pods
