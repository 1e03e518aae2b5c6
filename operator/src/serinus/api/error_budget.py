"""`spec.errorBudget`: what the service may fail over a long window, and what a rollout does when that is spent."""

import re
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from serinus.api.quantities import Percentage
from serinus.api.slis import SliName
from serinus.api.typed import Typed
from serinus.core.budget import DAY, HOUR

WINDOW = "^[0-9]{1,4}(d|h)$"
LEAST, MOST = "1h", "90d"


def window_seconds(text: str) -> float:
    """Seconds of a window that matches `WINDOW`.

    >>> window_seconds("30d"), window_seconds("36h")
    (2592000.0, 129600.0)
    """
    return int(text[:-1]) * {"d": DAY, "h": HOUR}[text[-1]]


class Window:
    """Marks a `float` field as the window of an SLO, in whole hours or days."""

    format_message = "write a window in whole days or hours, such as 30d, 7d or 36h"
    range_message = f"write a window from {LEAST} to {MOST}"

    def parse(self, value: object) -> float:
        """Seconds of what was typed."""
        if not isinstance(value, str) or not re.fullmatch(WINDOW, value):
            raise PydanticCustomError("typed", "{message}", {"message": self.format_message})
        parsed = window_seconds(value)
        if not window_seconds(LEAST) <= parsed <= window_seconds(MOST):
            raise PydanticCustomError("typed", "{message}", {"message": self.range_message})
        return parsed

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        matches = f"self.matches('{WINDOW}')"
        number = "int(self.replace('d', '').replace('h', ''))"
        hours = f"{number} * (self.endsWith('d') ? 24 : 1)"
        most = window_seconds(MOST) / HOUR
        return {
            "type": "string",
            "maxLength": 5,
            "x-kubernetes-validations": [
                {"rule": matches, "message": self.format_message},
                {"rule": f"!{matches} || ({hours} >= 1 && {hours} <= {most:.0f})", "message": self.range_message},
            ],
        }


class ErrorBudget(Typed):
    """What the service may fail, both revisions together."""

    sli: SliName | None = Field(
        default=None,
        description=(
            "Name of the SLI in `slis` whose requests are counted: of all pods of this rollout, stable's, the "
            "candidate's and those that are gone.\n"
            "Example: `vllm/success-rate`. Required where there are several SLIs."
        ),
    )
    objective: Annotated[float, Percentage("99.9%", "100%", includes_most=False)] | None = Field(
        default=None,
        description=(
            "Share of requests that must succeed over the window; for a latency, those within the latency that its "
            "objective says. What is left to 100% is the budget.\n"
            "Example: `99.9%`. Required where the SLI has no objective of its own, which is the default."
        ),
    )
    window: Annotated[float, Window()] = Field(
        default=30 * DAY,
        description=(
            "The window of the objective, rolling, in whole days or hours. Prometheus must keep its samples as long; "
            "where it has less, what there is counts.\n"
            "Example: `28d`. Default: `30d`."
        ),
    )
    burn: float = Field(
        default=2.0,
        ge=1,
        le=100,
        description=(
            "How many times too fast the budget may burn during a rollout; at 1 it lasts exactly the window. Above "
            "this, over a long and a short window (1h and 5m, 6h and 30m, 1d and 2h, 3d and 6h), nothing starts and "
            "no weight is raised. A candidate that surely burns faster by itself, and does worse than stable, fails.\n"
            "Example: `6`. Default: `2`."
        ),
    )
