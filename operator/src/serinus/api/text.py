"""Strings with a shape: names of objects, metrics, labels. A wrong one is answered in words, not with a pattern."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


@dataclass(frozen=True, slots=True)
class Text:
    """Marks a `str` field whose whole text matches a pattern: `Annotated[str, Text(PATTERN, MESSAGE, 253)]`."""

    pattern: str
    """Understood alike by Python's `re` and by RE2; the whole string must match."""
    message: str
    """What to write instead."""
    most: int
    """Most characters."""

    def parse(self, value: object) -> str:
        """The text itself, if it has the shape."""
        if not isinstance(value, str) or len(value) > self.most or not re.fullmatch(self.pattern, value):
            raise PydanticCustomError("typed", "{message}", {"message": self.message})
        return value

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        matches = f"self.matches('^{self.pattern}$')".replace("\\", "\\\\")
        return {
            "type": "string",
            "maxLength": self.most,
            "x-kubernetes-validations": [{"rule": matches, "message": self.message}],
        }


LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"

ObjectName = Annotated[
    str,
    Text(SUBDOMAIN, "write the name of an object: lower-case letters, digits, '-' and '.', such as chat", 253),
]
