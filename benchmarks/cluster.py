"""What a rollout does to users' requests, on a whole cluster: `make bench-cluster`.

Real pods behind a real Envoy, with the operator installed by its chart. One model is promoted and taken back again and
again while requests come at a steady rate; every answer but 200 that the model was not told to give is a lost request.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import fleet
from benchmarks.load import Answer, Load
from benchmarks.table import Row, circumstances, keep, table
from benchmarks.world import World
from tests.api_server.api import Api, Manifest
from tests.cluster.progress import say, step

ROOT = Path(__file__).parents[1]
IMAGE = "localhost/serinus/httpmodel:1"
NAME = "shop"
WEIGHT = 50
REPLICAS = 2
BAD_RATE = 0.3
LONGEST = 150.0
"""Seconds that one promotion or rollback may take."""


@dataclass(slots=True)
class Story:
    """What was done."""

    promoted: int = 0
    patches: dict[str, float] = field(default_factory=dict)
    """When the watch told that a bad version's weight had become 0, by version."""


def install() -> None:
    """The operator by its chart, with the values that the demo uses."""
    values = ROOT / "examples" / "demo" / "values.yaml"
    words = ["helm", "upgrade", "--install", "serinus", str(ROOT / "charts" / "serinus"), "--values", str(values)]
    where = ["--namespace", "serinus-system", "--create-namespace", "--wait", "--timeout", "120s"]
    subprocess.run([*words, *where], check=True, stdout=subprocess.DEVNULL)


def source(version: str, error_rate: float = 0.0) -> Manifest:
    """A version of the model, which fails as often as it is told to."""
    manifest = fleet.source(NAME, version)
    template = manifest["spec"]["template"]
    template["metadata"]["annotations"] = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
    container = template["spec"]["containers"][0]
    settings = {"VERSION": version, "ERROR_RATE": str(error_rate), "LATENCY": "0.002"}
    container |= {
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "env": [{"name": key, "value": value} for key, value in settings.items()],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1},
    }
    return manifest


def rollout() -> Manifest:
    """As short as a proof can be: the figures of this benchmark do not depend on how long a step lasts."""
    manifest = fleet.rollout(NAME)
    manifest["spec"] |= {
        "workload": {"deployment": NAME, "replicas": REPLICAS},
        "steps": [{"weight": WEIGHT, "hold": "2s"}],
        "slis": [{"preset": "http/success-rate", "objective": "95%"}],
        "analysis": {"interval": "2s", "falsePromotionRate": "50%"},
        "rollback": {"drain": "2s", "scaleDownDelay": "2s", "window": 0},
    }
    return manifest


def promote(api: Api, world: World, story: Story, number: int) -> None:
    """A good version becomes stable."""
    before = _revision(world, "stable")
    api.apply(source(f"good-{number}"))
    world.wait_until(
        f"promotion of good-{number}",
        lambda: world.phase(NAME) == "Healthy" and _revision(world, "stable") != before,
        LONGEST,
    )
    story.promoted += 1


def take_back(api: Api, world: World, story: Story, number: int) -> None:
    """A bad version gets traffic, and loses it."""
    version = f"bad-{number}"
    api.apply(source(version, BAD_RATE))
    world.wait_until(f"traffic on {version}", lambda: world.weight(NAME) > 0, LONGEST)
    seen: list[float] = []

    def note(kind: str, one: Manifest, gone: bool) -> None:
        if kind == "HTTPRoute" and not gone and not seen and world.weight(one["metadata"]["name"]) == 0:
            seen.append(time.time())

    world.changed = note
    world.wait_until(f"rollback of {version}", lambda: bool(seen) and world.phase(NAME) == "RolledBack", LONGEST)
    world.changed = lambda *_: None
    story.patches[version] = seen[0]


def rows(answers: Sequence[Answer], story: Story, seconds: float) -> list[Row]:
    """The two figures of this benchmark."""
    lost = [one for one in answers if one.status != 200 and not (one.status == 500 and one.version.startswith("bad-"))]
    told = sum(one.status == 500 for one in answers) - sum(one.status == 500 for one in lost)
    late: list[float] = []
    for version, patched in story.patches.items():
        last = max((one.answered for one in answers if one.version == version), default=patched)
        late.append(max(0.0, last - patched))
    kinds = Counter(one.error or str(one.status) for one in lost)
    for one in lost[:20]:
        say(f"lost: sent {one.sent:.3f}, {one.answered - one.sent:.3f} s, {one.status} {one.version} {one.error}")
    say(f"lost by kind: {dict(kinds)}; patch -> last answer: {[round(one, 3) for one in late]}")
    return [
        Row(
            what="weight patch of a rollback -> last answer by the candidate, slowest",
            measured=max(late) if late else None,
            unit="s",
            aim=1.0,
            note=f"median {median(late):.2f} of {len(late)}" if late else "no rollback",
        ),
        Row(
            what="requests lost",
            measured=float(len(lost)),
            aim=0,
            note=f"of {len(answers):,} at {len(answers) / seconds:.0f} a second, over {story.promoted} promotions and "
            f"{len(story.patches)} rollbacks; {told:,} errors more that the bad versions were told to give",
        ),
    ]


def measure(options: argparse.Namespace) -> list[Row]:
    """Install everything, then promote and take back under load."""
    kubeconfig = os.environ["KUBECONFIG"]
    api, world, story = Api(kubeconfig), World(kubeconfig), Story()
    with step("install the operator by its chart"):
        install()
    with step("the first version becomes stable"):
        fleet.make_namespace(api)
        for manifest in (source("good-0"), fleet.route(NAME), rollout()):
            api.apply(manifest)
        world.start()
        world.wait_until("the first stable version", lambda: world.phase(NAME) == "Healthy", LONGEST)
        time.sleep(5)
    with tempfile.TemporaryDirectory(prefix="serinus-bench-") as made:
        longest = (options.promotions + options.rollbacks) * LONGEST
        gateway, host = os.environ["SERINUS_GATEWAY"], f"{NAME}.example.com"
        load = Load(Path(made), gateway, host, rps=options.rps, seconds=longest)
        began = time.monotonic()
        load.start()
        try:
            for number in range(1, max(options.promotions, options.rollbacks) + 1):
                if number <= options.promotions:
                    with step(f"promotion {number}"):
                        promote(api, world, story, number)
                if number <= options.rollbacks:
                    with step(f"rollback {number}"):
                        take_back(api, world, story, number)
            time.sleep(5)
        except TimeoutError as error:
            say(f"stopped early: {error}; {world.objects['ModelRollout'][NAME].get('status')}")
        finally:
            answers = load.stop()
            world.stop()
        return rows(answers, story, time.monotonic() - began)


def _revision(world: World, role: str) -> str:
    status = (world.objects["ModelRollout"].get(NAME) or {}).get("status") or {}
    return str((status.get(role) or {}).get("revision", ""))


def main() -> None:
    """Measure, print, and replace the section of the page."""
    parser = argparse.ArgumentParser(description="Run inside a whole cluster: make bench-cluster")
    parser.add_argument("--promotions", type=int, default=20)
    parser.add_argument("--rollbacks", type=int, default=20)
    parser.add_argument("--rps", type=float, default=200.0)
    parser.add_argument("--section", default="Whole cluster", help="of docs/benchmarks.md; empty: only print")
    options = parser.parse_args()
    about = circumstances()
    measured = measure(options)
    head = (
        f"A small HTTP server, {REPLICAS} pods, one step of {WEIGHT} %, {options.rps:.0f} requests a second "
        f"through Envoy, the operator installed by its chart, `make bench-cluster`. {about}."
    )
    text = table(measured)
    print(f"\n{head}\n\n{text}")
    if options.section:
        keep(options.section, f"{head}\n\n{text}")


if __name__ == "__main__":
    main()
