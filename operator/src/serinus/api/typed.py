"""The base of everything that users type, and rules that hold in the API server and in the operator alike.

A `Rule` says one thing three times: in CEL for the API server (which refuses the manifest at once), in Python for the
operator (which reads what an older CRD let pass), and in words for the person. `crd.py` writes the first and the last
into the CustomResourceDefinition; `Typed` runs the second. A test checks that both refuse the same manifests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Something that no single field can say, such as "exactly one of these two"."""

    cel: str
    """True when the rule holds; `self` is the object that the rule stands on."""
    message: str
    """What is wrong and what to write instead."""
    holds: Callable[[Any], bool]
    """The same as `cel`, on the parsed model."""
    field: str = ""
    """Name of the field (as typed) that the message speaks of; empty: the whole object."""

    def validation(self) -> dict[str, str]:
        """The rule as one entry of `x-kubernetes-validations`."""
        entry = {"rule": self.cel, "message": self.message}
        return entry | {"fieldPath": f".{self.field}"} if self.field else entry


class Typed(BaseModel):
    """A part of the resource, exactly as typed: camelCase, immutable, and no field that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)

    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _obeys_its_rules(self) -> Self:
        broken = tuple((rule.field, rule.message) for rule in self.rules if not rule.holds(self))
        if broken:
            raise PydanticCustomError("rules", "breaks a rule of the resource", {"broken": broken})
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler.resolve_ref_schema(handler(core_schema))
        if cls.rules:
            schema["x-kubernetes-validations"] = [rule.validation() for rule in cls.rules]
        return schema


def count(*present: object) -> int:
    """How many of these are given (not None)."""
    return sum(one is not None for one in present)
