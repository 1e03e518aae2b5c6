"""A fleet on a control-plane cluster, and the operator that looks after it behind two recording proxies."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import fleet
from benchmarks.feeder import Feeder
from benchmarks.recorder import Recorder
from benchmarks.scrape import every
from benchmarks.world import World
from tests.api_server.api import Api
from tests.api_server.process import Operator, kubeconfig_for
from tests.cluster.layout import Layout
from tests.cluster.lifecycle import environment
from tests.cluster.progress import step

WARM_UP_LOOKS = 8
"""Looks after the last trial began before anything is counted: settling, and the first verdicts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Everything that a measurement needs."""

    kubeconfig: str
    api: Api
    world: World
    feeder: Feeder
    recorder: Recorder
    operator: Operator
    busy: Sequence[str]
    idle: Sequence[str]

    def wait_until_all(self, names: Sequence[str], phase: str, seconds: float) -> None:
        self.world.wait_until(
            f"{phase} of {len(names)} rollouts", lambda: all(self.world.phase(one) == phase for one in names), seconds
        )


def bring_up(bench: Bench, looks: int = WARM_UP_LOOKS) -> None:
    """All rollouts Healthy at v1, then those that are to be in analysis are, at their first step."""
    names = [*bench.busy, *bench.idle]
    with step(f"{len(names)} rollouts become Healthy"):
        for make in (lambda name: fleet.source(name, "v1"), fleet.route, fleet.rollout):
            fleet.apply_all(bench.kubeconfig, map(make, names))
        bench.wait_until_all(names, "Healthy", 60 + 3 * len(names))
    with step(f"{len(bench.busy)} of them begin a trial"):
        fleet.apply_all(bench.kubeconfig, (fleet.source(name, "v2") for name in bench.busy))
        bench.wait_until_all(bench.busy, "Analyzing", 60 + 3 * len(names))
    with step(f"{looks} looks pass"):
        time.sleep(looks * fleet.INTERVAL)


@contextmanager
def started(*, busy: int, idle: int, scrape: int) -> Iterator[Bench]:
    """The operator, with a namespace for so many rollouts; what was started is stopped at the end.

    The cluster is the one whose environment this process is in; Prometheus scrapes it every `scrape` seconds.
    """
    kubeconfig, layout = os.environ["KUBECONFIG"], Layout(os.environ["SERINUS_CLUSTER"])
    api = Api(kubeconfig)
    every(layout, scrape)
    with step("nodes and the CRD"):
        fleet.make_nodes(layout, busy + idle)
        fleet.install_crd(layout)
        fleet.make_namespace(api)
    prometheus = environment(layout)["SERINUS_PROMETHEUS"]
    with (
        tempfile.TemporaryDirectory(prefix="serinus-bench-") as made,
        Recorder(Path(made), api=api.server, ca_file=api.ca_file, prometheus=prometheus) as recorder,
    ):
        folder, world = Path(made), World(kubeconfig)
        feeder = Feeder(world, os.environ["SERINUS_EXPORTER"])
        operator = Operator(
            folder,
            namespaces=[fleet.NAMESPACE],
            kubeconfig=kubeconfig_for(recorder.api, api.token, folder),
            prometheus=recorder.prometheus,
            lease_seconds=15,
            log_level="info",
        )
        world.start()
        feeder.start()
        operator.start()
        try:
            yield Bench(
                kubeconfig=kubeconfig, api=api, world=world, feeder=feeder, recorder=recorder, operator=operator,
                busy=[f"busy-{index:03}" for index in range(busy)],
                idle=[f"idle-{index:03}" for index in range(idle)],
            )  # fmt: skip
        except BaseException:
            print(operator.words(), file=sys.stderr)
            raise
        finally:
            operator.stop()
            feeder.stop()
            world.stop()
