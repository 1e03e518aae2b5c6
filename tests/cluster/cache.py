"""The cache of built parts: filled once a machine, shared by all checkouts and clusters.

An entry is a folder named by part, version and a digest of its recipe, so a changed pin never meets an old build.
It is built beside its place and renamed into it after its stamp is written: what bears the name is whole, whatever
was killed before. The stamp lists every file with its size, so that an entry which lost files later (a full disk, a
cleaned temporary folder) is found and built again. One lock per entry keeps two builders apart; the kernel frees it
with the process that held it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.progress import say, step

STAMP = ".complete.json"


def root() -> Path:
    """`$SERINUS_CACHE`, else `serinus` in the user's cache folder."""
    own = os.environ.get("SERINUS_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "serinus"


def entry(key: str) -> Path:
    """Where the entry is or will be."""
    return root() / "parts" / key


def damage(key: str) -> str | None:
    """Why the entry cannot be used, or None when it is whole."""
    folder = entry(key)
    if not folder.exists():
        return "not built yet"
    try:
        listed = json.loads((folder / STAMP).read_text())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return "has no readable stamp: a build was cut off"
    for name, size in listed.items():
        try:
            found = os.lstat(folder / name).st_size
        except OSError:
            return f"lost its file {name}"
        if found != size:
            return f"file {name} has {found} bytes where {size} were built"
    return None


def ensure(key: str, build: Callable[[Path], None]) -> Path:
    """The whole entry; built with `build(folder)` when it is missing or damaged."""
    folder = entry(key)
    if damage(key) is None:
        return folder
    with _locked(key):
        why = damage(key)  # again: another builder may have finished while this one waited
        if why is None:
            return folder
        if folder.exists():
            say(f"cache entry {key} {why}; building it again")
        _clear(key)
        unfinished = folder.with_name(f"{key}.part-{os.getpid()}")
        unfinished.mkdir(parents=True)
        try:
            with step(f"build {key}"):
                build(unfinished)
                _stamp(unfinished)
            unfinished.rename(folder)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    return folder


def _stamp(folder: Path) -> None:
    files = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = Path(at) / name
            files[str(path.relative_to(folder))] = path.lstat().st_size
    if not files:
        raise ClusterError(f"the recipe for {folder.name} left no file; its log lines above say why")
    unfinished = folder / (STAMP + ".tmp")
    unfinished.write_text(json.dumps({"files": files}))
    unfinished.rename(folder / STAMP)


def _clear(key: str) -> None:
    """Remove a damaged entry and what killed builders left; only called under the entry's lock."""
    for rubbish in [entry(key), *entry(key).parent.glob(f"{key}.part-*")]:
        if rubbish.exists():
            shutil.rmtree(rubbish)


@contextmanager
def _locked(key: str) -> Iterator[None]:
    locks = root() / "locks"
    try:
        locks.mkdir(parents=True, exist_ok=True)
        (root() / "parts").mkdir(exist_ok=True)
    except OSError as error:
        raise ClusterError(
            f"the cache folder {root()} cannot be written ({error.strerror}); set SERINUS_CACHE to another"
        ) from error
    with (locks / f"{key}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process builds {key}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
