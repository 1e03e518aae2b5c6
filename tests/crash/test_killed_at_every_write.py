"""The operator is killed just before or just after each of its writes, and nobody can tell from what follows.

SIGKILL from the proxy between the operator and the API server: *before* means that the write never arrives, *after*
that the server has taken it and the operator dies without its answer. The operator is started again at once, as
Kubernetes would, and waits until the lease of the dead one has run out.
"""

import pytest

from tests.crash.case import AFTER, BEFORE
from tests.crash.matrix import Matrix
from tests.crash.story import STORIES

pytestmark = pytest.mark.crash


@pytest.mark.parametrize("story", STORIES)
def test_killed_at_any_write_it_reaches_the_same_end_and_keeps_every_promise(played: Matrix, story: str) -> None:
    told = [
        "\n".join([str(one.case), *(f"  {sentence}" for sentence in one.broken), one.words])
        for one in played.of(story)
        if one.broken
    ]
    assert not told, "\n\n".join(told)


@pytest.mark.parametrize("story", STORIES)
def test_no_write_is_left_out(played: Matrix, story: str) -> None:
    undisturbed, *killed = played.of(story)
    assert undisturbed.case.number == 0
    wanted = [(write, when) for write in undisturbed.writes for when in (BEFORE, AFTER)]
    assert [(one.case.write, one.case.when) for one in killed] == wanted
    entries = [one for one in undisturbed.writes if "HTTPRoute" in one]
    assert len(entries) == len(STORIES[story].course) - (0 if story == "first" else 1), entries
