"""What makes pods of one model differ, and one minute from the next: told by the environment, all of it off by default.

    POD_ERRORS    spread between pods' error rates: standard deviation of the logarithm      (0)
    POD_SPEED     spread between pods' latencies: standard deviation of the logarithm        (0)
    BURST         times as many errors in a tenth of the time; as many fewer in the rest     (1)
    PAUSE         mean seconds that the process stands still now and then                    (0)
    PAUSE_EVERY   mean seconds between two such pauses                                       (30)
    INCIDENT      times as many errors, and half of that as slow, in an incident             (1)
    INCIDENTS     name that pods share whose incidents are the same                          (unset)

A pod's own levels are drawn from its name, so that a container that starts again is the same pod. Incidents are drawn
from their name and the clock: pods that share the name have them at the same time and need not speak to each other.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

BURSTING = 0.1
"""Share of the time that is a burst of errors ..."""
BURST_SECONDS = 4.0
"""... and how long a pod stays in a burst, or out of it, at least."""
INCIDENT_SECONDS = 15.0
INCIDENT_SHARE = 0.05
"""Share of the time that is an incident: one in five minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """One pod's noise; times are seconds since the epoch, factors multiply a rate or a latency."""

    pod: str
    errors: float
    """The pod's own level of errors, about 1 ..."""
    speed: float
    """... and of latency."""
    burst: float
    pause: float
    pause_every: float
    incident: float
    incidents: str

    @classmethod
    def of_environment(cls, told: Mapping[str, str]) -> Noise:
        def number(name: str, default: float) -> float:
            return float(told.get(name) or default)

        pod = told.get("HOSTNAME", "")
        dice = random.Random(f"pod {pod}")
        return cls(
            pod=pod,
            errors=_level(dice, number("POD_ERRORS", 0)),
            speed=_level(dice, number("POD_SPEED", 0)),
            burst=number("BURST", 1),
            pause=number("PAUSE", 0),
            pause_every=number("PAUSE_EVERY", 30),
            incident=number("INCIDENT", 1),
            incidents=told.get("INCIDENTS", ""),
        )

    def error_factor(self, now: float) -> float:
        """What the error rate is multiplied by: its mean over time and pods is 1 but for incidents."""
        return self.errors * self._burst_factor(now) * self._incident_factor(now)

    def latency_factor(self, now: float) -> float:
        """What a latency is multiplied by."""
        return self.speed * max(1.0, self._incident_factor(now) / 2)

    def _burst_factor(self, now: float) -> float:
        if self.burst == 1:
            return 1.0
        calm = 1 / (1 + BURSTING * (self.burst - 1))
        slot = int(now // BURST_SECONDS)
        return calm * (self.burst if random.Random(f"burst {self.pod} {slot}").random() < BURSTING else 1.0)

    def _incident_factor(self, now: float) -> float:
        if not self.incidents:
            return 1.0
        slot = int(now // INCIDENT_SECONDS)
        drawn = random.Random(f"incident {self.incidents} {slot}").random()
        return self.incident if drawn < INCIDENT_SHARE else 1.0


def _level(dice: random.Random, spread: float) -> float:
    """A lognormal level with mean 1."""
    return exp(dice.gauss(0, spread) - spread * spread / 2)
