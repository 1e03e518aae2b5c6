"""vLLM's OpenAI-compatible server.

Errors are read from its HTTP metrics: `vllm:request_success_total` counts requests that the engine finished
(finished_reason stop, length or abort) and knows no failed ones. The status of a streamed answer is decided before its
first token, so an error in the middle of a stream is not in the success rate.
`model_name` is the same for both revisions: series are told apart by pod.
"""

from serinus.core.questions import Arms, HistogramSource, Matcher, RatioSource, Series
from serinus.plugin import Family, Preset

_INFERENCE = Matcher(label="handler", op="=~", value="/v1/.*")
_NOT_MODELS = Matcher(label="handler", op="!=", value="/v1/models")


def _answers(*statuses: str) -> Series:
    matchers = tuple(Matcher(label="status", op="=", value=status) for status in statuses)
    return Series(metric="http_requests_total", matchers=(_INFERENCE, _NOT_MODELS, *matchers))


def _latency(name: str, description: str, metric: str) -> Preset:
    return Preset(
        name=name,
        description=description,
        arms=Arms.POD,
        source=HistogramSource(histogram=Series(metric=metric)),
    )


VLLM = Family(
    name="vllm",
    release="vLLM 0.11.0",
    checked="in its source (vllm/v1/metrics/loggers.py, vllm/entrypoints/openai/api_server.py) and that of "
    "prometheus-fastapi-instrumentator 8.1.0; not on a running server",
    presets=(
        Preset(
            name="vllm/success-rate",
            description="HTTP answers of the /v1 end points; 5xx are bad.",
            arms=Arms.POD,
            source=RatioSource(total=_answers(), bad=_answers("5xx")),
        ),
        _latency(
            "vllm/e2e-latency",
            "From the arrival of a request to its last token.",
            "vllm:e2e_request_latency_seconds",
        ),
        _latency(
            "vllm/time-to-first-token",
            "From the arrival of a request to its first token.",
            "vllm:time_to_first_token_seconds",
        ),
        _latency(
            "vllm/inter-token-latency",
            "Time between two tokens of one answer. It counts tokens, not requests.",
            "vllm:inter_token_latency_seconds",
        ),
    ),
)
