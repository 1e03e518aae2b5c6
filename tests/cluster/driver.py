"""Which driver runs a cluster: `native` (lifecycle.py) or `kind` (kind.py), and what both can do.

`up` chooses: what `--driver` or `$DRIVER` says; else kind where a Docker engine answers; else native. Every other
command finds the driver of the cluster that is there. The control-plane shape is always native: it runs no container,
and starts in seconds where kind would need half a minute for a node that nobody uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import images, kind, lifecycle, netns
from tests.cluster.errors import ClusterError
from tests.cluster.layout import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """What the command line and the demo ask of a cluster, whoever runs it."""

    name: str
    layout: Callable[[str], Layout]
    """Where a cluster of this name has its things."""
    up: Callable[[Layout, str], None]
    """Make it run in the shape; quick when it does already."""
    down: Callable[[Layout], None]
    image: Callable[[Layout, Path, str, Mapping[str, str], Path | None], str]
    """Build an image (Dockerfile, tag, build arguments, context) and load it; answers what names its content."""
    environment: Callable[[Layout], dict[str, str]]
    """What a command inside the cluster needs to know."""
    can_be_entered: Callable[[Layout], bool]
    known: Callable[[], list[Layout]]
    shape_of: Callable[[Layout], str | None]
    seen_from_outside: Callable[[Layout], str]


def _native_image(layout: Layout, file: Path, tag: str, arguments: Mapping[str, str], context: Path | None) -> str:
    return images.build(layout, file, tag, arguments, context).parent.name


NATIVE = Driver(
    name="native",
    layout=Layout,
    up=lifecycle.up,
    down=lifecycle.down,
    image=_native_image,
    environment=lifecycle.environment,
    can_be_entered=lambda layout: netns.Namespace(layout.netns).exists(),
    known=lifecycle.known,
    shape_of=lifecycle.shape_of,
    seen_from_outside=lifecycle.seen_from_outside,
)
KIND = Driver(
    name="kind",
    layout=kind.Cluster,
    up=kind.up,
    down=kind.down,
    image=kind.image,
    environment=kind.environment,
    can_be_entered=kind.complete,
    known=kind.known,
    shape_of=lambda layout: lifecycle.WHOLE,
    seen_from_outside=kind.seen_from_outside,
)
DRIVERS = (NATIVE, KIND)


def choose(name: str, shape: str, asked: str) -> Driver:
    """The driver to start the cluster with; `asked` is empty where nobody asked for one."""
    wanted = _called(asked) if asked else None
    if shape == lifecycle.CONTROL_PLANE:
        wanted = NATIVE
    there = find(name)
    if there and wanted and there is not wanted:
        raise ClusterError(
            f"cluster {name} is there already, by driver {there.name}; take it down first "
            f"(`python -m tests.cluster down --name {name}`) or give this one another --name"
        )
    return there or wanted or default()


def default() -> Driver:
    """kind where a Docker engine answers, else native."""
    return KIND if kind.engine() else NATIVE


def find(name: str) -> Driver | None:
    """The driver of the cluster, also of one that is broken; None when there is no such cluster."""
    return next((one for one in DRIVERS if any(layout.name == name for layout in one.known())), None)


def _called(name: str) -> Driver:
    for one in DRIVERS:
        if one.name == name:
            return one
    raise ClusterError(
        f"no driver is called {name!r}; write DRIVER=native (no Docker needed) or DRIVER=kind, or leave it out"
    )
