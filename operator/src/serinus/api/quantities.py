"""Durations and percentages as people write them: `10m`, `1h30m`, `2500ms`; `1%`, `99.9%`.

In the resource they are strings with a unit, because a bare number does not say whether it means seconds or
milliseconds, a share or percent. Parsed, a duration is seconds and a percentage is a fraction.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

DURATION = r"^([0-9]{1,7}(\.[0-9]{1,3})?(h|m|s|ms))+$"
PERCENTAGE = r"^[0-9]{1,3}(\.[0-9]{1,6})?%$"

_PART = re.compile(r"([0-9.]+)(ms|h|m|s)")
_SECONDS = {"h": Decimal(3600), "m": Decimal(60), "s": Decimal(1), "ms": Decimal("0.001")}


def seconds(text: str) -> float:
    """Seconds of a duration that matches `DURATION`, such as 5400.0 for `1h30m`.

    >>> seconds("1h30m"), seconds("2500ms"), seconds("1.5s")
    (5400.0, 2.5, 1.5)
    """
    return float(sum(Decimal(number) * _SECONDS[unit] for number, unit in _PART.findall(text)))


def fraction(text: str) -> float:
    """Fraction of a percentage that matches `PERCENTAGE`, such as 0.999 for `99.9%`.

    >>> fraction("99.9%"), fraction("1%")
    (0.999, 0.01)
    """
    return float(Decimal(text.removesuffix("%")) / 100)


def cel_is_duration(expression: str) -> str:
    """CEL that says whether a string is a duration."""
    return f"{expression}.matches('{DURATION}')".replace("\\", "\\\\")


@dataclass(frozen=True, slots=True)
class Duration:
    """Marks a `float` field as a duration between two included bounds: `Annotated[float, Duration("0s", "24h")]`."""

    least: str
    most: str
    whole_seconds: bool = False

    @property
    def format_message(self) -> str:
        """What to write, for a value that is no duration at all."""
        return "write a duration with units h, m, s or ms and no sign, such as 90s, 10m, 1h30m or 2500ms"

    @property
    def range_message(self) -> str:
        """What to write, for a duration out of bounds."""
        whole = ", in whole seconds" if self.whole_seconds else ""
        return f"write a duration from {self.least} to {self.most}{whole}"

    def parse(self, value: object) -> float:
        """Seconds of what was typed."""
        if not isinstance(value, str) or not re.fullmatch(DURATION, value) or len(value) > 20:
            raise PydanticCustomError("typed", "{message}", {"message": self.format_message})
        parsed = seconds(value)
        if not seconds(self.least) <= parsed <= seconds(self.most) or (self.whole_seconds and parsed % 1):
            raise PydanticCustomError("typed", "{message}", {"message": self.range_message})
        return parsed

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        bounds = f"duration(self) >= duration('{self.least}') && duration(self) <= duration('{self.most}')"
        whole = " && duration(self).getMilliseconds() % 1000 == 0" if self.whole_seconds else ""
        matches = cel_is_duration("self")
        return {
            "type": "string",
            "maxLength": 20,
            "x-kubernetes-validations": [
                {"rule": matches, "message": self.format_message},
                {"rule": f"!{matches} || ({bounds}{whole})", "message": self.range_message},
            ],
        }


@dataclass(frozen=True, slots=True)
class Percentage:
    """Marks a `float` field as a percentage, `least` excluded and `most` included or not."""

    example: str
    most: str
    includes_most: bool = True

    @property
    def format_message(self) -> str:
        """What to write, for a value that is no percentage at all."""
        return f"write a percentage with its sign, such as {self.example}"

    @property
    def range_message(self) -> str:
        """What to write, for a percentage out of bounds."""
        return f"write a percentage above 0% and {'at most' if self.includes_most else 'below'} {self.most}"

    def parse(self, value: object) -> float:
        """Fraction of what was typed."""
        if not isinstance(value, str) or not re.fullmatch(PERCENTAGE, value):
            raise PydanticCustomError("typed", "{message}", {"message": self.format_message})
        parsed, most = fraction(value), fraction(self.most)
        if not 0 < parsed <= most or (parsed == most and not self.includes_most):
            raise PydanticCustomError("typed", "{message}", {"message": self.range_message})
        return parsed

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        number = "double(self.replace('%', ''))"
        below = "<=" if self.includes_most else "<"
        bounds = f"{number} > 0.0 && {number} {below} {float(self.most.removesuffix('%'))}"
        matches = f"self.matches('{PERCENTAGE}')".replace("\\", "\\\\")
        return {
            "type": "string",
            "maxLength": 12,
            "x-kubernetes-validations": [
                {"rule": matches, "message": self.format_message},
                {"rule": f"!{matches} || ({bounds})", "message": self.range_message},
            ],
        }
