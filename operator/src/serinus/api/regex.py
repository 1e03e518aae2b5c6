"""Whether Prometheus would refuse a regular expression. It uses RE2; Python's `re` is close, but not the same.

Only what is surely wrong is refused here: an expression that Prometheus refuses spoils a query that many rollouts
share, one that is refused here by mistake could not be used at all.
"""

import re

_ESCAPED = re.compile(r"\\[^1-9A-Za-z]")
_CLASS = re.compile(r"\[\^?\]?(\\.|\[:\^?[a-z]+:\]|[^\]\\])*\]")

_NOT_IN_RE2 = re.compile(
    r"\(\?(=|!|<=|<!|>|\(|P=|#)"  # look-around, atomic and conditional groups, references by name, comments
    r"|\\[1-9]"  # back-references
    r"|([*+?]|\{\d+(,\d*)?\})\+"  # possessive repetition
    r"|\{(\d+,)?0*(100[1-9]|10[1-9]\d|1[1-9]\d{2}|[2-9]\d{3}|[1-9]\d{4,})(,\d*)?\}"  # more than 1000 times
)
_NOT_IN_PYTHON = re.compile(r"\\[pPzQEC]|\[\[:|\(\?[imsU]*[-U]|\(\?<[a-zA-Z]|.\(\?[imsU]+\)")


def refused_by_re2(pattern: str) -> bool:
    """True where Prometheus would surely refuse the expression.

    >>> refused_by_re2("5..|4.."), refused_by_re2("(5.."), refused_by_re2("(?!200).*")
    (False, True, True)
    """
    bare = _CLASS.sub("x", _ESCAPED.sub("x", pattern))
    if _NOT_IN_RE2.search(bare):
        return True
    if _NOT_IN_PYTHON.search(pattern):
        return False
    try:
        re.compile(pattern)
    except re.error:
        return True
    return False
