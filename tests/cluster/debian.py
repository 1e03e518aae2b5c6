"""What the clusters take from the machine's own packages: a program or file each, and the package that brings it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.cluster import cache, recipes
from tests.cluster.errors import ClusterError
from tests.cluster.progress import step

BOTH: Mapping[str, str] = {"ip": "iproute2", "nsenter": "util-linux", "openssl": "openssl"}

WHOLE: Mapping[str, str] = {
    **BOTH,
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "nft": "nftables",
    "conntrack": "conntrack",
    "socat": "socat",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "/bin/busybox": "busybox-static",
}


def missing(whole: bool) -> list[str]:
    """Packages whose program or file is not there. Not asked of dpkg: who installed them does not matter."""
    absent = {package for need, package in (WHOLE if whole else BOTH).items() if not _found(need)}
    return sorted(absent)


def install(whole: bool) -> None:
    """Install what is missing with apt-get, or say what to install where there is no apt-get."""
    packages = missing(whole)
    if not packages:
        return
    if not shutil.which("apt-get"):
        raise ClusterError(
            f"this machine lacks {' '.join(packages)} (names of Debian packages); install them and run again"
        )
    log = cache.root() / "logs" / "apt-get.log"
    # A daemon that a package starts of itself would run outside every cluster: runlevel 1 keeps it from starting.
    env = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    get = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    with step(f"install Debian packages {' '.join(packages)}"):
        if not any(Path("/var/lib/apt/lists").glob("*_Packages*")):
            recipes.run([*get, "update"], log, env=env)
        recipes.run([*get, "install", "--no-install-recommends", *packages], log, env=env)
    left = missing(whole)
    if left:
        raise ClusterError(f"apt-get ended well but {' '.join(left)} is still not found; see {log}")


def _found(need: str) -> bool:
    return Path(need).exists() if need.startswith("/") else shutil.which(need, path=search_path()) is not None


def search_path() -> str:
    """PATH with the system folders that an ordinary user's PATH lacks."""
    return os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
