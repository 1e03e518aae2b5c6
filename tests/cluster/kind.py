"""The whole shape by kind, on a machine with a Docker engine: the node is a container, the add-ons are the same.

kind brings etcd to kubelet, CoreDNS and the pods' network with its node image. What addons.py runs as processes beside
the node is a pod in the node's network here, from the same programs, so that the same manifests find it at the node's
address. The cluster's Docker network is no network namespace of ours: tests reach API server, Envoy and Prometheus
through ports of the machine's loopback, and root is not needed where Docker does not need it.

What a killed run left is found by the cluster's name: a state folder without marker, the node, and the processes that
were making it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster import addons, cache, images, lifecycle, lock, node, parts, process
from tests.cluster.command import CommandError, get, kubectl, run, wait_until
from tests.cluster.errors import ClusterError
from tests.cluster.layout import Layout
from tests.cluster.progress import say, step

NODE_IMAGE = "kindest/node:v1.34.0@sha256:7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a"
"""The default of kind 0.30.0 (its source: pkg/apis/config/defaults/image.go), of the same minor version as ours."""

_PORTS = {"gateway": 8080, "prometheus": 30090}
"""Of the node: Envoy's own, and the node port in manifests/kind.yaml. Docker leads free ports of the loopback there."""
_ADDONS = Path(__file__).parents[1] / "images" / "addons" / "Dockerfile"
_PROGRAMS = ("prometheus", "contour", "envoy")


@dataclass(frozen=True, slots=True)
class Cluster(Layout):
    """Where a cluster of this driver has its things."""

    @property
    def state(self) -> Path:
        """In the cache, where everybody who may use Docker can write: it holds no data, only how to reach it."""
        return _states() / self.name

    @property
    def bin(self) -> Path:
        """kubectl of exactly the node's version, helm and kind."""
        return self.state / "bin"

    @property
    def enter(self) -> list[str]:
        return []

    @property
    def node_name(self) -> str:
        return f"{_kind_name(self)}-control-plane"

    @property
    def node_ip(self) -> str:
        addresses = get(self, "node", self.node_name, what="read the node")["status"]["addresses"]
        return next(str(one["address"]) for one in addresses if one["type"] == "InternalIP")


def engine() -> str | None:
    """The version of the Docker engine that answers here, or None."""
    try:
        return run(["docker", "info", "--format", "{{.ServerVersion}}"], "ask Docker", seconds=10).strip() or None
    except ClusterError:
        return None


def up(layout: Layout, shape: str) -> None:
    """Make the cluster run; quick when it does already. There is only the whole shape."""
    _check_machine()
    with lock.held(layout):
        state = _state_of(layout)
        if state == lifecycle.RUNNING:
            say(f"cluster {layout.name} ({shape}, kind) runs already")
            return
        parts.build(parts.names_for(parts.KIND), packages=False)
        if state == lifecycle.BROKEN:
            with step(f"clear away what an earlier run of cluster {layout.name} left"):
                _clear(layout)
        with step(f"start cluster {layout.name} ({shape}, kind)"):
            try:
                _start(layout)
            except BaseException:
                _keep_logs(layout)
                _clear(layout)
                raise


def down(layout: Layout) -> None:
    """Delete the cluster; fine when there is none. Docker keeps images, and its network called kind."""
    _check_machine()
    with lock.held(layout):
        if _state_of(layout) == lifecycle.ABSENT:
            say(f"cluster {layout.name} is not there")
            return
        with step(f"take down cluster {layout.name}"):
            _clear(layout)


def image(layout: Layout, dockerfile: Path, tag: str, arguments: Mapping[str, str], context: Path | None) -> str:
    """Build with Docker and load into the node; answers the image's id.

    `BASE` is what the Dockerfile says, `$SERINUS_BASE` or an argument: Docker has a registry to take it from.
    """
    base = os.environ.get("SERINUS_BASE")
    arguments = {**({"BASE": base} if base else {}), **arguments}
    words = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    with step(f"build image {tag}"):
        how = ("--quiet", *words, "--file", str(dockerfile), "--tag", tag, str(context or dockerfile.parent))
        built = run(["docker", "build", *how], f"build image {tag} from {dockerfile}", seconds=1800).strip()
    with step(f"load image {tag}"):
        _kind("load", "docker-image", tag, "--name", _kind_name(layout), what=f"load image {tag}")
    return built


def environment(layout: Layout) -> dict[str, str]:
    """What a command needs to know to speak to the cluster."""
    return {
        "KUBECONFIG": str(layout.kubeconfig),
        "PATH": f"{layout.bin}:{os.environ.get('PATH', '')}",
        "SERINUS_CLUSTER": layout.name,
        "SERINUS_PROMETHEUS": _address(layout, "prometheus"),
        "SERINUS_GATEWAY": _address(layout, "gateway"),
    }


def complete(layout: Layout) -> bool:
    """Whether a start of it came to its end."""
    return _marker(layout).exists()


def known() -> list[Layout]:
    """Every cluster of which there is a state folder."""
    return [Cluster(folder.name) for folder in sorted(_states().glob("*")) if folder.is_dir()]


def seen_from_outside(layout: Layout) -> str:
    """Running, broken or absent, or that another command is just starting or stopping it."""
    with lock.tried(layout) as free:
        return _state_of(layout) if free else lifecycle.CHANGING


def config(layout: Layout) -> dict[str, Any]:
    """What `kind create cluster --config` reads."""
    ports = [{"containerPort": port, "hostPort": 0, "listenAddress": "127.0.0.1"} for port in _PORTS.values()]
    return {
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "kind": "Cluster",
        "name": _kind_name(layout),
        "networking": {
            "podSubnet": layout.pod_cidr,
            "serviceSubnet": layout.service_cidr,
            "kubeProxyMode": "nftables",
        },
        "nodes": [
            {
                "role": "control-plane",
                "image": os.environ.get("SERINUS_KIND_IMAGE") or NODE_IMAGE,
                "labels": {"pool": node.POOL},
                "extraPortMappings": ports,
            }
        ],
    }


def _start(layout: Layout) -> None:
    layout.bin.mkdir(parents=True)
    for name in ("helm", "kind"):
        (layout.bin / name).symlink_to(program(name))
    file = layout.state / "kind.json"
    file.write_text(json.dumps(config(layout), indent=2))  # JSON is YAML
    with step("kind: node and control plane"):
        _kind(
            "create", "cluster", "--config", str(file), "--kubeconfig", str(layout.kubeconfig), "--retain",
            "--wait", "120s", what="create the cluster",
        )  # fmt: skip
    copy = ["docker", "cp", "--follow-link", f"{layout.node_name}:/usr/bin/kubectl", str(layout.bin / "kubectl")]
    run(copy, "take kubectl out of the node")
    with step("add-ons"):
        node.patch_gpus(layout)
        _build_addons(layout)
        addons.apply_gateway(layout)
        for manifest in ("kind.yaml", "prometheus.yaml"):
            addons.apply(layout, manifest)
        addons.wait_for_pods(layout, addons.GATEWAY[0], "envoy")
        addons.wait_for_pods(layout, "monitoring", "prometheus")
        addons.wait_until_programmed(layout, f"`kubectl -n {addons.GATEWAY[0]} logs deploy/envoy -c contour`")
        addons.wait_for_scrape(layout)
    wait_until("Ready on the node", lambda: node.ready(layout), 60, f"see `docker logs {layout.node_name}`")
    _marker(layout).touch()


def _build_addons(layout: Layout) -> None:
    """The image of the add-ons, from the same programs that run as processes without Docker."""
    context = layout.state / "addons"
    context.mkdir()
    for name in _PROGRAMS:
        shutil.copyfile(program(name), context / name)
        (context / name).chmod(0o755)
    shutil.copyfile(addons.CONTOUR, context / addons.CONTOUR.name)
    image(layout, _ADDONS, images.MONITORING, {}, context)
    shutil.rmtree(context)


def _clear(layout: Layout) -> None:
    # A start that was killed leaves `kind create` and its `docker run` behind. The engine goes on making the node when
    # the latter is ended, and names it only when it is made, so that is waited for.
    process.end([record for pid in _creating(layout, "kind") if (record := process.of_pid(pid))], grace=2.0)
    hint = f"end `docker run --name {layout.node_name}`, then take the cluster down"
    wait_until("the end of the node's creation", lambda: not list(_creating(layout, "docker")), 120, hint)
    _kind("delete", "cluster", "--name", _kind_name(layout), what=f"delete cluster {layout.name}")
    if layout.state.exists():
        shutil.rmtree(layout.state)


def _creating(layout: Layout, who: str) -> Iterator[int]:
    """Ids of the processes of `kind create` or `docker run` for this cluster."""
    names = {layout.node_name, str(layout.kubeconfig)}
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            program, *words = file.read_bytes().decode(errors="replace").split("\0")
            if Path(program).name == who and words[:1] in (["create"], ["run"]) and names & set(words):
                yield int(file.parent.name)


def _keep_logs(layout: Layout) -> None:
    """A failed start takes the node away, but not what tells why."""
    kept = cache.root() / "logs" / f"failed-{layout.name}"
    shutil.rmtree(kept, ignore_errors=True)
    with suppress(ClusterError):  # there may be no node yet; the error that is being told matters more
        _kind("export", "logs", str(kept), "--name", _kind_name(layout), what="keep the logs")
        say(f"the logs of the failed start are kept in {kept}")


def _state_of(layout: Layout) -> str:
    if not layout.state.exists() and not _nodes(layout):
        return lifecycle.ABSENT
    try:
        ready = complete(layout) and kubectl(layout, "get", "--raw", "/readyz", what="ask the API server") == "ok"
    except CommandError:
        ready = False
    return lifecycle.RUNNING if ready else lifecycle.BROKEN


def _nodes(layout: Layout) -> list[str]:
    """Ids of the cluster's containers, whatever became of them."""
    words = ["docker", "ps", "--all", "--quiet", "--filter", f"label=io.x-k8s.kind.cluster={_kind_name(layout)}"]
    return run(words, "ask Docker for the node").split()


def _address(layout: Layout, what: str) -> str:
    words = ["docker", "port", layout.node_name, f"{_PORTS[what]}/tcp"]
    return f"http://{run(words, f'ask where the {what} answers').split()[0]}"


def _kind(*words: str, what: str) -> str:
    # In a session of its own, so that Ctrl-C does not end its `docker run` (see `_clear`). Where podman is installed,
    # too, kind would have to guess.
    return run(["setsid", program("kind"), *words], what, env={"KIND_EXPERIMENTAL_PROVIDER": "docker"}, seconds=600)


def program(name: str) -> Path:
    """Our own build; of kind the machine's, where it has one that is not older than the node image."""
    own = shutil.which(name) if name == "kind" else None
    if own and _version(own) >= _numbers(parts.PARTS[name].version):
        return Path(own)
    return parts.path(name) / parts.PARTS[name].programs[name]


def _version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "version", "--quiet"], capture_output=True, text=True, check=False).stdout
    return _numbers(said)


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version.strip().removeprefix("v"))
    return tuple(map(int, found.groups())) if found else (0,)


def _kind_name(layout: Layout) -> str:
    """What kind, and with it Docker, calls the cluster."""
    return f"serinus-{layout.name}"


def _states() -> Path:
    return cache.root() / "kind"


def _marker(layout: Layout) -> Path:
    return layout.state / "up"


def _check_machine() -> None:
    if sys.platform != "linux":
        raise ClusterError("DRIVER=kind puts programs of this machine into the node, so it needs Linux here")
    if not engine():
        raise ClusterError(
            "DRIVER=kind needs a Docker engine, and `docker info` finds none that answers; start it, or give yourself "
            "the right to use it, or write DRIVER=native, which needs no Docker"
        )
