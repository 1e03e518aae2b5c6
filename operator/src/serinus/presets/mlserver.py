"""MLServer: the V2 inference protocol over REST, as Seldon, KServe and MLflow serve it.

Only the inference end points count; readiness and metadata do not. An exception in the model's own code is answered
with 500; a runtime that raises `InferenceError` answers 400, which `mlserver/accepted-rate` counts as bad too. The
middleware writes the route's template into `path` in new versions and the path itself in old ones; the matcher fits
both. Metrics are on a port of their own (8082 by default) under /metrics.
"""

from serinus.core.questions import Arms, HistogramSource, Matcher, RatioSource, Series
from serinus.plugin import Family, Preset

_INFERENCE = Matcher(label="path", op="=~", value=".*/(infer|infer_stream|generate|generate_stream)")


def _answers(*codes: str) -> Series:
    matchers = tuple(Matcher(label="status_code", op="=~", value=code) for code in codes)
    return Series(metric="rest_server_requests_total", matchers=(_INFERENCE, *matchers))


MLSERVER = Family(
    name="mlserver",
    release="MLServer 1.7.1 with starlette_exporter 0.24.0",
    checked="in the source of both, and on a running server",
    presets=(
        Preset(
            name="mlserver/success-rate",
            description="Answers to inference requests over REST; 5xx are bad.",
            arms=Arms.POD,
            source=RatioSource(total=_answers(), bad=_answers("5..")),
        ),
        Preset(
            name="mlserver/accepted-rate",
            description="Answers to inference requests over REST; 4xx and 5xx are bad, for a candidate that refuses "
            "inputs which stable accepts.",
            arms=Arms.POD,
            source=RatioSource(total=_answers(), bad=_answers("[45]..")),
        ),
        Preset(
            name="mlserver/latency",
            description="Duration of inference requests over REST, whatever the answer.",
            arms=Arms.POD,
            source=HistogramSource(
                histogram=Series(metric="rest_server_request_duration_seconds", matchers=(_INFERENCE,))
            ),
        ),
    ),
)
