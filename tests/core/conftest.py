"""`make mutants` runs these tests with one rule deleted: the worlds of the tests then decide without it."""

import os

import pytest

from serinus.core import decide
from tests.core import world
from tests.mutants import WITHOUT


@pytest.fixture(autouse=True, scope="session")
def _without_a_rule() -> None:
    missing = os.environ.get(WITHOUT, "")
    if missing:
        rules = tuple(rule for rule in decide.RULES if rule.__name__ != missing)
        assert len(rules) == len(decide.RULES) - 1, f"there is no rule {missing}"
        world.RULES_OF_THE_WORLD[:] = rules
