"""The nouns of evidence: what was counted, over which windows, and what it says.

Everything here is a value. Times are seconds since the epoch (UTC) unless a name ends in `_seconds`,
which is a duration. Counts are counts of requests, never rates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf


class Role(StrEnum):
    """What a revision is in its rollout at this moment."""

    STABLE = "stable"
    CANDIDATE = "candidate"
    BASELINE = "baseline"
    """A pod of stable that is as young as the candidate's."""


class Verdict(StrEnum):
    """The answer of one check, and of all of them together. Only `FAIL` may cost a rollback."""

    PASS = "Pass"
    FAIL = "Fail"
    NOT_ENOUGH = "NotEnough"
    NO_DATA = "NoData"
    PROVIDER_DOWN = "ProviderDown"


class ProviderState(StrEnum):
    """How the metrics provider answered; `PARTIAL` (warnings) is no answer at all."""

    OK = "ok"
    DOWN = "down"
    PARTIAL = "partial"


class OnFail(StrEnum):
    """What a failing SLI may do."""

    ROLLBACK = "rollback"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Requests of one pod in one window, and how many of them were bad (0 <= bad <= total)."""

    total: float
    bad: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Requests of one pod in one window by bucket.

    `edges` are the upper bounds in ascending order, the last one `inf`; `counts` has the same length and is
    per bucket, not cumulative. The last bucket is the worst: of scores, of which lower is worse, the bounds are
    negative and the buckets in reverse order (`mirrored`).
    """

    edges: tuple[float, ...]
    counts: tuple[float, ...]


def mirrored(edges: Sequence[float], counts: Sequence[float]) -> Histogram:
    """Return a histogram of scores, of which lower is worse, as one whose last bucket is the worst.

    `edges`: upper bounds as they were scraped, the last one `inf`; `counts`: per bucket.

    >>> mirrored((1.0, 2.0, inf), (5.0, 3.0, 90.0))
    Histogram(edges=(-2.0, -1.0, inf), counts=(90.0, 3.0, 5.0))
    """
    return Histogram(edges=(*[-edge for edge in reversed(edges[:-1])], inf), counts=tuple(reversed(counts)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Events of one pod in one window: what it counted that is no request, such as restarts."""

    events: float
    exposure: float
    """Seconds for which they were counted."""


Counts = Ratio | Histogram | Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class PodLook:
    """What one pod did between two of its own samples, `start` (exclusive) to `end` (inclusive)."""

    pod: str
    role: Role
    start: float
    end: float
    counts: Mapping[str, Counts] = field(default_factory=dict)
    """By name of the SLI. An SLI that is absent was not measured on this pod in this window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One closed window of one rollout: the smallest unit of evidence. Looks arrive in order of `at`."""

    at: float
    """The due time on the epoch grid of `interval` at which the window closed."""
    weight: int
    """The candidate's weight in percent while the window lasted."""
    step: int
    """The step (from 1) during which the window lasted."""
    pods: tuple[PodLook, ...]
    provider: ProviderState = ProviderState.OK
    covered_seconds: float = 0.0
    """How long both arms were observed in this look: the time that may count towards `hold`."""
    lost_candidate: float = 0.0
    """Share (0 to 1) of the candidate's pods without a usable sample in this window."""
    lost_stable: float = 0.0
    candidate_due: bool = True
    """The candidate's requests could have been counted in this window, so that none at all means that it is silent.
    False where its pods were scraped but their windows touch a change of weight, or where none has settled yet."""
    warming_up: bool = False
    """Some pod answered first requests of its own, which are not counted here: the totals do not tell how traffic is
    split. A pod that has not warmed up and answers nothing hides nothing."""


HOUR = 3600.0
"""Seconds: rates are told per pod-hour and counted per pod-second."""
RATE_FLOOR = 1.0 / HOUR
"""Allowed difference of a rate without an objective: one event per pod-hour. In ten minutes of four pods no test can
tell less from nothing, and who counts events that must never be more than rare says so by an objective."""
ASSUMED_DISPERSION = 10.0
"""Failures that come in tens: what is assumed where nobody says better and nothing was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sli:
    """One thing that must not get worse, compiled from the spec (defaults filled in)."""

    name: str
    latency: bool
    """True: a histogram, larger values are worse. False: a ratio of bad requests, a rate of events, or scores."""
    budget: float | None
    """Largest share of bad requests that the objective allows: .01 for `objective: 99%` and for `p99`. For a rate the
    most events per pod-second."""
    edge: float | None
    """For a latency objective: the bucket edge (in the metric's unit) above which a request is bad."""
    allowed_ratio: float
    """r_h: the candidate may be this many times as bad as stable before that counts as harm (>= 1)."""
    on_fail: OnFail = OnFail.ROLLBACK
    allowed_difference: float | None = None
    """The candidate may be this much (in share of requests; for a rate in events per pod-second) worse on top; None:
    half the budget, else .001 (RATE_FLOOR)."""
    seconds_per_unit: float = 1.0
    """Of a latency's metric, in which `edge` is told too: what sentences need to say times."""
    assumed_dispersion: float = ASSUMED_DISPERSION
    """Variance over mean that counts are taken to have while stable has no history (>= 1)."""
    rate: bool = False
    """True: events over time that is no time of requests, larger is worse. It is never a latency too."""
    scores: bool = False
    """True: a histogram, lower values are worse: what quality answers were found to have. It is never a latency too.
    Its ratios are odds of a worse score, its floor a share of all answers."""

    @property
    def by_buckets(self) -> bool:
        """It is counted by buckets: a latency, or scores."""
        return self.latency or self.scores

    @property
    def floor(self) -> float:
        """The allowed difference with its default filled in, as a share of requests, or in events per pod-second."""
        if self.allowed_difference is not None:
            return self.allowed_difference
        if self.budget is not None:
            return self.budget / 2
        return RATE_FLOOR if self.rate else 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Standards:
    """How sure the judge must be, for one attempt of one rollout."""

    false_rollback_rate: float
    """alpha: probability that a candidate within the margins is rolled back, all SLIs and looks together."""
    false_promotion_rate: float
    """Per step: probability that a candidate outside the margins passes it."""
    steps: int
    """Number of steps, so that the margin of the safe null can follow the step."""
    fresh_baseline: bool = False
    """The candidate is compared with fresh pods of stable alone, and with nobody where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check says of one SLI after all looks so far."""

    sli: str
    verdict: Verdict
    reason: str
    """CamelCase, documented as API."""
    sentence: str
    """One sentence with numbers for a person."""
    candidate: float | None = None
    """The candidate's value: share of bad requests; for latency the share above the edge, else the p99 by buckets;
    for scores the share at or below one edge; for a rate its events per pod-hour."""
    stable: float | None = None
    per_pod_hour: bool = False
    """The values are events per pod-hour, not shares."""
    low: float | None = None
    """Interval of the ratio candidate/stable, valid at every look, at the decision's own alphas."""
    high: float | None = None
    e_harm: float = 1.0
    """Evidence against "no worse than the margin"; capped at 1e12."""
    e_safe: float = 1.0
    """Evidence against "worse than the step's margin"; restarts at each step."""
    requests_candidate: float = 0.0
    """At this step. A rate counts none."""
    requests_stable: float = 0.0
    needs_requests: float | None = None
    """About how many more candidate requests until Pass, if the candidate is as good as stable; None: unknown."""
    needs_seconds: float | None = None
    """For a rate: about how much longer, if the candidate keeps as many pods; None: unknown, or no rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What all findings say together."""

    verdict: Verdict
    reason: str
    """CamelCase, documented as API."""
    sentence: str
    on_fail: OnFail = OnFail.ROLLBACK
    """What a `FAIL` asks for: `HOLD` when only SLIs with `onFail: hold` failed."""
    blame: tuple[str, ...] = ()
    """With `FAIL`: the SLIs that failed, by closed testing. Else: the SLIs that are waited for."""
    e: float = 1.0
    """The average of the harm e-values of the SLIs that may roll back; capped at 1e12."""
    threshold: float = 100.0
    """1/alpha: where `e` becomes a rollback."""
    requests_candidate: float = 0.0
    """Candidate requests observed at this step (for `minRequests`), in the SLI that has most of them."""
    covered_seconds: float = 0.0
    """Time at this step in which both arms were observed (for `hold`)."""
    needs_requests: float | None = None
    """About how many more candidate requests until `PASS` if the candidate equals stable; None: unknown."""
    outlook: str = ""
    """What the evidence waits for: "about 1,900 more requests, 14 min"; empty when unknown."""
    share: float | None = None
    """The candidate's part of both arms' requests in the last look, in percent."""
    silent_requests: float = 0.0
    """Requests that the candidate should have had by its weight since it last answered one."""
    last_look: float | None = None
