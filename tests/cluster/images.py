"""Container images without a Docker engine: buildah makes them, containerd takes them in from an archive.

A built image is an archive in the cache, keyed by everything that goes into it, so a second build of unchanged inputs
costs one look at the files and no buildah at all. Builds go one after another under a lock: that is what makes it safe
to clear away, before each, the working containers that a killed build left.
"""

from __future__ import annotations

import configparser
import fcntl
import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import cache, parts
from tests.cluster.command import run
from tests.cluster.containerd import PAUSE, ctr
from tests.cluster.errors import ClusterError
from tests.cluster.layout import Layout
from tests.cluster.progress import step

MONITORING = "localhost/serinus/addons:1"
"""CoreDNS and Prometheus: static programs and nothing else."""

_RECIPE = "4"
"""Part of every key; raise it when the way images are made here changes what is in them."""
_KEPT = 3
"""Archives of one tag that stay in the cache; a source tree that changes all day would fill the disk otherwise."""
_IGNORED = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
_PIP_SETTINGS = {"index-url", "extra-index-url", "trusted-host", "timeout", "retries"}
_CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")


def base() -> str:
    """The tag of the base image for `ARG BASE`: a small Debian with Python, made from the debootstrap part."""
    part = parts.PARTS["base"]
    return f"localhost/serinus/base:{part.key.removeprefix('base-')}"


def build(
    layout: Layout | None,
    dockerfile: Path,
    tag: str,
    build_args: Mapping[str, str] | None = None,
    context: Path | None = None,
) -> Path:
    """Build an image by its real Dockerfile and return the archive; into the cluster too when a layout is given.

    `BASE` is set to `base()` unless the arguments say otherwise. `context` is the folder of the Dockerfile unless
    given; the image depends on what its .dockerignore lets in.
    """
    context = context or dockerfile.parent
    arguments = {"BASE": base(), **(build_args or {})}
    digest = hashlib.sha256(repr((_RECIPE, tag, sorted(arguments.items()))).encode())
    for path in (dockerfile, *_let_in(context)):
        _digest_of(path, digest.update)

    def make(archive: Path) -> None:
        if arguments["BASE"] == base():
            _make_base()
        words = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        with _registries() as mounts:
            _buildah(
                "bud", "--isolation", "chroot", "--pull=never", "--layers", *mounts, *words,
                "--file", dockerfile, "--tag", tag, context, what=f"build image {tag} from {dockerfile}",
            )  # fmt: skip
        _archive(tag, archive)

    archive = _ensure(tag, digest.hexdigest(), make)
    if layout is not None:
        load(layout, tag, archive)
    return archive


def load(layout: Layout, tag: str, archive: Path) -> None:
    """Take an archive into the cluster's containerd under its tag, unless that very archive was loaded before."""
    loaded = layout.state / "images" / _file_name(tag)
    if loaded.exists() and loaded.read_text() == str(archive):
        return
    with step(f"load image {tag}"):
        run(ctr(layout, "images", "import", archive), f"load image {tag}", seconds=300)
    loaded.parent.mkdir(parents=True, exist_ok=True)
    loaded.write_text(str(archive))


def pause() -> Path:
    """The image that holds a pod open. It sleeps in busybox, which makes it a tool box for tests as well."""
    return _of_programs(PAUSE, {"/bin/busybox": Path("/bin/busybox")}, ["/bin/busybox", "sleep", "2147483647"])


def monitoring() -> Path:
    """The image of the add-ons that run as pods."""
    names = ("coredns", "prometheus")
    found = {f"/{name}": parts.path(name) / name for name in names}
    return _of_programs(MONITORING, found, ["/coredns"], key=" ".join(parts.PARTS[name].key for name in names))


def _of_programs(tag: str, files: Mapping[str, Path], command: list[str], key: str = "") -> Path:
    """An image that holds static programs only."""
    digest = hashlib.sha256(repr((_RECIPE, tag, command, sorted(files), key)).encode())
    if not key:
        for file in files.values():
            digest.update(file.read_bytes())

    def make(archive: Path) -> None:
        _commit(tag, [(file, place) for place, file in files.items()], command)
        _archive(tag, archive)

    return _ensure(tag, digest.hexdigest(), make)


def _make_base() -> None:
    if _buildah("images", "--quiet", "--filter", f"reference={base()}", what="list images").strip():
        return
    with step("make the base image"):
        _commit(base(), [(parts.path("base") / "rootfs", "/")], ["/bin/sh"])


def _commit(tag: str, files: Iterable[tuple[Path, str]], command: list[str]) -> None:
    what = f"make image {tag}"
    container = _buildah("from", "scratch", what=what).strip()
    for source, place in files:
        _buildah("add", "--quiet", container, source, place, what=what)
    words = "[" + ",".join(f'"{word}"' for word in command) + "]"
    _buildah("config", "--cmd", words, container, what=what)
    _buildah("commit", "--quiet", "--rm", container, tag, what=what)


def _archive(tag: str, archive: Path) -> None:
    # OCI's format names layers by their content, so containerd skips the base image that it holds already; zstd costs
    # little time on either side, and every archive repeats the base.
    way = ("--quiet", "--compression-format", "zstd", "--compression-level", "1")
    _buildah("push", *way, tag, f"oci-archive:{archive}:{tag}", what=f"archive {tag}")


def _ensure(tag: str, digest: str, make: Callable[[Path], None]) -> Path:
    prefix = f"image-{_file_name(tag)}-"
    key = prefix + digest[:16]

    def fill(folder: Path) -> None:
        with _alone():
            make(folder / "image.tar")

    archive = cache.ensure(key, fill) / "image.tar"
    os.utime(archive.parent)
    others = sorted(cache.entry(key).parent.glob(f"{prefix}{'?' * 16}"), key=lambda path: path.stat().st_mtime)
    for old in others[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return archive


def _buildah(*words: str | Path, what: str) -> str:
    home = cache.root() / "buildah"
    env = {"CONTAINERS_STORAGE_CONF": str(home / "storage.conf"), "TMPDIR": str(home / "tmp")}
    # It dies with this program, and what it mounts goes with it, also when either is killed.
    alone = ("unshare", "--mount", "setpriv", "--pdeathsig", "TERM", "--")
    return run([*alone, "buildah", *words], what, env=env, seconds=900)


@contextmanager
def _alone() -> Iterator[None]:
    home = cache.root() / "buildah"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(home / "tmp", ignore_errors=True)
        (home / "tmp").mkdir()
        (home / "storage.conf").write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{home}/storage"\nrunroot = "{home}/run"\n'
        )
        _buildah("rm", "--all", what="clear away the working containers of a killed build")
        yield


@contextmanager
def _registries() -> Iterator[list[str]]:
    """Volumes that let pip in a build reach what pip on this machine reaches; nothing of it stays in the image."""
    parser = configparser.ConfigParser(interpolation=None)
    parser["global"] = {}
    for name, value in sorted(os.environ.items()):
        setting = name.removeprefix("PIP_").lower().replace("_", "-")
        if name.startswith("PIP_") and setting in _PIP_SETTINGS:
            parser["global"][setting] = value
    bundle = next((path for path in map(Path, _CA_BUNDLES) if path.exists()), None)
    if bundle:
        parser["global"]["cert"] = _CA_BUNDLES[0]
    text = io.StringIO()
    parser.write(text)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(text.getvalue())
        file.flush()
        mounts = ["--volume", f"{file.name}:/etc/pip.conf:ro"]
        yield mounts + (["--volume", f"{bundle}:{_CA_BUNDLES[0]}:ro"] if bundle else [])


def _let_in(context: Path) -> list[Path]:
    """What can come from a context into an image: all of it, or what a .dockerignore that begins with `*` excepts."""
    file = context / ".dockerignore"
    lines = file.read_text().split() if file.exists() else []
    if lines[:1] != ["*"]:
        return [context]
    return [file, *(context / line[1:] for line in lines if line.startswith("!"))]


def _digest_of(path: Path, update: Callable[[bytes], None]) -> None:
    if not path.exists():
        raise ClusterError(f"{path} is missing; an image is built from it")
    if path.is_file():
        update(f"{path.name}\0{path.stat().st_mode & 0o777:o}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
        return
    for inner in sorted(path.iterdir()):
        if inner.name not in _IGNORED:
            update(f"{inner.name}\0".encode())
            _digest_of(inner, update)


def _file_name(tag: str) -> str:
    return tag.removeprefix("localhost/").replace("/", "-").replace(":", "-")
