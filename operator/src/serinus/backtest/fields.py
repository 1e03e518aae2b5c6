"""Fields that both forms of lines have, read and checked one by one."""

from collections.abc import Mapping
from math import inf, isfinite
from typing import Any

from serinus.api.sentences import closest
from serinus.backtest.errors import Refused
from serinus.core.evidence import ProviderState, Role
from serinus.core.model import Spec

_NUMBERS = (int, float)
ROLES = {role.value: role for role in Role}
_PROVIDERS = {state.value: state for state in ProviderState}


def number(value: Any, at: str, meaning: str, *, least: float = -inf) -> float:
    """Return a finite number of at least `least`; `meaning` says what belongs there."""
    if type(value) in _NUMBERS and isfinite(value) and value >= least:
        return float(value)
    raise Refused(f"{at} is {shown(value)}: write {meaning}.")


def whole(value: Any, at: str, meaning: str, least: int, most: int) -> int:
    """Return a whole number between `least` and `most`."""
    if type(value) in _NUMBERS and least <= value <= most and value == int(value):
        return int(value)
    raise Refused(f"{at} is {shown(value)}: write {meaning}.")


def text(value: Any, at: str, meaning: str) -> str:
    """Return a text that is not empty."""
    if isinstance(value, str) and value:
        return value
    raise Refused(f"{at} is {shown(value)}: write {meaning}.")


def time(line: Mapping[str, Any]) -> float:
    """Return `t`."""
    return number(line.get("t"), "t", "a time in seconds, such as 15.0")


def weights(line: Mapping[str, Any], spec: Spec) -> tuple[int, int, int]:
    """Return the weight, the one that is wanted, and the step."""
    percent = "the candidate's share in whole percent, 0 to 100"
    weight = whole(line.get("weight"), "weight", percent, 0, 100)
    wanted = whole(line["wanted"], "wanted", percent, 0, 100) if "wanted" in line else weight
    last = len(spec.steps) + 1
    if "step" in line:
        meaning = f"a step of the spec, 1 to {last - 1}, 0 before the first, {last} for the promotion"
        return weight, wanted, whole(line["step"], "step", meaning, 0, last)
    return weight, wanted, step_of(wanted, spec)


def step_of(weight: int, spec: Spec) -> int:
    """Return the step that this weight leads to: the first one with at least this weight; 0 without traffic."""
    if weight == 0:
        return 0
    if weight == 100:
        return len(spec.steps) + 1
    reached = (number for number, step in enumerate(spec.steps, 1) if step.weight >= weight)
    return next(reached, len(spec.steps))


def provider(line: Mapping[str, Any]) -> ProviderState:
    """Return how the metrics provider answered."""
    said = line.get("provider", "ok")
    if not isinstance(said, str) or said not in _PROVIDERS:
        raise Refused(f"provider is {shown(said)}: write ok, down or partial.")
    return _PROVIDERS[said]


def role(value: Any, at: str) -> Role:
    """Return a pod's role."""
    if not isinstance(value, str) or value not in ROLES:
        raise Refused(f"{at} is {shown(value)}: write {', '.join(ROLES)}.")
    return ROLES[value]


def only(given: Mapping[str, Any], known: frozenset[str], at: str) -> None:
    """Refuse a field that does not exist."""
    if given.keys() <= known:
        return
    name = next(one for one in given if one not in known)
    meant = closest(name, known)
    raise Refused(f"{at}{name} is no field here: {f'did you mean {meant}?' if meant else f'there are {_list(known)}.'}")


def shown(value: Any) -> str:
    """A value as it may stand in a sentence.

    >>> shown(None), shown("x"), shown(float("nan"))
    ('missing', "'x'", 'nan')
    """
    if value is None:
        return "missing"
    told = repr(value)
    return told if len(told) <= 40 else told[:37] + "..."


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
