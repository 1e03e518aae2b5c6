"""An e-value against "no worse, but for the draw of pods", which learns what kind of draw it was.

A few pods are slower or faster than the usual one for as long as they live, by a factor that nobody knows and whose
law G is known from the past. For each of a few factors k there is an e-value of the look against "no worse than k
times"; the null with the factor unknown expects the look as it is expected by all factors together, weighed by what
is known of the factor so far:

    e = 1 / sum_k g_k / e_k,     g_k <- (g_k / e_k) e

The product over looks is the harmonic mean of the factors' e-processes, which is an e-process where each of them is a
ratio of two likelihoods with the same numerator: the null then is the mixture over G. Evidence saturates by itself, at
e_k / G_k of the largest factor, and no margin is spent beforehand.

A new step brings new pods, so that a part of what is known is given back then (`redraw`). Each time may multiply
the evidence against a draw that lasts by 1 / (1 - NEW) at most. Given back at every look, however little, it would grow
without bound for a draw that is merely unlucky.

Reference: Robbins, "Statistical methods related to the law of the iterated logarithm" (1970) for mixtures; Herbster
and Warmuth, "Tracking the best expert" (1998) for the part that is given back.
"""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from math import exp, inf, log
from operator import mul

NEW = 0.2
"""Part of what is known of the draw that a new step gives back."""
LEAST = 1e-12
"""What is left of a factor that was ruled out, so that it never becomes nothing."""


def weigh(logs: Sequence[float], known: Sequence[float]) -> tuple[float, tuple[float, ...]]:
    """Return log e of one look, in nats, and what is known of the draw after it.

    `logs`: log e of the look against each factor; `known`: their probabilities before it.

    >>> told, known = weigh([2.0, 0.0], [.9, .1])
    >>> round(told, 4), [round(part, 4) for part in known]
    (1.506, [0.5491, 0.4509])
    >>> weigh([2.0], [1.0])
    (2.0, (1.0,))
    """
    least = min(logs)
    parts = [part * exp(least - one) for part, one in zip(known, logs, strict=True)]
    whole = sum(parts)
    return least - log(whole), tuple([max(LEAST, part / whole) for part in parts])


def weigh_all(
    bets: Iterable[Iterable[Sequence[float]]],
    counts: Sequence[float],
    before: Sequence[tuple[float, ...]],
    chances: Sequence[float],
    *,
    new: bool,
) -> tuple[list[float], tuple[tuple[float, ...], ...]]:
    """Return log e of one look for each bet, in nats, and what is known of the draw after it, by bet.

    `bets`: for each bet and each factor, what one count adds to log e; `before`: what was known, empty before any look;
    `chances`: of the factors, before any look; `new`: new pods came since the last look.

    >>> weigh_all([[[1.0, -0.5]]], [4.0, 2.0], (), [1.0], new=False)
    ([3.0], ((1.0,),))
    """
    logs, known = [], []
    for old, bet in zip_longest(before, bets):
        known_before = old or chances
        if new:
            known_before = redraw(known_before, chances)
        log_e, after = weigh([sum(map(mul, counts, of)) for of in bet], known_before)
        logs.append(log_e)
        known.append(after)
    return logs, tuple(known)


def redraw(known: Sequence[float], chances: Sequence[float]) -> tuple[float, ...]:
    """Return what is known of the draw after new pods came; `chances`: what was known before any look.

    >>> [round(part, 2) for part in redraw([1.0, 0.0], [.5, .5])]
    [0.9, 0.1]
    """
    return tuple([(1 - NEW) * part + NEW * chance for part, chance in zip(known, chances, strict=True)])


def needed(known: Sequence[float], gains: Sequence[float], wanted: float) -> float:
    """Return how many requests make log e grow to `wanted` nats, where each adds `gains` against each factor.

    Infinite where it saturates before that: a factor that nothing speaks against is as likely as it ever was.

    >>> needed([1.0], [.5], 3.0)
    6.0
    >>> round(needed([.9, .1], [.5, .2], 3.0), 3), needed([.9, .1], [.5, 0.0], 3.0)
    (7.113, inf)
    """
    if wanted <= 0:
        return 0.0
    gains = [max(0.0, gain) for gain in gains]
    stays = sum([part for part, gain in zip(known, gains, strict=True) if gain == 0.0])
    if stays > 0 and -log(stays) <= wanted:
        return inf
    n, slowest = 0.0, min(gains)
    # log e is concave in n: Newton's steps from the left never pass the root.
    for _ in range(60):
        parts = [part * exp(n * (slowest - gain)) for part, gain in zip(known, gains, strict=True)]
        whole = sum(parts)
        short = wanted + log(whole) - n * slowest
        if short <= 1e-9 * wanted:
            break
        n += short * whole / sum([part * gain for part, gain in zip(parts, gains, strict=True)])
    return n
