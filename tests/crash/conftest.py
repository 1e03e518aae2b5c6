"""A real API server for the crash tests, and the table of their cases at the end: `make test-crash`."""

from pathlib import Path

import pytest

from tests.api_server.conftest import ApiServer, api_server, with_crds
from tests.crash import matrix
from tests.crash.matrix import Matrix, Places

__all__ = ["api_server", "with_crds"]

TABLE = Path(__file__).parents[2] / "build-output" / "crash-matrix.md"
_PLAYED = pytest.StashKey[Matrix]()


@pytest.fixture(scope="session")
def places(with_crds: ApiServer) -> Places:
    """Where the cluster is."""
    return Places.of_environment()


@pytest.fixture(scope="session")
def played(places: Places, pytestconfig: pytest.Config) -> Matrix:
    """Every case of every story, played once for all tests."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def tell(words: str) -> None:
        with capture.global_and_fixture_disabled():
            print(words, flush=True)

    tell("")
    whole = matrix.run(places, tell)
    pytestconfig.stash[_PLAYED] = whole
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text("\n".join(matrix.table(whole.outcomes)) + "\n")
    return whole


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    whole = config.stash.get(_PLAYED, None)
    if whole is None:
        return
    terminalreporter.section("killed at every write")
    for one in whole.outcomes:
        terminalreporter.line(matrix.line(one))
    broken = sum(1 for one in whole.outcomes if one.broken)
    terminalreporter.line(
        f"{len(whole.outcomes)} runs in {whole.seconds / 60:.1f} min, {broken} broken; the table is in "
        f"{TABLE.relative_to(TABLE.parents[1])}"
    )
