"""The order in which rollouts that were measured together are ticked."""

from collections.abc import Sequence

from serinus.core.evidence import Verdict
from serinus.core.needs import Question, TrialKey
from serinus.core.observed import Measured
from serinus.shell.cache import Cache
from serinus.shell.kube import Kube
from serinus.shell.measure import Measurer
from serinus.shell.reconcile import Reconciler
from serinus.shell.scheduler import Key, Scheduler
from serinus.shell.tick import Memory
from tests.shell.test_measure import question


class Told(Measurer):
    """Answers with the verdicts that it was told, by the name of the rollout."""

    def __init__(self, verdicts: dict[str, Verdict]) -> None:
        self._verdicts = verdicts

    async def measure(self, questions: Sequence[Question], now: float) -> dict[TrialKey, Measured]:  # noqa: ARG002
        return {one.key: Measured(verdict=self._verdicts[one.name]) for one in questions}


class InOrder(Reconciler):
    """Writes down whose tick began."""

    began: list[str]

    async def _tick(self, key: Key) -> None:
        self.began.append(key.name)


async def test_rollouts_whose_candidate_failed_are_ticked_before_the_others() -> None:
    verdicts = {"a": Verdict.PASS, "b": Verdict.FAIL, "c": Verdict.NOT_ENOUGH, "d": Verdict.FAIL}
    kube = Kube.__new__(Kube)  # nothing is read or written here
    reconciler = InOrder(kube=kube, cache=Cache(), scheduler=Scheduler(), measurer=Told(verdicts))
    reconciler.began = []
    questions = {Key("models", name): question(name) for name in verdicts}
    reconciler._memory.update((key, Memory()) for key in questions)
    await reconciler._look(questions, 1_700_000_115.0)
    assert reconciler.began == ["b", "d", "a", "c"]
