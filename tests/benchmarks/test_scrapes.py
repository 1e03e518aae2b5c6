"""The arrays read counters as the operator's own reader does, and blank what it blanks."""

import numpy as np
import pytest

from benchmarks.statistics import scrapes
from benchmarks.statistics.ratios import Harm, Rollout
from benchmarks.statistics.scrapes import Counters, Scraping
from serinus.core import arms, windows
from serinus.core.evidence import Look, Role, Sli
from serinus.core.model import Shift
from serinus.core.samples import Series
from serinus.core.timeline import Life, Timeline

SLI = Sli(name="errors", latency=False, budget=None, edge=None, allowed_ratio=1.2)
LOOKS = 40


def looks_of(counters: Counters, run: int) -> dict[int, Look]:
    """What the reader makes of one run, by the number of the look."""
    pods = counters.n.shape[1]
    roles = [Role.CANDIDATE if pod < counters.pods1 else Role.STABLE for pod in range(pods)]
    timeline = Timeline(
        lives=tuple(Life(pod=f"p{pod}", role=roles[pod], start=-1e9) for pod in range(pods)),
        shifts=(Shift(at=-1e9, weight=int(counters.weight), step=1),),
    )
    series = []
    for pod in range(pods):
        at = counters.offsets[run, pod] + np.arange(counters.n.shape[2]) * counters.seconds
        for part, total in (("total", counters.n), ("bad", counters.x)):
            points = [
                (float(when), float(value))
                for when, value, kept in zip(at, total[run, pod], counters.kept[run, pod], strict=True)
                if kept
            ]
            series.append(Series(pod=f"p{pod}", sli=SLI.name, part=part, points=tuple(points)))
    _, looks = windows.read(windows.begin(interval=counters.seconds), series, timeline)
    return {round(look.at / counters.seconds) - 2: look for look in looks}


@pytest.mark.parametrize(
    "scraping",
    [Scraping(), Scraping(incident=30), Scraping(missed=0.15), Scraping(incident=10, missed=0.05)],
    ids=["offsets", "incident", "missed", "incident and missed"],
)
@pytest.mark.parametrize("pods1", [1, 2])
def test_every_look_is_the_readers_own(scraping: Scraping, pods1: int) -> None:
    one = Rollout(name="few", told="", rps=40, share=0.05, weights=(20.0,), pods1=pods1, pods0=4, past=0)
    counters = scrapes.draw(one, scraping, np.random.default_rng(3), 12, LOOKS, Harm())
    traffic = scrapes.read(counters)
    blanked = 0
    for run in range(12):
        found = looks_of(counters, run)
        # At the end of what was sampled the reader still waits for scrapes that the arrays do not have either.
        for look in range(LOOKS - 4):
            counted = arms.of(found[look], SLI) if look in found else None
            blanked += counted is None
            expected = (counted.n1, counted.x1, counted.n0, counted.x0) if counted is not None else (0, 0, 0, 0)
            given = tuple(float(part[run, look]) for part in (traffic.n1, traffic.x1, traffic.n0, traffic.x0))
            assert given == pytest.approx(expected, abs=1e-6), (run, look)
    if scraping.incident > 1:
        assert blanked > 12
