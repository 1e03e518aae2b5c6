"""How often the judge is wrong, and how fast it is, on a whole cluster: `make bench-judge`.

Lanes run side by side, each a model with a route of its own. A lane's stable revision stays the same, so that its
noise is known from its past; one candidate after the other is tried beside it, equal ones and such with twice and
three times the errors, in a random order. Requests come in bursts through the real Envoy; pods differ from each other
for as long as they live, stand still now and then, fail in bursts, and share incidents with all pods of their lane.

An equal candidate is watched for a fixed time, whether it has passed the steps or not, and then the source goes back:
the last step waits for a person, and the judge goes on judging there. While the operator says that it has to assume a
lane's noise, because its past is too short, equal candidates are tried as well, and counted apart.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import cluster, fleet
from benchmarks.bursty import BurstyLoad
from benchmarks.judged import Outcome, Traffic, Trial
from benchmarks.judged_page import page
from benchmarks.noisy import STEPS, rollout, source
from benchmarks.table import circumstances, wait_for_quiet
from benchmarks.world import World
from tests.api_server.api import Api, Manifest
from tests.cluster.progress import say, step

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "judge-on-the-cluster.md"
TRIALS = ROOT / "build-output" / "judge-on-the-cluster.jsonl"
LONGEST_START = 180.0
"""Seconds until a candidate has traffic."""
FACTORS = (1.0, 2.0, 3.0)


class Bench:
    """All lanes, and what is still to be tried."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.kubeconfig = os.environ["KUBECONFIG"]
        self.world = World(self.kubeconfig)
        self.lanes = [f"lane-{index}" for index in range(options.lanes)]
        self.trials: list[Trial] = []
        self.stopped: list[str] = []
        """Lanes that ended before everything was tried, and why."""
        self._left = [factor for factor in FACTORS for _ in range(options.rollouts)]
        random.Random(options.seed).shuffle(self._left)
        self._lock = threading.Lock()
        self._over = threading.Event()
        """Set where the benchmark is ended from outside: its lanes are not waited for then."""

    def measure(self) -> Traffic:
        """Start everything, try everything, and return what the users counted."""
        api = Api(self.kubeconfig)
        with step("install the operator by its chart"):
            cluster.install()
        with step(f"{len(self.lanes)} models of {self.options.pods} pods become stable"):
            fleet.make_namespace(api)
            for lane in self.lanes:
                for manifest in (source(lane, f"{lane}-stable"), fleet.route(lane), rollout(lane, self.options.pods)):
                    api.apply(manifest)
            self.world.start()
            self.world.wait_until(
                "the first stable versions",
                lambda: all(self.world.phase(lane) == "Healthy" for lane in self.lanes),
                60 + 5 * self.options.pods * len(self.lanes),
            )
        TRIALS.parent.mkdir(exist_ok=True)
        TRIALS.write_text("")
        with tempfile.TemporaryDirectory(prefix="serinus-bench-") as made:
            hosts = [f"{lane}.example.com" for lane in self.lanes]
            gateway, rps = os.environ["SERINUS_GATEWAY"], self.options.rps / len(hosts)
            load = BurstyLoad(Path(made), gateway, hosts, rps=rps, seconds=self.options.longest)
            load.start()
            try:
                load.wait_for_answers(LONGEST_START)
                self._live_all()
            finally:
                counted = load.stop()
                self.world.stop()
        return Traffic.of(counted)

    def _live_all(self) -> None:
        """All lanes side by side; one that ends before its time is told, and the others go on."""
        with ThreadPoolExecutor(len(self.lanes)) as threads:
            lanes = {lane: threads.submit(self._live, lane) for lane in self.lanes}
            try:
                for lane, done in lanes.items():
                    error = done.exception()
                    if isinstance(error, Exception):
                        self.stopped.append(f"{lane}: {error}")
                        say(f"{lane} stopped early: {error}; {self._status(lane).get('message')}")
                    elif error is not None:
                        raise error
            finally:
                self._over.set()

    def _live(self, lane: str) -> None:
        """One lane: equal candidates until its noise is known, then whatever is left to try."""
        number, until = 1, time.monotonic() + self.options.warm_up
        while not self._try(lane, f"{lane}-1x-{number}", 1.0).history:
            number += 1
            if time.monotonic() > until:
                raise TimeoutError("stable's noise was not measured in the time of the warm-up")
        while (factor := self._next()) is not None:
            number += 1
            self._try(lane, f"{lane}-{factor:g}x-{number}", factor)

    def _next(self) -> float | None:
        with self._lock:
            return self._left.pop() if self._left and not self._over.is_set() else None

    def _try(self, lane: str, version: str, factor: float) -> Trial:
        """One trial: nothing of its candidate has traffic when this returns."""
        before, began = int(self._status(lane).get("attempt", 0)), time.time()
        fleet.apply_all(self.kubeconfig, [source(lane, version, factor)])
        outcome, decided, status = self._watched(lane, before, self.options.watch if factor == 1 else self.options.find)
        trial = Trial(
            host=f"{lane}.example.com", version=version, factor=factor, history=is_measured(status), outcome=outcome,
            weights=self._weights(lane, began), decided=decided, message=str(status.get("message", "")),
            slis=tuple(status.get("slis") or ()),
        )  # fmt: skip
        with self._lock:
            self.trials.append(trial)
            with TRIALS.open("a") as out:
                out.write(json.dumps(trial.line()) + "\n")
        say(f"{version}: {trial.outcome} after {trial.seconds:.0f} s: {trial.message}")
        if status.get("phase") != "RolledBack":
            fleet.apply_all(self.kubeconfig, [source(lane, f"{lane}-stable")])
            self.world.wait_until(f"{lane} after {version}", lambda: self.world.phase(lane) == "Healthy", LONGEST_START)
        return trial

    def _watched(self, lane: str, before: int, longest: float) -> tuple[Outcome, float, Manifest]:
        """Until it is taken back or its time is over: how it ended, when that was decided, and the last status.

        The forecast in that status is the trial's own, which is gone from later ones.
        """
        began, passed, foretold = time.time(), 0.0, Manifest()
        while True:
            if self._over.wait(0.2):
                raise TimeoutError("the benchmark was ended")
            now, status, weights = time.time(), self._status(lane), self._weights(lane, began)
            mine = int(status.get("attempt", 0)) > before
            if mine and (status.get("forecast") or {}).get("attempt") == status["attempt"]:
                foretold = status["forecast"]
            status["forecast"] = foretold
            if mine and status.get("phase") == "RolledBack":
                on_evidence = any(one["verdict"] == "Fail" for one in status.get("slis") or ())
                at = next((at for at, weight in weights if weight == 0), now)
                return Outcome.ROLLED_BACK if on_evidence else Outcome.FAILED, at, status
            last = f"{len(STEPS)}/{len(STEPS)}"
            if mine and not passed and (status.get("step"), status.get("verdict")) == (last, "Pass"):
                passed = now
            if weights and now > weights[0][0] + longest:
                return (Outcome.PASSED, passed, status) if passed else (Outcome.UNDECIDED, now, status)
            if not weights and now > began + LONGEST_START:
                return Outcome.FAILED, now, status

    def _weights(self, lane: str, began: float) -> tuple[tuple[float, int], ...]:
        """The candidate's weight since it was first above 0 after `began`."""
        known = [one for one in tuple(self.world.changes.weights.get(lane, ())) if one[0] > began]
        first = next((index for index, (_, weight) in enumerate(known) if weight > 0), len(known))
        return tuple(known[first:])

    def _status(self, lane: str) -> Manifest:
        return dict((self.world.objects["ModelRollout"].get(lane) or {}).get("status") or {})


def is_measured(status: Manifest) -> bool:
    """Whether the operator judged by measured noise: what it said of the time that the step takes."""
    said = str(status["forecast"].get("message", ""))
    return "takes about" in said and "assumed" not in said


def main() -> None:
    """Measure, print, and replace the page."""
    parser = argparse.ArgumentParser(description="Run inside a whole cluster: make bench-judge")
    parser.add_argument("--rollouts", type=int, default=60, help="of each kind: equal, 2 times and 3 times the errors")
    parser.add_argument("--lanes", type=int, default=10, help="models side by side")
    parser.add_argument("--pods", type=int, default=16, help="of each model; the warm-up lasts 240 minutes over this")
    parser.add_argument("--rps", type=float, default=400.0, help="of all lanes together")
    parser.add_argument("--watch", type=float, default=120.0, help="seconds that an equal candidate has traffic")
    parser.add_argument("--find", type=float, default=240.0, help="seconds in which a regression must be found")
    parser.add_argument("--warm-up", type=float, default=3600.0, help="seconds until noise must be measured")
    parser.add_argument("--seed", type=int, default=0, help="of the order of the trials")
    parser.add_argument("--longest", type=float, default=3 * 3600, help="seconds after which no more requests come")
    parser.add_argument("--patience", type=float, default=600, help="seconds to wait for a quiet machine at most")
    parser.add_argument("--keep", action=argparse.BooleanOptionalAction, default=True, help="write the page")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    wait_for_quiet(options.patience)
    about, began = circumstances(), time.monotonic()
    bench = Bench(options)
    traffic = bench.measure()
    minutes = (time.monotonic() - began) / 60
    text = page(
        bench.trials,
        traffic,
        f"{options.lanes} models of {options.pods} pods side by side, {options.rps:.0f} requests a second in all, "
        f"{minutes:.0f} minutes. {about}." + "".join(f" Stopped early: {words}." for words in bench.stopped),
    )
    print(f"\n{text}")
    if options.keep:
        PAGE.write_text(text)


if __name__ == "__main__":
    main()
