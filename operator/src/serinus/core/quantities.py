"""Kubernetes quantities: "500m", "4Gi", 2 or "1e3", as exact numbers and in one canonical spelling.

Source: k8s.io/apimachinery/pkg/api/resource, Quantity: a signed decimal with a binary suffix (Ki … Ei), a decimal one
(n, u, m, k, M … E) or an exponent.
"""

import re
from decimal import Decimal

_BINARY = {"Ei": 2**60, "Pi": 2**50, "Ti": 2**40, "Gi": 2**30, "Mi": 2**20, "Ki": 2**10}
_LARGE = {"E": 10**18, "P": 10**15, "T": 10**12, "G": 10**9, "M": 10**6, "k": 10**3}
_SMALL = {"m": Decimal("1e-3"), "u": Decimal("1e-6"), "n": Decimal("1e-9")}
_FACTORS = {key: Decimal(value) for key, value in (_BINARY | _LARGE).items()} | _SMALL | {"": Decimal(1)}
_SHAPE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,3})|([KMGTPE]i|[numkMGTPE]))?")


def parse(quantity: str | int | float) -> Decimal:
    """The exact number. Raises `ValueError` for what is not a quantity.

    >>> parse("500m"), parse("2Ki"), parse(3), parse("1e3")
    (Decimal('0.500'), Decimal('2048'), Decimal('3'), Decimal('1E+3'))
    """
    match = _SHAPE.fullmatch(str(quantity).strip())
    if match is None:
        raise ValueError(f"{quantity!r} is not a quantity such as 2, 500m or 4Gi")
    number, exponent, suffix = match.groups()
    return Decimal(number + (exponent or "")) * _FACTORS[suffix or ""]


def spell(number: Decimal) -> str:
    """One spelling for equal numbers: the largest suffix that leaves a whole number, binary before decimal.

    >>> spell(parse("1000m")), spell(parse("1024Mi")), spell(parse("1.5")), spell(parse("2000")), spell(parse(0))
    ('1', '1Gi', '1500m', '2k', '0')
    """
    if number != number.to_integral_value():
        for suffix, factor in _SMALL.items():
            if (scaled := number / factor) == scaled.to_integral_value():
                return f"{int(scaled)}{suffix}"
        raise ValueError(f"{number} is finer than Kubernetes counts (1n)")
    whole = int(number)
    for suffix, size in (_BINARY | _LARGE).items():
        if whole and whole % size == 0:
            return f"{whole // size}{suffix}"
    return str(whole)


def canonical(quantity: str | int | float) -> str:
    """The canonical spelling of a quantity; what is not one is returned as text, for the API server to refuse."""
    try:
        return spell(parse(quantity))
    except ValueError:
        return str(quantity)
