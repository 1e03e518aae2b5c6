"""Clusters of the control-plane shape come and go without a trace, also when a run is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster import lifecycle, netns, parts, process
from tests.cluster.command import get
from tests.cluster.errors import ClusterError
from tests.cluster.layout import Layout

pytestmark = pytest.mark.cluster

UP = [sys.executable, "-m", "tests.cluster", "up", "--shape", lifecycle.CONTROL_PLANE, "--name"]


@pytest.fixture(autouse=True, scope="module")
def _built() -> None:
    parts.build(parts.names_for(lifecycle.CONTROL_PLANE))


def traces(layout: Layout) -> list[str]:
    """Everything of the cluster that this machine still shows."""
    found = [str(path) for path in (layout.state, layout.netns_path) if path.exists()]
    found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if layout.name in line]
    found += [line for line in Path("/proc/net/unix").read_text().splitlines() if layout.name in line]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(layout.state) in words and int(folder.name) != os.getpid():
            found.append(f"process {folder.name}: {words}")
    return found


def links() -> set[Path]:
    return set(Path("/sys/class/net").iterdir())


def test_up_twice_and_down_twice_leaves_nothing(first: Layout) -> None:
    before = links()
    lifecycle.up(first, lifecycle.CONTROL_PLANE)
    began = time.monotonic()
    lifecycle.up(first, lifecycle.CONTROL_PLANE)
    assert time.monotonic() - began < 5.0, "what runs already is found quickly"
    nodes = get(first, "nodes", what="list the nodes")["items"]
    assert {node["metadata"]["labels"]["pool"] for node in nodes} == {"a", "b"}
    assert {node["status"]["allocatable"]["nvidia.com/gpu"] for node in nodes} == {"8"}
    with pytest.raises(ClusterError, match="runs in the shape control-plane"):
        lifecycle.up(first, lifecycle.WHOLE)
    for _ in range(2):
        lifecycle.down(first)
        assert traces(first) == []
    assert links() == before


def test_two_clusters_live_side_by_side_and_one_goes_alone(first: Layout, second: Layout) -> None:
    for layout in (first, second):
        lifecycle.up(layout, lifecycle.CONTROL_PLANE)
    assert not set(process.running(first).values()) & set(process.running(second).values())
    lifecycle.down(first)
    assert traces(first) == []
    assert lifecycle.state_of(second) == lifecycle.RUNNING


def wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not appear"
        time.sleep(0.01)


@pytest.mark.parametrize("moment", ["shape", "processes/etcd", "processes/kwok"])
def test_a_start_that_was_killed_is_cleared_by_the_next(first: Layout, moment: str) -> None:
    with subprocess.Popen([*UP, first.name], stderr=subprocess.DEVNULL) as run:
        wait_for(first.state / moment)
        run.kill()
    assert lifecycle.state_of(first) == lifecycle.BROKEN
    lifecycle.up(first, lifecycle.CONTROL_PLANE)
    assert lifecycle.state_of(first) == lifecycle.RUNNING
    lifecycle.down(first)
    assert traces(first) == []


def test_a_start_that_is_ended_politely_clears_away_itself(first: Layout) -> None:
    with subprocess.Popen([*UP, first.name], stderr=subprocess.DEVNULL) as run:
        wait_for(first.records / "kube-apiserver")
        run.send_signal(signal.SIGTERM)
    assert traces(first) == []


def test_a_cluster_that_lost_a_process_is_started_anew(first: Layout) -> None:
    lifecycle.up(first, lifecycle.CONTROL_PLANE)
    process.stop(first, "etcd", grace=0.0)
    (first.records / "etcd").write_text("1 1 never")  # what a crash leaves: a record that is true of no process
    assert lifecycle.state_of(first) == lifecycle.BROKEN
    lifecycle.up(first, lifecycle.CONTROL_PLANE)
    assert lifecycle.state_of(first) == lifecycle.RUNNING


def test_a_namespace_without_anything_else_is_found_and_removed(first: Layout) -> None:
    netns.Namespace(first.netns).create()
    assert first in lifecycle.known()
    lifecycle.down(first)
    assert traces(first) == []


def test_a_process_that_came_to_a_recorded_id_later_is_left_alone(first: Layout) -> None:
    first.records.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        real = process.of_pid(stranger.pid)
        assert real is not None
        (first.records / "etcd").write_text(f"{real.pid} {real.began - 1} {real.boot}")
        assert not process.alive(first, "etcd")
        process.stop_all(first)
        assert stranger.poll() is None
        stranger.kill()
