"""Serinus installed by exactly its chart and image, in the whole cluster that `make test-whole` starts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.stage import IMAGE, OPERATOR, Stage

ROOT = Path(__file__).parents[2]
VALUES = (
    f"image.repository={OPERATOR.rpartition(':')[0]}",
    f"image.tag={OPERATOR.rpartition(':')[2]}",
    "image.pullPolicy=Never",
    "prometheus.connections.main.address=http://prometheus.monitoring:9090",
    "prometheus.connections.main.timeout=3",
)


@pytest.fixture(scope="session")
def installed() -> None:
    """`helm install`, as docs/install.md says it; without a cluster the tests fail, they are never skipped."""
    if not os.environ.get("SERINUS_GATEWAY") or not Path(os.environ.get("KUBECONFIG", "")).is_file():
        pytest.fail(
            f"These tests need the whole cluster with the images {OPERATOR} and {IMAGE}: run `make test-whole`.",
            pytrace=False,
        )
    words = ["helm", "upgrade", "--install", "serinus", str(ROOT / "charts" / "serinus")]
    words += ["--namespace", "serinus-system", "--create-namespace", "--wait", "--timeout", "120s"]
    words += [word for value in VALUES for word in ("--set", value)]
    answer = subprocess.run(words, capture_output=True, text=True, timeout=180, check=False)
    assert answer.returncode == 0, answer.stderr


@pytest.fixture
def stage(installed: None) -> Iterator[Stage]:
    """v1 is stable in a namespace of its own, and requests come."""
    with Stage() as made:
        made.source("v1")
        made.wait_for("Healthy")
        made.start_requests()
        yield made
