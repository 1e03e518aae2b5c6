"""The cache of built parts, with a part that takes no time to build."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.cluster import cache
from tests.cluster.errors import ClusterError

KEY = "tiny-1.0-0123456789"


class Recipe:
    """Builds one program, and counts how often it was asked to."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.builds = 0
        self._seconds = seconds

    def __call__(self, folder: Path) -> None:
        self.builds += 1
        time.sleep(self._seconds)
        (folder / "program").write_text("works")


def test_a_whole_entry_is_not_built_again(own_cache: Path) -> None:
    recipe = Recipe()
    assert cache.ensure(KEY, recipe) == cache.ensure(KEY, recipe)
    assert recipe.builds == 1
    assert (cache.entry(KEY) / "program").read_text() == "works"


def test_an_entry_that_lost_its_stamp_is_built_again(own_cache: Path) -> None:
    recipe = Recipe()
    (cache.ensure(KEY, recipe) / cache.STAMP).unlink()
    assert cache.damage(KEY) == "has no readable stamp: a build was cut off"
    cache.ensure(KEY, recipe)
    assert recipe.builds == 2
    assert cache.damage(KEY) is None


@pytest.mark.parametrize("harm", ["cut short", "removed"])
def test_an_entry_with_a_damaged_file_is_built_again(own_cache: Path, harm: str) -> None:
    recipe = Recipe()
    program = cache.ensure(KEY, recipe) / "program"
    if harm == "removed":
        program.unlink()
    else:
        program.write_text("wor")
    assert "program" in str(cache.damage(KEY))
    assert (cache.ensure(KEY, recipe) / "program").read_text() == "works"
    assert recipe.builds == 2


def test_what_a_killed_builder_left_is_removed(own_cache: Path) -> None:
    left = cache.entry(KEY).with_name(f"{KEY}.part-999999")
    left.mkdir(parents=True)
    (left / "program").write_text("half")
    cache.ensure(KEY, Recipe())
    assert not left.exists()


def test_a_recipe_that_fails_leaves_nothing_that_looks_built(own_cache: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "program").write_text("half")
        raise ClusterError("the disk is full")

    with pytest.raises(ClusterError, match="disk is full"):
        cache.ensure(KEY, fail)
    assert cache.damage(KEY) == "not built yet"
    assert list(cache.entry(KEY).parent.iterdir()) == []


def test_a_recipe_that_makes_nothing_is_an_error(own_cache: Path) -> None:
    with pytest.raises(ClusterError, match="left no file"):
        cache.ensure(KEY, lambda _: None)


def test_two_builders_at_once_build_once(own_cache: Path) -> None:
    recipe = Recipe(seconds=0.2)
    builders = [threading.Thread(target=cache.ensure, args=(KEY, recipe)) for _ in range(3)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert recipe.builds == 1
    assert cache.damage(KEY) is None
