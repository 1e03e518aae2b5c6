"""What the operator tells about itself: logs as lines and metrics for Prometheus.

What a single rollout does stands in its status, its events, and in the logs, which carry `rollout` as namespace/name.
Of metrics only those of `trials.py` have such a label: there are some while a candidate gets traffic, and none at rest.
"""

import logging
import sys
from importlib.metadata import version

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector
from structlog.typing import Processor

from serinus.shell.settings import LogFormat, LogLevel
from serinus.shell.trials import Trials

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

TICKS = Counter(
    "serinus_ticks", "Looks at a rollout, by how they ended (ok, or the error's name).", ["outcome"], registry=REGISTRY
)
TICK_SECONDS = Histogram(
    "serinus_tick_seconds",
    "Time of one look at one rollout, measuring not included.",
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LAG_SECONDS = Histogram(
    "serinus_lag_seconds",
    "How late a look began after it was due.",
    registry=REGISTRY,
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
QUERIES = Counter(
    "serinus_queries",
    "Queries to metrics providers, by outcome (ok, or the error's name).",
    ["outcome"],
    registry=REGISTRY,
)
API_REQUESTS = Counter(
    "serinus_api_requests",
    "Requests to the API server; watches and the lease are not counted.",
    ["verb", "resource", "outcome"],
    registry=REGISTRY,
)
VERDICTS = Counter("serinus_verdicts", "Verdicts of closed windows.", ["verdict"], registry=REGISTRY)
ROLLOUTS = Gauge("serinus_rollouts", "ModelRollouts by phase.", ["phase"], registry=REGISTRY)
WATCH_AGE = Gauge(
    "serinus_watch_age_seconds",
    "Time since anything came from the watch of a kind, bookmarks included.",
    ["resource"],
    registry=REGISTRY,
)
WATCH_MISSED = Counter(
    "serinus_watch_missed", "Changes that no watch told and the sweep found.", ["resource"], registry=REGISTRY
)
WATCH_RESTARTS = Counter("serinus_watch_restarts", "Times that the watches were started anew.", registry=REGISTRY)
LOOP_LAG = Gauge(
    "serinus_loop_lag_seconds", "How late the event loop ran its last one-second timer.", registry=REGISTRY
)
LEASE_HELD = Gauge("serinus_lease_held", "1 while this process may write.", registry=REGISTRY)
TRIALS = Trials()
REGISTRY.register(TRIALS)
BUILD = Info("serinus_build", "What runs here.", registry=REGISTRY)
BUILD.info({"version": version("serinus"), "python": sys.version.split()[0]})


def count_request(verb: str, plural: str, outcome: str) -> None:
    """Count one request to the API server (see `kube.Counted`)."""
    API_REQUESTS.labels(verb, plural, outcome).inc()


def exposition() -> bytes:
    """All metrics in Prometheus' text format."""
    return generate_latest(REGISTRY)


def configure_logs(format: LogFormat, level: LogLevel) -> None:
    """Send all logs, those of libraries included, to standard error: one JSON object a line, or text for people."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if format is LogFormat.JSON
        # Plain tracebacks: the default shows every local variable, takes seconds for it, and may show a token.
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.value.upper())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.value.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    _quieten(level)


def _quieten(level: LogLevel) -> None:
    """Libraries that tell each step of theirs say only what went wrong; Kopf does so even when everything is asked
    for, since it writes all of its settings beside every event."""
    logging.getLogger("kopf").setLevel(logging.WARNING)
    if level is LogLevel.DEBUG:
        return
    for noisy in ("aiohttp.access", "urllib3", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Kopf runs in a thread of its own on purpose, and says at each start that it cannot take the process's signals.
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.CRITICAL)
    # A lost kind ends a watch; the inbox says so in a sentence, in place of two tracebacks.
    logging.getLogger("kopf._core.reactor.orchestration").setLevel(logging.CRITICAL)
