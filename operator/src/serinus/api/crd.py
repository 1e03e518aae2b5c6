"""Writes the CustomResourceDefinition from the pydantic models: `python -m serinus.api.crd` prints the YAML.

`make crd` keeps `crds/` up to date, and a test compares.
"""

import sys
from typing import Any

import yaml

from serinus.api.status import Status
from serinus.api.structural import Schema, structural
from serinus.api.v1alpha1 import GROUP, KIND, VERSION, ModelRollout, Spec

PLURAL = "modelrollouts"
FILE = f"{PLURAL}.{GROUP}.yaml"

COLUMNS: tuple[dict[str, Any], ...] = (
    {"name": "Phase", "type": "string", "jsonPath": ".status.phase", "description": "What the rollout is doing."},
    {
        "name": "Step",
        "type": "string",
        "jsonPath": ".status.step",
        "description": "The step that the candidate is at, of how many.",
    },
    {
        "name": "Weight",
        "type": "integer",
        "jsonPath": ".status.weights.wanted",
        "description": "The candidate's share of requests in percent.",
    },
    {
        "name": "Verdict",
        "type": "string",
        "jsonPath": ".status.verdict",
        "description": "What the evidence says: Pass, Fail, NotEnough, NoData or ProviderDown.",
    },
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {
        "name": "Budget",
        "type": "string",
        "jsonPath": ".status.budget.remaining",
        "priority": 1,
        "description": "What is left of the service's error budget.",
    },
    {
        "name": "Message",
        "type": "string",
        "jsonPath": ".status.message",
        "priority": 1,
        "description": "What happened, on which numbers, and what happens next.",
    },
)


def status_schema() -> Schema:
    """Schema of `status`. Nothing in it is required, but for the keys of conditions.

    A status that an older Serinus wrote lacks what a newer one adds; were it invalid, nobody could change the spec.
    """
    schema = _nothing_required(structural(Status))
    conditions = schema["properties"]["conditions"]
    conditions |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    conditions["items"]["required"] = ["type"]
    return {**schema, "description": "What Serinus did, why, and what it waits for."}


def _nothing_required(schema: Schema) -> Schema:
    lax = {key: value for key, value in schema.items() if key != "required"}
    if "properties" in lax:
        lax["properties"] = {name: _nothing_required(child) for name, child in lax["properties"].items()}
    if "items" in lax:
        lax["items"] = _nothing_required(lax["items"])
    return lax


def crd() -> dict[str, Any]:
    """The CustomResourceDefinition as a manifest."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": ["mro"],
                "categories": ["all"],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": list(COLUMNS),
                    "schema": {"openAPIV3Schema": _root()},
                }
            ],
        },
    }


def _root() -> Schema:
    spec = {**structural(Spec), "description": "What the rollout wants."}
    return {
        "type": "object",
        "description": (ModelRollout.__doc__ or "").strip(),
        "required": ["spec"],
        "x-kubernetes-validations": [rule.validation() for rule in ModelRollout.rules],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status_schema(),
        },
    }


class _Writer(yaml.SafeDumper):
    """Long texts as blocks, and no anchors: a CRD is read by people too."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class names it
        return True


def _text(writer: _Writer, text: str) -> yaml.ScalarNode:
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Writer.add_representer(str, _text)


def text() -> str:
    """The CustomResourceDefinition as YAML."""
    head = "# Written by `make crd` from the models in operator/src/serinus/api; change those.\n"
    return head + yaml.dump(crd(), Dumper=_Writer, sort_keys=False, width=110, allow_unicode=True)


if __name__ == "__main__":
    sys.stdout.write(text())
