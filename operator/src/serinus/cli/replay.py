"""A rollout judged again from the Prometheus that the operator judged it by."""

from collections.abc import AsyncGenerator, Mapping
from math import isclose
from typing import Any

from serinus.backtest import Session
from serinus.backtest.past import Scraped
from serinus.backtest.raw import Asked
from serinus.cli.files import Unreadable
from serinus.cli.prometheus import Asked as Range
from serinus.core.evidence import ProviderState, Verdict
from serinus.core.model import Spec
from serinus.shell import recorded, replay
from serinus.shell.measure import Asks
from serinus.shell.recorded import CannotReplay, Looked, Recorded


async def replayed(
    asked: Range, rollout: Mapping[str, Any], spec: Spec, *, attempt: int | None, ci: bool
) -> AsyncGenerator[dict[str, Any], None]:
    """As `answers`, of the Prometheus that the options name. Raises `Unreadable` and `InputError`."""
    async with asked.connect() as connection:
        try:
            told = await recorded.find(connection, spec, asked.start, asked.end, attempt)
            async for answer in answers(connection, rollout, spec, told, ci=ci):
                yield answer
        except CannotReplay as error:
            raise Unreadable(str(error)) from error


async def answers(
    connection: Asks, rollout: Mapping[str, Any], spec: Spec, told: Recorded, *, ci: bool = False
) -> AsyncGenerator[dict[str, Any], None]:
    """An answer for each look of the operator, with what it said itself. Raises `CannotReplay`."""
    question = replay.question_of(spec, told)
    session = Session(rollout, Scraped(series=await replay.past_of(connection, question)), ci=ci)
    async for look, series in replay.looks(connection, question, told):
        shifts = told.shifts_at(look)
        answer = session.read(
            Asked(
                at=look.at,
                shifts=shifts,
                pods=look.pods,
                series=series,
                drift_since=look.drift_since,
                provider=ProviderState.DOWN if look.verdict is Verdict.PROVIDER_DOWN else ProviderState.OK,
            )
        )
        yield {**answer, "weight": shifts[-1].weight, "operator": look.verdict, "same": _same(answer, look)}


async def stable(asked: Range, spec: Spec, deployment: str) -> Scraped:
    """The past of a Deployment's pods. Raises `Unreadable`."""
    try:
        async with asked.connect() as connection:
            series = await replay.stable_of(connection, spec, deployment, asked.start, asked.end)
    except CannotReplay as error:
        raise Unreadable(str(error)) from error
    if not series:
        measured = ", ".join(one.name for one in spec.slis)
        raise Unreadable(
            f"Prometheus has nothing of {measured} for pods of {spec.namespace}/{deployment} in this range: compare "
            "the range, --deployment, and the metric's name and matchers."
        )
    return Scraped(series=series)


def _same(answer: Mapping[str, Any], look: Looked) -> bool | None:
    """Whether the operator said the same then, with the same evidence; None where no scrape has caught it."""
    if look.verdict is None:
        return None
    harm = {name: one["e_harm"] for name, one in answer["slis"].items()}
    return (
        answer["verdict"] == look.verdict
        and harm.keys() == look.harm.keys()
        and all(isclose(harm[name], look.harm[name], rel_tol=1e-9) for name in harm)
    )


class Summary:
    """How far a replay agrees with what the operator said."""

    def __init__(self) -> None:
        self._looks = self._known = self._same = 0
        self._differs: float | None = None

    def add(self, answer: Mapping[str, Any]) -> None:
        """Count an answer."""
        self._looks += 1
        self._known += answer["same"] is not None
        self._same += answer["same"] is True
        if answer["same"] is False and self._differs is None:
            self._differs = answer["t"]

    def sentence(self) -> str:
        """All of it in words."""
        said = f"{self._looks} looks; the operator's own answer is known of {self._known}, and the same in {self._same}"
        return f"{said}." if self._differs is None else f"{said}: the first that differs is at t = {self._differs:.3f}."
