"""Whether Prometheus would refuse a regular expression. It uses RE2; Python's `re` is close, but not the same.

Only what is surely wrong is refused here: an expression that Prometheus refuses spoils a query that many rollouts
share, one that is refused here by mistake could not be used at all.
"""

import re

_NOT_IN_RE2 = re.compile(
    r"\(\?(=|!|<=|<!|>|\()"  # look-around, atomic and conditional groups
    r"|(?<!\\)(\\\\)*\\[1-9]"  # back-references
    r"|(?<!\\)(\\\\)*[*+?}]\+"  # possessive repetition
)
_NOT_IN_PYTHON = re.compile(r"\\[pPzQEC]|\[\[:|\(\?[imsU-]*[U-]|\(\?<[a-zA-Z]|.\(\?[imsU]+\)")


def refused_by_re2(pattern: str) -> bool:
    """True where Prometheus would surely refuse the expression.

    >>> refused_by_re2("5..|4.."), refused_by_re2("(5.."), refused_by_re2("(?!200).*")
    (False, True, True)
    """
    if _NOT_IN_RE2.search(pattern):
        return True
    if _NOT_IN_PYTHON.search(pattern):
        return False
    try:
        re.compile(pattern)
    except re.error:
        return True
    return False
