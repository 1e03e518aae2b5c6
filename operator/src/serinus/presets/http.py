"""Any HTTP server that follows the Prometheus conventions for its own metrics.

Two conventions live side by side for the label that holds the answer's status code: `code` (client_golang's promhttp
and what follows it) and `status` (most Python instrumentation; prometheus-fastapi-instrumentator writes `5xx` there
unless it is told otherwise). Both presets demand that the label is there and looks like a status, so that a server of
the other convention gives no data rather than a success rate of 100 %.
"""

from serinus.core.questions import Arms, HistogramSource, Matcher, RatioSource, Series
from serinus.plugin import Family, Preset


def _answers(label: str, codes: str) -> Series:
    return Series(metric="http_requests_total", matchers=(Matcher(label=label, op="=~", value=codes),))


HTTP = Family(
    name="http",
    release="conventions of client_golang 1.23 (code) and prometheus-fastapi-instrumentator 8.1.0 (status)",
    checked="the label `status` in the source of the instrumentator; the rest from documentation",
    presets=(
        Preset(
            name="http/success-rate",
            description="Answers of `http_requests_total` by the label `code`; 5xx are bad.",
            arms=Arms.POD,
            source=RatioSource(total=_answers("code", "[1-5].."), bad=_answers("code", "5..")),
        ),
        Preset(
            name="http/success-rate-by-status",
            description="Answers of `http_requests_total` by the label `status`; 5xx are bad.",
            arms=Arms.POD,
            source=RatioSource(total=_answers("status", "[1-5].."), bad=_answers("status", "5..")),
        ),
        Preset(
            name="http/latency",
            description="Duration of requests, from the histogram `http_request_duration_seconds`.",
            arms=Arms.POD,
            source=HistogramSource(histogram=Series(metric="http_request_duration_seconds")),
        ),
    ),
)
