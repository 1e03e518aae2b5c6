"""Renders the chart with Helm's own engine, without a cluster and without a helm program."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import yaml

CHART = Path(__file__).parents[2] / "charts" / "serinus"
RELEASE, NAMESPACE = "serinus", "serinus-system"

Manifest = dict[str, Any]
Values = dict[str, Any]


class Refused(Exception):
    """Helm would not render these values; the message is what a person sees."""


@cache
def _chart() -> helm_python.Chart:
    return helm_python.Chart.load(CHART)


def texts(values: Values | None = None, namespace: str = NAMESPACE) -> dict[str, str]:
    """Rendered text by the template's path below `templates/`. Raises `Refused`."""
    try:
        rendered = _chart().render(values or {}, name=RELEASE, namespace=namespace)
    except helm_python.HelmError as error:
        raise Refused(str(error)) from error
    return {path.split("/templates/", 1)[1]: text for path, text in sorted(rendered.items()) if text.strip()}


def manifests(values: Values | None = None, namespace: str = NAMESPACE) -> list[Manifest]:
    """All objects that an installation creates; not to be changed. Raises `Refused`."""
    return _manifests(json.dumps(values or {}, sort_keys=True), namespace)


@cache
def _manifests(values: str, namespace: str) -> list[Manifest]:
    files = {path: text for path, text in texts(json.loads(values), namespace).items() if path != "NOTES.txt"}
    return [one for text in files.values() for one in yaml.load_all(text, yaml.CSafeLoader) if one]


def of_kind(kind: str, values: Values | None = None) -> list[Manifest]:
    """The rendered objects of one kind."""
    return [one for one in manifests(values) if one["kind"] == kind]


def only(kind: str, values: Values | None = None) -> Manifest:
    """The one rendered object of a kind."""
    found = of_kind(kind, values)
    assert len(found) == 1, f"{len(found)} objects of kind {kind}"
    return found[0]
