"""Envoy as the gateway, with the cluster names that Contour gives: NAMESPACE_SERVICE_PORT.

Only the two clusters of the rollout's own role Services are read. They count what the gateway's users got: a pod that
died mid-request is a 503 here and nothing at all in its own metrics, and a try that the gateway repeated is not
counted. `_completed` and not `_total`: the latter counts a request when it starts, the status classes when it ends.
Gateways that name a cluster after the route and not after the Service (Envoy Gateway) cannot be read so: one cluster
then holds both arms.
"""

from serinus.core.questions import Arms, HistogramSource, Matcher, RatioSource, Series
from serinus.plugin import Family, Preset

ENVOY = Family(
    name="envoy",
    release="Envoy 1.40.0; cluster names of Contour 1.33.8",
    checked="on a running Envoy, and in Contour's source (internal/envoy/cluster.go)",
    presets=(
        Preset(
            name="envoy/success-rate",
            description="Answers of the rollout's own clusters at the gateway; 5xx are bad, those that Envoy made "
            "itself included.",
            arms=Arms.CLUSTER,
            source=RatioSource(
                total=Series(metric="envoy_cluster_upstream_rq_completed"),
                bad=Series(
                    metric="envoy_cluster_upstream_rq_xx",
                    matchers=(Matcher(label="envoy_response_code_class", op="=", value="5"),),
                ),
            ),
        ),
        Preset(
            name="envoy/latency",
            description="Time until the model server's answer was complete, seen from the gateway.",
            arms=Arms.CLUSTER,
            source=HistogramSource(histogram=Series(metric="envoy_cluster_upstream_rq_time"), seconds_per_unit=0.001),
        ),
    ),
)
