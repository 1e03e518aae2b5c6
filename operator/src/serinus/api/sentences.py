"""What is wrong with a manifest, in sentences that say where it is wrong and what to write instead."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

Location = tuple[int | str, ...]

_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a text (in quotes where YAML would read a number or a truth value)",
    "dict_type": "a mapping of fields",
    "model_type": "a mapping of fields",
    "model_attributes_type": "a mapping of fields",
    "tuple_type": "a list",
}


def path(location: Location) -> str:
    """A place in the manifest, as kubectl writes it.

    >>> path(("spec", "steps", 0, "weight"))
    'spec.steps[0].weight'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, or None.

    >>> closest("wieght", ["weight", "hold"])
    'weight'
    """
    names = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return names[found[0]] if found else None


def unknown_field(location: Location, known: Iterable[str]) -> str:
    """The sentence for a field that does not exist at this place."""
    names = sorted(known)
    meant = closest(str(location[-1]), names)
    instead = f"did you mean {meant}?" if meant else f"the fields here are {', '.join(names)}."
    return f"{path(location)} is no field of a ModelRollout: {instead}"


def fields(model: type[BaseModel]) -> dict[str, Any]:
    """The fields of a model by the names that people type."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def inner_model(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as `Step`, `Step | None` or `tuple[Step, ...]`; None where there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := inner_model(one))), None)


def model_at(root: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """The model whose fields are typed at this place; None inside a plain mapping or a value."""
    model: type[BaseModel] | None = root
    for part in location:
        if isinstance(part, int):
            continue
        if model is None or part not in fields(model):
            return None
        model = inner_model(fields(model)[part].annotation)
    return model


def of_errors(root: type[BaseModel], errors: Iterable[ErrorDetails]) -> tuple[str, ...]:
    """pydantic's errors in people's words, one sentence each, in the order of the manifest."""
    found = list(errors)
    return tuple(sentence for error in found if not _follows(error, found) for sentence in _sentences(root, error))


def _follows(error: ErrorDetails, others: Iterable[ErrorDetails]) -> bool:
    """True for a list that is only "too short" because its entries are wrong, which is said of the entries."""
    at = error["loc"]
    return error["type"] == "too_short" and any(other["loc"][: len(at)] == at != other["loc"] for other in others)


def _sentences(root: type[BaseModel], error: ErrorDetails) -> list[str]:
    location, kind = error["loc"], error["type"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "rules":
        places = [(path(location + ((field,) if field else ())), words) for field, words in context["broken"]]
        return [f"{place}: {words}." if place else f"{words[0].upper()}{words[1:]}." for place, words in places]
    if kind == "extra_forbidden":
        parent = model_at(root, location[:-1])
        return [unknown_field(location, fields(parent) if parent else ())]
    if kind == "missing":
        return [f"{path(location)} is missing: write {location[-1]}: {_example(root, location)}."]
    return [f"{path(location)} is {_shown(error['input'])}: {_instead(root, location, kind, context)}."]


def _instead(root: type[BaseModel], location: Location, kind: str, context: Mapping[str, Any]) -> str:
    if kind == "typed":
        return str(context["message"])
    if kind == "literal_error":
        allowed = context["expected"].replace("'", "").replace(" or ", ", ")
        return f"write one of {allowed}" if ", " in allowed else f"write {allowed}"
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = f"at least {context['ge']}" if kind == "greater_than_equal" else f"at most {context['le']}"
        return f"write {bound}, such as {_example(root, location)}"
    if kind == "string_too_long":
        return f"write at most {context['max_length']} characters"
    if kind in ("too_short", "too_long"):
        bound = "at least one" if kind == "too_short" else f"at most {context['max_length']} entries"
        return f"write {bound}, such as {_example(root, location)}"
    wanted = _KINDS.get(kind, "something else")
    return f"write {wanted}, such as {_example(root, location)}"


def _example(root: type[BaseModel], location: Location) -> str:
    """The example that the description of the field at this place gives."""
    names = [part for part in location if isinstance(part, str)]
    parent = model_at(root, tuple(names[:-1]))
    if parent is None or not names or names[-1] not in fields(parent):
        return "what `kubectl explain mro.spec --recursive` says"
    found = re.search(r"Example: `(.*?)`", fields(parent)[names[-1]].description or "")
    return found.group(1) if found else f"what `kubectl explain mro.{'.'.join(names)}` says"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
