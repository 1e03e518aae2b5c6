"""SLIs by name, one file per model server or gateway.

A file here exports exactly one constant, a `Family`, and is found by being here: nothing else lists it. The metric
names are those of the release that the family names.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from serinus.plugin import Family, PluginError, Preset, UnknownPlugin


def _families() -> dict[str, Family]:
    found: dict[str, Family] = {}
    for entry in pkgutil.iter_modules(__path__, __name__ + "."):
        module = importlib.import_module(entry.name)
        own = [value for key, value in vars(module).items() if key.isupper() and isinstance(value, Family)]
        if len(own) != 1:
            raise PluginError(
                f"{entry.name} exports {len(own)} families of presets: a preset file exports exactly one."
            )
        if own[0].name in found:
            raise PluginError(f"{entry.name} has the name {own[0].name!r}, which another file has already.")
        found[own[0].name] = own[0]
    return found


def _presets(families: Mapping[str, Family]) -> dict[str, Preset]:
    found: dict[str, Preset] = {}
    for family in families.values():
        for one in family.presets:
            if not one.name.startswith(family.name + "/") or one.name in found:
                raise PluginError(f"The preset {one.name!r} must be named {family.name}/NAME, and only once.")
            found[one.name] = one
    return dict(sorted(found.items()))


FAMILIES: Mapping[str, Family] = MappingProxyType(_families())
"""The families by name, in the order of their names."""

PRESETS: Mapping[str, Preset] = MappingProxyType(_presets(FAMILIES))
"""Every preset by its full name, `FAMILY/NAME`."""


def preset(name: str) -> Preset:
    """The preset of that name. Raises `UnknownPlugin`, whose message lists those that exist."""
    if name not in PRESETS:
        raise UnknownPlugin("preset", name, list(PRESETS))
    return PRESETS[name]
