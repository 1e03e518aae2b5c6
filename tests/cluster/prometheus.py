"""Prometheus of the control-plane shape: a real one, scraping the synthetic exporter every second.

Operators that a test wants scraped, too, are named in files of `targets` (FILE.json, as for `file_sd_configs`).
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

from tests.cluster import netns, process
from tests.cluster.command import wait_until
from tests.cluster.layout import NODE_IP, Layout

PROMETHEUS = "prometheus"
EXPORTER = "exporter"


def up(layout: Layout) -> None:
    """Start both and return; `wait` tells when the first scrape is in."""
    process.start(
        layout, EXPORTER, [sys.executable, Path(__file__).with_name("exporter.py"), NODE_IP, _port(layout.exporter_url)]
    )
    targets(layout).mkdir(exist_ok=True)
    config = layout.state / "prometheus.json"
    config.write_text(json.dumps(_config(layout)))  # JSON is YAML
    process.start(layout, PROMETHEUS, [
        layout.bin / "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={layout.state / 'prometheus'}",
        f"--web.listen-address={NODE_IP}:{_port(layout.prometheus_url)}",
        "--scrape.discovery-reload-interval=1s",  # the default of 5 s would be most of the start
        "--log.level=warn",
    ])  # fmt: skip


def targets(layout: Layout) -> Path:
    """The folder of further targets; Prometheus sees at once what changes in it."""
    return layout.state / "targets"


def wait(layout: Layout) -> None:
    """Return when Prometheus has scraped the exporter."""
    hint = process.log(layout, PROMETHEUS)
    wait_until("the first scrape of the synthetic exporter", lambda: scraped(layout), 30, f"see {hint}")


def scraped(layout: Layout) -> bool:
    """Whether the last scrape worked, as Prometheus itself answers."""

    def ask() -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(
            f"{layout.prometheus_url}/api/v1/query?query=up%7Bjob=%22{EXPORTER}%22%7D", timeout=2
        ) as answer:
            found = json.load(answer)["data"]["result"]
        return [sample["value"][1] for sample in found] == ["1"]

    try:
        return netns.call(layout, ask)
    except OSError:
        return False


def _config(layout: Layout) -> dict[str, object]:
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {
                "job_name": EXPORTER,
                "honor_labels": True,  # the series say themselves which pod they are of
                "static_configs": [{"targets": [layout.exporter_url.removeprefix("http://")]}],
            },
            {"job_name": "operator", "file_sd_configs": [{"files": [f"{targets(layout)}/*.json"]}]},
        ],
    }


def _port(url: str) -> str:
    return url.rpartition(":")[2]
