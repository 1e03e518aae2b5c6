"""What a rollout does to users' requests, on a whole cluster: `make bench-cluster`.

Real pods behind a real Envoy, with the operator installed by its chart. Models are promoted and taken back again and
again while requests come at a steady rate; every answer but 200 that the model was not told to give is a lost request.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchmarks import fleet
from benchmarks.load import Answer, Load
from benchmarks.table import Row, circumstances, keep, table, wait_for_quiet
from benchmarks.world import World
from tests.api_server.api import Api, Manifest
from tests.cluster.progress import say, step

ROOT = Path(__file__).parents[1]
IMAGE = "localhost/serinus/httpmodel:bench"
WEIGHT = 50
REPLICAS = 2
BAD_RATE = 0.8
BAD = "-bad-"
"""In the names of versions that fail as they are told to."""
LONGEST = 150.0
"""Seconds that one promotion or rollback may take."""


@dataclass(slots=True)
class Story:
    """What was done."""

    promoted: int = 0
    patches: dict[str, float] = field(default_factory=dict)
    """When the watch told that a bad version's weight had become 0, by version."""
    failed: list[str] = field(default_factory=list)
    """What did not happen in time."""


def install() -> None:
    """The operator by its chart, with the values of the demo and the image that was built for this."""
    values = ROOT / "examples" / "demo" / "values.yaml"
    chart = ["serinus", str(ROOT / "charts" / "serinus"), "--values", str(values), "--set", "image.tag=bench"]
    where = ["--namespace", "serinus-system", "--create-namespace", "--wait", "--timeout", "120s"]
    subprocess.run(["helm", "upgrade", "--install", *chart, *where], check=True, stdout=subprocess.DEVNULL)


def source(name: str, version: str, error_rate: float = 0.0) -> Manifest:
    """A version of a model, which fails as often as it is told to."""
    manifest = fleet.source(name, version)
    template = manifest["spec"]["template"]
    template["metadata"]["annotations"] = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
    container = template["spec"]["containers"][0]
    settings = {"VERSION": version, "ERROR_RATE": str(error_rate), "LATENCY": "0.002"}
    container |= {
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "env": [{"name": key, "value": value} for key, value in settings.items()],
        # Patient, so that a machine that stalls for a second is not counted as the operator's doing.
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1, "timeoutSeconds": 5},
    }
    return manifest


def rollout(name: str) -> Manifest:
    """As short as a proof can be: the figures of this benchmark do not depend on how long a step lasts."""
    manifest = fleet.rollout(name)
    manifest["spec"] |= {
        "workload": {"deployment": name, "replicas": REPLICAS},
        "steps": [{"weight": WEIGHT, "hold": "2s"}],
        "slis": [{"preset": "http/success-rate", "objective": "95%"}],
        "analysis": {"interval": "2s", "falsePromotionRate": "50%"},
        "rollback": {"drain": "2s", "scaleDownDelay": "2s", "window": 0},
    }
    return manifest


def promote(api: Api, world: World, story: Story, name: str, number: int) -> None:
    """A good version becomes stable."""
    before = _revision(world, name)
    api.apply(source(name, f"{name}-good-{number}"))
    world.wait_until(
        f"promotion {number} of {name}",
        lambda: world.phase(name) == "Healthy" and _revision(world, name) != before,
        LONGEST,
    )
    story.promoted += 1


def take_back(api: Api, world: World, story: Story, name: str, number: int) -> None:
    """A bad version gets traffic, and loses it."""
    version, began = f"{name}{BAD}{number}", time.time()
    api.apply(source(name, version, BAD_RATE))

    def lost_traffic() -> float:
        """When the weight became 0 after it had been more; 0 before that."""
        known = [one for one in world.changes.weights[name] if one[0] > began]
        zero = (at for (_, before), (at, weight) in pairwise(known) if before > 0 and weight == 0)
        return next(zero, 0.0)

    world.wait_until(
        f"rollback {number} of {name}", lambda: lost_traffic() > 0 and world.phase(name) == "RolledBack", LONGEST
    )
    story.patches[version] = lost_traffic()


def live(kubeconfig: str, world: World, story: Story, name: str, promotions: int, rollbacks: int) -> None:
    """One model's life: promotions and rollbacks in turn."""
    api = Api(kubeconfig)
    try:
        for number in range(1, max(promotions, rollbacks) + 1):
            if number <= promotions:
                with step(f"{name}: promotion {number}"):
                    promote(api, world, story, name, number)
            if number <= rollbacks:
                with step(f"{name}: rollback {number}"):
                    take_back(api, world, story, name, number)
    except TimeoutError as error:
        status = world.objects["ModelRollout"][name].get("status") or {}
        story.failed.append(f"{error}; {status.get('message')}")


def rows(answers: Sequence[Answer], story: Story, seconds: float) -> list[Row]:
    """The two figures of this benchmark."""
    lost = [one for one in answers if one.status != 200 and not (one.status == 500 and BAD in one.version)]
    told = sum(one.status == 500 for one in answers) - sum(one.status == 500 for one in lost)
    late: list[float] = []
    for version, patched in story.patches.items():
        last = max((one.answered for one in answers if one.version == version), default=patched)
        late.append(max(0.0, last - patched))
    kinds = Counter(one.error or str(one.status) for one in lost)
    for (host, second), number in sorted(Counter((one.host, int(one.sent)) for one in lost).items()):
        say(f"lost: {number} of {host} at {datetime.fromtimestamp(second, UTC):%H:%M:%S} UTC")
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
    names = [f"shop-{index}" for index in range(options.models)]
    with step("install the operator by its chart"):
        install()
    with step("the first versions become stable"):
        fleet.make_namespace(api)
        for name in names:
            for manifest in (source(name, f"{name}-good-0"), fleet.route(name), rollout(name)):
                api.apply(manifest)
        world.start()
        world.wait_until(
            "the first stable versions", lambda: all(world.phase(name) == "Healthy" for name in names), LONGEST
        )
        time.sleep(5)
    with tempfile.TemporaryDirectory(prefix="serinus-bench-") as made, ThreadPoolExecutor(len(names)) as threads:
        hosts = [f"{name}.example.com" for name in names]
        longest = 2 * options.count / len(names) * LONGEST
        load = Load(Path(made), os.environ["SERINUS_GATEWAY"], hosts, rps=options.rps, seconds=longest)
        began = time.monotonic()
        load.start()
        try:
            each = [options.count // len(names) + (index < options.count % len(names)) for index in range(len(names))]
            for done in [
                threads.submit(live, kubeconfig, world, story, name, count, count)
                for name, count in zip(names, each, strict=True)
            ]:
                done.result()
            time.sleep(5)
        finally:
            answers = load.stop()
            world.stop()
        for words in story.failed:
            say(f"stopped early: {words}")
        return rows(answers, story, time.monotonic() - began)


def _revision(world: World, name: str) -> str:
    """The stable one, as status says."""
    status = (world.objects["ModelRollout"].get(name) or {}).get("status") or {}
    return str((status.get("stable") or {}).get("revision", ""))


def main() -> None:
    """Measure, print, and replace the section of the page."""
    parser = argparse.ArgumentParser(description="Run inside a whole cluster: make bench-cluster")
    parser.add_argument("--count", type=int, default=20, help="of promotions, and of rollbacks")
    parser.add_argument("--models", type=int, default=4, help="which share these, side by side")
    parser.add_argument("--rps", type=float, default=200.0)
    parser.add_argument("--patience", type=float, default=600, help="seconds to wait for a quiet machine at most")
    parser.add_argument("--section", default="Whole cluster", help="of docs/operator-benchmarks.md; empty: only print")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    wait_for_quiet(options.patience)
    about = circumstances()
    measured = measure(options)
    head = (
        f"{options.models} small HTTP servers of {REPLICAS} pods, one step of {WEIGHT} %, {options.rps:.0f} requests "
        f"a second in all through Envoy, the operator installed by its chart, `make bench-cluster`. {about}."
    )
    text = table(measured)
    print(f"\n{head}\n\n{text}")
    if options.section:
        keep(options.section, f"{head}\n\n{text}")


if __name__ == "__main__":
    main()
