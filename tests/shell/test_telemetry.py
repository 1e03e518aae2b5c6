"""What the operator tells: logs, metrics, and how much memory telling and reaching cost."""

import json
import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from serinus.shell import telemetry

BOUNDED = {"outcome", "verb", "resource", "verdict", "phase", "version", "python", "le", "generation", "implementation"}
"""Labels whose values do not grow with the number of rollouts."""

LOGGING = """
import logging, structlog, sys
from serinus.shell.settings import LogFormat, LogLevel
from serinus.shell.telemetry import configure_logs
configure_logs(LogFormat(sys.argv[1]), LogLevel.INFO)
structlog.get_logger().info("promoted", rollout="models/chat")
logging.getLogger("kopf.objects").info("noise")
logging.getLogger("somewhere").warning("by %s", "a library")
structlog.get_logger().debug("too fine")
token = "secret-token"
try:
    raise ValueError("broken")
except ValueError:
    structlog.get_logger().exception("tick failed", rollout="models/chat")
"""

MEMORY = """
import sys
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
before = resident()
import serinus.__main__
print(resident() - before)
print(any(name.startswith(("kubernetes.client.api.", "kubernetes.aio.client.api.")) for name in sys.modules))
print(any(name.split(".")[0] == "scipy" for name in sys.modules))
"""


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)


def test_logs_are_one_json_object_a_line_with_the_rollout_as_one_key() -> None:
    lines = [json.loads(line) for line in run(LOGGING, "json").stderr.splitlines()]
    assert [(line["level"], line["event"]) for line in lines] == [
        ("info", "promoted"),
        ("warning", "by a library"),
        ("error", "tick failed"),
    ]
    assert lines[0]["rollout"] == "models/chat"
    assert lines[0]["timestamp"].endswith("Z")
    assert "ValueError: broken" in lines[2]["exception"]


def test_logs_as_text_are_for_people() -> None:
    said = run(LOGGING, "text").stderr
    assert "promoted" in said
    assert "rollout=models/chat" in said
    assert not said.startswith("{")
    assert "ValueError: broken" in said
    assert "secret-token" not in said.replace('token = "secret-token"', ""), "tracebacks show no variables"


def test_no_metric_has_a_label_that_grows_with_the_number_of_rollouts_at_rest() -> None:
    telemetry.TICKS.labels("ok").inc()
    telemetry.count_request("patch", "httproutes", "Conflict")
    telemetry.WATCH_AGE.labels("pods").set(1.0)
    telemetry.QUERIES.labels("ok").inc()
    families = list(text_string_to_metric_families(telemetry.exposition().decode()))
    labels = {label for family in families for sample in family.samples for label in sample.labels}
    assert labels <= BOUNDED


@pytest.mark.parametrize(
    "name",
    [
        "serinus_ticks", "serinus_tick_seconds", "serinus_lag_seconds", "serinus_queries", "serinus_api_requests",
        "serinus_verdicts", "serinus_rollouts", "serinus_watch_age_seconds", "serinus_watch_missed",
        "serinus_watch_restarts", "serinus_loop_lag_seconds", "serinus_lease_held", "serinus_build_info",
        "process_resident_memory_bytes",
    ],
)  # fmt: skip
def test_a_metric_that_the_documentation_promises_is_there(name: str) -> None:
    assert name in {family.name for family in text_string_to_metric_families(telemetry.exposition().decode())}


def test_a_request_is_counted_by_verb_kind_and_outcome() -> None:
    labels = {"verb": "get", "resource": "things", "outcome": "ok"}
    before = telemetry.REGISTRY.get_sample_value("serinus_api_requests_total", labels) or 0.0
    telemetry.count_request("get", "things", "ok")
    assert telemetry.REGISTRY.get_sample_value("serinus_api_requests_total", labels) == before + 1


def test_importing_the_whole_operator_stays_within_its_memory() -> None:
    """Each generated API class of the Kubernetes client would cost tens of MiB, scipy as much again."""
    grown, generated, scipy = run(MEMORY).stdout.split()
    assert float(grown) < 80.0
    assert (generated, scipy) == ("False", "False")


def test_the_collector_passes_over_what_stays_for_good() -> None:
    script = """
import gc
from serinus.shell import process
process.spare_the_collector()
print(gc.get_threshold() == process.COLLECT, gc.get_freeze_count() > 10_000)
"""
    assert run(script).stdout.split() == ["True", "True"]
