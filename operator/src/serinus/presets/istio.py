"""Istio's sidecars.

`reporter="destination"`: the sidecar of the model's own pod. It counts each request once whether or not its client is
in the mesh, and per pod, which is what tells noise between pods from harm. The price: a request that reached no pod at
all is seen only by the client's side (`reporter="source"`), where one request may also be counted by several proxies.
Namespaces are matched by `destination_workload_namespace`, not by the scraped pod's own.
"""

from serinus.core.questions import Arms, HistogramSource, Matcher, RatioSource, Series
from serinus.plugin import Family, Preset

_SERVER = Matcher(label="reporter", op="=", value="destination")
_HTTP = Matcher(label="request_protocol", op="=", value="http")
_FAILED = Matcher(label="response_code", op="=~", value="5..")

ISTIO = Family(
    name="istio",
    release="Istio 1.27",
    checked="names and labels in the source of istio/proxy "
    "(source/extensions/filters/http/istio_stats/istio_stats.cc) and in Istio's documentation; not on a running mesh",
    presets=(
        Preset(
            name="istio/success-rate",
            description="HTTP requests at the sidecar of the model's pod; 5xx are bad.",
            arms=Arms.WORKLOAD,
            source=RatioSource(
                total=Series(metric="istio_requests_total", matchers=(_SERVER, _HTTP)),
                bad=Series(metric="istio_requests_total", matchers=(_SERVER, _HTTP, _FAILED)),
            ),
        ),
        Preset(
            name="istio/latency",
            description="Duration of HTTP requests at the sidecar of the model's pod.",
            arms=Arms.WORKLOAD,
            source=HistogramSource(
                histogram=Series(metric="istio_request_duration_milliseconds", matchers=(_SERVER, _HTTP)),
                seconds_per_unit=0.001,
            ),
        ),
    ),
)
