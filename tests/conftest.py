"""Which tests simulate."""

from pathlib import Path

import pytest
from hypothesis import settings

SIMULATIONS = Path(__file__).parent / "benchmarks"

# A busy machine is no failure.
settings.register_profile("serinus", deadline=None)
settings.load_profile("serinus")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the judge's benchmark import compilers, which takes as long as many fast tests."""
    for item in items:
        if SIMULATIONS in item.path.parents:
            item.add_marker(pytest.mark.statistics)
