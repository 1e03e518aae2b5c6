"""What the operator costs and how fast it is, on a control plane with KWOK nodes: `make bench-control-plane`.

The API server, its controllers and Prometheus are real, and so is the operator, a process of its own. Its requests
pass through two proxies that write them down. Requests of users are counters of the synthetic exporter.
"""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from benchmarks import figures, fleet
from benchmarks.bench import WARM_UP_LOOKS, Bench, bring_up, started
from benchmarks.table import Row, circumstances, keep, table, wait_for_quiet
from benchmarks.usage import cores, usage
from tests.cluster.progress import say, step

PEERS = ("Argo Rollouts", "Flagger")
MANY = 100
"""Rollouts in analysis that the aims and the peers' figures speak of."""
RESTART_LOOKS = 4
"""The lease of the one that was killed has to run out first."""
FLIPS_AT_ONCE = 5
BAD = 0.5


def steady(bench: Bench, seconds: float) -> list[Row]:
    """CPU, memory, queries and calls while nothing but looks happens."""
    with step(f"{seconds:.0f} s of steady analysis"):
        since, before = time.time(), usage(bench.operator.pid)
        time.sleep(seconds)
        until, after = time.time(), usage(bench.operator.pid)
    requests = bench.recorder.requests(since, until)
    counted = figures.calls(requests)
    minutes = (until - since) / 60
    kept = figures.intervals(requests)
    lengths = [one for many in kept.values() for one in many]
    missed = len(bench.busy) - len(kept)
    worst = max(lengths, key=lambda one: abs(one - fleet.INTERVAL), default=0.0)
    idle = figures.calls(figures.spoken_of(requests, bench.idle))
    not_analyzing = sum(bench.world.phase(one) != "Analyzing" for one in bench.busy)
    if not_analyzing or missed:
        say(f"note: {not_analyzing} rollouts left the analysis, {missed} were not looked at")
    say(f"writes: {figures.listed(counted.writes)}; reads: {figures.listed(counted.reads)}")
    number = len(bench.busy)
    rows = [
        Row(what="controller CPU", measured=cores(before, after), unit="cores", aim=0.02, peers=("0.010", "0.031")),
        Row(
            what="memory (resident)",
            measured=after.rss_mib,
            unit="MiB",
            aim=130,
            peers=("116", "75"),
            note=f"peak {after.peak_mib:.0f}",
        ),
        Row(
            what="Prometheus queries a minute",
            measured=len(figures.queries(requests)) / minutes,
            aim=10,
            peers=("400", "400"),
        ),
        Row(
            what="API writes a minute",
            measured=counted.writes.total() / minutes,
            aim=30,
            peers=("230", "600"),
            note=f"and {counted.lease / minutes:.0f} requests for the Lease",
        ),
        Row(
            what="API reads a minute",
            measured=counted.reads.total() / minutes,
            aim=30,
            peers=("0", "2,800"),
            note=f"{counted.watches} watches opened",
        ),
        Row(
            what=f"writes and reads for {len(bench.idle)} idle rollouts in {seconds:.0f} s",
            measured=float(idle.writes.total() + idle.reads.total()),
            aim=0,
            peers=("", ""),
        ),
        Row(
            what=f"interval kept with {number} (asked: {fleet.INTERVAL} s), median",
            measured=median(lengths) if lengths else None,
            unit="s",
            aim=fleet.INTERVAL + 0.05,
            peers=("30.0 (500)", "50.1 (500)"),
            note=f"farthest off {worst:.2f} s of {len(lengths)}",
            digits=4,
        ),
    ]
    if number <= MANY:
        return rows
    return [row if row.what.startswith("interval") else replace(row, aim=None, peers=("", "")) for row in rows]


def restarted(bench: Bench) -> list[Row]:
    """Memory after the operator was killed in the middle of all trials, and has read them up again."""
    with step("the operator is killed, and reads all trials again"):
        bench.operator.kill()
        bench.operator.start()
        time.sleep(fleet.INTERVAL * RESTART_LOOKS)
    after = usage(bench.operator.pid)
    return [
        Row(
            what=f"memory after a restart with {len(bench.busy)} trials in flight",
            measured=after.rss_mib,
            unit="MiB",
            aim=130 if len(bench.busy) <= MANY else None,
            peers=("", ""),
            note=f"peak {after.peak_mib:.0f}",
        )
    ]


def new_images(bench: Bench, names: Sequence[str]) -> list[Row]:
    """From the source's change to the workload object and its first pod, one rollout at a time."""
    with step(f"{len(names)} new images, one at a time"):
        objects, pods = zip(*(_new_image(bench, name) for name in names), strict=True)
    say(f"workload objects after {_spread(objects)}; first pods after {_spread(pods)}")
    return [
        Row(
            what="new image -> workload object, median",
            measured=median(objects),
            unit="s",
            aim=0.2,
            peers=("0.017 s", "20 s (500: 48 s)"),
            note=f"slowest of {len(objects)}: {max(objects):.2f}",
        ),
        Row(
            what="new image -> first pod, median",
            measured=median(pods),
            unit="s",
            aim=0.3,
            peers=("0.08 s", ""),
            note=f"slowest: {max(pods):.2f}",
        ),
    ]


def _new_image(bench: Bench, name: str) -> tuple[float, float]:
    """Seconds from the change of a source, as a watch tells it, to the new Deployment and to its first pod."""
    known = set(bench.world.changes.created)
    applied = bench.api.apply(fleet.source(name, "v3"))

    def made(kind: str) -> list[float]:
        created = dict(bench.world.changes.created)
        mine = [key for key in created if key[0] == kind and key[1].startswith(f"{name}-") and key not in known]
        return [created[key] for key in mine]

    bench.world.wait_until(f"a pod of {name} at v3", lambda: bool(made("Pod") and made("Deployment")), 30)
    since = bench.world.changes.generations["Deployment", name, applied["metadata"]["generation"]]
    time.sleep(0.5)
    return min(made("Deployment")) - since, min(made("Pod")) - since


def turned_bad(bench: Bench, names: Sequence[str]) -> list[Row]:
    """From the answer of Prometheus that carries the errors to the accepted patch that sets the weight to 0."""
    turned: dict[str, float] = {}
    with step(f"{len(names)} candidates turn bad, {FLIPS_AT_ONCE} at each look"):
        for first in range(0, len(names), FLIPS_AT_ONCE):
            _sleep_past_look()
            for name in names[first : first + FLIPS_AT_ONCE]:
                turned[name] = time.time()
                bench.feeder.turns_bad(name, BAD)
        bench.world.wait_until(
            "weight 0 of all that turned bad", lambda: all(bench.world.weight(one) == 0 for one in names), 240
        )
        time.sleep(1)
    requests = bench.recorder.requests(min(turned.values()))
    found = [figures.taken_back(requests, name, at) for name, at in turned.items()]
    times = [one.from_answer for one in found if one is not None]
    last = [one.from_last_answer for one in found if one is not None]
    if times:
        say(f"weight 0 after {_spread(times)}; from the last answer of the look after {_spread(last)}")
    return [
        Row(
            what="bad answer of Prometheus -> weight 0 accepted, median",
            measured=median(times) if times else None,
            unit="s",
            aim=0.3,
            peers=("0.28 s", "next loop"),
            note=f"slowest of {len(times)}: {max(times):.2f}; from the look's last answer {median(last):.2f}"
            if times
            else "no patch was seen",
        )
    ]


def _sleep_past_look() -> None:
    """Until a third of an interval after the epoch grid: the look of this interval is over."""
    now = time.time()
    target = (now // fleet.INTERVAL) * fleet.INTERVAL + fleet.INTERVAL / 3
    time.sleep(target - now if target > now else target + fleet.INTERVAL - now)


def _spread(values: Sequence[float]) -> str:
    return f"{min(values):.3f} / {median(values):.3f} / {max(values):.3f} s (least, median, most)"


def measure(bench: Bench, options: argparse.Namespace) -> list[Row]:
    """Every figure, in an order in which none disturbs the next."""
    say(f"operator: process {bench.operator.pid}")
    rows = steady(bench, options.seconds)
    print(table(rows, PEERS), file=sys.stderr)
    if options.restart:
        rows += restarted(bench)
    if options.images:
        rows += new_images(bench, bench.idle[: options.images])
    if options.flips:
        rows += turned_bad(bench, bench.busy[: options.flips])
    if bench.feeder.error is not None:
        raise RuntimeError("the feeder has ended") from bench.feeder.error
    return rows


def main() -> None:
    """Measure, print, and replace the section of the page."""
    parser = argparse.ArgumentParser(description="Run inside a control-plane cluster: make bench-control-plane")
    parser.add_argument("--rollouts", type=int, default=100, help="in analysis, each with two SLIs")
    parser.add_argument("--idle", type=int, default=100, help="healthy beside them")
    parser.add_argument("--warm-up", type=int, default=WARM_UP_LOOKS, help="looks before anything is counted")
    parser.add_argument("--seconds", type=float, default=240.0, help="of steady analysis")
    parser.add_argument("--images", type=int, default=20, help="of the idle ones that get a new image")
    parser.add_argument("--flips", type=int, default=20, help="of those in analysis that turn bad")
    parser.add_argument("--restart", action=argparse.BooleanOptionalAction, default=True, help="kill it once")
    parser.add_argument("--scrape", type=int, default=15, help="seconds between two scrapes")
    parser.add_argument("--patience", type=float, default=600, help="seconds to wait for a quiet machine at most")
    parser.add_argument("--section", default="Control plane", help="of docs/operator-benchmarks.md; empty: only print")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    with started(busy=options.rollouts, idle=options.idle, scrape=options.scrape) as bench:
        bring_up(bench, options.warm_up)
        wait_for_quiet(options.patience)
        about = circumstances()
        rows = measure(bench, options)
    head = (
        f"{options.rollouts} rollouts in analysis ({fleet.INTERVAL} s interval, one ratio and one latency histogram, "
        f"{fleet.PODS_PER_ROLLOUT} pods each, 40 requests a second each, scraped every {options.scrape} s) beside "
        f"{options.idle} healthy ones, `make bench-control-plane`. {about}."
    )
    text = table(rows, PEERS)
    print(f"\n{head}\n\n{text}")
    if options.section:
        keep(options.section, f"{head}\n\n{text}")


if __name__ == "__main__":
    main()
