"""Which tests simulate."""

from pathlib import Path

import pytest

SIMULATIONS = Path(__file__).parent / "benchmarks"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the judge's benchmark import compilers, which takes as long as many fast tests."""
    for item in items:
        if SIMULATIONS in item.path.parents:
            item.add_marker(pytest.mark.statistics)
