"""What pods leave behind, found by whose it is and ended by id.

The same code clears a cluster that goes down and one whose run was killed: nothing here asks the API server, kubelet
or containerd, because after a kill none of them answers. Shims outlive containerd and containers outlive shims, so
both are looked for: containers by the cgroup of the cluster, shims by the socket of its containerd.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.cluster import containerd, process
from tests.cluster.command import run
from tests.cluster.layout import Layout

_CGROUPS = Path("/sys/fs/cgroup")
_SHIM = "containerd-shim"
_LOG_LINKS = Path("/var/log/containers")
_KUBELET_SOCKET = Path("/var/lib/kubelet/device-plugins/kubelet.sock")
"""kubelet takes this path whatever its root folder is."""
_NETWORK_RESULTS = Path("/var/lib/cni/results")
"""Where the library of pod networks notes what it set up, whatever containerd's folders are; it forgets a pod when it
is asked to take its network down, and nobody asks for those that go with their cluster."""
_WEIGHTS = {"cpu.shares": 16 * 1024, "cpu.weight": 16 * 100}
"""All pods together weigh as much as so many processes outside, not as one; else a busy machine starves them."""


def cgroup_name(layout: Layout) -> str:
    """The cgroup below which all pods of the cluster are."""
    return f"serinus-{layout.name}"


def make_cgroups(layout: Layout) -> None:
    """kubelet wants the parent of its pods to exist in every hierarchy."""
    unified = (_CGROUPS / "cgroup.controllers").exists()
    hierarchies = (path for path in _CGROUPS.iterdir() if path.is_dir() and not path.is_symlink())
    for parent in [_CGROUPS] if unified else hierarchies:
        own = parent / cgroup_name(layout)
        own.mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):
            if not unified and (own / file).exists():  # version 1 lets nobody in while these are empty
                (own / file).write_text((parent / file).read_text())
    if unified:
        every = (_CGROUPS / "cgroup.controllers").read_text().split()
        for controller in every:
            with suppress(OSError):  # some are tied to the machine's own manager
                (_CGROUPS / "cgroup.subtree_control").write_text(f"+{controller}")
    for own in _tops(layout):
        for file, weight in _WEIGHTS.items():
            if (own / file).exists():
                (own / file).write_text(str(weight))


def end_pods(layout: Layout) -> None:
    """End containers and shims, with hardly any grace: what they would still save goes with the cluster.

    A container may start another process while it ends, so look again until none is left.
    """
    for _ in range(5):
        found = [record for pid in {*_in_cgroups(layout), *_shims(layout)} if (record := process.of_pid(pid))]
        if not found:
            return
        process.end(found, grace=0.1)


def remove(layout: Layout) -> None:
    """Take away mounts, sockets, cgroups and links; only after `end_pods`."""
    for file in containerd.tasks(layout).glob("*/address"):
        with suppress(OSError):
            Path(file.read_text().strip().removeprefix("unix://")).unlink()
    if _NETWORK_RESULTS.is_dir() and containerd.sandboxes(layout).is_dir():
        own = {path.name for path in containerd.sandboxes(layout).iterdir()}
        for note in [path for path in _NETWORK_RESULTS.iterdir() if own & set(path.name.split("-"))]:
            note.unlink(missing_ok=True)
    unmount_below(layout.state)
    for folder in sorted(_cgroups(layout), key=lambda path: len(path.parts), reverse=True):
        with suppress(OSError):  # a dying process may hold it for a moment; `found` tells if it stays
            folder.rmdir()
    if _LOG_LINKS.is_dir():
        for link in _LOG_LINKS.iterdir():
            if link.is_symlink() and layout.state in link.readlink().parents:
                link.unlink()
    if _KUBELET_SOCKET.is_socket() and not _answers(_KUBELET_SOCKET):
        _KUBELET_SOCKET.unlink()


def found(layout: Layout) -> list[str]:
    """What is still there, in words; empty when nothing is."""
    words = [f"process {pid}" for pid in {*_in_cgroups(layout), *_shims(layout)}]
    words += [f"mount {path}" for path in mounts_below(layout.state)]
    return words + [f"cgroup {path}" for path in _cgroups(layout)]


def mounts_below(folder: Path) -> list[str]:
    """Mount points in or at the folder, the deepest first."""
    inside = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4].encode().decode("unicode_escape")  # blanks are written as octal numbers there
        if point == str(folder) or point.startswith(f"{folder}/"):
            inside.append(point)
    return inside[::-1]


def unmount_below(folder: Path) -> None:
    """Detach every mount in the folder."""
    for point in mounts_below(folder):
        run(["umount", "--lazy", point], f"unmount {point}")


def _tops(layout: Layout) -> list[Path]:
    return [*_CGROUPS.glob(f"*/{cgroup_name(layout)}"), *_CGROUPS.glob(cgroup_name(layout))]


def _cgroups(layout: Layout) -> Iterator[Path]:
    for top in _tops(layout):
        for folder, _, _ in os.walk(top):
            yield Path(folder)


def _in_cgroups(layout: Layout) -> Iterator[int]:
    for folder in _cgroups(layout):
        with suppress(OSError):
            yield from map(int, (folder / "cgroup.procs").read_text().split())


def _shims(layout: Layout) -> Iterator[int]:
    address = str(containerd.socket(layout)).encode()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = file.read_bytes().split(b"\0")
            if _SHIM.encode() in words[0] and address in words:
                yield int(file.parent.name)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as caller:
        try:
            caller.connect(str(path))
        except OSError:
            return False
        return True
