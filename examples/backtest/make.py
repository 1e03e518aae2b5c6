"""Writes the files of this folder again: an hour of stable, then a candidate whose requests fail four times as often.

python -m examples.backtest.make
"""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

HERE = Path(__file__).parent
STABLE, CANDIDATE = 6, 2
RPS = 80
USUAL, WORSE = 0.01, 0.04


def bad(random: Random, total: int, share: float) -> int:
    """How many of `total` requests fail."""
    return sum(random.random() < share for _ in range(total))


def history(random: Random) -> Iterator[dict[str, Any]]:
    """An hour of six pods, minute by minute, before the rollout; one of them is replaced after half an hour."""
    for minute in range(1, 61):
        pods = []
        for pod in range(STABLE):
            name = "chat-a-old" if pod == 0 and minute <= 30 else f"chat-a-{pod}"
            total = RPS * 60 // STABLE
            counts = {"total": total, "bad": bad(random, total, USUAL)}
            pods.append({"pod": name, "role": "stable", "slis": {"answers": counts}})
        yield {"t": 60.0 * minute, "weight": 0, "pods": pods}


def samples(random: Random) -> Iterator[dict[str, Any]]:
    """Ten minutes at 20 %, from an hour on, every 15 seconds."""
    for look in range(1, 41):
        pods = []
        for role, count, weight, share in (("stable", STABLE, 80, USUAL), ("candidate", CANDIDATE, 20, WORSE)):
            for pod in range(count):
                total = RPS * 15 * weight // 100 // count
                counts = {"total": total, "bad": bad(random, total, share)}
                name = f"chat-{'a' if role == 'stable' else 'b'}-{pod}"
                pods.append({"pod": name, "role": role, "slis": {"answers": counts}})
        yield {"t": 3600.0 + 15.0 * look, "weight": 20, "pods": pods}


def raw(random: Random) -> Iterator[dict[str, Any]]:
    """The same as raw samples: each pod at its own moments, its counters as they are scraped."""
    begin = 3600.0
    yield {"t": begin, "weight": 20}
    arms = [("a", "stable", STABLE, 80, USUAL), ("b", "candidate", CANDIDATE, 20, WORSE)]
    pods = [
        (f"chat-{name}-{k}", role, weight / count, p) for name, role, count, weight, p in arms for k in range(count)
    ]
    offsets = {pod: round(random.uniform(0.5, 14.5), 1) for pod, *_ in pods}
    shown = {pod: [random.randrange(10_000), random.randrange(100)] for pod, *_ in pods}
    for scrape in range(1, 17):
        for pod, role, weight, share in sorted(pods, key=lambda one: offsets[one[0]]):
            total = int(RPS * 15 * weight / 100)
            failed = bad(random, total, share)
            shown[pod][0] += total - failed
            shown[pod][1] += failed
            counters = {
                'answers_total{outcome="good"}': shown[pod][0],
                'answers_total{outcome="bad"}': shown[pod][1],
            }
            yield {"t": begin + 15.0 * scrape + offsets[pod], "pod": pod, "role": role, "counters": counters}


def main() -> None:
    for name, lines in (("history", history), ("samples", samples), ("raw", raw)):
        told = (json.dumps(line, separators=(",", ":")) for line in lines(Random(7)))
        (HERE / f"{name}.ndjson").write_text("".join(f"{line}\n" for line in told))


if __name__ == "__main__":
    main()
