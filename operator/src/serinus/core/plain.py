"""Frozen dataclasses to plain JSON values and back, exactly.

    plain = to_plain(state)                 # dicts, lists, strings, numbers, None
    state == from_plain(EvidenceState, json.loads(json.dumps(plain)))

Numbers survive exactly; infinities, which JSON lacks, become the strings "inf" and "-inf". Fields that hold their
default are left out, derived ones (`init=False`) too; a mapping whose keys are tuples becomes a list of pairs. Types
are read from annotations: dataclasses, enums, tuples, mappings, unions of those with None.
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from math import isinf
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """Return `value` as plain JSON values. Raises TypeError for what is neither a dataclass nor plain.

    >>> from serinus.core.evidence import Ratio
    >>> to_plain(Ratio(total=3.0, bad=float("inf")))
    {'total': 3.0, 'bad': 'inf'}
    """
    if is_dataclass(value) and not isinstance(value, type):
        told = {one.name: getattr(value, one.name) for one in fields(value) if one.init}
        return {
            one.name: to_plain(told[one.name]) for one in fields(value) if one.init and told[one.name] != one.default
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        if any(isinstance(key, tuple) for key in value):
            return [[to_plain(key), to_plain(item)] for key, item in value.items()]
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    if isinstance(value, float) and isinf(value):
        return "inf" if value > 0 else "-inf"
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"cannot write a {type(value).__name__} as JSON")


def from_plain(kind: type[T], data: Any) -> T:
    """Return the value of type `kind` that `to_plain` wrote.

    Raises TypeError, KeyError or ValueError where `data` is not of that type: an older version's, for example.
    """
    return cast(T, _read(kind, data))


def _read(kind: Any, data: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        if data is None and NoneType in get_args(kind):
            return None
        return _read_one_of([part for part in get_args(kind) if part is not NoneType], data)
    if origin is tuple:
        inner = get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_read(inner[0], item) for item in data)
        return tuple(_read(part, item) for part, item in zip(inner, data, strict=True))
    if origin is not None:
        key_kind, item_kind = get_args(kind)
        pairs = data.items() if isinstance(data, Mapping) else data
        return {_read(key_kind, key): _read(item_kind, item) for key, item in pairs}
    if is_dataclass(kind):
        return _read_fields(cast(Any, kind), data)
    if issubclass(kind, Enum):
        return kind(data)
    if kind is float and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind):
        raise TypeError(f"{data!r} is not a {kind.__name__}")
    return data


def _read_one_of(kinds: list[Any], data: Any) -> Any:
    """Read as the first kind that fits; kinds of one union must differ in what they require."""
    for kind in kinds[:-1]:
        try:
            return _read(kind, data)
        except (TypeError, KeyError, ValueError):
            continue
    return _read(kinds[-1], data)


def _read_fields(kind: Any, data: Any) -> Any:
    hints = _hints(kind)
    given = {name: _read(hints[name], item) for name, item in data.items()}
    missing = [one.name for one in fields(kind) if one.name not in given and _required(one)]
    if missing:
        raise KeyError(f"{kind.__name__} lacks {', '.join(missing)}")
    return kind(**given)


def _required(one: Any) -> bool:
    return one.init and one.default is MISSING and one.default_factory is MISSING


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
