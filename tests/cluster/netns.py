"""The network namespace of a cluster: its whole network, and no way out of it.

It has no link to the host, so no packet of the cluster can leave the machine and the host's own rules stay untouched.
The node's address sits on one end of a veth pair whose other end is inside as well: not every kernel has the dummy
device. It is entered with nsenter and not with `ip netns exec`, which remounts /sys and hides the cgroups.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import urllib.error
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.cluster.errors import ClusterError
from tests.cluster.layout import NODE_IP, Layout

_T = TypeVar("_T")
_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000

FOLDER = Path("/run/netns")
"""Where iproute2 looks for names, so that `ip -n NAME` works for a person too."""


def call(layout: Layout, function: Callable[[], _T]) -> _T:
    """Call a function in a thread that is inside the cluster's network; the rest of the program stays outside."""

    def work() -> _T:
        descriptor = os.open(layout.netns_path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if _LIBC.setns(descriptor, _CLONE_NEWNET):
                why = os.strerror(ctypes.get_errno())
                raise ClusterError(f"cannot enter the network of cluster {layout.name} ({layout.netns_path}): {why}")
        finally:
            os.close(descriptor)
        return function()

    with ThreadPoolExecutor(1) as thread:  # the thread ends here, so nothing else runs in that network by accident
        return thread.submit(work).result()


def status(layout: Layout, ask: Callable[[], int]) -> int:
    """The HTTP status that `ask` gets inside the cluster's network; 0 when nobody answers."""
    try:
        return call(layout, ask)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace by name."""

    name: str

    @property
    def path(self) -> Path:
        return FOLDER / self.name

    def exists(self) -> bool:
        """Whether the name stands for a live namespace; a plain file there is what a killed run left."""
        return os.path.ismount(self.path)

    def create(self) -> None:
        """Make the namespace with the node's address; what a killed run left under the name is removed first."""
        self.destroy()
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.path.touch()
        # Not `ip netns add`: that also mounts the folder onto itself, and nobody unmounts it again.
        _run("unshare", f"--net={self.path}", "true")
        ip = ("ip", "-n", self.name)
        _run(*ip, "link", "set", "lo", "up")
        _run(*ip, "link", "add", "node0", "type", "veth", "peer", "name", "node1")
        _run(*ip, "link", "set", "node1", "up")
        _run(*ip, "address", "add", f"{NODE_IP}/24", "dev", "node0")
        _run(*ip, "link", "set", "node0", "up")
        _run(*ip, "route", "add", "default", "dev", "node0", "src", NODE_IP)
        _run("nsenter", f"--net={self.path}", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")

    def destroy(self) -> None:
        """Remove the name; the kernel frees links, addresses and rules with the last process inside."""
        while os.path.ismount(self.path):
            _run("umount", str(self.path))
        self.path.unlink(missing_ok=True)

    def inside(self) -> list[int]:
        """Ids of all processes that are in the namespace now."""
        if not self.exists():
            return []
        own = self.path.stat().st_ino
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if (folder / "ns/net").stat().st_ino == own:
                    found.append(int(folder.name))
            except OSError:
                continue  # it ended meanwhile
        return found


def check_machine() -> None:
    """Tell at once, in one sentence, that this machine cannot do it."""
    if os.geteuid() != 0:
        raise ClusterError("a cluster needs root here, for namespaces and mounts; run the command with sudo")
    try:
        tried = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ClusterError("a cluster needs Linux with the tools of util-linux (unshare, nsenter)") from None
    if tried.returncode:
        raise ClusterError(
            f"a cluster needs the right to make namespaces, which this machine refuses ({tried.stderr.strip()}); "
            "in a container, start that with --privileged"
        )


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"`{' '.join(argv)}` failed: {(done.stderr or done.stdout).strip()}")
