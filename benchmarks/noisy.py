"""Models whose pods differ, stand still, fail in bursts and share incidents, and rollouts that judge them fast."""

from benchmarks import cluster, fleet
from benchmarks.judged import ALPHA, ERRORS, INTERVAL
from tests.api_server.api import Manifest

STEPS = ({"weight": 25, "hold": "20s"}, {"weight": 50, "hold": "20s", "pause": True})
ERROR_RATE = 0.06
NOISE = {
    "LATENCY": "0.02",
    "POD_ERRORS": "0.1",
    "POD_SPEED": "0.15",
    "BURST": "3",
    "PAUSE": "0.2",
    "PAUSE_EVERY": "20",
    "INCIDENT": "2",
}
"""Of the pods, as tests/images/httpmodel/noise.py reads it."""


def source(lane: str, version: str, factor: float = 1.0) -> Manifest:
    """A version of a lane's model."""
    manifest = cluster.source(lane, version, ERROR_RATE * factor)
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    told = {one["name"]: one["value"] for one in container["env"]} | NOISE | {"INCIDENTS": lane}
    ready = container["readinessProbe"]
    container |= {
        "env": [{"name": name, "value": value} for name, value in told.items()],
        "startupProbe": ready | {"failureThreshold": 120},
        # Seldom: so many probes a second would be a good part of what two cores can do.
        "readinessProbe": ready | {"periodSeconds": 20},
    }
    return manifest


def rollout(lane: str, pods: int) -> Manifest:
    """Defaults but for short steps, the rate that is to be shown, and a last step that waits for a person."""
    manifest = fleet.rollout(lane)
    manifest["spec"] |= {
        "workload": {"deployment": lane, "replicas": pods},
        "steps": list(STEPS),
        "slis": [{"name": ERRORS, "preset": "http/success-rate"}, {"preset": "http/latency", "p95": "1s"}],
        "analysis": {"interval": f"{INTERVAL:.0f}s", "falseRollbackRate": f"{ALPHA:.0%}"},
        "rollback": {"drain": "2s", "scaleDownDelay": "2s", "window": 0},
    }
    return manifest
