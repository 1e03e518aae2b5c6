"""Stable's present level: the guess from which alternatives are drawn.

Evidence stays valid however wrong this guess is; a good one makes it grow faster. It is a decaying sum of stable's
past counts, seeded with the history's share or with a small one.
"""

from dataclasses import dataclass, replace

HALF_LIFE = 600.0
"""Seconds after which a count is worth half."""
SEED = 200.0
"""Requests that the seed is worth."""
LOWEST, HIGHEST = 1e-5, 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Decayed counts of stable."""

    seed: float
    """Share of bad requests to start from; for a rate events per pod-second, which are counted like bad requests."""
    n: float = 0.0
    x: float = 0.0
    worth: float = SEED
    """Requests, or pod-seconds, that the seed is worth."""
    lowest: float = LOWEST
    highest: float = HIGHEST

    @property
    def share(self) -> float:
        """Stable's share of bad requests, between `lowest` and `highest`."""
        return min(self.highest, max(self.lowest, (self.x + self.worth * self.seed) / (self.n + self.worth)))

    def after(self, x: float, n: float, seconds: float) -> "Level":
        """The level after `x` bad of `n` more requests, `seconds` after the last."""
        keep = 0.5 ** (seconds / HALF_LIFE)
        return replace(self, n=self.n * keep + n, x=self.x * keep + x)


def on_the_line(stable: Level, candidate: Level, ratio: float, floor: float) -> float:
    """Stable's share if the candidate lay on the line `ratio * share + floor`: what both arms' counts make of it.

    Of all that the null allows this is the nearest to what was seen of a candidate that is worse: it is higher than
    stable's own share, and the candidate's part of the bad requests tells more. Of a candidate below the line nothing
    is learned so: it need not lie on the line, and what it lacks there would be taken from stable's share.

    >>> stable, candidate = Level(seed=.01, n=9000, x=90), Level(seed=.01, n=1000, x=30)
    >>> round(on_the_line(stable, candidate, 1.2, .01), 6)
    0.010769
    >>> on_the_line(stable, Level(seed=.01, n=9000, x=90), 1.2, .01) == stable.share
    True
    """
    bad = stable.x + SEED * stable.seed + candidate.x - floor * candidate.n
    return min(HIGHEST, max(stable.share, bad / (stable.n + SEED + ratio * candidate.n)))
