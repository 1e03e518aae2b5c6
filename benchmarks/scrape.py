"""How often the Prometheus of a control-plane cluster scrapes: every second for tests, seldom as people have it."""

import json
import signal
from pathlib import Path

from tests.cluster import process
from tests.cluster.layout import Layout
from tests.cluster.prometheus import PROMETHEUS


def every(layout: Layout, seconds: int) -> None:
    """Change the scrape interval of a Prometheus that runs: its file is written anew and read again."""
    file: Path = layout.state / "prometheus.json"
    config = json.loads(file.read_text())
    config["global"] = {"scrape_interval": f"{seconds}s", "scrape_timeout": f"{min(seconds, 10)}s"}
    file.write_text(json.dumps(config))
    pid = process.running(layout)[PROMETHEUS]
    record = process.of_pid(pid)
    if record is None:
        raise RuntimeError(f"Prometheus of cluster {layout.name} has ended")
    record.signal(signal.SIGHUP)
