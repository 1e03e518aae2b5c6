"""The buckets of a latency: which of them are judged, and what counts in them say."""

from math import inf

MOST_EDGES = 15
CLOSEST = 1.2
"""Buckets are merged until there are at most MOST_EDGES, and their bounds this far apart."""
REACH = 10.0
"""How many times slower than stable's slowest requests buckets still matter."""


def quantile(edges: tuple[float, ...], counts: tuple[float, ...], q: float) -> float:
    """Return the q-quantile, evenly spread within its bucket; the last finite edge where it lies beyond.

    >>> quantile((1.0, 2.0, inf), (50.0, 50.0, 0.0), .75)
    1.5
    """
    wanted = q * sum(counts)
    for low, high, count in zip((0.0, *edges[:-1]), edges, counts, strict=True):
        if wanted <= count and high != inf:
            return low + (high - low) * (wanted / count if count else 1.0)
        wanted -= count
    return edges[-2]


def merged(edges: tuple[float, ...], counts: tuple[float, ...], kept: tuple[float, ...]) -> tuple[float, ...]:
    """Counts by the edges that are kept, the last of which is the last."""
    sums = dict.fromkeys(kept, 0.0)
    for edge, count in zip(edges, counts, strict=True):
        sums[next(bound for bound in kept if bound >= edge)] += count
    return tuple(sums.values())


def spoken_for(
    edges: tuple[float, ...], counts: tuple[float, ...], objective: float | None = None
) -> tuple[float, ...]:
    """Return the edges among which requests are, or a much slower candidate's would be; that of the objective, always.

    Few buckets are kept, so none of them should lie where nothing is: below the fastest in fifty, or REACH times
    beyond the slowest in a thousand.

    >>> spoken_for((.1, .2, .4, .8, 1.6, 100.0, inf), (0, 0, 50, 50, 0, 0, 0))
    (0.2, 0.4, 0.8, 1.6, inf)
    """
    low, high = quantile(edges, counts, 0.02), quantile(edges, counts, 0.999) * REACH
    first = max((edge for edge in edges if edge <= low), default=edges[0])
    wanted = next((edge for edge in edges if objective is not None and edge >= objective), inf)
    kept = [edge for edge in edges[:-1] if first <= edge <= high or edge == wanted]
    return (*(kept or edges[:1]), edges[-1])


def thinned(edges: tuple[float, ...], objective: float | None) -> tuple[float, ...]:
    """Return at most about MOST_EDGES of the edges, evenly spread; the last, and that of the objective, always.

    >>> thinned((1.0, 1.1, 2.0, 4.0, inf), 1.1)
    (1.0, 1.1, 2.0, 4.0, inf)
    >>> thinned((1.0, 1.1, 2.0, 4.0, inf), None)
    (1.0, 2.0, 4.0, inf)
    """
    wanted = next((edge for edge in edges if objective is not None and edge >= objective), inf)
    apart = CLOSEST
    while True:
        kept: list[float] = []
        for edge in edges[:-1]:
            if edge == wanted or not kept or edge >= kept[-1] * apart:
                kept.append(edge)
        if len(kept) < MOST_EDGES or apart > 100:
            return (*kept, edges[-1])
        apart *= 1.1
