"""Mixture over alternatives and over the look at which the change began, without a horizon.

A regression may start late: a leak, a cache that fills, a tenant that arrives. For each alternative j with prior
weight pi_j the process bets on every onset t with a stake w_t:

    S_t(j) = (S_{t-1}(j) + w_t) e_t(j),      E_t = sum_j pi_j S_t(j) + (the stakes not yet placed),

w_0 = 1 - LATE is placed at the start; the rest decreases so slowly that every onset keeps a share: after t looks
about LATE * log(DELAY) / log(t + DELAY) is still unplaced. The stakes sum to 1, so E_t is an e-process whenever each
e_t is a conditional e-value, and one look costs the same after a day as after a minute.

Reference: Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change detection" (2022,
arXiv 2203.03532) for sums over onsets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, log1p

LATE = 0.1
"""Share of the stake that is kept for onsets after the first look."""
DELAY = 10
"""Looks; how late the first late onsets are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """The state of the mixture: log S for each alternative, and how many looks it has seen."""

    log_s: tuple[float, ...]
    looks: int = 0


def begin(alternatives: int) -> Onset:
    """Return the state before any data, for so many alternatives.

    >>> log_value(begin(2), (.5, .5))
    0.0
    """
    return Onset(log_s=(-inf,) * alternatives)


def unplaced(looks: int) -> float:
    """Return the share of the stake that is not yet placed after so many looks.

    >>> [round(unplaced(t), 4) for t in (0, 1, 240, 5760)]
    [1.0, 0.0979, 0.0417, 0.0266]
    """
    return LATE * log(DELAY) / log(looks + DELAY - 0.5) if looks else 1.0


def advance(state: Onset, log_e: Sequence[float]) -> Onset:
    """Place this look's stake and multiply by the look's e-values, one per alternative (log, in nats).

    >>> after = advance(begin(1), [2.0])
    >>> round(log_value(after, (1.0,)), 4)
    1.9115
    """
    stake = log(unplaced(state.looks) - unplaced(state.looks + 1))
    return Onset(
        log_s=tuple([add(s, stake) + e for s, e in zip(state.log_s, log_e, strict=True)]),
        looks=state.looks + 1,
    )


def fresh(state: Onset) -> list[float]:
    """Return for each alternative the part of its evidence that the next stake is, 0 to 1.

    >>> [round(part, 4) for part in fresh(advance(begin(1), [2.0]))]
    [0.0005]
    >>> fresh(begin(1))
    [1.0]
    """
    stake = log(unplaced(state.looks) - unplaced(state.looks + 1))
    return [exp(stake - add(s, stake)) for s in state.log_s]


def log_value(state: Onset, weights: Sequence[float]) -> float:
    """Return log E, in nats; `weights` are the alternatives' prior weights and sum to 1."""
    return log_sum([*state.log_s, 0.0], [*weights, unplaced(state.looks)])


def add(a: float, b: float) -> float:
    """Return log(exp(a) + exp(b)) for finite `b`.

    >>> add(-inf, 1.0)
    1.0
    """
    if a < b:
        return b + log1p(exp(a - b))
    return a + log1p(exp(b - a))


def log_sum(logs: Sequence[float], weights: Sequence[float]) -> float:
    """Return log(sum of weight * exp(log)); at least one log is finite.

    >>> round(log_sum([1000.0, 1000.0], [.25, .75]), 9)
    1000.0
    """
    top = max(logs)
    return top + log(sum([w * exp(value - top) for value, w in zip(logs, weights, strict=True)]))
