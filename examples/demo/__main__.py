"""`make demo`: start the cluster, build the three images, then tell the story inside (tell.py)."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from tests.cluster import driver, lifecycle
from tests.cluster.errors import ClusterError

ROOT = Path(__file__).parents[2]
IMAGES = {
    "operator": (ROOT / "Dockerfile", "localhost/serinus/operator:demo"),
    "model server": (ROOT / "examples/demo/mlserver/Dockerfile", "localhost/serinus/demo-mlserver:1"),
    "load": (ROOT / "examples/demo/load/Dockerfile", "localhost/serinus/demo-load:1"),
}
"""Built by these files under these names once, and then taken from the cache."""


def main() -> int:
    """Prepare, then become the story."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--name", default="dev", help="of the cluster; default: dev")
    name = parser.parse_args().name
    took, built = [], {}
    try:
        began = time.monotonic()
        chosen = driver.choose(name, lifecycle.WHOLE, os.environ.get("DRIVER") or "")
        layout = chosen.layout(name)
        chosen.up(layout, lifecycle.WHOLE)
        took += ["--took", f"the cluster={time.monotonic() - began:.0f}"]
        for what, (dockerfile, tag) in IMAGES.items():
            began = time.monotonic()
            built[what] = chosen.image(layout, dockerfile, tag, {}, None)
            took += ["--took", f"the image of the {what}={time.monotonic() - began:.0f}"]
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    inside = ["-m", "tests.cluster", "exec", "--name", name, "--", sys.executable, "-m", "examples.demo.tell"]
    sys.stdout.flush()
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, *inside, "--name", name, "--image-key", built["operator"], *took])


if __name__ == "__main__":
    sys.exit(main())
