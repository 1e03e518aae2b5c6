"""The moves between phases, as data. A plan that would move otherwise is a defect, and a test says so.

The diagram in docs/phases.md is drawn from this table.
"""

from collections.abc import Mapping

from serinus.core.model import Phase

P = Phase

TRANSITIONS: Mapping[Phase, frozenset[Phase]] = {
    # The first revision comes up, then the route is edited, then it is stable. No evidence: there is no second arm.
    P.INITIALIZING: frozenset({P.ADOPTING, P.HEALTHY, P.INVALID, P.TERMINATING}),
    P.ADOPTING: frozenset({P.HEALTHY, P.INITIALIZING, P.PREPARING, P.PAUSED, P.ROLLED_BACK, P.INVALID, P.TERMINATING}),
    # A change in meaning starts a trial, once the error budget lets it. Without one nothing moves. A route that loses
    # our Services is adopted again.
    P.HEALTHY: frozenset({P.PREPARING, P.PAUSED, P.ROLLED_BACK, P.ADOPTING, P.INVALID, P.TERMINATING}),
    # Pods first, traffic after. Between steps the candidate is prepared again, at the weight that it has.
    P.PREPARING: frozenset({P.ANALYZING, P.PROMOTING, P.PAUSED, P.ROLLED_BACK, P.HEALTHY, P.INVALID, P.TERMINATING}),
    P.ANALYZING: frozenset({P.PREPARING, P.PAUSED, P.PROMOTING, P.ROLLED_BACK, P.HEALTHY, P.INVALID, P.TERMINATING}),
    P.PAUSED: frozenset(
        {P.ANALYZING, P.PREPARING, P.PROMOTING, P.ROLLED_BACK, P.HEALTHY, P.ADOPTING, P.INVALID, P.TERMINATING}
    ),
    # From the move of the stable Service's selector on, only forward.
    P.PROMOTING: frozenset({P.HEALTHY, P.PREPARING, P.PAUSED, P.ROLLED_BACK, P.INVALID, P.TERMINATING}),
    # Not tried again until it changes in meaning or someone says retry.
    P.ROLLED_BACK: frozenset({P.PREPARING, P.PAUSED, P.HEALTHY, P.ADOPTING, P.INVALID, P.TERMINATING}),
    # The spec cannot be followed. Traffic stays where it is; the spec's repair leads back.
    P.INVALID: frozenset(set(P) - {P.INVALID}),
    P.TERMINATING: frozenset(),
}

IN_PROGRESS = frozenset({P.INITIALIZING, P.ADOPTING, P.PREPARING, P.ANALYZING, P.PAUSED, P.PROMOTING, P.TERMINATING})
"""Phases in which kstatus readers should wait."""


def allowed(before: Phase, after: Phase) -> bool:
    """True when the table knows the move, or nothing moves."""
    return before is after or after in TRANSITIONS[before]
