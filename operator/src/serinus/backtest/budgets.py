"""What a line says of the error budget: requests and bad ones of the whole service, by window."""

import re
from collections.abc import Mapping
from typing import Any

from serinus.backtest import fields
from serinus.backtest.errors import Refused
from serinus.core.budget import DAY, HOUR, Budget, Count, ErrorBudget, assess, window_words
from serinus.core.evidence import ProviderState
from serinus.core.model import Spec

_WINDOW = re.compile(r"([0-9]{1,6})(d|h|m|s)")
_SECONDS = {"d": DAY, "h": HOUR, "m": 60.0, "s": 1.0}
_COUNT = frozenset({"total", "bad"})

Counts = Mapping[float, Count]
"""By window in seconds."""


def read(line: Mapping[str, Any], spec: Spec) -> Counts | None:
    """The counts of `budget`; None where the line has none. Raises `Refused`."""
    if "budget" not in line:
        return None
    asked, given = spec.error_budget, line["budget"]
    if asked is None:
        raise Refused("budget: the spec has no errorBudget; write one, such as {objective: 99.9%, window: 30d}.")
    if not isinstance(given, dict):
        raise Refused(
            f'budget is {fields.shown(given)}: write {{"{asked.sli}": {{"1h": {{"total": 900, "bad": 2}}}}}}.'
        )
    for name in given:
        if name != asked.sli:
            raise Refused(f"budget.{name}: the spec's errorBudget is counted on {asked.sli}; leave the others out.")
    windows = given.get(asked.sli, {})
    if not isinstance(windows, dict):
        raise Refused(f"budget.{asked.sli} is {fields.shown(windows)}: write counts by window.")
    return {_window(name, asked): _count(told, f"budget.{asked.sli}.{name}") for name, told in windows.items()}


def budget(spec: Spec, counts: Counts | None, provider: ProviderState) -> Budget | None:
    """What is known of the budget; None where the spec has none, or no line has said anything of it yet."""
    if spec.error_budget is None or counts is None:
        return None
    problem = "" if provider is ProviderState.OK else "The metrics provider does not answer in full."
    return assess(spec.error_budget, counts, problem=problem)


def plain(known: Budget) -> dict[str, Any]:
    """The budget as plain JSON values."""
    over = known.pace.pair if known.pace else None
    return {
        "remaining": known.remaining,
        "burn": known.burn,
        "over": [window_words(over.long), window_words(over.short)] if over else None,
        "spentIn": known.spent_in,
    }


def _window(name: Any, asked: ErrorBudget) -> float:
    match = _WINDOW.fullmatch(name) if isinstance(name, str) else None
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0.0
    judged = sorted({asked.window, *(one.long for one in asked.pairs), *(one.short for one in asked.pairs)})
    if seconds not in judged:
        listed = ", ".join(window_words(one) for one in judged)
        raise Refused(f"budget.{asked.sli}: {fields.shown(name)} is no window that is judged; these are {listed}.")
    return seconds


def _count(told: Any, at: str) -> Count:
    if not isinstance(told, dict) or told.keys() != _COUNT:
        raise Refused(f'{at} is {fields.shown(told)}: write {{"total": 900, "bad": 2}}.')
    total = fields.number(told["total"], f"{at}.total", "how many requests there were, 0 or more", least=0.0)
    bad = fields.number(told["bad"], f"{at}.bad", "how many requests were bad, 0 or more", least=0.0)
    if bad > total:
        raise Refused(f"{at}: {bad:g} bad of {total:g} requests; bad is at most total.")
    return Count(total=total, bad=bad)
