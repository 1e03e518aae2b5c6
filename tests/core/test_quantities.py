"""Quantities: exact numbers and one spelling each."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.core.quantities import canonical, parse, spell


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0", "0"), ("2", "2"), (2, "2"), (0.5, "0.5"), (".5", "0.5"), ("1.", "1"), ("500m", "0.5"), ("1500m", "1.5"),
        ("1k", "1000"), ("1Ki", "1024"), ("1.5Gi", "1610612736"), ("1e3", "1000"), ("2E2", "200"), ("1E", "1e18"),
        ("5n", "5e-9"), ("7u", "7e-6"), ("-3", "-3"), ("+3", "3"),
    ],
)  # fmt: skip
def test_a_quantity_is_an_exact_number(written: str | int | float, number: str) -> None:
    assert parse(written) == Decimal(number)


@pytest.mark.parametrize("written", ["", "four", "4 Gi", "4GiB", "1ki", "--1", "1e", "Gi"])
def test_what_is_no_quantity_is_refused_by_its_name(written: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity such as 2, 500m or 4Gi"):
        parse(written)
    assert canonical(written) == written


@pytest.mark.parametrize(
    "same",
    [("1", "1000m", 1, "1.0"), ("1Gi", "1024Mi", "1048576Ki", "1073741824"), ("1536Mi", "1.5Gi"), ("2k", "2000"),
     ("250m", "0.25"), ("1M", "1000k")],
)  # fmt: skip
def test_equal_amounts_have_one_spelling(same: tuple[str | int, ...]) -> None:
    assert len({canonical(one) for one in same}) == 1


def test_amounts_that_differ_differ() -> None:
    assert len({canonical(one) for one in ("1G", "1Gi", "1", "1m", "1k", "1Ki")}) == 6


@settings(deadline=None)
@given(st.integers(0, 2**62))
def test_a_spelling_means_the_number_that_it_was_made_from(nano: int) -> None:
    number = Decimal(nano) / 10**9
    assert parse(spell(number)) == number
    assert canonical(spell(number)) == spell(number)


def test_an_amount_finer_than_kubernetes_counts_stays_as_it_was_written() -> None:
    assert canonical("0.5n") == "0.5n"
