"""PromQL text: selectors from label matchers, quoted so that no value can change the meaning of a query.

A value passes two grammars: RE2 where it is part of a regular expression, and the PromQL string around it.
"""

import re
from collections.abc import Iterable

from serinus.core.questions import Matcher

OPERATORS = ("=", "!=", "=~", "!~")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_SPECIAL = frozenset("\\.+*?()|[]{}^$")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class NotAName(ValueError):
    """A metric or label name that Prometheus does not know how to write."""


def string(value: str) -> str:
    """A PromQL string literal.

    >>> print(string('say "5\\\\d"'))
    "say \\"5\\\\d\\""
    """
    return '"' + "".join(_ESCAPES.get(letter, letter) for letter in value) + '"'


def literal(value: str) -> str:
    """A regular expression (RE2) that matches exactly this text.

    >>> print(literal("a.b"))
    a\\.b
    """
    return "".join("\\" + letter if letter in _SPECIAL else letter for letter in value)


def one_of(values: Iterable[str]) -> str:
    """A regular expression that matches any of these texts, sorted and without repetition.

    >>> print(one_of(["b", "a", "b"]))
    a|b
    """
    return "|".join(literal(value) for value in sorted(set(values)))


def matcher(one: Matcher) -> str:
    """One matcher of a selector. Raises `NotAName` for a label or an operator that PromQL does not have.

    `__name__` is refused: it would select another metric than the one that was named.
    """
    if _LABEL.fullmatch(one.label) is None or one.label == "__name__":
        raise NotAName(f"{one.label!r} cannot be matched: write the name of a label such as path or status_code.")
    if one.op not in OPERATORS:
        raise NotAName(f"{one.op!r} is no operator of a matcher: write one of {', '.join(OPERATORS)}.")
    return f"{one.label}{one.op}{string(one.value)}"


def selector(metric: str, matchers: Iterable[Matcher]) -> str:
    """An instant selector: METRIC{matchers}. Raises `NotAName` as `matcher` does."""
    if _METRIC.fullmatch(metric) is None:
        raise NotAName(f"{metric!r} is no name of a metric: write letters, digits, _ and : only.")
    return f"{metric}{{{','.join(matcher(one) for one in matchers)}}}"
