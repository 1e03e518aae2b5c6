"""Native histograms in the layout that the judge compares."""

from bisect import bisect_left
from itertools import pairwise
from math import ceil, log2
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serinus.core import native


def native_of(values: list[float], schema: int) -> tuple[int, list[float]]:
    """Offset and counts, as Prometheus' specification has them."""
    indices = [ceil(log2(value) * 2.0**schema - 1e-9) for value in values]
    first = min(indices)
    counts = [0.0] * (max(indices) - first + 1)
    for index in indices:
        counts[index - first] += 1
    return first, counts


@settings(max_examples=30, deadline=None)
@given(st.integers(-4, 8), st.integers(0, 10**6))
def test_the_same_observations_fall_into_the_same_buckets_as_if_they_had_been_counted_there(
    schema: int, seed: int
) -> None:
    random = Random(seed)
    values = [0.3 * 2 ** random.gauss(0, 2) for _ in range(50)]
    told = native.histogram(schema, *native_of(values, schema))
    counted = [0.0] * len(told.edges)
    for value in values:
        counted[bisect_left(told.edges, value * (1 - 1e-9))] += 1
    assert list(told.counts) == counted


@pytest.mark.parametrize("schema", [-4, 0, 2, 5, 8])
def test_what_lies_beyond_the_layout_is_counted_in_its_outermost_buckets(schema: int) -> None:
    far = 40 * 2 ** max(0, schema)
    low, high = native.histogram(schema, -far, [3.0]), native.histogram(schema, far, [5.0])
    assert (low.counts[0], sum(low.counts)) == (3.0, 3.0)
    assert (high.counts[-1], sum(high.counts)) == (5.0, 5.0)


def test_the_bounds_of_a_schema_are_among_those_of_every_finer_one() -> None:
    layouts = [set(native.layout(schema, 2.5)) for schema in native.SCHEMAS]
    assert all(coarse <= fine for coarse, fine in pairwise(layouts))
    assert all(2.5 in one for one in layouts)


def test_an_objective_splits_the_one_bucket_that_it_lies_in() -> None:
    told = native.histogram(2, 5, [8.0, 8.0, 8.0], objective=2.5)
    near = {round(edge, 2): count for edge, count in zip(told.edges, told.counts, strict=True) if count}
    below = 8 * log2(2.5 / 2**1.25) * 4
    assert near == {2.38: 8.0, 2.5: pytest.approx(below), 2.83: pytest.approx(8 - below), 3.36: 8.0}
