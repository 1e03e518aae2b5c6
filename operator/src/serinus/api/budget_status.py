"""`status.budget`: what is known of the error budget, in numbers that rarely change by themselves."""

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from serinus.core.budget import Budget, burn_words, long_words, percent, window_words


class Part(BaseModel):
    """A part of the status."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class BudgetStatus(Part):
    """The error budget of the service, all revisions together."""

    sli: str = Field(description="The SLI that it is counted on.")
    objective: str = Field(description="Share of requests that must succeed over the window.")
    window: str = Field(description="The window of the objective.")
    remaining: str = Field(default="", description="What is left of the budget; below 0%: overspent.")
    burn: str = Field(default="", description="How many times too fast it burns: the fastest pair of windows.")
    over: str = Field(default="", description="The pair of windows that burns fastest, such as 1h/5m.")
    caused: str = Field(default="", description="Share of the burn that the candidate causes, beyond what stable has.")
    spent_at: str = Field(default="", description="When nothing will be left at this pace.")
    back_at: str = Field(default="", description="When some of a spent budget is expected back at this pace.")
    history: str = Field(default="", description="How much of the window is known, where that is not all of it.")


def budget_status(known: Budget | None, at: Callable[[float], str]) -> BudgetStatus | None:
    """The budget as people read it; `at` writes a time so many seconds from now. None where nothing was read yet."""
    if known is None:
        return None
    asked, pace, remaining, spent_in, back_in = known.asked, known.pace, known.remaining, known.spent_in, known.back_in
    return BudgetStatus(
        sli=asked.sli,
        objective=percent(asked.objective),
        window=window_words(asked.window),
        remaining="" if remaining is None else percent(round(remaining, 2)),
        burn="" if pace is None else burn_words(pace.burn),
        over="" if pace is None else f"{window_words(pace.pair.long)}/{window_words(pace.pair.short)}",
        caused="" if known.caused is None else percent(round(known.caused, 2)),
        spent_at="" if spent_in is None else at(spent_in),
        back_at="" if back_in is None else at(back_in),
        history="" if known.covered >= asked.window else long_words(known.covered),
    )
