"""The bounds say what a brute search says."""

import numpy as np
import pytest

from benchmarks.statistics import bounds


@pytest.mark.parametrize(("ratio", "floor"), [(1.0, 0.0), (1.2, 0.0), (1.2, 0.001), (1.5, 0.005)])
def test_no_point_of_the_null_is_nearer_than_the_one_that_is_found(ratio: float, floor: float) -> None:
    p1, p0, w = 0.04, 0.01, 0.1
    grid = np.linspace(0.0005, 0.2, 40_000)
    searched = min((1 - w) * bounds.kl(p0, q) + w * bounds.kl(p1, ratio * q + floor) for q in grid)
    assert bounds.information(p1, p0, w, ratio, floor) == pytest.approx(searched, rel=1e-4)


def test_a_histogram_of_two_buckets_is_a_share() -> None:
    of_laws = bounds.information_of_laws([0.98, 0.02], [0.99, 0.01], 0.1)
    assert of_laws == pytest.approx(bounds.information(0.02, 0.01, 0.1), rel=1e-9)


def test_a_wider_law_is_told_from_no_slower_only_by_its_slow_half() -> None:
    plain, wider = [0.1, 0.4, 0.4, 0.1], [0.25, 0.25, 0.25, 0.25]
    told = bounds.information_of_laws(wider, plain, 0.5)
    equality = 0.5 * sum(
        p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q)) for p, q in zip(wider, plain, strict=True)
    )
    assert 0 < told < 0.8 * equality
