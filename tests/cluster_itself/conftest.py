"""Fixtures of the tests of the clusters themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import lifecycle, netns
from tests.cluster.errors import ClusterError
from tests.cluster.layout import Layout


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of this test alone."""
    monkeypatch.setenv("SERINUS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def first() -> Iterator[Layout]:
    yield from _gone_afterwards("one")


@pytest.fixture
def second() -> Iterator[Layout]:
    yield from _gone_afterwards("two")


def _gone_afterwards(suffix: str) -> Iterator[Layout]:
    try:
        netns.check_machine()
    except ClusterError as error:
        pytest.skip(str(error))
    layout = Layout(f"t{os.getpid()}-{suffix}")
    yield layout
    lifecycle.down(layout)
