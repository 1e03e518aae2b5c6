"""`spec.slis`: what must not get worse, from a preset or from metrics of one's own."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from serinus.api.quantities import Duration, Percentage
from serinus.api.regex import refused_by_re2
from serinus.api.text import LABEL, Text
from serinus.api.typed import Rule, Typed, count

ADDED_LABELS = ("__name__", "namespace", "pod", "le")
"""Labels that Serinus adds itself, or that the name of the metric already says."""

MetricName = Annotated[
    str,
    Text("[a-zA-Z_:][a-zA-Z0-9_:]*", "write the name of a metric as it is scraped, such as http_requests_total", 200),
]
LabelName = Annotated[
    str, Text("[a-zA-Z_][a-zA-Z0-9_]*", "write the name of a label of the metric, such as code or method", 100)
]
LabelValue = Annotated[str, StringConstraints(max_length=256)]
Latency = Annotated[float, Duration("1ms", "1h")]
SliName = Annotated[
    str,
    Text(f"{LABEL}(/{LABEL})?", "write a short name of lower-case letters, digits and '-', such as answers", 63),
]


class Matcher(Typed):
    """Keeps the series of a metric whose label has a certain value."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="[has(self.equals), has(self.notEquals), has(self.matches), has(self.notMatches)]"
            ".filter(x, x).size() == 1",
            message='write exactly one of equals, notEquals, matches, notMatches, such as matches: "5.."',
            holds=lambda it: count(it.equals, it.not_equals, it.matches, it.not_matches) == 1,
        ),
        Rule(
            cel="!(self.label in ['__name__', 'namespace', 'pod', 'le'])",
            message=(
                "leave out matchers on __name__, namespace, pod and le: metric says the name, and Serinus "
                "adds the namespace and the pods itself"
            ),
            holds=lambda it: it.label not in ADDED_LABELS,
            field="label",
        ),
        Rule(
            cel="(!has(self.matches) || (''.matches(self.matches) ? true : true)) "
            "&& (!has(self.notMatches) || (''.matches(self.notMatches) ? true : true))",
            message="write a regular expression that Prometheus understands (RE2: no look-around), such as 4..|5..",
            holds=lambda it: not any(refused_by_re2(one) for one in (it.matches, it.not_matches) if one is not None),
        ),
    )

    label: LabelName = Field(description="Name of the label. Example: `code`.")
    equals: LabelValue | None = Field(
        default=None, description="The label has exactly this value; empty: it is absent. Example: `POST`."
    )
    not_equals: LabelValue | None = Field(
        default=None, description="The label has any value but this one. Example: `/healthz`."
    )
    matches: LabelValue | None = Field(
        default=None, description="The whole value matches this regular expression (RE2). Example: `5..`."
    )
    not_matches: LabelValue | None = Field(
        default=None,
        description=("The whole value does not match this regular expression (RE2).\nExample: `/(healthz|metrics)`."),
    )


class Counter(Typed):
    """A counter: a metric's name, narrowed by matchers. Serinus adds namespace and pods."""

    metric: MetricName = Field(description="Name of the counter as it is scraped. Example: `http_requests_total`.")
    matchers: tuple[Matcher, ...] = Field(
        default=(),
        max_length=16,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
        description=('Which of its series count; all matchers must hold.\nExample: `[{label: code, matches: "5.."}]`.'),
    )


class Ratio(Typed):
    """Two counters that give a share of bad requests."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.bad) != has(self.good)",
            message="write exactly one of bad and good beside total, such as bad: {metric: http_errors_total}",
            holds=lambda it: count(it.bad, it.good) == 1,
        ),
    )

    total: Counter = Field(description="All requests. Example: `{metric: http_requests_total}`.")
    bad: Counter | None = Field(
        default=None,
        description=(
            "Requests that failed, out of the same scrape as `total`. Either this or `good`.\n"
            'Example: `{metric: http_requests_total, matchers: [{label: code, matches: "5.."}]}`.'
        ),
    )
    good: Counter | None = Field(
        default=None,
        description=(
            "Requests that succeeded, out of the same scrape as `total`. Either this or `bad`.\n"
            "Example: `{metric: requests_success_total}`."
        ),
    )


class Histogram(Typed):
    """A histogram: of a latency, of which more is worse, or of scores, of which less is."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!self.metric.endsWith('_bucket')",
            message="write the histogram's name without _bucket, such as http_request_duration_seconds",
            holds=lambda it: not it.metric.endswith("_bucket"),
            field="metric",
        ),
        Rule(
            cel="self.worse == 'higher' || !has(self.unit)",
            message="leave out unit: scores, of which lower is worse, have none",
            holds=lambda it: it.worse == "higher" or it.unit is None,
            field="unit",
        ),
    )

    metric: MetricName = Field(
        description="Name of the histogram, without `_bucket`. Example: `http_request_duration_seconds`."
    )
    matchers: tuple[Matcher, ...] = Field(
        default=(),
        max_length=16,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
        description=("Which of its series count; all matchers must hold.\nExample: `[{label: method, equals: POST}]`."),
    )
    worse: Literal["higher", "lower"] = Field(
        description=(
            "Which direction is worse: `higher` for a latency, `lower` for scores of quality, such as those of a judge "
            "model (1 to 5), nDCG or a reward. Scores need a bucket for each that is told apart, and are counted on "
            "the pod that gave the answer.\n"
            "Example: `higher`."
        ),
    )
    unit: Literal["s", "ms"] | None = Field(
        default=None,
        description=(
            "Unit of the bucket edges, needed only for an objective such as `p99`.\n"
            "Example: `ms`. Default: read from a name that ends in `_seconds`, `_milliseconds` or `_ms`."
        ),
    )


class Rate(Typed):
    """Events that are counted per time and not per request."""

    events: Counter = Field(
        description=(
            "The events, by a counter whose series have the label `pod`. It must be there before the first event, at 0 "
            "for each of its labels, and come with the scrape that has the requests: time in which a pod does not show "
            "it counts for nothing, so without it a candidate is neither promoted nor taken back for it.\n"
            "Example: `{metric: gpu_faults_total}`."
        )
    )


def _quantile(name: str, share: str) -> float | None:
    """Field of a latency objective: at most `share` of the requests may be slower."""
    described: float | None = Field(
        default=None,
        description=(
            f"Latency objective: at most {share} of the requests may be slower than this. It must be an edge of the "
            "histogram's buckets; where it is none, the nearest edges are named. At most one of `p50`, `p90`, `p95`, "
            "`p99`.\n"
            f"Example: `{name}: 2500ms`. Default: none, the candidate is only compared with stable."
        ),
    )
    return described


class Sli(Typed):
    """One thing that must not get worse than it is in stable, or than an objective says."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="[has(self.preset), has(self.ratio), has(self.histogram), has(self.rate)].filter(x, x).size() == 1",
            message=(
                "write exactly one of preset: FAMILY/NAME, ratio: {total, bad}, histogram: {metric, worse} or "
                "rate: {events}"
            ),
            holds=lambda it: count(it.preset, it.ratio, it.histogram, it.rate) == 1,
        ),
        Rule(
            cel="has(self.preset) || has(self.name)",
            message="an SLI of your own needs a name, such as name: answers",
            holds=lambda it: it.preset is not None or it.name is not None,
        ),
        Rule(
            cel="!has(self.histogram) || self.histogram.worse != 'higher' || !has(self.objective)",
            message="objective belongs to a ratio; for a histogram write a latency objective, such as p99: 2500ms",
            holds=lambda it: it.histogram is None or it.histogram.worse != "higher" or it.objective is None,
            field="objective",
        ),
        Rule(
            cel="!has(self.histogram) || self.histogram.worse != 'lower' || !has(self.objective)",
            message="leave out objective: it belongs to a ratio, and scores are compared with stable's; write "
            "allowedRatio: 1.1 for how much lower they may be",
            holds=lambda it: it.histogram is None or it.histogram.worse != "lower" or it.objective is None,
            field="objective",
        ),
        Rule(
            cel="!has(self.histogram) || self.histogram.worse == 'higher' || "
            "!(has(self.p50) || has(self.p90) || has(self.p95) || has(self.p99))",
            message="leave out p50, p90, p95 and p99: they limit a latency, and scores, of which lower is worse, are "
            "compared with stable's; write allowedRatio: 1.1 for how much lower they may be",
            holds=lambda it: (
                it.histogram is None or it.histogram.worse == "higher" or count(it.p50, it.p90, it.p95, it.p99) == 0
            ),
        ),
        Rule(
            cel="!has(self.ratio) || !(has(self.p50) || has(self.p90) || has(self.p95) || has(self.p99))",
            message="p50, p90, p95 and p99 belong to a histogram; for a ratio write objective: 99%",
            holds=lambda it: it.ratio is None or count(it.p50, it.p90, it.p95, it.p99) == 0,
        ),
        Rule(
            cel="!has(self.rate) || "
            "!(has(self.objective) || has(self.p50) || has(self.p90) || has(self.p95) || has(self.p99))",
            message="a rate has no share of requests as its objective; write the most events per pod-hour, such as "
            "perPodHour: 2",
            holds=lambda it: it.rate is None or count(it.objective, it.p50, it.p90, it.p95, it.p99) == 0,
        ),
        Rule(
            cel="has(self.rate) || !has(self.perPodHour)",
            message="perPodHour belongs to a rate; for a ratio write objective: 99%, for a latency p99: 2500ms",
            holds=lambda it: it.rate is not None or it.per_pod_hour is None,
            field="perPodHour",
        ),
        # The API server cuts a minimum of a fraction down to 0 where the value is written without one.
        Rule(
            cel="!has(self.perPodHour) || self.perPodHour >= 0.001",
            message="write how many events per pod-hour are too many, 0.001 or more: of none at all nobody can be sure",
            holds=lambda it: it.per_pod_hour is None or it.per_pod_hour >= 0.001,
            field="perPodHour",
        ),
        Rule(
            cel="[has(self.objective), has(self.p50), has(self.p90), has(self.p95), has(self.p99)]"
            ".filter(x, x).size() <= 1",
            message=(
                "write at most one objective for an SLI; for a second one, repeat the SLI under another name, such as "
                "{name: slow-half, preset: vllm/e2e-latency, p50: 500ms}"
            ),
            holds=lambda it: count(it.objective, it.p50, it.p90, it.p95, it.p99) <= 1,
        ),
    )

    name: SliName | None = Field(
        default=None,
        description=(
            "Name under which status and metrics show this SLI; each name once. Required for SLIs of your own.\n"
            "Example: `answers`. Default: the preset's name."
        ),
    )
    preset: (
        Annotated[
            str,
            Text(f"{LABEL}/{LABEL}", "write a preset as FAMILY/NAME, such as vllm/success-rate or http/latency", 63),
        ]
        | None
    ) = Field(
        default=None,
        description=(
            "A ready-made SLI of a model server or gateway, as `FAMILY/NAME`: families `envoy`, `http`, `istio`, "
            "`mlserver`, `vllm`.\n"
            "Example: `vllm/success-rate`. One of `preset`, `ratio`, `histogram`, `rate`."
        ),
    )
    ratio: Ratio | None = Field(
        default=None,
        description=(
            "A share of bad requests from two counters of your own. One of `preset`, `ratio`, `histogram`, `rate`.\n"
            "Example: `{total: {metric: answers_total}, bad: {metric: answers_rejected_total}}`."
        ),
    )
    histogram: Histogram | None = Field(
        default=None,
        description=(
            "A latency, or scores, from a histogram of your own. One of `preset`, `ratio`, `histogram`, `rate`.\n"
            "Example: `{metric: http_request_duration_seconds, worse: higher}`."
        ),
    )
    rate: Rate | None = Field(
        default=None,
        description=(
            "Events over time, such as restarts or faults of an accelerator, of pods that are ready or were. Some "
            "other SLI must count requests. One of `preset`, `ratio`, `histogram`, `rate`.\n"
            "Example: `{events: {metric: gpu_faults_total}}`."
        ),
    )
    objective: Annotated[float, Percentage("99%", "100%", includes_most=False)] | None = Field(
        default=None,
        description=(
            "Share of requests that must succeed, for a ratio. A candidate that misses it, and does worse than "
            "stable, fails; an incident that both share is not its fault. A difference to stable of up to half of "
            "what the objective leaves is tolerated.\n"
            "Example: `99.5%`. Default: none, the candidate is only compared with stable."
        ),
    )
    p50: Latency | None = _quantile("p50", "50 %")
    p90: Latency | None = _quantile("p90", "10 %")
    p95: Latency | None = _quantile("p95", "5 %")
    p99: Latency | None = _quantile("p99", "1 %")
    per_pod_hour: float | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description=(
            "Most events per hour of one pod, for a rate. A candidate that has more, and more than stable, fails. A "
            "difference to stable of up to half of it is tolerated, and a candidate without events is passed when it "
            "is sure to have less than that half: sooner for a larger one.\n"
            "Example: `2`. Default: none, the candidate is compared with stable, and may have `1` more."
        ),
    )
    allowed_ratio: float | None = Field(
        default=None,
        ge=1,
        le=10,
        description=(
            "How many times as bad as stable the candidate may be before that counts as harm: bad requests for a "
            "ratio, the latency itself for a histogram, events for a rate; for scores the odds of a lower one, at each "
            "edge of the buckets. Smaller needs more requests to prove.\n"
            "Example: `1.5`. Default: `1.2` for a ratio, `1.1` for a histogram, `1.5` for a rate."
        ),
    )
    on_fail: Literal["rollback", "hold"] = Field(
        default="rollback",
        description=(
            "What a failure of this SLI does: `rollback` takes the candidate back, `hold` keeps the weight and "
            "waits for a person.\n"
            "Example: `hold`. Default: `rollback`."
        ),
    )

    @property
    def has_objective(self) -> bool:
        """It says a share of requests, or a latency, that must be kept."""
        return count(self.objective, self.p50, self.p90, self.p95, self.p99) > 0
