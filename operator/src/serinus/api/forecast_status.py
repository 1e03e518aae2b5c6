"""`status.forecast`: what was said before a step of how long it takes."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from serinus.core.model import Forecast


class ForecastStatus(BaseModel):
    """How long the present step, or the one that is prepared, takes if the candidate is as good as stable."""

    model_config = ConfigDict(extra="forbid")

    attempt: int = Field(description="The attempt that it was said of.")
    step: int = Field(description="The step that it was said of, from 1.")
    seconds: float | None = Field(
        default=None, description="This step, its hold included; absent where no end can be told."
    )
    rollout: float | None = Field(default=None, description="Seconds of this step and all that follow.")
    soonest: float | None = Field(
        default=None,
        description="The same where stable's noise is assumed, and turns out small once it is measured on the way.",
    )
    sli: str = Field(description="The SLI that takes longest at this step.")
    reason: str = Field(
        description="WithinMaxHold, MaxHoldTooShort, PodsDiffer or NoTraffic: whether the step can conclude."
    )
    message: str = Field(
        description="The same as a sentence. It is said once for each step, and not brought up to date."
    )


def told(forecast: Forecast | None) -> ForecastStatus | None:
    """What status says of it."""
    if forecast is None:
        return None
    known = asdict(forecast)
    return ForecastStatus(message=known.pop("sentence")[:1024], **known)


def read(status: Mapping[str, Any]) -> Forecast | None:
    """What a status says; raises `ValidationError` for what this build did not write."""
    if not (said := status.get("forecast")):
        return None
    known = ForecastStatus.model_validate(said).model_dump()
    return Forecast(sentence=known.pop("message"), **known)
