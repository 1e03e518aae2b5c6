"""The tables of what is not independent requests: clustered errors, and latencies."""

from collections.abc import Mapping, Sequence
from math import isfinite

from benchmarks.statistics import bounds, latencies, scenarios
from benchmarks.statistics.cases import HOUR
from benchmarks.statistics.latencies import LatencyRollout
from benchmarks.statistics.ratios import Rollout
from benchmarks.statistics.run import Results
from benchmarks.statistics.summary import seconds, times
from benchmarks.statistics.tables import lowest, markdown


def clustered(results: Results, section: str, rollouts: Sequence[Rollout]) -> str:
    """Where counts are not independent: times, and their ratio to the bound times phi where phi is known."""
    rows = []
    for one in rollouts:
        for ratio in (2.0, 3.0):
            mine = results.get((section.format(ratio=f"{ratio:g}"), one.name))
            if mine is None:
                continue
            phi = one.phi if one.clustered else None
            row = [one.name, f"{ratio:g}", f"{phi:.1f}" if phi else ""]
            for method, alpha, margin in (
                ("ours r=1 .05", 0.05, False),
                ("ours r=1 .01", 0.01, False),
                ("ours .05", 0.05, True),
                ("ours .01", 0.01, True),
            ):
                told = times(mine[method].rollback, HOUR)
                bound = lowest(one, ratio, alpha, margin=margin) * (phi or 1)
                against = f" = {told.median / bound:.2f} x {bound:.0f}" if phi and isfinite(told.median) else ""
                row.append(f"{told}{against}")
            row.append(str(times(mine["kayenta"].rollback, HOUR)) if "kayenta" in mine else "")
            rows.append(row)
    head = ["scenario", "times", "phi", "ours r=1 .05", "ours r=1 .01", "ours .05", "ours .01", "kayenta"]
    return markdown(head, rows)


def phi_ratios(results: Results) -> list[tuple[str, float, float, float]]:
    """Of each clustered scenario: name with ratio, median over the phi-scaled bound, power, the bound (alpha .05)."""
    found = []
    for one in scenarios.CLUSTERED:
        for ratio in (2.0, 3.0):
            mine = results.get((f"found {ratio:g}x", one.name))
            if mine is not None:
                told = times(mine["ours r=1 .05"].rollback, HOUR)
                bound = lowest(one, ratio, 0.05) * one.phi
                found.append((f"{one.name} {ratio:g}x", told.median / bound, told.power, bound))
    return found


def latency_bound(one: LatencyRollout, slower: str, alpha: float, *, margin: float = 1.0) -> float:
    """The bound in seconds against "no slower than stable slowed down by the margin", over the rollout's buckets."""
    worse = latencies.in_buckets(latencies.SLOWER[slower](one.law), one.edges)
    stable = latencies.in_buckets(latencies.scaled(one.law, margin), one.edges)
    told = bounds.information_of_laws(list(worse + 1e-12), list(stable + 1e-12), one.weight)
    return bounds.requests(told, alpha) / one.rps


def latency(results: Results, section: str, rollouts: Mapping[str, tuple[LatencyRollout, str]]) -> str:
    """Times of a slower candidate against the bound of the stochastic order; by name, rollout and what is wrong."""
    rows = []
    for name, (one, slower) in rollouts.items():
        mine = results.get((section, name))
        if mine is None:
            continue
        row = [name]
        for method, alpha, margin in (
            ("ours r=1 .05", 0.05, 1.0),
            ("ours r=1 .01", 0.01, 1.0),
            ("ours .05", 0.05, 1.1),
            ("ours .01", 0.01, 1.1),
        ):
            told, bound = times(mine[method].rollback, HOUR), latency_bound(one, slower, alpha, margin=margin)
            row.append(f"{told} of {seconds(bound)}")
        rows.append(row)
    return markdown(["candidate", "ours r=1 .05", "ours r=1 .01", "ours .05", "ours .01"], rows)
