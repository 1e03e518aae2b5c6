"""`spec.steps`: how much traffic the candidate gets, and for how long at least."""

from typing import Annotated

from pydantic import Field

from serinus.api.quantities import Duration
from serinus.api.typed import Typed


class Step(Typed):
    """One planned stage: a weight, and what must hold before the next one."""

    weight: int = Field(
        ge=1,
        le=99,
        description=(
            "The candidate's share of requests in whole percent. Weights rise from step to step; 100 is implied "
            "after the last one. The candidate gets as many pods as this share needs.\n"
            "Example: `25`."
        ),
    )
    hold: Annotated[float, Duration("0s", "168h")] = Field(
        default=600.0,
        description=(
            "Least time at this weight for which there is evidence; outages of the metrics do not count. A step "
            "takes longer where the evidence does.\n"
            "Example: `15m`. Default: `10m`."
        ),
    )
    min_requests: int = Field(
        default=0,
        ge=0,
        le=1_000_000_000,
        description=("Requests that the candidate must have answered at this weight.\nExample: `500`. Default: `0`."),
    )
    pause: bool = Field(
        default=False,
        description=(
            "Wait at the end of this step for a person: `kubectl annotate mro NAME "
            "serinus.dev/intent=promote@TOKEN`.\n"
            "Example: `true`. Default: `false`."
        ),
    )


DEFAULT_STEPS = tuple(Step(weight=weight) for weight in (5, 25, 50))
