"""Native (exponential) histograms as buckets of one fixed layout, so that pods and looks can be compared.

In schema s the bucket with index i holds the observations in (2^((i-1)/2^s), 2^(i/2^s)]. The bounds of a schema are
among those of every higher one, so merging 2^(s - 2) neighbours takes a finer histogram to schema 2 exactly; there a
bound is 19 % above the one before. A coarser one keeps its bounds. An objective between two bounds splits its bucket
as `histogram_fraction` does: observations are taken to be spread evenly over the logarithm.

Reference: Prometheus, "Native Histograms" specification (standard exponential schemas, indices, interpolation).
"""

from collections.abc import Sequence
from functools import lru_cache
from math import ceil, inf, log2

from serinus.core.evidence import Histogram

SCHEMA = 2
"""Of the layout: four buckets for each doubling."""
LOWEST, HIGHEST = -56, 56
"""Indices of the layout's bounds: 2^-14 (61 microseconds, where the unit is a second) to 2^14 (4.5 hours)."""
SCHEMAS = range(-4, 9)
"""Those that Prometheus knows."""


@lru_cache(maxsize=64)
def layout(schema: int, objective: float | None = None) -> tuple[float, ...]:
    """Return the bounds in which histograms of this schema are told, ascending, the last one inf.

    >>> layout(0)[13:17], layout(0, 1.5)[13:17]
    ((0.5, 1.0, 2.0, 4.0), (0.5, 1.0, 1.5, 2.0))
    """
    told = min(schema, SCHEMA)
    every = 2 ** (SCHEMA - told)
    bounds = {2.0 ** (index / 2**told) for index in range(-(-LOWEST // every), HIGHEST // every + 1)}
    return (*sorted(bounds | ({objective} if objective is not None else set())), inf)


def histogram(schema: int, offset: int, counts: Sequence[float], objective: float | None = None) -> Histogram:
    """Return the same observations in the buckets of `layout(schema, objective)`.

    `offset`: the index of the first of `counts`, which are per bucket and not cumulative. What lies beyond the layout
    falls into its first or its last bucket.

    >>> told = histogram(3, -7, [10, 20, 5])        # upper bounds 2^(-7/8), 2^(-6/8), 2^(-5/8)
    >>> [(round(e, 3), n) for e, n in zip(told.edges, told.counts) if n]
    [(0.595, 30.0), (0.707, 5.0)]
    >>> told = histogram(0, 1, [10], objective=2 ** .25)
    >>> [(round(e, 3), round(n, 9)) for e, n in zip(told.edges, told.counts) if n]
    [(1.189, 2.5), (2.0, 7.5)]
    """
    edges = layout(schema, objective)
    sums = [0.0] * len(edges)
    targets, splits = _places(schema, objective)
    lowest = _lowest(schema)
    for index, count in enumerate(counts, offset - lowest):
        place = min(max(0, index), len(targets) - 1)
        sums[targets[place]] += count
        if place == index and splits is not None and splits[0] == place:
            below = count * splits[1]
            sums[targets[place]] -= below
            sums[targets[place] - 1] += below
    return Histogram(edges=edges, counts=tuple(sums))


def _lowest(schema: int) -> int:
    """The index of the first bucket that is not below the layout."""
    return ceil(LOWEST * 2.0 ** (schema - SCHEMA))


@lru_cache(maxsize=64)
def _places(schema: int, objective: float | None) -> tuple[tuple[int, ...], tuple[int, float] | None]:
    """For each bucket of the schema from `_lowest` on: its place in the layout, the last one for all beyond; and which
    of them the objective splits, with the part of it that is below."""
    edges = layout(schema, objective)
    lowest, targets = _lowest(schema), []
    split = None
    position = 0
    while True:
        high = 2.0 ** ((lowest + position) / 2.0**schema)
        low = 2.0 ** ((lowest + position - 1) / 2.0**schema)
        targets.append(next(place for place, edge in enumerate(edges) if edge >= high * (1 - 1e-12)))
        if objective is not None and low < objective < high * (1 - 1e-12):
            split = (position, log2(objective / low) / log2(high / low))
        if targets[-1] == len(edges) - 1:
            return tuple(targets), split
        position += 1
