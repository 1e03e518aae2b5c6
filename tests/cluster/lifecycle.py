"""Up and down of one cluster, whatever an earlier run left.

`up` writes the marker last. A state folder without marker, a marker whose processes are gone, and a namespace without
a state folder are all the same to it: left by a killed run, to be cleared before anything starts.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.cluster import addons, cache, control_plane, kwok, lock, netns, parts, process, prometheus
from tests.cluster.errors import ClusterError
from tests.cluster.layout import Layout, states
from tests.cluster.progress import say, step

CONTROL_PLANE = parts.CONTROL_PLANE
WHOLE = parts.WHOLE
SHAPES = parts.SHAPES

RUNNING = "running"
BROKEN = "broken"
ABSENT = "absent"
CHANGING = "changing"


def up(layout: Layout, shape: str) -> None:
    """Make the cluster run in this shape; quick when it does already."""
    netns.check_machine()
    with lock.held(layout):
        if state_of(layout) == RUNNING:
            if shape_of(layout) != shape:
                raise ClusterError(
                    f"cluster {layout.name} runs in the shape {shape_of(layout)}; take it down first "
                    f"(`python -m tests.cluster down --name {layout.name}`) or give this one another --name"
                )
            say(f"cluster {layout.name} ({shape}) runs already")
            return
        if state_of(layout) == BROKEN:
            with step(f"clear away what an earlier run of cluster {layout.name} left"):
                _clear(layout)
        parts.build(parts.names_for(shape))
        with step(f"start cluster {layout.name} ({shape})"):
            try:
                _start(layout, shape)
            except BaseException:
                _keep_logs(layout)
                _clear(layout)
                raise


def down(layout: Layout) -> None:
    """Leave nothing of the cluster; fine when there is nothing."""
    netns.check_machine()
    with lock.held(layout):
        if state_of(layout) == ABSENT:
            say(f"cluster {layout.name} is not there")
            return
        with step(f"take down cluster {layout.name}"):
            _clear(layout)


def state_of(layout: Layout) -> str:
    """Running, broken (something of it is there, but not all) or absent."""
    if not layout.state.exists() and not layout.netns_path.exists():
        return ABSENT
    whole = _marker(layout).exists() and netns.Namespace(layout.netns).exists() and process.all_alive(layout)
    return RUNNING if whole and control_plane.ready(layout) else BROKEN


def seen_from_outside(layout: Layout) -> str:
    """Like `state_of`, but what another command is just starting or stopping is changing and not broken."""
    with lock.tried(layout) as free:
        return state_of(layout) if free else CHANGING


def shape_of(layout: Layout) -> str | None:
    """The shape that was asked for when the cluster was started."""
    try:
        return _shape_file(layout).read_text()
    except OSError:
        return None


def known() -> list[Layout]:
    """Every cluster of which there is a state folder or a namespace."""
    prefix = Layout("x").netns[:-1]
    names = {folder.name for folder in states().glob("*") if folder.is_dir()}
    names |= {path.name.removeprefix(prefix) for path in netns.FOLDER.glob(f"{prefix}*")}
    return [Layout(name) for name in sorted(names)]


def environment(layout: Layout) -> dict[str, str]:
    """What a command inside the cluster needs to know."""
    return {
        "KUBECONFIG": str(layout.kubeconfig),
        "PATH": f"{layout.bin}:{os.environ.get('PATH', '')}",
        "SERINUS_CLUSTER": layout.name,
        "SERINUS_PROMETHEUS": addons.PROMETHEUS_URL if shape_of(layout) == WHOLE else layout.prometheus_url,
        "SERINUS_GATEWAY": addons.GATEWAY_URL,
        "SERINUS_EXPORTER": layout.exporter_url,
        "SERINUS_TARGETS": str(prometheus.targets(layout)),
    }


def _start(layout: Layout, shape: str) -> None:
    _make_states()
    layout.state.mkdir(mode=0o700)
    _shape_file(layout).write_text(shape)
    layout.sockets.mkdir()
    netns.Namespace(layout.netns).create()
    if shape == CONTROL_PLANE:
        prometheus.up(layout)
        control_plane.start(layout, node_cidr_bits=24)
        kwok.up(layout)
        control_plane.wait_for_controllers(layout)
        addons.routes(layout)
        prometheus.wait(layout)
        kwok.wait(layout)
    else:
        from tests.cluster import node  # only this shape runs containers

        with ThreadPoolExecutor(1) as beside:
            prepared = beside.submit(node.prepare, layout)
            with step("control plane"):
                control_plane.up(layout)
            prepared.result()
            started = beside.submit(node.up, layout)  # pods of the add-ons wait for it, the rest of them need not
            with step("add-ons"):
                addons.up(layout)
            started.result()
    _marker(layout).touch()


def _clear(layout: Layout) -> None:
    """Take everything away; each part of it works on what it finds, so it does not matter where a run was killed."""
    if shape_of(layout) != CONTROL_PLANE:  # also when the shape was never written
        from tests.cluster import node

        node.down(layout)
    process.stop_all(layout, grace=2.0)
    namespace = netns.Namespace(layout.netns)
    guests = [record for pid in namespace.inside() if (record := process.of_pid(pid))]
    if any(record.pid in _ancestors() for record in guests):
        raise ClusterError(f"this command runs inside cluster {layout.name}; leave its shell first, then take it down")
    if guests:
        say(
            "also ends what still uses the cluster's network: " + ", ".join(f"{one.name} ({one.pid})" for one in guests)
        )
        process.end(guests, grace=1.0)
    namespace.destroy()
    _remove(layout.state)


def _remove(state: Path) -> None:
    if not state.exists():
        return
    # Removing files through a mount would remove them from what is mounted.
    left = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    left = [point for point in left if point.startswith(f"{state}/")]
    if left:
        raise ClusterError(
            f"still mounted below {state}: {', '.join(left)}; unmount them and take the cluster down again"
        )
    shutil.rmtree(state)


def _keep_logs(layout: Layout) -> None:
    """A failed start takes its state folder away, but not the logs that tell why."""
    if not layout.logs.exists():
        return
    kept = cache.root() / "logs" / f"failed-{layout.name}"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(layout.logs, kept)
    say(f"the logs of the failed start are kept in {kept}")


def _make_states() -> None:
    """The folder above all state folders, for root only: it holds keys, and lies where everybody may make folders."""
    folder = states()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    about = folder.lstat()
    if folder.is_symlink() or about.st_uid != os.geteuid():
        raise ClusterError(f"{folder} belongs to somebody else; remove it, or set SERINUS_STATE to another folder")
    folder.chmod(0o700)


def _ancestors() -> set[int]:
    """This process and those that started it."""
    found = set()
    pid = os.getpid()
    while pid:
        found.add(pid)
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            break
    return found


def _marker(layout: Layout) -> Path:
    return layout.state / "up"


def _shape_file(layout: Layout) -> Path:
    return layout.state / "shape"
