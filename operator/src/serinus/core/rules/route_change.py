"""`traffic` names another route: the candidate leaves the old one before it gets anything by the new one."""

from dataclasses import replace

from serinus.core.evidence import Verdict
from serinus.core.model import Cause, SplitRecord
from serinus.core.plan import Plan
from serinus.core.situation import Situation


def left_route_gets_stable_back(s: Situation) -> Plan | None:
    """All traffic of the old route to stable, at once; the candidate begins again at step 1 on the new one."""
    left, split = s.observed.left, s.progress.split
    if left is None or split is None or not s.left_behind or not left.listed:
        return None
    sentence = f"{left.kind} {left.name} sends the candidate nothing any more: traffic is to come by {_here(s)}."
    return s.shift("RouteChanged", sentence, replace(_over(s, sentence), route=split.route))


def new_route_begins_without_a_candidate(s: Situation) -> Plan | None:
    """The first entry on the new route, at weight 0 whatever the last one on the old route said."""
    split = s.progress.split
    if split is None or split.route in ("", s.spec.traffic.route) or not s.writable:
        return None
    sentence = f"Traffic is split by {_here(s)} from now on."
    if s.trial and s.weight:
        return s.shift("RouteChanged", sentence, _over(s, sentence))
    entry = s.entry(Cause.REASSERT, sentence=sentence, weight=0, revision=split.revision, step=split.step)
    return s.shift("RouteChanged", sentence, entry)


def _over(s: Situation, sentence: str) -> SplitRecord:
    """The trial begins again; one whose candidate the stable Service selects already is finished by that, and one that
    failed in the same moment is over."""
    if s.selected:
        return s.entry(Cause.FINISH, sentence=sentence, weight=0, step=0)
    if s.measured.verdict is Verdict.FAIL and not s.measured.hold_only and not s.spec.dry_run:
        said = f"Rolled back at {s.weight} %: {s.measured.sentence}"
        return s.entry(Cause.ROLLBACK, sentence=said, weight=0)
    return s.entry(Cause.RESTART, sentence=sentence, weight=0, step=0)


def _here(s: Situation) -> str:
    route = s.observed.route
    return f"{route.kind} {route.name}" if route is not None else s.spec.traffic.name
